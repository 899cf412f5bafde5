"""Survey a source: a read-only look that finds every file once and says what is wrong."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from xnat_wizard.dicom.gather import Gathering
from xnat_wizard.dicom.judge import judge
from xnat_wizard.dicom.model import Survey, SurveyProgress
from xnat_wizard.dicom.walk import Stopped
from xnat_wizard.findings import Finding, Problem

# code                              what it says
NO_SUCH_FOLDER = "survey.no_such_folder"
NO_PERMISSION = "survey.no_permission"
NOT_A_FOLDER = "survey.not_a_folder"
ARCHIVE = "survey.archive"  # a zip or tar was chosen as the source
EMPTY = "survey.empty"  # no file anywhere below

_ARCHIVE_ENDINGS = (".zip", ".tar", ".tgz", ".tar.gz", ".gz", ".7z", ".rar")


class SurveyStopped(Exception):  # noqa: N818  an event, past tense
    """The survey was stopped before its end."""


class SurveyRun:
    """One survey in a thread of its own; leaving the `async with` stops it and waits for its threads.

    `snapshot` may be called from any thread. Memory grows with the number of files, some 0.6 kB each; never with
    their size.
    """

    def __init__(self, source: Path) -> None:
        self.source = source
        self._gathering = Gathering(source)
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


def survey(source: Path) -> Survey:
    """Survey a source in this thread, for scripts and tests.

    Raises:
        Problem: the source cannot be surveyed at all.
    """
    return _survey(Gathering(source))


def _survey(gathering: Gathering) -> Survey:
    _check_source(gathering.source)
    try:
        found = gathering.run()
        result = judge(gathering.source, found, gathering.stop)
    except Stopped:
        raise SurveyStopped from None
    if not result.file_count and not any(finding.code == "survey.folder_unreadable" for finding in result.findings):
        raise Problem(_empty(gathering.source))
    return result


def _check_source(source: Path) -> None:
    try:
        with os.scandir(source):
            pass
    except FileNotFoundError:
        raise Problem(
            Finding(
                NO_SUCH_FOLDER,
                f'There is no folder "{source}"',
                "The system does not find it on this machine",
                ("Look for typing errors: ls -d " + str(source.parent), "Choose the folder from the list instead"),
                str(source),
            )
        ) from None
    except PermissionError:
        raise Problem(
            Finding(
                NO_PERMISSION,
                f'The folder "{source}" may not be read',
                "The system refused it to the account that runs this program",
                (
                    f"See who may read it: ls -ld {source}",
                    "Ask its owner for permission to read: chmod -R g+rX FOLDER",
                    "Choose another folder",
                ),
                str(source),
            )
        ) from None
    except NotADirectoryError:
        raise Problem(_not_a_folder(source)) from None
    except OSError as error:
        raise Problem(
            Finding(
                NO_PERMISSION,
                f'The folder "{source}" cannot be read',
                f"The system says: {error.strerror}",
                ("Check that the disk or network drive is there: df .", "Choose another folder"),
                str(source),
            )
        ) from None


def _not_a_folder(source: Path) -> Finding:
    if source.name.casefold().endswith(_ARCHIVE_ENDINGS):
        return Finding(
            ARCHIVE,
            f'"{source.name}" is an archive, not a folder',
            "Only folders can be surveyed in this version",
            ("Unpack it into a new folder: unzip FILE -d FOLDER, or tar -xf FILE -C FOLDER", "Choose that folder"),
            str(source),
        )
    return Finding(
        NOT_A_FOLDER,
        f'"{source.name}" is a file, not a folder',
        "A source is the folder that holds the subject folders",
        ("Choose the folder that holds subject folder > series folder > files",),
        str(source),
    )


def _empty(source: Path) -> Finding:
    return Finding(
        EMPTY,
        f'The folder "{source}" is empty',
        "There is no file in it, nor in any folder below it",
        (
            "Choose the folder that holds subject folder > series folder > files",
            "If images should be here, copy or export them again",
        ),
        str(source),
    )
