from pathlib import Path

import pytest

from xnat_wizard.upload import logout


@pytest.fixture
def strict(tmp_path: Path) -> Path:
    folder = tmp_path / "etc/systemd/logind.conf.d"
    folder.mkdir(parents=True)
    (tmp_path / "etc/systemd/logind.conf").write_text("[Login]\n#KillUserProcesses=no\n")
    (folder / "10-site.conf").write_text("[Login]\nKillUserProcesses=yes\nKillExcludeUsers=root carl\n")
    return tmp_path


def test_a_machine_without_the_setting_lets_uploads_run(tmp_path: Path) -> None:
    assert logout.risk(root=tmp_path, username="anna") is None


def test_a_machine_that_ends_processes_is_named_before_the_start(strict: Path) -> None:
    found = logout.risk(root=strict, username="anna", has_scopes=lambda: True)
    assert found is not None
    assert found.code == "upload.ends_at_logout"


def test_a_scope_is_used_where_processes_are_ended_and_scopes_work(strict: Path, tmp_path: Path) -> None:
    assert logout.shelter(root=strict, username="anna", has_scopes=lambda: True) == logout.SCOPE
    assert logout.shelter(root=strict, username="anna", has_scopes=lambda: False) == ()
    assert logout.shelter(root=strict, username="carl", has_scopes=lambda: True) == ()
    assert logout.shelter(root=tmp_path / "none", username="anna", has_scopes=lambda: True) == ()


def test_lingering_without_scopes_does_not_save_an_upload(strict: Path) -> None:
    linger = strict / "var/lib/systemd/linger"
    linger.mkdir(parents=True)
    (linger / "anna").touch()
    found = logout.risk(root=strict, username="anna", has_scopes=lambda: False)
    assert found is not None
    assert "no service manager" in found.why


def test_scopes_are_tried_and_not_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not logout.has_scopes()
    tool = tmp_path / "systemd-run"
    tool.write_text("#!/bin/sh\nexit 1\n")
    tool.chmod(0o700)
    assert not logout.has_scopes()
    tool.write_text("#!/bin/sh\nexit 0\n")
    assert logout.has_scopes()


def test_people_who_may_linger_or_are_excluded_are_safe(strict: Path) -> None:
    linger = strict / "var/lib/systemd/linger"
    linger.mkdir(parents=True)
    (linger / "anna").touch()
    assert logout.risk(root=strict, username="anna", has_scopes=lambda: True) is None
    assert logout.risk(root=strict, username="carl") is None


def test_a_later_file_overrides_an_earlier_one(strict: Path) -> None:
    (strict / "etc/systemd/logind.conf.d/20-later.conf").write_text("KillUserProcesses=no\n")
    assert logout.risk(root=strict, username="anna") is None
