"""A head made of ellipsoids: what the sample study shows, so that a picture in the terminal can be recognised.

Coordinates are DICOM's patient coordinates in millimetres: x to the patient's left, y to the back, z to the top.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

AIR, SCALP, SKULL, CSF, GRAY, WHITE, EYE, LESION = range(8)

CONTRASTS: dict[str, tuple[int, ...]] = {
    #              air scalp skull  csf gray white  eye lesion
    "t1": (6, 900, 120, 150, 480, 720, 170, 300),
    "t2": (6, 520, 60, 1000, 620, 430, 980, 800),
    "flair": (6, 480, 60, 90, 560, 430, 110, 980),
    "bold": (4, 200, 40, 820, 640, 500, 780, 660),
    "gre": (5, 620, 150, 420, 560, 600, 480, 510),
    "pet": (2, 90, 20, 40, 820, 420, 120, 990),
}


@dataclass(frozen=True)
class Plane:
    """Where an image lies: the centre of its first pixel, and the step along a row and down a column, in mm."""

    origin: tuple[float, float, float]
    along_row: tuple[float, float, float]
    down_column: tuple[float, float, float]
    spacing: float
    rows: int
    columns: int


class Head:
    """One person's head. The same seed gives the same head."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self._scale = 1 + random.uniform(-0.06, 0.06, 3)
        self._ventricle = random.uniform(0.85, 1.25)
        self._folds = random.uniform(0, 2 * np.pi, 3)
        side = random.choice([-1, 1])
        self._lesion = (side * random.uniform(24, 36), random.uniform(-30, 30), random.uniform(8, 26))
        self._lesion_size = random.uniform(7, 11)

    def image(
        self, plane: Plane, contrast: str, noise: np.random.Generator, *, level: float = 12
    ) -> NDArray[np.uint16]:
        """Return what a scanner would show in a plane."""
        tissue = self._tissues(plane)
        picture = np.asarray(CONTRASTS[contrast], dtype=np.float64)[tissue]
        picture = _soften(picture)
        picture += noise.normal(0, level, picture.shape)
        return np.clip(np.abs(picture), 0, 4095).astype(np.uint16)

    def _tissues(self, plane: Plane) -> NDArray[np.int64]:
        x, y, z = self._places(plane)
        tissue = np.full(x.shape, AIR)

        def paint(
            kind: int, centre: tuple[float, float, float], size: tuple[float, float, float], bend: Array | float = 0
        ) -> None:
            radius = sum(((c - at) / half) ** 2 for c, at, half in zip((x, y, z), centre, size, strict=True))
            tissue[radius < (1 + np.asarray(bend))] = kind

        paint(SCALP, (0, -95, -22), (11, 16, 16))  # the nose tells front from back
        paint(SCALP, (0, 18, -95), (46, 52, 75))  # neck
        paint(SCALP, (0, 0, 0), (76, 96, 90))
        paint(SKULL, (0, 0, 0), (71, 91, 85))
        paint(CSF, (0, 0, 2), (65, 84, 78))
        angle = np.arctan2(y, x)
        folds = np.sin(13 * angle + self._folds[0]) * np.cos(z / 6 + self._folds[1]) + 0.6 * np.sin(
            23 * angle + z / 9 + self._folds[2]
        )
        paint(GRAY, (0, 0, 2), (62, 80, 75), 0.05 * folds)
        paint(WHITE, (0, 0, 2), (51, 68, 63), 0.16 * folds)
        deep = (y / 45) ** 2 + ((z - 8) / 34) ** 2 < 1
        tissue[(np.abs(x) < 1.6) & (z > 0) & ~deep & (tissue >= GRAY)] = CSF  # between the halves of the brain
        for side in (-1, 1):
            paint(GRAY, (side * 17, 6, 0), (9, 16, 11))  # thalamus and basal ganglia
            paint(CSF, (side * 10 * self._ventricle, -14, 16), (6 * self._ventricle, 26, 10))
            paint(CSF, (side * 18 * self._ventricle, 26, 8), (7 * self._ventricle, 17, 12))
            paint(EYE, (side * 31, -78, -30), (12, 12, 12))
            paint(GRAY, (side * 22, 46, -48), (27, 27, 19))  # cerebellum
            paint(WHITE, (side * 20, 44, -48), (13, 15, 8), 0.25 * folds)
        paint(CSF, (0, 4, 4), (2.5, 12, 9))
        paint(WHITE, (0, 16, -50), (11, 11, 42))  # brain stem
        paint(LESION, self._lesion, (self._lesion_size, self._lesion_size * 1.3, self._lesion_size))
        return tissue

    def _places(self, plane: Plane) -> tuple[Array, Array, Array]:
        column, row = np.meshgrid(np.arange(plane.columns), np.arange(plane.rows))
        x, y, z = (
            (o + plane.spacing * (column * across + row * down)) / scale
            for o, across, down, scale in zip(
                plane.origin, plane.along_row, plane.down_column, self._scale, strict=True
            )
        )
        return x, y, z


def _soften(picture: Array) -> Array:
    """Blur a little, as a scanner's limited resolution does."""
    padded = np.pad(picture, 1, mode="edge")
    rows = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    blurred: Array = (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4
    return blurred
