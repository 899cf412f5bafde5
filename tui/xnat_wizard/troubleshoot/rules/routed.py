"""Causes after routing: it stands in a project and waits, was dropped, changed, hidden or held there.

Sources: missing data 2.7, ROU-10 to ROU-20.
"""

import re
from collections.abc import Iterator

from xnat_wizard.troubleshoot.facts import Drop, Facts, Match
from xnat_wizard.troubleshoot.model import Certainty, Covers, Diagnosis, NextStep, PlaceKind, Role, StepKind
from xnat_wizard.troubleshoot.registry import rule
from xnat_wizard.troubleshoot.rules.gaps import by_hand, counted, covering, missing, nothing, some

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


def _covers(facts: Facts, study: str) -> Covers:
    return covering(facts.local.of_study(study)) if facts.local else Covers((study,) if study else ())


@rule("ROU-10")
def waits_for_a_person(facts: Facts) -> Iterator[Diagnosis]:
    """The session is complete and ready; somebody has to archive it."""
    rights = facts.project.rights if facts.project else None
    for hit in facts.hits("", PlaceKind.PREARCHIVE):
        if hit.place.status != "READY" or facts.hits(hit.study_instance_uid, PlaceKind.ARCHIVE):
            continue
        is_automatic = rights is not None and rights.project == hit.place.project and rights.archives_by_itself
        yield Diagnosis(
            "ROU-10",
            Certainty.CONFIRMED if hit.has_identity else Certainty.LIKELY,
            f"The session {hit.place.label} waits in the prearchive of {hit.place.project} for somebody to archive it.",
            "The project archives by itself, and did not here: look at the session's log."
            if is_automatic
            else "The project does not archive by itself.",
            where=hit.place.shown,
            evidence=facts.evidence("Q6", "Q7", "Q8"),
            covers=_covers(facts, hit.study_instance_uid),
            next_steps=(
                NextStep(StepKind.CONFIRM, "Archive it, after a check.", "F3", Role.MEMBER, target=hit.place.uri),
            ),
            prevent='Choose "archive" as the destination in the plan.',
        )


@rule("ROU-11")
def wish_was_not_understood(facts: Facts) -> Iterator[Diagnosis]:
    """The request wished for the archive in words that XNAT does not read."""
    wish = facts.case.archive_wish.replace("&", " ")
    given = {**facts.sent.parameters, **dict(part.split("=", 1) for part in wish.split() if "=" in part)}
    wrong = [name for name in given if name.lower() in _AUTO_NAMES]
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
        covers=_covers(facts, ready.study_instance_uid),
        next_steps=(
            NextStep(StepKind.CONFIRM, "Archive it, after a check.", "F3", Role.MEMBER, target=ready.place.uri),
        ),
        prevent="Look at the answer of a commit: 301 is archived, 200 is not.",
    )


def _dropped(facts: Facts, cause_id: str) -> tuple[tuple[Drop, ...], bool]:
    """Return the drops of a cause that did not arrive, and whether they are exactly what is missing."""
    gone = {one.path for one in missing(facts)}
    explained = {line.path for line in facts.ledger.lines if line.cause_id in {"ROU-12", "ROU-13", "ROU-14"}}
    drops = tuple(one for one in facts.drops if one.cause_id == cause_id and one.path in gone | explained)
    every = {one.path for one in facts.drops}
    return drops, bool(drops) and gone <= every and all(one.is_certain for one in drops)


def _filter(facts: Facts, cause_id: str, owner: str) -> Iterator[Diagnosis]:
    drops, is_exact = _dropped(facts, cause_id)
    if not drops or facts.local is None:
        return
    paths = {one.path for one in drops}
    objects = tuple(one for one in facts.local.objects if one.path in paths)
    names = some(sorted({one.series_description or f"series {one.series_number}" for one in objects}))
    steps: tuple[NextStep, ...] = (nothing("Nothing: the site wants it so."),)
    if owner == "project":
        change = NextStep(
            StepKind.ASK_OWNER, "If they are wanted, ask an owner to change the filter.", "", Role.OWNER, "T6"
        )
        steps = (*steps, change)
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
    if said is None and not drops and not (rejecting and facts.ledger.unexplained and missing(facts)):
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
        is_other = (
            bool(hit.study_instance_uid)
            and bool(hit.place.study_instance_uid)
            and (hit.place.study_instance_uid != hit.study_instance_uid)
        )
        if not is_other:
            continue
        yield Diagnosis(
            "ROU-15",
            Certainty.CONFIRMED if hit.has_identity else Certainty.LIKELY,
            f"It is there as {hit.place.label}, with another study UID than on disk.",
            f"A script of the site changes: {some(changed, 6)}." if changed else "The site changes UIDs on arrival.",
            where=hit.place.shown,
            evidence=facts.evidence("Q12", "Q19", "Q23"),
            covers=_covers(facts, hit.study_instance_uid),
            next_steps=(nothing("Look for it under this label; files were matched by their names."),),
            prevent="Keep the receipt: it has the old and the new UIDs.",
        )


