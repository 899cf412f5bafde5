"""What a search comes to: diagnoses in their order, and one verdict with the numbers (D11)."""

from collections.abc import Iterable

from xnat_wizard.troubleshoot.blind_spots import blind_spots
from xnat_wizard.troubleshoot.catalogue import BY_ID
from xnat_wizard.troubleshoot.facts import Crash, Facts, Match, Place
from xnat_wizard.troubleshoot.model import (
    Certainty,
    Covers,
    Diagnosis,
    Fate,
    Ledger,
    NextStep,
    PlaceKind,
    Proof,
    Report,
    StepKind,
    Verdict,
)
from xnat_wizard.troubleshoot.rules.gaps import may_be_it
from xnat_wizard.troubleshoot.rules.homeward import UNASSIGNED

ALL_THERE = "DOC-00"
CHECK_FAILED = "DOC-01"
MAY_BE_IT = "DOC-02"
_WELL = {Verdict.COMPLETE, Verdict.BY_COUNT, Verdict.ON_PURPOSE}
_IDLE = {StepKind.NOTHING, StepKind.WAIT}
_MOST_NOTES = 3
_MOST_PERHAPS = 5


def report(facts: Facts, diagnoses: Iterable[Diagnosis], crashes: Iterable[Crash] = ()) -> Report:
    """Compose the report."""
    verdict, says = verdict_of(facts)
    said = ranked(diagnoses)
    said += tuple(_perhaps(place) for place in may_be_it(facts)[:_MOST_PERHAPS])
    if verdict in _WELL and facts.ledger.lines:
        said = _worth_saying(said)
    if verdict in {Verdict.COMPLETE, Verdict.BY_COUNT} and facts.ledger.lines:
        said = (_all_there(facts, says), *said)
    said += tuple(_failed(crash) for crash in (*facts.crashes, *crashes))
    return Report(
        verdict,
        says,
        said,
        facts.ledger,
        blind_spots(facts),
        account=facts.who.value.username if facts.who else "",
        site_url=facts.site.value.url if facts.site else "",
        asked=facts.asked,
    )


def _worth_saying(said: tuple[Diagnosis, ...]) -> tuple[Diagnosis, ...]:
    """Return what is worth a person's time when everything is there: what is sure, and of mere notes the first few."""
    sure = [one for one in said if one.certainty in {Certainty.CONFIRMED, Certainty.LIKELY}]
    notes = [one for one in sure if all(step.kind in _IDLE for step in one.next_steps)][_MOST_NOTES:]
    return tuple(one for one in sure if one not in notes)


def ranked(diagnoses: Iterable[Diagnosis]) -> tuple[Diagnosis, ...]:
    """Return diagnoses best first, each once: by certainty, what asks for an act first, by what they explain."""
    distinct: dict[tuple[str, str, Certainty], Diagnosis] = {}
    for one in diagnoses:
        distinct.setdefault((one.cause_id, one.where, one.certainty), one)
    return tuple(sorted(distinct.values(), key=_weight))


def _weight(one: Diagnosis) -> tuple[int, bool, int, int, str, str]:
    cause = BY_ID.get(one.cause_id)
    prior = cause.prior_weight if cause else 0
    asks_for_nothing = all(step.kind is StepKind.NOTHING for step in one.next_steps)
    return one.certainty.weight, asks_for_nothing, -one.covers.objects, prior, one.cause_id, one.where


def is_explained(facts: Facts) -> bool:
    """Tell whether nothing is left to find out: each file has its fate for a known cause, and lies in the archive."""
    ledger = facts.ledger
    if not ledger.lines or facts.moving or ledger.unexplained:
        return False
    arrived = ledger.of(Fate.ARRIVED)
    meant = facts.project.id if facts.project else ""
    projects = {one.place.project for one in facts.hits("", PlaceKind.ARCHIVE)}
    return (
        bool(arrived)
        and all(line.place is PlaceKind.ARCHIVE for line in arrived if line.sop_instance_uid)
        and not ledger.count(Fate.REFUSED, Fate.ABSENT, Fate.UNVERIFIABLE)
        and (not meant or projects == {meant})
    )


def verdict_of(facts: Facts) -> tuple[Verdict, str]:
    """Return the verdict and its sentence."""
    if facts.who is not None and (not facts.who.is_known or facts.who.value.is_guest):
        return Verdict.VOID, "Nobody is logged in: whatever the lists say now means nothing."
    if facts.who is None:
        why = f": {facts.no_site.what}" if facts.no_site else ""
        return Verdict.VOID, f"The site could not be asked{why.rstrip('.')}."
    ledger = _objects(facts)
    if facts.moving:
        is_ours = bool({one.place.uri for one in facts.hits()} & {*facts.moving})
        return Verdict.MOVING, (
            "The server is still working: nothing is lost, and nothing needs to be sent again."
            if is_ours
            else "The server is still working on a session that may be yours: wait until it has come to rest."
        )
    if not ledger.object_count:
        return _without_files(facts)
    total, arrived = ledger.object_count, ledger.of(Fate.ARRIVED)
    dropped, unknown = ledger.count(Fate.DROPPED), ledger.count(Fate.UNVERIFIABLE)
    gone = total - len(arrived) - dropped - unknown
    if gone:
        return (
            Verdict.INCOMPLETE,
            f"{len(arrived)} of {total} objects are there, {gone} are not{_also(dropped, unknown)}.",
        )
    if unknown and not arrived:
        if facts.hits():
            return Verdict.NOT_PROVEN, f"None of the {total} objects could be looked at."
        account = facts.who.value.username
        if any(UNASSIGNED in uri for uri in facts.sent.uris):
            return Verdict.NOT_PROVEN, f"By our record it is in Unassigned, where {account} may not look."
        return Verdict.NOT_PROVEN, f"None of the {total} objects is in a place that {account} may look at."
    if unknown:
        return Verdict.NOT_PROVEN, f"{len(arrived)} of {total} objects are there; of {unknown} nothing can be proven."
    astray = [line for line in arrived if line.place in {PlaceKind.UNASSIGNED, PlaceKind.DIRECT}]
    if astray:
        return (
            Verdict.INCOMPLETE,
            f"All {total} objects are at the site, and {len(astray)} are in no project's list yet.",
        )
    elsewhere = _elsewhere(facts)
    if elsewhere:
        return Verdict.INCOMPLETE, f"All {total} objects are at the site, in another project: {', '.join(elsewhere)}."
    if dropped:
        return Verdict.ON_PURPOSE, f"{len(arrived)} of {total} objects are stored, {dropped} were dropped on purpose."
    where = _where(facts)
    if any(line.proof is Proof.COUNT for line in arrived):
        return Verdict.BY_COUNT, f"As many objects as were sent are {where}: {total}. Only numbers could be compared."
    return Verdict.COMPLETE, f"All {total} objects are {where}."


