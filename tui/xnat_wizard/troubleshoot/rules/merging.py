"""Causes of merging, splitting and overwriting: what came meets what was there before.

Sources: missing data 2.8, MRG-01 to MRG-07, MRG-11; 2.2 (what `overwrite` means); wire contract 6.6, 6.7.
"""

from collections.abc import Iterator

from xnat_wizard.dicom.model import OtherKind
from xnat_wizard.troubleshoot.facts import Candidate, Facts
from xnat_wizard.troubleshoot.model import (
    Certainty,
    Covers,
    Diagnosis,
    Fate,
    NextStep,
    PlaceKind,
    Role,
    Standing,
    StepKind,
)
from xnat_wizard.troubleshoot.registry import rule
from xnat_wizard.troubleshoot.rules.beside import has_all, merge, scan_ids
from xnat_wizard.troubleshoot.rules.gaps import (
    counted,
    covers_at,
    dry_run,
    first_saying,
    is_recorded,
    letter,
    nothing,
    some,
)
from xnat_wizard.troubleshoot.times import is_surely_before
from xnat_wizard.upload.labels import clean_label
from xnat_wizard.xnat.inquiries.values import Experiment


def _conflicts(facts: Facts) -> Iterator[tuple[Candidate, dict[str, str], Experiment | None]]:
    """Yield each waiting session, what its dry run said (code to type), and the session that has its label."""
    for hit in facts.hits("", PlaceKind.PREARCHIVE):
        listed = facts.in_projects.get(hit.place.project)
        existing = next(
            (one for one in (listed.value if listed else ()) if one.label.casefold() == hit.place.label.casefold()),
            None,
        )
        yield hit, dry_run(facts, hit), existing


_DECIDE = letter("Or let an owner decide.", "T5")


def _other_label(hit: Candidate, label: str = "") -> NextStep:
    return NextStep(
        StepKind.CONFIRM,
        "Archive it under a label of its own.",
        "F3",
        Role.MEMBER,
        target=hit.place.uri,
        arguments={"session": label or f"{hit.place.label}_2"},
    )


@rule("MRG-01")
def label_is_taken(facts: Facts) -> Iterator[Diagnosis]:
    """A session of this label is in the archive already: the one that came waits with status CONFLICT."""
    for hit, codes, existing in _conflicts(facts):
        is_taken = "1" in codes or codes.get("14") in {"CONFLICT", "FAIL"}
        if existing is not None and existing.is_shared_in:
            continue  # MRG-03
        if not is_taken and (hit.place.status != "CONFLICT" or existing is None):
            continue
        study = hit.study_instance_uid or hit.place.study_instance_uid
        stored = existing.study_instance_uid if existing else ""
        is_same = bool(stored) and stored == study
        new, old = scan_ids(facts, hit.place.uri), scan_ids(facts, existing.uri) if existing else set()
        twice = sorted(new & old)
        steps: tuple[NextStep, ...]
        if is_same and not twice:
            steps = (merge(hit, f"scans {some(sorted(new), 6)}" if new else "what came"), _DECIDE)
            why = "It is the same study (the UIDs are equal), and no scan is there twice."
        elif is_same and existing and has_all(facts, hit.place.uri, existing.uri):
            steps = (nothing("Nothing: every image that waits is archived."), letter("Ask an owner to tidy up.", "T5"))
            why = "It is the same study, and all its images are in the archive already."
        elif is_same:
            steps = (letter("Ask an owner which of both is to stay.", "T5"),)
            why = f"It is the same study, and scans {some(twice)} are there already."
        elif stored:
            steps = (_other_label(hit), _DECIDE)
            why = "It is another study, so it must not be merged."
        else:
            steps = (letter("Ask an owner what the session is that has the label.", "T5"),)
            why = "Whether it is the same study cannot be told: the one in the archive names no UID."
        yield Diagnosis(
            "MRG-01",
            Certainty.CONFIRMED,
            f"The session {hit.place.label} waits: {hit.place.project} has a session of this label already.",
            why,
            where=hit.place.shown,
            evidence=facts.evidence("Q7", "Q13", "Q16", "Q29"),
            covers=covers_at(facts, hit),
            next_steps=steps,
            prevent="Look for label and study at the site before an upload: this program's forecast does.",
        )


