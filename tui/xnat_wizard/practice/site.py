"""The site's settings, its build information and how long it has been up (wire contract 1.9)."""

import json
import socket
from typing import Any

from aiohttp import web

from xnat_wizard.practice import config, rights
from xnat_wizard.practice.http import Call, Refusal, Route, empty, json_answer, text
from xnat_wizard.practice.intervals import seconds_of
from xnat_wizard.practice.receiver import listeners_of
from xnat_wizard.practice.services import Services

OPEN = ("siteId", "siteUrl", "siteHome", "siteLogoPath")
PUBLIC = frozenset({*OPEN, "siteLandingLayout"})
AUTHENTICATED = PUBLIC | {
    "uiAllowNonAdminProjectCreation", "projectAllowAutoArchive", "defaultProjectAutoArchiveSetting",
    "enableSitewideAnonymizationScript", "sitewideAnonymizationScript", "enableSitewideSeriesImportFilter",
    "sitewideSeriesImportFilterMode", "sitewideSeriesImportFilter", "sessionXmlRebuilderInterval",
    "sessionXmlRebuilderRepeat", "checksums", "dicomFileNameTemplate", "enableDicomReceiver", "zipExtensions",
    "uiDefaultCompressedUploaderImporter", "uiHideCompressedUploaderUploadOption", "failMergeOn",
    "uiAllowProjectDelete",
}  # fmt: skip
_INTERVALS = frozenset({
    "sessionTimeout", "maxFailedLoginsLockoutDuration", "inactivityBeforeLockout", "passwordExpirationInterval",
    "aliasTokenTimeout",
})  # fmt: skip
# What these do is not done here, so they stay as they are.
_FIXED = frozenset({
    "rerunProjectAnonOnRename", "failMergeOn", "requireChangeJustification", "requireEventName",
    "backupDeletedToCache", "allowHtmlResourceRendering", "zipExtensions",
})  # fmt: skip
_BUILD_MS = 1_756_684_800_000
_SHA = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"


def build_info(services: Services) -> dict[str, str]:
    """Return what the site says about its build; all values are strings."""
    return {
        "version": services.version,
        "buildNumber": "12",
        "buildDate": "Mon Sep 01 00:00:00 UTC 2025",
        "sha": _SHA[:7],
        "shaFull": _SHA,
        "isDirty": "false",
        "branch": "master",
        "commit": _SHA[:7],
        "tag": services.version,
        "timestamp": str(_BUILD_MS),
        "hostName": socket.gethostname(),
        "displayHostName": "never",
        "nodeId": "",
        "Application-Name": "xnat-wizard practice server",
    }


async def read_build_info(call: Call) -> web.StreamResponse:
    """GET /xapi/siteConfig/buildInfo."""
    return json_answer(build_info(call.services))


async def read_build_value(call: Call) -> web.StreamResponse:
    """GET /xapi/siteConfig/buildInfo/{key}."""
    found = build_info(call.services).get(call.part("key"))
    if found is None:
        raise Refusal(404, f"Unable to find requested file or resource: {call.part('key')}")
    return text(found)


async def read_all(call: Call) -> web.StreamResponse:
    """GET /xapi/siteConfig: what the caller may read, values typed."""
    return json_answer({name: value for name, value in _preferences(call).items() if _is_readable(call, name)})


async def read_some(call: Call) -> web.StreamResponse:
    """GET /xapi/siteConfig/values/{p1,p2}."""
    return json_answer({name: _readable(call, name) for name in call.part("names").split(",")})


async def read_one(call: Call) -> web.StreamResponse:
    """GET /xapi/siteConfig/{property}: the bare value."""
    value = _readable(call, call.part("name"))
    return text(value if isinstance(value, str) else json.dumps(value))


async def read_open(call: Call) -> web.StreamResponse:
    """GET /xapi/siteConfig/siteId and the like: for everybody."""
    return text(str(_preferences(call)[call.path.rpartition("/")[2]]))


