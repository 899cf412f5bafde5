"""Compare where two conversions of one series lie, whatever order each converter counts rows in.

dcm2niix counts rows from the bottom, nibabel as they lie in the REC; both are right as long as each voxel has the same
place. So the second image is flipped to run like the first before affines are compared.
"""

from dataclasses import dataclass
from math import dist

from xnat_wizard.convert.nifti import Geometry, Vector

TOLERANCE_MM = 0.02  # PAR headers state places to 0.01 mm, and steps are sums of several


@dataclass(frozen=True, slots=True)
class Difference:
    """How two images differ; all empty when they lie in the same place."""

    shape: str = ""  # "80 x 80 x 10, not 80 x 80 x 9"
    voxel_size: str = ""
    direction: str = ""
    shift_mm: float = 0.0  # of the farthest corner, where shape and direction are equal
    shift_voxels: Vector = (0.0, 0.0, 0.0)  # along the axes of the first

    @property
    def is_none(self) -> bool:
        """Tell whether there is none."""
        return not (self.shape or self.voxel_size or self.direction) and self.shift_mm <= TOLERANCE_MM

    def __str__(self) -> str:
        said = [text for text in (self.shape, self.voxel_size, self.direction) if text]
        if self.shift_mm > TOLERANCE_MM:
            i, j, k = self.shift_voxels
            said.append(f"{self.shift_mm:.2f} mm apart, in voxels ({i:.2f}, {j:.2f}, {k:.2f})")
        return "; ".join(said) or "none"


def compare(one: Geometry, other: Geometry) -> Difference:
    """Say how the second image differs from the first in shape, voxel size, direction and place; volumes aside."""
    if one.shape != other.shape:
        return Difference(shape=f"{_times(other.shape)}, not {_times(one.shape)}")
    if dist(one.voxel_size, other.voxel_size) > 0.001:
        return Difference(voxel_size=f"voxels of {_mm(other.voxel_size)}, not {_mm(one.voxel_size)}")
    for axis in range(3):
        if _dot(one.columns[axis], other.columns[axis]) < 0:
            other = other.flipped(axis)
    if any(dist(one.columns[axis], other.columns[axis]) > 0.002 for axis in range(3)):
        return Difference(direction="axes that point elsewhere")
    ends = [(0, size - 1) for size in one.shape]
    corners = [(i, j, k) for i in ends[0] for j in ends[1] for k in ends[2]]
    shift = max(dist(one.at(*corner), other.at(*corner)) for corner in corners)
    moved = tuple(b - a for a, b in zip(one.origin, other.origin, strict=True))
    i, j, k = (_dot(moved, axis) / max(_dot(axis, axis), 1e-9) for axis in one.columns)
    return Difference(shift_mm=shift, shift_voxels=(i, j, k))


def _dot(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _mm(size: Vector) -> str:
    return " x ".join(f"{edge:.3f}" for edge in size) + " mm"
