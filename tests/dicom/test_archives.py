"""Zip and tar files as sources: they read like the folder they were made of, and hostile ones do no harm."""

import gzip
import hashlib
import io
import os
import shutil
import struct
import tarfile
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from dicom.images import on_disk, write_image, write_pair, write_series
from xnat_wizard.dicom import archive, members, source
from xnat_wizard.dicom.model import OtherKind, Survey
from xnat_wizard.dicom.opened import AsBinary
from xnat_wizard.dicom.source import open_source
from xnat_wizard.dicom.survey import SurveyRun, SurveyStopped, survey
from xnat_wizard.dicom.walk import Stopped
from xnat_wizard.findings import Problem

ENDINGS = {
    "zip": ".zip",
    "deflated zip": ".zip",
    "ustar": ".tar",
    "gnu": ".tar",
    "pax": ".tar",
    "tar.gz": ".tar.gz",
    "two gzips": ".tgz",
}


def packed(folder: Path, kind: str, *, top: str = "") -> Path:
    """Pack a folder beside itself; the members lie in a folder `top` where one is given."""
    path = folder.with_name(folder.name + ENDINGS[kind])
    if "zip" in kind and "gzip" not in kind:
        method = zipfile.ZIP_DEFLATED if "deflated" in kind else zipfile.ZIP_STORED
        with zipfile.ZipFile(path, "w", method) as file:
            for name in on_disk(folder):
                file.write(folder / name, f"{top}/{name}" if top else name)
        return path
    formats = {"ustar": tarfile.USTAR_FORMAT, "pax": tarfile.PAX_FORMAT}
    with tarfile.open(path, "w", format=formats.get(kind, tarfile.GNU_FORMAT)) as tar:
        for name in reversed(on_disk(folder)):
            tar.add(folder / name, f"./{top}/{name}" if top else name)
    if "gz" in kind:
        data = path.read_bytes()
        middle = len(data) // 2 if kind == "two gzips" else len(data)
        path.write_bytes(gzip.compress(data[:middle]) + (gzip.compress(data[middle:]) if middle < len(data) else b""))
    return path


def noise(seed: int, count: int) -> bytes:
    """Return bytes that do not shrink, the same for the same seed."""
    return hashlib.shake_128(bytes([seed])).digest(count)


def study(root: Path) -> Path:
    """Write a study with something of everything."""
    write_series(root / "S1" / "t1", count=3)
    write_series(root / "S1" / "t2 ü", series=2, syntax="1.2.840.10008.1.2.1.99")
    write_series(root / "S2" / ("long " * 15) / ("names " * 15), study=2, patient="B")
    write_pair(root / "S2" / "raw")
    write_image(root / "S1" / "t1" / "copy.dcm", image=1)
    (root / "S1" / "t1" / "cut.dcm").write_bytes((root / "S1" / "t1" / "0002.dcm").read_bytes()[:-9])
    (root / "S1" / "t1" / ".DS_Store").write_bytes(b"x")
    (root / "notes.txt").write_bytes(b"read me")
    (root / "S2" / "inner.zip").write_bytes(b"PK\x03\x04" + bytes(60))
    (root / "S2" / "raw" / "empty.dcm").write_bytes(b"")
    return root


def without_times(found: Survey) -> Survey:
    series = tuple(
        replace(one, instances=tuple(replace(instance, mtime_ns=0) for instance in one.instances))
        for one in found.series
    )
    findings = tuple(replace(finding, todo=()) for finding in found.findings)
    return replace(found, source=Path("/x"), series=series, findings=findings)


@pytest.mark.parametrize("kind", ENDINGS)
def test_an_archive_reads_like_the_folder_it_was_made_of(tmp_path: Path, kind: str) -> None:
    folder = study(tmp_path / "study")
    path = packed(folder, kind)
    found = survey(path)
    assert found.source == path
    assert without_times(found) == without_times(survey(folder))
    assert {one.mtime_ns for series in found.series for one in series.instances} == {path.stat().st_mtime_ns}
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted(["study", path.name])
    assert not [step for finding in found.findings for step in finding.todo if f"{path}/" in step]


