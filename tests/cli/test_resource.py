"""`resource put`, `get`, `list`: the lab notebook's loop as one command, killed in the middle, and the way back."""

import os
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from cli.program import PROGRAM, OnTerminal, call, until
from support import Practice
from upload.resources import RESULT, contents, write
from xnat_wizard.practice.faults import parse
from xnat_wizard.practice.store import Entry, Store

SUBJECTS = ("p020", "p021", "p022", "p023")
pytestmark = pytest.mark.usefixtures("account")


@pytest.fixture
def results(tmp_path: Path, practice: Practice, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of the results of four subjects; the site's address is in the environment."""
    monkeypatch.setenv("XNAT_HOST", practice.url)
    for number, subject in enumerate(SUBJECTS):
        files = RESULT | {"maps/own.nii": bytes([number]) * 300_000}
        write(tmp_path / "results" / f"erc-wp1-{subject}", files)
    return tmp_path / "results"


def loop(results: Path, *more: str) -> list[str]:
    """Return the lab notebook's loop as a command."""
    place = ["--project", "DEMO", "--session", "{subject}-mri", "--resource", "qBOLD"]
    return ["resource", "put", f"{results}/erc-wp1-{{subject}}", *place, *more]


def stored(practice: Practice, subject: str) -> dict[str, bytes]:
    """Return what lies on the site's disk for a subject."""
    folders = [path for path in (practice.folder / "archive").rglob("qBOLD") if f"{subject}-mri" in path.parts]
    return contents(folders[0]) if folders else {}


def is_all_there(practice: Practice, results: Path) -> bool:
    return all(stored(practice, one) == contents(results / f"erc-wp1-{one}") for one in SUBJECTS)


def begun(home: Path) -> int:
    """Return how many files are noted as on their way."""
    path = home / "state" / "resources.sqlite"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path)) as database:
        try:
            return int(database.execute("SELECT count(*) FROM begun").fetchone()[0])
        except sqlite3.OperationalError:  # it is being made
            return 0


def test_four_subjects_in_one_command(results: Path, practice: Practice) -> None:
    sent = call(*loop(results, "--subjects", "p020..p023", "--create"))
    assert sent.code == 0, sent.talk
    assert is_all_there(practice, results)
    head, *rows = sent.data.splitlines()
    assert head.split() == ["result", "subject", "place", "files", "sent", "there", "left", "failed", "bytes", "proof"]
    assert [row.split()[:2] for row in rows] == [["done", one] for one in SUBJECTS]
    assert all(row.endswith("MD5") for row in rows)
    assert "DEMO / p020 / p020-mri / qBOLD: done, 7 sent, 0 there already" in sent.talk
    assert "\x1b" not in sent.talk + sent.data
    again = call(*loop(results))
    assert (again.code, [row.split()[8:10] for row in again.data.splitlines()[1:]]) == (0, [["0", "7"]] * 4)


