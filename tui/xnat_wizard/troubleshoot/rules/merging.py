"""Causes of merging, splitting and overwriting: what came meets what was there before.

Sources: missing data 2.8, MRG-01 to MRG-17; 2.2 (what `overwrite` means); wire contract 6.6, 6.7.
"""

import re
from collections.abc import Iterator
from datetime import timedelta

from xnat_wizard.dicom.model import OtherKind
from xnat_wizard.troubleshoot.facts import Candidate, Facts
from xnat_wizard.troubleshoot.model import Certainty, Covers, Diagnosis, NextStep, PlaceKind, Role, StepKind
from xnat_wizard.troubleshoot.registry import rule
from xnat_wizard.troubleshoot.rules.gaps import counted, covering, first_saying, missing, nothing, some
from xnat_wizard.troubleshoot.times import site_time
from xnat_wizard.upload.labels import clean_label
from xnat_wizard.xnat.inquiries.values import Experiment


def _conflicts(facts: Facts) -> Iterator[tuple[Candidate, dict[str, str], Experiment | None]]:
    """Yield each waiting session, what its dry run said (code to type), and the session that has its label."""
    for hit in facts.hits("", PlaceKind.PREARCHIVE):
        contents = facts.contents_of(hit.place)
        dry_run = contents.dry_run.value if contents and contents.dry_run and contents.dry_run.is_known else ()
        listed = facts.in_projects.get(hit.place.project)
        existing = next(
            (one for one in (listed.value if listed else ()) if one.label.casefold() == hit.place.label.casefold()),
            None,
        )
        yield hit, {verdict.code: verdict.type.upper() for verdict in dry_run}, existing


def _ask_owner(text: str, template: str = "T5") -> NextStep:
    return NextStep(StepKind.ASK_OWNER, text, role=Role.OWNER, template=template)


def _other_label(hit: Candidate, label: str = "") -> NextStep:
    return NextStep(
        StepKind.CONFIRM,
        "Archive it under a label of its own.",
        "F3",
        Role.MEMBER,
        target=hit.place.uri,
        arguments={"session": label or f"{hit.place.label}_2"},
    )


def _merge(hit: Candidate, scans: str) -> NextStep:
    text = f"Add {scans} to the session that is there; nothing of it is replaced."
    return NextStep(StepKind.CONFIRM, text, "F4", Role.MEMBER, target=hit.place.uri)


@rule("MRG-01")
def label_is_taken(facts: Facts) -> Iterator[Diagnosis]:
    """A session of this label is in the archive already: the one that came waits with status CONFLICT."""
    for hit, codes, existing in _conflicts(facts):
        is_taken = "1" in codes or codes.get("14") in {"CONFLICT", "FAIL"}
        if not is_taken and (hit.place.status != "CONFLICT" or existing is None):
            continue
        study = hit.study_instance_uid or hit.place.study_instance_uid
        stored = existing.study_instance_uid if existing else ""
        is_same = bool(stored) and stored == study
        new, old = _scan_ids(facts, hit.place.uri), _scan_ids(facts, existing.uri) if existing else set()
        twice = sorted(new & old)
        if is_same and not twice:
            step = _merge(hit, f"scans {some(sorted(new), 6)}" if new else "what came")
            why = "It is the same study (the UIDs are equal), and no scan is there twice."
        elif is_same:
            step = _ask_owner("Ask an owner which of both is to stay.")
            why = f"It is the same study, and scans {some(twice)} are there already."
        else:
            step = _other_label(hit)
            why = "It is another study, so it must not be merged." if stored else "Its study is not known."
        yield Diagnosis(
            "MRG-01",
            Certainty.CONFIRMED,
            f"The session {hit.place.label} waits: {hit.place.project} has a session of this label already.",
            why,
            where=hit.place.shown,
            evidence=facts.evidence("Q7", "Q13", "Q16", "Q29"),
            covers=covering(facts.local.of_study(study)) if facts.local else Covers(),
            next_steps=(step, _ask_owner("Or let an owner decide.")) if step.action else (step,),
            prevent="Look for label and study at the site before an upload: this program's forecast does.",
        )


