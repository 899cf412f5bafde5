"""The words of the plan step, and what of plan and survey they are made of."""

from collections.abc import Iterable
from dataclasses import replace

from xnat_wizard.dicom.model import ParRecPair, Series, Survey
from xnat_wizard.findings import Finding, Severity, by_weight
from xnat_wizard.upload import plan as planning
from xnat_wizard.upload.estimate import Speed
from xnat_wizard.upload.model import Destination, Plan, PlannedSession, Route
from xnat_wizard.upload.travel_words import NAMES, time_text
from xnat_wizard.upload.usual_plan import as_settings_say
from xnat_wizard.wizard.choices import Choices
from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.wizard.widgets.rows import Column

COLUMNS = (
    Column("", 3),
    Column("Subject", 11, grow=1),
    Column("Session", 14, grow=1),
    Column("Series", 6, is_right=True, needs=84),
    Column("Files", 6, is_right=True, needs=60),
    Column("Size", 8, is_right=True, needs=66),
    Column("Date", 11, needs=96),
    Column("State", 14, grow=6),
)
# What the forecast found, in a few words, the most telling first; the whole finding stands below the list.
FORECAST_WORDS = {
    "forecast.other_subject": "clash: belongs to another subject",
    "forecast.other_study": "clash: another study has this label",
    "forecast.same_label": "clash: another study waits there",
    "forecast.archive_conflict": "clash: XNAT would not archive it",
    "send.elsewhere": "elsewhere: the site's rules say so",
    "send.other_labels": "other labels: the site's rules say so",
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
    if old is None:
        fresh = as_settings_say(fresh)
    else:
        fresh = replace(fresh, options=old.options, deidentification=old.deidentification)
    if old is not None and old.site_url == site_url:  # a receiver is that of one site
        fresh = replace(fresh, route=old.route, receiver=old.receiver)
    if old is None or (old.source, old.layout) != (fresh.source, fresh.layout) or _content(old) != _content(fresh):
        return fresh
    route, receiver = fresh.route, fresh.receiver
    return replace(old, site_url=site_url, project=project, not_sent=fresh.not_sent, route=route, receiver=receiver)


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


def way_words(plan: Plan, speed: Speed) -> str:
    """Return how a plan travels, and how long that will take."""
    to = f" to {plan.receiver.ae_title}" if plan.receiver else " to nobody yet"
    name = f"{NAMES[plan.route]}{to if plan.route is Route.DICOM else ''}"
    files, size = sum(one.file_count for one in plan.included), sum(one.size_bytes for one in plan.included)
    time = time_text(speed, files, size)
    if plan.deidentification:
        name += ", names taken out"
        time = time.partition(",")[0]  # the line has no room for where it is from
    return plain(f"{name}: {time[:1].lower()}{time[1:]}" if time else name)


def mark(finding: Finding) -> str:
    """Return the word in front of a finding, four letters wide."""
    return {Severity.STOP: "STOP", Severity.ASK: "ask ", Severity.NOTE: "note"}[finding.severity]


HELP = """
# The plan

One row is one imaging session in XNAT: one subject, one visit.

- **Space** takes the session in `[x]` or leaves it out `[ ]`. Where something is held back you are asked first.
  **x** does so with all sessions of the subject. **e** chooses single series.
- **Enter** edits the subject label and the session label; **b** labels all sessions by one rule: from folders,
  headers, a pattern or a CSV table.
- **u** takes the last change back, as often as you like.
- **State** says what XNAT will do: *new*, *merge* (the session exists, what is missing is added), *clash* (another
  label is wanted), *twice* (the same study is in this plan once more), *held* (something needs your yes), *STOP*
  (cannot be sent).
- **Prearchive or archive**: in the prearchive sessions wait for somebody to look at them; that is the careful way.

- **t** chooses how it travels: many files a request, one file a request, or by DICOM to a receiver of the site
  (C-STORE); how fast it may be, and over how many connections. Images travel in zips at first, and one by one where a
  site refuses these. PAR/REC pairs become files of the session.

- **p** chooses whether names leave this machine: left to the scripts of the server, or taken out on the way.

The time below the list is reckoned from earlier uploads to this site by that route, else by an assumption.

**s** saves the plan to a file and names the command that sends it without the wizard. **f** lists all findings, **o**
lists what is not sent and why, **F5** asks the site again.
"""
