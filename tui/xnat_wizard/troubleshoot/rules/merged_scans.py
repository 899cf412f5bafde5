"""Causes of merging inside a session: scans, subjects and files that got another place or name.

Sources: missing data 2.8, MRG-12 to MRG-17.
"""

import re
from collections import Counter
from collections.abc import Iterator

from xnat_wizard.troubleshoot.facts import Facts
from xnat_wizard.troubleshoot.model import Certainty, Diagnosis, Fate, NextStep, PlaceKind, Role, StepKind
from xnat_wizard.troubleshoot.registry import rule
from xnat_wizard.troubleshoot.rules.gaps import (
    by_hand,
    counted,
    covering,
    covers_at,
    dry_run,
    letter,
    nothing,
    offered,
    some,
)
from xnat_wizard.upload.labels import clean_label

_MADE_SCAN = re.compile(r"(?P<number>\w+)-[A-Z]+\d+")
_SEVERAL_STUDIES = re.compile(r"(more than one|multiple|several|\b[2-9]\d*) stud", re.IGNORECASE)


@rule("MRG-12")
def scan_got_another_name(facts: Facts) -> Iterator[Diagnosis]:
    """A scan of the same number was there: the new one was given another ID."""
    for hit in facts.hits("", PlaceKind.ARCHIVE, PlaceKind.PREARCHIVE):
        contents = facts.contents_of(hit.place)
        objects = facts.local.of_study(hit.study_instance_uid) if facts.local else ()
        series = {one.series_instance_uid for one in objects}
        uses = Counter(number for number, _ in {(one.series_number, one.series_instance_uid) for one in objects})
        numbers = {number for number, count in uses.items() if count == 1}  # used twice here: that is LOC-18
        made = [
            scan.id
            for scan in (contents.scans if contents else ())
            if (found := _MADE_SCAN.fullmatch(scan.id))
            and found["number"] in numbers
            and scan.series_instance_uid in {"", *series}
        ]
        codes = dry_run(facts, hit)
        clash = [code for code in ("16", "17", "18") if codes.get(code) == "CONFLICT"]
        if not made and not clash:
            continue
        yield Diagnosis(
            "MRG-12",
            Certainty.CONFIRMED,
            f"The new images stand in scans {some(made, 5)}, beside older ones of the same number."
            if made
            else "Scans of the same number are in the session already: the new ones will get other IDs.",
            "A scan's ID must be unique in a session.",
            where=hit.place.shown,
            evidence=facts.evidence("Q12", "Q18", "Q29"),
            covers=covers_at(facts, hit),
            next_steps=(nothing("Nothing, if that is right."), letter("If it is wrong, ask an owner.", "T5")),
            prevent="Look whether the study is at the site before it is sent again.",
        )


@rule("MRG-13")
def another_study_under_the_label(facts: Facts) -> Iterator[Diagnosis]:
    """The session of this label is another study, by its UID."""
    for hit in facts.hits("", PlaceKind.PREARCHIVE):
        codes = dry_run(facts, hit)
        if "5" not in codes and codes.get("19") != "CONFLICT":
            continue
        yield Diagnosis(
            "MRG-13",
            Certainty.CONFIRMED,
            f"The session {hit.place.label} in the archive has another study UID than the one that waits.",
            "It is another examination, or the same one made anonymous a second time, with new UIDs.",
            where=hit.place.shown,
            evidence=facts.evidence("Q16", "Q29"),
            next_steps=(
                NextStep(
                    StepKind.CONFIRM,
                    "Archive it under a label of its own.",
                    "F3",
                    Role.MEMBER,
                    target=hit.place.uri,
                    arguments={"session": f"{hit.place.label}_2"},
                ),
                letter("Or ask an owner whether both are one.", "T5"),
            ),
            prevent="Make images anonymous once, and keep the UIDs that came of it.",
        )


@rule("MRG-14")
def another_subject(facts: Facts) -> Iterator[Diagnosis]:
    """The session hangs at another subject, or a new one is about to be made."""
    for hit in facts.hits("", PlaceKind.ARCHIVE, PlaceKind.PREARCHIVE):
        expected = facts.case.subject or facts.sent.labels_of(hit.study_instance_uid)[0]
        wanted = clean_label(expected).casefold() if expected else ""
        subject = hit.place.subject.casefold()
        is_other = bool(wanted) and bool(subject) and subject not in {wanted, wanted.replace("-", "_")}
        if not is_other or not hit.has_identity:
            continue
        move = (
            NextStep(
                StepKind.CONFIRM,
                f"Archive it for subject {clean_label(expected)}.",
                "F3",
                Role.MEMBER,
                target=hit.place.uri,
                arguments={"subject": clean_label(expected)},
            )
            if hit.place.kind is PlaceKind.PREARCHIVE
            else letter("Ask an owner to move it to the right subject.", "T5")
        )
        yield Diagnosis(
            "MRG-14",
            Certainty.CONFIRMED,
            f'The session belongs to subject "{hit.place.subject}", not to "{expected}".',
            "Without a subject in the request, the site takes the patient's name from the images.",
            where=hit.place.shown,
            evidence=facts.evidence("Q7", "Q15", "Q16"),
            covers=covers_at(facts, hit),
            next_steps=(move,),
            prevent="Look at the subject in the plan before an upload.",
        )


