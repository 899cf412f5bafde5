"""Causes of splitting: one study in several sessions, by time, by label, or by the site's own will.

Sources: missing data 2.8, MRG-08 to MRG-10.
"""

import re
from collections.abc import Iterator

from xnat_wizard.troubleshoot.facts import Facts
from xnat_wizard.troubleshoot.model import Certainty, Covers, Diagnosis, NextStep, PlaceKind, Role, StepKind
from xnat_wizard.troubleshoot.registry import rule
from xnat_wizard.troubleshoot.rules.beside import has_all, merge, scan_ids
from xnat_wizard.troubleshoot.rules.gaps import counted, covering, letter, missing, nothing, some


@rule("MRG-08")
def split_in_time(facts: Facts) -> Iterator[Diagnosis]:
    """One study stands in several places, since it came in pieces."""
    for study in facts.studies:
        parts = [hit for hit in facts.hits(study) if hit.has_identity and hit.place.kind is not PlaceKind.DIRECT]
        same = [hit for hit in parts if _stem(hit.place.label) == _stem(parts[0].place.label)]
        same = [hit for hit in same if hit.place.project == parts[0].place.project]
        if len(same) < 2:
            continue
        counts = [len(scan_ids(facts, hit.place.uri)) for hit in same]
        scans = [scan_ids(facts, hit.place.uri) for hit in same]
        is_disjoint = all(counts) and sum(counts) == len(set.union(*scans))
        if any(has_all(facts, one.place.uri, other.place.uri) for one in same for other in same if one is not other):
            continue  # one part has all that another has: the study came twice, and was not split
        left = [one for one in missing(facts) if one.study_instance_uid == study]
        is_whole = is_disjoint and not left and not facts.moving
        waiting = next((hit for hit in same if hit.place.kind is PlaceKind.PREARCHIVE), None)
        archived = next((hit for hit in same if hit.place.kind is PlaceKind.ARCHIVE), None)
        total = f" ({' + '.join(map(str, counts))} = {sum(counts)} scans)" if is_disjoint else ""
        step = (
            merge(waiting, f"the part that waits in {waiting.place.shown}")
            if waiting and archived and is_disjoint
            else NextStep(StepKind.WAIT, "Wait until all parts have come to rest, then search again.")
            if facts.moving
            else letter("Ask an owner which part is to stay.", "T5")
            if not is_disjoint
            else NextStep(StepKind.CONFIRM, "Archive the first part.", "F3", Role.MEMBER, target=same[0].place.uri)
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
        parts = [hit for hit in parts if hit.place.project == parts[0].place.project]
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
                NextStep(
                    StepKind.CONFIRM,
                    f"Archive {parts[0].place.label} first.",
                    "F3",
                    Role.MEMBER,
                    target=parts[0].place.uri,
                    arguments={"session": parts[0].place.label},
                ),
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
            prevent="Expect two sessions of a PET/MR scanner: it is a setting of site and project.",
        )
