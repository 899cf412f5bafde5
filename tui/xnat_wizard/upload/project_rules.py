"""Naming rules that a project keeps for everybody who uploads to it: the file rules.toml in its resource xnat-wizard.

Every member of the project may read them; who may change data in it may change them. Rules that cannot be used are
never saved, and another file is replaced only when that is asked for.
"""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xnat_wizard.convert import rules as rule_book
from xnat_wizard.convert.rules import Rules
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.xnat.resources import Address, Details, Holder

if TYPE_CHECKING:
    from xnat_wizard.xnat.model import RemoteFile
    from xnat_wizard.xnat.site import Site

RESOURCE = "xnat-wizard"
FILE = "rules.toml"
LIMIT_BYTES = 1 << 20

# code                            what it says
ABSENT = "convert.rules_absent"  # the project keeps no rules
EXIST = "convert.rules_exist"  # it keeps other rules, and they stay
NOT_KEPT = "convert.rules_not_kept"  # the site took them, and does not have them


@dataclass(frozen=True, slots=True)
class ProjectRules:
    """The rules of a project, as its file has them and as they are understood."""

    text: str
    rules: Rules


async def load(site: "Site", project: str) -> ProjectRules:
    """Read the rules that a project keeps.

    Raises:
        Problem: `convert.rules_absent`; `convert.rules_bad`; `project.not_found`; the site cannot be asked.
    """
    text = await text_at(site, project)
    return ProjectRules(text, rule_book.parse(text, place(project)))


async def text_at(site: "Site", project: str) -> str:
    """Return the text of a project's rules, usable or not.

    Raises:
        Problem: `convert.rules_absent`; `project.not_found`; the site cannot be asked; the file is no text.
    """
    text = await text_of(site, project)
    if text is None:
        raise Problem(_absent(project))
    return text


async def text_of(site: "Site", project: str) -> str | None:
    """Return the text of a project's rules, as `text_at` does; `None` where it keeps none.

    Raises:
        Problem: `project.not_found`; the site cannot be asked; the file is no text.
    """
    file = await _find(site, await _holder(site, project))
    if file is None:
        return None
    data = await site.read_file(file.uri, limit_bytes=LIMIT_BYTES)
    return rule_book.decode(data, place(project))


async def save(site: "Site", project: str, text: str, *, is_replacing: bool = False) -> bool:
    """Keep rules in a project, and look that they are there; return whether anything had to be sent.

    Args:
        site: logged in.
        project: its ID.
        text: of the file.
        is_replacing: rules that are there and differ are replaced.

    Raises:
        Problem: `convert.rules_bad`; `convert.rules_exist`; `convert.rules_not_kept`; what the site refuses.
    """
    rule_book.parse(text, FILE)
    there = await text_of(site, project)
    if there == text:
        return False
    if there is not None and not is_replacing:
        raise Problem(_exist(project))
    data = text.encode()
    holder = await _holder(site, project)
    details = Details(format="TOML", content="RULES")
    await site.resources.put_file(
        holder, RESOURCE, FILE, _body(data), len(data), details=details, is_replacing=there is not None
    )
    kept = await _find(site, holder)
    if kept is None or kept.size_bytes != len(data) or kept.md5 not in {"", _md5(data)}:
        raise Problem(_not_kept(project))
    return True


def place(project: str) -> str:
    """Return where a project keeps its rules, in words."""
    return f"{project} / {RESOURCE} / {FILE}"


async def _holder(site: "Site", project: str) -> Holder:
    holder = await site.resources.find(Address(project))
    if holder is None:
        raise Problem(_absent(project))
    return holder


async def _find(site: "Site", holder: Holder) -> "RemoteFile | None":
    return next((file for file in await site.resources.files(holder, RESOURCE) if file.name == FILE), None)


async def _body(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _absent(project: str) -> Finding:
    return Finding(
        ABSENT,
        f'The project "{project}" keeps no naming rules',
        f"Its resource {RESOURCE} has no file {FILE}",
        (
            f"Put some there: xnat-wizard rules put FILE.toml --project {project}",
            "Or give a file of your own: --rules FILE.toml",
        ),
        where=place(project),
    )


def _exist(project: str) -> Finding:
    return Finding(
        EXIST,
        f'The project "{project}" keeps other naming rules already, and they were left as they are',
        "Everybody who uploads to the project uses them",
        (
            f"Look at them: xnat-wizard rules show --project {project}",
            "Replace them, if yours are right: --existing replace",
        ),
        where=place(project),
    )


def _not_kept(project: str) -> Finding:
    return Finding(
        NOT_KEPT,
        "The site took the naming rules, and does not have them",
        "Reading the resource back shows no such file, or another one",
        ("Try again", "Ask an owner of the project whether your account may change data in it"),
        where=place(project),
    )
