"""Files and folders of this program are this person's alone, whatever the machine allows and whoever was there."""

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.conftest import NewPlan
from cli.program import run
from support import Practice
from xnat_wizard import settings
from xnat_wizard.findings import Problem
from xnat_wizard.logins import StoredLogin, store_login
from xnat_wizard.settings import Secret
from xnat_wizard.upload import plan_file
from xnat_wizard.wizard.logbook import Logbook, log_file
from xnat_wizard.wizard.widgets import copying

TOKEN = StoredLogin("https://xnat.example", "owner", "alias", Secret("planted-token"))


@pytest.fixture
def open_mask() -> Iterator[None]:
    """Let new files be everybody's, as some machines do."""
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(*folders: Path) -> list[str]:
    """Name what below these folders others than the owner may read or write."""
    found = [path for folder in folders for path in (folder, *folder.rglob("*")) if not path.is_symlink()]
    return [f"{stat.S_IMODE(path.lstat().st_mode):04o} {path}" for path in found if path.lstat().st_mode & 0o077]


@pytest.mark.usefixtures("account", "open_mask")
@pytest.mark.parametrize("was_there", [False, True], ids=["new", "was there, open to all"])
def test_all_that_the_commands_make_is_private(
    practice: Practice, new_plan: NewPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, was_there: bool
) -> None:
    home, out, temporary = tmp_path / "home", tmp_path / "out", tmp_path / "temporary"
    for folder in (out, temporary, *([home, home / "state", home / "state" / "uploads", home / "log"] * was_there)):
        folder.mkdir(mode=0o777, exist_ok=True)
    monkeypatch.setenv("XNAT_WIZARD_HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(out / "config"))
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("HOME", str(out))
    result = out / "result.txt"
    result.write_text("a result")
    result.chmod(0o600)
    plan = new_plan()
    for words in (
        ("login", practice.url, "--user", "owner"),
        ("upload", plan),
        ("verify",),
        ("settings", "set", "connections", "3"),
        ("report", "--output", out / "report.zip"),
        ("check", practice.url, "--page", out / "page.txt"),
        ("resource", "put", "--site", practice.url, "--project", "DEMO", "--resource", "R", result),
        ("resource", "get", "--site", practice.url, "--project", "DEMO", "--resource", "R", out / "got"),
        ("troubleshoot", "--site", practice.url, "--project", "DEMO", "--letters", out / "letters"),
    ):
        ended = run(*words)
        assert ended.code in {0, 1 if words[0] == "troubleshoot" else 3}, (words, ended.talk)
    assert (home / "state" / "logins.json").is_file()
    assert len(list(home.rglob("*"))) > 10
    made = [home / "state"] if was_there else [home]
    assert open_to_others(*made, *home.glob("log")) == []
    out.chmod(0o700)  # the test's own
    assert open_to_others(out, plan) == []
    assert list(temporary.iterdir()) == [], "nothing stays in the folder for temporary files"


@pytest.mark.usefixtures("own_home", "open_mask")
def test_old_files_that_others_may_read_are_closed() -> None:
    state = settings.state_dir()
    copied, log = state / copying.FILE_NAME, log_file()
    for path in (copied, log):
        path.touch()
        path.chmod(0o666)
    copying.keep("planted")
    book = Logbook()
    book.open()
    logging.getLogger("xnat_wizard").error("a line")
    book.close()
    assert log.read_text()
    assert open_to_others(state, log.parent) == []


@pytest.mark.usefixtures("own_home")
def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    state = settings.state_dir()
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    for name in (copying.FILE_NAME, "logins.lock", f".logins.json.{os.getpid()}"):
        (state / name).symlink_to(victim)
    with pytest.raises(OSError, match="symbolic"):
        copying.keep("planted")
    with pytest.raises(OSError, match="symbolic"):
        store_login(TOKEN)
    (state / "logins.lock").unlink()
    store_login(TOKEN)
    assert victim.read_text() == "untouched"
    assert not (state / "logins.json").is_symlink()


@pytest.mark.usefixtures("open_mask")
def test_a_draft_beside_a_plan_gives_nothing_away(new_plan: NewPlan, tmp_path: Path) -> None:
    plan = plan_file.load(new_plan())
    victim, planned = tmp_path / "victim", tmp_path / "shared" / "study.plan.json"
    planned.parent.mkdir()
    victim.write_text("untouched")
    draft = planned.with_name("study.plan.json.new")
    draft.symlink_to(victim)
    plan_file.save(plan, planned)
    draft.write_text("")
    draft.chmod(0o666)
    watching = draft.open()
    plan_file.save(plan, planned)
    assert victim.read_text() == "untouched"
    assert watching.read() == "", "who had opened the draft before reads nothing of the plan"
    watching.close()
    assert stat.S_IMODE(planned.stat().st_mode) == 0o600


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_account_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / "state").mkdir(parents=True)
    os.chown(home / "state", 4711, 4711)
    (home / "state").chmod(0o777)
    monkeypatch.setenv("XNAT_WIZARD_HOME", str(home))
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    with pytest.raises(Problem) as caught:
        settings.state_dir()
    assert caught.value.finding.code == "settings.no_folder"
    assert "another account" in caught.value.finding.why
