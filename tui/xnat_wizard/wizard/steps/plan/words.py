"""The words of the plan step, and what of plan and survey they are made of."""

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
# What the forecast found, in a few words; the whole finding stands below the list.
FORECAST_WORDS = {
    "forecast.merges": "merge: exists in the archive",
    "forecast.in_prearchive": "merge: waits in the prearchive",
    "forecast.other_subject": "clash: belongs to another subject",
    "forecast.other_study": "clash: another study has this label",
    "forecast.same_label": "clash: another study waits there",
    "forecast.same_study": "twice: waits under another label",
}
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


def mark(finding: Finding) -> str:
    """Return the word in front of a finding, four letters wide."""
    return {Severity.STOP: "STOP", Severity.ASK: "ask ", Severity.NOTE: "note"}[finding.severity]
