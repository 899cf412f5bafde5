"""Pictures: gray pixels of the right size from whatever pydicom can decode, and plain words for the rest."""

import contextlib
import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom import Dataset
from pydicom.sequence import Sequence

from dicom.images import as_bytes, header, with_pixels
from xnat_wizard.dicom.graylevels import Window
from xnat_wizard.dicom.picture import Picture, frame_of, picture_from_jpeg, read_frame, read_picture
from xnat_wizard.findings import Problem

RAMP = np.arange(64, dtype=np.uint16).reshape(8, 8) * 10


def gray_image(values: np.ndarray = RAMP, photometric: str = "MONOCHROME2", **attributes: object) -> bytes:
    dataset = with_pixels(header(), side=8)
    dataset.PhotometricInterpretation = photometric
    dataset.PixelData = values.astype("<u2").tobytes()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return as_bytes(dataset)


def levels(picture: Picture) -> np.ndarray:
    return np.frombuffer(picture.pixels, np.uint8).reshape(picture.height, picture.width)


def code_of(data: bytes, frame: int = 0) -> str:
    with pytest.raises(Problem) as caught:
        read_picture(data, frame=frame)
    assert caught.value.finding.todo
    return caught.value.finding.code


def test_without_a_window_the_range_is_stretched(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(gray_image())
    picture = read_picture(tmp_path / "x")
    assert (picture.width, picture.height) == (8, 8)
    assert levels(picture).min() == 0
    assert levels(picture).max() == 255
    assert (np.diff(levels(picture).ravel().astype(int)) >= 0).all()
    assert picture.caption == "MR 1 t1 1, image 1, 8 x 8"


def test_the_window_of_the_header_counts() -> None:
    picture = levels(read_picture(gray_image(WindowCenter=100, WindowWidth=200)))
    assert (picture.ravel()[21:] == 255).all()
    assert picture.ravel()[10] == pytest.approx(128, abs=2)


def test_a_window_that_shows_nothing_is_not_used() -> None:
    picture = levels(read_picture(gray_image(WindowCenter=100000, WindowWidth=200000)))
    assert picture.max() - picture.min() == 255


@pytest.mark.parametrize("window", [(10, 20), (1, 1)])
def test_a_window_that_draws_nearly_all_white_is_not_used(window: tuple[int, int]) -> None:
    values = RAMP + 15
    values[0] = 0
    picture = levels(read_picture(gray_image(values, WindowCenter=window[0], WindowWidth=window[1])))
    assert (picture == 255).mean() < 0.1
    assert len(np.unique(picture)) > 32


def test_a_window_that_leaves_only_black_and_white_is_not_used() -> None:
    picture = levels(read_picture(gray_image(WindowCenter=320, WindowWidth=1)))
    assert len(np.unique(picture)) > 32


def test_a_frame_is_drawn_through_any_window() -> None:
    frame = read_frame(io.BytesIO(gray_image(WindowCenter=100, WindowWidth=200)).getvalue())
    assert frame.file_window == frame.first_window == Window(100, 200)
    assert frame.picture(Window(10000, 10)).pixels == bytes(64)
    assert np.mean(levels(frame.picture(frame.first_window.moved(2)))) < np.mean(levels(frame.picture()))
    assert np.std(levels(frame.picture(frame.first_window.widened(4)))) < np.std(levels(frame.picture()))
    assert np.ptp(levels(frame.picture(frame.own_window))) == 255


def test_the_last_frame_is_counted_from_the_end() -> None:
    dataset = with_pixels(header(), side=8)
    dataset.NumberOfFrames = 3
    dataset.PixelData = b"".join((RAMP + frame).astype("<u2").tobytes() for frame in range(3))
    last = read_frame(as_bytes(dataset), frame=-1)
    assert (last.place, last.count) == (2, 3)
    assert last.values.min() == 2


def test_a_picture_that_is_gray_already_stays_as_it_is() -> None:
    picture = Picture(4, 2, bytes([0, 100, 200, 255, 1, 2, 254, 30]), "x")
    assert frame_of(picture).picture() == picture


def test_rescale_comes_before_the_window() -> None:
    picture = levels(read_picture(gray_image(WindowCenter=0, WindowWidth=400, RescaleSlope=1, RescaleIntercept=-320)))
    assert picture.ravel()[32] == pytest.approx(128, abs=2)


def test_monochrome1_is_turned_round() -> None:
    plain = levels(read_picture(gray_image())).astype(int)
    turned = levels(read_picture(gray_image(photometric="MONOCHROME1"))).astype(int)
    assert (abs(plain + turned - 255) <= 1).all()


def test_colours_become_gray() -> None:
    dataset = with_pixels(header(), side=2)
    dataset.SamplesPerPixel, dataset.PlanarConfiguration, dataset.PhotometricInterpretation = 3, 0, "RGB"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelData = bytes([255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    assert levels(read_picture(as_bytes(dataset))).ravel().tolist() == [255, 76, 150, 29]


def test_one_frame_of_many_is_read() -> None:
    dataset = with_pixels(header(), side=8)
    dataset.NumberOfFrames = 3
    dataset.PixelData = b"".join((RAMP if frame == 1 else RAMP * 0).astype("<u2").tobytes() for frame in range(3))
    data = as_bytes(dataset)
    assert levels(read_picture(data, frame=1)).max() == 255
    assert levels(read_picture(data, frame=0)).max() == 0
    assert "frame 2 of 3" in read_picture(data, frame=1).caption
    assert code_of(data, frame=3) == "picture.no_such_frame"


def test_the_window_of_a_frame_of_an_enhanced_image_counts() -> None:
    window, transformation, frame = Dataset(), Dataset(), Dataset()
    window.WindowCenter, window.WindowWidth = 100, 200
    transformation.RescaleSlope, transformation.RescaleIntercept = 1, 0
    frame.FrameVOILUTSequence = Sequence([window])
    frame.PixelValueTransformationSequence = Sequence([transformation])
    picture = levels(read_picture(gray_image(PerFrameFunctionalGroupsSequence=Sequence([frame]))))
    assert (picture.ravel()[21:] == 255).all()


def test_floats_are_drawn() -> None:
    dataset = with_pixels(header(), side=8)
    del dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation
    dataset.BitsAllocated = 32
    dataset.FloatPixelData = (RAMP / 100).astype("<f4").tobytes()
    assert levels(read_picture(as_bytes(dataset))).max() == 255


def test_what_cannot_be_drawn_is_said_in_words(shared_data: Path) -> None:
    assert code_of(b"no image at all") == "picture.not_an_image"
    assert code_of(as_bytes(header())) == "picture.no_pixels"
    assert code_of(as_bytes(with_pixels(header()))[:-9]) == "picture.broken"
    with pytest.raises(FileNotFoundError):
        read_picture(shared_data / "no such file")
    folder = shared_data / "dicom" / "ct-one-image-fifteen-transfer-syntaxes"
    with pytest.raises(Problem, match="compressed") as caught:
        read_picture(next(folder.glob("*JPEGLSLossless*")))
    assert caught.value.finding.code == "picture.syntax"
    assert "JPEG-LS Lossless" in caught.value.finding.why


def test_every_real_file_is_a_picture_or_a_problem(shared_data: Path) -> None:
    drawn, codes = 0, set()
    for path in sorted((shared_data / "dicom").glob("[m-p]*/**/*.dcm")):
        try:
            picture = read_picture(path)
        except Problem as problem:
            codes.add(problem.finding.code.partition(".")[0])
        else:
            assert len(picture.pixels) == picture.width * picture.height
            drawn += 1
    assert drawn > 150
    assert codes == {"picture"}


def test_the_same_image_in_two_syntaxes_is_the_same_picture(shared_data: Path) -> None:
    folder = shared_data / "dicom" / "ct-one-image-fifteen-transfer-syntaxes"
    names = (
        "LittleEndianExplicit",
        "LittleEndianImplicit",
        "BigEndianExplicit",
        "Deflated",
        "RLELossless",
        "JPEG2000Lossless",
    )
    pictures = [read_picture(next(folder.glob(f"*dcm_{name}*"))) for name in names]
    assert len({picture.pixels for picture in pictures}) == 1


def test_reading_pictures_warns_of_nothing(shared_data: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_picture(shared_data / "dicom" / "cr-no-transfer-syntax" / "CR-MONO1-10-chest")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_pictures_of_the_server_are_read(kind: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (6, 4), (200, 200, 200)).save(buffer, kind)
    picture = picture_from_jpeg(buffer.getvalue())
    assert (picture.width, picture.height, picture.caption) == (6, 4, "6 x 4")
    assert abs(picture.pixels[0] - 200) < 3


def test_what_is_no_picture_of_the_server_is_a_problem() -> None:
    for data in (b"", b"<html>", b"\xff\xd8\xff\xe0\0\x10JFIF"):
        with pytest.raises(Problem, match=r"picture\.not_an_image"):
            picture_from_jpeg(data)


def test_resizing_averages_areas() -> None:
    picture = Picture(4, 2, bytes([0, 100, 200, 200, 100, 200, 200, 200]), "x")
    assert picture.resized(2, 1) == Picture(2, 1, bytes([100, 200]), "x")
    assert picture.resized(4, 2) is picture
    assert len(picture.resized(9, 7).pixels) == 63
    assert picture.resized(0, 0).width == 1


@settings(max_examples=60, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 255)), min_size=1, max_size=8))
def test_damage_is_a_problem_at_most(changes: list[tuple[int, int]]) -> None:
    data = bytearray(gray_image())
    for position, byte in changes:
        data[position % len(data)] = byte
    with contextlib.suppress(Problem):
        read_picture(bytes(data))
