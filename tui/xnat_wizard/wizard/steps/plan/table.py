"""The rows of the plan and the chosen one in detail: pure words from plan, survey and forecast."""

from dataclasses import dataclass, field

from xnat_wizard.amounts import bytes_text, count_text
from xnat_wizard.dicom.model import Survey
from xnat_wizard.findings import Finding, Severity
from xnat_wizard.upload.choosing import items_of, left_by_choice
from xnat_wizard.upload.model import PlannedSession
from xnat_wizard.wizard.steps.plan.words import FORECAST_WORDS, mark, reasons, telling
from xnat_wizard.wizard.widgets.dates import marked_date
from xnat_wizard.wizard.widgets.rows import Row

Twins = dict[str, tuple[PlannedSession, ...]]


@dataclass(frozen=True, slots=True)
class Ahead:
    """What the site said so far of what will happen."""

    found: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    is_checking: bool = True
    unchecked: Finding | None = None

    def without(self, keys: set[str]) -> "Ahead":
        """Return it without what was said of sessions that have changed since."""
        return Ahead({key: found for key, found in self.found.items() if key not in keys}, is_checking=True)


def row_of(session: PlannedSession, survey: Survey, ahead: Ahead, twins: Twins) -> Row:
    """Return the row of a session."""
    state, tone = state_of(session, survey, ahead, twins)
    going = len(session.series) + len(session.pairs)
    whole = len(items_of(session))
    cells = (
        "[x]" if session.is_included else " - " if session.is_blocked else "[ ]",
        session.subject_label,
        session.session_label,
        str(going) if going == whole else f"{going}/{whole}",
        str(session.file_count),
        bytes_text(session.size_bytes),
        marked_date(session.study_date),
        state,
    )
    return Row(session.key, cells, tone)


def state_of(session: PlannedSession, survey: Survey, ahead: Ahead, twins: Twins) -> tuple[str, str]:
    """Return the state in words, the telling one first, and its tone."""
    why = reasons(session, survey)
    held = why[0].what if why else "see the findings"
    if session.is_blocked:
        return f"STOP: {held}", "bad"
    if not session.is_included:
        return (f"held: {held} (Space: say yes)", "warn") if session.held_by else ("left out", "quiet")
    if session.key in twins:
        return f"twice: also {twins[session.key][0].session_label}", "warn"
    found = ahead.found.get(session.key)
    if found is None:
        return ("checking..." if ahead.is_checking else "not checked"), "quiet"
    part = ", but a part is held" if is_part_held(session) else ", but not all" if left_by_choice(session) else ""
    if not found:
        return f"new{part}", "warn" if part else "good"
    first = telling(found)[0]
    words = FORECAST_WORDS.get(first.code, first.what)
    return f"{words}{part}", "warn" if part or first.severity is not Severity.NOTE else ""


def is_part_held(session: PlannedSession) -> bool:
    """Tell whether findings hold back a part of a session."""
    return any(item.is_held for item in items_of(session))


def detail_of(session: PlannedSession, survey: Survey, ahead: Ahead, twins: Twins) -> str:
    """Return what is to be said of the chosen session: what it is, what will happen, its series."""
    date = f" of {marked_date(session.study_date)}" if session.study_date else ""
    place = f"folder {session.subject_folder}" if session.subject_folder else "no subject folder"
    left = left_by_choice(session)
    out = f", {len(left)} left out" if left else ""
    lines = [f"{session.modality}{date}, {place}, {count_text(len(session.series), 'series', 'series')}{out}"]
    held = reasons(session, survey) if session.held_by else []
    for finding in (*held, *telling(ahead.found.get(session.key, ())))[:2]:
        cure = f" Do: {finding.todo[0]}." if finding.todo else ""
        lines.append(f"{mark(finding)}  {finding.what}. {finding.why}.{cure}".replace("..", "."))
    if session.key in twins:
        others = ", ".join(f"{one.session_label} ({one.subject_folder or 'the top'})" for one in twins[session.key])
        lines.insert(1, f"note  The same study is in this plan as {others}. Leave one out (Space), unless divided.")
    listed = [
        " ".join(f"{one.series_number} {one.series_description} ({len(one.instances)})".split())
        for one in session.series
    ]
    listed += [f"PAR/REC {pair.protocol_name or pair.par_path}" for pair in session.pairs]
    return "\n".join([*lines, ", ".join(listed)])
