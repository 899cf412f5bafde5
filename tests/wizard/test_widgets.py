"""What steps share: amounts, plain text, trail, lists, dialogs, pictures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import OptionList

from wizard.screens import flat_text, screen_rows, screen_text
from xnat_wizard.amounts import bytes_text, count_text, date_text, duration_text
from xnat_wizard.dicom.picture import Picture
from xnat_wizard.findings import Finding, Problem, Severity
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Answer
from xnat_wizard.wizard.widgets.checklist import Checklist
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.field import Field, Mark
from xnat_wizard.wizard.widgets.findings import FindingList
from xnat_wizard.wizard.widgets.picture import PictureView, fit
from xnat_wizard.wizard.widgets.plain import column, cut, cut_lines, plain
from xnat_wizard.wizard.widgets.problem import ProblemScreen
from xnat_wizard.wizard.widgets.progress import ProgressLine
from xnat_wizard.wizard.widgets.step import StepScreen
from xnat_wizard.wizard.widgets.trail import TITLE, trail_parts
from xnat_wizard.wizard.widgets.viewer import ViewerScreen

SIZE = (80, 24)
STOP = Finding(
    "a.stop", "[/b] 3 files", "They end [red]early", ("Copy them again.", "Leave them out."), "sub-01/x\x1b[1m"
)
ASK = Finding("b.ask", "Two patients", "PatientID differs.", ("Say yes.",), "sub-02", Severity.ASK)
NOTE = Finding("c.note", "Text files", "They are no images.", (), "sub-03", Severity.NOTE)


class Host(StepScreen[Answer]):
    """A step with one widget."""

    number = 1

    def __init__(self, *widgets: Widget) -> None:
        super().__init__()
        self.widgets = widgets

    def compose_content(self) -> ComposeResult:
        yield from self.widgets


def shown(*widgets: Widget) -> WizardApp:
    return WizardApp(steps=(lambda _: Host(*widgets),))


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (987, "987 B"),
        (1234, "1.2 kB"),
        (85_000, "85 kB"),
        (999_900, "1.0 MB"),
        (34e9, "34 GB"),
        (5e15, "5000 TB"),
    ],
)
def test_bytes_have_few_digits_and_a_unit(size: float, text: str) -> None:
    assert bytes_text(size) == text


def test_counts_durations_dates() -> None:
    assert count_text(1, "file") == "1 file"
    assert count_text(1200, "file") == "1,200 files"
    assert count_text(2, "series", "series") == "2 series"
    assert [duration_text(seconds) for seconds in (0, 7.4, 725, 11045)] == ["0:00", "0:07", "12:05", "3:04:05"]
    assert date_text("20240131") == "2024-01-31"
    assert date_text("unknown") == "unknown"


@given(st.text())
def test_plain_text_can_be_shown_and_sent(text: str) -> None:
    result = plain(text)
    assert result.isprintable()
    result.encode("utf-8")
    assert len(result) == len(text)


@given(st.text(), st.integers(min_value=1, max_value=40))
def test_a_column_has_exactly_its_width(text: str, width: int) -> None:
    assert cell_len(column(text, width)) == width
    assert cell_len(cut(text, width)) <= width


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert plain("caf\udce9\n\x1b[31m") == "caf\ufffd \ufffd[31m"


@given(st.integers(min_value=1, max_value=7), st.integers(min_value=30, max_value=200))
def test_the_trail_fits_and_names_the_step(number: int, width: int) -> None:
    text = "".join(trail_parts(number, width))
    assert len(text) <= width or text.count(" ") <= 20
    assert f"[{number} " in text


def test_the_trail_is_whole_where_there_is_room() -> None:
    text = "".join(trail_parts(3, 100))
    assert text == " 1 Log in  2 Project [3 Folder] 4 Plan  5 Upload  6 Prearchive  7 Archive "


@pytest.mark.parametrize(
    ("number", "width", "text"),
    [
        (1, 66, "[1 Log in] 2 Project  3 Folder  4 Plan  5 Upload  ... 7"),
        (2, 44, " 1 ... [2 Project] 3 Folder  4 Plan  ... 7"),
        (5, 40, " 1 ... [5 Upload] 6 Prearchive  ... 7"),
        (7, 40, " 1 ...  6 Prearchive [7 Archive]"),
        (4, 20, " 1 ... [4 Plan] ... 7"),
    ],
)
def test_steps_without_room_are_left_out_with_a_sign(number: int, width: int, text: str) -> None:
    assert "".join(trail_parts(number, width)) == text


async def test_a_ticked_row_is_told_by_its_mark() -> None:
    rows = Checklist([("a", "first"), ("b", "second")], ["b"], id="rows")
    app = shown(rows)
    async with app.run_test(size=SIZE) as pilot:
        assert "[ ] first" in screen_text(app)
        assert "[x] second" in screen_text(app)
        rows.focus()
        await pilot.press("up", "space")
        await pilot.pause()
        assert ",".join(rows.ticked) == "a,b"
        await pilot.press("enter")
        await pilot.pause()
        assert ",".join(rows.ticked) == "b"


async def test_one_of_several_is_always_on() -> None:
    rows = Checklist([("a", "first"), ("b", "second")], ["a"], is_single=True, id="rows")
    app = shown(rows)
    async with app.run_test(size=SIZE) as pilot:
        rows.focus()
        await pilot.press("down", "space", "space")
        await pilot.pause()
        assert rows.ticked == ("b",)
        assert "( ) first" in screen_text(app)
        assert "(x) second" in screen_text(app)


async def test_findings_stand_in_order_of_weight_with_detail() -> None:
    findings = FindingList([NOTE, ASK, STOP], id="findings")
    app = shown(findings)
    async with app.run_test(size=SIZE) as pilot:
        rows = [row.split()[0] for row in screen_rows(app) if row.strip()[:4] in {"STOP", "ask ", "note"}]
        assert rows == ["STOP", "ask", "note"]
        assert "[/b] 3 files" in screen_text(app)
        findings.query_one(OptionList).focus()
        await pilot.press("down")
        await pilot.pause()
        assert "PatientID differs." in flat_text(app)
        findings.show([])
        await pilot.pause()
        assert "Nothing to say." in screen_text(app)


async def test_a_problem_has_three_parts_and_a_place() -> None:
    app = shown()
    async with app.run_test(size=SIZE) as pilot:
        app.push_screen(ProblemScreen(STOP))
        await pilot.pause()
        text = flat_text(app)
        for words in (
            "What happened",
            "[/b] 3 files",
            "Why",
            "They end [red]early",
            "What to do",
            "1. Copy",
            "2. Leave",
        ):
            assert words in text
        assert "code: a.stop" in text
        assert "\x1b" not in text
        await pilot.press("escape")
        await pilot.pause()
        assert not isinstance(app.screen, ProblemScreen)


@pytest.mark.parametrize(("keys", "answer"), [(["enter"], False), (["escape"], False), (["tab", "enter"], True)])
async def test_no_is_the_default_answer(keys: list[str], answer: bool) -> None:  # noqa: FBT001  the answer itself
    app = shown()
    answers: list[bool | None] = []
    async with app.run_test(size=SIZE) as pilot:
        app.push_screen(ConfirmScreen("Delete 3 sessions?", "They cannot come back.", yes="Delete"), answers.append)
        await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()
    assert answers == [answer]


async def test_a_note_carries_its_mark_as_a_word() -> None:
    class WithField(Host):
        def compose_content(self) -> ComposeResult:
            yield Field("Project ID", id="project", value="P [b]")

    app = WizardApp(steps=(lambda _: WithField(),))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        field = app.screen.query_one(Field)
        field.say("[red] is taken", Mark.FAIL)
        await pilot.pause()
        assert "FAIL [red] is taken" in flat_text(app)
        assert field.is_wrong


async def test_progress_is_a_bar_with_numbers() -> None:
    line = ProgressLine()
    app = shown(line)
    async with app.run_test(size=SIZE) as pilot:
        line.show(1, 4, "1 of 4 files")
        await pilot.pause()
        assert "25 %  1 of 4 files" in screen_text(app)
        line.show(399, 400, "nearly")
        await pilot.pause()
        assert "99 %  nearly" in screen_text(app)
        line.show(0, 0, "counting")
        await pilot.pause()
        assert "%" not in screen_text(app)


def gray(width: int = 16, height: int = 16) -> Picture:
    return Picture(width, height, bytes((x * 255 // width) for _ in range(height) for x in range(width)), "a ramp")


@given(*[st.integers(min_value=1, max_value=500)] * 4)
def test_a_picture_keeps_its_shape_and_fits(width: int, height: int, room_width: int, room_height: int) -> None:
    across, down = fit(width, height, room_width, room_height)
    assert 1 <= across <= room_width
    assert 1 <= down <= room_height


async def test_a_picture_is_half_blocks_or_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    app = shown(PictureView(gray()))
    async with app.run_test(size=SIZE):
        assert "▀" in screen_text(app)
    monkeypatch.setenv("NO_COLOR", "1")
    app = shown(PictureView(gray()))
    async with app.run_test(size=SIZE):
        assert "▀" not in screen_text(app)
        assert "@" in screen_text(app) or "%" in screen_text(app)


async def test_the_viewer_goes_through_the_images_and_says_what_cannot_be_drawn() -> None:
    async def load(place: int) -> Picture:
        if place == 2:
            raise Problem(Finding("picture.none", "No pixels", "It is a [b]report", ()))
        return gray()

    app = shown()
    async with app.run_test(size=SIZE) as pilot:
        app.push_screen(ViewerScreen("sub-01 [red]", 3, load))
        await pilot.pause()
        assert "image 2 of 3 a ramp" in flat_text(app)
        assert "sub-01 [red]" in flat_text(app)
        await pilot.press("right", "right")
        await pilot.pause()
        assert "image 3 of 3: No pixels. It is a [b]report" in flat_text(app)
        await pilot.press("escape")


async def test_a_fault_in_a_worker_becomes_a_message() -> None:
    class Faulty(Host):
        def go_next(self) -> None:
            self.run_worker(self.work(), group="work", exit_on_error=False)

        async def work(self) -> None:
            async with self.working("Working..."):
                raise KeyError("secret-name")

    app = WizardApp(steps=(lambda _: Faulty(),))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        await pilot.press("ctrl+n")
        await pilot.pause()
        assert "wizard.fault" in flat_text(app)
        assert "secret-name" not in flat_text(app)


def test_the_title_leaves_room_for_the_step() -> None:
    assert len(TITLE) + 1 + len("".join(trail_parts(6, 0))) < 60


def test_lines_that_are_cut_say_so() -> None:
    assert cut_lines("one two three\nfour", 8, 3) == "one two\nthree\nfour"
    assert cut_lines("one two three\nfour five", 9, 2) == "one two\nthree..."
    assert cut_lines("", 9, 2) == ""
