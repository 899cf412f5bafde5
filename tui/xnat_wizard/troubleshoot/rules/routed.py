"""Causes after routing: it stands in a project and waits, was dropped, changed, hidden or held there.

Sources: missing data 2.7, ROU-10 to ROU-17.
"""

import re
from collections.abc import Iterator

from xnat_wizard.troubleshoot.facts import Drop, Facts, LocalObject
from xnat_wizard.troubleshoot.forecast import has_unread_rejection
from xnat_wizard.troubleshoot.model import Certainty, Diagnosis, Fate, NextStep, PlaceKind, Role, Standing, StepKind
from xnat_wizard.troubleshoot.registry import rule
from xnat_wizard.troubleshoot.rules.gaps import (
    by_hand,
    counted,
    covering,
    covers_at,
    is_elsewhere,
    missing,
    nothing,
    offered,
    resend,
    some,
)

_AUTO_NAMES = {"autoarchive", "auto_archive", "prearchive"}
_AUTO_GOOD = {"auto-archive", "aa"}
_CHANGED = {
    "0010,0010": "patient name",
    "0010,0020": "patient ID",
    "0008,1030": "study description",
    "0020,000d": "Study Instance UID",
    "0020,000e": "Series Instance UID",
    "0008,0018": "SOP Instance UID",
}
_ASSIGNED = re.compile(r"^\s*-?\s*\(?(?P<tag>[0-9a-f]{4},[0-9a-f]{4})\)?\s*(:=|$)", re.IGNORECASE | re.MULTILINE)


@rule("ROU-10")
def waits_for_a_person(facts: Facts) -> Iterator[Diagnosis]:
    """The session is complete and ready; somebody has to archive it."""
    rights = facts.project.rights if facts.project else None
    for hit in facts.hits("", PlaceKind.PREARCHIVE):
        if hit.place.status != "READY" or facts.hits(hit.study_instance_uid, PlaceKind.ARCHIVE):
            continue
        if is_elsewhere(facts, hit):
            continue  # it has to be moved first: ROU-18
        is_automatic = rights is not None and rights.project == hit.place.project and rights.archives_by_itself
        yield Diagnosis(
            "ROU-10",
            Certainty.CONFIRMED if hit.has_identity else Certainty.LIKELY,
            f"The session {hit.place.label} waits in the prearchive of {hit.place.project} for somebody to archive it.",
            "The project archives by itself, and did not here: look at the session's log."
            if is_automatic
            else "The project does not archive by itself."
            if rights is not None and rights.project == hit.place.project and rights.prearchive_code
            else "It stays there until somebody archives it.",
            where=hit.place.shown,
            evidence=facts.evidence("Q6", "Q7", "Q8"),
            covers=covers_at(facts, hit),
            next_steps=(
                *resend(facts, _gone_of(facts, hit.study_instance_uid)),
                NextStep(StepKind.CONFIRM, "Archive it, after a check.", "F3", Role.MEMBER, target=hit.place.uri),
            ),
            prevent='Choose "archive" as the destination in the plan.',
        )


def _gone_of(facts: Facts, study: str) -> tuple[LocalObject, ...]:
    """Return what is missing of a study for sure: it should be there before the session is archived."""
    unsure = {line.path for line in facts.ledger.of(Fate.UNVERIFIABLE)}
    return tuple(one for one in missing(facts) if one.study_instance_uid == study and one.path not in unsure)


@rule("ROU-11")
def wish_was_not_understood(facts: Facts) -> Iterator[Diagnosis]:
    """The request wished for the archive in words that XNAT does not read."""
    wish = facts.case.archive_wish.replace("&", " ")
    given = {**facts.sent.parameters, **dict(part.split("=", 1) for part in wish.split() if "=" in part)}
    wrong = [name for name in given if name.lower() in _AUTO_NAMES]
    wrong += [name for name in given if name == "dest" and not given[name].startswith("/archive")]
    lacks_commit = any(name.lower() in _AUTO_GOOD for name in given) and given.get("action") != "commit"
    ready = next((hit for hit in facts.hits("", PlaceKind.PREARCHIVE) if hit.place.status == "READY"), None)
    if ready is None or not (wrong or lacks_commit):
        return
    yield Diagnosis(
        "ROU-11",
        Certainty.CONFIRMED,
        "The request wished for the archive in words that XNAT does not read."
        if wrong
        else "The request wished for the archive, and did not finish the session.",
        f'It said "{some(wrong)}"; XNAT reads "auto-archive=true" together with "action=commit".'
        if wrong
        else 'Without "action=commit" the wish waits.',
        where=ready.place.shown,
        evidence=(*facts.sent.evidence, *facts.evidence("Q7")),
        covers=covers_at(facts, ready),
        next_steps=(
            NextStep(StepKind.CONFIRM, "Archive it, after a check.", "F3", Role.MEMBER, target=ready.place.uri),
        ),
        prevent="Look at the answer of a commit: 301 is archived, 200 is not.",
    )


