"""Local causes that lie in names and choices: labels, projects as typed, the wrong folder, part of a study.

Sources: missing data 2.5, LOC-05, LOC-06, LOC-10 to LOC-13, LOC-15.
"""

import re
from collections.abc import Iterator

from xnat_wizard.troubleshoot.case import Way
from xnat_wizard.troubleshoot.facts import Candidate, Facts, LocalObject, Match, SentFate
from xnat_wizard.troubleshoot.model import Certainty, Diagnosis, NextStep, PlaceKind, Role, StepKind
from xnat_wizard.troubleshoot.registry import rule
from xnat_wizard.troubleshoot.resolve import folded
from xnat_wizard.troubleshoot.rules.gaps import (
    arrived,
    best_place,
    by_hand,
    counted,
    covering,
    covers_at,
    first_saying,
    missing,
    nothing,
    resend,
    some,
)
from xnat_wizard.upload.labels import clean_label

_COUNTER = re.compile(r"_?\d{1,2}$")  # what a site or client adds to a placeholder
_PLACEHOLDERS = frozenset({"", "anonymous", "anonymized", "anon", "dicom_upload", "unknown", "none", "patient"})


@rule("LOC-05")
def several_studies_together(facts: Facts) -> Iterator[Diagnosis]:
    """One folder or zip held several studies: each is a session of its own, or the import refused them."""
    if facts.local is None or facts.local.survey is None:
        return
    said = first_saying(facts, "multiple imaging sessions")
    by_folder: dict[str, list[str]] = {}
    for series in facts.local.survey.series:
        studies = by_folder.setdefault(series.subject_folder, [])
        if series.study_instance_uid not in studies:
            studies.append(series.study_instance_uid)
    for folder, studies in by_folder.items():
        seen = {study: facts.hits(study) for study in studies}
        absent = {study for study, hits in seen.items() if not hits}
        lost = tuple(one for one in missing(facts) if one.study_instance_uid in absent)
        is_half = bool(lost) and len(absent) < len(studies)  # one is there, another one is not
        is_clash = any(hits and hits[0].place.status == "CONFLICT" for hits in seen.values())
        if len(studies) < 2 or not (is_half or is_clash or said):
            continue
        found = [hits[0].place.shown for hits in seen.values() if hits]
        places = [hits[0].place for hits in seen.values() if hits]
        steps = [
            NextStep(
                StepKind.CONFIRM,
                f"Archive {place.shown} under a label of its own.",
                "F3",
                Role.MEMBER,
                target=place.uri,
                arguments={"session": f"{place.label}_2"},
            )
            for place in places
            if place.row is not None and place.row.status == "CONFLICT"
        ]
        yield Diagnosis(
            "LOC-05",
            Certainty.CONFIRMED,
            f"The folder {folder or facts.local.survey.source.name} holds {counted(len(studies), 'study')}; "
            + (f"the site has {some(found)}." if found else "none of them is at the site."),
            "XNAT makes one session of one study; one label for several of them ends in a conflict."
            if not said
            else "XNAT refused the upload because it holds files of several imaging sessions.",
            where=folder,
            evidence=(*facts.local.evidence, *facts.sent.evidence),
            covers=covering(lost),
            next_steps=(*steps, *resend(facts, lost))
            or (nothing("Nothing: each study is a session of its own, with a label of its own."),),
            prevent="Give every study a label of its own: this program's plan does.",
        )