@pytest.mark.parametrize("kind", ENDINGS)
def test_every_file_of_an_archive_is_read_byte_for_byte_by_several_threads(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    for number in range(40):
        half = noise(number, number * 10_007)
        (folder / f"{number}.dat").write_bytes(half + bytes(len(half)))
    names = [f"{number * 7 % 40}.dat" for number in range(120)]
    with open_source(packed(folder, kind)) as opened, ThreadPoolExecutor(4) as pool:

        def read(name: str) -> bytes:
            with opened.open(name) as file:
                middle = file.size_bytes // 2
                assert file.read_at(middle, 100) == (folder / name).read_bytes()[middle : middle + 100]
                return b"".join(file.read_at(at, 70_000) for at in range(0, file.size_bytes + 1, 70_000))

        for name, data in zip(names, pool.map(read, names), strict=True):
            assert data == (folder / name).read_bytes()
        assert [opened.place(name) for name in sorted(set(names), key=opened.place)] != [0] * 40


def test_a_gzip_is_read_at_any_place_after_its_states_were_thinned_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xnat_wizard.dicom.gzipped._FIRST_SPACING", 10_000)
    monkeypatch.setattr("xnat_wizard.dicom.gzipped._MOST_STATES", 8)
    monkeypatch.setattr("xnat_wizard.dicom.gzipped._SKIP", 5_000)
    folder = tmp_path / "study"
    folder.mkdir()
    data = noise(3, 900_000)
    (folder / "a").write_bytes(data)
    with open_source(packed(folder, "tar.gz")) as opened, opened.open("a") as file:
        for at in (899_000, 5, 450_000, 449_000, 0, 899_999, 900_000):
            assert file.read_at(at, 3_000) == data[at : at + 3_000]


@pytest.mark.parametrize("kind", ENDINGS)
def test_a_single_folder_above_the_subjects_is_looked_through(tmp_path: Path, kind: str) -> None:
    folder = study(tmp_path / "study")
    path = packed(folder, kind, top="export 3")
    found = survey(path)
    assert found.source == path / "export 3"
    assert found.subject_folders == ("S1", "S2")
    assert [finding.where for finding in found.findings if finding.code == "survey.archive_top"] == ["."]
    first = found.series[0].instances[0]
    with open_source(found.source) as opened, opened.open(first.path) as file:
        assert file.read_at(0, first.size_bytes) == (folder / first.path).read_bytes()
    plain = without_times(survey(folder))
    assert without_times(found).series == plain.series
    assert without_times(survey(found.source)) == replace(plain, source=Path("/x"))


def test_a_single_subject_is_not_looked_through(tmp_path: Path) -> None:
    write_series(tmp_path / "study" / "S1" / "t1")
    (tmp_path / "study" / "S1" / "notes.txt").write_bytes(b"x")
    assert survey(packed(tmp_path / "study", "zip")).subject_folders == ("S1",)


def test_a_folder_inside_an_archive_can_be_chosen_and_one_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    write_series(tmp_path / "study" / "site" / "S1" / "t1")
    write_series(tmp_path / "study" / "other" / "S2" / "t1", study=2)
    path = packed(tmp_path / "study", "deflated zip")
    assert survey(path / "site").subject_folders == ("S1",)
    assert code_of(path / "nowhere") == source.NO_SUCH_FOLDER
    assert code_of(tmp_path / "study" / "nowhere") == source.NO_SUCH_FOLDER


def code_of(path: Path) -> str:
    with pytest.raises(Problem) as caught:
        survey(path)
    assert caught.value.finding.todo
    return caught.value.finding.code


def findings_of(found: Survey) -> dict[str, str]:
    return {finding.code: finding.what for finding in found.findings}


IMAGE = "S1/t1/0001.dcm"


def image(tmp_path: Path, number: int = 1) -> bytes:
    return write_image(tmp_path / "one" / f"{number}.dcm", image=number).read_bytes()


def test_names_that_lead_out_of_an_archive_are_refused(tmp_path: Path) -> None:
    data = image(tmp_path)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        for name in (IMAGE, "/S1/t1/2.dcm", "../3.dcm", "S1/../../4.dcm", "C:\\5.dcm"):
            file.writestr(name, data)
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for name in (IMAGE, "/S1/t1/2.dcm", "../3.dcm", "S1/../../4.dcm", "C:\\5.dcm"):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    for path in (tmp_path / "x.zip", tmp_path / "x.tar"):
        found = survey(path)
        assert [one.path for series in found.series for one in series.instances] == [IMAGE]
        assert [(other.path, other.kind) for other in found.others] == [
            (name, OtherKind.UNREADABLE) for name in ("../3.dcm", "/S1/t1/2.dcm", "C:\\5.dcm", "S1/../../4.dcm")
        ]
        assert "../3.dcm (" in findings_of(found)["structure.member_name"]


def test_links_in_an_archive_are_named_and_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    write_series(folder / "S1" / "t1")
    links = {"in.dcm": "0001.dcm", "out.dcm": "/etc/passwd", "up.dcm": "../../../../x", "gone.dcm": "nothing"}
    for name, target in links.items():
        (folder / "S1" / "t1" / name).symlink_to(target)
    os.link(folder / "S1" / "t1" / "0001.dcm", folder / "S1" / "t1" / "same.dcm")
    found = survey(packed(folder, "gnu"))
    kinds = {other.path.rpartition("/")[2]: other.kind for other in found.others}
    assert kinds == {**dict.fromkeys(links, OtherKind.LINK), "same.dcm": OtherKind.COPY}
    codes = findings_of(found)
    assert "out.dcm" in codes["structure.link_outside"]
    assert "up.dcm" in codes["structure.link_outside"]
    assert "gone.dcm" in codes["structure.link_broken"]
    assert "in.dcm" in codes["structure.link_skipped"]


def test_a_link_in_a_zip_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr(IMAGE, image(tmp_path))
        link = zipfile.ZipInfo("S1/t1/link.dcm")
        link.create_system = 3
        link.external_attr = 0o120777 << 16
        file.writestr(link, "0001.dcm")
    assert [(other.path, other.kind) for other in survey(tmp_path / "x.zip").others] == [
        ("S1/t1/link.dcm", OtherKind.LINK)
    ]


def patched(path: Path, change: Callable[[bytearray], None]) -> Path:
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)
    return path