@rule("MRG-15")
def two_studies_in_one_session(facts: Facts) -> Iterator[Diagnosis]:
    """Images of several studies lie in one session of the prearchive."""
    for hit in facts.hits("", PlaceKind.PREARCHIVE, PlaceKind.UNASSIGNED):
        contents = facts.contents_of(hit.place)
        stored = {file.sop_instance_uid for file in contents.files} - {""} if contents else set()
        objects = facts.local.objects if facts.local else ()
        studies = {one.study_instance_uid for one in objects if one.sop_instance_uid in stored}
        studies |= {line.study_instance_uid for line in facts.ledger.of(Fate.ARRIVED) if line.where == hit.place.uri}
        said = _SEVERAL_STUDIES.search(contents.log) if contents else None
        if len(studies) < 2 and said is None:
            continue
        yield Diagnosis(
            "MRG-15",
            Certainty.CONFIRMED,
            f"The session {hit.place.label} holds images of {counted(max(2, len(studies)), 'study')}.",
            "XNAT makes a session of one study, and cannot build this one." if said else "Their UIDs are both in it.",
            where=hit.place.shown,
            evidence=contents.evidence if contents else (),
            next_steps=(
                NextStep(StepKind.ASK_ADMIN, "Ask the administrator what to do with it.", "", Role.ADMIN, "T3"),
                by_hand("When it has been put right, upload each study by itself."),
            ),
            prevent="Upload one study as one session: this program does.",
        )


@rule("MRG-16")
def names_that_are_not_unique(facts: Facts) -> Iterator[Diagnosis]:
    """The site's template gives several images one name: each replaces the one before."""
    template = facts.site.value.settings.get("dicomFileNameTemplate", "") if facts.site else ""
    if not template or "SOPInstanceUID" in template or facts.local is None:
        return
    gone = {one.path for one in offered(facts)} if not facts.moving else set()
    for study in facts.local.studies:
        series = facts.local.by_series(study)
        short = {
            key: group for key, group in series.items() if len(group) > 1 and any(one.path in gone for one in group)
        }
        kept = [sum(one.path not in gone for one in group) for group in short.values()]
        if not short or set(kept) != {1}:
            continue
        lost = [one for group in short.values() for one in group if one.path in gone]
        yield Diagnosis(
            "MRG-16",
            Certainty.CONFIRMED,
            f"Of {counted(len(short), 'series')} the site has one file each: the others were replaced.",
            f"It names files by {template}, which is the same for all images of a series.",
            where=hit.place.shown if (hit := next(iter(facts.hits(study)), None)) else "",
            evidence=facts.evidence("Q3", "Q12", "Q19"),
            covers=covering(lost),
            next_steps=(
                NextStep(
                    StepKind.ASK_ADMIN, "Ask the administrator to set a unique name.", role=Role.ADMIN, template="T6"
                ),
            ),
            prevent="Let the template be read before an upload: this program does.",
        )


@rule("MRG-17")
def session_is_busy(facts: Facts) -> Iterator[Diagnosis]:
    """The session in the archive is being worked on, or was left so by a crash."""
    for hit in facts.hits("", PlaceKind.PREARCHIVE):
        if "10" not in dry_run(facts, hit):
            continue
        yield Diagnosis(
            "MRG-17",
            Certainty.CONFIRMED,
            f"The session {hit.place.label} in the archive is being worked on: nothing can be added to it now.",
            "Something runs on it, or has crashed and was never closed.",
            where=hit.place.shown,
            evidence=facts.evidence("Q29"),
            next_steps=(
                NextStep(StepKind.WAIT, "Wait an hour, then check again.", target=hit.place.uri),
                NextStep(StepKind.ASK_ADMIN, "If it stays so, ask the administrator.", role=Role.ADMIN, template="T3"),
            ),
            prevent="Send a study at once, and look again only when it has come to rest.",
        )
