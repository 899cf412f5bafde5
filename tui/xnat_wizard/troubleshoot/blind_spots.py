"""The places that an account could not look at, and who can (missing data 3.9)."""

from collections.abc import Iterator

from xnat_wizard.troubleshoot.facts import Facts
from xnat_wizard.troubleshoot.model import BlindSpot, Evidence, Role
from xnat_wizard.xnat.told import Told

_NO_RIGHT = "This account has no right to look there"
_LOGS = ("the logs of the server", "XNAT shows them to nobody but those who run the server")
_NOWHERE = ("working folders, deleted data and back-ups on the server", "XNAT has no question for them")


def blind_spots(facts: Facts) -> tuple[BlindSpot, ...]:
    """Return what the account could not see, the most useful first; what failed just now is among it."""
    return (*_by_role(facts), *_failed(facts))


def _by_role(facts: Facts) -> Iterator[BlindSpot]:
    role = facts.role
    if role is Role.GUEST:
        yield BlindSpot("everything that is not public", "Nobody is logged in", Role.COLLABORATOR, _of(facts.who))
        return
    if role is Role.COLLABORATOR:
        where = f"project {facts.project.id}" if facts.project and facts.project.id else "the projects"
        yield BlindSpot(f"what is in the prearchive of {where}", "Collaborators see its list only", Role.MEMBER)
    if not role.may(Role.ALL_DATA):
        yield BlindSpot("sessions without a project (Unassigned)", _NO_RIGHT, Role.ADMIN, _of(facts.unassigned))
        yield BlindSpot("projects that this account does not belong to", _NO_RIGHT, Role.ADMIN)
        yield BlindSpot(
            "imports and parked uploads of other accounts", "XNAT shows them to their owner only", Role.ADMIN
        )
    if not role.may(Role.OWNER):
        yield BlindSpot("experiments in quarantine", "Only owners see and release them", Role.OWNER)
    if role is Role.ALL_DATA:
        yield BlindSpot(
            "acting on sessions without a project", "This account sees them and may not move them", Role.ADMIN
        )
    yield BlindSpot(*(_NOWHERE if role is Role.ADMIN else _LOGS), Role.ADMIN)


def _failed(facts: Facts) -> Iterator[BlindSpot]:
    """Give what was asked and got no answer at all."""
    for place, told in (
        ("the prearchive", facts.rows),
        ("the archive, by the study's UID", facts.by_uid),
        ("direct archive", facts.held),
        *((f"the sessions of project {project}", each) for project, each in facts.in_projects.items()),
    ):
        if told is not None and not told.is_known:
            yield BlindSpot(place, f"It could not be asked: {_said(told.evidence)}", Role.ADMIN, told.evidence)


def _said(evidence: tuple[Evidence, ...]) -> str:
    return evidence[-1].got if evidence else "no answer"


def _of(told: object) -> tuple[Evidence, ...]:
    return told.evidence if isinstance(told, Told) else ()