@rule("MRG-02")
def label_of_another_subject(facts: Facts) -> Iterator[Diagnosis]:
    """The label belongs to a session of another subject."""
    for hit, codes, existing in _conflicts(facts):
        if "4" not in codes:
            continue
        owner = existing.subject_label if existing else ""
        study = hit.study_instance_uid or hit.place.study_instance_uid
        is_same = existing is not None and bool(study) and existing.study_instance_uid == study
        same = NextStep(
            StepKind.CONFIRM,
            f"It is the same study: add it to the session of subject {owner}.",
            "F4",
            Role.MEMBER,
            target=hit.place.uri,
            arguments={"subject": owner},
        )
        yield Diagnosis(
            "MRG-02",
            Certainty.CONFIRMED,
            f"The label {hit.place.label} belongs to subject {owner or 'of another name'}; this session is of "
            f"{hit.place.subject or 'no subject'}.",
            "XNAT does not let a session change its subject by archiving.",
            where=hit.place.shown,
            evidence=facts.evidence("Q16", "Q29"),
            covers=covers_at(facts, hit),
            next_steps=(same if is_same and owner else _other_label(hit), _DECIDE),
            prevent="Look which subject has a label before an upload.",
        )


@rule("MRG-03")
def label_of_a_shared_session(facts: Facts) -> Iterator[Diagnosis]:
    """The label is taken by a session that another project shares into this one."""
    for hit, codes, existing in _conflicts(facts):
        is_shared = existing is not None and existing.is_shared_in
        if "3" not in codes and not (is_shared and (hit.place.status == "CONFLICT" or "1" in codes)):
            continue
        yield Diagnosis(
            "MRG-03",
            Certainty.CONFIRMED,
            f"The label {hit.place.label} is taken by a session that "
            f"{existing.project if existing else 'another project'} shares into {hit.place.project}.",
            "Labels are unique in a project, and those of shared sessions count.",
            where=hit.place.shown,
            evidence=facts.evidence("Q16", "Q29"),
            covers=covers_at(facts, hit),
            next_steps=(_other_label(hit), letter("Or let the owners of both projects decide.", "T5")),
            prevent="Look for the label in the project's list: it has the shared sessions too.",
        )


@rule("MRG-04")
def archived_under_another_label(facts: Facts) -> Iterator[Diagnosis]:
    """The same study is in the archive under another label, or in another project."""
    home = facts.project.id if facts.project else ""
    for hit in facts.hits("", PlaceKind.ARCHIVE):
        expected = facts.case.session or facts.sent.labels_of(hit.study_instance_uid)[1]
        wanted = clean_label(expected) if expected else ""
        one = hit.place.experiment
        is_ours = one is not None and is_recorded(facts, one)
        has_other_label = bool(wanted) and hit.place.label.casefold() != wanted.casefold()
        is_elsewhere = bool(home) and home not in {hit.place.project, one.seen_in if one else ""}
        if one is None or is_ours or not hit.has_identity or not (has_other_label or is_elsewhere):
            continue
        yield Diagnosis(
            "MRG-04",
            Certainty.CONFIRMED,
            f"This study is in the archive already: {hit.place.label} in {hit.place.project}.",
            f"It has the same UID; {one.insert_user or 'somebody'} archived it at {one.insert_date[:16] or '?'}.",
            where=hit.place.shown,
            evidence=facts.evidence("Q15"),
            covers=covers_at(facts, hit),
            next_steps=(letter("Decide with the owner: share it, rename it, or leave it.", "T5"),),
            prevent="Look for the study's UID before an upload: this program's forecast does.",
        )


@rule("MRG-05")
def merged_quietly(facts: Facts) -> Iterator[Diagnosis]:
    """What was sent was added to an older session of the same label."""
    for hit in facts.hits("", PlaceKind.ARCHIVE):
        one = hit.place.experiment
        is_older = one is not None and is_surely_before(one.insert_date, facts.sent.started, facts)
        lines = [line for line in facts.ledger.of(Fate.ARRIVED) if line.where == hit.place.uri]
        is_in_it = facts.local is None or bool(lines)
        has_merged = any(line.merged_into for line in lines)
        if one is None or not hit.has_identity or not is_in_it or not (is_older or has_merged):
            continue
        yield Diagnosis(
            "MRG-05",
            Certainty.CONFIRMED if is_older else Certainty.LIKELY,  # the site may live in another zone
            f"The images were added to the session {one.label}, which is there since {one.insert_date[:10]}.",
            "Archiving a session adds it to one of the same label and study, and makes no new one.",
            where=hit.place.shown,
            evidence=facts.evidence("Q6", "Q15", "Q18"),
            covers=covers_at(facts, hit),
            next_steps=(
                nothing("Nothing, if that is right."),
                letter("If it is wrong, ask an owner to part them.", "T5"),
            ),
            prevent="Look for the label before an upload.",
        )


