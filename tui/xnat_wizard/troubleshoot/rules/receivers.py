"""Causes on the way by DICOM: the receiver, its address, and what it takes.

Sources: missing data 2.6, NET-08 to NET-11, NET-13; PS3.8 9.3 (reasons of rejection).
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from xnat_wizard.dicom.remarks import syntax_name
from xnat_wizard.troubleshoot.case import Way
from xnat_wizard.troubleshoot.facts import Facts, SentFate
from xnat_wizard.troubleshoot.model import Certainty, Diagnosis, Fate
from xnat_wizard.troubleshoot.registry import rule
from xnat_wizard.troubleshoot.rules.gaps import (
    arrived,
    by_hand,
    counted,
    covering,
    is_whole,
    letter,
    missing,
    offered,
    resend,
    some,
)
from xnat_wizard.xnat.inquiries.values import Receiver


def _is_c_store(facts: Facts) -> bool:
    return Way.C_STORE in {facts.case.way, facts.sent.way}


def _receivers(facts: Facts) -> tuple[Receiver, ...] | None:
    policies = facts.policies
    return policies.receivers.value if policies is not None and policies.receivers.is_known else None


def _used(facts: Facts) -> Receiver | None:
    """Return the receiver that was called, where it is one of the site's."""
    if facts.case.receiver is None:
        return None
    _, port, title = facts.case.receiver
    return next(
        (one for one in _receivers(facts) or () if one.port == port and title in {"", one.ae_title}),
        None,
    )


@rule("NET-08")
def another_receiver(facts: Facts) -> Iterator[Diagnosis]:
    """The images went to a host, port or AE title that is none of this site's receivers."""
    receivers = _receivers(facts)
    if facts.case.receiver is None or receivers is None or not _is_c_store(facts) or arrived(facts):
        return
    host, port, title = facts.case.receiver
    site = urlsplit(facts.site.value.url).hostname if facts.site else None
    is_other_host = bool(site) and host.casefold() != site
    is_listed = _used(facts) is not None
    if is_listed and not is_other_host:
        return
    known = some([f"{one.ae_title}:{one.port}" for one in receivers if one.is_enabled]) or "none"
    yield Diagnosis(
        "NET-08",
        Certainty.POSSIBLE if is_listed else Certainty.CONFIRMED,
        f"{host} may be another machine than this site's, {site}."
        if is_listed
        else f"{title or 'The called AE title'} at {host}:{port} is no receiver of this site.",
        f"Its receivers are: {known}. The images {'may have gone' if is_listed else 'went'} to another system, which "
        "may have kept them.",
        evidence=(*facts.evidence("Q24"), *facts.sent.evidence),
        covers=covering(missing(facts)),
        next_steps=(
            by_hand("Find out what runs there, and ask for the images to be removed if it was the wrong place."),
            *resend(facts, missing(facts)),
            letter("Ask which receiver is the right one.", "T7"),
        ),
        prevent="Choose the receiver from the site's list: this program offers it.",
    )


@rule("NET-09")
def association_rejected(facts: Facts) -> Iterator[Diagnosis]:
    """The receiver did not want to talk to this caller."""
    told = facts.sent.association_error
    now = facts.network.association if facts.network else ""
    text = next((one for one in (told, now) if "reject" in one.lower()), "")
    used = _used(facts)
    is_unlisted = (
        used is not None
        and used.has_whitelist
        and bool(facts.case.calling_ae)
        and not any(entry.split("@")[0].split(":")[0] == facts.case.calling_ae for entry in used.whitelist)
    )
    if (not text and not is_unlisted) or is_whole(facts):
        return
    yield Diagnosis(
        "NET-09",
        Certainty.CONFIRMED if text else Certainty.LIKELY,
        f"The receiver rejected the association: {text.rstrip('.')}."
        if text
        else "The receiver takes chosen callers only.",
        f"Its list of callers does not have {facts.case.calling_ae}."
        if is_unlisted
        else "It does not know this caller, or the name it was called by, or it has no association free.",
        evidence=(*facts.sent.evidence, *facts.evidence("Q24"), *(facts.network.evidence if facts.network else ())),
        covers=covering(missing(facts)),
        next_steps=(letter("Ask for this AE title and address to be let in.", "T7"), *resend(facts, missing(facts))),
        prevent="Try a C-ECHO with the same two AE titles first: the connection check does.",
    )


