"""NIfTI-1 headers as bytes: geometry, the free texts, and compressing. No library, so it judges both converters.

Source: nifti1.h, the field offsets of `nifti_1_header`.
"""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

_HEADER_BYTES = 348
_TEXTS = ((148, 80), (228, 24))  # descrip, aux_file: converters write times and comments there
_DB_NAME, _INTENT_NAME = (14, 18), (328, 16)
_TIME_STEP = 92  # pixdim[4]
_PIECE = 1 << 20

Vector = tuple[float, float, float]


class NoNifti(Exception):  # noqa: N818  says what the file is
    """The file is no single-file NIfTI-1 image."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where the voxels of an image lie: its grid and the affine to scanner coordinates in mm (RAS+)."""

    shape: tuple[int, int, int]
    volumes: int
    voxel_size: Vector
    columns: tuple[Vector, Vector, Vector]  # what one step along i, j, k moves
    origin: Vector

    def at(self, i: float, j: float, k: float) -> Vector:
        """Return the place of a voxel."""
        steps = zip(self.origin, *self.columns, strict=True)
        x, y, z = (start + i * a + j * b + k * c for start, a, b, c in steps)
        return x, y, z

    def flipped(self, axis: int) -> "Geometry":
        """Return the same voxels counted from the other end of an axis."""
        last = [0.0, 0.0, 0.0]
        last[axis] = self.shape[axis] - 1.0
        x, y, z = self.columns[axis]
        columns = list(self.columns)
        columns[axis] = (-x, -y, -z)
        return Geometry(self.shape, self.volumes, self.voxel_size, (columns[0], columns[1], columns[2]), self.at(*last))


def read_geometry(path: Path) -> Geometry:
    """Read where an image lies, compressed or not.

    Raises:
        NoNifti: it is something else.
        OSError: it cannot be read.
    """
    data = _head(path)
    if len(data) < _HEADER_BYTES or data[344:347] != b"n+1":
        raise NoNifti
    order = "<" if struct.unpack_from("<i", data)[0] == _HEADER_BYTES else ">"
    dim = struct.unpack_from(f"{order}8h", data, 40)
    pixdim = struct.unpack_from(f"{order}8f", data, 76)
    rows = [struct.unpack_from(f"{order}4f", data, 280 + 16 * row) for row in range(3)]
    volumes = 1
    for size in dim[4 : dim[0] + 1]:
        volumes *= max(1, size)
    x, y, z, origin = ((rows[0][at], rows[1][at], rows[2][at]) for at in range(4))
    return Geometry(
        shape=(dim[1], max(1, dim[2]), max(1, dim[3])),
        volumes=volumes,
        voxel_size=(pixdim[1], pixdim[2], pixdim[3]),
        columns=(x, y, z),
        origin=origin,
    )


def compress(path: Path, target: Path, *, keep_texts: bool, repetition_s: float | None = None) -> None:
    """Write an image as `.nii.gz`; equal images give equal bytes. Memory is bounded by one piece of 1 MiB.

    Args:
        path: the image, not compressed.
        target: a new file.
        keep_texts: free texts of the header stay; converters write times and comments there.
        repetition_s: the time between volumes, as the sidecar says it; BIDS wants both equal.
    """
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    with path.open("rb") as image, target.open("xb") as packed:
        head = bytearray(image.read(_HEADER_BYTES))
        if not keep_texts:
            for start, length in (*_TEXTS, _DB_NAME, _INTENT_NAME):
                head[start : start + length] = bytes(length)
        order = "<" if struct.unpack_from("<i", head)[0] == _HEADER_BYTES else ">"
        if repetition_s:
            struct.pack_into(f"{order}f", head, _TIME_STEP, repetition_s)
        packed.write(packer.compress(bytes(head)))
        while piece := image.read(_PIECE):
            packed.write(packer.compress(piece))
        packed.write(packer.flush())


def lacks_time_step(path: Path) -> bool:
    """Tell whether an image of several volumes does not say how much time lies between them.

    Raises:
        NoNifti: it is something else.
        OSError: it cannot be read.
    """
    return read_geometry(path).volumes > 1 and not repetition_s(_head(path))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(4096)
    if data[:2] == b"\x1f\x8b":
        data = zlib.decompressobj(31).decompress(data, _HEADER_BYTES)
    return data


def repetition_s(header: bytes) -> float:
    """Return the time between volumes that a little-endian header says, 0 when it says none."""
    step: float = struct.unpack_from("<f", header, _TIME_STEP)[0]
    return step