def _dropped(facts: Facts, cause_id: str) -> tuple[tuple[Drop, ...], bool]:
    """Return the drops of a cause that did not arrive, and whether they are exactly what is missing."""
    if facts.moving:
        return (), False
    gone = {one.path for one in offered(facts)}
    explained = {line.path for line in facts.ledger.of(Fate.DROPPED)}
    here = {line.path for line in facts.ledger.of(Fate.ARRIVED)}
    every = {one.path for one in facts.drops}
    objects = {one.path for one in facts.local.objects} if facts.local else set()
    is_told = bool(here) or facts.sent.has_per_file_record or objects <= every  # else nothing may have been sent at all
    drops = tuple(one for one in facts.drops if one.cause_id == cause_id and one.path in gone | explained)
    is_exact = gone <= every and not every & here and bool(here)
    return (drops if is_told else ()), is_exact and all(one.is_certain for one in drops)


def _filter(facts: Facts, cause_id: str, owner: str) -> Iterator[Diagnosis]:
    drops, is_exact = _dropped(facts, cause_id)
    if not drops or facts.local is None:
        return
    paths = {one.path for one in drops}
    objects = tuple(one for one in facts.local.objects if one.path in paths)
    names = some(sorted({one.series_description or f"series {one.series_number}" for one in objects}))
    steps: tuple[NextStep, ...] = (nothing(f"Nothing: the {owner} wants it so."),)
    if owner == "project":
        steps = (
            *steps,
            NextStep(StepKind.ASK_OWNER, "If you want them, ask an owner for another filter.", "", Role.OWNER),
        )
    if not is_exact:
        ask = "Ask the administrator about what the filter does not explain."
        steps = (NextStep(StepKind.ASK_ADMIN, ask, role=Role.ADMIN, template="T6"), *steps[1:])
    yield Diagnosis(
        cause_id,
        Certainty.CONFIRMED if is_exact else Certainty.LIKELY,
        f"{counted(len(paths), 'object')} {'was' if len(paths) == 1 else 'were'} dropped on purpose by the {owner}'s "
        f"series filter: {names}.",
        f"The filter says: {some(sorted({one.because for one in drops}))}.",
        evidence=facts.evidence("Q21"),
        covers=covering(objects),
        next_steps=steps,
        prevent="The plan shows what a filter will drop before the upload.",
    )


@rule("ROU-12")
def dropped_by_the_sites_filter(facts: Facts) -> Iterator[Diagnosis]:
    """The site's series import filter dropped series, and success was answered."""
    yield from _filter(facts, "ROU-12", "site")


@rule("ROU-13")
def dropped_by_the_projects_filter(facts: Facts) -> Iterator[Diagnosis]:
    """The project's series import filter dropped series, and success was answered."""
    yield from _filter(facts, "ROU-13", "project")


@rule("ROU-14")
def rejected_by_a_script(facts: Facts) -> Iterator[Diagnosis]:
    """An anonymization script rejects images: they are deleted, and success was answered."""
    drops, is_exact = _dropped(facts, "ROU-14")
    scripts = facts.policies.scripts.value if facts.policies else ()
    rejecting = [one for one in scripts if one.is_on is not False and re.search(r"\breject\b", one.text)]
    said = next((held for held in facts.contents.values() if "Empty sessions cannot be archived" in held.log), None)
    may_be = bool(has_unread_rejection(facts)) and bool(facts.ledger.of(Fate.ABSENT)) and not facts.moving
    if said is None and not drops and not may_be:
        return
    paths = {one.path for one in drops}
    objects = tuple(one for one in (facts.local.objects if facts.local else ()) if one.path in paths)
    owner = f"the {rejecting[0].owner}'s script" if rejecting else "a script of the site"
    certainty = Certainty.CONFIRMED if said else Certainty.LIKELY if drops and is_exact else Certainty.POSSIBLE
    yield Diagnosis(
        "ROU-14",
        certainty,
        f"Images were rejected by {owner}: {counted(len(paths), 'object')} by its conditions."
        if drops
        else f"Images may have been rejected by {owner}.",
        "A script may reject images; they are deleted, and the sender hears of success.",
        evidence=facts.evidence("Q13", "Q23"),
        covers=covering(objects),
        next_steps=(
            NextStep(StepKind.ASK_ADMIN, "Ask whether they are to be rejected.", role=Role.ADMIN, template="T6"),
        ),
        prevent="Read the scripts of site and project before an upload: the project step shows them.",
    )


