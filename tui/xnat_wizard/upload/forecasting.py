"""What is wrong in a plan, and what a site will do with it: looked up before anything is sent.

Only reads, and `validate-archive`, which changes nothing. Sources: wire contract 4.1 (labels), 6.6 and 6.7 (merge
and clash).
"""

from collections import defaultdict
from typing import TYPE_CHECKING

from xnat_wizard.findings import Finding, Severity, by_weight
from xnat_wizard.upload import route_check, settings_forecast
from xnat_wizard.upload.choosing import twins
from xnat_wizard.upload.labels import clean_label, is_legal
from xnat_wizard.upload.model import Destination, Plan, PlannedSession
from xnat_wizard.upload.places import is_for_subject
from xnat_wizard.xnat.errors import Fatal, Refused

if TYPE_CHECKING:
    from xnat_wizard.xnat.model import PrearchiveSession, Project, Session
    from xnat_wizard.xnat.site import Site

_HARMLESS_VERDICTS = {"1", "16"}  # the session exists, or a scan of it: it is completed (6.6)


def check(plan: Plan) -> tuple[Finding, ...]:
    """Say what is wrong or worth knowing in a plan, the heaviest first."""
    if not plan.included:
        return (
            Finding(
                "plan.empty",
                "Nothing is chosen for the upload",
                "No session of the plan is included",
                ("Include at least one session", "Choose another folder"),
            ),
        )
    findings: list[Finding] = []
    by_label: dict[str, list[PlannedSession]] = defaultdict(list)
    folders_by_subject: dict[str, set[str]] = defaultdict(set)
    for session in plan.included:
        by_label[session.session_label.casefold()].append(session)
        folders_by_subject[session.subject_label.casefold()].add(session.subject_folder)
        findings.extend(_about_session(plan, session))
    findings.extend(
        Finding(
            "plan.label_clash",
            f"{len(sessions)} sessions have the label `{sessions[0].session_label}`",
            "A project has each session label once: their images would be mixed in one session",
            ("Give each a label of its own",),
            where=", ".join(session.subject_folder for session in sessions),
        )
        for sessions in by_label.values()
        if len(sessions) > 1
    )
    findings.extend(
        Finding(
            "plan.shared_subject",
            f"{len(folders)} folders become one subject, `{label}`",
            "Their subject labels are equal, upper and lower case aside, and XNAT does not tell those apart",
            ("Leave it if they are the same person", "Otherwise give each folder a subject label of its own"),
            where=", ".join(sorted(folders)),
            severity=Severity.NOTE,
        )
        for label, folders in folders_by_subject.items()
        if len(folders) > 1
    )
    findings.extend(_about_twins(plan))
    findings.extend(route_check.about_route(plan))
    return tuple(by_weight(findings))


def _about_twins(plan: Plan) -> list[Finding]:
    """Say which sessions of the plan are one study: rightly so only where it was copied on purpose."""
    told: set[str] = set()
    findings = []
    same = twins(plan)
    for session in plan.included:
        if session.key in same and session.study_instance_uid not in told:
            told.add(session.study_instance_uid)
            every = (session, *same[session.key])
            findings.append(
                Finding(
                    "plan.same_study",
                    f"{len(every)} sessions of the plan are the same study: "
                    + ", ".join(f"`{one.session_label}`" for one in every),
                    "Their images have one Study Instance UID: the study lies in several folders",
                    ("Leave out all but one, unless the images were divided on purpose",),
                    where=", ".join(one.subject_folder for one in every),
                    severity=Severity.NOTE,
                )
            )
    return findings


def _about_session(plan: Plan, session: PlannedSession) -> list[Finding]:
    findings = [
        Finding(
            "label.illegal",
            f"XNAT would change the label `{label}`",
            "XNAT takes letters without accents, digits, `_` and `-`, at most 64 characters",
            ("Edit the label",),
            where=session.subject_folder,
        )
        for label in (session.subject_label, session.session_label)
        if not is_legal(label)
    ]
    if session.subject_folder and session.subject_label != session.subject_folder:
        findings.append(
            Finding(
                "plan.label_changed",
                f"Folder `{session.subject_folder}` becomes subject `{session.subject_label}`",
                "XNAT takes letters without accents, digits, `_` and `-`, at most 64 characters, each label once"
                if session.subject_label.startswith(clean_label(session.subject_folder))
                else "This label was chosen for it",
                ("Edit the label if another one is wanted",),
                where=session.subject_folder,
                severity=Severity.NOTE,
            )
        )
    if session.pairs and not session.series and plan.destination is Destination.PREARCHIVE:
        findings.append(
            Finding(
                "plan.parrec_to_archive",
                f"Session `{session.session_label}` goes to the archive, not to the prearchive",
                "It has PAR/REC files only, and XNAT's prearchive takes sessions by their DICOM files",
                ("Nothing to do",),
                where=session.subject_folder,
                severity=Severity.NOTE,
            )
        )
    return findings


