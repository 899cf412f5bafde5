"""Definitions of the DICOM receivers: /xapi/dicomscp (the wire contract 9.1)."""

import dataclasses
from collections.abc import Collection
from typing import Any

from aiohttp import web

from xnat_wizard.practice import identify, rights, whitelist
from xnat_wizard.practice.http import Call, Refusal, Route, empty, json_answer
from xnat_wizard.practice.receiver import Started, listeners_of
from xnat_wizard.practice.store import Receiver

IDENTIFIERS = {"dicomObjectIdentifier": "XNAT default"}

_NAMES = {
    "aeTitle": "ae_title",
    "port": "port",
    "identifier": "identifier",
    "fileNamer": "file_namer",
    "enabled": "enabled",
    "customProcessing": "custom_processing",
    "directArchive": "direct_archive",
    "anonymizationEnabled": "anonymization_enabled",
    "whitelistEnabled": "whitelist_enabled",
    "whitelist": "whitelist",
    "routingExpressionsEnabled": "routing_expressions_enabled",
    "projectRoutingExpression": "project_routing_expression",
    "subjectRoutingExpression": "subject_routing_expression",
    "sessionRoutingExpression": "session_routing_expression",
}
_TEXTS = {"aeTitle", "identifier"}
_TEXTS_OR_NULL = {"fileNamer", "projectRoutingExpression", "subjectRoutingExpression", "sessionRoutingExpression"}
_DUPLICATE = (
    "Tried to create or update a DICOM SCP receiver with the title and port {label}, but a receiver with the same "
    "title and port already exists."
)
_UNKNOWN_IDENTIFIER = (
    "Tried to provision DICOM SCP receiver '{label}' but that instance specifies an unknown DICOM Object Identifier "
    "'{identifier}'."
)


def as_json(receiver: Receiver) -> dict[str, Any]:
    """Return a receiver as XNAT shows it (A.26)."""
    return {
        "id": receiver.id,
        **{name: getattr(receiver, attribute) for name, attribute in _NAMES.items()},
        "label": label_of(receiver),
        "created": receiver.created_ms,
        "timestamp": receiver.modified_ms,
        "disabled": 0,
    }


def label_of(receiver: Receiver) -> str:
    """Return a receiver's title and port."""
    return f"{receiver.ae_title}:{receiver.port}"


# -- reading -----------------------------------------------------------------------------------------


async def read_all(call: Call) -> web.StreamResponse:
    """GET /xapi/dicomscp: for everybody who is logged in."""
    if call.is_guest:
        raise Refusal(401)
    return json_answer([as_json(one) for one in call.store.state.receivers])


async def read_one(call: Call) -> web.StreamResponse:
    """GET /xapi/dicomscp/{id}."""
    return json_answer(as_json(_receiver(call)))


async def read_by_title(call: Call) -> web.StreamResponse:
    """GET /xapi/dicomscp/title/{title}/{port}."""
    rights.need_admin(call)
    title, port = call.part("title"), call.part("port")
    for one in call.store.state.receivers:
        if (one.ae_title, str(one.port)) == (title, port):
            return json_answer(as_json(one))
    raise Refusal(404, f"No such instance with aeTitle '{title}' and port {port}")


async def read_enabled(call: Call) -> web.StreamResponse:
    """GET /xapi/dicomscp/{id}/enabled."""
    return json_answer(_receiver(call).enabled)


async def read_identifiers(call: Call) -> web.StreamResponse:
    """GET /xapi/dicomscp/identifiers."""
    if call.is_guest:
        raise Refusal(401)
    return json_answer(IDENTIFIERS)


# -- changing ----------------------------------------------------------------------------------------


async def create(call: Call) -> web.StreamResponse:
    """POST /xapi/dicomscp."""
    rights.need_admin(call)
    now = call.services.clock.now_ms()
    made = _merged(Receiver(0, "", 0, created_ms=now, modified_ms=now), await call.json())
    _check(call, made)
    made.id = call.store.next_number("receiver")
    call.store.state.receivers.append(made)
    call.store.save()
    _cycle(call, {made.port})
    return json_answer(as_json(made))


async def change(call: Call) -> web.StreamResponse:
    """PUT /xapi/dicomscp/{id}: what the body does not name stays."""
    before = _receiver(call)
    after = _merged(before, await call.json())
    _check(call, after)
    return _replaced(call, before, after)


async def enable(call: Call) -> web.StreamResponse:
    """PUT /xapi/dicomscp/{id}/enabled/{flag}."""
    before = _receiver(call)
    flag = call.part("flag").lower()
    if flag not in {"true", "false"}:
        raise Refusal(400, f"{call.part('flag')} is neither true nor false")
    return _replaced(call, before, dataclasses.replace(before, enabled=flag == "true"))


async def remove(call: Call) -> web.StreamResponse:
    """DELETE /xapi/dicomscp/{id}."""
    receiver = _receiver(call)
    call.store.state.receivers.remove(receiver)
    call.store.save()
    _cycle(call, ())
    return empty()


