"""Turn one image into gray pixels for a terminal."""

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from xnat_wizard.dicom.opened import AsBinary, OpenFile
from xnat_wizard.findings import Finding, Problem, Severity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydicom import Dataset

# code                              what it says
NOT_AN_IMAGE = "picture.not_an_image"  # no DICOM, or no picture format that is known
NO_PIXELS = "picture.no_pixels"  # a report, a plan, raw data
NO_SUCH_FRAME = "picture.no_such_frame"
SYNTAX = "picture.syntax"  # compressed in a way that cannot be undone here
BROKEN = "picture.broken"  # the pixels cannot be read
TOO_LARGE = "picture.too_large"

_MOST_PIXELS = 64 << 20
_FEWEST_LEVELS = 32  # a window that leaves less shows nothing: some are written for other units
_GRAY_OF_RGB = (0.299, 0.587, 0.114)  # ITU-R BT.601


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


def read_picture(source: Path | bytes | OpenFile, *, frame: int = 0) -> Picture:
    """Read one frame of a DICOM file as a picture; only that frame is read.

    What lies in an archive comes as the open file: `open_source(path)`, and its `open`.

    Gray values go through the window in the header; where there is none, or it shows nothing, from the 1st to the
    99.5th percentile. Some 10 to 100 ms; for a thread.

    Raises:
        Problem: it cannot be drawn ("picture.*").
        OSError: the file cannot be read.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd values in headers are the survey's business
        try:
            return _picture(source, frame)
        except Problem:
            raise
        except Exception as error:  # readers and decoders raise whatever they like at damaged data
            if isinstance(error, OSError) and error.errno:
                raise
            raise Problem(_broken(error)) from None


def _picture(source: Path | bytes | OpenFile, frame: int) -> Picture:
    header, is_whole = _read(source)
    frames = _check(header, frame)
    values = _values(header if is_whole else _file(source), header, frame)
    return Picture(
        width=values.shape[1],
        height=values.shape[0],
        pixels=_gray(values, header, frame).tobytes(),
        caption=_caption(header, frame, frames),
    )


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
            _finding(
                NOT_AN_IMAGE,
                "The server sent no picture",
                f"{len(data)} bytes came that are neither JPEG, PNG nor GIF",
                "Look at another scan. Reports and raw data have no picture",
            )
        ) from None


def _file(source: Path | bytes | OpenFile) -> "Path | BinaryIO":
    if isinstance(source, bytes):
        return io.BytesIO(source)
    return source if isinstance(source, Path) else io.BufferedReader(AsBinary(source))


def _read(source: Path | bytes | OpenFile) -> "tuple[Dataset, bool]":
    """Read the header; of a deflated file, or one without the DICM mark, everything, and say so."""
    import pydicom
    from pydicom.errors import InvalidDicomError
    from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

    try:
        header = pydicom.dcmread(_file(source), stop_before_pixels=True)
        if header.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
            return pydicom.dcmread(_file(source)), True
    except InvalidDicomError:
        whole = pydicom.dcmread(_file(source), force=True)
        if "Rows" not in whole and "SOPClassUID" not in whole:
            raise Problem(
                _finding(NOT_AN_IMAGE, "This file is no DICOM image", "It does not read as one", "Choose another file")
            ) from None
        is_implicit, is_little = whole.original_encoding
        explicit = UID("1.2.840.10008.1.2.1" if is_little else "1.2.840.10008.1.2.2")
        whole.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2") if is_implicit else explicit
        return whole, True
    return header, False


def _finding(code: str, what: str, why: str, *todo: str) -> Finding:
    return Finding(code, what, why, todo, severity=Severity.NOTE)


def _check(header: "Dataset", frame: int) -> int:
    """Check that there is a picture and that it can be drawn; return the number of frames."""
    from pydicom.uid import UID

    rows, columns = _number(header, "Rows"), _number(header, "Columns")
    if rows is None or columns is None or not rows * columns:
        kind = UID(str(header.get("SOPClassUID", ""))).name or "unknown"
        raise Problem(
            _finding(
                NO_PIXELS,
                "This file holds no picture",
                f"Its kind is {kind}",
                "It is sent all the same. Choose another file to look at",
            )
        )
    if rows * columns > _MOST_PIXELS:
        why = f"It has {rows:.0f} x {columns:.0f} pixels"
        raise Problem(_finding(TOO_LARGE, "This picture is too large to be drawn here", why, "Choose another file"))
    frames = int(_number(header, "NumberOfFrames") or 1)
    if not 0 <= frame < frames:
        why = f"It has {frames} frames, counted from 1"
        raise Problem(_finding(NO_SUCH_FRAME, f"There is no frame {frame + 1}", why, "Choose another frame"))
    return frames


def _values(source: "Path | BinaryIO | Dataset", header: "Dataset", frame: int) -> "NDArray[np.float64]":
    """Return the frame as gray values of any range, colours turned to gray."""
    import numpy as np
    from pydicom.pixels.processing import apply_color_lut
    from pydicom.pixels.utils import pixel_array

    _check_syntax(header)
    try:
        values = pixel_array(source, index=frame)
        if str(header.get("PhotometricInterpretation", "")) == "PALETTE COLOR":
            values = apply_color_lut(values, header)
    except AttributeError as error:
        if "ixel" in str(error):
            raise Problem(
                _finding(NO_PIXELS, "This file holds no picture", "Its pixels are missing", "Choose another file")
            ) from None
        raise Problem(_broken(error)) from None
    if values.ndim == 3:
        return np.asarray(values[..., :3] @ np.array(_GRAY_OF_RGB), dtype=np.float64)
    return np.asarray(values, dtype=np.float64)


def _broken(error: Exception) -> Finding:
    return _finding(
        BROKEN,
        "The pixels of this file cannot be read",
        f"Decoding them ended with: {type(error).__name__}",
        "Choose another file to look at. If all fail, export the series again",
    )


def _check_syntax(header: "Dataset") -> None:
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    syntax = UID(str(header.file_meta.get("TransferSyntaxUID", "")))
    try:
        is_readable = get_decoder(syntax).is_available
    except NotImplementedError:
        is_readable = False
    if not is_readable:
        raise Problem(
            _finding(
                SYNTAX,
                "This picture is compressed in a way that cannot be shown here",
                f"Its transfer syntax is {syntax.name} ({syntax})",
                "It can be sent all the same: XNAT keeps it as it is",
                "To look at it, use a DICOM viewer or the site's web page",
            )
        )


def _gray(values: "NDArray[np.float64]", header: "Dataset", frame: int) -> "NDArray[np.uint8]":
    """Map values to 0-255 through the window, or by percentiles where the window shows nothing."""
    import numpy as np

    values = np.nan_to_num(values)
    photometric = str(header.get("PhotometricInterpretation", ""))
    gray = _windowed(values, header, frame) if photometric.startswith("MONOCHROME") else None
    if gray is None or np.ptp(np.percentile(gray, (1, 99))) < _FEWEST_LEVELS:
        if photometric.startswith("MONOCHROME"):
            low, high = np.percentile(values, (1, 99.5))
            if high <= low:
                low, high = values.min(), values.max()
        else:
            low, high = 0.0, 255.0 if values.max() <= 255 else 65535.0
        gray = (values - low) * (255.0 / max(high - low, 1e-9))
    gray = np.rint(np.clip(gray, 0, 255))
    if photometric == "MONOCHROME1":
        gray = 255 - gray
    return gray.astype(np.uint8)


def _windowed(values: "NDArray[np.float64]", header: "Dataset", frame: int) -> "NDArray[np.float64] | None":
    """Apply rescale slope and window (PS3.3 section C.11.2.1.2); `None` where there is no usable window."""
    import numpy as np

    window, rescale = (
        _group(header, "FrameVOILUTSequence", frame),
        _group(header, "PixelValueTransformationSequence", frame),
    )
    center, width = _number(window, "WindowCenter"), _number(window, "WindowWidth")
    if center is None or width is None or width < 1:
        return None
    slope, intercept = _number(rescale, "RescaleSlope"), _number(rescale, "RescaleIntercept")
    scaled = values * (1.0 if slope is None else slope) + (intercept or 0.0)
    return np.clip(((scaled - (center - 0.5)) / max(width - 1, 1) + 0.5) * 255.0, 0, 255)


def _group(header: "Dataset", name: str, frame: int) -> "Dataset":
    """Return the functional group of a frame of an enhanced image, or the header itself."""
    for groups, index in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        items = header.get(groups) or ()
        if index < len(items) and items[index].get(name):
            inner: Dataset = items[index][name][0]
            return inner
    return header


def _number(header: "Dataset", keyword: str) -> float | None:
    """Return the first value of a number, `None` where it is missing or no number."""
    try:
        value = header.get(keyword)
        first = value[0] if isinstance(value, list | tuple) or hasattr(value, "append") else value
        return float(first)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _caption(header: "Dataset", frame: int, frames: int) -> str:
    parts = [str(header.get(keyword) or "") for keyword in ("Modality", "SeriesNumber", "SeriesDescription")]
    words = " ".join(part for part in parts if part).strip()
    image = header.get("InstanceNumber")
    more = [f"image {image}"] if image not in {None, ""} else []
    more += [f"frame {frame + 1} of {frames}"] if frames > 1 else []
    more += [f"{header.Columns} x {header.Rows}"]
    return ", ".join([words, *more] if words else more)