def two_images(tmp_path: Path, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", method) as file:
        file.writestr(IMAGE, image(tmp_path, 1))
        file.writestr("S1/t1/0002.dcm", image(tmp_path, 2))
    return tmp_path / "x.zip"


def test_a_member_with_a_password_is_a_finding_and_the_others_go(tmp_path: Path) -> None:
    def lock(data: bytearray) -> None:
        entry = data.rindex(b"PK\x01\x02")
        data[entry + 8] |= 1

    found = survey(patched(two_images(tmp_path), lock))
    assert len(found.series[0].instances) == 1
    assert findings_of(found).keys() == {"structure.member_locked"}


def test_a_member_of_an_unknown_method_or_an_impossible_size_is_a_finding(tmp_path: Path) -> None:
    def method(data: bytearray) -> None:
        struct.pack_into("<H", data, data.rindex(b"PK\x01\x02") + 10, 9)

    def size(data: bytearray) -> None:
        struct.pack_into("<I", data, data.rindex(b"PK\x01\x02") + 24, 0x7FFFFFFF)

    for change, word in ((method, "Deflate64"), (size, "cannot hold them")):
        found = survey(patched(two_images(tmp_path), change))
        assert len(found.series[0].instances) == 1
        assert word in findings_of(found)["structure.unreadable"]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_damaged_bytes_of_a_member_are_noticed_when_it_is_read_to_its_end(tmp_path: Path, method: int) -> None:
    def spoil(data: bytearray) -> None:
        data[data.index(b"PK\x03\x04", 4) - 3] ^= 0xFF

    with open_source(patched(two_images(tmp_path, method), spoil)) as opened, opened.open(IMAGE) as file:
        file.read_at(0, 200)  # its header, once by itself
        with pytest.raises(OSError, match=r"checksum|inflated|shorter"):
            file.read_at(100, file.size_bytes - 100)


def test_members_that_lie_over_each_other_are_a_trap(tmp_path: Path) -> None:
    def overlap(data: bytearray) -> None:
        first, second = data.index(b"PK\x01\x02"), data.rindex(b"PK\x01\x02")
        for entry in (first, second):
            struct.pack_into("<II", data, entry + 20, len(data) - 10, len(data) * 100)
            struct.pack_into("<I", data, entry + 42, 0)

    assert code_of(patched(two_images(tmp_path), overlap)) == source.ARCHIVE_TRAP


def test_too_many_members_are_a_trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("zipped", "tarred"):
        monkeypatch.setattr(f"xnat_wizard.dicom.{module}.MOST_MEMBERS", 1)
    assert code_of(two_images(tmp_path)) == source.ARCHIVE_TRAP
    write_series(tmp_path / "study" / "S1" / "t1")
    assert code_of(packed(tmp_path / "study", "tar.gz")) == source.ARCHIVE_TRAP
    assert members.MOST_MEMBERS > 250_000, "as many images as the largest study that was tried"


def test_a_tar_gz_that_grows_without_end_is_a_trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_INFLATED_BYTES", 1 << 20)
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "a.dcm").write_bytes(bytes(20 << 20))
    (folder / "b.dcm").write_bytes(bytes(20 << 20))
    assert code_of(packed(folder, "tar.gz")) == source.ARCHIVE_TRAP


