"""A look at images: one picture at a time, arrow keys for the others of the series."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from xnat_wizard.dicom.picture import Picture
from xnat_wizard.findings import Problem
from xnat_wizard.wizard.widgets.faults import fault
from xnat_wizard.wizard.widgets.picture import PictureView
from xnat_wizard.wizard.widgets.plain import plain

Load = Callable[[int], Awaitable[Picture]]


def in_thread(read: Callable[[int], Picture]) -> Load:
    """Turn a blocking reader into one that a screen can wait for."""

    async def load(place: int) -> Picture:
        return await asyncio.to_thread(read, place)

    return load


class ViewerScreen(ModalScreen[None]):
    """Show picture `start` of `count`; `load(place)` gives one. Right and Left go through, Escape closes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter", "close", "Close", tooltip="Close the picture", id="viewer.close"),
        Binding("right,down", "move(1)", "Next", tooltip="The next image", id="viewer.next"),
        Binding("left,up", "move(-1)", "Previous", tooltip="The image before", id="viewer.previous"),
        Binding("pagedown", "move(10)", "Ten on", show=False, id="viewer.ten_on"),
        Binding("pageup", "move(-10)", "Ten back", show=False, id="viewer.ten_back"),
    ]
    AUTO_FOCUS = ""

    def __init__(self, title: str, count: int, load: Load, *, start: int | None = None) -> None:
        super().__init__()
        self.words = plain(title)
        self.count = count
        self.load = load
        self.place = count // 2 if start is None else start

    def compose(self) -> ComposeResult:
        """Lay out the picture and its line."""
        yield Static(self.words, id="viewer-title", markup=False)
        with Vertical(classes="viewer"):
            yield PictureView(id="picture")
            yield Static("", id="picture-line", markup=False, classes="dim")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Show the first picture."""
        self.read()

    @work(group="picture", exclusive=True, exit_on_error=False)
    async def read(self) -> None:
        """Read the picture of the present place, and say when it cannot be drawn."""
        where = f"image {self.place + 1} of {self.count}"
        line = self.query_one("#picture-line", Static)
        line.update(f"Reading {where}...")
        try:
            picture = await self.load(self.place)
        except Problem as problem:
            self.query_one(PictureView).show(None)
            line.update(plain(f"{where}: {problem.finding.what}. {problem.finding.why}"))
        except OSError as error:
            self.query_one(PictureView).show(None)
            line.update(plain(f"{where}: the file cannot be read ({error.strerror})."))
        except Exception as error:  # noqa: BLE001  a worker's door: the fault becomes words
            self.query_one(PictureView).show(None)
            line.update(f"{where}: {fault(error).why}")
        else:
            self.query_one(PictureView).show(picture)
            line.update(plain(f"{where}  {picture.caption}"))

    def action_move(self, steps: int) -> None:
        """Go to another image; the ends hold."""
        place = min(self.count - 1, max(0, self.place + steps))
        if place != self.place:
            self.place = place
            self.read()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide the keys for other images where there is one only."""
        if action == "move":
            return self.count > 1
        return super().check_action(action, parameters)

    def action_close(self) -> None:
        """Close."""
        self.dismiss(None)
