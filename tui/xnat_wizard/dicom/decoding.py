"""Read the pixels of one frame of an image file, as the file has them, or say in words why there are none."""

import io
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
_GRAY_OF_RGB = (0.299, 0.587, 0.114)  # ITU-R BT.601


def read_pixels(source: Path | bytes | OpenFile, frame: int) -> "tuple[Dataset, NDArray[np.float32], int, int]":
    """Return header, gray values, the frame's place and how many frames there are; only that frame is decoded.

    Args:
        source: a file, its bytes, or an open file of an archive.
        frame: counted from 0; -1 is the last.

    Raises:
        Problem: it cannot be drawn ("picture.*").
        OSError: the file cannot be read.
    """
    header, is_whole = _read(source)
    frames = _check(header, frame)
    place = frames - 1 if frame == -1 else frame
    return header, _values(header if is_whole else _file(source), header, place), place, frames


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
                finding(NOT_AN_IMAGE, "This file is no DICOM image", "It does not read as one", "Choose another file")
            ) from None
        is_implicit, is_little = whole.original_encoding
        explicit = UID("1.2.840.10008.1.2.1" if is_little else "1.2.840.10008.1.2.2")
        whole.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2") if is_implicit else explicit
        return whole, True
    return header, False


def finding(code: str, what: str, why: str, *todo: str) -> Finding:
    """Say why there is no picture; it never stands in the way of an upload."""
    return Finding(code, what, why, todo, severity=Severity.NOTE)


def _check(header: "Dataset", frame: int) -> int:
    """Check that there is a picture and that it can be drawn; return the number of frames."""
    from pydicom.uid import UID

    rows, columns = number_of(header, "Rows"), number_of(header, "Columns")
    if rows is None or columns is None or not rows * columns:
        kind = UID(str(header.get("SOPClassUID", ""))).name or "unknown"
        raise Problem(
            finding(
                NO_PIXELS,
                "This file holds no picture",
                f"Its kind is {kind}",
                "It is sent all the same. Choose another file to look at",
            )
        )
    if rows * columns > _MOST_PIXELS:
        why = f"It has {rows:.0f} x {columns:.0f} pixels"
        raise Problem(finding(TOO_LARGE, "This picture is too large to be drawn here", why, "Choose another file"))
    frames = int(number_of(header, "NumberOfFrames") or 1)
    if not -1 <= frame < frames:
        why = f"It has {frames} frames, counted from 1"
        raise Problem(finding(NO_SUCH_FRAME, f"There is no frame {frame + 1}", why, "Choose another frame"))
    return frames


def _values(source: "Path | BinaryIO | Dataset", header: "Dataset", frame: int) -> "NDArray[np.float32]":
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
                finding(NO_PIXELS, "This file holds no picture", "Its pixels are missing", "Choose another file")
            ) from None
        raise Problem(broken(error)) from None
    if values.ndim == 3:
        return np.asarray(values[..., :3] @ np.array(_GRAY_OF_RGB), dtype=np.float32)
    return np.asarray(values, dtype=np.float32)


def broken(error: Exception) -> Finding:
    """Say that decoding failed, without the text of the error: it may hold a path or a name."""
    return finding(
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
            finding(
                SYNTAX,
                "This picture is compressed in a way that cannot be shown here",
                f"Its transfer syntax is {syntax.name} ({syntax})",
                "It can be sent all the same: XNAT keeps it as it is",
                "To look at it, use a DICOM viewer or the site's web page",
            )
        )


def number_of(header: "Dataset", keyword: str) -> float | None:
    """Return the first value of a number, `None` where it is missing or no number."""
    try:
        value = header.get(keyword)
        first = value[0] if isinstance(value, list | tuple) or hasattr(value, "append") else value
        return float(first)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