@rule("LOC-06")
def only_a_part_was_sent(facts: Facts) -> Iterator[Diagnosis]:
    """Some of the study lay deeper, or beside the folder that was sent."""
    local = facts.local
    if local is None:
        return
    yield from _beside(facts)
    tried = _tried(facts)
    unsent = tuple(one for one in missing(facts) if one.path not in tried) if not facts.moving else ()
    sent_depths = {_depth(one) for one in local.objects if one.path in tried}
    left = tuple(one for one in unsent if sent_depths and _depth(one) > max(sent_depths))
    if not left:
        return
    folders = some(sorted({one.path.rpartition("/")[0] for one in left}), 4)
    yield Diagnosis(
        "LOC-06",
        Certainty.CONFIRMED if facts.sent.has_per_file_record else Certainty.LIKELY,
        f"{counted(len(left), 'image')} of the study {'was' if len(left) == 1 else 'were'} never sent: "
        "one folder deeper than the sender looked.",
        "sendDCM2xnat sends the files directly in each series folder, and nothing below."
        if Way.C_STORE in {facts.case.way, facts.sent.way}
        else "What was sent is a part of the source.",
        where=folders,
        evidence=(*local.evidence, *facts.sent.evidence),
        covers=covering(left),
        next_steps=resend(facts, left),
        prevent="Let this program read the whole folder: it finds images at any depth.",
    )


def _beside(facts: Facts) -> Iterator[Diagnosis]:
    files = [file for held in facts.contents.values() for file in held.files]
    stored = {file.sop_instance_uid for file in files}
    extra = sum(count for _, count in facts.ledger.extra)  # what the site has beyond the folder at hand
    for sibling in facts.local.siblings if facts.local else ():
        gone = [facts.sent.stored_uids.get(uid, uid) for uid in sibling.sop_instance_uids]
        gone = [uid for uid in gone if uid not in stored]
        is_told = bool(files) and "" not in stored
        if not files or not gone or facts.moving or (not is_told and extra >= len(gone)):
            continue
        yield Diagnosis(
            "LOC-06",
            Certainty.CONFIRMED if is_told else Certainty.LIKELY,
            f"{counted(len(gone), 'image')} of this study {'lies' if len(gone) == 1 else 'lie'} in another folder, "
            f"{sibling.folder.name}, and {'is' if len(gone) == 1 else 'are'} not in the session.",
            "The folder that was chosen holds only a part of the study.",
            where=str(sibling.folder),
            evidence=facts.local.evidence if facts.local else (),
            next_steps=(by_hand(f"Upload {sibling.folder.name} as well, into the same session."),),
            prevent="Choose the folder above, so that the whole study is seen.",
        )


def _tried(facts: Facts) -> frozenset[str]:
    """Return the paths of the objects that a sender's record has; without a record, of those that arrived."""
    if facts.local is None or not facts.sent.has_per_file_record:
        return frozenset(one.path for one in arrived(facts))
    tried = [file for file in facts.sent.files if file.fate is not SentFate.NOT_SENT]
    uids = {file.sop_instance_uid for file in tried} - {""}
    by_name: dict[str, list[str]] = {}
    for file in tried:
        path = file.path.replace("\\", "/")
        by_name.setdefault(path.rpartition("/")[2], []).append(path)
    return frozenset(
        one.path
        for one in facts.local.objects
        if one.sop_instance_uid in uids or any(_is_same(name, one.path) for name in by_name.get(one.base_name, ()))
    )


def _is_same(recorded: str, path: str) -> bool:
    return recorded == path or recorded.endswith(f"/{path}") or path.endswith(f"/{recorded}")


def _depth(one: LocalObject) -> int:
    return one.path.count("/")


