"""Survey a source: a read-only look that finds every file once and says what is wrong."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from xnat_wizard.dicom.gather import Gathering
from xnat_wizard.dicom.judge import judge
from xnat_wizard.dicom.layout import HOUSE, Layout
from xnat_wizard.dicom.model import Survey, SurveyProgress
from xnat_wizard.dicom.source import kind_of
from xnat_wizard.dicom.walk import Stopped
from xnat_wizard.findings import Finding, Problem

# code                              what it says; those of a source that cannot be opened stand in `source`
EMPTY = "survey.empty"  # no file anywhere below


class SurveyStopped(Exception):  # noqa: N818  an event, past tense
    """The survey was stopped before its end."""


class SurveyRun:
    """One survey in a thread of its own; leaving the `async with` stops it and waits for its threads.

    `snapshot` may be called from any thread. Memory grows with the number of files, some 0.6 kB each; never with
    their size.
    """

    def __init__(self, source: Path, layout: Layout = HOUSE) -> None:
        self.source = source
        self._gathering = Gathering(source, layout)
        self._pool = ThreadPoolExecutor(1, "survey")
        self._work: asyncio.Future[Survey] | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._work = loop.run_in_executor(self._pool, _survey, self._gathering)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        self._pool.shutdown()

    async def result(self) -> Survey:
        """Wait for the survey.

        Raises:
            Problem: the source cannot be surveyed at all.
            SurveyStopped: `stop` was called before its end.
        """
        if self._work is None:
            raise RuntimeError("a survey runs inside `async with`")
        return await asyncio.shield(self._work)

    def snapshot(self) -> SurveyProgress:
        """Return a picture of the run; cheap, from any thread."""
        return self._gathering.snapshot()

    async def stop(self) -> None:
        """Stop and wait until its threads are gone; nothing on disk was changed."""
        self._gathering.stop.set()
        if self._work is not None:
            await asyncio.wait([self._work])
            if not self._work.cancelled():
                self._work.exception()  # looked at, so that nobody complains of an error never fetched


def survey(source: Path, layout: Layout = HOUSE) -> Survey:
    """Survey a folder or an archive in this thread, for scripts and tests; `layout` says how its folders are nested.

    Raises:
        Problem: the source cannot be surveyed at all.
    """
    return _survey(Gathering(source, layout))


def _survey(gathering: Gathering) -> Survey:
    try:
        found = gathering.run()
        with found.source:
            result = judge(gathering.source, found, gathering.stop)
    except Stopped:
        raise SurveyStopped from None
    if not result.file_count and not any(finding.code == "survey.folder_unreadable" for finding in result.findings):
        raise Problem(_empty(result.source))
    return result


def _empty(source: Path) -> Finding:
    return Finding(
        EMPTY,
        f'The {kind_of(source)} "{source}" is empty',
        "There is no file in it, nor in any folder below it",
        (
            "Choose the folder that holds subject folder > series folder > files",
            "If images should be here, copy or export them again",
        ),
        str(source),
    )
