"""The list of rows, by itself."""

import time

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult

from wizard.screens import screen_rows
from xnat_wizard.wizard.widgets.rows import Column, Row, Rows, fit

COLUMNS = (Column("Name", 10, grow=1), Column("Files", 6, is_right=True, needs=40))


class Stage(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, str]] = []

    def compose(self) -> ComposeResult:
        yield Rows(COLUMNS, empty="nothing here")

    def on_rows_highlighted(self, event: Rows.Highlighted) -> None:
        self.told.append(("at", event.key))

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        self.told.append(("chosen", event.key))

    def on_rows_ticked(self, event: Rows.Ticked) -> None:
        self.told.append(("ticked", event.key))


def rows_named(*names: str) -> list[Row]:
    return [Row(name, (name, "1")) for name in names]


@pytest.mark.parametrize(
    "text", ["plain", "[/b] no markup", "磁共振成像检查设备", "Müller-Ångström", "e\u0301te\u0301", "a\tb\nc"]
)
@pytest.mark.parametrize("width", [1, 2, 7, 30])
def test_a_cell_has_exactly_its_width(text: str, width: int) -> None:
    for fitted in (fit(text, width), fit(text, width, keeps_end=True), fit(text, width, is_right=True)):
        assert cell_len(fitted) == width
        assert "\n" not in fitted


def test_what_is_cut_says_so_and_may_keep_its_end() -> None:
    assert fit("abcdefgh", 5) == "abcd…"
    assert fit("abcdefgh", 5, keeps_end=True) == "…efgh"
    assert fit("12", 5, is_right=True) == "   12"


async def test_the_cursor_stays_on_its_row_when_others_come_and_go() -> None:
    app = Stage()
    async with app.run_test(size=(60, 8)) as pilot:
        rows = app.query_one(Rows)
        rows.focus()
        rows.show(rows_named("a", "b", "c"))
        await pilot.press("down", "down")
        assert rows.key == "c"
        rows.show(rows_named("x", "c", "d"))
        assert rows.key == "c"
        rows.show(rows_named("x", "d"))
        assert rows.key == "d"
        rows.show([])
        assert rows.key == ""
        await pilot.pause()
        assert "nothing here" in "\n".join(screen_rows(app))


async def test_keys_choose_and_tick_and_an_end_lets_the_key_go_on() -> None:
    app = Stage()
    async with app.run_test(size=(60, 8)) as pilot:
        rows = app.query_one(Rows)
        rows.focus()
        rows.show(rows_named("a", "b"))
        await pilot.press("enter", "down", "space", "down", "down")
        await pilot.pause()
        assert app.told == [("at", "a"), ("chosen", "a"), ("at", "b"), ("ticked", "b")]


async def test_a_changed_row_is_drawn_anew() -> None:
    app = Stage()
    async with app.run_test(size=(60, 8)) as pilot:
        rows = app.query_one(Rows)
        rows.show([Row("a", ("a", "1")), Row("b", ("b", "1"))])
        await pilot.pause()
        rows.show([Row("a", ("a", "1")), Row("b", ("b", "22"))])
        await pilot.pause()
        assert screen_rows(app)[2].split() == ["b", "22"]


async def test_a_narrow_list_hides_what_it_can_spare() -> None:
    app = Stage()
    async with app.run_test(size=(30, 8)) as pilot:
        app.query_one(Rows).show(rows_named("a"))
        await pilot.pause()
        assert screen_rows(app)[0].split() == ["Name"]


async def test_a_million_rows_scroll_without_delay() -> None:
    app = Stage()
    rows = [Row(str(number), (f"file{number}.dcm", "1")) for number in range(1_000_000)]
    async with app.run_test(size=(60, 20)) as pilot:
        listed = app.query_one(Rows)
        listed.focus()
        listed.show(rows)
        began = time.perf_counter()
        await pilot.press("end")
        await pilot.pause()
        assert time.perf_counter() - began < 2
        assert "file999999.dcm" in "\n".join(screen_rows(app))