async def forecast(plan: Plan, site: "Site") -> dict[str, tuple[Finding, ...]]:
    """Ask the site what it will do with each included session; reads only.

    Returns the findings by session key; those of the project as a whole stand under the key "".

    Raises:
        Problem: the site cannot be asked.
    """
    project = await _project(plan, site)
    if isinstance(project, Finding):
        return {"": (project,)}
    settings, rules = await site.upload_settings(plan.project), await site.arrival_rules(plan.project)
    findings: dict[str, list[Finding]] = {"": settings_forecast.about_settings(plan, settings, rules)}
    subjects = {subject.label.casefold(): subject.label for subject in await site.subjects(plan.project)}
    sessions = await site.sessions(plan.project)
    archived = {session.label.casefold(): session for session in sessions}
    archived_studies = {session.study_instance_uid: session for session in sessions if session.study_instance_uid}
    waiting: dict[str, list[PrearchiveSession]] = defaultdict(list)
    for row in await site.prearchive(plan.project):
        waiting[row.label.casefold()].append(row)
        if row.study_instance_uid:
            waiting[row.study_instance_uid].append(row)
    for session in plan.included:
        label = session.session_label.casefold()
        found = []
        if label in archived:
            found.append(_about_archived(session, archived[label]))
        elif session.study_instance_uid in archived_studies:
            found.append(_archived_elsewhere(session, archived_studies[session.study_instance_uid]))
        rows = {row.uri: row for row in (*waiting[label], *waiting[session.study_instance_uid])}
        for row in rows.values():
            found.append(_about_waiting(session, row))
            found.extend(await _about_archiving(plan, session, row, site))
        found.extend(_about_subject(session, subjects, is_archived=label in archived))
        found.extend(settings_forecast.about_series(session, rules))
        findings[session.key] = found
    return {key: tuple(by_weight(some)) for key, some in findings.items()}


async def _project(plan: Plan, site: "Site") -> "Project | Finding":
    """Return the project, or why nothing can be sent there: title for ID, alias for ID, no right."""
    try:
        project = await site.project(plan.project)
    except Refused as problem:
        if problem.finding.code != "project.not_found":
            raise
        alike = [one.id for one in await site.projects() if plan.project.casefold() in _names(one)]
        if not alike:
            raise
        return Finding(
            "forecast.project_title",
            f"`{plan.project}` is no ID of a project; `{alike[0]}` has a name like it",
            "XNAT looks for the exact ID; a title, a running title or other letter case is not found",
            (f"Take `{alike[0]}`, if that is the project",),
        )
    if project.id != plan.project:
        return Finding(
            "forecast.project_alias",
            f"`{plan.project}` is another name of project `{project.id}`",
            "XNAT files the images under the ID, and an upload is compared with what was asked for",
            (f"Take `{project.id}`",),
        )
    if not project.may_upload:
        return Finding(
            "forecast.no_right",
            f"The account may not upload into project `{plan.project}`",
            f"Its role there is: {project.role}",
            ("Ask an owner of the project to make you a member", "Choose another project"),
        )
    return project


def _names(project: "Project") -> set[str]:
    return {text.casefold() for text in (project.id, project.name, project.running_title)}


async def _about_archiving(
    plan: Plan, session: PlannedSession, row: "PrearchiveSession", site: "Site"
) -> list[Finding]:
    """Ask the site whether it would archive what waits under this very label; changes nothing there (6.6)."""
    is_ours = row.label == session.session_label and row.study_instance_uid == session.study_instance_uid
    if plan.destination is not Destination.ARCHIVE or not is_ours or not row.is_settled:
        return []
    try:
        verdicts = await site.validate_archive(row.uri, subject=session.subject_label, session=session.session_label)
    except (Refused, Fatal):
        return []
    against = [verdict for verdict in verdicts if verdict.type != "WARN" and verdict.code not in _HARMLESS_VERDICTS]
    if not against:
        return []
    return [
        Finding(
            "forecast.archive_conflict",
            f"XNAT would not archive session `{row.label}` as it waits in the prearchive",
            "It says: " + "; ".join(verdict.message or f"code {verdict.code}" for verdict in against),
            ("Look at the session in the prearchive first", "Or choose another session label"),
            where=session.subject_folder,
            severity=Severity.ASK,
        )
    ]


