"""Home: the four ways on; each of them ends here again."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.widgets import Button

from xnat_wizard.upload.uploads import Unfinished, newest_unfinished
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.rows import Column, Row, Rows
from xnat_wizard.wizard.widgets.step import Command, StepScreen

WAYS = (
    (Move.NEXT, "Upload images", "Choose a project and a folder, and send what is in it"),
    (Move.PREARCHIVE, "Prearchive", "Look at what waits there, correct it, archive it"),
    (Move.ARCHIVE, "Archive", "See what is stored, with pictures"),
    (Move.TROUBLESHOOT, "Troubleshoot", "Find images that were sent and cannot be seen"),
)


class HomeStep(StepScreen[Answer]):
    """Show the ways on."""

    number = 1
    sentence = "What would you like to do?"
    HELP = """\
## Home

Up and Down choose, Enter goes on. Every way ends here again.
"""

    def __init__(self, choices: Choices, ways: frozenset[Move]) -> None:
        super().__init__(choices.who)
        self.choices = choices
        self.ways = tuple(way for way in WAYS if way[0] in ways)

    def compose_content(self) -> ComposeResult:
        """Yield the ways."""
        yield Rows((Column("", 16), Column("", 20, grow=1)), has_header=False, id="ways")

    def compose_buttons(self) -> ComposeResult:
        """Yield the button that leads back."""
        yield ActionButton("Log in elsewhere", id="back", tooltip="To the login; your uploads go on")

    def on_mount(self) -> None:
        """Begin at the first way, and look for an upload that is not over."""
        self._show(None)
        self.query_one("#ways", Rows).focus()
        self.look()

    def _show(self, left: Unfinished | None) -> None:
        rows = [Row(move.value, (name, words)) for move, name, words in self.ways]
        if left is not None:
            words = "is running" if left.is_running else "did not end; it can be resumed, nothing is sent twice"
            rows.append(Row(str(left.journal_path), ("Show an upload", f"An upload to {left.plan.project} {words}")))
        self.query_one("#ways", Rows).show(rows)

    @work(group="uploads", exclusive=True, exit_on_error=False)
    async def look(self) -> None:
        """Look for an upload to this site that runs or can be resumed."""
        site = self.choices.site
        if site is not None:
            self._show(await asyncio.to_thread(newest_unfinished, site.info.url))

    @on(Rows.Chosen, "#ways")
    def _chosen(self, event: Rows.Chosen) -> None:
        if event.key in {move.value for move, _, _ in self.ways}:
            self._go(Move(event.key))
        else:
            self.dismiss(Answer(replace(self.choices, journal_path=Path(event.key)), Move.SHOW_UPLOAD))

    @on(Button.Pressed, "#back")
    def _pressed_back(self) -> None:
        self.action_back()

    def go_next(self) -> None:
        """Go the way under the cursor."""
        self.query_one("#ways", Rows).action_choose()

    def answer_back(self) -> Answer:
        """Go to the login."""
        return Answer(self.choices, Move.BACK)

    def commands(self) -> Iterable[Command]:
        """Yield the ways by name."""
        for move, name, words in self.ways:
            yield name, words, partial(self._go, move)

    def _go(self, move: Move) -> None:
        self.dismiss(Answer(self.choices, move))
