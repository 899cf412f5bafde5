"""Where things are kept, for whom; secrets; and findings as lines."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from xnat_wizard import settings
from xnat_wizard.findings import Finding, Problem, Severity, by_weight, printable
from xnat_wizard.settings import Secret


def test_a_secret_is_shown_by_nothing_and_equals_the_same_one() -> None:
    secret = Secret("geheim7")
    assert {repr(secret), str(secret), f"{secret}"} == {"•••"}
    assert secret == Secret("geheim7")
    assert secret != Secret("geheim8")
    assert secret != "geheim7"
    assert len({secret, Secret("geheim7")}) == 1
    assert (bool(secret), bool(Secret())) == (True, False)
    with pytest.raises(TypeError, match="a secret is not pickled"):
        pickle.dumps(secret)


@pytest.mark.parametrize("folder", [settings.state_dir, settings.log_dir, settings.uploads_dir])
def test_a_folder_that_cannot_be_made_is_told_with_a_way_out(
    folder: Callable[[], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv(settings.HOME_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(Problem) as told:
        folder()
    assert told.value.finding.code == "settings.no_folder"
    assert settings.HOME_VARIABLE in told.value.finding.todo[0]
    assert str(tmp_path) not in told.value.finding.shareable


def test_a_folder_of_another_account_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.getuid():
        pytest.skip("accounts: only an administrator gives a folder to another one")
    (tmp_path / "state").mkdir()
    os.chown(tmp_path / "state", 4321, -1)
    monkeypatch.setenv(settings.HOME_VARIABLE, str(tmp_path))
    monkeypatch.setattr(os, "getuid", lambda: 1234)
    with pytest.raises(Problem) as told:
        settings.state_dir()
    assert "another account" in told.value.finding.why


def test_a_folder_that_may_not_be_written_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # an administrator may always
    with pytest.raises(Problem) as told:
        settings.state_dir()
    assert "may not write" in told.value.finding.why


def test_a_folder_that_others_may_read_is_closed(own_home: Path) -> None:
    (own_home / "state").mkdir(mode=0o755)
    (own_home / "state").chmod(0o2755)
    assert settings.state_dir().stat().st_mode & 0o7777 == 0o2700
    assert settings.uploads_dir().stat().st_mode & 0o777 == 0o700


def test_without_a_folder_of_its_own_it_is_the_one_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(settings.HOME_VARIABLE)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    for folder in (settings.state_dir(), settings.log_dir()):
        assert folder.is_relative_to(tmp_path)
        assert settings.APP in str(folder)
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_file_of_ours_is_closed_to_others_and_no_link_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("open to all")
    path.chmod(0o644)
    os.close(settings.open_private(path, os.O_WRONLY | os.O_APPEND))
    assert path.stat().st_mode & 0o777 == 0o600
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(OSError, match="symbolic"):
        settings.open_private(tmp_path / "link", os.O_WRONLY)
    os.close(settings.new_private(tmp_path / "link"))
    assert path.read_text() == "open to all"


def test_a_process_of_ours_does_not_get_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XNAT_PASS", "geheim7")
    monkeypatch.setenv("XNAT_USER", "anna")
    found = settings.child_environment()
    assert "XNAT_PASS" not in found
    assert found["XNAT_USER"] == "anna"


def test_what_files_are_called_is_shown_on_one_line() -> None:
    assert printable("a b") == "a b"
    assert printable("a\nb\x1b[2Jc\udcffd\u2028") == "a\\nb\\x1b[2Jc\\xffd\\u2028"


def test_a_finding_is_lines_and_one_object_and_the_heaviest_comes_first() -> None:
    note = Finding("b.note", "It is so", "Because", ("Do this", "Or that"), where="/x\ny", severity=Severity.NOTE)
    stop, ask = Finding("a.stop", "It stops", "Why", ()), Finding("c.ask", "May it", "W", (), severity=Severity.ASK)
    assert note.as_text().splitlines() == [
        "NOTE  It is so",
        "      where: /x\\ny",
        "      why:   Because",
        "      do:    Do this",
        "      do:    Or that",
    ]
    assert json.loads(json.dumps(note.as_dict()))["todo"] == ["Do this", "Or that"]
    assert by_weight([note, ask, stop]) == [stop, ask, note]
    assert str(Problem(stop)) == "a.stop: It stops"
