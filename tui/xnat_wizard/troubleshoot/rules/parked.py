"""Causes on the way by HTTP that end short of the import: taken for later, or parked in the account's cache.

Sources: missing data 2.6, NET-14, NET-15; 2.2 (F13).
"""

from collections.abc import Iterator

from xnat_wizard.troubleshoot.facts import Facts
from xnat_wizard.troubleshoot.model import Certainty, Diagnosis, NextStep, Role, Standing, StepKind
from xnat_wizard.troubleshoot.registry import rule
from xnat_wizard.troubleshoot.rules.gaps import by_hand, counted, covering, missing, some


@rule("NET-14")
def only_submitted(facts: Facts) -> Iterator[Diagnosis]:
    """The import was only taken for later, and failed then."""
    if facts.event is None:
        return
    event = facts.event.value
    if not facts.event.is_known or event is None:
        if facts.case.event_key:
            yield Diagnosis(
                "NET-14",
                Certainty.NOT_CHECKABLE,
                "The import was taken for later; what became of it is told only to the account that sent it.",
                "This account may not read that event."
                if facts.event.standing in {Standing.ABSENT, Standing.NOT_ALLOWED}
                else "The site could not be asked about that event.",
                evidence=facts.event.evidence,
                next_steps=(by_hand("Log in with the account that sent it, then search again."),),
                prevent="Wait for the outcome of an import: this program does.",
            )
        return
    if event.has_succeeded is True:
        return
    yield Diagnosis(
        "NET-14",
        Certainty.CONFIRMED,
        "The import was taken for later, and still runs."
        if event.has_succeeded is None
        else "The import was taken for later, and failed then.",
        f"The site says: {event.message[:200]}" if event.message else "The site gives no reason.",
        evidence=facts.event.evidence,
        covers=covering(missing(facts)),
        next_steps=(NextStep(StepKind.WAIT, "Wait, then look again."),)
        if event.has_succeeded is None
        else _from_cache(facts),
        prevent="Wait for the outcome of an import: this program does.",
    )


def _from_cache(facts: Facts) -> tuple[NextStep, ...]:
    project = facts.project.id if facts.project else ""
    if facts.cache and facts.cache.value and not project:
        return (by_hand("Say which project it is for, then search again: it can be imported from there."),)
    return tuple(
        NextStep(
            StepKind.ONE_CLICK,
            f"Import {one.name} from where it is parked.",
            "F13",
            Role.MEMBER,
            target=one.uri,
            arguments={"project": project},
        )
        for one in (facts.cache.value if facts.cache else ())
    ) or (by_hand("Mend what the site says, then upload it with this program."),)


@rule("NET-15")
def parked_in_the_cache(facts: Facts) -> Iterator[Diagnosis]:
    """The browser's upload is parked at the site, and was never imported."""
    cached = facts.cache.value if facts.cache else ()
    if not cached or facts.moving or (facts.local and facts.local.objects and not missing(facts)):
        return
    name = facts.local.zip.name if facts.local and facts.local.zip else ""
    is_ours = any(one.name == name for one in cached if name)
    yield Diagnosis(
        "NET-15",
        Certainty.CONFIRMED if is_ours else Certainty.LIKELY if not facts.hits() else Certainty.POSSIBLE,
        f"{counted(len(cached), 'upload')} of yours {'is' if len(cached) == 1 else 'are'} parked at the site: "
        f"{some(one.name for one in cached)}.",
        "The upload page first parks a file, then imports it; the second step did not happen, or left the file behind.",
        where=cached[0].uri.removeprefix("/data/"),
        evidence=facts.cache.evidence if facts.cache else (),
        covers=covering(missing(facts)),
        next_steps=_from_cache(facts),
        prevent="Use a program that does both steps: this one does.",
    )
