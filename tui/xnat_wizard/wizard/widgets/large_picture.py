"""A picture as large as the terminal allows, over the other screens."""

from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from xnat_wizard.dicom.picture import Picture
from xnat_wizard.wizard.widgets.picture import PictureView

Step = Callable[[int], Awaitable[tuple[Picture | None, str]]]


class LargePicture(ModalScreen[None]):
    """One picture and its caption; `step(n)` fetches the picture n places further on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "close", "Close", id="picture.close", tooltip="Back to the list"),
        Binding("down,right,full_stop,space", "step(1)", "Next image", show=False, id="picture.next"),
        Binding("up,left,comma", "step(-1)", "Previous image", show=False, id="picture.previous"),
        Binding("pagedown", "step(10)", "Ten on", show=False, id="picture.ten_on"),
        Binding("pageup", "step(-10)", "Ten back", show=False, id="picture.ten_back"),
    ]
    DEFAULT_CSS = """
    LargePicture { background: $background; }
    LargePicture Vertical { width: 100%; height: 100%; }
    LargePicture Static { height: 1; color: $text-muted; text-align: center; }
    """

    def __init__(self, picture: Picture | None, caption: str, step: Step) -> None:
        super().__init__()
        self._picture = picture
        self._caption = caption
        self._step = step

    def compose(self) -> ComposeResult:
        """Lay out picture and caption."""
        with Vertical():
            yield PictureView(self._picture)
            yield Static(self._words(), markup=False)

    def _words(self) -> str:
        return f"{self._caption}   Up, Down: other images   Escape: close"

    @work(group="picture", exclusive=True, exit_on_error=False)
    async def action_step(self, count: int) -> None:
        """Show another image."""
        self._picture, self._caption = await self._step(count)
        self.query_one(PictureView).show(self._picture)
        self.query_one(Static).update(self._words())

    def action_close(self) -> None:
        """Go back to the list."""
        self.dismiss(None)
