"""What keeps a conversion from its end: missing and failing programs, broken headers, folders that refuse."""

import fcntl
import struct
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from threading import Event, Timer

import pytest
from pydicom import Dataset

from convert.images import write_dicom, write_pair
from convert.ways import converted, need, offered
from dicom.images import EXPLICIT, as_bytes, header, with_pixels
from xnat_wizard.convert import by_dcm2niix, by_nibabel, children, placing, selection, validator
from xnat_wizard.convert.geometry import compare
from xnat_wizard.convert.model import Way
from xnat_wizard.convert.nifti import Geometry
from xnat_wizard.dicom.source import open_source
from xnat_wizard.dicom.survey import survey
from xnat_wizard.dicom.walk import Stopped
from xnat_wizard.findings import Problem


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder that programs are looked for in."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    return folder


def script(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    path.chmod(0o755)
    return path


def code_of(source: Path, way: Way = Way.DCM2NIIX) -> tuple[str, str]:
    with offered(source) as (opened, offer), pytest.raises(Problem) as refused, converted(opened, offer.items[0], way):
        pass
    return refused.value.finding.code, refused.value.finding.why


def test_a_converter_that_is_not_there_says_how_to_get_it(programs: Path) -> None:
    with pytest.raises(Problem) as refused:
        by_dcm2niix.program()
    assert refused.value.finding.code == "convert.converter_missing"
    assert any("pip install" in step for step in refused.value.finding.todo)
    script(programs, "dcm2niix")
    assert by_dcm2niix.program() == programs / "dcm2niix"


def test_a_converter_that_makes_nothing_is_told_with_what_it_said(tmp_path: Path, programs: Path) -> None:
    write_dicom(tmp_path / "study" / "s" / "a")
    script(programs, "dcm2niix", 'for last; do :; done; echo "Error: cannot read $last"; exit 2')
    assert code_of(tmp_path / "study") == ("convert.converter_failed", "cannot read the series")
    script(programs, "dcm2niix", "exit 3")
    assert code_of(tmp_path / "study") == ("convert.converter_failed", "It ended with 3 and gave no reason")


def test_images_of_a_converter_that_failed_half_way_are_kept_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need(Way.DCM2NIIX)
    real = by_dcm2niix.program()
    write_dicom(tmp_path / "study" / "s" / "a")
    folder = tmp_path / "bin"
    folder.mkdir()
    script(folder, "dcm2niix", f'{real} "$@"', 'echo "Warning: a slice is missing"', "exit 1")
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    with offered(tmp_path / "study") as (source, offer), converted(source, offer.items[0], Way.DCM2NIIX) as made:
        assert made.outputs
        assert {"convert.converter_failed", "convert.converter_warned"} <= {one.code for one in made.findings}
        assert any("a slice is missing" in one.why for one in made.findings)


def test_a_program_that_does_not_want_to_end_is_killed(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "_PATIENCE_S", 0.1)
    stop = Event()
    Timer(0.2, stop.set).start()
    with pytest.raises(Stopped):
        children.run([str(script(programs, "deaf", "trap '' TERM", "while :; do sleep 0.05; done"))], stop)


def test_the_second_way_says_what_it_cannot_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_dicom(tmp_path / "study" / "s" / "a")
    assert code_of(tmp_path / "study", Way.NIBABEL)[0] == "convert.way_unfit"
    write_pair(tmp_path / "pairs" / "s" / "a")

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert code_of(tmp_path / "pairs", Way.NIBABEL)[0] == "convert.converter_missing"
    with pytest.raises(Problem):
        by_nibabel.version()


def test_a_pair_that_the_second_way_cannot_read_is_told(tmp_path: Path) -> None:
    need(Way.NIBABEL)
    write_pair(tmp_path / "pairs" / "s" / "a")
    (par,) = (tmp_path / "pairs").rglob("*.PAR")
    text = par.read_text(encoding="latin-1")
    with offered(tmp_path / "pairs") as (source, offer):
        par.write_text(text.replace("Max. number of slices/locations", "Max. number of nothing"), encoding="latin-1")
        with pytest.raises(Problem) as refused, converted(source, offer.items[0], Way.NIBABEL):
            pass
    assert refused.value.finding.code == "convert.converter_failed"


def test_a_validator_that_is_missing_or_says_nonsense_is_a_finding(tmp_path: Path, programs: Path) -> None:
    (missing,) = validator.validate(tmp_path).findings
    assert missing.code == "convert.validator_missing"
    script(programs, "bids-validator-deno", "echo nonsense; exit 7")
    judged = validator.validate(tmp_path)
    assert not judged.has_judged
    assert judged.findings[0].code == "convert.validator_failed"
    assert "7" in judged.findings[0].why
    script(programs, "bids-validator-deno", """echo '{"issues": {"issues": []}}'""")
    assert validator.validate(tmp_path).has_judged


def test_a_series_whose_header_is_none_is_told_and_the_others_are_offered(tmp_path: Path) -> None:
    for name, number in (("a", 1), ("b", 2), ("c", 3)):
        data = as_bytes(with_pixels(header(series=number)), EXPLICIT)
        if name == "b":
            at = data.index(struct.pack("<HH", 0x0020, 0x000D))
            data = data[:at] + struct.pack("<HH2sH", 0x0018, 0x0081, b"FL", 6) + b"abcdef" + data[at:]
        path = tmp_path / "study" / "s" / name / "1.dcm"
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    write_pair(tmp_path / "study" / "s" / "d")
    found = survey(tmp_path / "study")
    assert len(found.series) == 3
    (tmp_path / "study/s/c/1.dcm").unlink()
    next((tmp_path / "study/s/d").rglob("*.PAR")).unlink()
    with open_source(found.source) as source:
        offer = selection.offer(found, source)
    assert [item.number for item in offer.items] == ["1"]
    told = {finding.where: finding.why for finding in offer.findings}
    assert {Path(where).parts[1] for where in told} == {"b", "c", "d"}
    assert told["s/b"] == "its header cannot be read: BytesLengthException"
    assert told["s/c"] == "No such file or directory"


def enhanced(**frame: object) -> Dataset:
    """Return the groups of one frame."""
    groups, kind, echo = Dataset(), Dataset(), Dataset()
    kind.FrameType, kind.ComplexImageComponent = frame["type"], frame["component"]
    echo.EffectiveEchoTime = frame["echo"]
    groups.MRImageFrameTypeSequence, groups.MREchoSequence = [kind], [echo]
    return groups


def test_an_enhanced_image_has_a_kind_for_each_echo_and_component(tmp_path: Path) -> None:
    image = with_pixels(header())
    image.ProtocolName = "field map"
    image.PerFrameFunctionalGroupsSequence = [
        enhanced(type=["ORIGINAL", "PRIMARY"], component=component, echo=echo)
        for echo in (4.9, 7.4)
        for component in ("MAGNITUDE", "PHASE")
    ]
    path = tmp_path / "study/s/a/1.dcm"
    path.parent.mkdir(parents=True)
    path.write_bytes(as_bytes(image))
    with offered(tmp_path / "study") as (_, offer):
        (item,) = offer.items
    kinds = [(kind.image_type, kind.echo, kind.protocol) for kind in item.variants]
    assert kinds == [(("ORIGINAL", "PRIMARY", letter), echo, "field map") for echo in (1, 2) for letter in ("M", "P")]


GEOMETRY = Geometry((4, 5, 6), 1, (1.0, 1.0, 2.0), ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 2.0)), (0.0, 0.0, 0.0))


