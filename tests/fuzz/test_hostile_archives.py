"""Archives and PAR headers that are made to do harm: a finding or a refusal, soon, and never more than memory has."""

import gzip
import io
import os
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from dicom.images import write_pair
from fuzz.targets import told
from xnat_wizard.dicom import parrec
from xnat_wizard.dicom.header import UnreadableDicom, read_header
from xnat_wizard.dicom.members import MOST_FOLDERS, MOST_MEMBERS
from xnat_wizard.dicom.model import Survey
from xnat_wizard.dicom.opened import FolderFile
from xnat_wizard.dicom.survey import survey
from xnat_wizard.findings import Problem

HUGE = (1 << 64) - 1


def zip_of(*names: str, content: bytes = b"x" * 100) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            file.writestr(name, content)
    return buffer.getvalue()


def with_entry(change: Callable[[bytearray], None], extra: bytes) -> bytes:
    """Return a zip whose directory has other numbers, and an extra field."""
    good = zip_of("s/a/1.dcm")
    start = good.find(b"PK\x01\x02")
    entry, end = bytearray(good[start:-22]), bytearray(good[-22:])
    change(entry)
    entry[30:32] = struct.pack("<H", len(extra))
    end[12:16] = struct.pack("<I", len(entry) + len(extra))
    return good[:start] + entry + extra + end


def locator_far_away() -> bytes:
    good = zip_of("s/a/1.dcm")
    end = bytearray(good[-22:])
    end[10:12], end[16:20] = b"\xff\xff", b"\xff" * 4
    return good[:-22] + struct.pack("<4s4xQ4x", b"PK\x06\x07", HUGE) + end


def offset_far_away() -> bytes:
    def change(entry: bytearray) -> None:
        entry[42:46] = b"\xff" * 4

    return with_entry(change, struct.pack("<HHQ", 1, 8, HUGE))


def tar_of(size: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in ("s/a/1.dcm", "s/a/2.dcm"):
            one = tarfile.TarInfo(name)
            one.size = 100
            one.pax_headers = {"size": size} if size else {}
            tar.addfile(one, io.BytesIO(b"x" * 100))
    return buffer.getvalue()


def tar_of_binary_size(size: int) -> bytes:
    made = bytearray(tar_of())
    made[124:136] = b"\x80" + size.to_bytes(11, "big")
    made[148:156] = b" " * 8
    made[148:156] = b"%06o\0 " % sum(made[:512])
    return bytes(made)


def looked_at(path: Path, content: bytes) -> Survey | None:
    """Survey an archive; whatever is said of it can be shown."""
    path.write_bytes(content)
    try:
        found = survey(path)
    except Problem as problem:
        told(problem.finding)
        return None
    for finding in found.findings:
        told(finding)
    return found


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(locator_far_away(), id="the end of the directory lies far away"),
        pytest.param(offset_far_away(), id="a member lies far away"),
        pytest.param(with_entry(lambda _: None, struct.pack("<HH", 1, 16)), id="an extra field was cut"),
        pytest.param(tar_of("9" * 5000), id="a size of 5,000 digits"),
        pytest.param(tar_of("9" * 20), id="a size beyond 64 bits"),
        pytest.param(tar_of("٣"), id="a size in other digits"),
        pytest.param(tar_of_binary_size((1 << 88) - 1), id="a binary size beyond 64 bits"),
        pytest.param(tar_of_binary_size((1 << 63) - 1), id="a binary size that overflows with its place"),
        pytest.param(gzip.compress(tar_of_binary_size((1 << 88) - 1)), id="the same in a tar.gz"),
        pytest.param(zip_of("s/\x1b[2J/\x07.dcm", "s/[red]\u202e/x.dcm"), id="escapes in names"),
    ],
)
def test_an_archive_with_impossible_numbers_is_a_finding(tmp_path: Path, content: bytes) -> None:
    looked_at(tmp_path / "x.zip", content)


def test_a_member_under_thousands_of_folders_is_refused(tmp_path: Path) -> None:
    found = looked_at(tmp_path / "x.zip", zip_of("/".join(["d"] * 30_000) + "/x", "s/a/1.txt"))
    assert found is not None
    assert {other.path for other in found.others} >= {"s/a/1.txt"}
    assert any("folders deep" in other.reason for other in found.others)


MEASURED = """
import sys
from pathlib import Path
from xnat_wizard.dicom.survey import survey
from xnat_wizard.findings import Problem
try:
    print(len(survey(Path(sys.argv[1])).others))
except Problem as problem:
    print(problem.finding.code)
# Not `getrusage`: its peak has that of the process which started this one in it.
print(next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM:")))
"""


