"""What site and project do with images that arrive: their series import filters and scripts (wire contract 3, 9.4)."""

import json

from xnat_wizard.xnat.errors import Fatal, Refused
from xnat_wizard.xnat.http import Http
from xnat_wizard.xnat.model import ArrivalRules, SeriesFilterText
from xnat_wizard.xnat.projects import as_bool, bare_text, site_config
from xnat_wizard.xnat.uris import path_of

_ON = "enableSitewideSeriesImportFilter"
_SCRIPT_ON = "enableSitewideAnonymizationScript"


async def arrival_rules(http: Http, project_id: str) -> ArrivalRules:
    """Read the filters and scripts that are switched on; what the account may not read is named in `unread`."""
    site = await site_config(http)
    unread = []
    site_filter = None
    is_on, lines = as_bool(site.get(_ON)), site.get("sitewideSeriesImportFilter")
    if is_on is None or (is_on and not isinstance(lines, str)):
        unread.append("site")
    elif is_on:
        site_filter = SeriesFilterText(str(site.get("sitewideSeriesImportFilterMode") or "blacklist"), str(lines))
    project_filter = None
    try:
        project_filter = await _project_filter(http, project_id)
    except (Refused, Fatal):
        unread.append("project")
    site_script = project_script = ""
    if as_bool(site.get(_SCRIPT_ON)):
        site_script = await bare_text(http, "/xapi/anonymize/site") or str(
            site.get("sitewideAnonymizationScript") or ""
        )
    project_path = path_of("xapi", "anonymize", "projects", project_id)
    if as_bool(await bare_text(http, project_path + "/enabled")):
        project_script = await bare_text(http, project_path)
    return ArrivalRules(site_filter, project_filter, site_script, project_script, tuple(unread))


async def _project_filter(http: Http, project_id: str) -> SeriesFilterText | None:
    path = path_of("data", "projects", project_id) + "/config/seriesImportFilter/config"
    try:
        rows = (await http.get(path, {"format": "json"})).rows()
    except Refused as problem:
        if problem.status == 404:
            return None
        raise
    if not rows or rows[-1].get("status") != "enabled":
        return None
    try:
        raw = json.loads(rows[-1].get("contents", ""))
        return SeriesFilterText(str(raw.get("mode", "blacklist")), str(raw.get("list", "")))
    except (ValueError, AttributeError, RecursionError):
        return SeriesFilterText("of an unknown form", "")
