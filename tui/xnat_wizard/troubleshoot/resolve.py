"""Which project a typed text means, and what role we have in it (D3; LOC-12, LOC-13)."""

import re
from collections.abc import Iterable

from xnat_wizard.troubleshoot.facts import Match, ProjectFacts
from xnat_wizard.troubleshoot.model import Evidence, Role
from xnat_wizard.xnat.inquiries.values import ProjectName, WhoAmI

_SIGNS = str.maketrans({"-": "", "_": "", " ": "", "o": "0", "l": "1", "i": "1"})
_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
_ROLES = (("owner", Role.OWNER), ("member", Role.MEMBER), ("collaborator", Role.COLLABORATOR))


def folded(text: str) -> str:
    """Return a text without what is easily confused: case, `-`, `_`, blanks, O and 0, l, I and 1, leading zeros."""
    plain = text.strip().casefold()
    return re.sub(r"(?<![1-9])0+(?=[1-9])", "", _ZEROS.sub("", plain).translate(_SIGNS))


def resolve(
    typed: str, visible: Iterable[ProjectName], who: WhoAmI, evidence: tuple[Evidence, ...] = ()
) -> ProjectFacts:
    """Return the project that a text means: by ID, by title, by running title, or by its looks."""
    names = tuple(visible)
    text = typed.strip()
    if not text:
        return ProjectFacts(typed, Match.NONE_TYPED, visible=names, evidence=evidence)
    for match, fits in (
        (Match.EXACT, [one for one in names if one.id == text]),
        (Match.TITLE, [one for one in names if one.title.casefold() == text.casefold() and one.id != text]),
        (Match.RUNNING_TITLE, [one for one in names if one.running_title.casefold() == text.casefold()]),
        (Match.FOLDED, [one for one in names if is_alike(text, one)]),
    ):
        if fits:
            meant = fits[0].id if len(fits) == 1 else ""
            return ProjectFacts(
                typed,
                match,
                meant,
                tuple(fits),
                names,
                role_in(meant, who, is_visible=True) if meant else Role.COLLABORATOR,
                evidence=evidence,
            )
    return ProjectFacts(typed, Match.NONE, visible=names, role=role_in(text, who, is_visible=False), evidence=evidence)


def is_alike(typed: str, project: ProjectName) -> bool:
    """Tell whether a typed text looks like a project's ID or a title of it."""
    ours = folded(typed)
    return bool(ours) and ours in {folded(project.id), folded(project.title), folded(project.running_title)}


def role_in(project: str, who: WhoAmI, *, is_visible: bool) -> Role:
    """Return our role in a project; a group of the project's own making counts by what it may do."""
    if who.is_guest:
        return Role.GUEST
    if who.is_admin:
        return Role.ADMIN
    for suffix, role in _ROLES:
        if f"{project}_{suffix}" in who.groups:
            return role
    if project in who.editable:
        return Role.MEMBER
    if who.sees_all:
        return Role.ALL_DATA
    return Role.COLLABORATOR if is_visible else Role.GUEST
