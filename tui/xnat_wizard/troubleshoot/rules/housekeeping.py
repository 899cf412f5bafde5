"""Causes in the keeping of a site: sessions that wait for ever, failed, were moved or removed.

Sources: missing data 2.10, HSK-04 to HSK-12; 3.3 (after how long a state is stuck).
"""

from collections.abc import Iterator
from datetime import timedelta

from xnat_wizard.troubleshoot.facts import Candidate, Facts
from xnat_wizard.troubleshoot.model import Certainty, Diagnosis, Fate, NextStep, PlaceKind, Role, Standing, StepKind
from xnat_wizard.troubleshoot.registry import rule
from xnat_wizard.troubleshoot.rules.gaps import (
    best_place,
    counted,
    covering,
    in_words,
    letter,
    missing,
    resend,
    some,
    surer_for_admins,
)
from xnat_wizard.troubleshoot.times import row_age_s, site_time
from xnat_wizard.xnat.inquiries.values import Row, SiteFacts

_STUCK_S = 1800.0  # QUEUED_, BUILDING, MOVING, ...
_SOON = timedelta(minutes=15)  # after archiving: later files make a session of their own (MRG-08)


def _site(facts: Facts) -> SiteFacts:
    return facts.site.value if facts.site else SiteFacts("", "")


def _waiting(facts: Facts) -> Iterator[tuple[Candidate, Row, float]]:
    """Yield every session in the prearchive that may hold the study, its row, and how long it has not changed."""
    for hit in facts.hits("", PlaceKind.PREARCHIVE, PlaceKind.UNASSIGNED):
        row = hit.place.row
        idle = row_age_s(row, facts) if row else None
        if row is not None and idle is not None and hit.place.uri not in facts.moving:
            yield hit, row, idle


@rule("HSK-04")
def never_committed(facts: Facts) -> Iterator[Diagnosis]:
    """The sender ended before it said that all had come: the site waits for ever."""
    for hit, row, idle in _waiting(facts):
        is_waiting = row.prevent_auto_commit.lower() == "true" or row.source == "uploader"
        left = tuple(one for one in missing(facts) if one.study_instance_uid == hit.study_instance_uid)
        is_receiving = row.plain_status.startswith("RECEIVING")
        if not is_waiting or idle < _site(facts).build_s or not (is_receiving or (row.status == "READY" and left)):
            continue
        build = NextStep(
            StepKind.ONE_CLICK, "Let the site build it: then it can be compared.", "F1", Role.MEMBER, target=row.uri
        )
        commit = NextStep(StepKind.CONFIRM, "Then let the site finish it.", "F2", Role.MEMBER, target=row.uri)
        yield Diagnosis(
            "HSK-04",
            Certainty.CONFIRMED,
            f"The session {row.label} has been waiting for its sender for {in_words(idle)}.",
            "The sender told XNAT not to finish it by itself, and ended without saying that all had come.",
            where=hit.place.shown,
            evidence=facts.evidence("Q7", "Q8"),
            covers=covering(left),
            next_steps=(build,) if is_receiving else (*resend(facts, left), commit),
            prevent="Send with a program that finishes its sessions even after a crash: this one does.",
        )


@rule("HSK-05")
def held_by_a_lock(facts: Facts) -> Iterator[Diagnosis]:
    """The session should have been built by itself long ago."""
    for hit, row, idle in _waiting(facts):
        is_waiting = row.prevent_auto_commit.lower() == "true" or row.source == "uploader"
        if is_waiting or not row.plain_status.startswith("RECEIVING") or idle < _site(facts).build_s:
            continue
        is_sure = idle >= 10 * _site(facts).interval_s
        yield Diagnosis(
            "HSK-05",
            Certainty.LIKELY if is_sure else Certainty.POSSIBLE,
            f"The session {row.label} still counts as arriving, though nothing came for {in_words(idle)}.",
            "XNAT should have built it by itself; a lock of an unfinished write may hold it back.",
            where=hit.place.shown,
            evidence=facts.evidence("Q7", "Q8"),
            next_steps=(
                NextStep(
                    StepKind.CONFIRM, "Rebuild it, and let the lock be ignored.", "F7", Role.MEMBER, target=row.uri
                )
                if is_sure
                else NextStep(StepKind.ONE_CLICK, "Let the site build it.", "F1", Role.MEMBER, target=row.uri),
                letter("Ask the administrator to look at the lock.", "T3"),
            ),
            prevent="Nothing can be done before: it happens at the site.",
        )


