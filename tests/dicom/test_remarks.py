"""Remarks on images that go: compressed pixels, objects without a picture, gaps in the numbers."""

from pathlib import Path

import pytest

from dicom.images import write_image, write_series
from xnat_wizard.dicom import structure
from xnat_wizard.dicom.remarks import kind_without_picture, syntax_name
from xnat_wizard.dicom.survey import survey
from xnat_wizard.findings import Severity


def test_gaps_are_noted_and_hold_nothing_back(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "t1", count=3)
    write_image(tmp_path / "S1" / "t1" / "9.dcm", image=9)
    found = survey(tmp_path)
    assert [(finding.code, finding.severity) for finding in found.findings] == [(structure.GAP, Severity.NOTE)]
    assert "series 1 t1 1 (4 files, numbers from 1 to 9)" in found.findings[0].what
    assert not found.series[0].held_by


def test_numbers_that_repeat_or_begin_late_are_no_gaps(tmp_path: Path) -> None:
    for image in range(1, 7):
        write_image(tmp_path / "S1" / "echoes" / f"{image}.dcm", image=image, InstanceNumber=image % 3)
        write_image(tmp_path / "S1" / "late" / f"{image}.dcm", image=image, series=2, InstanceNumber=100 + image)
    assert survey(tmp_path).findings == ()


def test_reports_are_noted_and_go(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "t1")
    write_image(tmp_path / "S1" / "sr" / "1", series=99, Modality="SR", SOPClassUID="1.2.840.10008.5.1.4.1.1.88.22")
    found = survey(tmp_path)
    assert [finding.code for finding in found.findings] == [structure.NO_PICTURE]
    assert len(found.series) == 2
    assert not any(series.held_by for series in found.series)


@pytest.mark.parametrize(
    ("transfer_syntax_uid", "name"),
    [
        ("1.2.840.10008.1.2.4.50", "JPEG"),
        ("1.2.840.10008.1.2.4.70", "JPEG Lossless"),
        ("1.2.840.10008.1.2.4.80", "JPEG-LS"),
        ("1.2.840.10008.1.2.4.90", "JPEG 2000"),
        ("1.2.840.10008.1.2.4.103", "MPEG"),
        ("1.2.840.10008.1.2.4.201", "HTJ2K"),
        ("1.2.840.10008.1.2.5", "RLE"),
        ("1.2.840.10008.1.2.1.99", "deflated"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_transfer_syntaxes_have_short_names(transfer_syntax_uid: str, name: str) -> None:
    assert syntax_name(transfer_syntax_uid) == name


@pytest.mark.parametrize(
    ("sop_class_uid", "kind"),
    [
        ("1.2.840.10008.5.1.4.1.1.4", ""),
        ("1.2.840.10008.5.1.4.1.1.66", "raw data"),
        ("1.2.840.10008.5.1.4.1.1.66.4", ""),
        ("1.2.840.10008.5.1.4.1.1.88.33", "report"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "presentation state"),
        ("1.2.840.10008.5.1.4.1.1.481.2", ""),
        ("1.2.840.10008.5.1.4.1.1.481.3", "RT structure set"),
        ("1.3.12.2.1107.5.9.1", "Siemens raw data"),
        ("1.2.3", ""),
    ],
)
def test_objects_without_a_picture_are_known(sop_class_uid: str, kind: str) -> None:
    assert kind_without_picture(sop_class_uid) == kind


def test_compressed_real_series_are_noted(shared_data: Path) -> None:
    found = survey(shared_data / "dicom" / "mr-jpeg-fragmented")
    said = " ".join(finding.what for finding in found.findings if finding.code == structure.COMPRESSED)
    assert "JPEG Lossless" in said
    assert "JPEG 2000" in said
