"""Turn one image into gray pixels for a terminal."""

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xnat_wizard.dicom import decoding, graylevels
from xnat_wizard.dicom.graylevels import Window
from xnat_wizard.dicom.opened import OpenFile
from xnat_wizard.findings import Problem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydicom import Dataset


@dataclass(frozen=True, slots=True)
class Picture:
    """An 8-bit gray picture, row by row; 0 is black."""

    width: int
    height: int
    pixels: bytes
    caption: str

    def resized(self, width: int, height: int) -> "Picture":
        """Return the picture in another size, by averaging areas; the caller keeps the aspect."""
        from PIL import Image

        width, height = max(1, width), max(1, height)
        if (width, height) == (self.width, self.height):
            return self
        image = Image.frombytes("L", (self.width, self.height), self.pixels)
        resized = image.resize((width, height), Image.Resampling.BOX)
        return Picture(width, height, resized.tobytes(), self.caption)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame with the values that its file has, to be drawn through any window.

    `file_window` is that of the header, where there is one that shows something; `own_window` goes from the 1st to
    the 99.5th percentile of the values.
    """

    values: "NDArray[np.float32]"
    is_inverted: bool  # MONOCHROME1: small values are bright
    file_window: Window | None
    own_window: Window
    caption: str
    place: int = 0  # of `count` frames in the file, counted from 0
    count: int = 1

    @property
    def first_window(self) -> Window:
        """Return the window to begin with."""
        return self.file_window or self.own_window

    def picture(self, window: Window | None = None) -> Picture:
        """Draw it through a window."""
        gray = graylevels.through(self.values, window or self.first_window, is_inverted=self.is_inverted)
        return Picture(gray.shape[1], gray.shape[0], gray.tobytes(), self.caption)


def frame_of(picture: Picture) -> Frame:
    """Return a picture that is gray already as a frame, so that it can be made brighter and darker like others."""
    import numpy as np

    values = np.frombuffer(picture.pixels, np.uint8).reshape(picture.height, picture.width).astype(np.float32)
    return Frame(values, is_inverted=False, file_window=None, own_window=graylevels.FULL, caption=picture.caption)


def read_frame(source: Path | bytes | OpenFile, *, frame: int = 0) -> Frame:
    """Read one frame of a DICOM file; only that frame is read, -1 is the last.

    What lies in an archive comes as the open file: `open_source(path)`, and its `open`. Some 10 to 100 ms; for a
    thread.

    Raises:
        Problem: it cannot be drawn ("picture.*").
        OSError: the file cannot be read.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd values in headers are the survey's business
        try:
            return _frame(source, frame)
        except Problem:
            raise
        except Exception as error:  # readers and decoders raise whatever they like at damaged data
            if isinstance(error, OSError) and error.errno:
                raise
            raise Problem(decoding.broken(error)) from None


def _frame(source: Path | bytes | OpenFile, frame: int) -> Frame:
    header, raw, place, count = decoding.read_pixels(source, frame)
    photometric = str(header.get("PhotometricInterpretation", ""))
    caption = _caption(header, place, count)
    if not photometric.startswith("MONOCHROME"):
        full = graylevels.FULL if raw.max() <= 255 else graylevels.FULL_16
        return Frame(
            raw, is_inverted=False, file_window=None, own_window=full, caption=caption, place=place, count=count
        )
    values = graylevels.rescaled(raw, header, place)
    is_inverted = photometric == "MONOCHROME1"
    window = graylevels.file_window(header, place)
    if window is not None and not graylevels.shows_something(values, window, is_inverted=is_inverted):
        window = None
    return Frame(values, is_inverted, window, graylevels.own_window(values), caption, place, count)


def read_picture(source: Path | bytes | OpenFile, *, frame: int = 0) -> Picture:
    """Read one frame of a DICOM file as a picture, through the window to begin with; see `read_frame`."""
    return read_frame(source, frame=frame).picture()


def picture_from_jpeg(data: bytes) -> Picture:
    """Read a JPEG, PNG or GIF, as XNAT renders images, as a gray picture.

    Raises:
        Problem: the bytes are no picture.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as image:
            gray = image.convert("L")
            return Picture(gray.width, gray.height, gray.tobytes(), f"{gray.width} x {gray.height}")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise Problem(
            decoding.finding(
                decoding.NOT_AN_IMAGE,
                "The server sent no picture",
                f"{len(data)} bytes came that are neither JPEG, PNG nor GIF",
                "Look at another scan. Reports and raw data have no picture",
            )
        ) from None


def _caption(header: "Dataset", frame: int, frames: int) -> str:
    parts = [str(header.get(keyword) or "") for keyword in ("Modality", "SeriesNumber", "SeriesDescription")]
    words = " ".join(part for part in parts if part).strip()
    image = header.get("InstanceNumber")
    more = [f"image {image}"] if image not in {None, ""} else []
    more += [f"frame {frame + 1} of {frames}"] if frames > 1 else []
    more += [f"{header.Columns} x {header.Rows}"]
    return ", ".join([words, *more] if words else more)
