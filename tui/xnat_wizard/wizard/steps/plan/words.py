"""The words of the plan step, and what of plan and survey they are made of."""

from collections.abc import Iterable
from dataclasses import replace

from xnat_wizard.dicom.model import ParRecPair, Series, Survey
from xnat_wizard.findings import Finding, Severity, by_weight
from xnat_wizard.upload import plan as planning
from xnat_wizard.upload.model import Destination, Plan, PlannedSession
from xnat_wizard.wizard.choices import Choices
from xnat_wizard.wizard.widgets.rows import Column

COLUMNS = (
    Column("", 3),
    Column("Subject", 11, grow=1),
    Column("Session", 14, grow=1),
    Column("Series", 6, is_right=True, needs=84),
    Column("Files", 6, is_right=True, needs=60),
    Column("Size", 8, is_right=True, needs=66),
    Column("Date", 10, needs=96),
    Column("State", 14, grow=6),
)
# What the forecast found, in a few words, the most telling first; the whole finding stands below the list.
FORECAST_WORDS = {
    "forecast.other_subject": "clash: belongs to another subject",
    "forecast.other_study": "clash: another study has this label",
    "forecast.same_label": "clash: another study waits there",
    "forecast.archive_conflict": "clash: XNAT would not archive it",
    "forecast.same_study": "twice: there under another label",
    "forecast.filter_drops_all": "filter drops all of it",
    "forecast.filter_drops": "filter drops a part",
    "forecast.merges": "merge: exists in the archive",
    "forecast.in_prearchive": "merge: waits in the prearchive",
    "forecast.subject_spelling": "new (subject: other letters)",
    "forecast.subject_exists": "new (subject is there)",
    "forecast.filter_unsure": "new (filter may drop a part)",
}
UNNOTED = {"forecast.size_unknown"}  # of the project: so common that it stands under Findings only
DESTINATIONS = {
    Destination.PREARCHIVE: "Prearchive  sessions wait until you archive them",
    Destination.ARCHIVE: "Archive     archived once every file is counted",
}


def fitting_plan(choices: Choices, survey: Survey, site_url: str, project: str) -> Plan:
    """Return the plan of before where it is of these very files, with its edits; else a new draft."""
    old = choices.plan
    destination = old.destination if old else Destination.PREARCHIVE
    fresh = planning.draft(survey, site_url=site_url, project=project, destination=destination)
    if old is None or (old.source, old.layout) != (fresh.source, fresh.layout) or _content(old) != _content(fresh):
        return fresh
    return replace(old, site_url=site_url, project=project, not_sent=fresh.not_sent)


def _content(plan: Plan) -> list[tuple[str, frozenset[Series], frozenset[ParRecPair]]]:
    return [
        (one.key, frozenset((*one.series, *one.left_out)), frozenset((*one.pairs, *one.left_out_pairs)))
        for one in plan.sessions
    ]


def reasons(session: PlannedSession, survey: Survey) -> list[Finding]:
    """Return the survey's findings that hold something of a session, the heaviest first."""
    folders = {session.subject_folder} | {
        folder for one in (*session.series, *session.left_out) for folder in one.folders
    }
    coded = [finding for finding in survey.findings if finding.code in session.held_by]
    near = [finding for finding in coded if any(folder and folder in finding.where for folder in folders)]
    return by_weight(near or coded)


def telling(findings: Iterable[Finding]) -> list[Finding]:
    """Sort what the forecast found: the heaviest first, and of these what decides about the session."""
    order = list(FORECAST_WORDS)
    return sorted(
        findings,
        key=lambda one: (one.severity.weight, order.index(one.code) if one.code in FORECAST_WORDS else len(order)),
    )


def changed_keys(old: Plan, new: Plan) -> list[str]:
    """Return the keys of the sessions that are not as they were."""
    return [after.key for before, after in zip(old.sessions, new.sessions, strict=True) if before != after]


def with_labels_of(plan: Plan, other: Plan) -> Plan:
    """Return a plan with the labels that another state of it has; what is included stays."""
    labels = {one.key: (one.subject_label, one.session_label) for one in other.sessions}
    return replace(
        plan,
        sessions=tuple(
            replace(one, subject_label=labels[one.key][0], session_label=labels[one.key][1]) for one in plan.sessions
        ),
    )


def mark(finding: Finding) -> str:
    """Return the word in front of a finding, four letters wide."""
    return {Severity.STOP: "STOP", Severity.ASK: "ask ", Severity.NOTE: "note"}[finding.severity]
