"""Tell by a digest whether two files hold the same pixels, whatever their headers say.

Sources: missing-data 4.4 (what can be compared); DICOM PS3.5 section 8 (native and encapsulated pixels).
"""

import hashlib
import io
import warnings
from typing import NamedTuple

_SHAPE = ("Rows", "Columns", "NumberOfFrames", "BitsAllocated", "SamplesPerPixel", "PhotometricInterpretation")


class Pixels(NamedTuple):
    """What two files have in common when their pixels are equal; only those of one form can be compared."""

    form: str  # "native", or the transfer syntax of compressed ones
    digest: str  # SHA-256 over shape and bytes


def pixels_of(data: bytes) -> Pixels | None:
    """Read the pixels of one DICOM file; `None` when it has none that can be compared.

    Big-endian pixels are not compared. A byte of padding does not count.
    """
    from pydicom import dcmread

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom notes oddities of headers, which do not matter here
            dataset = dcmread(io.BytesIO(data))
            shape = [str(dataset.get(name, "")) for name in _SHAPE]
        syntax = dataset.file_meta.TransferSyntaxUID
        content = bytes(dataset["PixelData"].value)
        is_native, is_little_endian = not syntax.is_encapsulated, syntax.is_little_endian
    except Exception:  # noqa: BLE001  readers raise whatever they like at damaged data
        return None
    if not is_little_endian:
        return None
    shape[2] = shape[2] or "1"
    if is_native and all(number.isdecimal() for number in shape[:5]):
        rows, columns, frames, bits, samples = map(int, shape[:5])
        content = content[: (rows * columns * frames * bits * samples + 7) // 8 or None]
    digest = hashlib.sha256("\\".join(shape).encode() + b"\0" + content).hexdigest()
    return Pixels("native" if is_native else str(syntax), digest)