@rule("NET-10")
def port_is_closed_on_the_way(facts: Facts) -> Iterator[Diagnosis]:
    """The site's web page answers, and its DICOM port does not."""
    network = facts.network
    if network is None or network.dicom_connects is not False or network.web_connects is False or is_whole(facts):
        return
    yield Diagnosis(
        "NET-10",
        Certainty.CONFIRMED,
        f"The receiver's port cannot be reached from here ({network.dicom_error or 'no answer'}).",
        "The web page of the same site answers: a firewall, VPN or address translation lies between.",
        evidence=network.evidence,
        covers=covering(missing(facts)),
        next_steps=(letter("Ask for the port to be opened from here.", "T7"), *resend(facts, missing(facts))),
        prevent="Upload over HTTPS: it needs the web port only.",
    )


@rule("NET-11")
def class_or_syntax_refused(facts: Facts) -> Iterator[Diagnosis]:
    """The receiver does not take objects of a class or transfer syntax."""
    if not _is_c_store(facts) and not facts.sent.rejected_contexts:
        return
    left = missing(facts)
    refused = set(facts.sent.rejected_contexts)
    by_log = {one.path for one in facts.ledger.of(Fate.REFUSED)}
    told_uids = {
        it.sop_instance_uid for it in facts.sent.files if it.fate is SentFate.REFUSED and "context" in it.status
    }
    told_names = {it.path.replace("\\", "/").rpartition("/")[2] for it in facts.sent.files if "context" in it.status}
    told = tuple(
        one
        for one in left
        if _is_refused(one.sop_class_uid, one.transfer_syntax_uid, refused)
        or (one.sop_instance_uid in told_uids and bool(one.sop_instance_uid))
        or (one.path in by_log and one.base_name in told_names)
    )
    silent = offered(facts) if not told and not facts.moving else ()
    kinds = {(one.sop_class_uid, one.transfer_syntax_uid) for one in silent}
    here = {(one.sop_class_uid, one.transfer_syntax_uid) for one in arrived(facts)}
    is_exact = bool(here) and not kinds & here and len({one for one, _ in kinds}) == 1
    if not told and not is_exact:
        return
    gone = told or silent
    classes = some(sorted({one.sop_class_uid for one in gone}))
    syntaxes = some(sorted({syntax_name(one.transfer_syntax_uid) for one in gone}))
    yield Diagnosis(
        "NET-11",
        Certainty.CONFIRMED if told else Certainty.LIKELY,
        f"The receiver refused {counted(len(gone), 'object')} of class {classes}.",
        f"It takes a list of classes and transfer syntaxes ({syntaxes} was offered); the sender's record says so."
        if told
        else "Exactly the objects of this class and transfer syntax are missing.",
        evidence=(*facts.sent.evidence, *(facts.network.evidence if facts.network else ())),
        covers=covering(gone),
        next_steps=(*resend(facts, gone), letter("Or ask for the class to be taken.", "T6")),
        prevent="Upload over HTTPS: it has no such list.",
    )


def _is_refused(sop_class_uid: str, syntax: str, refused: set[tuple[str, str]]) -> bool:
    return (sop_class_uid, syntax) in refused or (sop_class_uid, "") in refused


@rule("NET-13")
def receiver_is_off(facts: Facts) -> Iterator[Diagnosis]:
    """The site's receivers are switched off."""
    settings = facts.site.value.settings if facts.site else {}
    is_off = settings.get("enableDicomReceiver", "").lower() == "false"
    used = _used(facts)
    is_used_off = used is not None and not used.is_enabled
    is_silent = (
        facts.network is not None and facts.network.dicom_error == "refused" and facts.network.web_connects is True
    )
    if not _is_c_store(facts) or not (is_off or is_used_off or is_silent) or is_whole(facts):
        return
    yield Diagnosis(
        "NET-13",
        Certainty.CONFIRMED if is_off or is_used_off else Certainty.LIKELY,
        "The receiver is switched off." if is_off or is_used_off else "Nothing listens on the receiver's port.",
        "The site's settings say so." if is_off or is_used_off else "The host answers, and refuses the connection.",
        evidence=(*facts.evidence("Q3", "Q24"), *(facts.network.evidence if facts.network else ())),
        covers=covering(missing(facts)),
        next_steps=(letter("Ask for the receiver to be switched on.", "T7"), *resend(facts, missing(facts))),
        prevent="Try a C-ECHO first: the connection check does.",
    )