@rule("ROU-15")
def identifiers_were_changed(facts: Facts) -> Iterator[Diagnosis]:
    """A script changed names, numbers or UIDs: a search by the old ones finds nothing."""
    scripts = facts.policies.scripts.value if facts.policies else ()
    changed = sorted(
        {
            _CHANGED[tag]
            for one in scripts
            if one.is_on is not False
            for found in _ASSIGNED.finditer(one.text)
            if (tag := found["tag"].lower()) in _CHANGED
        }
    )
    for hit in facts.hits():
        is_sure = hit.has_identity
        is_other = (
            bool(hit.study_instance_uid)
            and bool(hit.place.study_instance_uid)
            and (hit.place.study_instance_uid != hit.study_instance_uid)
        )
        if not is_other:
            continue
        yield Diagnosis(
            "ROU-15",
            Certainty.CONFIRMED if is_sure else Certainty.LIKELY,
            f"It {'is' if is_sure else 'may be'} there as {hit.place.label}, with another study UID than on disk.",
            f"A script of the site changes: {some(changed, 6)}." if changed else "The site changes UIDs on arrival.",
            where=hit.place.shown,
            evidence=facts.evidence("Q12", "Q19", "Q23"),
            covers=covers_at(facts, hit),
            next_steps=(
                nothing("Look for it under this label; files were matched by their names.")
                if is_sure
                else by_hand(
                    "Look into it before you call it found: label and time fit, and nothing else was compared."
                ),
            ),
            prevent="Keep the receipt: it has the old and the new UIDs.",
        )


@rule("ROU-16")
def quarantined(facts: Facts) -> Iterator[Diagnosis]:
    """New sessions of the project are hidden until an owner releases them."""
    rights = facts.project.rights if facts.project else None
    for hit in facts.hits("", PlaceKind.ARCHIVE):
        one, contents = hit.place.experiment, facts.contents_of(hit.place)
        told = (contents.status if contents else "") or (one.status if one else "")
        if one is None or "quarantine" not in told.lower():
            continue
        yield Diagnosis(
            "ROU-16",
            Certainty.CONFIRMED,
            f"The session {one.label} is in quarantine until an owner releases it.",
            "The project holds new sessions back until an owner has looked at them; members may not see them at all.",
            where=hit.place.shown,
            evidence=facts.evidence("Q6", "Q20"),
            covers=covers_at(facts, hit),
            next_steps=(
                NextStep(StepKind.ONE_CLICK, "Release it.", "F12", Role.OWNER, target=hit.place.uri),
                NextStep(StepKind.ASK_OWNER, "Or ask an owner to release it.", "", Role.OWNER, "T4"),
            ),
            prevent="Tell the owner when data are coming.",
        )
    closed = {Standing.ABSENT, Standing.NOT_ALLOWED}
    hidden = [key.rpartition("/")[2] for key, told in facts.known.items() if told.standing in closed]
    if rights is None or rights.quarantine_code != "1" or not hidden or facts.hits("", PlaceKind.ARCHIVE):
        return
    if facts.role.may(Role.OWNER):
        return
    yield Diagnosis(
        "ROU-16",
        Certainty.LIKELY,
        f"The session {hidden[0]} was archived and is hidden: probably it is in quarantine.",
        "The project holds new sessions back until an owner has looked at them; our record has its number.",
        where=f"archive/{rights.project}/{hidden[0]}",
        evidence=(*facts.sent.evidence, *facts.evidence("Q6", "Q20")),
        covers=covering(missing(facts)),
        next_steps=(NextStep(StepKind.ASK_OWNER, "Ask an owner to release it.", "", Role.OWNER, "T4"),),
        prevent="Tell the owner when data are coming.",
    )


@rule("ROU-17")
def held_by_direct_archive(facts: Facts) -> Iterator[Diagnosis]:
    """The files are in the archive's folder already, and are no session yet."""
    for hit in facts.hits("", PlaceKind.DIRECT):
        one = hit.place.held
        yield Diagnosis(
            "ROU-17",
            Certainty.CONFIRMED,
            f"It is on its way into the archive of {hit.place.project}, and no session yet"
            + (f" (status {one.status})." if one else "."),
            "Direct archive collects the files first; neither list shows them until then.",
            where=hit.place.shown,
            evidence=facts.evidence("Q28"),
            covers=covers_at(facts, hit),
            next_steps=(
                NextStep(StepKind.WAIT, "Wait a quarter of an hour, then look again."),
                NextStep(StepKind.ONE_CLICK, "Let the site archive it now.", "F14", Role.MEMBER, target=hit.place.uri),
                NextStep(StepKind.ASK_ADMIN, "If it stays so, ask the administrator.", "", Role.ADMIN, "T3"),
            ),
            prevent="Wait until the session has a number before you look for it: this program does.",
        )