def _about_subject(session: PlannedSession, subjects: dict[str, str], *, is_archived: bool) -> list[Finding]:
    """Say when the project has the subject, perhaps in other letters: XNAT takes it for the same (4.1).

    Args:
        session: of the plan.
        subjects: the labels in the project by their small letters.
        is_archived: the archive has the session too, which is said elsewhere.
    """
    there = subjects.get(session.subject_label.casefold())
    if there is None or (there == session.subject_label and is_archived):
        return []
    if there == session.subject_label:
        code, what = "forecast.subject_exists", f"Subject `{there}` is in the project already"
        why = f"The files of session `{session.session_label}` join that subject"
        todo = ("Leave it if this is the same person", "If it is somebody else, choose another subject label")
    else:
        code, what = "forecast.subject_spelling", f"Subject `{session.subject_label}` exists as `{there}`"
        why = "XNAT does not tell upper case from lower case in subject labels, so the images go to that subject"
        todo = (f"Choose the label `{there}`", "If it is somebody else, choose a label that differs")
    return [Finding(code, what, why, todo, where=session.subject_folder, severity=Severity.NOTE)]


def _about_archived(session: PlannedSession, there: "Session") -> Finding:
    label = there.label
    if there.subject_label and there.subject_label.casefold() != session.subject_label.casefold():
        return Finding(
            "forecast.other_subject",
            f"Session `{label}` exists in the archive and belongs to subject `{there.subject_label}`",
            "XNAT has each session label once in a project and refuses to give a session to another subject",
            ("Choose another session label", f"Or choose the subject label `{there.subject_label}`"),
            where=session.subject_folder,
            severity=Severity.ASK,
        )
    if not (there.study_instance_uid and session.study_instance_uid):
        who = "The archive" if session.study_instance_uid else "A folder of PAR/REC files"
        return Finding(
            "forecast.unknown_study",
            f"Session `{label}` exists in the archive, and may be another visit",
            f"{who} tells no Study Instance UID, so both cannot be compared; the files would be added to that session",
            ("Choose another session label, unless it is the same visit",),
            where=session.subject_folder,
            severity=Severity.ASK,
        )
    if there.study_instance_uid != session.study_instance_uid:
        return Finding(
            "forecast.other_study",
            f"Session `{label}` exists in the archive and seems to be another study",
            "Its Study Instance UID differs. A script of the site may have changed it, otherwise XNAT will refuse",
            ("Choose another session label",),
            where=session.subject_folder,
            severity=Severity.ASK,
        )
    return Finding(
        "forecast.merges",
        f"Session `{label}` exists in the archive already",
        "Subject and study agree: what is there is not sent again, and what is missing is added",
        ("Leave it to complete the session", "Choose another session label to keep both apart"),
        where=session.subject_folder,
        severity=Severity.NOTE,
    )


def _archived_elsewhere(session: PlannedSession, there: "Session") -> Finding:
    return Finding(
        "forecast.same_study",
        f"The same study is in the archive under another label, `{there.label}`",
        "Its Study Instance UID is that of this session, so the images would be there twice",
        (f"Choose the label `{there.label}` here, to add what is missing there", "Leave it to have it twice"),
        where=session.subject_folder,
        severity=Severity.ASK,
    )


def _about_waiting(session: PlannedSession, row: "PrearchiveSession") -> Finding:
    is_same = row.study_instance_uid == session.study_instance_uid
    if is_same and row.label == session.session_label and not is_for_subject(row, session):
        return Finding(
            "forecast.other_subject",
            f"Session `{row.label}` waits in the prearchive and belongs to subject `{row.subject}`",
            "Label and study agree, so XNAT would put these images into that session, for that subject",
            ("Choose another session label", f"Or choose the subject label `{row.subject}`"),
            where=session.subject_folder,
            severity=Severity.ASK,
        )
    if is_same and row.label == session.session_label:
        return Finding(
            "forecast.in_prearchive",
            f"Session `{row.label}` waits in the prearchive already: {row.plain_status}",
            "Label and study agree: what is there is not sent again, and what is missing is added",
            ("Nothing to do",),
            where=session.subject_folder,
            severity=Severity.NOTE,
        )
    if is_same:
        return Finding(
            "forecast.same_study",
            f"The same study waits in the prearchive under another label, `{row.label}`",
            "Its Study Instance UID is that of this session, so the images would be there twice",
            (f"Look at `{row.label}` in the prearchive first", f"Or choose the label `{row.label}` here"),
            where=session.subject_folder,
            severity=Severity.ASK,
        )
    return Finding(
        "forecast.same_label",
        f"Another study waits in the prearchive under the label `{row.label}`",
        "Its Study Instance UID differs, so only one of both can be archived under this label",
        ("Choose another session label",),
        where=session.subject_folder,
        severity=Severity.ASK,
    )
