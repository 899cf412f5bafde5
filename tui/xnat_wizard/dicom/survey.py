"""Survey a source: a read-only look that finds every file once."""

from pathlib import Path
from types import TracebackType

from xnat_wizard.dicom.model import Survey, SurveyProgress


class SurveyStopped(Exception):  # noqa: N818  an event, past tense
    """The survey was stopped before its end."""


class SurveyRun:
    """One survey in a thread of its own."""

    def __init__(self, source: Path) -> None:
        self.source = source

    async def __aenter__(self) -> "SurveyRun":
        raise NotImplementedError

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise NotImplementedError

    async def result(self) -> Survey:
        """Wait for the survey."""
        raise NotImplementedError

    def snapshot(self) -> SurveyProgress:
        """Return a picture of the run; from any thread."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Stop; `result()` raises `SurveyStopped` then."""
        raise NotImplementedError


def survey(source: Path) -> Survey:
    """Survey a source and wait for it."""
    raise NotImplementedError