def _scan_ids(facts: Facts, uri: str) -> set[str]:
    contents = facts.contents.get(uri)
    return {scan.id for scan in contents.scans} if contents else set()


@rule("MRG-02")
def label_of_another_subject(facts: Facts) -> Iterator[Diagnosis]:
    """The label belongs to a session of another subject."""
    for hit, codes, existing in _conflicts(facts):
        if "4" not in codes:
            continue
        owner = existing.subject_label if existing else ""
        same = NextStep(
            StepKind.CONFIRM,
            f"If it is the same person, archive it for subject {owner}.",
            "F3",
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
            next_steps=(*((same,) if owner else ()), _other_label(hit), _ask_owner("Or let an owner decide.")),
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
            next_steps=(_other_label(hit), _ask_owner("Or let the owners of both projects decide.")),
            prevent="Look for the label in the project's list: it has the shared sessions too.",
        )


@rule("MRG-04")
def archived_under_another_label(facts: Facts) -> Iterator[Diagnosis]:
    """The same study is in the archive under another label, or in another project."""
    wanted = clean_label(expected) if (expected := facts.case.session or facts.sent.session) else ""
    home = facts.project.id if facts.project else ""
    for hit in facts.hits("", PlaceKind.ARCHIVE):
        one = hit.place.experiment
        is_ours = one is not None and any(f"/experiments/{one.id}" in uri for uri in facts.sent.uris)
        has_other_label = bool(wanted) and hit.place.label.casefold() != wanted.casefold()
        is_elsewhere = bool(home) and hit.place.project != home
        if one is None or is_ours or not hit.has_identity or not (has_other_label or is_elsewhere):
            continue
        yield Diagnosis(
            "MRG-04",
            Certainty.CONFIRMED,
            f"This study is in the archive already: {hit.place.label} in {hit.place.project}.",
            f"It has the same UID; {one.insert_user or 'somebody'} archived it at {one.insert_date[:16] or '?'}.",
            where=hit.place.shown,
            evidence=facts.evidence("Q15"),
            covers=covering(facts.local.of_study(hit.study_instance_uid)) if facts.local else Covers(),
            next_steps=(_ask_owner("Decide with the owner: share it, rename it, or leave it."),),
            prevent="Look for the study's UID before an upload: this program's forecast does.",
        )