def test_killed_in_the_middle_it_goes_on_with_what_is_missing(
    results: Path, practice: Practice, own_home: Path
) -> None:
    practice.server.faults.add(parse("bandwidth:rate=20000,only=files,nth=2"))  # the first arrives, the others crawl
    with subprocess.Popen(
        [PROGRAM, *loop(results, "--create")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as first:
        until(lambda: any(stored(practice, one) for one in SUBJECTS) and begun(own_home) > 0)
        first.kill()
    assert first.returncode == -signal.SIGKILL
    practice.server.faults.clear()
    there = [one for one in SUBJECTS if stored(practice, one)]
    assert there
    assert not is_all_there(practice, results)
    second = call(*loop(results, "--create", "--json"))
    assert second.code == 0, second.talk
    assert is_all_there(practice, results)
    targets = {one["subject_name"]: one for one in second.objects() if one["type"] == "target"}
    for one in SUBJECTS:
        assert targets[one]["moved"] + targets[one]["there"] == 7
        assert (targets[one]["there"] > 0) == (one in there)
    assert begun(own_home) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_to_end_says_how_to_go_on(
    results: Path, practice: Practice, own_home: Path, number: signal.Signals
) -> None:
    practice.server.faults.add(parse("bandwidth:rate=300000,only=files"))
    with subprocess.Popen(
        [PROGRAM, *loop(results, "--create")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as first:
        until(lambda: begun(own_home) > 0)
        first.send_signal(number)
        _, talk = first.communicate(timeout=60)
    assert first.returncode == 130
    assert b"Stopped" in talk
    assert b"Traceback" not in talk
    assert b"of 4 were not reached" in talk


def test_what_fails_for_one_subject_is_said_and_the_others_arrive(results: Path, practice: Practice) -> None:
    call(*loop(results, "--subjects", "p020,p021,p022", "--create"))
    (results / "erc-wp1-p021" / ".hidden").write_bytes(b"another one")
    sent = call(*loop(results, "--subjects", "p020..p022,p099", "--json"))
    assert sent.code == 3, sent.talk
    objects = sent.objects()
    verdicts = {one["subject_name"]: one["verdict"] for one in objects if one["type"] == "target"}
    assert verdicts == {"p020": "done", "p021": "incomplete", "p022": "done", "p099": "failed"}
    assert {one["code"] for one in objects if one["type"] == "finding"} == {"resource.differs", "resource.no_source"}
    assert objects[-1]["type"] == "summary"
    assert (objects[-1]["targets"], objects[-1]["done"]) == (4, 2)
    assert call(*loop(results, "--subjects", "p099")).code == 1
    replaced = call(*loop(results, "--subjects", "p021", "--existing", "replace"))
    assert replaced.code == 0
    assert stored(practice, "p021")[".hidden"] == b"another one"


def test_the_way_back_and_the_lists(results: Path, tmp_path: Path) -> None:
    call(*loop(results, "--create", "--content", "QBOLD", "--format", "NIFTI", "--tags", "a,b"))
    place = ["--project", "DEMO", "--session", "{subject}-mri"]
    got = call("resource", "get", f"{tmp_path}/out", *place, "--resource", "qBOLD", "--subjects", "p021..p023")
    assert got.code == 0, got.talk
    assert "saved" in got.data
    for one in SUBJECTS[1:]:
        assert contents(tmp_path / "out" / one) == contents(results / f"erc-wp1-{one}")
    assert not (tmp_path / "out" / "p020").exists()
    listed = call("resource", "list", *place)
    assert listed.code == 0
    assert listed.data.splitlines()[0] == "DEMO / p020-mri / qBOLD  7 files  1.7 MB  NIFTI  QBOLD  a,b"
    shown = call("resource", "list", *place, "--resource", "qBOLD", "--subjects", "p020", "--files", "--json")
    assert [one["type"] for one in shown.objects()] == ["resource", *["file"] * 7]
    assert {one["name"] for one in shown.objects()[1:]} == {*RESULT, "maps/own.nii"}
    nobody = call("resource", "list", *place, "--subjects", "p099")
    assert (nobody.code, nobody.data) == (3, "")


def test_one_archive_a_subject_goes_where_the_folder_went(results: Path, practice: Practice) -> None:
    for one in SUBJECTS[:2]:
        folder = results / f"erc-wp1-{one}"
        subprocess.run(["tar", "-czf", f"{results}/{one}.tar.gz", "-C", str(folder), "."], check=True)
    place = ["--project", "DEMO", "--session", "{subject}-mri", "--resource", "qBOLD", "--create"]
    sent = call("resource", "put", f"{results}/{{subject}}.tar.gz", *place)
    assert sent.code == 0, sent.talk
    assert [row.split()[1] for row in sent.data.splitlines()[1:]] == ["p020", "p021"]
    same = call(*loop(results, "--subjects", "p020,p021"))
    assert [row.split()[8:10] for row in same.data.splitlines()[1:]] == [["0", "7"]] * 2


def test_names_from_the_site_cannot_steer_a_terminal(results: Path, practice: Practice) -> None:
    call(*loop(results, "--subjects", "p020", "--create"))

    def rename(store: Store) -> None:
        (session,) = (one for one in store.state.sessions.values() if one.label == "p020-mri")
        files = session.resources["qBOLD"].files
        files["\x1b[2Jevil"] = Entry("\x1b[2Jevil", 1, "")

    practice.on_loop(rename)
    listed = call("resource", "list", "--project", "DEMO", "--session", "p020-mri", "--files")
    assert "evil" in listed.data
    assert "\x1b" not in listed.data


def test_what_cannot_be_meant_is_refused_before_a_login(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XNAT_HOST", "http://127.0.0.1:9")
    assert "resource.bad_pattern" in call(*loop(results / "{subjekt}", "--json")).data
    assert "resource.bad_option" in call(*loop(results, "--format", "zip", "--json")).data
    assert "resource.bad_subjects" in call(*loop(results, "--subjects", "p3..p1", "--json")).data
    away = call(*loop(results))
    assert away.code == 4
    monkeypatch.delenv("XNAT_HOST")
    assert "resource.no_site" in call(*loop(results, "--json")).data
    assert call("resource", "put").code == 2


def test_on_a_terminal_a_bar_moves_and_goes_away(results: Path, practice: Practice) -> None:
    practice.server.faults.add(parse("bandwidth:rate=3000000,only=files"))
    shown = OnTerminal(*loop(results, "--create"), env=dict(os.environ))
    shown.until("of 4 done")
    assert shown.wait() == 0
    text = shown.seen.decode()
    assert "[" in text
    assert text.rstrip().endswith("MD5")
