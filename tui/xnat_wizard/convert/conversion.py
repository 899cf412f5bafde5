"""One conversion that somebody watches: it tells what happens, says how far it is, and can be stopped.

`run` blocks and belongs into a thread of its own; `snapshot` and `stop` may be called from any thread.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Event

from xnat_wizard.convert import run, validator
from xnat_wizard.convert.model import CONVERTER_WARNED, Item, Placed
from xnat_wizard.convert.run import Order, Started
from xnat_wizard.convert.validator import Validation
from xnat_wizard.dicom.source import Source
from xnat_wizard.dicom.walk import Stopped
from xnat_wizard.findings import Finding, Severity


@dataclass(frozen=True, slots=True)
class Validating:
    """The images lie in their places, and the BIDS validator looks at them."""


Tell = Callable[[Started | Placed | Finding | Validating], None]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a conversion is."""

    series_done: int
    series_total: int
    images_new: int
    images_there: int  # lay in their place before, and were left
    faults: int  # findings that are more than a note
    current: str  # the series at work; "" before the first and after the last
    is_validating: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a conversion."""

    placed: tuple[Placed, ...]
    findings: tuple[Finding, ...]  # of the conversion, the converter's remarks among them; `where` names the series
    validation: Validation | None  # `None` where no BIDS dataset was made, or before it was judged
    is_stopped: bool
    remarks: tuple[tuple[Item, Finding], ...] = ()  # what the converter remarked, and of which series

    def remarks_of(self, item: Item) -> tuple[str, ...]:
        """Return what the converter remarked about a series, in its words."""
        return tuple(finding.why for about, finding in self.remarks if about == item)

    @property
    def new_count(self) -> int:
        """Return how many images were made."""
        return sum(one.is_new for one in self.placed)

    @property
    def there_count(self) -> int:
        """Return how many images lay in their place before, and were left."""
        return len(self.placed) - self.new_count

    @property
    def fault_count(self) -> int:
        """Return how many findings are more than a note."""
        return sum(finding.severity is not Severity.NOTE for finding in self.findings)


class Conversion:
    """One run of a converter over the chosen series; used once."""

    def __init__(self, source: Source, offered: Sequence[Item], chosen: Sequence[Item], order: Order) -> None:
        """Prepare.

        Args:
            source: opened; open until the end of `run`.
            offered: all that the source offers; names follow from it.
            chosen: of these, what to convert.
            order: what is wanted.
        """
        self._source = source
        self._offered = tuple(offered)
        self._chosen = tuple(chosen)
        self._order = order
        self._stop = Event()
        self._progress = Progress(0, len(self._chosen), 0, 0, 0, "")

    def snapshot(self) -> Progress:
        """Return how far it is."""
        return self._progress

    def stop(self) -> None:
        """Stop it: the converter at work is ended, and leaves nothing; what lies in its place stays."""
        self._stop.set()

    def run(self, tell: Tell = lambda _: None, *, checks: bool = True) -> Result:
        """Convert, and let the BIDS validator judge a dataset; tell each step as it happens.

        Args:
            tell: is called in this thread.
            checks: the validator is asked after a BIDS conversion.

        Raises:
            Problem: nothing can be converted at all: the converter is missing, the output folder is not fit.
        """
        placed: list[Placed] = []
        findings: list[Finding] = []
        remarks: list[tuple[Item, Finding]] = []
        at: Started | None = None
        steps = run.run(self._source, self._offered, self._chosen, self._order, self._stop)
        with contextlib.closing(steps):  # its end clears its working folder
            for said in steps:
                if isinstance(said, Started):
                    at = said
                elif isinstance(said, Placed):
                    placed.append(said)
                else:
                    findings.append(said)
                    if at and said.code == CONVERTER_WARNED:
                        remarks.append((at.item, said))
                self._progress = self._picture(at, placed, findings)
                tell(said)
        validation = None
        if checks and self._order.is_bids and placed and not self._stop.is_set():
            self._progress = replace(self._ended(placed, findings), is_validating=True)
            tell(Validating())
            with contextlib.suppress(Stopped):
                validation = validator.validate(self._order.target, self._stop)
            for finding in validation.findings if validation else ():
                tell(finding)
        is_stopped = self._stop.is_set()
        self._progress = replace(self._progress, current="") if is_stopped else self._ended(placed, findings)
        return Result(tuple(placed), tuple(findings), validation, is_stopped, tuple(remarks))

    def _ended(self, placed: Sequence[Placed], findings: Sequence[Finding]) -> Progress:
        return replace(self._picture(None, placed, findings), series_done=len(self._chosen))

    def _picture(self, at: Started | None, placed: Sequence[Placed], findings: Sequence[Finding]) -> Progress:
        new = sum(one.is_new for one in placed)
        return Progress(
            at.number - 1 if at else 0,
            len(self._chosen),
            new,
            len(placed) - new,
            sum(finding.severity is not Severity.NOTE for finding in findings),
            at.item.name if at else "",
        )