def test_a_name_without_end_is_a_trap(tmp_path: Path) -> None:
    member = tarfile.TarInfo("././@LongLink")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 1 << 34
    (tmp_path / "x.tar").write_bytes(member.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    assert code_of(tmp_path / "x.tar") == source.ARCHIVE_TRAP


@pytest.mark.parametrize("kind", ["zip", "gnu", "tar.gz"])
def test_an_archive_that_was_cut_says_so(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "study"
    for number in range(1, 4):
        path = write_image(folder / "S1" / "t1" / f"{number}.dcm", image=number)
        with path.open("ab") as file:  # trailing padding, so that the cut falls into the last one
            file.write(struct.pack("<HH2sHI", 0xFFFC, 0xFFFC, b"OB", 0, 40_000) + noise(number, 40_000))
    path = packed(folder, kind)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 5 // 6])
    if kind == "zip":
        assert code_of(path) == source.ARCHIVE_DAMAGED
        return
    found = survey(path)
    assert len(found.series[0].instances) == 2
    assert [(other.path, other.reason) for other in found.others] == [("S1/t1/1.dcm", "the archive ends inside it")]
    assert findings_of(found).keys() == {"survey.archive_cut", "structure.unreadable"}


def test_garbage_inside_a_tar_ends_the_list_there(tmp_path: Path) -> None:
    write_series(tmp_path / "study" / "S1" / "t1", count=3)
    path = packed(tmp_path / "study", "gnu")

    def spoil(data: bytearray) -> None:
        at = data.index(b"S1/t1/0002.dcm")
        data[at : at + 512] = b"\x55" * 512

    found = survey(patched(path, spoil))
    assert [one.path for one in found.series[0].instances] == ["S1/t1/0003.dcm"]
    assert "behind its first 1 files" in findings_of(found)["survey.archive_cut"]


def test_the_later_of_two_members_of_one_name_counts(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for number in (1, 2):
            data = image(tmp_path, number)
            member = tarfile.TarInfo(IMAGE)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    found = survey(tmp_path / "x.tar")
    assert found.series[0].instances[0].instance_number == "2"
    assert found.file_count == 2
    assert findings_of(found).keys() == {"structure.member_older"}


def test_names_of_any_bytes_come_back(tmp_path: Path) -> None:
    data = image(tmp_path)
    odd = os.fsdecode(b"S1/t\xff1/0001.dcm")
    with tarfile.open(tmp_path / "x.tar", "w", format=tarfile.GNU_FORMAT) as tar:
        member = tarfile.TarInfo(odd)
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    assert survey(tmp_path / "x.tar").series[0].instances[0].path == odd


def test_back_slashes_of_old_windows_programs_divide_folders(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        member = zipfile.ZipInfo("x")
        member.filename, member.create_system = "S1\\t1\\0001.dcm", 0
        file.writestr(member, image(tmp_path))
    assert survey(tmp_path / "x.zip").series[0].instances[0].path == IMAGE


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("x.tar.bz2", b"BZh91AY", source.ARCHIVE),
        ("x.rar", b"Rar!\x1a\x07\x00", source.ARCHIVE),
        ("x.zip", b"", source.ARCHIVE_DAMAGED),
        ("x.tgz", b"\x1f\x8b\x08\x00", source.ARCHIVE_DAMAGED),
        ("x.nii.gz", b"\x1f\x8b\x08\x00", source.ARCHIVE),
        ("x.txt", b"PK", source.NOT_A_FOLDER),
    ],
)
def test_what_is_no_readable_archive_is_a_problem(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert code_of(tmp_path / name) == code


@pytest.mark.parametrize("kind", ["zip", "gnu", "tar.gz"])
def test_a_survey_of_an_archive_stops_at_once(tmp_path: Path, kind: str) -> None:
    path = packed(study(tmp_path / "study"), kind)
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        open_source(path, stop=stop)


async def test_a_stopped_run_of_an_archive_says_so(tmp_path: Path) -> None:
    path = packed(study(tmp_path / "study"), "tar.gz")
    run = SurveyRun(path)
    run._gathering.stop.set()
    async with run:
        with pytest.raises(SurveyStopped):
            await run.result()


def test_a_picture_reads_from_an_archive(tmp_path: Path) -> None:
    from xnat_wizard.dicom.picture import read_picture

    folder = study(tmp_path / "study")
    with open_source(packed(folder, "tar.gz")) as opened, opened.open("S1/t1/0001.dcm") as file:
        assert read_picture(file) == read_picture(folder / "S1/t1/0001.dcm")


def test_an_open_file_serves_other_readers(tmp_path: Path) -> None:
    folder = study(tmp_path / "study")
    inner = folder / "notes.txt"
    with open_source(folder) as opened, io.BufferedReader(AsBinary(opened.open("notes.txt"))) as file:
        assert file.read() == inner.read_bytes()
        assert file.seek(-2, io.SEEK_END) == inner.stat().st_size - 2
        assert file.read(5) == inner.read_bytes()[-2:]
    shutil.rmtree(folder)
