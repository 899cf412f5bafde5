"""What de-identification means for a plan: which series stay behind, and what is worth saying before.

Looks into one header of each series; nothing is changed on disk.
"""

import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from xnat_wizard.amounts import count_text
from xnat_wizard.dicom.model import Series
from xnat_wizard.dicom.opened import AsBinary
from xnat_wizard.dicom.source import Source, open_source
from xnat_wizard.findings import Finding, Severity
from xnat_wizard.upload.deidentify import holding
from xnat_wizard.upload.deidentify.choice import Deidentification, Keep
from xnat_wizard.upload.deidentify.cleaning import value_of
from xnat_wizard.upload.deidentify.header import UNREADABLE
from xnat_wizard.upload.model import Plan, PlannedSession

BURNT_IN, NO_HEADER = "deidentify.burnt_in", "deidentify.no_header"
_OURS = frozenset({BURNT_IN, NO_HEADER})
_NAMED = 5  # labels that are named in a finding

Look = Callable[[Series], str]  # says why a series is held back, "" where it is not


def under(plan: Plan, choice: Deidentification | None) -> Plan:
    """Return a plan whose images are de-identified on their way, or go as they are; reads a header of each series.

    Series that cannot be de-identified stay behind; those that an earlier choice held back come again.

    Raises:
        Problem: the source is not there.
    """
    plan = replace(plan, sessions=tuple(_let_go(one) for one in plan.sessions), deidentification=choice)
    if choice is None:
        return plan
    with open_source(plan.source) as source:

        def look(series: Series) -> str:
            return _reason(source, series, choice)

        return replace(plan, sessions=tuple(_held(one, look) for one in plan.sessions))


def _let_go(session: PlannedSession) -> PlannedSession:
    """Undo what an earlier choice held back."""
    back = tuple(one for one in session.left_out if _OURS & set(one.held_by))
    if not back and not _OURS & set(session.held_by):
        return session
    return replace(
        session,
        series=tuple(replace(one, held_by=_others(one.held_by)) for one in (*session.series, *back)),
        left_out=tuple(one for one in session.left_out if not _OURS & set(one.held_by)),
        is_included=session.is_included or bool(_OURS & set(session.held_by)),
        held_by=_others(session.held_by),
    )


def _others(codes: Sequence[str]) -> tuple[str, ...]:
    return tuple(code for code in codes if code not in _OURS)


def _held(session: PlannedSession, look: Look) -> PlannedSession:
    if not session.is_included:
        return session
    going: list[Series] = []
    held: list[Series] = []
    for series in session.series:
        reason = look(series)
        if not reason:
            going.append(series)
            continue
        code = BURNT_IN if reason == holding.BURNT_IN else NO_HEADER
        held.append(replace(series, held_by=(*series.held_by, code)))
    if not held:
        return session
    if not going and not session.pairs:
        codes = tuple(dict.fromkeys(one.held_by[-1] for one in held))
        return replace(session, is_included=False, series=tuple(held), held_by=(*session.held_by, *codes))
    return replace(session, series=tuple(going), left_out=(*session.left_out, *held))


def _reason(source: Source, series: Series, choice: Deidentification) -> str:
    for sop_class in dict.fromkeys(one.sop_class_uid for one in series.instances):
        if reason := holding.by_class(sop_class, choice):
            return reason
    if choice.is_burnt_in_sent or not series.instances:
        return ""
    try:
        return _reason_in(source, series.instances[0].path, choice)
    except Exception:  # noqa: BLE001  readers raise whatever they like; each file says by itself when it is sent
        return ""


def _reason_in(source: Source, path: str, choice: Deidentification) -> str:
    import pydicom

    tags = (0x00080016, 0x00280301, 0x00080008)
    with source.open(path) as file:
        stream = io.BufferedReader(AsBinary(file), 1 << 16)
        header = pydicom.dcmread(stream, stop_before_pixels=True, force=True, specific_tags=list(tags))
    sop_class, burned_in, image_type = (value_of(header, tag).decode("latin-1").strip("\0 ") for tag in tags)
    return holding.by_header(sop_class, burned_in, image_type, choice)


# -- what is worth saying ----------------------------------------------------------------------------


