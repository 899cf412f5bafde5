"""Creating a project: checked before, made through pyxnat, and read back (wire contract 2.3)."""

import logging
import re
from collections.abc import Awaitable, Callable
from html import unescape

from xnat_wizard.findings import Finding
from xnat_wizard.xnat.errors import ProjectTaken, Refused, Retry, SiteProblem
from xnat_wizard.xnat.http import Http
from xnat_wizard.xnat.model import Identity, Project, ProjectDraft, Role
from xnat_wizard.xnat.projects import clashing, list_projects
from xnat_wizard.xnat.pyxnat_port import ObjectModel
from xnat_wizard.xnat.uris import path_of

# XNAT notices a new project late (trap 25 of 10.3): some ten seconds in all, then it is said so.
WAITS_S = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0)

_ID = re.compile(r"[A-Za-z0-9_-]+")
_CLASH = re.compile(r"Invalid ([A-Za-z ]+): '(.*?)' (?:is already being used|cannot be used)", re.IGNORECASE)
_FIELDS = {"project id": "id", "project title": "name", "running title": "running_title"}
_WORDS = {"id": "ID", "name": "title", "running_title": "running title", "alias": "alias"}

_log = logging.getLogger(__name__)


async def create_project(
    http: Http,
    model: ObjectModel,
    who: Callable[[], Awaitable[Identity]],
    draft: ProjectDraft,
    sleep: Callable[[float], Awaitable[None]],
) -> Project:
    """Create a project that does not exist yet, and return it as the site then shows it.

    XNAT itself would change an existing project of ours without a word, so that is looked at first.

    Raises:
        ProjectTaken: project.taken; its `fields` name what clashes.
        Refused: project.bad_id, project.not_allowed, project.incomplete.
    """
    wanted = trimmed(draft)
    if not _ID.fullmatch(wanted.id):
        raise Refused(_bad_id(draft.id))
    fields = clashing(await list_projects(http, await who()), wanted.id, wanted.name, wanted.running_title)
    if not fields and await _exists(http, wanted.id):
        fields = ("id",)
    if fields:
        reason = "The site has a project with it; capital letters do not count."
        raise ProjectTaken(_taken(wanted, fields, reason), fields=fields)
    try:
        await model.create_project(wanted)
    except SiteProblem as problem:
        raise _clash(problem, wanted) or problem from None
    return await _seen(http, who, wanted, sleep)


def trimmed(draft: ProjectDraft) -> ProjectDraft:
    """Return a draft without white space around its texts, and with the blanks that XNAT fills from the ID."""
    project_id = draft.id.strip()
    return ProjectDraft(
        id=project_id,
        name=" ".join(draft.name.split()) or project_id,
        running_title=" ".join(draft.running_title.split()) or project_id,
        description=draft.description.strip(),
        keywords=draft.keywords.strip(),
        accessibility=draft.accessibility,
    )


async def _exists(http: Http, project_id: str) -> bool:
    try:
        await http.get(path_of("data", "projects", project_id), {"format": "json"})
    except Refused as problem:
        if problem.status in {403, 404}:
            return False  # or it is there and not for us: then creating is refused (2.3)
        raise
    return True


async def _seen(
    http: Http,
    who: Callable[[], Awaitable[Identity]],
    wanted: ProjectDraft,
    sleep: Callable[[float], Awaitable[None]],
) -> Project:
    """Wait until the new project is there with what was asked for; set its accessibility where it differs."""
    last: SiteProblem | None = None
    for wait_s in WAITS_S:
        if wait_s:
            await _flush(http)
            await sleep(wait_s)
        try:
            project = await _listed(http, await who(), wanted.id)
            if project is not None and project.accessibility not in {wanted.accessibility, ""}:
                path = path_of("data", "projects", wanted.id, "accessibility", wanted.accessibility)
                await http.call("PUT", path)
                project = await _listed(http, await who(), wanted.id)
        except (Refused, Retry) as problem:
            if problem.status not in {403, 404, 500}:
                raise
            last = problem
        else:
            if project is not None and _matches(project, wanted):
                return project
    raise Refused(_incomplete(wanted, last), status=last.status if last else 0)


async def _listed(http: Http, identity: Identity, project_id: str) -> Project | None:
    return next((each for each in await list_projects(http, identity) if each.id == project_id), None)


def _matches(project: Project, wanted: ProjectDraft) -> bool:
    """Compare what was asked for."""
    if project.role is Role.NONE or project.accessibility not in {wanted.accessibility, ""}:
        return False
    pairs = ((project.name, wanted.name), (project.running_title, wanted.running_title))
    return all(unescape(asked) == shown for shown, asked in pairs)


async def _flush(http: Http) -> None:
    """Clear the account's permission cache (trap 25); sites without that call go on waiting."""
    try:
        await http.call("DELETE", "/xapi/access/cache/flush")
    except SiteProblem as problem:
        _log.debug("cache flush refused status=%d", problem.status)


def _clash(problem: SiteProblem, wanted: ProjectDraft) -> ProjectTaken | None:
    """Return which field the server says is taken; `None` when it says something else."""
    code = problem.finding.code
    if code not in {"project.taken", "project.not_yours"}:
        return None
    named = [_FIELDS.get(name.strip().lower(), "alias") for name, _ in _CLASH.findall(problem.finding.why)]
    fields = tuple(dict.fromkeys(named)) or ("id",)
    return ProjectTaken(_taken(wanted, fields, problem.finding.why), fields=fields, status=problem.status)


def _taken(wanted: ProjectDraft, fields: tuple[str, ...], reason: str) -> Finding:
    texts = {"id": wanted.id, "name": wanted.name, "running_title": wanted.running_title, "alias": ""}
    named = " and the ".join(f'{_WORDS[field]} "{texts[field]}"' for field in fields)
    return Finding(
        code="project.taken",
        what=f"The {named} cannot be used: another project has it as its ID, title or running title",
        why=reason,
        todo=(
            f"Choose another {' and '.join(_WORDS[field] for field in fields)}.",
            "Or choose the existing project from the list, if it is the one you mean.",
        ),
        where=", ".join(_WORDS[field] for field in fields),
        shareable="The ID, title or running title of a new project is taken.",
    )


def _bad_id(typed: str) -> Finding:
    return Finding(
        code="project.bad_id",
        what=f'"{typed}" cannot be a project ID' if typed.strip() else "The project has no ID",
        why="XNAT takes letters A to Z, digits, _ and - in an ID, and no blanks or dots.",
        todo=("Change the ID.",),
        where="ID",
        shareable="A project ID has characters that XNAT does not take.",
    )


def _incomplete(wanted: ProjectDraft, last: SiteProblem | None) -> Finding:
    return Finding(
        code="project.incomplete",
        what=f'The site took the new project "{wanted.id}", and does not show it as it was asked for',
        why=last.finding.why if last else "Reading it back gave another title or accessibility, or no role in it.",
        todo=("Refresh the list of projects in a minute.", "Look at the project in a browser."),
        where=wanted.id,
        shareable="A new project does not read back as it was asked for.",
    )
