"""Where a site will file what is sent to a receiver: its rules, applied to the headers as they will be sent."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from xnat_wizard.findings import Finding, Severity

if TYPE_CHECKING:
    from xnat_wizard.troubleshoot.facts import Forecast
    from xnat_wizard.troubleshoot.local_facts import LocalObject
    from xnat_wizard.upload.cstore.peer import Peer
    from xnat_wizard.upload.model import Plan, PlannedSession
    from xnat_wizard.xnat.inquiries.values import Receiver
    from xnat_wizard.xnat.site import Site


@dataclass(frozen=True, slots=True)
class Offered:
    """The receivers of a site, as far as it shows them."""

    receivers: "tuple[Receiver, ...]"
    why_not: str = ""

    @property
    def on(self) -> "tuple[Receiver, ...]":
        """Return those that are switched on."""
        return tuple(one for one in self.receivers if one.is_enabled)


async def offered(site: "Site") -> Offered:
    """Ask a site for its receivers."""
    from xnat_wizard.xnat.inquiry import Inquiry

    told = await Inquiry(site).receivers()
    return Offered(told.value, "" if told.is_known else "the site does not show its receivers to this account")


def words_of(one: "Receiver") -> str:
    """Describe a receiver in one line."""
    marks = [
        "on" if one.is_enabled else "off",
        *(["takes listed senders only"] if one.has_whitelist else []),
        *(["has routing rules of its own"] if one.has_routing else []),
        *(["archives directly"] if one.is_direct_archive else []),
        *([] if one.is_anonymizing else ["does not anonymize"]),
    ]
    return f"{one.ae_title}  port {one.port}  {', '.join(marks)}"


async def forecast(site: "Site", plan: "Plan", peer: "Peer") -> tuple[Finding, ...]:
    """Say which sessions the site will file elsewhere than the plan says, by the rules that can be read."""
    from xnat_wizard.troubleshoot.case import Case, Way
    from xnat_wizard.troubleshoot.facts import Facts, Match, Policies, ProjectFacts
    from xnat_wizard.troubleshoot.forecast import forecast as predict
    from xnat_wizard.troubleshoot.local_facts import Local
    from xnat_wizard.xnat.inquiry import Inquiry
    from xnat_wizard.xnat.told import Standing, Told

    inquiry = Inquiry(site)
    visible = await inquiry.project_names()
    policies = Policies(
        Told((), Standing.ANSWERED),
        Told((), Standing.ANSWERED),
        await inquiry.routing_rules(),
        await inquiry.receivers(),
        Told((), Standing.ANSWERED),
    )
    facts = Facts(
        Case(way=Way.C_STORE, receiver=(peer.host, peer.port, peer.ae_title)),
        datetime.now().astimezone(),
        who=await inquiry.who_am_i(),
        project=ProjectFacts(plan.project, Match.EXACT, plan.project, visible=visible.value),
        policies=policies,
    )
    findings: list[Finding] = []
    for session in plan.included:
        local = Local(None, tuple(_as_sent(session, plan.project, peer)))
        for said in predict(replace(facts, local=local)):
            findings += _differences(said, session, plan.project)
    return tuple(dict.fromkeys(findings))


def _as_sent(session: "PlannedSession", project: str, peer: "Peer") -> "Iterable[LocalObject]":
    """Give one object a series, with the header that will be sent."""
    from xnat_wizard.troubleshoot.local_facts import LocalObject
    from xnat_wizard.upload.cstore.peer import Scheme

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


def _differences(said: "Forecast", session: "PlannedSession", project: str) -> list[Finding]:
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
                ("Choose another receiver or another way to identify, with --identify", "Check the project's ID"),
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
                ("Choose another receiver or another way to identify, with --identify",),
                where=session.session_label,
                severity=Severity.ASK,
            )
        )
    return found
