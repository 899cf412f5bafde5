"""Fills the letters: which ones a report asks for, and with what the facts know (missing data 2.3).

Nothing that may name a patient leaves without the person's word: see `letters`.
"""

import socket
from collections import Counter
from collections.abc import Callable

from xnat_wizard.troubleshoot import letters
from xnat_wizard.troubleshoot.facts import Facts, Place
from xnat_wizard.troubleshoot.letters import Letter, LetterFacts, SeriesLoss
from xnat_wizard.troubleshoot.model import Diagnosis, Fate, Report, Role
from xnat_wizard.troubleshoot.rules.gaps import missing

_ASKED = ("Q4", "Q7", "Q8", "Q9", "Q10", "Q15", "Q16", "Q28")  # the places that were looked at
_MOST_ASKED = 8


def letters_for(facts: Facts, report: Report, *, with_labels: bool = False) -> tuple[Letter, ...]:
    """Write one letter for each template that the diagnoses ask for, about the surest one.

    Args:
        facts: of the search.
        report: of the same search.
        with_labels: labels and header texts may go out.
    """
    known = letter_facts(facts, with_labels=with_labels)
    written: dict[str, Letter] = {}
    for diagnosis in report.diagnoses:
        for step in diagnosis.next_steps:
            if step.template and step.template not in written and step.template in _WRITE:
                written[step.template] = _WRITE[step.template](facts, diagnosis, known)
    return tuple(written[name] for name in sorted(written))


def letter_facts(facts: Facts, *, with_labels: bool = False) -> LetterFacts:
    """Return what every letter begins with."""
    objects = facts.local.objects if facts.local else ()
    site = facts.site.value if facts.site else None
    sent = facts.sent
    private = {text for one in objects for text in (one.patient_name, one.patient_id, one.study_description) if text}
    if facts.local and facts.local.survey:
        private |= set(facts.local.survey.subject_folders)
    for place in (one.place for one in facts.candidates):  # labels are made of names and numbers of patients
        private |= {place.label, place.subject, place.row.folder if place.row else ""} - {""}
    return LetterFacts(
        site_url=site.url if site else sent.site_url,
        now=facts.now,
        version=site.version if site else "",
        account=facts.who.value.username if facts.who else "",
        way=str(sent.way) if sent.is_known else str(facts.case.way),
        sent_at=sent.started or (facts.case.window.as_text() if facts.case.window else ""),
        host=socket.gethostname(),
        sender=facts.case.calling_ae,
        project=(facts.project.id or facts.project.typed) if facts.project else facts.case.project,
        study_instance_uids=facts.studies,
        series_count=len({one.series_key for one in objects}) if objects else None,
        object_count=len(objects) if objects else None,
        subject_label=facts.case.subject or sent.subject,
        session_label=facts.case.session or sent.session,
        private=tuple(sorted(private)),
        checked=tuple(one for one in facts.asked if one.query in _ASKED)[:_MOST_ASKED],
        with_labels=with_labels,
    )


def _place(facts: Facts, diagnosis: Diagnosis) -> tuple[letters.Place, Place | None]:
    """Return the place that a diagnosis is about, as far as it is known."""
    hit = next((one.place for one in facts.candidates if one.place.shown == diagnosis.where), None)
    row = hit.row if hit else None
    if row is not None:
        return letters.Place(row.project, row.timestamp, row.folder), hit
    parts = diagnosis.where.removeprefix("/data/").replace("prearchive/projects/", "prearchive/").split("/")
    if len(parts) >= 4 and parts[0] == "prearchive":
        return letters.Place(parts[1], parts[2], parts[3]), hit
    return letters.Place(facts.project.id if facts.project else facts.case.project, "", ""), hit


def _unassigned(facts: Facts, _: Diagnosis, known: LetterFacts) -> Letter:
    texts = [text for forecast in facts.forecasts for _, text in forecast.candidates if text]
    return letters.unassigned(known, received=facts.sent.ended or known.sent_at, header_text=next(iter(texts), ""))


