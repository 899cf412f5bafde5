"""What of a survey can be converted, grouped by subject, and the choice of it by subject and series."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from xnat_wizard.amounts import whole_number
from xnat_wizard.convert import traits
from xnat_wizard.convert.model import CONVERTER_FAILED, HELD, NOTHING_CHOSEN, SUBJECT_FROM_HEADER, Item, Traits
from xnat_wizard.convert.rules import is_like
from xnat_wizard.dicom import structure
from xnat_wizard.dicom.model import ParRecPair, Series, Survey
from xnat_wizard.dicom.source import Source
from xnat_wizard.findings import Finding, Problem, Severity

_NO_PICTURES = frozenset({"SR", "KO", "PR", "RTPLAN", "RTSTRUCT", "SEG", "REG", "ECG", "HD", "AU", "DOC", "RWV"})
# What speaks against sending without a question says nothing against converting: the files of a series are whole.
_CONVERTIBLE = frozenset(
    {structure.SERIES_LAYER_MISSING, structure.LAYER_ABOVE, structure.LAYER_BELOW, structure.SUBJECT_CHOSEN}
    | {structure.LOOSE_FILES, structure.MEDIUM, structure.COMPRESSED, structure.SERIES_NUMBER_TWICE}
    | {structure.TWO_SERIES, structure.SERIES_SPLIT, structure.PARREC_CASE, structure.MISFIT, structure.NO_SUBJECT}
)


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be converted, in order, and what is worth saying about it."""

    items: tuple[Item, ...]
    findings: tuple[Finding, ...]


def offer(survey: Survey, source: Source) -> Offer:
    """Read the traits of everything in a survey that a converter may read."""
    items: list[Item] = []
    findings: list[Finding] = []
    for series in survey.series:
        if series.modality in _NO_PICTURES:
            continue
        try:
            found = traits.of_series(source, series)
        except OSError as error:
            findings.append(_unreadable(series.folders[0] if series.folders else "", error))
            continue
        items.append(_of_series(series, found))
    for pair in survey.pairs:
        try:
            patient, number, day, kinds = traits.of_pair(source, pair)
        except (OSError, ValueError) as error:
            findings.append(_unreadable(pair.par_path, error))
            continue
        if kinds:
            items.append(_of_pair(pair, patient, number, day, kinds))
    from_header = sorted({item.subject for item in items if _is_from_header(item)})
    if from_header:
        findings.append(_from_header(from_header))
    items.sort(key=lambda item: (item.subject, item.session, item.study_date, item.study, _order(item.number)))
    return Offer(tuple(items), tuple(findings))


def choose(items: Iterable[Item], subjects: Sequence[str] = (), series: Sequence[str] = ()) -> tuple[Item, ...]:
    """Keep the items whose subject, and whose number or description, matches one of the patterns; none asks for all.

    Raises:
        Problem: `convert.nothing_chosen`.
    """
    known = tuple(items)
    chosen = tuple(
        item
        for item in known
        if _fits(subjects, item.subject) and (_fits(series, item.number) or _fits(series, item.description))
    )
    if not chosen:
        raise Problem(_nothing(known))
    return chosen


def accept(offer: Offer, survey: Survey) -> Offer:
    """Let go what the survey would only ask about; what it forbids stays held."""
    asked = {finding.code for finding in survey.findings if finding.severity is Severity.ASK}
    forbidden = {finding.code for finding in survey.findings if finding.severity is Severity.STOP}
    yes = asked - forbidden
    items = (replace(item, held_by=tuple(code for code in item.held_by if code not in yes)) for item in offer.items)
    return Offer(tuple(items), offer.findings)


def held(item: Item) -> Finding | None:
    """Say why a series is not converted, if the survey speaks against it."""
    reasons = [code for code in item.held_by if code not in _CONVERTIBLE]
    if not reasons:
        return None
    return Finding(
        HELD,
        "A series is not converted",
        f"The survey found: {', '.join(reasons)}",
        (
            "See what is wrong with it: xnat-wizard survey SOURCE",
            "Put the files in order, then convert again",
            "If the survey only asks, and the answer is yes: --include-held",
        ),
        where=item.name,
    )


def _of_series(series: Series, found: tuple[Traits, ...]) -> Item:
    return Item(
        subject=series.subject_folder or series.patient_id or "unknown",
        session=series.session_folder,
        number=series.series_number,
        study=series.study_instance_uid,
        study_date=f"{series.study_date} {series.study_time}".strip(),
        variants=found,
        series=series,
        held_by=series.held_by,
    )


def _of_pair(pair: ParRecPair, patient: str, number: str, day: str, kinds: tuple[Traits, ...]) -> Item:
    return Item(
        subject=pair.subject_folder or patient or "unknown",
        session=pair.session_folder,
        number=number,
        study=day,
        study_date=day,
        variants=kinds,
        pair=pair,
        held_by=pair.held_by,
    )


def _is_from_header(item: Item) -> bool:
    origin = item.series or item.pair
    return origin is not None and not origin.subject_folder


def _fits(patterns: Sequence[str], text: str) -> bool:
    return not patterns or any(is_like(pattern, text) for pattern in patterns)


def _order(number: str) -> tuple[int, str]:
    counted = whole_number(number)
    return (1 << 31, number) if counted is None else (counted, "")


def _unreadable(where: str, error: Exception) -> Finding:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Finding(
        CONVERTER_FAILED,
        "The headers of a series cannot be read, so it is not converted",
        why or type(error).__name__,
        ("Look whether the files are whole: xnat-wizard survey SOURCE", "Copy or export them again"),
        where=where,
    )


def _from_header(subjects: list[str]) -> Finding:
    return Finding(
        SUBJECT_FROM_HEADER,
        f"{len(subjects)} subject{'s are' if len(subjects) > 1 else ' is'} named by the headers, not by a folder",
        "The files lie in no subject folder; of DICOM the Patient ID is taken, of PAR the patient name",
        (
            "Look at the names of the outputs: a person's name must not be in them",
            "Put the files into subject folders, or choose the folder above, if the name is not fit",
        ),
        severity=Severity.NOTE,
    )


def _nothing(known: tuple[Item, ...]) -> Finding:
    if not known:
        return Finding(
            NOTHING_CHOSEN,
            "There is nothing to convert",
            "The source holds no DICOM images and no whole PAR/REC pair",
            ("See what is in it: xnat-wizard survey SOURCE", "Choose another folder"),
        )
    return Finding(
        NOTHING_CHOSEN,
        "No series fits the choice",
        f"There are {len(known)} series, but none fits both --subject and --series",
        ("See what is there: xnat-wizard convert SOURCE --list", "Use * for any letters, as in --series 't1*'"),
    )