@rule("MRG-05")
def merged_quietly(facts: Facts) -> Iterator[Diagnosis]:
    """What was sent was added to an older session of the same label."""
    started = site_time(facts.sent.started, facts)
    for hit in facts.hits("", PlaceKind.ARCHIVE):
        one = hit.place.experiment
        inserted = site_time(one.insert_date, facts) if one else None
        is_older = bool(started and inserted and inserted < started - timedelta(hours=1))
        here = [line for line in facts.ledger.lines if line.where == hit.place.uri and line.merged_into]
        if one is None or not hit.has_identity or not (is_older or here):
            continue
        yield Diagnosis(
            "MRG-05",
            Certainty.CONFIRMED,
            f"The images were added to the session {one.label}, which is there since {one.insert_date[:10]}.",
            "Archiving a session adds it to one of the same label and study, and makes no new one.",
            where=hit.place.shown,
            evidence=facts.evidence("Q6", "Q15", "Q18"),
            covers=covering(facts.local.of_study(hit.study_instance_uid)) if facts.local else Covers(),
            next_steps=(
                nothing("Nothing, if that is right."),
                _ask_owner("If it is wrong, ask an owner to part them."),
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
        stored = {file.sop_instance_uid for file in contents.files} - {""} if contents else set()
        seen = {facts.sent.stored_uids.get(uid, uid) for uid in facts.sent.verified}
        gone, others = seen - stored, stored - seen
        if contents is None or not stored or not gone:
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
        next_steps=(_ask_owner("Find out which is right, and let the UIDs be mended where the images came from."),),
        prevent="Look at the findings of the folder before an upload.",
    )


@rule("MRG-08")
def split_in_time(facts: Facts) -> Iterator[Diagnosis]:
    """One study stands in several places, since it came in pieces."""
    for study in facts.studies:
        parts = [hit for hit in facts.hits(study) if hit.has_identity and hit.place.kind is not PlaceKind.DIRECT]
        same = [hit for hit in parts if _stem(hit.place.label) == _stem(parts[0].place.label)]
        same = [hit for hit in same if hit.place.project == parts[0].place.project]
        if len(same) < 2:
            continue
        counts = [len(_scan_ids(facts, hit.place.uri)) for hit in same]
        scans = [_scan_ids(facts, hit.place.uri) for hit in same]
        is_disjoint = all(counts) and sum(counts) == len(set.union(*scans))
        is_whole = is_disjoint and not missing(facts)
        waiting = next((hit for hit in same if hit.place.kind is PlaceKind.PREARCHIVE), None)
        archived = next((hit for hit in same if hit.place.kind is PlaceKind.ARCHIVE), None)
        total = f" ({' + '.join(map(str, counts))} = {sum(counts)} scans)" if is_disjoint else ""
        step = (
            _merge(waiting, f"the part that waits in {waiting.place.shown}")
            if waiting and archived and is_disjoint
            else nothing("Wait until both parts have come to rest, then look again.")
        )
        yield Diagnosis(
            "MRG-08",
            Certainty.CONFIRMED if is_whole else Certainty.LIKELY,
            f"The study stands in {counted(len(same), 'place')}: {some([hit.place.shown for hit in same])}{total}.",
            "It came with a pause, and the site took the first part for the whole.",
            where=same[0].place.shown,
            evidence=facts.evidence("Q7", "Q8", "Q10", "Q15"),
            covers=covering(facts.local.of_study(study)) if facts.local else Covers((study,)),
            next_steps=(step,),
            prevent="Send a study without a pause, and finish it at the end: this program does.",
        )


def _stem(label: str) -> str:
    return re.sub(r"_\d{1,2}$", "", label.casefold())


@rule("MRG-09")
def split_by_label(facts: Facts) -> Iterator[Diagnosis]:
    """One study stands in several sessions of different names."""
    for study in facts.studies:
        parts = [hit for hit in facts.hits(study, PlaceKind.PREARCHIVE) if hit.has_identity]
        labels = {hit.place.label for hit in parts}
        if len({_stem(label) for label in labels}) < 2:
            continue
        yield Diagnosis(
            "MRG-09",
            Certainty.CONFIRMED,
            f"The study stands in {counted(len(labels), 'session')} of different names: {some(sorted(labels))}.",
            "Its images name different patients or sessions, and the site sorts by these names.",
            where=parts[0].place.shown,
            evidence=facts.evidence("Q7", "Q8"),
            covers=covering(facts.local.of_study(study)) if facts.local else Covers((study,)),
            next_steps=(
                _other_label(parts[0], parts[0].place.label),
                *(
                    NextStep(
                        StepKind.CONFIRM,
                        f"Then add {hit.place.label} to it.",
                        "F4",
                        Role.MEMBER,
                        target=hit.place.uri,
                        arguments={"session": parts[0].place.label},
                    )
                    for hit in parts[1:]
                ),
            ),
            prevent="Give the whole study one label: this program does.",
        )


@rule("MRG-10")
def pet_and_mr_parted(facts: Facts) -> Iterator[Diagnosis]:
    """The site makes two sessions of one PET/MR study."""
    for study in facts.studies:
        hits = facts.hits(study, PlaceKind.ARCHIVE)
        types = {hit.place.experiment.xsi_type.lower(): hit for hit in hits if hit.place.experiment}
        pet = next((hit for kind, hit in types.items() if "pet" in kind), None)
        other = next((hit for kind, hit in types.items() if "mrsession" in kind), None)
        if pet is None or other is None:
            continue
        yield Diagnosis(
            "MRG-10",
            Certainty.CONFIRMED,
            f"The study became two sessions: {pet.place.label} (PET) and {other.place.label} (MR).",
            "The site parts the scans of a PET/MR scanner.",
            where=pet.place.shown,
            evidence=facts.evidence("Q3", "Q15", "Q16"),
            next_steps=(nothing("Nothing: look at both."),),
            prevent="Worth knowing; it is a setting of site and project.",
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
            next_steps=(_other_label(hit), _ask_owner("Or ask an owner to remove the other one first.")),
            prevent="Send the whole study at once.",
        )
