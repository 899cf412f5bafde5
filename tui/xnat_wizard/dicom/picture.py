"""Turn one image into gray pixels for a terminal."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Picture:
    """An 8-bit gray picture, row by row."""

    width: int
    height: int
    pixels: bytes
    caption: str

    def resized(self, width: int, height: int) -> "Picture":
        """Return the picture in another size, by averaging areas."""
        raise NotImplementedError


def read_picture(source: Path | bytes, *, frame: int = 0) -> Picture:
    """Read one frame of a DICOM file as a picture; raise `Problem` "picture.*" when it cannot be drawn."""
    raise NotImplementedError


def picture_from_jpeg(data: bytes) -> Picture:
    """Read a JPEG, PNG or GIF as a gray picture."""
    raise NotImplementedError