def _other_project(facts: Facts, _: Diagnosis, known: LetterFacts) -> Letter:
    texts = [text for forecast in facts.forecasts for _, text in forecast.candidates if text]
    return letters.other_project(known, header_text=", ".join(dict.fromkeys(texts)))


def _stuck(facts: Facts, diagnosis: Diagnosis, known: LetterFacts) -> Letter:
    place, hit = _place(facts, diagnosis)
    row = hit.row if hit else None
    status = row.status if row else (hit.status if hit and hit.status else "an unknown status")
    return letters.stuck(known, place, status=status, last_modified=row.last_modified if row else "an unknown time")


def _rights(facts: Facts, diagnosis: Diagnosis, known: LetterFacts) -> Letter:
    is_quarantined = diagnosis.cause_id == "ROU-16"
    role = facts.role.words if facts.role is not Role.GUEST else ""
    return letters.rights(known, experiment=diagnosis.where, role=role, is_quarantined=is_quarantined)


def _conflict(facts: Facts, diagnosis: Diagnosis, known: LetterFacts) -> Letter:
    place, hit = _place(facts, diagnosis)
    listed = facts.in_projects.get(place.project)
    label = hit.label if hit else ""
    existing = next((one for one in (listed.value if listed else ()) if one.label == label), None)
    contents = facts.contents.get(hit.uri) if hit else None
    verdicts = contents.dry_run.value if contents and contents.dry_run else ()
    message = "; ".join(f"{one.code} {one.message}" for one in verdicts) or diagnosis.says
    is_same = None
    if existing is not None and existing.study_instance_uid and hit and hit.study_instance_uid:
        is_same = existing.study_instance_uid == hit.study_instance_uid
    about = (
        f"{existing.id}, archived {existing.insert_date[:16]} by {existing.insert_user or 'somebody'}"
        if existing
        else "not known to me"
    )
    proposal = next((step.text for step in diagnosis.next_steps if step.action), "")
    return letters.conflict(
        known, place, message=message, existing=about, is_same_study=is_same, proposal=proposal.rstrip(".")
    )


def _dropped(facts: Facts, _: Diagnosis, known: LetterFacts) -> Letter:
    gone = missing(facts)
    counts = Counter((one.series_number, one.series_description, one.sop_class_uid) for one in gone)
    losses = [SeriesLoss(number, text, sop_class, count) for (number, text, sop_class), count in counts.items()]
    taken = facts.ledger.count(Fate.ARRIVED, Fate.ABSENT, Fate.DROPPED)
    is_read = facts.policies is not None and facts.policies.filters.is_known
    explained = bool(facts.drops) if is_read else None
    return letters.dropped(known, losses, acknowledged=taken, is_explained=explained, around=facts.sent.started)


def _network(facts: Facts, diagnosis: Diagnosis, known: LetterFacts) -> Letter:
    host, port, _ = facts.case.receiver or ("", 0, "")
    to = f"{host}:{port}" if host else known.site_url
    happened = (
        [diagnosis.says, diagnosis.why, *(facts.network.evidence[0].as_text(),)]
        if (facts.network and facts.network.evidence)
        else [diagnosis.says, diagnosis.why]
    )
    wish = next((step.text for step in diagnosis.next_steps if step.template == "T7"), "Please open the way.")
    return letters.network(known, to=to, happened=happened, wish=wish)


def _deleted(facts: Facts, diagnosis: Diagnosis, known: LetterFacts) -> Letter:
    return letters.deleted(known, experiment=diagnosis.where, existed_on=facts.sent.ended or facts.sent.started)


_WRITE: dict[str, Callable[[Facts, Diagnosis, LetterFacts], Letter]] = {
    "T1": _unassigned,
    "T2": _other_project,
    "T3": _stuck,
    "T4": _rights,
    "T5": _conflict,
    "T6": _dropped,
    "T7": _network,
    "T8": _deleted,
}
