"""Causes on the way by HTTP: what broke off, was too large, waits somewhere, or was never sent.

Sources: missing data 2.6, NET-01 to NET-07, NET-12, NET-16, NET-17; 0.4 (how to read an answer).
"""

import re
from collections.abc import Iterator

from xnat_wizard.troubleshoot.case import Way
from xnat_wizard.troubleshoot.facts import Facts, Match, SentFate
from xnat_wizard.troubleshoot.model import Certainty, Diagnosis, Fate, NextStep, PlaceKind, Role, StepKind
from xnat_wizard.troubleshoot.patterns import pattern_of
from xnat_wizard.troubleshoot.registry import rule
from xnat_wizard.troubleshoot.rules.gaps import (
    arrived,
    best_place,
    by_hand,
    counted,
    covering,
    first_saying,
    is_cut_off,
    letter,
    may_be_it,
    messages,
    missing,
    nothing,
    offered,
    resend,
    some,
)

_ELSEWHERE = {301, 302, 307, 308}
_GATEWAY = {502, 503, 504}
_SECURE = re.compile(r"certificate|\b(SSL|TLS)|handshake", re.IGNORECASE)
_ALONE = "Concurrent file sends of the same data"


@rule("NET-01")
def nothing_was_sent(facts: Facts) -> Iterator[Diagnosis]:
    """There is no trace of an upload, here or at the site."""
    if facts.hits() or facts.rows is None or not facts.rows.is_known or facts.sent.uris:
        return
    if may_be_it(facts) or (facts.cache and facts.cache.value) or (facts.event and facts.event.value):
        return  # it came as far as the site
    acknowledged = sum(one.fate is SentFate.ACKNOWLEDGED for one in facts.sent.files)
    is_told = facts.sent.has_per_file_record and acknowledged == 0
    if facts.sent.is_known and not is_told:
        return
    if facts.sent.association_error or (messages(facts) and not is_told):
        return  # it was tried, and another rule says what happened
    is_closed = facts.unassigned is None or not facts.unassigned.is_known
    is_wrong = facts.project is not None and facts.project.match not in {Match.EXACT, Match.NONE_TYPED}
    is_unsearched = facts.by_uid is None or not facts.by_uid.is_known  # nothing but labels was compared
    may_be_astray = is_unsearched or (is_closed and (is_wrong or any(not one.project for one in facts.forecasts)))
    yield Diagnosis(
        "NET-01",
        Certainty.CONFIRMED if is_told else Certainty.POSSIBLE if may_be_astray else Certainty.LIKELY,
        "Nothing was sent, by the sender's own record." if is_told else "There is no trace that anything was sent.",
        f"The record ({facts.sent.origin}) has no file that the server took."
        if is_told
        else "No record of an upload is on this machine, and no place that this account may look at has the study.",
        evidence=(*facts.sent.evidence, *facts.evidence("Q7", "Q8", "Q15", "Q16")),
        covers=covering(missing(facts)),
        next_steps=(by_hand("Upload it with this program, unless you know that it was sent another way."),),
        prevent="Keep the receipt of an upload: it proves what was sent.",
    )


@rule("NET-02")
def the_line_gave_up_first(facts: Facts) -> Iterator[Diagnosis]:
    """A proxy or the client stopped waiting, and the site went on."""
    said = next((one for one in messages(facts) if one.status in _GATEWAY), None) or first_saying(
        facts, "504 gateway", "gateway time-out", "gateway timeout", "timed out", "time-out", "timeout"
    )
    if said is None:
        return
    hits = facts.hits()
    is_there = any(hit.has_identity for hit in hits)
    if not hits:
        certainty = Certainty.POSSIBLE
        says = "The upload ended with a time-out: the site may still be working on it."
    else:
        certainty = Certainty.CONFIRMED if is_there else Certainty.LIKELY
        says = "The line gave up waiting, and the site " + ("goes on working." if facts.moving else "went on.")
    yield Diagnosis(
        "NET-02",
        certainty,
        says,
        f"The answer {said.status or 'of the line'} came from a proxy or the line, not from XNAT, which does not "
        "stop for it.",
        where=hits[0].place.shown if hits else "",
        evidence=(*facts.sent.evidence, *facts.evidence("Q7", "Q8", "Q15", "Q26")),
        covers=covering(facts.local.of_study(hits[0].study_instance_uid)) if hits and facts.local else covering(()),
        next_steps=_after_the_time_out(facts),
        prevent="Send in smaller parts: this program does.",
    )


def _after_the_time_out(facts: Facts) -> tuple[NextStep, ...]:
    if facts.moving or not facts.hits():
        return (NextStep(StepKind.WAIT, "Wait some minutes, then search again; do not send it again meanwhile."),)
    return resend(facts, missing(facts)) or (nothing("Nothing has to be sent again."),)