async def start(call: Call) -> web.StreamResponse:
    """PUT /xapi/dicomscp/start."""
    rights.need_admin(call)
    try:
        return _told(listeners_of(call.services).start())
    except OSError as error:
        raise _network_refusal(error) from error


async def stop(call: Call) -> web.StreamResponse:
    """PUT /xapi/dicomscp/stop."""
    rights.need_admin(call)
    return _told(listeners_of(call.services).stop())


async def reset_identifiers(_call: Call) -> web.StreamResponse:
    """PUT /xapi/dicomscp/identifiers."""
    raise Refusal(501, "The practice server does not reset identifiers: it reads their rules for every object")


def _replaced(call: Call, before: Receiver, after: Receiver) -> web.StreamResponse:
    receivers = call.store.state.receivers
    after.modified_ms = call.services.clock.now_ms()
    receivers[receivers.index(before)] = after
    call.store.save()
    _cycle(call, {before.port, after.port})
    return json_answer(as_json(after))


def _receiver(call: Call) -> Receiver:
    rights.need_admin(call)
    for one in call.store.state.receivers:
        if str(one.id) == call.part("id"):
            return one
    raise Refusal(404, f"Could not find DICOM SCP instance with ID {call.part('id')}")


def _cycle(call: Call, ports: Collection[int]) -> None:
    try:
        listeners_of(call.services).cycle(ports)
    except OSError as error:
        raise _network_refusal(error) from error


def _network_refusal(error: OSError) -> Refusal:
    return Refusal(500, f"The receiver is kept, but its port does not listen: {error.strerror}")


def _told(started: list[Started]) -> web.StreamResponse:
    return json_answer([{"left": title, "middle": port, "right": state} for title, port, state in started])


def _merged(receiver: Receiver, wanted: object) -> Receiver:
    """Return a receiver with the values of a body; what it says of id, label and times does not count."""
    if not isinstance(wanted, dict):
        raise Refusal(400, "JSON parse error: a receiver is an object")
    values = {name: value for name, value in wanted.items() if name in _NAMES}
    if values.get("whitelist", ()) is None:
        values["whitelist"] = []
    for name, value in values.items():
        if not _fits(name, value):
            raise Refusal(400, f"JSON parse error: {name} cannot be read")
    if "whitelist" in values:
        values["whitelist"] = list(dict.fromkeys(entry for entry in values["whitelist"] if entry.strip()))
    return dataclasses.replace(receiver, **{_NAMES[name]: value for name, value in values.items()})


def _fits(name: str, value: object) -> bool:
    if name == "port":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "whitelist":
        return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
    if name in _TEXTS_OR_NULL:
        return value is None or isinstance(value, str)
    return isinstance(value, str if name in _TEXTS else bool)


def _check(call: Call, receiver: Receiver) -> None:
    """Refuse what XNAT refuses.

    Raises:
        Refusal: 400; 501 for a namer of files, since none is described.
    """
    if receiver.file_namer:
        raise Refusal(501, f"The practice server does not know the file namer {receiver.file_namer}")
    label = label_of(receiver)
    if receiver.identifier not in IDENTIFIERS:
        raise Refusal(400, _UNKNOWN_IDENTIFIER.format(label=label, identifier=receiver.identifier))
    if not whitelist.is_ae_title(receiver.ae_title):
        raise Refusal(400, f"Invalid AE-title: {receiver.ae_title}")
    if not 0 < receiver.port < 2**16:
        raise Refusal(400, f"Invalid port: {receiver.port}")
    if any(label_of(one) == label and one.id != receiver.id for one in call.store.state.receivers):
        raise Refusal(400, _DUPLICATE.format(label=label))
    problem = next((told for entry in receiver.whitelist if (told := whitelist.problem_of(entry))), "")
    if problem:
        raise Refusal(400, problem)
    for what in ("project", "subject", "session"):
        try:
            identify.parse_rules(getattr(receiver, f"{what}_routing_expression") or "")
        except ValueError as error:
            raise Refusal(400, f"The {what} routing expression cannot be used: {error}") from error


ROUTES = (
    Route("GET", "/xapi/dicomscp", read_all),
    Route("POST", "/xapi/dicomscp", create),
    Route("GET", "/xapi/dicomscp/identifiers", read_identifiers),
    Route("PUT", "/xapi/dicomscp/identifiers", reset_identifiers),
    Route("PUT", "/xapi/dicomscp/start", start),
    Route("PUT", "/xapi/dicomscp/stop", stop),
    Route("GET", "/xapi/dicomscp/title/{title}/{port}", read_by_title),
    Route("GET", "/xapi/dicomscp/{id}", read_one),
    Route("PUT", "/xapi/dicomscp/{id}", change),
    Route("DELETE", "/xapi/dicomscp/{id}", remove),
    Route("GET", "/xapi/dicomscp/{id}/enabled", read_enabled),
    Route("PUT", "/xapi/dicomscp/{id}/enabled/{flag}", enable),
)