@rule("HSK-06")
def stuck_at_work(facts: Facts) -> Iterator[Diagnosis]:
    """A session that the site works on, and that does not change any more."""
    for hit, row, idle in _waiting(facts):
        is_archiving = row.plain_status == "ARCHIVING"
        limit = _site(facts).archive_s if is_archiving else _STUCK_S
        is_at_work = row.is_locked or row.status in {"BUILDING", "ARCHIVING", "MOVING", "SEPARATING", "DELETING"}
        if not is_at_work or idle < limit or facts.hits(hit.study_instance_uid, PlaceKind.ARCHIVE):
            continue
        yield Diagnosis(
            "HSK-06",
            surer_for_admins(facts),
            f"The session {row.label} stands at {row.status} for {in_words(idle)}, and nothing moves.",
            "The work that the site had begun was lost, perhaps in a restart.",
            where=hit.place.shown,
            evidence=facts.evidence("Q7", "Q8"),
            next_steps=(
                NextStep(StepKind.CONFIRM, "Reset its status.", "F8", Role.MEMBER, target=row.uri),
                NextStep(StepKind.CONFIRM, "Then rebuild it.", "F7", Role.MEMBER, target=row.uri),
                letter("Or ask the administrator to look at the queue.", "T3"),
            ),
            prevent="Nothing can be done before: it happens at the site.",
        )


@rule("HSK-07")
def failed_to_build(facts: Facts) -> Iterator[Diagnosis]:
    """The site could not make a session of the files."""
    for hit, row, _ in _waiting(facts):
        contents = facts.contents_of(hit.place)
        if row.status != "ERROR" or contents is None or contents.has_document is not False:
            continue
        yield Diagnosis(
            "HSK-07",
            surer_for_admins(facts),
            f"The session {row.label} has status ERROR: the site could not build it.",
            f"Its log says: {contents.log.strip().splitlines()[-1]}" if contents.log.strip() else "It says no reason.",
            where=hit.place.shown,
            evidence=contents.evidence,
            next_steps=(
                NextStep(StepKind.ONE_CLICK, "Let the site build it once more.", "F1", Role.MEMBER, target=row.uri),
                letter("If it fails again, ask the administrator.", "T3"),
            ),
            prevent="Look at the findings of the folder before an upload.",
        )


@rule("HSK-08")
def failed_to_archive(facts: Facts) -> Iterator[Diagnosis]:
    """The session was built, and archiving it failed; its log says why."""
    for hit, row, _ in _waiting(facts):
        contents = facts.contents_of(hit.place)
        if row.status != "ERROR" or contents is None or contents.has_document is not True:
            continue
        text = contents.log.strip().splitlines()[-1] if contents.log.strip() else ""
        yield Diagnosis(
            "HSK-08",
            Certainty.CONFIRMED if text else Certainty.LIKELY,
            f"The session {row.label} has status ERROR: it was built, and could not be archived.",
            f"Its log says: {text}" if text else "Its log says nothing.",
            where=hit.place.shown,
            evidence=contents.evidence,
            next_steps=(letter("Ask the administrator; the letter has the words of the log.", "T3"),),
            prevent="Let the site check a session before it is archived: this program does.",
        )


@rule("HSK-09")
def list_and_disk_disagree(facts: Facts) -> Iterator[Diagnosis]:
    """The list has a session that cannot be opened, though the account may."""
    for hit, row, _ in _waiting(facts):
        contents = facts.contents_of(hit.place)
        is_lost = contents is not None and contents.standing in {Standing.ABSENT, Standing.FAILED}
        if contents is None or not is_lost or row.status not in {"READY", "CONFLICT"}:
            continue
        yield Diagnosis(
            "HSK-09",
            surer_for_admins(facts),
            f"The prearchive lists {row.label}, and its files cannot be found.",
            "The list and the disk of the site seem to disagree.",
            where=hit.place.shown,
            evidence=contents.evidence,
            next_steps=(letter("Ask the administrator to look at the folder, or to let the site read it anew.", "T3"),),
            prevent="Nothing can be done before: it happens at the site.",
        )


