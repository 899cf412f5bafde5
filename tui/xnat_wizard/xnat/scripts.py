"""Anonymization scripts as texts, switched on or not (wire contract 3.2)."""

from dataclasses import dataclass

from xnat_wizard.xnat.http import Http
from xnat_wizard.xnat.projects import as_bool, bare_text, site_config
from xnat_wizard.xnat.uris import path_of


@dataclass(frozen=True, slots=True)
class Scripts:
    """The two scripts that images meet: the site's on arrival, the project's on archiving."""

    site: str  # "" when there is none, or the account may not read it
    project: str
    is_site_on: bool | None  # `None` where the account may not read it
    is_project_on: bool | None


async def read_scripts(http: Http, project_id: str) -> Scripts:
    """Read both scripts, also those that are off: an owner may want to see one before switching it on."""
    site = await site_config(http)
    path = path_of("xapi", "anonymize", "projects", project_id)
    return Scripts(
        site=await bare_text(http, "/xapi/anonymize/site") or str(site.get("sitewideAnonymizationScript") or ""),
        project=await bare_text(http, path),
        is_site_on=as_bool(site.get("enableSitewideAnonymizationScript")),
        is_project_on=as_bool(await bare_text(http, f"{path}/enabled")),
    )


async def may_create_projects(http: Http, *, is_admin: bool) -> bool | None:
    """Tell whether the account may make projects (2.3); `None` where the site does not say."""
    return True if is_admin else as_bool((await site_config(http)).get("uiAllowNonAdminProjectCreation"))
