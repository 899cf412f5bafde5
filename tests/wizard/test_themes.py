"""Themes: every text stands out from its ground, and no meaning is lost without colours."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.segment import Segment
from textual.app import ComposeResult
from textual.widgets import DataTable, Input, Tree

from wizard.screens import settled_text, until_text
from xnat_wizard.findings import Finding, Severity
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Answer
from xnat_wizard.wizard.theme import ANSI_THEME, NAMES, THEMES, theme_for
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.checklist import Checklist
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.field import Field, Mark
from xnat_wizard.wizard.widgets.findings import FindingList
from xnat_wizard.wizard.widgets.lines import LinesScreen
from xnat_wizard.wizard.widgets.pick import PickScreen, Way
from xnat_wizard.wizard.widgets.problem import ProblemScreen
from xnat_wizard.wizard.widgets.rows import Column, Row, Rows
from xnat_wizard.wizard.widgets.step import StepScreen

LEAST, LEAST_HIGH = 4.5, 7.0
STOP = Finding("a.stop", "Three files end early", "They were cut off.", ("Copy them again.",), "sub-01")
ASK = Finding("b.ask", "Two patients", "PatientID differs.", ("Say yes.",), "sub-02", Severity.ASK)
NOTE = Finding("c.note", "Text files", "They are no images.", (), "sub-03", Severity.NOTE)


class Everything(StepScreen[Answer]):
    """A step with one of each widget, in each state."""

    number = 3
    sentence = "Everything that can be drawn."
    has_refresh = True
    HELP = "## Help\n\nWords with `code`, **bold** and a list:\n\n- one\n- two"

    def __init__(self) -> None:
        super().__init__("owner@xnat.example.org")

    def compose_content(self) -> ComposeResult:
        yield Field("Good", id="good", value="typed")
        yield Field("Fair", id="fair", placeholder="a placeholder")
        yield Field("Bad", id="bad", value="typed", note="a note")
        yield Checklist([("a", "on"), ("b", "off")], ["a"], id="ticks")
        yield FindingList([STOP, ASK, NOTE], id="findings")
        yield Rows((Column("Name", 10), Column("State", 20, grow=1)), id="rows")
        yield DataTable(id="table")

    def compose_buttons(self) -> ComposeResult:
        yield ActionButton("Main", id="main", tooltip="The main one", is_main=True)
        yield ActionButton("Other", id="other", tooltip="Another one")
        yield ActionButton("Off", id="off", tooltip="Not now", is_disabled=True)

    def on_mount(self) -> None:
        self.query_one("#content").styles.height = "1fr"
        for name, mark in (("good", Mark.OK), ("fair", Mark.WARN), ("bad", Mark.FAIL)):
            next(field for field in self.query(Field) if field.input.id == name).say("a note", mark)
        self.query_one(Rows).show([Row("1", ("first", "fine")), Row("2", ("second", "not fine"))])
        table: DataTable[str] = self.query_one(DataTable)
        table.add_columns("One", "Two")
        table.add_row("1", "2")
        self.tell("Something goes on.")
        self.query_one("#good", Input).focus()


def luminance(colour: tuple[int, int, int]) -> float:
    parts = [part / 255 for part in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(segment: Segment) -> float:
    assert segment.style
    assert segment.style.color
    assert segment.style.bgcolor
    lights = sorted(luminance(tuple(one.get_truecolor())) for one in (segment.style.color, segment.style.bgcolor))  # type: ignore[arg-type]  # a triplet
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def letters(app: WizardApp) -> Iterator[Segment]:
    """Yield what is drawn of letters and digits; of a dialog what is inside it, since the step behind it is dim."""
    region = app.screen.region
    if app.screen.is_modal:
        region = max((child.region for child in app.screen.children), key=lambda one: one.area)
    strips = app.screen._compositor.render_strips()[region.y : region.bottom]
    for strip in strips:
        for segment in strip.crop(region.x, region.right):
            if any(sign.isalnum() for sign in segment.text):
                yield segment


def test_the_measure_is_right() -> None:
    from rich.style import Style

    assert contrast(Segment("x", Style(color="#000000", bgcolor="#ffffff"))) == pytest.approx(21)
    assert contrast(Segment("x", Style(color="#767676", bgcolor="#ffffff"))) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", [theme.name for theme in THEMES])
async def test_every_text_stands_out(theme: str) -> None:
    least = LEAST_HIGH if "contrast" in theme else LEAST
    app = WizardApp(steps=(lambda _: Everything(),))
    faint: dict[str, float] = {}

    def look() -> None:
        for segment in letters(app):
            if (ratio := contrast(segment)) < least:
                faint[f"{type(app.screen).__name__}: {segment.text.strip()} {segment.style}"] = round(ratio, 2)

    async with app.run_test(size=(110, 60)) as pilot:
        app.theme = theme
        await until_text(app, pilot, "Everything that can be drawn.")
        for _ in range(10):  # the focus goes round
            await pilot.pause()
            look()
            await pilot.press("tab")
        await pilot.press("f1")
        await pilot.pause()
        look()
        await pilot.press("f1")
        for dialog in (
            ProblemScreen(STOP),
            ConfirmScreen("Sure?", "It is lost.", yes="Delete"),
            LinesScreen("Long", "line\n" * 3, foot="kept in a file"),
            PickScreen("Pick", "One of them", [Way(str(n), f"way {n}", "what it does") for n in range(10)]),
        ):
            app.push_screen(dialog)
            for _ in range(3):
                await pilot.pause()
                look()
                await pilot.press("tab")
            await pilot.press("escape")
        await pilot.press("ctrl+p")
        await pilot.pause()
        look()
    assert faint == {}


@pytest.mark.parametrize("theme", [theme.name for theme in THEMES])
def test_every_colour_is_one_of_256(theme: str) -> None:
    chosen = next(one for one in THEMES if one.name == theme)
    steps = {0, 0x5F, 0x87, 0xAF, 0xD7, 0xFF}
    grays = {8 + 10 * step for step in range(24)}
    for colour in (chosen.primary, chosen.background, chosen.panel, chosen.error, *chosen.variables.values()):
        if colour and colour.startswith("#"):
            parts = {int(colour[at : at + 2], 16) for at in (1, 3, 5)}
            assert parts <= steps or (len(parts) == 1 and parts <= grays), colour


async def test_only_these_themes_are_offered_and_the_palette_names_them() -> None:
    app = WizardApp(steps=(lambda _: Everything(),))
    async with app.run_test(size=(80, 24)):
        assert set(app.available_themes) == set(NAMES)


async def test_a_theme_chosen_in_the_palette_is_there_at_the_next_start(own_home: Path) -> None:
    app = WizardApp(steps=(lambda _: Everything(),))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_text(app, pilot, "Everything that can be drawn.")
        await pilot.press("ctrl+p")
        await until_text(app, pilot, "Choose colours: dark")
        await pilot.press(*"theme", "enter")
        await until_text(app, pilot, "Light, high contrast")
        await pilot.press(*"light high", "enter")
        await until_text(app, pilot, "Everything that can be drawn.")
        assert app.theme == "wizard-contrast-light"
    assert (own_home / "config" / "settings.toml").read_text() == 'theme = "wizard-contrast-light"\n'
    assert WizardApp(steps=(lambda _: Everything(),)).theme == "wizard-contrast-light"


async def test_a_theme_that_cannot_be_kept_is_on_for_now(own_home: Path) -> None:
    (own_home / "config").write_text("a file in its way")
    app = WizardApp(steps=(lambda _: Everything(),))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_text(app, pilot, "Everything that can be drawn.")
        await pilot.press("escape")
        app.choose_theme("wizard-light")
        await until_text(app, pilot, "settings.not_kept")
        assert app.theme == "wizard-light"


async def test_what_the_settings_file_has_wrong_is_said_once(own_home: Path) -> None:
    (own_home / "config").mkdir()
    (own_home / "config" / "settings.toml").write_text('them = 1\nmouse = 2\n[keys]\n"wizard.next" = "ctrl+i"\n')
    app = WizardApp(steps=(lambda _: Everything(),))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_text(app, pilot, "3 lines of the settings file are not used")
        await until_text(app, pilot, "Write `theme`")
        await pilot.press("escape")
        await until_text(app, pilot, "Everything that can be drawn.")


async def test_keys_of_ones_own_work_and_stand_in_the_footer(own_home: Path) -> None:
    (own_home / "config").mkdir()
    (own_home / "config" / "settings.toml").write_text('[keys]\n"wizard.help" = "f9"\n')
    app = WizardApp(steps=(lambda _: Everything(),))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_text(app, pilot, "f9 Help")
        await pilot.press("f9")
        await until_text(app, pilot, "Page down: more")


def test_the_terminals_own_colours_are_taken_where_there_are_few() -> None:
    assert theme_for("auto", has_colours=True) == "wizard-dark"
    assert theme_for("wizard-light", has_colours=True) == "wizard-light"
    assert theme_for("wizard-light", has_colours=False) == ANSI_THEME
    assert theme_for("no such theme", has_colours=True) == "wizard-dark"


async def test_without_colours_a_button_that_does_nothing_is_dim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = WizardApp(steps=(lambda _: Everything(),))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled_text(app, pilot)
        styles = {segment.text.strip(): segment.style for segment in letters(app)}
        off, other = styles["Off"], styles["[ Other ]"]
        assert off
        assert off.dim
        assert other
        assert not other.dim


def marks_at(app: WizardApp, words: str) -> set[str]:
    """Return how the text of the row with these words is set off without colours."""
    for strip in app.screen._compositor.render_strips():
        if words in strip.text:
            styles = [segment.style for segment in strip if segment.style and segment.text.strip(" ▌")]
            names = ("bold", "underline", "reverse")
            return {name for name in names if any(getattr(style, name) for style in styles)}
    pytest.fail(f"no row with {words!r}")


async def test_the_row_under_the_cursor_is_seen_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = WizardApp(steps=(lambda _: Everything(),))
    async with app.run_test(size=(80, 40)) as pilot:
        await until_text(app, pilot, "Something goes on.")
        assert not marks_at(app, "[x] on")
        app.screen.query_one(Checklist).focus()
        await settled_text(app, pilot)
        assert "underline" in marks_at(app, "[x] on")
        assert "underline" not in marks_at(app, "[ ] off")
        await pilot.press("down")
        await settled_text(app, pilot)
        assert "underline" in marks_at(app, "[ ] off")
        app.screen.query_one(".finding-rows").focus()
        await settled_text(app, pilot)
        assert "underline" in marks_at(app, "Three files end early")
        assert "underline" not in marks_at(app, "Two patients")


async def test_only_the_tree_with_the_focus_shows_a_reversed_row_without_colours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Wood(StepScreen[Answer]):
        def compose_content(self) -> ComposeResult:
            yield Tree("root", id="tree")
            yield Input(id="typed")

    monkeypatch.setenv("NO_COLOR", "1")
    app = WizardApp(steps=(lambda _: Wood(),))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_text(app, pilot, "root")
        app.screen.query_one("#typed", Input).focus()
        await settled_text(app, pilot)
        assert "reverse" not in marks_at(app, "root")
        app.screen.query_one("#tree").focus()
        await settled_text(app, pilot)
        assert "reverse" in marks_at(app, "root")
