"""A look at images: one at a time, keys for the others of the series, for brightness and contrast, and to play."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual import events, work
from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.timer import Timer
from textual.widgets import Static

from xnat_wizard.dicom.graylevels import Window
from xnat_wizard.dicom.picture import Frame, Picture, frame_of
from xnat_wizard.findings import Problem
from xnat_wizard.wizard.widgets import graphics
from xnat_wizard.wizard.widgets.faults import fault
from xnat_wizard.wizard.widgets.helped import HelpedScreen
from xnat_wizard.wizard.widgets.keyline import KeyLine
from xnat_wizard.wizard.widgets.picture import PictureView
from xnat_wizard.wizard.widgets.plain import cut, plain

Image = Picture | Frame
Load = Callable[[int], Awaitable[Image]]
LoadFrame = Callable[[int, int], Awaitable[Image]]
PLAY_EVERY_S = 0.25  # a picture that is not drawn by then holds the next one back
HINT = "b d: brighter, darker   + -: contrast   a: automatic   f: as in the file"
HELP = """
## Images

- **Right**, **Left**: the next image, the one before; **Page down**, **Page up**: ten on, ten back; **Home**, **End**:
  the first, the last. Where a file has several frames, these come one after the other.
- **Space** plays them, and stops.
- **b** brighter, **d** darker; **+** more contrast, **-** less. **a** takes the range of this image's own values,
  **f** the window that stands in the file. What you set stays for the other images.
- **t** draws in another way: pixels, half blocks, letters. The first time it asks the terminal whether it has pixels,
  and the screen goes dark for a moment. XNAT_WIZARD_PICTURES (kitty, sixel, blocks, ascii) says it beforehand.
