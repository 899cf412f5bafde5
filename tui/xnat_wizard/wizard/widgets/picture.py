"""A gray picture drawn as well as the terminal can: pixels, half blocks where there are grays, ASCII where not."""

import asyncio
from itertools import count

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual import events, work
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from xnat_wizard.dicom.picture import Picture
from xnat_wizard.wizard.widgets import graphics
from xnat_wizard.wizard.widgets.graphics import Drawing

ASCII_RAMP = " .:-=+*#%@"
MOST_PIXELS = 800  # across and down, of what is sent to a terminal; more says nothing and costs time on a slow line
_KITTY_SCALE = (8, 16)  # pixels for each character; the terminal scales
_numbers = count(40)


def fit(width: int, height: int, room_width: int, room_height: int) -> tuple[int, int]:
    """Return the largest size of the same shape that fits, at least 1 x 1."""
    scale = min(room_width / width, room_height / height)
    return max(1, int(width * scale)), max(1, int(height * scale))


class PictureView(Widget):
    """Shows a `Picture` as large as its room allows, in the middle; `show(None)` empties it.

    Where the terminal has pixels they are used; with 256 colours or more each cell holds two pixels (the upper half
    block); without, one character of ten brightnesses. `draw_otherwise` takes the next of these.
    """

    def __init__(self, picture: Picture | None = None, *, id: str | None = None) -> None:  # noqa: A002  textual's own word
        super().__init__(id=id, classes="picture-view")
        self.picture = picture
        self._strips: list[Strip] = []
        self._made_for: tuple[int, int] = (0, 0)
        self._chosen: Drawing | None = None
        self._drawn: Drawing | None = None  # last
        self._number = 40 + next(_numbers) % 200  # of the picture in kitty's memory: one that fits 256 colours
        self._is_told = False
        self._sixels = ""
        self._sixels_at = (0, 0)

    @property
    def has_grays(self) -> bool:
        """Tell whether the terminal can show grays."""
        return not self.app.no_color and self.app.console.color_system in {"256", "truecolor"}

    @property
    def drawings(self) -> tuple[Drawing, ...]:
        """Return how it can be drawn here, the best first."""
        return graphics.drawings(has_colour=not self.app.no_color, has_grays=self.has_grays)

    @property
    def drawing(self) -> Drawing:
        """Return how it is drawn."""
        return self._chosen if self._chosen in self.drawings else self.drawings[0]

    def draw_best(self) -> bool:
        """Draw in the best way, after more is known of the terminal; tells whether that is another one."""
        before, self._chosen = self._drawn, None
        self._redraw()
        return self.drawing is not before

    def draw_otherwise(self) -> Drawing:
        """Draw in the next of the ways that this terminal has, and return it."""
        ways = self.drawings
        self._forget()
        self._chosen = ways[(ways.index(self.drawing) + 1) % len(ways)]
        self._redraw()
        return self._chosen

    def show(self, picture: Picture | None) -> None:
        """Show another picture, or none."""
        self.picture = picture
        self._redraw()

    def on_resize(self, _: events.Resize) -> None:
        """Draw anew for the new size."""
        self._redraw()

    def _redraw(self) -> None:
        self._made_for = (0, 0)
        self._sixels = ""
        self.refresh()

    def on_unmount(self) -> None:
        """Make the terminal forget the pixels."""
        self._forget()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw lines; pixels come on top, when the lines are on the screen."""
        strips = super().render_lines(crop)
        if self._sixels and self.drawing is Drawing.SIXEL:
            self.call_after_refresh(self._put_sixels)
        return strips

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
        drawing = self._drawn = self.drawing
        if drawing is Drawing.KITTY:
            return self._kitty(picture, width, min(height, graphics.kitty_rows()))
        if drawing is Drawing.SIXEL:
            self.encode(picture, width, height)
            return []
        across, down = fit(picture.width, picture.height, width, height * 2)
        if drawing is Drawing.BLOCKS:
            down += down % 2
            return _half_blocks(picture.resized(across, down))
        return _ascii(picture.resized(across, max(1, down // 2)))

    # -- pixels --------------------------------------------------------------------------------------------------

    def _write(self, text: str) -> None:
        """Write to the terminal past the layout: Textual has no way for pixels."""
        driver = self.app._driver  # noqa: SLF001
        if driver is not None and not self.app.is_headless:
            driver.write(text)

    def _kitty(self, picture: Picture, width: int, height: int) -> list[Strip]:
        wide, high = graphics.terminal().cell or _KITTY_SCALE
        pixels = fit(picture.width, picture.height, width * wide, height * high)
        columns, rows = max(1, pixels[0] // wide), max(1, pixels[1] // high)
        small = fit(*pixels, min(MOST_PIXELS, pixels[0]), min(MOST_PIXELS, pixels[1]))
        self._write(graphics.kitty_picture(picture.resized(*small), self._number, columns, rows))
        self._is_told = True
        is_true = self.app.console.color_system == "truecolor"
        colour = Color.from_rgb(0, 0, self._number) if is_true else Color.from_ansi(self._number)
        style = Style(color=colour)
        return [Strip([Segment(graphics.kitty_line(row, columns), style)], columns) for row in range(rows)]

    def _forget(self) -> None:
        if self._is_told:
            self._write(graphics.kitty_forget(self._number))
            self._is_told = False

    @work(group="sixel", exclusive=True, exit_on_error=False)
    async def encode(self, picture: Picture, width: int, height: int) -> None:
        """Make sixels of a picture, then put them on the screen."""
        known = graphics.terminal()
        wide, high = known.cell or _KITTY_SCALE
        across, down = fit(
            picture.width, picture.height, min(MOST_PIXELS, width * wide), min(MOST_PIXELS, height * high)
        )
        text = await asyncio.to_thread(lambda: graphics.sixel(picture.resized(across, down), known.grays))
        if picture is self.picture and self.drawing is Drawing.SIXEL:
            self._sixels = text
            self._sixels_at = ((width - -(-across // wide)) // 2, (height - -(-down // high)) // 2)
            self.refresh()

    def _put_sixels(self) -> None:
        """Write the sixels where the picture is, unless another screen covers it."""
        if self._sixels and self.is_attached and self.app.screen is self.screen:
            place = self.content_region.offset + self._sixels_at
            self._write(f"\x1b7\x1b[{place.y + 1};{place.x + 1}H{self._sixels}\x1b8")


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