@rule("MRG-06")
def overwritten(facts: Facts) -> Iterator[Diagnosis]:
    """Images that an earlier receipt saw are gone from the session, and others are there."""
    if not facts.sent.verified:
        return
    for hit in facts.hits("", PlaceKind.ARCHIVE):
        contents = facts.contents_of(hit.place)
        if contents is None or contents.standing is not Standing.ANSWERED or facts.moving:
            continue
        stored = {file.sop_instance_uid for file in contents.files} - {""}
        seen = {facts.sent.stored_uids.get(uid, uid) for uid in _verified_of(facts, hit)}
        known = {facts.sent.stored_uids.get(uid, uid) for uid in facts.sent.verified}
        gone, others = seen - stored, stored - known
        if not stored or not gone:
            continue
        yield Diagnosis(
            "MRG-06",
            Certainty.CONFIRMED if others else Certainty.LIKELY,
            f"{counted(len(gone), 'image')} that the receipt saw in {hit.place.label} "
            f"{'is' if len(gone) == 1 else 'are'} gone from it.",
            f"{counted(len(others), 'image')} of another upload stand in their place."
            if others
            else "The site has fewer than it had.",
            where=hit.place.shown,
            evidence=(*contents.evidence, *facts.sent.evidence),
            covers=Covers((hit.study_instance_uid,), 0, len(gone)),
            next_steps=(NextStep(StepKind.ASK_ADMIN, "Ask what replaced them.", role=Role.ADMIN, template="T8"),),
            prevent="Never archive with overwriting; a project with code 5 does it by itself.",
        )


def _verified_of(facts: Facts, hit: Candidate) -> set[str]:
    """Return what an earlier receipt saw of the study of a place: one receipt may tell of several."""
    if facts.local is not None and facts.local.objects:
        here = {line.sop_instance_uid for line in facts.ledger.of(Fate.ARRIVED)}  # elsewhere, perhaps: it is not gone
        mine = {one.sop_instance_uid for one in facts.local.of_study(hit.study_instance_uid)}
        return {uid for uid in facts.sent.verified if uid in mine - here}
    return set(facts.sent.verified) if len(facts.sent.uris) == 1 else set()


@rule("MRG-07")
def one_uid_for_two_images(facts: Facts) -> Iterator[Diagnosis]:
    """Different images carry one SOP Instance UID: the last replaces the others, or all are refused."""
    twice = [one for one in facts.local.others if one.kind is OtherKind.CONFLICTING] if facts.local else []
    said = first_saying(facts, "duplicate dcm uid", "duplicate sop")
    told = next((hit for hit, codes, _ in _conflicts(facts) if codes.get("22") in {"CONFLICT", "FAIL"}), None)
    if not twice and said is None and told is None:
        return
    yield Diagnosis(
        "MRG-07",
        Certainty.CONFIRMED if twice or said else Certainty.LIKELY,
        f"{counted(len(twice), 'file')} on disk {'has' if len(twice) == 1 else 'have'} the UID of another image and "
        "other bytes."
        if twice
        else "The site refused images that have the UID of others.",
        "A site keeps one image for each SOP Instance UID: the last that came.",
        where=told.place.shown if told else some(one.path for one in twice),
        evidence=(*(facts.local.evidence if facts.local else ()), *facts.evidence("Q29")),
        covers=Covers(objects=len(twice)),
        next_steps=(letter("Find out which is right, and let the UIDs be mended where the images came from.", "T5"),),
        prevent="Look at the findings of the folder before an upload.",
    )


@rule("MRG-11")
def another_kind_of_session(facts: Facts) -> Iterator[Diagnosis]:
    """The session that has the label is of another modality."""
    for hit, codes, existing in _conflicts(facts):
        if codes.get("19") != "FAIL":
            continue
        yield Diagnosis(
            "MRG-11",
            Certainty.CONFIRMED,
            f"The session {hit.place.label} cannot be added to the one that is there: it is of another modality.",
            f"The one in the archive is {existing.xsi_type}." if existing else "The site says so in its check.",
            where=hit.place.shown,
            evidence=facts.evidence("Q16", "Q29"),
            covers=covers_at(facts, hit),
            next_steps=(letter("Ask an owner which of both is to have the label.", "T5"),),
            prevent="Send the whole study at once: this program does.",
        )