@rule("NET-03")
def the_login_ran_out(facts: Facts) -> Iterator[Diagnosis]:
    """The login had expired while sending, or the search itself is a guest's."""
    is_guest = facts.who is not None and facts.who.is_known and facts.who.value.is_guest
    is_denied = facts.who is not None and facts.who.is_denied
    said = next((one for one in messages(facts) if one.status == 401), None)
    if not is_guest and not is_denied and said is None:
        return
    is_now = is_guest or is_denied
    yield Diagnosis(
        "NET-03",
        Certainty.CONFIRMED,
        "The login does not count any more: the results of this search are void."
        if is_now
        else "The login had run out while the files were sent.",
        "The site answers as to a guest." if is_guest else "The site answered 401: not logged in.",
        evidence=(*(facts.who.evidence if facts.who else ()), *facts.sent.evidence),
        covers=covering(()) if is_now else covering(missing(facts)),
        next_steps=(by_hand("Log in again, then search again."), *(() if is_now else resend(facts, missing(facts)))),
        prevent="Let the login be renewed while an upload runs: this program does.",
    )


@rule("NET-04")
def too_large_for_the_proxy(facts: Facts) -> Iterator[Diagnosis]:
    """A proxy in front of the site takes no request of this size."""
    said = next((one for one in messages(facts) if one.status == 413), None) or first_saying(
        facts, "request entity too large", "maximum upload size", "payload too large", "content too large"
    )
    if said is None:
        return
    yield Diagnosis(
        "NET-04",
        Certainty.CONFIRMED,
        "The request was too large for the server in front of XNAT.",
        "It takes requests up to a limit, and XNAT never saw this one.",
        evidence=facts.sent.evidence,
        covers=covering(missing(facts)),
        next_steps=(
            *resend(facts, missing(facts)),
            letter("Ask the people who run the server to raise the limit.", "T7"),
        ),
        prevent="Send in smaller parts: this program finds the size that passes.",
    )


@rule("NET-05")
def the_disk_was_full(facts: Facts) -> Iterator[Diagnosis]:
    """The site had no room for all of it."""
    said = first_saying(facts, "no space left", "disk full")
    hint = first_saying(facts, "out of resources", "a700")  # XNAT itself answers C000
    left = missing(facts)
    is_cut = said is None and not facts.moving and is_cut_off(facts) and _last_is_short(facts)
    if said is None and hint is None and not is_cut:
        return
    yield Diagnosis(
        "NET-05",
        Certainty.CONFIRMED if said else Certainty.LIKELY if is_cut else Certainty.POSSIBLE,
        "The site's disk was full while the files came." if said else "The site's disk may have been full.",
        f'It said: "{said.text[:120]}"'
        if said
        else "The end of what was sent is missing, and the last file there is shorter than here."
        if is_cut
        else "The receiver said that it was out of resources.",
        evidence=(*facts.sent.evidence, *facts.evidence("Q12", "Q19")),
        covers=covering(left),
        next_steps=(letter("Tell the administrator.", "T6"), *resend(facts, left)),
        prevent="It cannot be seen before; counting afterwards finds it: this program does.",
    )


def _last_is_short(facts: Facts) -> bool:
    last = max(arrived(facts), key=lambda one: one.order)
    stored = {file.sop_instance_uid: file for held in facts.contents.values() for file in held.files}
    found = stored.get(last.sop_instance_uid)
    return found is not None and 0 < found.size_bytes < last.size_bytes * 0.9


@rule("NET-06")
def a_redirect_or_certificate(facts: Facts) -> Iterator[Diagnosis]:
    """The address leads elsewhere, or the line is not trusted: a POST loses its body on the way."""
    said = next((one for one in messages(facts) if _SECURE.search(one.text) or one.status in _ELSEWHERE), None)
    if said is None:
        return
    yield Diagnosis(
        "NET-06",
        Certainty.CONFIRMED,
        "The line to the site failed on its certificate or on a redirect.",
        "A client that follows a redirect sends its request again without the files."
        if said.status in _ELSEWHERE
        else f"It said: {said.text[:120]}",
        evidence=facts.sent.evidence,
        covers=covering(missing(facts)),
        next_steps=(by_hand("Use the address with https, and the authority file of your site."),),
        prevent="Let the address be checked first: this program follows no redirect with files.",
    )


@rule("NET-07")
def cut_in_the_middle(facts: Facts) -> Iterator[Diagnosis]:
    """The archive or the request ended early: what stood behind the cut is missing."""
    archive = facts.local.zip if facts.local else None
    is_cut_here = archive is not None and archive.is_broken
    said = first_saying(facts, "unable to read data from file", "unexpected end", "connection reset", "broken pipe")
    left = missing(facts)
    is_through = bool({one.series_key for one in left} & {one.series_key for one in arrived(facts)})
    is_by_dicom = Way.C_STORE in {facts.case.way, facts.sent.way} or facts.sent.has_per_file_record
    is_tail = not facts.moving and is_cut_off(facts) and (said is not None or not is_by_dicom)
    if not is_cut_here and not is_tail:
        return
    if first_saying(facts, "unable to read dicom object"):
        return  # it stopped at a file, and was not cut
    yield Diagnosis(
        "NET-07",
        Certainty.CONFIRMED if is_cut_here else Certainty.LIKELY if said or is_through else Certainty.POSSIBLE,
        "The archive file on this machine is cut or damaged."
        if is_cut_here
        else "What was sent ended early."
        if said or is_through
        else "What was sent may have ended early.",
        archive.reason or "It ends before its list of contents."
        if is_cut_here and archive
        else "Exactly the end of what was sent is missing; XNAT reads a cut archive without a word.",
        evidence=(*(facts.local.evidence if facts.local else ()), *facts.sent.evidence),
        covers=covering(left),
        next_steps=resend(facts, left) or (by_hand("Make the archive anew, or upload the folder itself."),),
        prevent="Say how long a request is, and count afterwards: this program does both.",
    )


