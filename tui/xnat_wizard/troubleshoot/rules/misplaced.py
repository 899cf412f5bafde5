"""Causes of routing by which a study, or a part of it, stands where nobody looks for it.

Sources: missing data 2.7, ROU-18 to ROU-20.
"""

from collections.abc import Iterator

from xnat_wizard.troubleshoot.facts import Facts, Match
from xnat_wizard.troubleshoot.model import Certainty, Diagnosis, NextStep, PlaceKind, Role, StepKind
from xnat_wizard.troubleshoot.registry import rule
from xnat_wizard.troubleshoot.rules.gaps import arrived, by_hand, covering, covers_at, messages, offered
from xnat_wizard.troubleshoot.rules.homeward import UNASSIGNED

_AWAY = {502, 503}  # what a site answers while it starts


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
            "Its study UID is the same: the upload went to that project.",
            where=hit.place.shown,
            evidence=facts.evidence("Q7", "Q15"),
            covers=covers_at(facts, hit),
            next_steps=(step,),
            prevent="Look at title and ID of the project before an upload: the header shows them.",
        )


@rule("ROU-19")
def right_after_a_restart(facts: Facts) -> Iterator[Diagnosis]:
    """The first files of a study are in Unassigned, the others in the project."""
    for study in facts.studies:
        rest = next(iter(facts.hits(study, PlaceKind.PREARCHIVE, PlaceKind.ARCHIVE)), None)
        if rest is None or len({one.project for one in facts.forecasts if one.study_instance_uid == study}) > 1:
            continue
        first = next(iter(facts.hits(study, PlaceKind.UNASSIGNED)), None)
        ours = next((uri for uri in facts.sent.uris if UNASSIGNED in uri), "")
        was_away = any(one.status in _AWAY for one in messages(facts))
        if first is None and not ours and not (was_away and _is_the_beginning_missing(facts)):
            continue
        uri = first.place.uri if first else ours
        home = rest.place.project
        sure = f"A part of the study is in Unassigned, the rest in {home}, though all name one project."
        perhaps = f"The first images of the study may be in Unassigned; the rest is in {home}."
        yield Diagnosis(
            "ROU-19",
            Certainty.LIKELY if uri else Certainty.POSSIBLE,
            sure if uri else perhaps,
            "Shortly after a restart the site may not know its projects yet.",
            where=first.place.shown if first else rest.place.shown,
            evidence=(*facts.sent.evidence, *facts.evidence("Q7", "Q9", "Q10")),
            covers=covers_at(facts, first) if first else covering(offered(facts)),
            next_steps=(*_joined(uri, home, is_ours=bool(ours) and uri == ours), _T1),
            prevent="Let a first question wake the site, and resume by what it has: this program does both.",
        )


_T1 = NextStep(StepKind.ASK_ADMIN, "Send the administrator this letter.", role=Role.ADMIN, template="T1")


def _joined(uri: str, home: str, *, is_ours: bool) -> tuple[NextStep, ...]:
    if not uri:
        return ()
    role = Role.MEMBER if is_ours else Role.ADMIN
    return (
        NextStep(StepKind.CONFIRM, f"Move it to {home}.", "F6", role, target=uri, arguments={"project": home}),
        NextStep(StepKind.CONFIRM, "Then add it to the rest.", "F4", Role.MEMBER, target=uri),
    )


def _is_the_beginning_missing(facts: Facts) -> bool:
    here, gone = arrived(facts), offered(facts)
    return bool(here and gone) and max(one.order for one in gone) < min(one.order for one in here)


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
            covers=covers_at(facts, hit),
            next_steps=(
                NextStep(StepKind.ASK_OWNER, "Ask an owner to part them.", role=Role.OWNER, template="T5"),
                by_hand("Then upload them from the project."),
            ),
            prevent="Upload from the project, or with this program.",
        )