async def write_all(call: Call) -> web.StreamResponse:
    """POST /xapi/siteConfig: a map of properties."""
    rights.need_admin(call)
    wanted = await call.json()
    if not isinstance(wanted, dict):
        raise Refusal(400, "A map of site settings is wanted")
    change_preferences(call, wanted)
    return empty()


async def write_one(call: Call) -> web.StreamResponse:
    """POST /xapi/siteConfig/{property}: the bare value."""
    rights.need_admin(call)
    change_preferences(call, {call.part("name"): (await call.body()).decode("utf-8", "replace")})
    return empty()


def change_preferences(call: Call, wanted: dict[str, Any]) -> None:
    """Set site preferences, each in the type it had before.

    Raises:
        Refusal: 400, a value does not fit; 501, what it changes is not implemented. Nothing is changed.
    """
    before = _preferences(call)
    try:
        new = {name: _typed(name, value, before.get(name)) for name, value in wanted.items()}
    except (TypeError, ValueError) as error:
        raise Refusal(400, f"A site setting was not understood: {error}") from error
    for name in sorted(_FIXED & set(new)):
        if new[name] != before.get(name):
            raise Refusal(501, f"The practice server does not implement what {name} changes: it stays {before[name]!r}")
    before.update(new)
    config.take_over_preferences(call.services, set(new), call.user.username)
    call.store.save()
    if "enableDicomReceiver" in new:
        listeners_of(call.services).follow_switch()


async def read_uptime(call: Call) -> web.StreamResponse:
    """GET /xapi/siteConfig/uptime: leading zero units are missing."""
    passed = call.services.clock.now() - call.services.started_s
    minutes, seconds = divmod(passed, 60)
    hours, minutes = divmod(int(minutes), 60)
    days, hours = divmod(hours, 24)
    units = [("days", str(days)), ("hours", str(hours)), ("minutes", str(minutes)), ("seconds", f"{seconds:.3f}")]
    while len(units) > 1 and units[0][1] == "0":
        units.pop(0)
    return json_answer(dict(units))


async def flush_cache(_call: Call) -> web.StreamResponse:
    """DELETE /xapi/access/cache/flush: there is no cache of permissions here, so it is always flushed (10.3)."""
    return empty()


async def refuse_version(_call: Call) -> web.StreamResponse:
    """GET /data/version: gone since 1.7; clients that still ask expect the failure (1.9)."""
    raise Refusal(404)


def _preferences(call: Call) -> dict[str, Any]:
    return call.store.state.preferences


def _is_readable(call: Call, name: str) -> bool:
    return rights.is_admin(call.user) or name in (PUBLIC if call.is_guest else AUTHENTICATED)


def _readable(call: Call, name: str) -> Any:
    if not _is_readable(call, name):
        raise Refusal(403)
    if name not in _preferences(call):
        raise Refusal(404, f"Unable to find requested file or resource: {name}")
    return _preferences(call)[name]


def _typed(name: str, value: Any, before: Any) -> Any:
    if name in _INTERVALS:
        seconds_of(value)
        return value
    if isinstance(before, bool):
        if str(value).lower() not in {"true", "false"}:
            raise ValueError(f"{name} is true or false")
        return str(value).lower() == "true"
    if isinstance(before, int):
        return int(value)
    if isinstance(before, list) and isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


ROUTES = (
    Route("GET", "/xapi/siteConfig/buildInfo", read_build_info, is_open=True),
    Route("GET", "/xapi/siteConfig/buildInfo/{key}", read_build_value),
    Route("GET", "/xapi/siteConfig", read_all),
    Route("POST", "/xapi/siteConfig", write_all),
    Route("GET", "/xapi/siteConfig/uptime", read_uptime),
    Route("GET", "/xapi/siteConfig/values/{names}", read_some),
    Route("GET", "/xapi/siteConfig/{name}", read_one),
    *(Route("GET", f"/xapi/siteConfig/{name}", read_open, is_open=True) for name in OPEN),
    Route("POST", "/xapi/siteConfig/{name}", write_one),
    Route("DELETE", "/xapi/access/cache/flush", flush_cache),
    Route("GET", "/data/version", refuse_version, is_open=True),
)
