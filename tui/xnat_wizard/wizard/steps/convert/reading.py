"""Reads the headers that rules look at, in one thread; counts the files, and can be stopped between two of them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from types import TracebackType
from typing import Self

from xnat_wizard.convert import selection
from xnat_wizard.convert.selection import Offer
from xnat_wizard.dicom.model import Survey
from xnat_wizard.dicom.opened import OpenFile
from xnat_wizard.dicom.source import Source, open_source
from xnat_wizard.dicom.walk import LinkTarget, Listing, Stopped


class Reading:
    """The source of a step: opened by its thread, read once, and closed by its thread when the step ends."""

    def __init__(self, survey: Survey) -> None:
        self._survey = survey
        self._stop = Event()
        self._counted: _Counted | None = None
        self.executor = ThreadPoolExecutor(1, thread_name_prefix="headers")
        self.total = sum(len(series.instances) for series in survey.series) + len(survey.pairs)

    @property
    def done(self) -> int:
        """Return how many files were opened so far."""
        return self._counted.count if self._counted is not None else 0

    @property
    def source(self) -> Source | None:
        """Return the opened source; `None` before that."""
        return self._counted.whole if self._counted is not None else None

    def read(self) -> Offer:
        """Open the source and read its headers. Blocks: for its thread.

        Raises:
            Problem: the source cannot be opened.
            Stopped: `end` was called.
        """
        self._counted = _Counted(open_source(self._survey.source, stop=self._stop), self._stop)
        return selection.offer(self._survey, self._counted)

    def end(self) -> None:
        """Stop reading, and close the source when nobody reads any more."""
        self._stop.set()
        self.executor.submit(self._close)
        self.executor.shutdown(wait=False)

    def _close(self) -> None:
        if self._counted is not None:
            self._counted.close()


class _Counted:
    """A source that counts the files it opens, and opens none after a stop."""

    def __init__(self, whole: Source, stop: Event) -> None:
        self.whole = whole
        self.is_archive = whole.is_archive
        self.count = 0
        self._stop = stop

    @property
    def root(self) -> str:
        return self.whole.root

    @property
    def cut(self) -> str:
        return self.whole.cut

    def open(self, path: str) -> OpenFile:
        if self._stop.is_set():
            raise Stopped
        self.count += 1
        return self.whole.open(path)

    def walk(self, stop: Event) -> Iterator[Listing]:
        return self.whole.walk(stop)

    def status(self, path: str) -> tuple[int, int]:
        return self.whole.status(path)

    def place(self, path: str) -> int:
        return self.whole.place(path)

    def inside(self, path: str) -> str:
        return self.whole.inside(path)

    def link(self, path: str) -> LinkTarget:
        return self.whole.link(path)

    def close(self) -> None:
        self.whole.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
