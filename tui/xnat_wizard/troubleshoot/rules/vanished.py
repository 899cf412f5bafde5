"""Causes by which a session that our records name is gone from its place: removed, moved, or cleaned up.

None is said while the site still moves, nor where the study may be archived. Sources: missing data 2.10, HSK-01 to
HSK-03, HSK-13.
"""

from collections.abc import Iterator

from xnat_wizard.troubleshoot.facts import Facts
from xnat_wizard.troubleshoot.model import Certainty, Diagnosis, NextStep, PlaceKind, Role, Standing, StepKind, Told
from xnat_wizard.troubleshoot.registry import rule
from xnat_wizard.troubleshoot.rules.gaps import covering, covers_at, letter, missing, resend, surer_for_admins
from xnat_wizard.troubleshoot.rules.homeward import UNASSIGNED
from xnat_wizard.troubleshoot.times import site_time
from xnat_wizard.upload.labels import clean_label
from xnat_wizard.xnat.inquiries.values import Row

_OLD_DAYS = 30


def _vanished(facts: Facts) -> tuple[str, ...]:
    """Return the prearchive URIs of our records that are gone, with nothing of the study anywhere else."""
    sees_all = facts.who is not None and facts.who.value.sees_all
    gone = [
        uri
        for uri, told in facts.earlier.items()
        if _is_gone(told) and (sees_all or (UNASSIGNED not in uri and _is_open(facts, uri)))
    ]
    return tuple(gone) if gone and _is_searched(facts) and not facts.hits() and not _is_alive(facts) else ()


def _is_searched(facts: Facts) -> bool:
    """Tell whether the site said that no archive we read has the study: what was not searched may be anywhere."""
    return facts.by_uid is not None and facts.by_uid.is_known


def _is_gone(told: Told[Row | None]) -> bool:
    """Tell whether a site says that a row is not there: with 404, or with an empty list."""
    return told.value is None and told.standing in {Standing.ABSENT, Standing.ANSWERED}


def _is_open(facts: Facts, uri: str) -> bool:
    """Tell whether the account sees the project of an address: else an empty answer says nothing."""
    project = uri.partition("/projects/")[2].partition("/")[0]
    return facts.project is not None and any(one.id == project for one in facts.project.visible)


def _is_alive(facts: Facts) -> bool:
    """Tell whether the study may be on its way or archived after all: then nothing was removed."""
    if facts.moving or (facts.by_uid and facts.by_uid.value) or facts.hits("", PlaceKind.ARCHIVE, PlaceKind.DIRECT):
        return True
    if facts.event and facts.event.value and facts.event.value.has_succeeded is None:
        return True
    label = clean_label(facts.sent.session).casefold() if facts.sent.session else ""
    listed = [one for told in facts.in_projects.values() for one in told.value]
    return bool(label) and any(one.label.casefold() == label for one in listed)


@rule("HSK-01")
def deleted_from_the_prearchive(facts: Facts) -> Iterator[Diagnosis]:
    """A session that our records name is gone from the prearchive, and not in the archive."""
    for uri in _vanished(facts):
        yield Diagnosis(
            "HSK-01",
            surer_for_admins(facts),
            "The session was in the prearchive, and is gone from it; it is not in any archive that you may look at.",
            "Our record of the upload names it; somebody, or a rule of the site, removed it.",
            where=uri.removeprefix("/data/"),
            evidence=(*facts.earlier[uri].evidence, *facts.evidence("Q15"), *facts.sent.evidence),
            covers=covering(missing(facts)),
            next_steps=(letter("Ask the administrator whether it was removed.", "T8"), *resend(facts, missing(facts))),
            prevent="Archive soon; ask how long the site keeps what waits.",
        )


@rule("HSK-02")
def deleted_from_the_archive(facts: Facts) -> Iterator[Diagnosis]:
    """An archived session of our records cannot be found any more, with the same rights as before."""
    is_quarantining = bool(facts.project and facts.project.rights and facts.project.rights.quarantine_code == "1")
    if facts.project is None or not facts.project.is_visible or _is_alive(facts) or facts.hits():
        return
    if not _is_searched(facts):
        return  # it may be there under another label
    if is_quarantining and not facts.role.may(Role.OWNER):
        return  # it may be hidden: ROU-16
    for uri, told in facts.known.items():
        key = uri.rpartition("/")[2]
        if told.standing is not Standing.ABSENT:
            continue
        yield Diagnosis(
            "HSK-02",
            Certainty.CONFIRMED if facts.role.may(Role.OWNER) else Certainty.LIKELY,
            f"The session {key} was archived, and is not there any more.",
            "Our record names it; the site answers that there is none, though your rights in the project are the same.",
            where=f"archive/{facts.project.id}/{key}",
            evidence=(*told.evidence, *facts.sent.evidence),
            covers=covering(missing(facts)),
            next_steps=(letter("Ask what became of it: the site may keep a back-up.", "T8"),),
            prevent="Keep the receipts: they prove that it was there.",
        )


@rule("HSK-03")
def moved_by_somebody(facts: Facts) -> Iterator[Diagnosis]:
    """The session stands in another project than the one it was put in."""
    for uri, told in facts.earlier.items():
        project = uri.partition("/projects/")[2].partition("/")[0]
        hit = next((one for one in facts.hits() if one.has_identity and one.place.project != project), None)
        if hit is not None and facts.project and hit.place.project == facts.project.id:
            continue  # it has come home
        if not _is_gone(told) or hit is None or any(one.place.project == project for one in facts.hits()):
            continue
        home = facts.project.id if facts.project else ""
        steps = (
            (
                NextStep(
                    StepKind.CONFIRM,
                    f"Move it to {home}.",
                    "F6",
                    Role.MEMBER,
                    target=hit.place.uri,
                    arguments={"project": home},
                ),
            )
            if home and hit.place.project != home and hit.place.row
            else ()
        )
        yield Diagnosis(
            "HSK-03",
            Certainty.CONFIRMED,
            f"Somebody moved the session from {project} to {hit.place.project}.",
            "Our record has it in the one, and the site shows it in the other.",
            where=hit.place.shown,
            evidence=(*told.evidence, *facts.evidence("Q7", "Q15")),
            covers=covers_at(facts, hit),
            next_steps=(*steps, letter("Ask who moved it, and why.", "T2")),
            prevent="Agree on who reviews the prearchive.",
        )


@rule("HSK-13")
def cleaned_up_by_the_site(facts: Facts) -> Iterator[Diagnosis]:
    """Sites may empty an old prearchive."""
    started = site_time(facts.sent.started, facts)
    gone = _vanished(facts)
    if started is None or not gone:
        return
    days = (facts.now - started).days
    if days < _OLD_DAYS:
        return
    yield Diagnosis(
        "HSK-13",
        Certainty.POSSIBLE,
        f"It had been waiting in the prearchive since {started:%Y-%m-%d}, for {days} days.",
        "Some sites remove what waits too long.",
        where=gone[0].removeprefix("/data/"),
        evidence=facts.sent.evidence,
        next_steps=(letter("Ask the administrator how long the site keeps what waits.", "T8"),),
        prevent="Archive soon.",
    )
