"""PAR headers without names: as long as they were, and read by others as before."""

from pathlib import Path

import pytest

from dicom.images import write_pair
from xnat_wizard.dicom.opened import FolderFile
from xnat_wizard.upload.deidentify.choice import Deidentification, Keep
from xnat_wizard.upload.deidentify.holding import HeldBackError
from xnat_wizard.upload.deidentify.parrec import blanked

NAMED = (
    b".    Patient name                       :   Musterfrau^Erika\r\n"
    b".    Examination name                   :   Knie Erika\r\n"
    b".    Protocol name                      :   WIP T1 SENSE\r\n"
    b".    Examination date/time              :   2014.08.05 / 11:27:34\r\n"
    b".    Patient position                   :   Head First Supine\r\n"
    b".    Hospital comment                   :   Sankt Beispiel\r\n"
    b".    Scanned by                         :   Doktor Seltsam\r\n"
    b".    Number of averages                 :   2\r\n"
    b"# Dataset name: H:\\Export\\Musterfrau_7_1\r\n"
    b"#  slice number                             (integer)\r\n"
    b"  1   1  1  1 0 2     0  16    62  240  240\r\n"
)


def blank(path: Path, *keep: Keep, days: int = -100) -> bytes:
    file = FolderFile(str(path))
    try:
        return blanked(file, Deidentification.of(keep), days, "S1")
    finally:
        file.close()


def test_names_go_and_the_measurement_stays(tmp_path: Path) -> None:
    path = tmp_path / "one.PAR"
    path.write_bytes(NAMED)
    made = blank(path)
    assert len(made) == len(NAMED)
    for word in (b"Musterfrau", b"Erika", b"Beispiel", b"Seltsam", b"2014", b"WIP"):
        assert word not in made
    for word in (
        b"Head First Supine",
        b"averages                 :   2",
        b"slice number",
        b"  1   1  1  1 0 2     0  16    62  240  240\r\n",
        b":   S1 ",
    ):
        assert word in made


@pytest.mark.parametrize(
    ("keep", "date"),
    [
        ((), b"1900.01.01 / 00:00:00"),
        ((Keep.DATES,), b"2014.08.05 / 11:27:34"),
        ((Keep.SHIFTED_DATES,), b"2014.04.27 / 11:27:34"),
    ],
)
def test_the_date_goes_stays_or_moves(tmp_path: Path, keep: tuple[Keep, ...], date: bytes) -> None:
    path = tmp_path / "one.PAR"
    path.write_bytes(NAMED)
    assert date in blank(path, *keep)
    assert b"WIP T1 SENSE" in blank(path, Keep.DESCRIPTIONS)


@pytest.mark.parametrize("line", [b"Musterfrau\n", b". without a colon\n", b"1 2 3 Erika\n"])
def test_what_cannot_be_followed_is_held_back(tmp_path: Path, line: bytes) -> None:
    write_pair(tmp_path)
    path = tmp_path / "scan.PAR"
    path.write_bytes(path.read_bytes() + line)
    with pytest.raises(HeldBackError):
        blank(path)


def test_real_headers_are_read_as_before(shared_data: Path) -> None:
    nibabel = pytest.importorskip("nibabel.parrec", reason="nibabel is not installed")
    count = 0
    for path in sorted((shared_data / "parrec").rglob("*")):
        if path.suffix.lower() != ".par":
            continue
        made = blank(path).decode("latin-1")
        assert len(made) == path.stat().st_size
        try:
            before, rows = nibabel.parse_PAR_header(path.read_text("latin-1").splitlines(keepends=True))
        except Exception:  # noqa: BLE001, S112  some are broken on purpose
            continue
        after, same_rows = nibabel.parse_PAR_header(made.splitlines(keepends=True))
        assert (rows == same_rows).all()
        hidden = {"patient_name", "exam_name", "exam_date", "protocol_name"}
        for key in before:
            assert key in hidden or str(before[key]) == str(after[key]), (path, key)
        count += 1
    assert count > 5
