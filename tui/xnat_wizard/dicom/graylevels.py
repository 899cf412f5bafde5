"""Gray values and windows: which values of an image are black, which are white (DICOM PS3.3 section C.11.2.1.2)."""

from typing import TYPE_CHECKING, NamedTuple

from xnat_wizard.dicom.decoding import number_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydicom import Dataset

_FEWEST_LEVELS = 32  # a window that leaves less shows nothing: some are written for other units
_MOST_WHITE = 0.8  # of the pixels; beyond that it was meant for other values, as often in PET and CT
_FEWEST_GRAYS = 0.02  # of the pixels, where there are many values: the rest is black or white only
_MANY_VALUES = 16


class Window(NamedTuple):
    """Which values are shown: `center` is middle gray, and `width` values lie between black and white."""

    center: float
    width: float

    def moved(self, steps: float) -> "Window":
        """Return it a tenth of its width higher (darker picture) or lower for each step."""
        return Window(self.center + self.width * steps / 10, self.width)

    def widened(self, factor: float) -> "Window":
        """Return it wider (less contrast) or narrower."""
        return Window(self.center, max(self.width * factor, 1e-6))


FULL = Window(128.0, 256.0)  # of values that are gray already
FULL_16 = Window(32768.0, 65536.0)


def through(values: "NDArray[np.float32]", window: Window, *, is_inverted: bool) -> "NDArray[np.uint8]":
    """Map values to 0-255 through a window."""
    import numpy as np

    center, width = window
    if width >= 1:  # of whole numbers; windows of fractions have no half steps
        gray = ((values - (center - 0.5)) / max(width - 1, 1e-9) + 0.5) * 255.0
    else:
        gray = ((values - center) / width + 0.5) * 255.0
    gray = np.rint(np.clip(gray, 0, 255))
    return np.asarray(255 - gray if is_inverted else gray, dtype=np.uint8)


def own_window(values: "NDArray[np.float32]") -> Window:
    """Return the window from the 1st to the 99.5th percentile, of the whole range where these are one."""
    import numpy as np

    low, high = (float(one) for one in np.percentile(values, (1, 99.5)))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    if high <= low:
        return Window(low + 1, 2.0)  # one value only is black
    return Window((low + high) / 2 + 0.5, high - low + 1) if high - low >= 1 else Window((low + high) / 2, high - low)


def shows_something(values: "NDArray[np.float32]", window: Window, *, is_inverted: bool) -> bool:
    """Tell whether a window leaves grays to look at: not one gray, not nearly all white, not black and white only."""
    import numpy as np

    gray = through(values, window, is_inverted=is_inverted)
    if np.ptp(np.percentile(gray, (1, 99))) < _FEWEST_LEVELS or np.mean(gray == 255) > _MOST_WHITE:
        return False
    grays = np.mean((gray > 0) & (gray < 255))
    return bool(grays >= _FEWEST_GRAYS or len(np.unique(values)) < _MANY_VALUES)


def file_window(header: "Dataset", frame: int) -> Window | None:
    """Return the first window of the header, of this frame where frames have their own."""
    group = _group(header, "FrameVOILUTSequence", frame)
    center, width = number_of(group, "WindowCenter"), number_of(group, "WindowWidth")
    return None if center is None or width is None or width < 1 else Window(center, width)


def rescaled(values: "NDArray[np.float32]", header: "Dataset", frame: int) -> "NDArray[np.float32]":
    """Apply rescale slope and intercept: windows are written for what comes out."""
    import numpy as np

    group = _group(header, "PixelValueTransformationSequence", frame)
    slope, intercept = number_of(group, "RescaleSlope"), number_of(group, "RescaleIntercept")
    scaled = values * np.float32(1.0 if slope is None else slope) + np.float32(intercept or 0.0)
    return np.asarray(np.nan_to_num(scaled), dtype=np.float32)


def _group(header: "Dataset", name: str, frame: int) -> "Dataset":
    """Return the functional group of a frame of an enhanced image, or the header itself."""
    for groups, index in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        items = header.get(groups) or ()
        if index < len(items) and items[index].get(name):
            inner: Dataset = items[index][name][0]
            return inner
    return header
