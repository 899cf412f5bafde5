"""The desk at which faults are ordered while the server runs: `/practice/faults`, outside XNAT's paths.

For the site's administrator by Basic login; what may be said there stands in `faults.py`.
"""

from aiohttp import web

from xnat_wizard.practice import rights
from xnat_wizard.practice.faults import Fault, from_settings, parse
from xnat_wizard.practice.http import Call, Refusal, Route, json_answer


async def list_faults(call: Call) -> web.StreamResponse:
    """GET: each fault with the number of calls that fitted and that were hit."""
    _need_admin(call)
    return json_answer(call.services.faults.listing())


async def add_fault(call: Call) -> web.StreamResponse:
    """POST: one more."""
    _need_admin(call)
    if call.content_type == "application/json":
        call.services.faults.add(_read(await call.json()))
    else:
        call.services.faults.add(_read((await call.body()).decode("utf-8", "replace")))
    return json_answer(call.services.faults.listing(), 201)


async def replace_faults(call: Call) -> web.StreamResponse:
    """PUT: these and no others."""
    _need_admin(call)
    wanted = await call.json()
    if not isinstance(wanted, list):
        raise Refusal(400, "A JSON list of faults is expected")
    call.services.faults.replace([_read(one) for one in wanted])
    return json_answer(call.services.faults.listing())


async def clear_faults(call: Call) -> web.StreamResponse:
    """DELETE: none any more."""
    _need_admin(call)
    call.services.faults.clear()
    return json_answer([])


def _read(wanted: object) -> Fault:
    try:
        if isinstance(wanted, dict):
            return from_settings(wanted)
        return parse(str(wanted))
    except ValueError as error:
        raise Refusal(400, str(error)) from error


def _need_admin(call: Call) -> None:
    if not rights.is_admin(call.user):
        raise Refusal(403, "Only the site's administrator orders faults")


ROUTES = (
    Route("GET", "/practice/faults", list_faults),
    Route("POST", "/practice/faults", add_fault),
    Route("PUT", "/practice/faults", replace_faults),
    Route("DELETE", "/practice/faults", clear_faults),
)
