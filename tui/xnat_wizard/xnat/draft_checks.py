"""Live checks of a new project: characters, and names that are taken, before the site is asked."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xnat_wizard.xnat.errors import Refused
from xnat_wizard.xnat.model import Project, ProjectDraft

if TYPE_CHECKING:
    from xnat_wizard.xnat.site import Site

RUNNING_TITLE_LIMIT = 24  # what XNAT's own form accepts (wire contract 2.3)
ID_PATTERN = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Check:
    """What is to be said about one field; `is_wrong` keeps the project from being made."""

    text: str
    is_wrong: bool


def taken_names(projects: Iterable[Project]) -> dict[str, str]:
    """Return every name in use, lower-cased, with the project that has it.

    IDs, titles and running titles of all projects are one namespace without regard to case (wire contract 2.3); names
    of projects that this account cannot see are known to the site only.
    """
    names: dict[str, str] = {}
    for project in projects:
        for name in (project.id, project.name, project.running_title):
            if name:
                names.setdefault(name.casefold(), project.id)
    return names


async def owner_of(site: "Site", name: str) -> str | None:
    """Ask the site for a name that no list shows: an alias, which it takes in the place of an ID (wire contract 2.2).

    Returns the project that has it; `None` where there is none, or where it is not for this account to see.
    """
    if not name or "/" in name:
        return None
    try:
        return (await site.project(name)).id
    except Refused:
        return None


def check_id(draft: ProjectDraft, taken: dict[str, str]) -> Check:
    """Check the ID: characters, and whether a project has it as a name."""
    if not draft.id:
        return Check("Part of every address; it cannot be changed later.", is_wrong=False)
    wrong = sorted({character for character in draft.id if not ID_PATTERN.fullmatch(character)})
    if wrong:
        named = " ".join("blank" if character.isspace() else f"`{character}`" for character in wrong)
        return Check(f"Letters A-Z a-z, digits, - and _ only; not: {named}", is_wrong=True)
    return _not_taken(draft.id, taken) or Check("", is_wrong=False)


def check_name(draft: ProjectDraft, taken: dict[str, str]) -> Check:
    """Check the title."""
    if not draft.name:
        return Check("Empty: the ID is used.", is_wrong=False)
    return _not_taken(draft.name, taken) or Check("", is_wrong=False)


def check_running_title(draft: ProjectDraft, taken: dict[str, str]) -> Check:
    """Check the running title."""
    if not draft.running_title:
        return Check("A short title for lists. Empty: the ID is used.", is_wrong=False)
    length = len(draft.running_title)
    if length > RUNNING_TITLE_LIMIT:
        return Check(f"{length} characters; XNAT takes at most {RUNNING_TITLE_LIMIT}", is_wrong=True)
    return _not_taken(draft.running_title, taken) or Check("", is_wrong=False)


def _not_taken(name: str, taken: dict[str, str]) -> Check | None:
    owner = taken.get(name.casefold())
    if owner is None:
        return None
    return Check(f"`{name}` is already the ID, a title or an alias of project {owner}", is_wrong=True)