def _objects(facts: Facts) -> Ledger:
    """Return the lines of DICOM objects: PAR/REC and others have fates of their own, and are not counted with them."""
    return Ledger(tuple(line for line in facts.ledger.lines if line.sop_instance_uid), facts.ledger.extra)


def _elsewhere(facts: Facts) -> list[str]:
    """Return the projects that hold the objects, where they are others than the one that is meant."""
    if facts.project is None or facts.project.match is not Match.EXACT:
        return []
    places = {one.place.uri: one.place for one in facts.candidates}
    projects = {places[line.where].project for line in _objects(facts).of(Fate.ARRIVED) if line.where in places}
    return sorted(projects) if facts.project.id not in projects else []


def _also(dropped: int, unknown: int) -> str:
    words = [f"{dropped} were dropped on purpose"] if dropped else []
    words += [f"of {unknown} nothing can be proven"] if unknown else []
    return "".join(f", {word}" for word in words)


def _where(facts: Facts) -> str:
    kinds = {line.place for line in _objects(facts).of(Fate.ARRIVED)}
    if kinds == {PlaceKind.ARCHIVE}:
        return "in the archive"
    return "in the prearchive" if kinds == {PlaceKind.PREARCHIVE} else "in archive and prearchive"


def _without_files(facts: Facts) -> tuple[Verdict, str]:
    stored = facts.ledger.count(Fate.ARRIVED)
    if stored:  # PAR/REC: the record of an upload of ours has them
        return (
            Verdict.NOT_PROVEN,
            f"By our own record {stored} PAR/REC files are stored; only `xnat-wizard verify` looks at them again.",
        )
    hits = facts.hits()
    perhaps = len(may_be_it(facts))
    if perhaps:
        are = "1 session fits" if perhaps == 1 else f"{perhaps} sessions fit"
        return Verdict.NOT_PROVEN, f"{are} what is known; that it is yours, a label or a time cannot prove."
    if not hits:
        return (
            Verdict.NOT_PROVEN,
            f"It is not in any place that {facts.who.value.username if facts.who else ''} may look at.",
        )
    sure = [one for one in hits if one.certainty is Certainty.CONFIRMED]
    place = (sure or list(hits))[0].place.shown
    word = "is" if sure else "may be"
    return Verdict.NOT_PROVEN, f"It {word} in {place}; without the files here nothing can be compared."


def _all_there(facts: Facts, says: str) -> Diagnosis:
    arrived = facts.ledger.of(Fate.ARRIVED)
    proofs = sorted({str(line.proof) for line in arrived if line.proof})
    places = sorted({line.where for line in arrived if line.where})
    hits = {one.place.uri: one.place.shown for one in facts.hits()}
    return Diagnosis(
        ALL_THERE,
        Certainty.CONFIRMED if Proof.COUNT not in {line.proof for line in arrived} else Certainty.LIKELY,
        says,
        f"Each file was looked up at the server, by {' and '.join(proofs) or 'its place'}.",
        where=", ".join(hits.get(uri, uri) for uri in places),
        evidence=facts.evidence("Q12", "Q14", "Q18", "Q19")[:3],
        covers=Covers(facts.studies, len({line.series_key for line in arrived}), len(arrived)),
        next_steps=(NextStep(StepKind.NOTHING, "Nothing needs to be done."),),
        prevent="Keep the receipt: it says where everything is.",
    )


def _perhaps(place: Place) -> Diagnosis:
    return Diagnosis(
        MAY_BE_IT,
        Certainty.POSSIBLE,
        f"A session called {place.label} is at the site" + (f", with status {place.status}." if place.status else "."),
        "Nothing but label, subject and time was compared: it may be another person's, or another examination.",
        where=place.shown,
        next_steps=(
            NextStep(StepKind.BY_HAND, "Give the folder with the images, or the Study Instance UID, and search again."),
        ),
        prevent="Keep the receipt of an upload: it names the study.",
    )


def _failed(crash: Crash) -> Diagnosis:
    return Diagnosis(
        CHECK_FAILED,
        Certainty.NOT_CHECKABLE,
        f"The check `{crash.name}` itself failed, and says nothing.",
        f"It ended with {crash.error}; this is a fault of this program.",
        next_steps=(NextStep(StepKind.NOTHING, "The other checks are not touched by it."),),
        prevent="Report it: the log of this program has more.",
    )
