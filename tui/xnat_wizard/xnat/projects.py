"""Projects: the list, one of them, what of their settings changes an upload (wire contract 2, 3, 9.4)."""

from collections.abc import Iterable
from html import unescape

from xnat_wizard.findings import Finding
from xnat_wizard.xnat.answers import cell
from xnat_wizard.xnat.errors import Fatal, LoginAgain, Refused, SiteProblem
from xnat_wizard.xnat.http import Bytes, Http, Upload
from xnat_wizard.xnat.model import Identity, Project, Role, UploadSettings
from xnat_wizard.xnat.tables import Row
from xnat_wizard.xnat.uris import path_of

_ROLES = {"Owners": Role.OWNER, "Members": Role.MEMBER, "Collaborators": Role.COLLABORATOR}
_FILTERED = {"prearc_code": "true", "format": "json"}


async def list_projects(http: Http, identity: Identity) -> tuple[Project, ...]:
    """List the projects with a role or a public face, by ID; a site admin gets all.

    The filtered list knows role, accessibility and prearchive code; sites that cannot make it give the plain one (2.1).
    """
    try:
        answer = await http.get("/data/projects", {"accessible": "true", **_FILTERED})
        rows = {row["id"]: row for row in answer.rows() if row.get("id")}
        if identity.is_admin:
            everything = await http.get("/data/projects", {"admin": "true", **_FILTERED})
            rows |= {row["id"]: row for row in everything.rows() if row.get("id")}
        found = [_from_filtered(row, identity) for row in rows.values()]
    except SiteProblem as problem:
        if problem.status not in {200, 400, 404, 500}:
            raise
        answer = await http.get("/data/projects", {"format": "json", "limit": "*"})
        found = [_from_plain(row, identity) for row in answer.rows() if row.get("ID")]
    return tuple(sorted(found, key=lambda project: (project.id.casefold(), project.id)))


async def read_project(http: Http, identity: Identity, project_id: str) -> Project:
    """Read one project by its ID, with the settings that its own pages know.

    Raises:
        Refused: project.not_found.
    """
    path = path_of("data", "projects", project_id)
    try:
        answer = await http.get(path, {"format": "json"})
    except Refused as problem:
        if problem.status == 404:
            raise Refused(_not_found(project_id, problem), status=404) from None
        raise
    fields = answer.item().fields
    found = cell(fields, "ID") or project_id
    lead = (cell(fields, "pi_lastname", "PI/lastname"), cell(fields, "pi_firstname", "PI/firstname"))
    return Project(
        id=found,
        name=unescape(cell(fields, "name")) or found,
        running_title=unescape(cell(fields, "secondary_ID", "secondary_id")) or found,
        description=unescape(cell(fields, "description")),
        principal_investigator=", ".join(filter(None, lead)),
        role=identity.role_in(found),
        accessibility=await bare_text(http, path + "/accessibility"),
        prearchive_code=await bare_text(http, path + "/prearchive_code"),
    )


async def upload_settings(http: Http, project_id: str) -> UploadSettings:
    """Read what changes an upload; what the account may not read is `None` or ""."""
    path = path_of("data", "projects", project_id)
    site = await site_config(http)
    script = await bare_text(http, path_of("xapi", "anonymize", "projects", project_id, "enabled"))
    template = site.get("dicomFileNameTemplate")
    return UploadSettings(
        prearchive_code=await bare_text(http, path + "/prearchive_code"),
        quarantine_code=await bare_text(http, path + "/quarantine_code"),
        is_site_script_on=as_bool(site.get("enableSitewideAnonymizationScript")),
        is_project_script_on=as_bool(script),
        has_site_filter=as_bool(site.get("enableSitewideSeriesImportFilter")),
        has_project_filter=await _has_filter(http, path),
        file_name_template=template if isinstance(template, str) else "",
    )