@rule("LOC-10")
def other_identifiers(facts: Facts) -> Iterator[Diagnosis]:
    """The session stands under a name that nobody expects, since the images say so."""
    for study in facts.local.studies if facts.local else ():
        expected = facts.case.session or facts.sent.labels_of(study)[1]
        objects = facts.local.of_study(study) if facts.local else ()
        patients = {one.patient_id for one in objects}
        is_odd = patients <= _PLACEHOLDERS or all(one.casefold() in _PLACEHOLDERS for one in patients)
        for hit in facts.hits(study, PlaceKind.ARCHIVE, PlaceKind.PREARCHIVE):
            label = hit.place.label
            stands_odd = _COUNTER.sub("", label.casefold()) in _PLACEHOLDERS
            is_renamed = bool(expected) and label.casefold() != clean_label(expected).casefold()
            is_of_patient = label in {clean_label(one) for one in patients if one}
            if not (stands_odd or (is_renamed and (is_odd or is_of_patient))):
                continue
            yield Diagnosis(
                "LOC-10",
                Certainty.CONFIRMED if hit.has_identity else Certainty.LIKELY,
                f'The session is there, under the label "{label}".',
                "Its label was made from the images, whose patient ID is empty or a placeholder."
                if is_odd
                else "Its label was made from the patient ID in the images.",
                where=hit.place.shown,
                evidence=(*(facts.local.evidence if facts.local else ()), *facts.evidence("Q7", "Q8", "Q15", "Q16")),
                covers=covers_at(facts, hit),
                next_steps=_relabel(hit, expected),
                prevent="Look at the labels in the plan before the upload.",
            )


def _relabel(hit: Candidate, wanted: str) -> tuple[NextStep, ...]:
    if hit.place.kind is PlaceKind.PREARCHIVE and not wanted:
        return (by_hand("Archive it in the prearchive step, under the label that you want."),)
    if hit.place.kind is PlaceKind.PREARCHIVE:
        return (
            NextStep(
                StepKind.CONFIRM,
                f"Archive it under the label {clean_label(wanted)}.",
                "F3",
                Role.MEMBER,
                target=hit.place.uri,
                arguments={"session": clean_label(wanted)},
            ),
        )
    return (NextStep(StepKind.ASK_OWNER, "Ask an owner of the project to rename it.", role=Role.OWNER, template="T5"),)


@rule("LOC-11")
def label_was_cleaned(facts: Facts) -> Iterator[Diagnosis]:
    """The label holds characters that XNAT replaces, so a search for it as typed finds nothing."""
    for typed in dict.fromkeys((facts.case.session, facts.case.subject, facts.sent.session, facts.sent.subject)):
        if not typed or clean_label(typed) == typed:
            continue
        wanted = {clean_label(typed), clean_label(typed).replace("-", "_")}
        hit = next((one for one in facts.hits() if {one.place.label, one.place.subject} & wanted), None)
        if hit is None:
            continue
        shown = hit.place.label if hit.place.label in wanted else hit.place.subject
        yield Diagnosis(
            "LOC-11",
            Certainty.CONFIRMED if hit.has_identity else Certainty.LIKELY,
            f'"{typed}" is there under the name "{shown}".',
            "XNAT replaces every character of a label but letters, digits, _ and - by _.",
            where=hit.place.shown,
            evidence=facts.evidence("Q7", "Q8", "Q15", "Q16"),
            covers=covers_at(facts, hit),
            next_steps=(nothing("Look for it under that name."),),
            prevent="Use only letters, digits, _ and - in labels.",
        )


@rule("LOC-12")
def title_for_an_id(facts: Facts) -> Iterator[Diagnosis]:
    """What was given as the project is the title or running title of one."""
    project = facts.project
    if project is None or project.match not in {Match.TITLE, Match.RUNNING_TITLE} or _is_in_a_project(facts):
        return
    what = "title" if project.match is Match.TITLE else "running title"
    alike = project.id or some(one.id for one in project.alikes)
    is_seen, steps = _unassigned(facts, project.id)
    yield Diagnosis(
        "LOC-12",
        Certainty.CONFIRMED if is_seen else Certainty.LIKELY,
        f'"{project.typed}" is the {what} of a project; its ID is {alike}.',
        "XNAT sorts by project IDs and aliases only; a title matches nothing, and the images go to Unassigned.",
        evidence=project.evidence,
        next_steps=steps,
        prevent="Choose the project from the list: this program sends its ID.",
    )