def about(plan: Plan) -> list[Finding]:
    """Say what de-identification means for a plan; nothing is read."""
    choice = plan.deidentification
    if choice is None:
        return []
    reasons = _reasons(plan)
    burnt_in = reasons.pop(holding.BURNT_IN, 0)
    findings = [_held_back(count, reason) for reason, count in reasons.items()]
    if burnt_in:
        findings.insert(0, _burnt_in(burnt_in))
    if told := _telling_labels(plan):
        findings.append(_label_tells(told))
    if Keep.DESCRIPTIONS in choice.keep:
        findings.append(_free_text())
    pairs = sum(len(session.pairs) for session in plan.included)
    findings.append(_pixels(pairs, is_burnt_in_sent=choice.is_burnt_in_sent))
    return findings


def _reasons(plan: Plan) -> Counter[str]:
    """Count the files that are held back, by why."""
    reasons: Counter[str] = Counter()
    for session in plan.sessions:
        for series in (*session.left_out, *session.series):
            if BURNT_IN in series.held_by:
                reasons[holding.BURNT_IN] += len(series.instances)
            elif NO_HEADER in series.held_by:
                found = (holding.by_class(one.sop_class_uid, Deidentification()) for one in series.instances)
                reasons[next(filter(None, found), UNREADABLE)] += len(series.instances)
    return reasons


def _burnt_in(count: int) -> Finding:
    return Finding(
        BURNT_IN,
        f"{count_text(count, 'image')} may have writing in the picture, and are held back",
        "They are secondary captures or screen shots, or their header says that something is burnt in. De-identifying "
        "changes headers only",
        ("Look at them first", "Send them nevertheless: `--send-burnt-in`, or the mark in the wizard"),
        severity=Severity.ASK,
    )


def _held_back(count: int, reason: str) -> Finding:
    return Finding(
        NO_HEADER,
        f"{count_text(count, 'file')} cannot be de-identified and are held back",
        reason[:1].upper() + reason[1:],
        ("Nothing to do, if they are not needed", "Or send them in an upload without de-identification here"),
        severity=Severity.NOTE,
    )


def _telling_labels(plan: Plan) -> list[str]:
    told: list[str] = []
    for session in plan.included:
        known = {one.patient_id for one in session.series} | {one.patient_name for one in session.series}
        words = {word.casefold() for one in known for word in (one, *one.replace("^", " ").split()) if len(word) > 2}
        label = session.subject_label.casefold()
        if label in words or any(word in label for word in words if len(word) > 3):
            told.append(session.subject_label)
    return list(dict.fromkeys(told))


def _label_tells(labels: Sequence[str]) -> Finding:
    named = ", ".join(f'"{label}"' for label in labels[:_NAMED])
    more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
    return Finding(
        "deidentify.label_tells",
        f"Subject labels are made of the patients' names or numbers: {named}{more}",
        "The label takes the place of Patient's Name and Patient ID in every image, and leaves as it is",
        ("Give other labels: by a table, or by a pattern such as 'S{n:03}'", "Or leave them, if they are pseudonyms"),
        severity=Severity.ASK,
        shareable="Subject labels are made of the patients' names or numbers",
    )


def _free_text() -> Finding:
    return Finding(
        "deidentify.free_text",
        "Descriptions are kept, and may hold names",
        "They are free text. Words that stand in the patient's name, numbers or institution are taken out of them, "
        "others nobody can find",
        ("Look through them: `survey FOLDER --privacy --values`, or the table in the wizard",),
        severity=Severity.NOTE,
    )


def _pixels(pairs: int, *, is_burnt_in_sent: bool) -> Finding:
    sent = ". Pictures with writing in them are sent, as you said" if is_burnt_in_sent else ""
    if pairs:
        sent += f". Of {count_text(pairs, 'PAR/REC pair')} the PAR header is blanked, and the files get new names"
    return Finding(
        "deidentify.pixels",
        "Pictures themselves are not changed",
        f"A face can be recognized in a scan of a head; only headers are de-identified{sent}",
        ("Nothing to do here; where faces must go, deface the images afterwards",),
        severity=Severity.NOTE,
    )