@rule("ROU-16")
def quarantined(facts: Facts) -> Iterator[Diagnosis]:
    """New sessions of the project are hidden until an owner releases them."""
    rights = facts.project.rights if facts.project else None
    for hit in facts.hits("", PlaceKind.ARCHIVE):
        one = hit.place.experiment
        if one is None or "quarantine" not in one.status.lower():
            continue
        yield Diagnosis(
            "ROU-16",
            Certainty.CONFIRMED,
            f"The session {one.label} is in quarantine: members do not see it.",
            "The project holds new sessions back until an owner has looked at them.",
            where=hit.place.shown,
            evidence=facts.evidence("Q6", "Q20"),
            covers=_covers(facts, hit.study_instance_uid),
            next_steps=(
                NextStep(StepKind.ONE_CLICK, "Release it.", "F12", Role.OWNER, target=hit.place.uri),
                NextStep(StepKind.ASK_OWNER, "Or ask an owner to release it.", "", Role.OWNER, "T4"),
            ),
            prevent="Tell the owner when data are coming.",
        )
    hidden = [key for key, told in facts.known.items() if not told.is_known]
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
        covers=_covers(facts, ""),
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
            covers=_covers(facts, hit.study_instance_uid),
            next_steps=(
                NextStep(StepKind.WAIT, "Wait a quarter of an hour, then look again."),
                NextStep(StepKind.ONE_CLICK, "Let the site archive it now.", "F14", Role.MEMBER, target=hit.place.uri),
            ),
            prevent="Worth knowing; it is a setting of site and receiver.",
        )


@rule("ROU-18")
def another_project_was_chosen(facts: Facts) -> Iterator[Diagnosis]:
    """The upload went where it was told to, and that was another project than the one it is looked for in."""
    if facts.project is None or facts.project.match is not Match.EXACT:
        return
    for hit in facts.hits("", PlaceKind.ARCHIVE, PlaceKind.PREARCHIVE):
        if not hit.has_identity or hit.place.project in {facts.project.id, ""}:
            continue
        if hit.place.experiment is not None and hit.place.experiment.is_shared_in:
            continue
        if facts.sent.project and facts.sent.project == facts.project.id:
            continue  # it was told to go home, and did not: ROU-07
        step = (
            NextStep(
                StepKind.CONFIRM,
                f"Move it to {facts.project.id}.",
                "F6",
                Role.MEMBER,
                target=hit.place.uri,
                arguments={"project": facts.project.id},
            )
            if hit.place.kind is PlaceKind.PREARCHIVE
            else NextStep(
                StepKind.ASK_OWNER, "Ask an owner of both projects to move it.", role=Role.OWNER, template="T5"
            )
        )
        yield Diagnosis(
            "ROU-18",
            Certainty.CONFIRMED,
            f"It is in another project, {hit.place.project}, as {hit.place.label}.",
            "It was sent there, by its UID.",
            where=hit.place.shown,
            evidence=facts.evidence("Q7", "Q15"),
            covers=_covers(facts, hit.study_instance_uid),
            next_steps=(step,),
            prevent="Look at title and ID of the project before an upload: the header shows them.",
        )


@rule("ROU-19")
def right_after_a_restart(facts: Facts) -> Iterator[Diagnosis]:
    """The first files of a study are in Unassigned, the others in the project."""
    for study in facts.studies:
        first = next(iter(facts.hits(study, PlaceKind.UNASSIGNED)), None)
        rest = next(iter(facts.hits(study, PlaceKind.PREARCHIVE, PlaceKind.ARCHIVE)), None)
        if first is None or rest is None or len({one.project for one in facts.forecasts}) > 1:
            continue
        steps: tuple[NextStep, ...] = (
            NextStep(StepKind.ASK_ADMIN, "Send the administrator this letter.", role=Role.ADMIN, template="T1"),
        )
        if facts.role is Role.ADMIN:
            move = NextStep(
                StepKind.CONFIRM,
                f"Move it to {rest.place.project}.",
                "F6",
                Role.ADMIN,
                target=first.place.uri,
                arguments={"project": rest.place.project},
            )
            steps = (move, NextStep(StepKind.CONFIRM, "Then add it to the rest.", "F4", target=first.place.uri))
        yield Diagnosis(
            "ROU-19",
            Certainty.LIKELY,
            f"A part of the study is in Unassigned, the rest in {rest.place.project}, though all name one project.",
            "Shortly after a restart the site may not know its projects yet.",
            where=first.place.shown,
            evidence=facts.evidence("Q7", "Q9", "Q10"),
            covers=_covers(facts, study),
            next_steps=steps,
            prevent="Let a first question wake the site, and resume by what it has: this program does both.",
        )


@rule("ROU-20")
def sent_from_inside_a_session(facts: Facts) -> Iterator[Diagnosis]:
    """The upload was begun on a session's page, and went to that session."""
    wanted = facts.sent.session or facts.case.session
    uid = facts.sent.parameters.get("session") or facts.sent.parameters.get("EXPT_LABEL") or ""
    for hit in facts.hits("", PlaceKind.ARCHIVE):
        contents = facts.contents_of(hit.place)
        stored = {scan.series_instance_uid for scan in contents.scans} - {""} if contents else set()
        local = {one.series_instance_uid for one in facts.local.objects} if facts.local else set()
        is_foreign = bool(local & stored) and hit.place.study_instance_uid not in {*facts.studies, ""}
        is_web = "web" in {str(facts.case.way), str(facts.sent.way)}
        if not is_web or not is_foreign or hit.place.label in {wanted, uid}:
            continue
        yield Diagnosis(
            "ROU-20",
            Certainty.CONFIRMED,
            f"The images were added to the session {hit.place.label}, which is of another study.",
            "The upload page was opened from that session, and sends into it.",
            where=hit.place.shown,
            evidence=facts.evidence("Q18"),
            covers=_covers(facts, hit.study_instance_uid),
            next_steps=(
                NextStep(StepKind.ASK_OWNER, "Ask an owner to part them.", role=Role.OWNER, template="T5"),
                by_hand("Then upload them from the project."),
            ),
            prevent="Upload from the project, or with this program.",
        )