async def set_project_script(http: Http, project_id: str, *, is_on: bool) -> None:
    """Switch the project's anonymization script, and look whether it took (3.2).

    A project without a script gets the site's default one when it is switched on.

    Raises:
        Refused: project.not_owner, project.script_unchanged.
    """
    script = path_of("xapi", "anonymize", "projects", project_id)
    path = script + "/enabled"
    wanted = "true" if is_on else "false"
    try:
        if is_on and not await bare_text(http, script):
            default = (await http.get("/xapi/anonymize/default")).body
            await http.call("PUT", script, upload=Upload(Bytes(default), len(default), "text/plain"))
        if await bare_text(http, path) != wanted:
            await http.call("PUT", path, {"enable": wanted}, headers={"Content-Type": "application/json"})
    except Refused as problem:
        if problem.status == 403:
            raise Refused(_not_owner(project_id, problem), status=403) from None
        raise
    if (await http.get(path)).bare.lower() != wanted:
        raise Refused(
            Finding(
                code="project.script_unchanged",
                what="The site did not switch the anonymization script",
                why="It took the request, and the script is as it was.",
                todo=("Open the project's settings in XNAT, tab Anonymization Script, and switch it there.",),
                where=project_id,
            )
        )


def clashing(projects: Iterable[Project], project_id: str, name: str, running_title: str) -> tuple[str, ...]:
    """Return which fields of a draft equal an ID, title or running title of a project: one namespace, no case (2.3)."""
    taken = {text.casefold() for each in projects for text in (each.id, each.name, each.running_title) if text}
    draft = {"id": project_id, "name": name, "running_title": running_title}
    return tuple(field for field, text in draft.items() if text and text.casefold() in taken)


def _from_filtered(row: Row, identity: Identity) -> Project:
    said = next((value for key, value in row.items() if key.startswith("user_role_")), None)
    role = identity.role_in(row["id"])
    if said is not None and not identity.is_admin:
        role = _ROLES.get(said, role)  # groups of our own making have other names
    return Project(
        id=row["id"],
        name=unescape(row.get("name", "")),  # XNAT stores "<", ">", "&" and quotes as entities (0.6)
        running_title=unescape(cell(row, "secondary_id", "secondary_ID")),
        description=unescape(row.get("description", "")),
        principal_investigator=row.get("pi", ""),
        role=role,
        accessibility=row.get("project_access", ""),
        prearchive_code=row.get("proj_prearchive_code", ""),
    )


def _from_plain(row: Row, identity: Identity) -> Project:
    return Project(
        id=row["ID"],
        name=unescape(row.get("name", "")),
        running_title=unescape(row.get("secondary_ID", "")),
        description=unescape(row.get("description", "")),
        principal_investigator=", ".join(filter(None, (row.get("pi_lastname"), row.get("pi_firstname")))),
        role=identity.role_in(row["ID"]),
        accessibility="",
        prearchive_code="",
    )


async def site_config(http: Http) -> dict[str, object]:
    """Read what the account may read of the site's settings; nothing where it may read none (1.9)."""
    try:
        answer = await http.call("GET", "/xapi/siteConfig", headers={"Accept": "application/json"})
        config = answer.json()
    except (Refused, Fatal):
        return {}
    return config if isinstance(config, dict) else {}


async def bare_text(http: Http, path: str) -> str:
    """Read a bare value, "" where it cannot be read."""
    try:
        return (await http.get(path)).bare
    except LoginAgain:
        raise
    except SiteProblem as problem:
        if not problem.status:
            raise
        return ""


async def _has_filter(http: Http, path: str) -> bool | None:
    try:
        answer = await http.get(f"{path}/config/seriesImportFilter/config", {"format": "json"})
        rows = answer.rows()
    except (Refused, Fatal) as problem:
        return False if problem.status == 404 else None
    return bool(rows) and rows[-1].get("status") == "enabled"


def as_bool(value: object) -> bool | None:
    """Read a switch that may be JSON or text; `None` when it is not told."""
    text = str(value).strip().lower() if value is not None else ""
    return {"true": True, "false": False}.get(text)


def _not_found(project_id: str, problem: SiteProblem) -> Finding:
    return Finding(
        code="project.not_found",
        what=f'There is no project "{project_id}" that your account may see',
        why=problem.finding.why,
        todo=(
            "Choose a project from the list.",
            "If the project exists: ask one of its owners to make you a member.",
        ),
        where=project_id,
        shareable="A project was not found, or the account may not see it.",
    )


def _not_owner(project_id: str, problem: SiteProblem) -> Finding:
    return Finding(
        code="project.not_owner",
        what="Only an owner of the project may change its settings",
        why=problem.finding.why,
        todo=("Ask an owner of the project to switch it.",),
        where=project_id,
        shareable="A setting of a project was changed without being its owner.",
    )
