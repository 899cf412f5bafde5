"""A gray picture drawn with characters: half blocks where there are grays, ASCII where there are not."""

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from xnat_wizard.dicom.picture import Picture

ASCII_RAMP = " .:-=+*#%@"


def fit(width: int, height: int, room_width: int, room_height: int) -> tuple[int, int]:
    """Return the largest size of the same shape that fits, at least 1 x 1."""
    scale = min(room_width / width, room_height / height)
    return max(1, int(width * scale)), max(1, int(height * scale))


class PictureView(Widget):
    """Shows a `Picture` as large as its room allows, in the middle; `show(None)` empties it.

    With 256 colours or more each cell holds two pixels (the upper half block); without, one character of ten
    brightnesses.
    """

    def __init__(self, picture: Picture | None = None, *, id: str | None = None) -> None:  # noqa: A002  textual's own word
        super().__init__(id=id, classes="picture-view")
        self.picture = picture
        self._strips: list[Strip] = []
        self._made_for: tuple[int, int] = (0, 0)

    @property
    def has_grays(self) -> bool:
        """Tell whether the terminal can show grays."""
        return not self.app.no_color and self.app.console.color_system in {"256", "truecolor"}

    def show(self, picture: Picture | None) -> None:
        """Show another picture, or none."""
        self.picture = picture
        self._made_for = (0, 0)
        self.refresh()

    def on_resize(self, _: events.Resize) -> None:
        """Draw anew for the new size."""
        self._made_for = (0, 0)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return one line of the picture."""
        room = (self.size.width, self.size.height)
        if self._made_for != room:
            self._strips = self._draw(*room) if self.picture is not None and min(room) > 0 else []
            self._made_for = room
        background = self.rich_style
        if not self._strips:
            return Strip.blank(room[0], background)
        top = (room[1] - len(self._strips)) // 2
        if not top <= y < top + len(self._strips):
            return Strip.blank(room[0], background)
        strip = self._strips[y - top]
        left = (room[0] - strip.cell_length) // 2
        padded = Strip([Segment(" " * left, background), *strip])
        return padded.adjust_cell_length(room[0], background)

    def _draw(self, width: int, height: int) -> list[Strip]:
        picture = self.picture
        if picture is None:
            return []
        across, down = fit(picture.width, picture.height, width, height * 2)
        if self.has_grays:
            down += down % 2
            return _half_blocks(picture.resized(across, down))
        return _ascii(picture.resized(across, max(1, down // 2)))


def _half_blocks(picture: Picture) -> list[Strip]:
    """Draw two pixel rows a line; cells of one pair of grays share a segment."""
    strips = []
    for row in range(0, picture.height - 1, 2):
        upper = picture.pixels[row * picture.width : (row + 1) * picture.width]
        lower = picture.pixels[(row + 1) * picture.width : (row + 2) * picture.width]
        segments: list[Segment] = []
        start = 0
        for place in range(1, picture.width + 1):
            if place == picture.width or (upper[place], lower[place]) != (upper[start], lower[start]):
                style = Style.parse(f"{_gray(upper[start])} on {_gray(lower[start])}")
                segments.append(Segment("▀" * (place - start), style))
                start = place
        strips.append(Strip(segments))
    return strips


def _gray(value: int) -> str:
    """Return one of 32 grays, so that equal neighbours join and a line stays short on a slow link."""
    step = (value // 8) * 255 // 31
    return f"#{step:02x}{step:02x}{step:02x}"


def _ascii(picture: Picture) -> list[Strip]:
    last = len(ASCII_RAMP) - 1
    rows = (picture.pixels[row * picture.width : (row + 1) * picture.width] for row in range(picture.height))
    return [Strip([Segment("".join(ASCII_RAMP[value * last // 255] for value in row))]) for row in rows]