@rule("HSK-10")
def stale_catalogue(facts: Facts) -> Iterator[Diagnosis]:
    """The site lists a file that it cannot hand out."""
    for hit in facts.hits():
        contents = facts.contents_of(hit.place)
        if contents is None or not contents.unreadable:
            continue
        yield Diagnosis(
            "HSK-10",
            Certainty.CONFIRMED,
            f"The site lists files that it cannot hand out: {len(contents.unreadable)} of {contents.sampled} tried.",
            "Its catalogue does not fit what is on its disk.",
            where=some(uri.rpartition("/")[2] for uri in contents.unreadable),
            evidence=contents.evidence,
            next_steps=(
                NextStep(
                    StepKind.CONFIRM,
                    "Let the site read its catalogue anew.",
                    "F10",
                    Role.MEMBER,
                    target=hit.place.uri,
                ),
            ),
            prevent="Nothing can be done before: it happens at the site.",
        )


@rule("HSK-11")
def files_without_a_scan(facts: Facts) -> Iterator[Diagnosis]:
    """A whole series with an odd header is missing from a session that was built."""
    if facts.local is None:
        return
    gone = {line.path for line in facts.ledger.of(Fate.ABSENT)} if not facts.moving else set()
    for series in facts.local.by_series().values():
        first = series[0]
        hit = best_place(facts, first.study_instance_uid)
        contents = facts.contents_of(hit.place) if hit else None
        if hit is None or contents is None or not contents.scans or not all(one.path in gone for one in series):
            continue
        is_odd = not first.modality or not first.sop_class_uid.startswith("1.2.840.10008.")
        if not is_odd:
            continue
        yield Diagnosis(
            "HSK-11",
            Certainty.POSSIBLE,
            f"Series {first.series_number} {first.series_description} was taken, and is no scan of the session.",
            "It has no modality." if not first.modality else "It is of a private class that the site may not know.",
            where=hit.place.shown,
            evidence=contents.evidence,
            covers=covering(series),
            next_steps=(letter("Ask the administrator to look into the folder and the log.", "T6"),),
            prevent="Look at the findings of the folder before an upload.",
        )


@rule("HSK-12")
def too_late_for_the_archive(facts: Facts) -> Iterator[Diagnosis]:
    """The last files came while the session was being archived, and went with the prearchive's folder."""
    gone = tuple(one for one in missing(facts) if one.path in {line.path for line in facts.ledger.of(Fate.ABSENT)})
    hit = next(iter(facts.hits("", PlaceKind.ARCHIVE)), None)
    one = hit.place.experiment if hit else None
    archived = site_time(one.insert_date, facts) if one else None
    if facts.local is None or hit is None or archived is None or not gone:
        return
    sent_at = {file.sop_instance_uid: site_time(file.at, facts) for file in facts.sent.files if file.at}
    late = [when for one in gone if (when := sent_at.get(one.sop_instance_uid)) is not None]
    is_tail = min(one.order for one in gone) > max(
        (one.order for one in facts.local.objects if one not in gone), default=-1
    )
    if len(late) != len(gone) or not is_tail or facts.moving:
        return
    if not timedelta(0) <= min(late) - archived <= _SOON:
        return
    yield Diagnosis(
        "HSK-12",
        Certainty.LIKELY,
        f"The last {counted(len(gone), 'file')} came after the session had been archived at {archived:%H:%M}.",
        "XNAT takes files for a session that it is archiving, and removes them with the folder.",
        where=hit.place.shown,
        evidence=(*facts.sent.evidence, *facts.evidence("Q15")),
        covers=covering(gone),
        next_steps=resend(facts, gone),
        prevent="Finish a session only when all was sent: this program does.",
    )
