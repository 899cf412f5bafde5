"""What mends a session that is not where it should be, beyond the usual ways of prearchive and archive.

Sources: wire contract 5 (import from the cache), 6.9 (direct archive), 8.4 (catalogues), 10.3 (rights that are
remembered); missing data 2.2 (F10 to F14).
"""

from xnat_wizard.xnat.http import WORK_S, Http
from xnat_wizard.xnat.prearchive import MOVED
from xnat_wizard.xnat.site import Site
from xnat_wizard.xnat.uris import path_of


class Repairs:
    """The rarer repairs, for one site and one account. All errors are `SiteProblem`."""

    def __init__(self, site: Site) -> None:
        self._http: Http = site._http  # noqa: SLF001  of the same room

    async def refresh_catalogue(self, uri: str) -> None:
        """Let the site read anew what is on its disk for a session (F10); files are added to the list, none removed."""
        resource = uri.removeprefix("/data").replace("/experiments/", "/archive/experiments/", 1)
        if uri.startswith("/data/archive/"):
            resource = uri.removeprefix("/data")
        query = {"resource": resource, "options": "populateStats,append"}
        await self._http.call("POST", "/data/services/refresh/catalog", query, answer_s=WORK_S)

    async def forget_rights(self) -> None:
        """Let the site look up the account's rights anew (F11)."""
        await self._http.call("DELETE", "/xapi/access/cache/flush")

    async def release_quarantine(self, session_id: str) -> None:
        """Show a quarantined session to its project's members (F12); an owner's right."""
        await self._http.call("PUT", path_of("data", "experiments", session_id), {"activate": "true"})

    async def session_status(self, session_id: str) -> str:
        """Return "active", "quarantine", "locked" or another status of an archived session."""
        return (await self._http.get(path_of("data", "experiments", session_id, "status"))).bare

    async def import_parked(self, uri: str, project: str) -> tuple[str, ...]:
        """Import a file that is parked in the account's cache (F13); returns where the site put it."""
        query = {
            "import-handler": "DICOM-zip",
            "src": uri.removeprefix("/data"),
            "project": project,
            "PROJECT_ID": project,
            "rename": "true",
            "Ignore-Unparsable": "false",
        }
        return (await self._http.call("POST", "/data/services/import", query, ok=MOVED, answer_s=WORK_S)).uris()

    async def trigger_direct_archive(self, uri: str) -> None:
        """Let the site archive now what direct archive holds (F14)."""
        await self._http.call("POST", path_of(*uri.strip("/").split("/")), ok=MOVED, answer_s=WORK_S)
