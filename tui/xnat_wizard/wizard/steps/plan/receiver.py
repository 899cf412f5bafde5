"""A screen over the plan that asks for a DICOM receiver: host, port, AE titles; checked at every key."""

from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from xnat_wizard.findings import Problem
from xnat_wizard.upload.cstore.peer import USUAL_PORT, Peer, address_of
from xnat_wizard.upload.travel_words import receiver_text
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.plain import plain


class ReceiverScreen(ModalScreen[Peer | None]):
    """Type a receiver; gives it, or None when nothing shall change."""

    AUTO_FOCUS = "#receiver-host"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="receiver.back", tooltip="Keep everything as it was"),
        Binding("down", "app.focus_next", "Down", show=False, id="receiver.down"),
        Binding("up", "app.focus_previous", "Up", show=False, id="receiver.up"),
    ]
    DEFAULT_CSS = """
    ReceiverScreen .receiver--title { text-style: bold; margin-bottom: 1; }
    ReceiverScreen #receiver-why { height: auto; color: $text-muted; margin-bottom: 1; }
    ReceiverScreen .receiver--line { height: 1; }
    ReceiverScreen .receiver--line Label { width: 14; }
    ReceiverScreen #receiver-verdict { height: 3; margin-top: 1; }
    """

    def __init__(self, peer: Peer, why: str = "") -> None:
        """Ask for a receiver.

        Args:
            peer: what stands in the fields at first, and how it is spoken to otherwise.
            why: it has to be typed; "" where a person chose to.
        """
        super().__init__()
        self._peer = peer
        self._why = why

    def compose(self) -> ComposeResult:
        """Lay out the fields and what is to be said about them."""
        with Vertical(classes="dialog"):
            yield Label("The DICOM receiver", classes="receiver--title")
            reason = f"Type it: {self._why}. " if self._why else ""
            yield Static(
                plain(
                    f"{reason}Whoever runs the site knows host, port and AE title; XNAT's usual port is {USUAL_PORT}."
                ),
                id="receiver-why",
                markup=False,
            )
            for key, name, value, length in (
                ("host", "Host", self._peer.host, 253),
                ("port", "Port", f"{self._peer.port}", 5),
                ("title", "AE title", self._peer.ae_title, 16),
                ("calling", "Our AE title", self._peer.calling, 16),
            ):
                with Horizontal(classes="receiver--line"):
                    yield Label(name)
                    field = Input(value, id=f"receiver-{key}", compact=True, max_length=length, select_on_focus=False)
                    field.cursor_blink = False
                    yield field
            yield Static("", id="receiver-verdict", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield ActionButton("OK", id="receiver-ok", tooltip="Take this receiver", is_main=True)
                yield ActionButton("Change nothing", id="receiver-leave", tooltip="Keep everything as it was")

    def on_mount(self) -> None:
        """Judge what is there."""
        self.judge()

    def _typed(self) -> Peer | str:
        """Return the receiver, or why what is typed is none."""
        host, port, title, calling = (
            self.query_one(f"#receiver-{key}", Input).value.strip() for key in ("host", "port", "title", "calling")
        )
        try:
            where = f"[{host}]" if ":" in host else host
            host, number = address_of(f"{where}:{port}")
            return replace(self._peer, host=host, port=number, ae_title=title, calling=calling)
        except Problem as problem:
            return f"{problem.finding.what}. {problem.finding.why}."

    @on(Input.Changed)
    def judge(self) -> None:
        """Say at every key whether it can be."""
        typed = self._typed()
        is_wrong = isinstance(typed, str)
        words = typed if isinstance(typed, str) else f"{receiver_text(typed)}. OK takes it and asks whether it listens."
        verdict = Content.assemble(("FAIL  " if is_wrong else "ok    ", "bold"), plain(words))
        self.query_one("#receiver-verdict", Static).update(verdict)
        self.query_one("#receiver-ok", ActionButton).disabled = is_wrong

    @on(Input.Submitted)
    @on(Button.Pressed, "#receiver-ok")
    def keep(self) -> None:
        """Give what is typed, where it can be."""
        typed = self._typed()
        if isinstance(typed, Peer):
            self.dismiss(typed)

    @on(Button.Pressed, "#receiver-leave")
    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)
