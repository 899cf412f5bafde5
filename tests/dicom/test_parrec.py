"""PAR/REC: every real pair reads, each kind of damage is named."""

import shutil
from pathlib import Path

import pytest

from dicom.images import write_pair, write_series
from xnat_wizard.dicom import structure
from xnat_wizard.dicom.model import OtherKind
from xnat_wizard.dicom.opened import FolderFile
from xnat_wizard.dicom.parrec import BrokenPar, NoPar, Par, date_in, match, read_open_par
from xnat_wizard.dicom.survey import survey


def read(path: Path) -> Par:
    with FolderFile(str(path)) as file:
        return read_open_par(file)


def test_every_real_pair_fits(shared_data: Path) -> None:
    found = survey(shared_data / "parrec")
    versions = {pair.version for pair in found.pairs}
    assert versions == {"V3", "V4", "V4.1", "V4.2"}
    assert len(found.pairs) == 15
    assert [other.kind for other in found.others] == [OtherKind.PARREC] * 2
    names = {pair.par_path: pair.protocol_name for pair in found.pairs}
    assert names["nitest-balls1/T2.PAR"] == "T2 SENSE"


@pytest.mark.parametrize("version", ["V3", "V4", "V4.1", "V4.2"])
def test_every_version_says_which_acquisition_it_is(shared_data: Path, version: str) -> None:
    folder = shared_data / "parrec"
    par = "nitest-balls1/T2.PAR" if version == "V4.2" else f"t2-as-older-versions/T2_{version}.PAR"
    said = read(folder / par)
    assert (said.version, said.protocol_name, said.acquisition, said.reconstruction, said.study_date) == (
        version,
        "T2 SENSE",
        "7",
        "1",
        "20140805",
    )
    assert (said.image_count, said.rec_size_bytes) == (10, (folder / par).with_suffix(".REC").stat().st_size)


@pytest.mark.parametrize("version", ["V3", "V4", "V4.1", "V4.2"])
@pytest.mark.parametrize("endings", [(".par", ".rec"), (".Par", ".REC"), (".PAR", ".rec")])
def test_letters_of_the_endings_do_not_count(
    shared_data: Path, tmp_path: Path, version: str, endings: tuple[str, str]
) -> None:
    name = "nitest-balls1/T2" if version == "V4.2" else f"t2-as-older-versions/T2_{version}"
    (tmp_path / "S1" / "t2").mkdir(parents=True)
    for old, new in zip((".PAR", ".REC"), endings, strict=True):
        shutil.copy(shared_data / "parrec" / f"{name}{old}", tmp_path / "S1" / "t2" / f"x{new}")
    found = survey(tmp_path)
    assert [(pair.version, pair.par_path[-4:], pair.rec_path[-4:]) for pair in found.pairs] == [(version, *endings)]
    assert not found.findings


@pytest.mark.parametrize("version", ["V3", "V4", "V4.1", "V4.2"])
def test_a_cut_rec_of_any_version_is_told(shared_data: Path, tmp_path: Path, version: str) -> None:
    name = "nitest-balls1/T2" if version == "V4.2" else f"t2-as-older-versions/T2_{version}"
    (tmp_path / "S1" / "t2").mkdir(parents=True)
    shutil.copy(shared_data / "parrec" / f"{name}.PAR", tmp_path / "S1" / "t2" / "x.PAR")
    data = (shared_data / "parrec" / f"{name}.REC").read_bytes()
    (tmp_path / "S1" / "t2" / "x.REC").write_bytes(data[:-1])
    found = survey(tmp_path)
    assert found.pairs == ()
    cut = next(finding for finding in found.findings if finding.code == structure.PARREC_SIZE)
    assert f"{len(data) - 1} bytes, the PAR describes {len(data)}" in cut.what


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2014.08.05 / 11:27:34", "20140805"),
        ("02.09.2020 / 12:08:36", "20200902"),
        ("2014-8-5", "20140805"),
        ("2014.13.05", ""),
        ("", ""),
        ("12014.08.05", ""),
    ],
)
def test_the_day_of_an_examination_is_read_either_way_round(text: str, day: str) -> None:
    assert date_in(text) == day


def test_a_par_says_how_long_its_rec_is(tmp_path: Path) -> None:
    write_pair(tmp_path, images=3)
    par = read(tmp_path / "scan.PAR")
    assert (par.version, par.protocol_name, par.image_count, par.rec_size_bytes) == ("V4.2", "T1 SENSE", 3, 96)


def test_a_par_cut_anywhere_before_its_last_row_is_broken(tmp_path: Path) -> None:
    write_pair(tmp_path, images=3)
    data = (tmp_path / "scan.PAR").read_bytes()
    cut = tmp_path / "cut.PAR"
    first_row = data.index(b"  1 16")
    for length in range(40, first_row + 5):
        cut.write_bytes(data[:length])
        with pytest.raises(BrokenPar, match="cut"):
            read(cut)
    for length in range(len(data)):
        cut.write_bytes(data[:length])
        try:
            assert read(cut).rec_size_bytes <= 96
        except (BrokenPar, NoPar):
            continue


def test_other_files_named_par_are_no_par(tmp_path: Path) -> None:
    (tmp_path / "x.par").write_bytes(b"PAR2\0PKT" + bytes(100))
    with pytest.raises(NoPar):
        read(tmp_path / "x.par")


def test_partners_are_matched_exactly_first_then_without_case() -> None:
    found = match(["a/s.par", "a/s.rec", "a/S.PAR", "a/S.REC", "a/t.PAR", "a/T.rec", "b/t.rec", "a/u.par"])
    assert [(pair.par_path, pair.rec_path, pair.is_case_odd) for pair in found] == [
        ("a/S.PAR", "a/S.REC", False),
        ("a/s.par", "a/s.rec", False),
        ("a/t.PAR", "a/T.rec", True),
        ("a/u.par", "", False),
        ("", "b/t.rec", False),
    ]


def test_a_pair_that_does_not_fit_is_not_sent(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "t1")
    write_pair(tmp_path / "S1" / "pair")
    (tmp_path / "S1" / "pair" / "scan.REC").write_bytes(bytes(63))
    found = survey(tmp_path)
    assert found.pairs == ()
    assert [(finding.code, finding.where) for finding in found.findings] == [(structure.PARREC_SIZE, "S1/pair")]
    assert "63 bytes" in found.findings[0].what
    assert {other.path for other in found.others} == {"S1/pair/scan.PAR", "S1/pair/scan.REC"}
