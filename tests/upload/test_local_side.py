"""The local side of an upload: sources that go away or hang, long tables, machines without quick deflate."""

import getpass
import os
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest

from practice.images import instance
from upload.builders import finding, pair, plan_of, series, survey
from xnat_wizard.findings import Problem, Severity
from xnat_wizard.upload import label_table, local, logout
from xnat_wizard.upload.basin import Basin
from xnat_wizard.upload.choosing import items_of, with_items, with_subject
from xnat_wizard.upload.deidentify.choice import Deidentification, Sealed
from xnat_wizard.upload.deidentify.veil import Veil
from xnat_wizard.upload.estimate import ASSUMED, speed_of
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.local import LocalFile, LocalSource

# -- the source ------------------------------------------------------------------------------------------


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("one.dcm", instance())
    return path


def test_an_archive_without_the_file_is_another_archive(archive: Path) -> None:
    with LocalSource(archive) as source:
        _, mtime_ns = source.status("one.dcm")
        assert source.check("one.dcm", mtime_ns)
        assert source.check("one.dcm", -1)
        assert not source.check("one.dcm", mtime_ns + 1)
        assert not source.check("two.dcm", mtime_ns)


def test_a_source_that_is_away_is_a_file_that_is_not_there(archive: Path) -> None:
    archive.unlink()
    source = LocalSource(archive)
    assert source.place("one.dcm") == 0
    with pytest.raises(FileNotFoundError):
        source.open("one.dcm")
    with pytest.raises(Problem):
        source.check("one.dcm", -1)
    source.close()


def test_a_source_that_hangs_while_it_is_opened_is_left_as_it_is(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "_CLOSE_S", 0.01)
    source = LocalSource(archive)
    opened = source.opened()
    with source._lock:  # as a thread holds it that opens the source on a mount that is gone
        source.close()
    with opened.open("one.dcm") as file:
        assert file.size_bytes == len(instance())
    source.close()


def test_a_file_says_how_long_it_is_on_its_way(archive: Path) -> None:
    with LocalSource(archive) as source:
        assert LocalFile(source, "one.dcm").stat().st_size == len(instance())
        with LocalFile(source, "one.dcm").open("rb") as file:
            assert file.read() == instance()
    sealed = Sealed(Deidentification(), b"k" * 32)
    with Veil(archive, sealed, {"one.dcm": "S1"}, frozenset()) as veiled:
        size_bytes = LocalFile(veiled, "one.dcm").stat().st_size
        with LocalFile(veiled, "one.dcm").open("rb") as file:
            assert len(file.read()) == size_bytes != len(instance())


def test_pieces_are_given_once_and_an_empty_one_never() -> None:
    basin = Basin(4)
    assert not list(basin.rest())
    given = [bytes(piece) for piece in basin.put(b"abcdefghij")]
    given += [bytes(piece) for piece in basin.rest()]
    assert given == [b"abcd", b"efgh", b"ij"]
    assert not list(basin.rest())


# -- quick deflate ---------------------------------------------------------------------------------------


def test_without_a_quick_deflate_the_same_bytes_come_out_at_the_other_end() -> None:
    script = (
        "import sys; sys.modules['isal'] = None\n"  # as on a machine for which there is no build of it
        "from xnat_wizard.upload import deflating\n"
        "data = b'header ' * 1000\n"
        "sys.stdout.buffer.write(deflating.deflate(data) + deflating.crc32(data).to_bytes(4, 'big'))\n"
        "assert deflating.crc32.__module__ == 'zlib' and deflating.shrinks(data)\n"
    )
    made = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, timeout=60).stdout
    assert zlib.decompress(made[:-4], -zlib.MAX_WBITS) == b"header " * 1000
    assert int.from_bytes(made[-4:], "big") == zlib.crc32(b"header " * 1000)


# -- plans -----------------------------------------------------------------------------------------------


def test_a_table_of_labels_has_an_end(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(b"subject_folder,subject_label\n")
    os.truncate(path, label_table.LIMIT_BYTES + 1)
    with pytest.raises(Problem) as caught:
        label_table.read_table(path)
    assert caught.value.finding.why == "It is longer than 16 MiB"


def test_a_session_that_may_not_go_is_not_chosen_into_going() -> None:
    plan = plan_of(
        survey(series("s/t1", held_by=("x.stop",)), pair("t/p"), findings=[finding("x.stop", Severity.STOP)])
    )
    blocked = next(one for one in plan.sessions if one.is_blocked)
    ids = [item.id for item in items_of(blocked)]
    assert with_items(plan, blocked.key, ids) == plan
    assert not any(one.is_included for one in with_subject(plan, blocked.key).sessions if one.key == blocked.key)


def test_an_upload_that_never_ended_tells_no_speed(tmp_path: Path) -> None:
    with Journal.create(tmp_path / "upload", plan_of(survey(series("s/t1")))) as journal:
        assert speed_of([journal.progress()]) == ASSUMED


# -- logging out -----------------------------------------------------------------------------------------


def test_an_account_without_a_name_is_not_taken_for_one_that_lingers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")  # as in a container that runs under any number

    monkeypatch.setattr(getpass, "getuser", nobody)
    (tmp_path / "etc/systemd").mkdir(parents=True)
    (tmp_path / "etc/systemd/logind.conf").write_text("[Login]\nKillUserProcesses=yes\n")
    (tmp_path / "var/lib/systemd/linger").mkdir(parents=True)
    found = logout.risk(root=tmp_path, has_scopes=lambda: True)
    assert found is not None
    assert "your services do not linger" in found.why