@rule("LOC-13")
def look_alike_project(facts: Facts) -> Iterator[Diagnosis]:
    """What was given resembles a project or a subject, and is not the same."""
    project = facts.project
    if project is not None and project.match is Match.FOLDED and not _is_in_a_project(facts):
        _, steps = _unassigned(facts, project.id)
        alike = project.id or some(one.id for one in project.alikes)
        is_seen = any(hit.has_identity for hit in facts.hits("", PlaceKind.UNASSIGNED))
        yield Diagnosis(
            "LOC-13",
            Certainty.CONFIRMED if is_seen else Certainty.LIKELY,
            f'"{project.typed}" is no project, and resembles {alike}.',
            "XNAT compares project IDs letter by letter, capital and small letters too; what matches none goes to "
            "Unassigned.",
            evidence=project.evidence,
            next_steps=steps,
            prevent="Choose the project from the list: this program sends its ID.",
        )
    typed = facts.case.subject or facts.sent.subject
    labels = {one.casefold() for one in (project.labels if project else ())}  # one that differs in case is the same
    alikes = [one for one in (project.labels if project else ()) if folded(one) == folded(typed)]
    is_found = any(hit.place.subject.casefold() == typed.casefold() for hit in facts.hits())
    if typed and alikes and typed.casefold() not in labels and not is_found:
        yield Diagnosis(
            "LOC-13",
            Certainty.LIKELY,
            f'The project has a subject {some(alikes)}, which resembles "{typed}".',
            "XNAT takes labels that differ by a zero or a dash for different subjects.",
            evidence=facts.evidence("Q17"),
            next_steps=(by_hand(f"Look at the sessions of {alikes[0]} too."),),
            prevent="Use the spelling that is there already.",
        )


def _is_in_a_project(facts: Facts) -> bool:
    """Tell whether the study is known to stand in a project: then it went not to Unassigned."""
    return bool(facts.hits("", PlaceKind.ARCHIVE, PlaceKind.PREARCHIVE, PlaceKind.DIRECT))


def _unassigned(facts: Facts, project_id: str) -> tuple[bool, tuple[NextStep, ...]]:
    """Tell whether the session is known to be in Unassigned, and how it gets out of there."""
    ours = next((uri for uri in facts.sent.uris if "/projects/Unassigned/" in uri), "")
    hit = next((one for one in facts.hits("", PlaceKind.UNASSIGNED) if one.has_identity), None)  # others may be others'
    uri = ours or (hit.place.uri if hit else "")
    letter = NextStep(StepKind.ASK_ADMIN, "Ask the site's administrator to move it.", role=Role.ADMIN, template="T1")
    if not uri or not project_id:
        return bool(uri), (letter,)
    move = NextStep(
        StepKind.ONE_CLICK,
        f"Move it to {project_id}.",
        "F6",
        Role.MEMBER if ours else Role.ADMIN,
        target=uri,
        arguments={"project": project_id},
    )
    return True, (move, letter)


@rule("LOC-15")
def swapped_arguments(facts: Facts) -> Iterator[Diagnosis]:
    """The arguments of the sending script stood in another order than it reads them."""
    arguments = facts.sent.arguments
    visible = {one.id for one in facts.project.visible} if facts.project else set()
    if len(arguments) < 3 or arguments[2] in visible:
        return
    at = next((place for place in (0, 1) if arguments[place] in visible), None)
    if at is None:
        return
    names = ("subject", "session")
    hit = next((one for one in facts.candidates if arguments[at] in {one.place.subject, one.place.label}), None)
    project_id = arguments[at]
    _, steps = _unassigned(facts, project_id)
    yield Diagnosis(
        "LOC-15",
        Certainty.CONFIRMED if hit is not None and hit.has_identity else Certainty.LIKELY,
        f"The project {project_id} was given where the script expects the {names[at]}; "
        f'as the project it got "{arguments[2]}".',
        "sendDCM2xnat reads: subject, session, project, server, port, folder.",
        where=hit.place.shown if hit else (place.place.shown if (place := best_place(facts)) else ""),
        evidence=(*facts.sent.evidence, *(facts.project.evidence if facts.project else ())),
        next_steps=steps,
        prevent="Let this program build the call: it refuses what is no project.",
    )
