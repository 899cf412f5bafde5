"""`project`: the projects of a site are listed, shown with what they do to an upload, and made."""

from pathlib import Path

import pytest

from cli.program import Ended, OnTerminal, call
from cli.waiting import make_project
from support import Practice
from xnat_wizard.practice.store import Store

pytestmark = pytest.mark.usefixtures("account")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the site be known, and no login of this machine be found."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XNAT_HOST", practice.url)


def project(*arguments: str) -> Ended:
    return call("project", *arguments)


def projects(practice: Practice) -> list[str]:
    return practice.on_loop(lambda store: sorted(store.state.projects))


def as_user(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("XNAT_USER", name)
    monkeypatch.setenv("XNAT_PASS", name)


def test_projects_are_listed_with_role_and_access(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(practice, "HIPPO")
    ended = project("list")
    assert ended.code == 0, ended.talk
    assert [line.split()[:3] for line in ended.data.splitlines()] == [
        ["DEMO", "owner", "private"],
        ["HIPPO", "owner", "private"],
    ]
    assert [one["id"] for one in project("list", "--search", "hip", "--json").objects()] == ["HIPPO"]
    assert project("list", "--search", "nothing").data == ""
    as_user(monkeypatch, "admin")
    assert len(project("list", "--json").objects()) == 2
    assert project("list", "--mine").data == ""


def test_a_project_is_shown_with_what_it_does_to_an_upload(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    practice.anonymize()
    practice.on_loop(lambda store: setattr(store.state.projects["DEMO"], "prearchive_code", 4))
    shown = project("show", "DEMO")
    assert shown.code == 0, shown.talk
    assert "You are owner here" in shown.data
    assert "Archive: by itself, when whole; nobody looks before." in shown.data
    assert "Anonymization: on for the site" in shown.data
    assert "(0010,0010)" not in shown.data
    assert "(0010,0010) := subject" in project("show", "DEMO", "--scripts").data
    (facts,) = project("show", "DEMO", "--json").objects()
    assert (facts["role"], facts["settings"]["archives_by_itself"]) == ("owner", True)
    assert [one["code"] for one in project("show", "NONE", "--json").objects()] == ["project.not_found"]
    as_user(monkeypatch, "member")
    assert "You are member here" in project("show", "DEMO").data


def test_a_project_is_made_after_a_yes_and_read_back(practice: Practice) -> None:
    arguments = (
        "create",
        "HIPPO",
        "--title",
        "Hippocampus in ageing",
        "--description",
        "a < b",
        "--access",
        "protected",
    )
    dry = project(*arguments, "--dry-run")
    assert (dry.code, "could be made" in dry.data) == (0, True)
    assert project(*arguments).code == 2
    assert projects(practice) == ["DEMO"]
    terminal = OnTerminal("project", *arguments)
    terminal.until("[y/N]")
    terminal.type("n\r")
    assert terminal.wait() == 0
    assert projects(practice) == ["DEMO"]
    ended = project(*arguments, "--yes", "--json")
    assert ended.code == 0, ended.talk
    (made,) = ended.objects()
    assert (made["id"], made["title"], made["access"], made["role"], made["is_made"]) == (
        "HIPPO", "Hippocampus in ageing", "protected", "owner", True,
    )  # fmt: skip
    assert projects(practice) == ["DEMO", "HIPPO"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a b",), "this ID: Letters A-Z a-z, digits, - and _ only; not: blank"),
        (("demo",), "this ID: `demo` is already the ID"),
        (("demo", "--title", "demo"), "this ID and title: `demo` is already the ID"),
        (("FREE", "--title", "Demo Project"), "this title: `Demo Project` is already"),
        (
            ("a b", "--title", "demo"),
            "this ID and title: ID: Letters A-Z a-z, digits, - and _ only; not: blank; title: `demo`",
        ),
        (("FREE", "--running-title", "x" * 25), "this running title: 25 characters; XNAT takes at most 24"),
        (("FREE", "--title", "Second name"), "this title: `Second name` is already"),
        (("",), "this ID: It is empty"),
    ],
)
def test_what_cannot_be_a_project_is_told_before_it_is_made(
    practice: Practice, arguments: tuple[str, ...], words: str
) -> None:
    practice.on_loop(lambda store: store.state.projects["DEMO"].aliases.append("Second name"))
    ended = project("create", *arguments, "--yes", "--json")
    assert ended.code == 1
    (finding,) = ended.objects()
    assert finding["code"] == "project.bad_draft"
    said = f"{finding['what']}: {finding['why']}"
    assert words in said
    assert said.count("is already") <= 1, "nothing is said twice"
    assert projects(practice) == ["DEMO"]


def test_where_only_administrators_make_projects_it_is_said(practice: Practice) -> None:
    def forbid(store: Store) -> None:
        store.state.preferences["uiAllowNonAdminProjectCreation"] = False

    practice.on_loop(forbid)
    ended = project("create", "HIPPO", "--yes", "--json")
    assert [one["code"] for one in ended.objects()] == ["project.not_allowed"]
    assert projects(practice) == ["DEMO"]


def test_text_of_the_site_cannot_drive_the_terminal(practice: Practice) -> None:
    practice.on_loop(lambda store: setattr(store.state.projects["DEMO"], "description", "a\x1b[2Jb\rc"))
    practice.on_loop(lambda store: setattr(store.state.projects["DEMO"], "name", "x\x1b]0;owned\x07y"))
    for ended in (project("list"), project("show", "DEMO")):
        assert ended.code == 0
        assert not set("\x1b\x07\r") & set(ended.data)
