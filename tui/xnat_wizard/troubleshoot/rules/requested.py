"""Causes of routing that lie in the request: what it named, and how much of that the site heeded.

Sources: missing data 2.7, ROU-07 to ROU-09.
"""

from collections.abc import Iterator

from xnat_wizard.troubleshoot.case import Way
from xnat_wizard.troubleshoot.facts import Facts
from xnat_wizard.troubleshoot.model import Certainty, Diagnosis, NextStep, PlaceKind, Role, StepKind
from xnat_wizard.troubleshoot.registry import rule
from xnat_wizard.troubleshoot.rules.gaps import letter, some
from xnat_wizard.troubleshoot.rules.homeward import UNASSIGNED, all_objects, home_of, way_home

_GRADUAL_NAMES = {"project": "PROJECT_ID", "subject": "SUBJECT_ID", "session": "EXPT_LABEL"}


@rule("ROU-07")
def project_was_ignored(facts: Facts) -> Iterator[Diagnosis]:
    """The request named a project, and the site's answer names another place."""
    wanted = facts.sent.project or facts.case.project
    if not wanted:
        return
    for uri in facts.sent.uris:
        project = uri.partition("/projects/")[2].partition("/")[0]
        if not project or project == wanted or (facts.project and project == facts.project.id):
            continue
        at = next((hit for hit in facts.hits() if hit.place.uri == uri), None)
        if at is None and facts.hits("", PlaceKind.ARCHIVE, PlaceKind.PREARCHIVE, PlaceKind.DIRECT):
            continue  # it has been put right since
        yield Diagnosis(
            "ROU-07",
            Certainty.CONFIRMED,
            f'The request said project "{wanted}"; the site put it into {project}.',
            "XNAT ignores a project that it does not know, or that the account may not use, and sorts by the images.",
            where=uri.removeprefix("/data/").replace("prearchive/projects", "prearchive"),
            evidence=(*facts.sent.evidence, *facts.evidence("Q4", "Q5")),
            covers=all_objects(facts),
            next_steps=way_home(facts, uri, is_ours=True)
            if UNASSIGNED in uri
            else (letter(f"Ask an owner of {project} to move it to the right project.", "T4"),)
            if "/prearchive/" not in uri
            else (
                NextStep(
                    StepKind.CONFIRM,
                    f"Move it to {home_of(facts)}.",
                    "F6",
                    Role.MEMBER,
                    target=uri,
                    arguments={"project": home_of(facts)},
                ),
                letter("Or ask for the rights of a member there.", "T4"),
            )
            if home_of(facts)
            else (letter("Send the administrator this letter.", "T1"),),
            prevent="Compare the site's first answer with the project: this program stops at the first difference.",
        )


@rule("ROU-08")
def uploaded_as_collaborator(facts: Facts) -> Iterator[Diagnosis]:
    """The site took the upload of somebody who may not see what came of it."""
    project = facts.project
    if project is None or facts.role is not Role.COLLABORATOR or not project.is_visible or facts.rows is None:
        return
    rows = [row for row in facts.rows.value if row.project == project.id]
    studies = set(facts.studies)
    ours = [
        row
        for row in rows
        if row.study_instance_uid in studies or row.label in {facts.case.session, facts.sent.session} - {""}
    ]
    ours.sort(key=lambda row: row.study_instance_uid not in studies)
    if not ours:
        return
    yield Diagnosis(
        "ROU-08",
        Certainty.CONFIRMED if ours[0].study_instance_uid in studies else Certainty.LIKELY,
        f"It is in the prearchive of {project.id} (status {ours[0].status}); this account may not open it.",
        "The site takes uploads of collaborators, and shows them the list only.",
        where=f"prearchive/{project.id}/{ours[0].timestamp}/{ours[0].folder}",
        evidence=facts.evidence("Q5", "Q8", "Q11"),
        covers=all_objects(facts),
        next_steps=(
            NextStep(StepKind.ASK_OWNER, "Ask an owner to archive it, or to make you a member.", "", Role.OWNER, "T4"),
        ),
        prevent="Ask for a member's rights before an upload.",
    )


@rule("ROU-09")
def names_of_another_handler(facts: Facts) -> Iterator[Diagnosis]:
    """The request used parameters that its import handler does not read."""
    way = facts.sent.way if facts.sent.way is not Way.UNKNOWN else facts.case.way
    given = facts.sent.parameters
    wrong = [name for name, right in _GRADUAL_NAMES.items() if name in given and right not in given]
    if way is not Way.GRADUAL or not wrong:
        return
    yield Diagnosis(
        "ROU-09",
        Certainty.CONFIRMED,
        f"The request said {some(wrong)}; this import handler reads {some([_GRADUAL_NAMES[one] for one in wrong])}.",
        "Each import handler has names of its own, and ignores the others without a word.",
        evidence=facts.sent.evidence,
        covers=all_objects(facts),
        next_steps=way_home(facts, next((uri for uri in facts.sent.uris if UNASSIGNED in uri), ""), is_ours=True),
        prevent="Use the upper-case names, which all handlers read, and look at the answer: this program does both.",
    )
