"""The order of the steps: which ways there are, and where an answer leads.

Login, then Home, where the ways begin. Back from the first step of a way and Next from its last lead Home. A step is
part of the wizard as soon as it stands in `STEPS`; Home leaves out a way that lacks a step.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol, TypeVar

from textual.screen import Screen

from xnat_wizard.findings import Problem
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.steps.home import HomeStep
from xnat_wizard.wizard.steps.login import LoginStep
from xnat_wizard.wizard.unfinished import taken_up
from xnat_wizard.wizard.widgets.problem import ProblemScreen
from xnat_wizard.wizard.widgets.step import StepScreen

T = TypeVar("T")
Step = Callable[[Choices], StepScreen[Answer]]
Way = tuple[str, ...]


class Stop(StrEnum):
    """The steps by name."""

    LOGIN = "login"
    HOME = "home"
    PROJECT = "project"
    FOLDER = "folder"
    PLAN = "plan"
    UPLOAD = "upload"
    PREARCHIVE = "prearchive"
    ARCHIVE = "archive"
    TROUBLESHOOT = "troubleshoot"
    RESULTS_PROJECT = "results project"
    RESULTS = "results"
    CONVERT_PROJECT = "convert project"
    CONVERT_FOLDER = "convert folder"
    CONVERT = "convert"


def _project(choices: Choices) -> StepScreen[Answer]:
    from xnat_wizard.wizard.steps.project import ProjectStep

    return ProjectStep(choices)


def _folder(choices: Choices) -> StepScreen[Answer]:
    from xnat_wizard.wizard.steps.folder import FolderStep

    return FolderStep(choices)


def _plan(choices: Choices) -> StepScreen[Answer]:
    from xnat_wizard.wizard.steps.plan import PlanStep

    return PlanStep(choices)


def _upload(choices: Choices) -> StepScreen[Answer]:
    from xnat_wizard.wizard.steps.upload import UploadStep

    return UploadStep(choices, open_ways())


def _prearchive(choices: Choices) -> StepScreen[Answer]:
    from xnat_wizard.wizard.steps.prearchive import PrearchiveStep

    return PrearchiveStep(choices)


def _archive(choices: Choices) -> StepScreen[Answer]:
    from xnat_wizard.wizard.steps.archive import ArchiveStep

    return ArchiveStep(choices, open_ways())


def _troubleshoot(choices: Choices) -> StepScreen[Answer]:
    from xnat_wizard.wizard.steps.troubleshoot import TroubleshootStep

    return TroubleshootStep(choices)


def _results_project(choices: Choices) -> StepScreen[Answer]:
    from xnat_wizard.wizard.other_ways import ResultsProject

    return ResultsProject(choices)


def _results(choices: Choices) -> StepScreen[Answer]:
    from xnat_wizard.wizard.steps.results import ResultsStep

    return ResultsStep(choices)


def _convert_project(choices: Choices) -> StepScreen[Answer]:
    from xnat_wizard.wizard.other_ways import ConvertProject

    return ConvertProject(choices)


def _convert_folder(choices: Choices) -> StepScreen[Answer]:
    from xnat_wizard.wizard.other_ways import ConvertFolder

    return ConvertFolder(choices)


def _convert(choices: Choices) -> StepScreen[Answer]:
    from xnat_wizard.wizard.steps.convert import ConvertStep

    return ConvertStep(choices)


STEPS: dict[str, Step] = {  # those after Home are loaded when they are entered: the first screen comes sooner
    Stop.LOGIN: LoginStep,
    Stop.HOME: lambda choices: HomeStep(choices, open_ways()),
    Stop.PROJECT: _project,
    Stop.FOLDER: _folder,
    Stop.PLAN: _plan,
    Stop.UPLOAD: _upload,
    Stop.PREARCHIVE: _prearchive,
    Stop.ARCHIVE: _archive,
    Stop.TROUBLESHOOT: _troubleshoot,
    Stop.RESULTS_PROJECT: _results_project,
    Stop.RESULTS: _results,
    Stop.CONVERT_PROJECT: _convert_project,
    Stop.CONVERT_FOLDER: _convert_folder,
    Stop.CONVERT: _convert,
}

ENTRY: Way = (Stop.LOGIN, Stop.HOME)
_SHOWN: Way = (Stop.UPLOAD, Stop.PREARCHIVE, Stop.ARCHIVE)
WAYS: dict[Move, Way] = {  # what begins at Home
    Move.NEXT: (Stop.PROJECT, Stop.FOLDER, Stop.PLAN, *_SHOWN),
    Move.PREARCHIVE: (Stop.PREARCHIVE, Stop.ARCHIVE),
    Move.ARCHIVE: (Stop.ARCHIVE,),
    Move.TROUBLESHOOT: (Stop.TROUBLESHOOT,),
    Move.RESULTS: (Stop.RESULTS_PROJECT, Stop.RESULTS),
    Move.CONVERT: (Stop.CONVERT_PROJECT, Stop.CONVERT_FOLDER, Stop.CONVERT),
    Move.SHOW_UPLOAD: _SHOWN,
    Move.SEND_PLAN: (Stop.PLAN, *_SHOWN),  # begins where missing files were found
}


def open_ways() -> frozenset[Move]:
    """Return the ways whose steps are all there."""
    return frozenset(move for move, way in WAYS.items() if all(stop in STEPS for stop in way))


class Stage(Protocol):
    """What the walk needs of the app."""

    choices: Choices

    async def show(self, screen: Screen[T]) -> T | None:
        """Show a screen over the others and return what it gives."""


class Journey:
    """Where a person is among the steps, and where their answers lead."""

    def __init__(
        self,
        steps: Mapping[str, Step] = MappingProxyType(STEPS),
        ways: Mapping[Move, Way] = MappingProxyType(WAYS),
        entry: Way = ENTRY,
    ) -> None:
        self._steps = steps
        self._ways = ways
        self._way = entry
        self._at = 0

    @classmethod
    def straight(cls, steps: Sequence[Step]) -> "Journey":
        """Return a journey through these steps only: there is no Home, and the last leads out."""
        named = {str(place): step for place, step in enumerate(steps)}
        return cls(named, {}, tuple(named))

    @property
    def stop(self) -> str:
        """Return the name of the present step; "" at the end."""
        return self._way[self._at] if self._at < len(self._way) else ""

    async def walk(self, stage: Stage) -> None:
        """Show one step after the other, until one leads out."""
        while self.stop:
            answer = await stage.show(self._steps[self.stop](stage.choices))
            if answer is not None:
                stage.choices = answer.choices
                await self._follow(answer.move, stage)

    async def _follow(self, move: Move, stage: Stage) -> None:
        match move:
            case Move.NEXT if self.stop == Stop.HOME:
                stage.choices = _afresh(stage.choices)
                self._begin(Move.NEXT)
            case Move.NEXT:
                self._at += 1
                if not self.stop:
                    self._go_home()
            case Move.BACK if self._at:
                self._at -= 1
            case Move.BACK | Move.HOME:
                self._go_home()
            case Move.UPLOAD_MORE:
                self._begin(Move.NEXT, Stop.FOLDER if stage.choices.project else Stop.PROJECT)
            case Move.SHOW_UPLOAD:
                await self._show_upload(stage)
            case _:
                self._begin(move)

    def _begin(self, move: Move, at: str = "") -> None:
        """Begin a way, or go to one of its steps; where there is none, stay. Steps in a row have their begin only."""
        way = self._ways.get(move, ())
        if way and all(stop in self._steps for stop in way):
            self._way, self._at = way, way.index(at) if at else 0
        elif not self._ways:
            self._at = 0

    def _go_home(self) -> None:
        if Stop.HOME in self._steps and self.stop != Stop.LOGIN:
            self._way, self._at = ENTRY, ENTRY.index(Stop.HOME)

    async def _show_upload(self, stage: Stage) -> None:
        """Take up the upload whose journal the choices name; where that fails, say why and stay."""
        try:
            stage.choices = await taken_up(stage.choices)
        except Problem as problem:
            await stage.show(ProblemScreen(problem.finding))
        else:
            self._begin(Move.SHOW_UPLOAD)


def _afresh(choices: Choices) -> Choices:
    """Return the choices for another upload: what is under way or done is left to its journal."""
    if choices.journal_path is None:
        return choices
    return replace(choices, plan=None, journal_path=None, archived_session_id="")