- **Escape** closes. Looking changes nothing.
"""


def in_thread(read: Callable[[int], Image]) -> Load:
    """Turn a blocking reader into one that a screen can wait for."""

    async def load(place: int) -> Image:
        return await asyncio.to_thread(read, place)

    return load


def frames_in_thread(read: Callable[[int, int], Image]) -> LoadFrame:
    """Turn a blocking reader of single frames into one that a screen can wait for."""

    async def load(place: int, frame: int) -> Image:
        return await asyncio.to_thread(read, place, frame)

    return load


class ViewerScreen(HelpedScreen[None]):
    """Show picture `start` of `count`; `load(place)` gives one, `load_frame(place, frame)` one of several in a file.

    Right and Left go through, Escape closes. What `load` raises is said in words.
    """

    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "close", "Close", tooltip="Close the picture", id="viewer.close"),
        Binding("right,down,full_stop", "move(1)", "Next", tooltip="The next image", id="viewer.next"),
        Binding("left,up,comma", "move(-1)", "Previous", tooltip="The image before", id="viewer.previous"),
        Binding("space", "play", "Play", tooltip="Show one image after the other; again: stop", id="viewer.play"),
        Binding("t", "drawing", "Drawing", tooltip="Draw with other signs", id="viewer.drawing"),
        Binding("pagedown", "move(10)", "Ten on", show=False, id="viewer.ten_on"),
        Binding("pageup", "move(-10)", "Ten back", show=False, id="viewer.ten_back"),
        Binding("home", "edge(False)", "First", show=False, id="viewer.first"),
        Binding("end", "edge(True)", "Last", show=False, id="viewer.last"),
        Binding("b", "brighter(-1)", "Brighter", show=False, id="viewer.brighter"),
        Binding("d", "brighter(1)", "Darker", show=False, id="viewer.darker"),
        Binding("plus,c", "contrast(True)", "More contrast", show=False, id="viewer.more_contrast"),
        Binding("minus,x", "contrast(False)", "Less contrast", show=False, id="viewer.less_contrast"),
        Binding("a", "automatic", "Automatic", show=False, id="viewer.automatic"),
        Binding("f", "of_file", "As in the file", show=False, id="viewer.of_file"),
    ]
    AUTO_FOCUS = "#picture"
    DEFAULT_CSS = """
    ViewerScreen #picture-hint { height: 1; color: $text-muted; }
    ViewerScreen.-low #picture-hint { display: none; }
    ViewerScreen #picture-line { margin: 0; }
    """

    def __init__(
        self, title: str, count: int, load: Load, *, start: int | None = None, load_frame: LoadFrame | None = None
    ) -> None:
        super().__init__()
        self.words = plain(title)
        self.count = count
        self.load = load
        self.load_frame = load_frame
        self.place = count // 2 if start is None else start
        self.frame_at = 0
        self.frame: Frame | None = None
        self.window: Window | None = None  # what the person has set; None: of the image
        self._is_automatic = False
        self._is_reading = False
        self._player: Timer | None = None

    def compose(self) -> ComposeResult:
        """Lay out the picture and its lines."""
        yield Static(self.words, id="viewer-title", markup=False)
        with Vertical(classes="viewer"):
            view = PictureView(id="picture")
            view.can_focus = True  # so that help knows where the focus is
            yield view
            yield Static("", id="picture-line", markup=False, classes="dim")
            yield Static(HINT, id="picture-hint", markup=False)
        yield KeyLine(show_command_palette=False)

    def on_mount(self) -> None:
        """Show the first picture."""
        self.read()

    def on_resize(self, _: events.Resize) -> None:
        """Fit the title to the new width."""
        self._show_title()

    # -- reading -------------------------------------------------------------------------------------------------

    @work(group="picture", exclusive=True, exit_on_error=False)
    async def read(self) -> None:
        """Read the picture of the present place, and say when it cannot be drawn."""
        where = f"image {self.place + 1} of {self.count}"
        line = self.query_one("#picture-line", Static)
        self._is_reading = True
        if self._player is None:
            line.update(f"Reading {where}...")
        try:
            image = await (self.load_frame(self.place, self.frame_at) if self.load_frame else self.load(self.place))
        except Problem as problem:
            self._show(None, f"{where}: {problem.finding.what}. {problem.finding.why}")
        except OSError as error:
            self._show(None, f"{where}: the file cannot be read ({error.strerror}).")
        except Exception as error:  # noqa: BLE001  a worker's door: the fault becomes words
            self._show(None, f"{where}: {fault(error).why}")
        else:
            frame = image if isinstance(image, Frame) else frame_of(image)
            self.frame_at = frame.place
            self._show(frame, f"{where}  {frame.caption}")
        finally:
            self._is_reading = False

    def _show(self, frame: Frame | None, words: str) -> None:
        self.frame = frame
        self.query_one("#picture-line", Static).update(plain(words))
        self._draw()
        self.refresh_bindings()

    def _draw(self) -> None:
        frame = self.frame
        self.query_one(PictureView).show(frame.picture(self._window_of(frame)) if frame else None)
        self._show_title()

    def _window_of(self, frame: Frame) -> Window:
        if self._is_automatic:
            return frame.own_window
        return self.window or frame.first_window

    def _show_title(self) -> None:
        frame, room = self.frame, max(10, self.app.size.width - 2)
        words = ""
        if frame is not None:
            center, width = self._window_of(frame)
            whose = "set" if self.window else "file" if frame.file_window and not self._is_automatic else "automatic"
            words = f"  center {center:.4g} width {width:.4g} ({whose})"
        self.query_one("#viewer-title", Static).update(f"{cut(self.words, room - len(words))}{words}")

    # -- going through -------------------------------------------------------------------------------------------

    def action_move(self, steps: int) -> None:
        """Go to another image, or frame of a file with several; the ends hold."""
        frames = self.frame.count if self.frame and self.load_frame else 1
        if frames > 1 and 0 <= self.frame_at + steps < frames:
            self.frame_at += steps
            self.read()
            return
        place = min(self.count - 1, max(0, self.place + steps))
        if frames > 1 and abs(steps) > 1 and self.count == 1:
            self.frame_at = frames - 1 if steps > 0 else 0
        elif place == self.place:
            return
        else:
            self.place, self.frame_at = place, -1 if steps < 0 and self.load_frame else 0
        self.read()

    def action_edge(self, is_last: bool) -> None:  # noqa: FBT001  Textual passes action arguments by place
        """Go to the first or the last image."""
        self.place, self.frame_at = (self.count - 1, -1 if self.load_frame else 0) if is_last else (0, 0)
        self.read()

    @property
    def _is_at_end(self) -> bool:
        frames = self.frame.count if self.frame and self.load_frame else 1
        return self.place == self.count - 1 and self.frame_at >= frames - 1

    def action_play(self) -> None:
        """Show one image after the other, or stop."""
        if self._player is not None:
            self._player.stop()
            self._player = None
        else:
            self._player = self.set_interval(PLAY_EVERY_S, self.play_on)

    def play_on(self) -> None:
        """Go one on, from the last to the first; a picture that is being read is waited for."""
        if self._is_reading:
            return
        if self._is_at_end:
            self.action_edge(is_last=False)
        else:
            self.action_move(1)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide the keys for other images where there is one only, and for other signs where there are none."""
        if action in {"move", "play", "edge"}:
            return self.count > 1 or (self.frame is not None and self.frame.count > 1)
        return super().check_action(action, parameters)

    # -- how it is drawn -----------------------------------------------------------------------------------------

    def action_brighter(self, steps: int) -> None:
        """Show lower or higher values."""
        if self.frame is not None:
            self._set(self._window_of(self.frame).moved(-steps if self.frame.is_inverted else steps))

    def action_contrast(self, is_more: bool) -> None:  # noqa: FBT001  as above
        """Put fewer or more values between black and white."""
        if self.frame is not None:
            self._set(self._window_of(self.frame).widened(1 / 1.2 if is_more else 1.2))

    def _set(self, window: Window) -> None:
        self.window, self._is_automatic = window, False
        self._draw()

    def action_automatic(self) -> None:
        """Show the range of each image's own values."""
        self.window, self._is_automatic = None, True
        self._draw()

    def action_of_file(self) -> None:
        """Show what the file wants to be shown."""
        self.window, self._is_automatic = None, False
        self._draw()

    def action_drawing(self) -> None:
        """Draw in another way; the first time the terminal is asked what it can, for which the app steps aside."""
        view = self.query_one(PictureView)
        if graphics.is_worth_asking():
            with contextlib.suppress(SuspendNotSupported), self.app.suspend():
                graphics.ask()
            if view.draw_best():
                return
        view.draw_otherwise()

    def action_close(self) -> None:
        """Close; help first."""
        if not self.hide_help():
            self.dismiss(None)
