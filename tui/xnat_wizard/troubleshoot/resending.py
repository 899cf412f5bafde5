"""Sending only what is missing (F16): a plan of these files, into the session that has the rest.

The plan goes the way of every upload: it is shown, has a journal and a receipt. Source: missing data 2.2 (F16), 0.3
(rule 3: nothing is sent again as a whole).
"""

from collections.abc import Iterable
from dataclasses import replace

from xnat_wizard.dicom.model import Survey
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.troubleshoot.facts import Candidate, Facts
from xnat_wizard.troubleshoot.model import PlaceKind
from xnat_wizard.troubleshoot.rules.gaps import missing
from xnat_wizard.upload.model import Destination, Plan, PlannedSession
from xnat_wizard.upload.plan import draft


def survey_of_missing(facts: Facts) -> Survey:
    """Return the survey of the source with nothing but the objects that are known to be missing.

    Raises:
        Problem: `troubleshoot.no_files` when the files are not at hand.
    """
    survey = facts.local.survey if facts.local else None
    if survey is None:
        raise Problem(
            Finding(
                "troubleshoot.no_files",
                "The missing files cannot be sent: they are not at hand",
                "No folder or archive with the images was given",
                ("Name the folder with the images, then search again.",),
            )
        )
    wanted = {one.path for one in missing(facts)}
    series = tuple(
        replace(one, instances=kept)
        for one in survey.series
        if (kept := tuple(instance for instance in one.instances if instance.path in wanted))
    )
    return replace(survey, series=series, pairs=())


def plan_of_missing(facts: Facts, *, site_url: str, project: str) -> Plan:
    """Plan to send the objects that are known to be missing, each to the session that has the rest of its study.

    Where nothing of a study is at the site, its session gets the label that it was sent with, else one of the house.
    Everything goes to the prearchive: whether it may be added to an archived session is asked afterwards.

    Raises:
        Problem: `troubleshoot.nothing_missing`, `troubleshoot.no_files` when the files are not at hand.
    """
    survey = survey_of_missing(facts)
    whole = draft(survey, site_url=site_url, project=project, destination=Destination.PREARCHIVE)
    sessions = [_labelled(session, facts) for session in whole.sessions]
    left = tuple(session for session in sessions if session.series)
    if not left:
        raise Problem(
            Finding(
                "troubleshoot.nothing_missing",
                "There is nothing to send",
                "No file that could be sent is known to be missing",
                ("Look at the list of files.",),
            )
        )
    return replace(whole, sessions=left)


def _labelled(session: PlannedSession, facts: Facts) -> PlannedSession:
    """Return a session with the labels that the rest of it has, and with all that is missing."""
    hit = _home_of(session.study_instance_uid, facts.candidates)
    sent = facts.sent.labels_of(session.study_instance_uid)
    subject, label = (hit.place.subject, hit.place.label) if hit else sent
    return replace(
        session,
        series=(*session.series, *session.left_out),
        left_out=(),
        subject_label=subject or session.subject_label,
        session_label=label or session.session_label,
        is_included=True,
        is_blocked=False,
        held_by=(),
    )


def _home_of(study_instance_uid: str, candidates: Iterable[Candidate]) -> Candidate | None:
    """Return the session that has the rest of a study; what waits comes before what is archived."""
    hits = [one for one in candidates if one.study_instance_uid == study_instance_uid and one.has_identity]
    usable = [one for one in hits if one.place.kind in {PlaceKind.PREARCHIVE, PlaceKind.ARCHIVE}]
    return min(usable, key=lambda one: one.place.kind is PlaceKind.ARCHIVE, default=None)
