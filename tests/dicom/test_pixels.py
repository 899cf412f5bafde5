"""Whether two files hold the same pixels."""

import random
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate

from dicom.images import BIG, DEFLATED, EXPLICIT, IMPLICIT, RLE, as_bytes, header, with_pixels
from xnat_wizard.dicom.pixels import pixels_of


def image(syntax: str = EXPLICIT, *, value: int = 7, patient: str = "P1") -> bytes:
    return as_bytes(with_pixels(header(patient=patient), value=value), syntax)


def test_headers_and_the_order_of_their_bytes_do_not_count_and_pixels_do() -> None:
    first = pixels_of(image())
    assert first is not None
    assert first == pixels_of(image(IMPLICIT, patient="somebody else"))
    assert first != pixels_of(image(value=8))


def test_a_byte_of_padding_does_not_count() -> None:
    def odd(content: bytes) -> Dataset:
        dataset = with_pixels(header())
        dataset.Rows, dataset.Columns, dataset.BitsAllocated = 1, 3, 8
        dataset.BitsStored, dataset.HighBit, dataset.PixelData = 8, 7, content
        return dataset

    assert pixels_of(as_bytes(odd(b"abc\0"))) == pixels_of(as_bytes(odd(b"abcx")))
    assert pixels_of(as_bytes(odd(b"abc\0"))) != pixels_of(as_bytes(odd(b"abd\0")))


def test_the_shape_counts() -> None:
    dataset = with_pixels(header())
    dataset.Rows, dataset.Columns = 2, 8
    assert pixels_of(as_bytes(dataset)) != pixels_of(image())


def test_compressed_pixels_have_a_form_of_their_own() -> None:
    dataset = with_pixels(header())
    dataset.PixelData = encapsulate([b"\x01" + bytes(71)])
    dataset["PixelData"].is_undefined_length = True
    found = pixels_of(as_bytes(dataset, RLE))
    assert found is not None
    assert found.form == RLE


@pytest.mark.parametrize("data", [b"", b"no DICOM" * 100, as_bytes(header()), image(BIG), image()[:200]])
def test_what_has_no_pixels_to_compare_has_none(data: bytes) -> None:
    assert pixels_of(data) is None


def test_every_real_image_reads_without_an_error(shared_data: Path) -> None:
    found = [pixels_of(path.read_bytes()) for path in sorted(shared_data.rglob("*.dcm"))]
    assert any(found)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, DEFLATED])
def test_a_damaged_file_has_none_that_can_be_compared_and_ends_nothing(syntax: str) -> None:
    whole = image(syntax)
    chance = random.Random(syntax)  # noqa: S311  a test that can be repeated
    for _ in range(500):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 5, 30))):
            damaged[chance.randrange(132, len(damaged))] = chance.randrange(256)
        pixels_of(bytes(damaged[: chance.choice((len(damaged), chance.randrange(len(damaged))))]))


def test_pixels_of_an_image_without_a_size_are_not_all_equal() -> None:
    def shapeless(value: int) -> bytes:
        dataset = with_pixels(header(), value=value)
        dataset.Rows = 0
        return as_bytes(dataset)

    assert pixels_of(shapeless(7)) != pixels_of(shapeless(8))
