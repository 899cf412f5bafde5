"""What is wrong in a plan, and what a site will do with it: looked up before anything is sent.

Only reads. Sources: wire contract 4.1 (labels), 5.8 (archiving without being asked), 6.6 and 6.7 (merge and clash).
"""

from collections import defaultdict
from typing import TYPE_CHECKING

from xnat_wizard.findings import Finding, Severity, by_weight
from xnat_wizard.upload.labels import is_legal
from xnat_wizard.upload.model import Destination, Plan, PlannedSession
from xnat_wizard.upload.places import is_for_subject

if TYPE_CHECKING:
    from xnat_wizard.xnat.model import PrearchiveSession, Session, UploadSettings
    from xnat_wizard.xnat.site import Site


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
    return tuple(by_weight(findings))


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
                "XNAT takes letters without accents, digits, `_` and `-`, at most 64 characters, each label once",
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
    project = await site.project(plan.project)
    if not project.may_upload:
        no_right = Finding(
            "forecast.no_right",
            f"The account may not upload into project `{plan.project}`",
            f"Its role there is: {project.role}",
            ("Ask an owner of the project to make you a member", "Choose another project"),
        )
        return {"": (no_right,)}
    settings = await site.upload_settings(plan.project)
    findings: dict[str, list[Finding]] = {"": _about_project(plan, settings)}
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
        found.extend(_about_waiting(session, row) for row in rows.values())
        findings[session.key] = found
    return {key: tuple(by_weight(some)) for key, some in findings.items()}


def _about_project(plan: Plan, settings: "UploadSettings") -> list[Finding]:
    findings = []
    if settings.archives_by_itself and plan.destination is Destination.PREARCHIVE:
        findings.append(
            Finding(
                "forecast.archives_by_itself",
                f"Project `{plan.project}` archives what arrives by itself",
                f"Its prearchive code is {settings.prearchive_code}",
                ("Nothing to do: these sessions are sent so that they wait in the prearchive all the same",),
                severity=Severity.NOTE,
            )
        )
    if settings.is_site_script_on or settings.is_project_script_on:
        whose = "site" if settings.is_site_script_on else "project"
        findings.append(
            Finding(
                "forecast.script_on",
                f"The {whose} rewrites header fields of what arrives",
                f"The anonymization script of the {whose} is switched on",
                ("Nothing to do: arrival is proved by file names then, not by MD5",),
                severity=Severity.NOTE,
            )
        )
    if settings.has_site_filter or settings.has_project_filter:
        whose = "site" if settings.has_site_filter else "project"
        findings.append(
            Finding(
                "forecast.filter_on",
                f"The {whose} may drop some series",
                f"A series import filter of the {whose} is switched on",
                ("Compare the receipt with the plan: it names what did not arrive",),
                severity=Severity.NOTE,
            )
        )
    return findings


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
