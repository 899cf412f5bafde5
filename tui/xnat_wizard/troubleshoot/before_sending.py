"""What a site will do with a plan, by the route it travels: before anything is sent, and without sending.

For the route by DICOM the site's rules are applied to the headers as they will be sent.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from xnat_wizard.findings import Finding, Severity, by_weight
from xnat_wizard.upload import plan as planning
from xnat_wizard.upload.cstore.peer import Peer, Scheme
from xnat_wizard.upload.model import Destination, Plan, PlannedSession, Route

if TYPE_CHECKING:
    from xnat_wizard.troubleshoot.facts import Forecast
    from xnat_wizard.troubleshoot.local_facts import LocalObject
    from xnat_wizard.xnat.inquiries.values import Receiver
    from xnat_wizard.xnat.site import Site


async def forecast(plan: Plan, site: "Site") -> dict[str, tuple[Finding, ...]]:
    """Ask the site what it will do with each included session; reads only.

    Returns the findings by session key; those of the plan as a whole stand under the key "".

    Raises:
        Problem: the site cannot be asked.
    """
    found = dict(await planning.forecast(plan, site))
    if plan.route is Route.DICOM and plan.receiver is not None:
        for key, some in (await _by_dicom(plan, plan.receiver, site)).items():
            found[key] = tuple(by_weight((*found.get(key, ()), *some)))
    return found


async def _by_dicom(plan: Plan, peer: Peer, site: "Site") -> dict[str, list[Finding]]:
    """Say which sessions the site will file elsewhere than the plan says, by the rules that can be read."""
    from xnat_wizard.troubleshoot.case import Case, Way
    from xnat_wizard.troubleshoot.facts import Facts, Match, Policies, ProjectFacts
    from xnat_wizard.troubleshoot.forecast import forecast as predict
    from xnat_wizard.troubleshoot.local_facts import Local
    from xnat_wizard.xnat.inquiry import Inquiry
    from xnat_wizard.xnat.told import Standing, Told

    inquiry = Inquiry(site)
    visible = await inquiry.project_names()
    receivers = await inquiry.receivers()
    policies = Policies(
        Told((), Standing.ANSWERED),
        Told((), Standing.ANSWERED),
        await inquiry.routing_rules(),
        receivers,
        Told((), Standing.ANSWERED),
    )
    facts = Facts(
        Case(way=Way.C_STORE, receiver=(peer.host, peer.port, peer.ae_title)),
        datetime.now().astimezone(),
        who=await inquiry.who_am_i(),
        project=ProjectFacts(plan.project, Match.EXACT, plan.project, visible=visible.value),
        policies=policies,
    )
    mine = [one for one in receivers.value if (one.port, one.ae_title) == (peer.port, peer.ae_title)]
    findings: dict[str, list[Finding]] = {"": _about_receiver(plan, mine)}
    for session in plan.included:
        local = Local(None, tuple(_as_sent(session, plan.project, peer)))
        said = [
            one for told in predict(replace(facts, local=local)) for one in _differences(told, session, plan.project)
        ]
        findings[""] += [one for one in said if not one.where]
        findings[session.key] = list(dict.fromkeys(one for one in said if one.where))
    findings[""] = list(dict.fromkeys(findings[""]))
    return findings


def _about_receiver(plan: Plan, receivers: "Iterable[Receiver]") -> list[Finding]:
    """Say what a receiver does otherwise than the plan wants it."""
    return [
        Finding(
            "send.archives_directly",
            f"The receiver {one.ae_title} archives directly: nothing waits in the prearchive",
            "It is set so on the site",
            ("Choose another receiver, or the route import, if sessions are to wait in the prearchive",),
            severity=Severity.ASK,
        )
        for one in receivers
        if one.is_direct_archive and plan.destination is Destination.PREARCHIVE
    ]


def _as_sent(session: PlannedSession, project: str, peer: Peer) -> "Iterable[LocalObject]":
    """Give one object a series, with the header that will be sent."""
    from xnat_wizard.troubleshoot.local_facts import LocalObject

    says = f"Project:{project} Subject:{session.subject_label} Session:{session.session_label}"
    is_named = peer.scheme is Scheme.NAMES
    for series in session.series:
        one = series.instances[0]
        yield LocalObject(
            path=one.path,
            size_bytes=one.size_bytes,
            sop_class_uid=one.sop_class_uid,
            sop_instance_uid=one.sop_instance_uid,
            transfer_syntax_uid=one.transfer_syntax_uid,
            instance_number=one.instance_number,
            study_instance_uid=series.study_instance_uid,
            series_key=series.key,
            series_instance_uid=series.series_instance_uid,
            series_number=series.series_number,
            series_description=series.series_description,
            modality=series.modality,
            study_date=series.study_date,
            study_time=series.study_time,
            study_description=project if is_named else series.study_description,
            accession_number=series.accession_number,
            patient_id=session.session_label if is_named else series.patient_id,
            patient_name=session.subject_label if is_named else series.patient_name,
            token="",
            patient_comments=says if peer.scheme is Scheme.COMMENTS else "",
            study_comments=says if peer.scheme is Scheme.STUDY_COMMENTS else "",
            patient_history=says if peer.scheme is Scheme.HISTORY else "",
        )


def _differences(said: "Forecast", session: PlannedSession, project: str) -> list[Finding]:
    found = []
    if said.unsimulated:
        found.append(
            Finding(
                "send.unsure",
                "The site has rules of its own that may file the images elsewhere",
                "; ".join(said.unsimulated),
                ("Read the receipt afterwards: it says where each session went",),
                severity=Severity.NOTE,
            )
        )
    there = said.project or "no project (Unassigned)"
    if said.project != project:
        found.append(
            Finding(
                "send.elsewhere",
                f"The site will file session `{session.session_label}` under {there}, not `{project}`",
                f"Decided by: {said.because}",
                ("Choose another receiver, or another way to identify", "Check the project's ID"),
                where=session.session_label,
                severity=Severity.ASK,
            )
        )
    labels = (said.subject, said.session)
    if labels != (session.subject_label, session.session_label):
        found.append(
            Finding(
                "send.other_labels",
                f"The site will call session `{session.session_label}` of `{session.subject_label}` otherwise",
                f"By its rules: session `{said.session}` of subject `{said.subject}`",
                ("Choose another receiver, or another way to identify",),
                where=session.session_label,
                severity=Severity.ASK,
            )
        )
    return found
