"""Draws DICOM images as XNAT does: a JPEG of one file, GIF snapshots of a scan (wire contract 7.4, 7.6)."""

import io
import warnings
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.pixels.utils import pixel_array

THUMBNAIL_PIXELS = 250


class NoPictureError(Exception):
    """The file holds no image, or one that cannot be decoded here."""


def jpeg(path: Path) -> bytes:
    """Render a file's first frame.

    Raises:
        NoPictureError: no image.
        OSError: the file cannot be read.
    """
    return _encoded(picture(path), "JPEG")


def gif(paths: list[Path], columns: int, rows: int, *, is_thumbnail: bool) -> bytes:
    """Render a montage of a scan's images, evenly chosen.

    Raises:
        NoPictureError: none of them can be drawn.
    """
    wanted = columns * rows
    chosen = [paths[(2 * index + 1) * len(paths) // (2 * wanted)] for index in range(min(wanted, len(paths)))]
    tiles = [picture(path) for path in chosen]
    if not tiles:
        raise NoPictureError("no files")
    width, height = tiles[0].size
    if is_thumbnail:
        shrink = min(1.0, THUMBNAIL_PIXELS / max(width * columns, height * rows))
        width, height = max(1, int(width * shrink)), max(1, int(height * shrink))
    montage = Image.new("RGB", (width * columns, height * rows))
    for index, tile in enumerate(tiles):
        place = (index % columns * width, index // columns * height)
        montage.paste(tile.convert("RGB").resize((width, height)), place)
    return _encoded(montage, "GIF")


def picture(path: Path) -> Image.Image:
    """Read a file's first frame, windowed to 8 bits.

    Raises:
        NoPictureError: no image.
        OSError: the file cannot be read.
    """
    warnings.filterwarnings("ignore", category=UserWarning, module=r"pydicom\.")  # odd files are drawn all the same
    try:
        return _drawn(pydicom.dcmread(path))
    except (FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # pydicom and its decoders raise whatever a broken file makes them stumble over
        raise NoPictureError(str(error)) from error


def _drawn(instance: Dataset) -> Image.Image:
    if "PixelData" not in instance:
        raise NoPictureError("no pixels")
    frame = pixel_array(instance, index=0)  # colours come as RGB
    shown = str(instance.get("PhotometricInterpretation", "MONOCHROME2"))
    if shown == "PALETTE COLOR":
        return Image.fromarray(_to_8_bits(apply_color_lut(frame, instance)))
    if frame.ndim == 3:
        return Image.fromarray(_to_8_bits(frame))
    values = np.asarray(apply_modality_lut(frame, instance), dtype=np.float64)
    if "VOILUTSequence" in instance:
        values = np.asarray(apply_voi_lut(values, instance), dtype=np.float64)
        low, high = float(values.min()), float(values.max())
    else:
        low, high = _window(values, instance)
    gray = np.clip((values - low) / max(high - low, 1e-9) * 255, 0, 255).astype(np.uint8)
    return Image.fromarray(255 - gray if shown == "MONOCHROME1" else gray)


def _window(values: NDArray[np.float64], instance: Dataset) -> tuple[float, float]:
    """Return what becomes black and white: the first window of the file, else all but the outermost values."""
    centers, widths = (np.atleast_1d(instance.get(key) or []) for key in ("WindowCenter", "WindowWidth"))
    if len(centers) and len(widths) and float(widths[0]) > 0:
        half = float(widths[0]) / 2
        return float(centers[0]) - half, float(centers[0]) + half
    low, high = np.percentile(values, (0.5, 99.5))
    return float(low), float(high)


def _to_8_bits(colours: NDArray[np.generic]) -> NDArray[np.uint8]:
    if colours.dtype == np.uint8:
        return np.asarray(colours, dtype=np.uint8)
    values = colours.astype(np.float64)
    return (values / max(float(values.max()), 1.0) * 255).astype(np.uint8)


def _encoded(image: Image.Image, kind: str) -> bytes:
    target = io.BytesIO()
    image.save(target, kind)
    return target.getvalue()