@rule("NET-12")
def single_files_failed(facts: Facts) -> Iterator[Diagnosis]:
    """Some files were refused or failed, and the sender went on with the next."""
    refused = [one for one in facts.sent.files if one.fate is SentFate.REFUSED and "context" not in one.status]
    paths = {line.path for line in facts.ledger.of(Fate.REFUSED)}
    uids = {one.sop_instance_uid for one in refused} - {""}
    left = tuple(one for one in missing(facts) if one.path in paths or one.sop_instance_uid in uids)
    if not refused or not left:
        yield from _gaps_here_and_there(facts)
        return
    statuses = some(sorted({one.status or "an error" for one in refused}))
    yield Diagnosis(
        "NET-12",
        Certainty.CONFIRMED,
        f"{counted(len(left), 'file')} failed while the others were sent.",
        f"The sender's record has the status {statuses} for {'it' if len(left) == 1 else 'them'}.",
        where=hit.place.shown if (hit := best_place(facts)) else "",
        evidence=facts.sent.evidence,
        covers=covering(left),
        next_steps=(*resend(facts, left), letter("If they fail again, tell the administrator.", "T6")),
        prevent="Look at each file's status: this program does, and tries again.",
    )


def _gaps_here_and_there(facts: Facts) -> Iterator[Diagnosis]:
    """Say what single missing images point to where no record tells of single files."""
    gaps = set(pattern.paths) if (pattern := pattern_of(facts)).is_scattered else set()
    left = tuple(one for one in offered(facts) if one.path in gaps)
    if facts.moving or not left:
        return
    yield Diagnosis(
        "NET-12",
        Certainty.LIKELY,
        f"{counted(len(left), 'file')} {'is' if len(left) == 1 else 'are'} missing here and there inside of series.",
        "Whole series are not missing, nor the end of what was sent: single files failed on the way, without a word.",
        where=hit.place.shown if (hit := best_place(facts)) else "",
        evidence=(*facts.sent.evidence, *facts.evidence("Q12", "Q19")),
        covers=covering(left),
        next_steps=(*resend(facts, left), letter("If they fail again, tell the administrator.", "T6")),
        prevent="Look at each file's status: this program does, and tries again.",
    )


@rule("NET-16")
def two_senders_at_once(facts: Facts) -> Iterator[Diagnosis]:
    """Two programs sent the same images at the same time."""
    if first_saying(facts, _ALONE) is None:
        return
    left = missing(facts)
    yield Diagnosis(
        "NET-16",
        Certainty.CONFIRMED,
        "Two senders sent the same images at once, and the site refused one of them.",
        "XNAT lets one file be written by one sender only; usually the other one has stored it.",
        where=hit.place.shown if (hit := best_place(facts)) else "",
        evidence=facts.sent.evidence,
        covers=covering(left),
        next_steps=resend(facts, left) or (nothing("Nothing, as far as is known: no file is missing."),),
        prevent="Let one program send a study, and wait before a file is tried again.",
    )


@rule("NET-17")
def a_restart_in_the_middle(facts: Facts) -> Iterator[Diagnosis]:
    """The site was restarted while it worked."""
    said = next((one for one in messages(facts) if one.status in {502, 503}), None)
    stuck = [
        hit
        for hit in facts.hits("", PlaceKind.PREARCHIVE, PlaceKind.UNASSIGNED)
        if hit.place.row is not None and hit.place.row.is_locked and hit.place.uri not in facts.moving
    ]
    if said is None or not stuck:
        return
    yield Diagnosis(
        "NET-17",
        Certainty.CONFIRMED if facts.role is Role.ADMIN else Certainty.LIKELY,
        f"The site was restarted in the middle: {stuck[0].place.label} stands at {stuck[0].place.status} since.",
        f"It answered {said.status} while the files came, and the work that it had begun was lost.",
        where=stuck[0].place.shown,
        evidence=(*facts.sent.evidence, *facts.evidence("Q7", "Q8")),
        next_steps=(
            NextStep(StepKind.CONFIRM, "Rebuild it.", "F7", Role.MEMBER, target=stuck[0].place.uri),
            letter("Or ask the administrator.", "T3"),
        ),
        prevent="Resume by what the site has: this program does.",
    )