def other(**changes: object) -> str:
    return str(compare(GEOMETRY, replace(GEOMETRY, **changes)))  # type: ignore[arg-type]  # a test's words


def test_images_that_lie_elsewhere_are_told_how() -> None:
    assert other() == "none"
    assert compare(GEOMETRY, GEOMETRY.flipped(1)).is_none
    assert other(shape=(4, 5, 7)) == "4 x 5 x 7, not 4 x 5 x 6"
    assert other(voxel_size=(1.0, 1.0, 3.0)) == "voxels of 1.000 x 1.000 x 3.000 mm, not 1.000 x 1.000 x 2.000 mm"
    turned = ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 2.0))
    assert other(columns=turned) == "axes that point elsewhere"
    assert other(origin=(0.0, 0.0, 1.0)) == "1.00 mm apart, in voxels (0.00, 0.00, 0.50)"


def test_an_output_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(Problem) as refused, placing.working_folder(tmp_path / "file" / "out", "/nowhere"):
        pass
    assert refused.value.finding.code == "convert.target_refused"


def test_working_folders_of_killed_runs_go_and_those_of_others_stay(tmp_path: Path) -> None:
    for name in ("dead", "alive"):
        (tmp_path / f".convert-{name}").mkdir()
        (tmp_path / f".convert-{name}" / "lock").touch()
    with (tmp_path / ".convert-alive" / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with placing.working_folder(tmp_path, "/nowhere"):
            left = {path.name for path in tmp_path.iterdir()}
    assert ".convert-dead" not in left
    assert ".convert-alive" in left


def test_a_file_that_cannot_take_its_place_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        placing.write_whole(tmp_path / "taken", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