def measured(path: Path) -> tuple[str, int]:
    """Survey in a process of its own; return what it found, and its memory in MB."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, path], capture_output=True, text=True, check=True, timeout=300, env=os.environ
    )
    said, memory_mb = done.stdout.split()
    return said, int(memory_mb)


def test_a_bomb_in_a_zip_needs_little_memory(tmp_path: Path) -> None:
    bomb = bytes(128) + b"DICM" + bytes(100 << 20)
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("s/a/1.dcm", bomb)
    said, memory_mb = measured(tmp_path / "x.zip")
    assert said == "1"
    assert memory_mb < 250


def write_zip(path: Path, names: Iterable[bytes]) -> None:
    """Write a zip of files of one byte, without the memory that Python's own takes."""
    directory, count = bytearray(), 0
    with path.open("wb") as file:
        for name in names:
            count += 1
            sizes = struct.pack("<IIIHH", zlib.crc32(b"x"), 1, 1, len(name), 0)
            directory += struct.pack("<4s4H", b"PK\1\2", 0x314, 20, 0, 0) + struct.pack("<2H", 0, 0x21) + sizes
            directory += struct.pack("<3H2I", 0, 0, 0, 0o100644 << 16, file.tell()) + name
            file.write(struct.pack("<4s5H", b"PK\3\4", 20, 0, 0, 0, 0x21) + sizes + name + b"x")
        start = file.tell()
        file.write(directory)
        file.write(struct.pack("<4sQHHII4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), start))
        file.write(struct.pack("<4sIQI", b"PK\6\7", 0, start + len(directory), 1))
        file.write(struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0))


def test_a_zip_of_100_000_members_is_surveyed_in_little_memory(tmp_path: Path) -> None:
    write_zip(
        tmp_path / "x.zip", (b"s/%04d/1.3.12.2.1107.5.2.43.66045.%d.dcm" % (at // 10, at) for at in range(100_000))
    )
    said, memory_mb = measured(tmp_path / "x.zip")
    assert said == "100000"
    assert memory_mb < 300


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        pytest.param((b"s/%d" % at for at in range(MOST_MEMBERS + 1)), "300,001 members", id="members"),
        pytest.param((b"%d/a/b/c/x" % at for at in range(MOST_FOLDERS // 4 + 1)), "100,000 folders", id="folders"),
        pytest.param((b"s/%d" % at + b"n" * 60_000 for at in range(1200)), "names in it take", id="names"),
        pytest.param((b"%d/" % at + b"n/" * 150 + b"x" for at in range(90_000)), "", id="deep"),
    ],
)
def test_an_archive_that_would_fill_the_memory_is_refused(tmp_path: Path, names: Iterable[bytes], reason: str) -> None:
    write_zip(tmp_path / "x.zip", names)
    with pytest.raises(Problem) as refused:
        survey(tmp_path / "x.zip")
    told(refused.value.finding)
    assert refused.value.finding.code == "survey.archive_trap"
    assert reason in refused.value.finding.why


def test_a_tar_gz_of_long_names_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz", format=tarfile.GNU_FORMAT, compresslevel=1) as tar:
        for at in range(100):
            tar.addfile(tarfile.TarInfo(f"{at}" + "n" * 1_000_000))
    said, memory_mb = measured(tmp_path / "x.tar.gz")
    assert said == "survey.archive_trap"
    assert memory_mb < 250


def test_an_image_of_nothing_but_zeros_ends_soon(tmp_path: Path) -> None:
    (tmp_path / "1.dcm").write_bytes(bytes(128) + b"DICM")
    os.truncate(tmp_path / "1.dcm", 1 << 30)
    with pytest.raises(UnreadableDicom, match="more elements than an image"):
        read_header(tmp_path / "1.dcm")


@pytest.fixture
def par(tmp_path: Path) -> bytes:
    write_pair(tmp_path / "pair")
    return next((tmp_path / "pair").rglob("*.PAR")).read_bytes()


@pytest.mark.parametrize(
    "line",
    [
        b".  " + b" " * 100_000 + b"x",
        b". " + b"a " * 100_000,
        b"# " + b" " * 100_000,
        b"#  x (" + b"9" * 5000 + b"*integer)",
        b".    Examination date/time : " + b"1." * 100_000,
    ],
)
def test_a_line_of_a_par_that_no_scanner_writes_is_passed_over(tmp_path: Path, par: bytes, line: bytes) -> None:
    (tmp_path / "x.PAR").write_bytes(par + b"\n" + line + b"\n")
    with FolderFile(str(tmp_path / "x.PAR")) as file:
        assert parrec.read_open_par(file).image_count


def test_a_par_of_millions_of_rows_is_refused(tmp_path: Path, par: bytes) -> None:
    (tmp_path / "x.PAR").write_bytes(par + b"1\n" * 600_000)
    with FolderFile(str(tmp_path / "x.PAR")) as file, pytest.raises(parrec.BrokenPar, match="lines"):
        parrec.read_open_par(file)


def test_an_image_of_thousands_of_digits_has_no_size(tmp_path: Path, par: bytes) -> None:
    changed = b"\n".join(
        b"  ".join(b"9" * 4000 if cell.isdigit() else cell for cell in line.split()) if line[:1].isspace() else line
        for line in par.splitlines()
    )
    assert changed != par
    (tmp_path / "x.PAR").write_bytes(changed)
    with FolderFile(str(tmp_path / "x.PAR")) as file, pytest.raises(parrec.BrokenPar, match="how large"):
        parrec.read_open_par(file)
