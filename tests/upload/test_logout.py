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
    found = logout.risk(root=strict, username="anna")
    assert found is not None
    assert found.code == "upload.ends_at_logout"


def test_people_who_may_linger_or_are_excluded_are_safe(strict: Path) -> None:
    linger = strict / "var/lib/systemd/linger"
    linger.mkdir(parents=True)
    (linger / "anna").touch()
    assert logout.risk(root=strict, username="anna") is None
    assert logout.risk(root=strict, username="carl") is None


def test_a_later_file_overrides_an_earlier_one(strict: Path) -> None:
    (strict / "etc/systemd/logind.conf.d/20-later.conf").write_text("KillUserProcesses=no\n")
    assert logout.risk(root=strict, username="anna") is None
