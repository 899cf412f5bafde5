"""Copy: what is chosen goes to the clipboard and into a file whose path is shown; a password goes nowhere."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import DataTable, Input, OptionList

from wizard.screens import flat_text, screen_rows, settled_text, until_text
from xnat_wizard.findings import Finding, Severity
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Answer
from xnat_wizard.wizard.widgets.checklist import Checklist
from xnat_wizard.wizard.widgets.copying import CLIPBOARD_LIMIT_BYTES, CopiedScreen, keep
from xnat_wizard.wizard.widgets.field import Field
from xnat_wizard.wizard.widgets.findings import FindingList
from xnat_wizard.wizard.widgets.lines import LinesScreen
from xnat_wizard.wizard.widgets.problem import ProblemScreen
from xnat_wizard.wizard.widgets.rows import Column, Row, Rows
from xnat_wizard.wizard.widgets.step import StepScreen

SIZE = (80, 24)
NOTE = Finding("c.note", "Text [b]files", "They are no images.", ("Leave them.",), "/data/sub-03", Severity.NOTE)


class Host(StepScreen[Answer]):
    """A step with one widget."""

    number = 1
    sentence = "A step."
    HELP = "## This step\n\nIts help."

    def __init__(self, *widgets: Callable[[], Widget]) -> None:
        super().__init__()
        self.widgets = widgets

    def compose_content(self) -> ComposeResult:
        yield from (make() for make in self.widgets)


class WithAddress(Host):
    def copyable_text(self) -> str:
        return "https://xnat.example.org/data/x"


@pytest.fixture
def copied(own_home: Path) -> Path:
    return own_home / "state" / "copied.txt"


def shown(*widgets: Callable[[], Widget]) -> WizardApp:
    return WizardApp(steps=(lambda _: Host(*widgets),))


async def test_the_finding_under_the_cursor_is_copied_whole(copied: Path) -> None:
    app = shown(lambda: FindingList([NOTE]))
    async with app.run_test(size=SIZE) as pilot:
        await until_text(app, pilot, "A step.")
        app.screen.query_one(OptionList).focus()
        await pilot.press("ctrl+y")
        await until_text(app, pilot, "and to:")
        assert str(copied) in "".join(row.strip() for row in screen_rows(app))
        await pilot.press("escape")
        await until_text(app, pilot, "A step.")
    text = copied.read_text(encoding="utf-8")
    for words in ("Text [b]files", "They are no images.", "Leave them.", "/data/sub-03", "c.note"):
        assert words in text
    assert app.clipboard == text.rstrip("\n")
    assert copied.stat().st_mode & 0o077 == 0


async def test_the_terminal_is_told_by_osc_52(copied: Path) -> None:
    app = WizardApp(steps=(lambda _: WithAddress(),))
    written: list[str] = []
    async with app.run_test(size=SIZE) as pilot:
        await until_text(app, pilot, "A step.")
        assert app._driver
        app._driver.write = written.append  # type: ignore[method-assign, assignment]  # what the terminal would get
        await pilot.press("ctrl+y")
        await until_text(app, pilot, "https://xnat.example.org/data/x")
        assert "https://xnat.example.org/data/x" in [row.strip() for row in screen_rows(app)], "on a line of its own"
    code = base64.b64encode(b"https://xnat.example.org/data/x").decode()
    assert any(f"\x1b]52;c;{code}\a" in text for text in written)
    assert copied.read_text(encoding="utf-8") == "https://xnat.example.org/data/x\n"


async def test_rows_are_copied_as_text(copied: Path) -> None:
    app = shown(
        lambda: Rows((Column("Name", 10), Column("State", 20, grow=1))),
        lambda: Checklist([("a", "first one"), ("b", "second")], ["a"]),
        lambda: Field("Folder", id="folder", value="/data/study"),
        DataTable,
    )
    async with app.run_test(size=(80, 40)) as pilot:
        await until_text(app, pilot, "A step.")
        rows = app.screen.query_one(Rows)
        rows.show([Row("1", ("first", "fine")), Row("2", ("second", "not fine"))])
        table: DataTable[str] = app.screen.query_one(DataTable)
        table.add_columns("One", "Two")
        table.add_row("1", "2")
        for widget, text in (
            (rows, "first  fine"),
            (app.screen.query_one(Checklist), "first one"),
            (table, "1  2"),
            (app.screen.query_one(Input), "/data/study"),
        ):
            widget.focus()
            await pilot.press("ctrl+y")
            await until_text(app, pilot, "and to:")
            await pilot.press("escape")
            assert copied.read_text(encoding="utf-8") == f"{text}\n"


async def test_without_anything_chosen_the_screen_is_copied(copied: Path) -> None:
    app = shown()
    async with app.run_test(size=SIZE) as pilot:
        await until_text(app, pilot, "A step.")
        await pilot.press("ctrl+y")
        await until_text(app, pilot, "and to:")
    assert "A step." in copied.read_text(encoding="utf-8")


async def test_a_password_is_never_copied(copied: Path) -> None:
    app = shown(lambda: Field("Password", id="password", value="hunter2", is_secret=True))
    async with app.run_test(size=SIZE) as pilot:
        await until_text(app, pilot, "A step.")
        app.screen.query_one(Input).focus()
        await pilot.press("ctrl+y")
        await until_text(app, pilot, "A password is not copied.")
        app.screen.set_focus(None)
        await pilot.press("ctrl+y")
        await until_text(app, pilot, "and to:")
    assert "hunter2" not in copied.read_text(encoding="utf-8")
    assert "hunter2" not in app.clipboard


async def test_a_problem_is_copied_with_its_code_by_its_button(copied: Path) -> None:
    app = shown()
    async with app.run_test(size=SIZE) as pilot:
        await until_text(app, pilot, "A step.")
        app.push_screen(ProblemScreen(NOTE))
        await until_text(app, pilot, "code: c.note")
        await pilot.press("tab", "enter")
        await until_text(app, pilot, "and to:")
        await pilot.press("ctrl+y")  # once is enough
        assert isinstance(app.screen, CopiedScreen)
        await pilot.press("escape")
        await until_text(app, pilot, "code: c.note")
        await pilot.press("escape")
        await until_text(app, pilot, "A step.")
    assert "code:  c.note" in copied.read_text(encoding="utf-8")


async def test_a_long_text_is_copied_whole_into_the_file_only(copied: Path) -> None:
    text = "a line of a receipt\n" * (CLIPBOARD_LIMIT_BYTES // 10)
    app = shown()
    async with app.run_test(size=SIZE) as pilot:
        await until_text(app, pilot, "A step.")
        app.push_screen(LinesScreen("Receipt", text))
        await until_text(app, pilot, "a line of a receipt")
        await pilot.press("ctrl+y")
        await until_text(app, pilot, "Too long for the clipboard.")
    assert copied.read_text(encoding="utf-8") == f"{text}\n"
    assert app.clipboard == ""


async def test_a_home_that_cannot_be_written_leaves_the_clipboard(own_home: Path) -> None:
    (own_home / "state").write_text("a file in its way")
    app = WizardApp(steps=(lambda _: WithAddress(),))
    async with app.run_test(size=SIZE) as pilot:
        await until_text(app, pilot, "A step.")
        await pilot.press("ctrl+y")
        await until_text(app, pilot, "No file could be written.")
        assert "https://xnat.example.org/data/x" in flat_text(app)
    assert app.clipboard == "https://xnat.example.org/data/x"


def test_bytes_that_are_no_text_are_kept(copied: Path) -> None:
    assert keep("caf\udce9") == copied
    assert copied.read_bytes() == b"caf\xe9\n"


async def test_dialogs_have_help_and_a_palette_of_their_own() -> None:
    app = shown()
    async with app.run_test(size=SIZE) as pilot:
        await until_text(app, pilot, "A step.")
        app.push_screen(ProblemScreen(NOTE))
        await until_text(app, pilot, "code: c.note")
        titles = {command.title for command in app.get_system_commands(app.screen)}
        assert titles == {"Close", "Help", "Manual", "Copy", "Theme", "Quit"}
        await pilot.press("f1")
        await until_text(app, pilot, "Close this message")
        assert "Ctrl+Y" in flat_text(app)
        assert "Ctrl+Q" in flat_text(app)
        await pilot.press("f1")
        await until_text(app, pilot, "code: c.note")


async def test_help_is_there_when_nothing_has_the_focus() -> None:
    app = shown()
    async with app.run_test(size=SIZE) as pilot:
        await until_text(app, pilot, "A step.")
        app.screen.set_focus(None)
        await pilot.press("f1")
        await until_text(app, pilot, "Its help.")


async def test_an_input_without_anything_typed_lets_the_screen_be_copied(copied: Path) -> None:
    app = shown(lambda: Field("Folder", id="folder"))
    async with app.run_test(size=SIZE) as pilot:
        await settled_text(app, pilot)
        app.screen.query_one(Input).focus()
        await pilot.pause()
        assert isinstance(app.focused, Input)
        await pilot.press("ctrl+y")
        await until_text(app, pilot, "and to:")
    assert "A step." in copied.read_text(encoding="utf-8")
