"""Both ways of converting: their images lie in the same place and hold the same values, or the difference is known."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from convert.images import write_dicom, write_pair
from convert.ways import converted, need, offered
from xnat_wizard.convert import model, nifti, outputs
from xnat_wizard.convert.geometry import Difference, compare
from xnat_wizard.convert.model import Item, Way
from xnat_wizard.dicom.source import Source
from xnat_wizard.findings import Problem


def canonical(path: Path) -> Any:
    """Return the values of an image, its axes turned and flipped to run right, front, up."""
    nibabel: Any = importlib.import_module("nibabel")
    return nibabel.as_closest_canonical(nibabel.load(path)).get_fdata()


def both(source: Source, item: Item) -> dict[str, tuple[Difference, int, int, float]]:
    """Convert by both ways; return difference of geometry, volumes of each, and the relative difference of values."""
    import numpy as np

    found = {}
    with converted(source, item, Way.DCM2NIIX) as one, converted(source, item, Way.NIBABEL) as other:
        assert other.outputs
        for left in one.outputs:
            right = next((output for output in other.outputs if output.suffix == left.suffix), None)
            if right is None:
                continue
            values = [canonical(output.nifti) for output in (left, right)]
            largest = float(np.abs(values[0]).max())
            is_alike = values[0].shape == values[1].shape
            spread = float(np.abs(values[0] - values[1]).max()) / largest if is_alike else -1.0
            shapes = [nifti.read_geometry(output.nifti) for output in (left, right)]
            found[left.suffix] = (compare(*shapes), shapes[0].volumes, shapes[1].volumes, spread)
    return found


def test_real_pairs_have_the_same_geometry_and_values_by_both_ways(shared_data: Path) -> None:
    need(*Way)
    seen = {}
    with offered(shared_data / "parrec") as (source, offer):
        for item in offer.items:
            if item.version in {"V4.1", "V4.2"} and item.description != "Survey_32ch_HeadCoil":
                assert item.pair
                seen[item.pair.par_path] = both(source, item)
    assert len(seen) == 12
    for path, images in seen.items():
        for difference, volumes, others, spread in images.values():
            assert difference.is_none, f"{path}: {difference}"
            if path.endswith("DTI.PAR"):  # dcm2niix takes the trace volume out, nibabel keeps it in
                assert (volumes, others) == (7, 8)
            else:
                assert volumes == others, path
                assert 0 <= spread < 2e-5, path
    assert set(seen["nitest-balls1/fieldmap.PAR"]) == {"", "_ph"}


def test_dcm2niix_places_older_versions_half_a_voxel_elsewhere(shared_data: Path) -> None:
    """The three rewritten T2 pairs and the V4.2 one hold the same scan: nibabel agrees with V4.2, dcm2niix does not."""
    need(*Way)
    places = {}
    with offered(shared_data / "parrec") as (source, offer):
        for item in offer.items:
            if item.description == "T2 SENSE":
                with converted(source, item, Way.DCM2NIIX) as made:
                    places["dcm2niix", item.version] = nifti.read_geometry(made.outputs[0].nifti)
                    noted = {finding.code for finding in made.findings}
                    assert (model.HALF_VOXEL in noted) == (item.version in {"V3", "V4"})
                if item.version != "V3":
                    with converted(source, item, Way.NIBABEL) as made:
                        places["nibabel", item.version] = nifti.read_geometry(made.outputs[0].nifti)
    newest = places["dcm2niix", "V4.2"]
    for known in [("dcm2niix", "V4.1"), ("nibabel", "V4.2"), ("nibabel", "V4.1"), ("nibabel", "V4")]:
        assert compare(newest, places[known]).is_none, known
    for old in ("V3", "V4"):
        shift = compare(newest, places["dcm2niix", old])
        assert (shift.shape, shift.voxel_size, shift.direction) == ("", "", "")
        assert [abs(along) for along in shift.shift_voxels] == pytest.approx([0.5, 0.5, 0.0], abs=0.01)


def test_nibabel_does_not_read_the_oldest_version(shared_data: Path) -> None:
    need(Way.NIBABEL)
    with offered(shared_data / "parrec") as (source, offer):
        item = next(item for item in offer.items if item.version == "V3")
        with pytest.raises(Problem) as refused, converted(source, item, Way.NIBABEL):
            pass
    assert refused.value.finding.code == model.WAY_UNFIT


def test_parrec_and_dicom_of_one_exam_lie_in_the_same_place(shared_data: Path) -> None:
    need(Way.DCM2NIIX)
    places = {}
    for folder, name in (("parrec/nitest-balls1", "T2 SENSE"), ("dicom/mr-philips-enhanced-same-exam-as-parrec", "T2")):
        with offered(shared_data / folder) as (source, offer):
            item = next(item for item in offer.items if item.description == name)
            with converted(source, item, Way.DCM2NIIX) as made:
                places[name] = nifti.read_geometry(made.outputs[0].nifti)
    difference = compare(places["T2 SENSE"], places["T2"])
    assert difference.is_none, str(difference)


def test_a_localizer_is_not_stacked_into_one_volume(tmp_path: Path) -> None:
    write_pair(tmp_path / "S1", orientations=(1, 2))
    with offered(tmp_path) as (source, offer):
        item = offer.items[0]
        with pytest.raises(Problem) as refused, converted(source, item, Way.DCM2NIIX):
            pass
    assert refused.value.finding.code == model.ORIENTATIONS_VARY


@pytest.mark.parametrize(
    ("kinds", "names"),
    [
        (((1, 1, 0),), {""}),
        (((1, 1, 0), (1, 2, 0), (1, 3, 0)), {""}),
        (((1, 1, 0), (1, 1, 3)), {"", "_ph"}),
        (((1, 1, 0), (2, 1, 0)), {"_e1", "_e2"}),
    ],
    ids=["one volume", "three dynamics", "magnitude and phase", "two echoes"],
)
def test_made_pairs_are_equal_by_both_ways(
    tmp_path: Path, kinds: tuple[tuple[int, int, int], ...], names: set[str]
) -> None:
    need(*Way)
    write_pair(tmp_path / "S1", kinds=kinds)
    with offered(tmp_path) as (source, offer):
        found = both(source, offer.items[0])
    assert set(found) == names
    for difference, volumes, others, spread in found.values():
        assert difference.is_none, str(difference)
        assert volumes == others
        assert 0 <= spread < 1e-6


def test_a_pair_whose_names_differ_in_case_is_converted(tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    write_pair(tmp_path / "S1").rename(tmp_path / "S1" / "SCAN.par")
    with offered(tmp_path) as (source, offer), converted(source, offer.items[0], Way.DCM2NIIX) as made:
        assert nifti.read_geometry(made.outputs[0].nifti).shape == (8, 8, 4)


def test_dicom_is_converted_with_its_echoes_told_apart(tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    write_dicom(tmp_path / "S1" / "gre", echoes=(5.0, 7.5))
    with offered(tmp_path) as (source, offer):
        (item,) = offer.items
        assert [(kind.echo, kind.images) for kind in item.variants] == [(1, 4), (2, 4)]
        with converted(source, item, Way.DCM2NIIX) as made:
            assert [(output.suffix, output.traits.echo) for output in made.outputs] == [("_e1", 1), ("_e2", 2)]
            assert outputs.read(made.outputs[1].sidecar)["EchoTime"] == 0.0075


def test_nibabel_does_not_convert_dicom(tmp_path: Path) -> None:
    write_dicom(tmp_path / "S1" / "t1")
    with offered(tmp_path) as (source, offer):
        item = offer.items[0]
        with pytest.raises(Problem) as refused, converted(source, item, Way.NIBABEL):
            pass
    assert refused.value.finding.code == model.WAY_UNFIT


def test_the_originals_are_not_touched(tmp_path: Path) -> None:
    need(*Way)
    write_pair(tmp_path / "S1")
    files = sorted((tmp_path / "S1").iterdir())
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]
    with offered(tmp_path) as (source, offer):
        both(source, offer.items[0])
    assert sorted((tmp_path / "S1").iterdir()) == files
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in files] == before


@pytest.mark.parametrize(
    "folder",
    ["mr-siemens-skyra-epi", "mr-siemens-xa30-enhanced", "mr-philips-enhanced-same-exam-as-parrec"],
)
def test_outputs_have_the_traits_that_the_tester_sees(shared_data: Path, folder: str) -> None:
    need(Way.DCM2NIIX)
    count = 0
    with offered(shared_data / "dicom" / folder) as (source, offer):
        for item in offer.items:
            with converted(source, item, Way.DCM2NIIX) as made:
                for output in made.outputs:
                    if "ADC" not in output.suffix:
                        assert output.traits in item.variants, f"{item.number} {output.suffix}"
                        count += 1
    assert count
