"""Where answers lead: the journey with a stage that answers from a script."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar, cast

import pytest
from textual.screen import Screen

from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.journey import ENTRY, WAYS, Journey, Step, Stop
from xnat_wizard.wizard.widgets.step import StepScreen
from xnat_wizard.xnat.model import Project, Role

T = TypeVar("T")
PROJECT = Project("P", "P", "P", "", "", Role.OWNER, "private", "0")


class Named(StepScreen[Answer]):
    """A step that is only a name."""

    def __init__(self, stop: str, choices: Choices) -> None:
        super().__init__()
        self.stop = stop
        self.choices = choices


def step(stop: str) -> Step:
    return lambda choices: Named(stop, choices)


class ScriptedStage:
    """Answers each step with the next move of a script, and keeps which steps were shown."""

    def __init__(self, *moves: Move, choices: Choices | None = None) -> None:
        self.choices = choices or Choices()
        self.shown: list[str] = []
        self._moves: Iterator[Move] = iter(moves)

    async def show(self, screen: Screen[T]) -> T | None:
        assert isinstance(screen, Named)
        self.shown.append(screen.stop)
        try:
            return cast("T", Answer(screen.choices, next(self._moves)))
        except StopIteration:
            raise EndOfScript from None


class EndOfScript(Exception):  # noqa: N818  it is no error
    """The script is over."""


async def shown(*moves: Move, choices: Choices | None = None, without: tuple[Stop, ...] = ()) -> list[str]:
    """Return which steps come when the answers are these."""
    stage = ScriptedStage(*moves, choices=choices)
    journey = Journey({stop: step(stop) for stop in Stop if stop not in without}, WAYS, ENTRY)
    with pytest.raises(EndOfScript):
        await journey.walk(stage)
    return stage.shown


NEXT, BACK = Move.NEXT, Move.BACK


async def test_the_way_of_an_upload_ends_at_home() -> None:
    assert await shown(*[NEXT] * 8) == [
        "login", "home", "project", "folder", "plan", "upload", "prearchive", "archive", "home",
    ]  # fmt: skip


async def test_back_goes_through_the_way_home_and_to_the_login_where_it_ends() -> None:
    assert await shown(NEXT, NEXT, NEXT, BACK, BACK, BACK, BACK) == [
        "login", "home", "project", "folder", "project", "home", "login", "login",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("move", "there"),
    [(Move.PREARCHIVE, "prearchive"), (Move.ARCHIVE, "archive"), (Move.TROUBLESHOOT, "troubleshoot")],
)
async def test_a_way_leads_there_and_back_home(move: Move, there: str) -> None:
    assert await shown(NEXT, move, BACK) == ["login", "home", there, "home"]


async def test_results_begin_at_a_project_and_end_at_home() -> None:
    assert await shown(NEXT, Move.RESULTS, NEXT, BACK, BACK) == [
        "login", "home", "results project", "results", "results project", "home",
    ]  # fmt: skip


async def test_converting_begins_at_a_project_and_a_folder() -> None:
    assert await shown(NEXT, Move.CONVERT, NEXT, NEXT, BACK, BACK, BACK) == [
        "login", "home", "convert project", "convert folder", "convert", "convert folder", "convert project", "home",
    ]  # fmt: skip


async def test_the_prearchive_goes_on_to_the_archive_and_home() -> None:
    assert await shown(NEXT, Move.PREARCHIVE, NEXT, BACK, NEXT, NEXT) == [
        "login", "home", "prearchive", "archive", "prearchive", "archive", "home",
    ]  # fmt: skip


async def test_every_step_may_lead_home_or_into_another_way() -> None:
    assert await shown(NEXT, NEXT, NEXT, Move.HOME) == ["login", "home", "project", "folder", "home"]
    assert await shown(NEXT, NEXT, Move.TROUBLESHOOT, BACK) == ["login", "home", "project", "troubleshoot", "home"]


async def test_a_way_whose_step_is_missing_leaves_one_where_one_is() -> None:
    shown_steps = await shown(NEXT, Move.TROUBLESHOOT, without=(Stop.TROUBLESHOOT,))
    assert shown_steps == ["login", "home", "home"]


async def test_another_upload_begins_at_the_folder_or_without_a_project_there() -> None:
    chosen = Choices(project=PROJECT)
    assert await shown(NEXT, Move.ARCHIVE, Move.UPLOAD_MORE, choices=chosen) == ["login", "home", "archive", "folder"]
    assert await shown(NEXT, Move.ARCHIVE, Move.UPLOAD_MORE) == ["login", "home", "archive", "project"]


async def test_a_new_upload_leaves_the_old_one_to_its_journal() -> None:
    stage = ScriptedStage(
        NEXT, NEXT, choices=Choices(project=PROJECT, journal_path=Path("/j"), archived_session_id="E")
    )
    journey = Journey({stop: step(stop) for stop in Stop}, WAYS, ENTRY)
    with pytest.raises(EndOfScript):
        await journey.walk(stage)
    assert stage.choices == Choices(project=PROJECT)


async def test_steps_in_a_row_end_with_the_last() -> None:
    stage = ScriptedStage(NEXT, BACK, Move.UPLOAD_MORE, Move.HOME, NEXT, NEXT)
    await Journey.straight((step("one"), step("two"))).walk(stage)
    assert stage.shown == ["one", "two", "one", "one", "one", "two"]
