"""Tells listeners how imports and archive calls go: /data/status and /xapi/event_tracking (the wire contract 5.11)."""

import json
from collections.abc import Sequence

from aiohttp import web

from xnat_wizard.practice.arrival import Progress, arrival_of
from xnat_wizard.practice.http import Call, Refusal, Route, empty, json_answer, text

LISTENER = "http-session-listener"


class Teller:
    """Writes one listener's progress; does nothing where nobody listens."""

    def __init__(self, call: Call, record: Progress | None) -> None:
        self._call = call
        self._record = record

    def tell(self, message: str, status: str = "InProgress") -> None:
        """Add an entry."""
        if self._record:
            entry = {"status": status, "eventTime": self._call.services.clock.now_ms(), "message": message}
            self._record.entries.append(entry)

    def succeed(self, uris: Sequence[str]) -> None:
        """End with the URIs, told without /data."""
        plain = [uri.removeprefix("/data") for uri in uris]
        kind = "Archive" if any(uri.startswith("/archive") for uri in plain) else "Prearchive"
        self._end(f"{kind}:{';'.join(plain)}", succeeded=True)

    def fail(self, message: str) -> None:
        """End with what went wrong."""
        self._end(message, succeeded=False)

    def _end(self, message: str, *, succeeded: bool) -> None:
        if self._record:
            self.tell(message, "Completed" if succeeded else "Failed")
            self._record.succeeded = succeeded
            self._record.final_message = message


def start(call: Call) -> Teller:
    """Begin, or go on with, the progress of the call's listener."""
    key = call.param(LISTENER)
    if not key:
        return Teller(call, None)
    known = arrival_of(call.services).progress
    return Teller(call, known.setdefault((call.user.username, key), Progress()))


def _find(call: Call) -> Progress | None:
    return arrival_of(call.services).progress.get((call.user.username, call.part("key")))


def _payload(record: Progress) -> str:
    return json.dumps({"entryList": record.entries})


async def read_tracking(call: Call) -> web.StreamResponse:
    """GET /xapi/event_tracking/{key}: the caller's own keys only."""
    record = _find(call)
    if record is None:
        raise Refusal(404)
    return json_answer(
        {
            "key": call.part("key"),
            "payload": _payload(record),
            "succeeded": record.succeeded,
            "finalMessage": record.final_message or None,
        }
    )


async def read_payload(call: Call) -> web.StreamResponse:
    """GET /xapi/event_tracking/{key}/payload."""
    record = _find(call)
    if record is None:
        raise Refusal(404)
    return text(_payload(record))


async def read_status(call: Call) -> web.StreamResponse:
    """GET /data/status/{key}, the older form: an unknown key is an empty list."""
    record = _find(call)
    names = {"InProgress": "PROCESSING", "Completed": "COMPLETED", "Failed": "FAILED"}
    entries = [
        {"status": names[str(entry["status"])], "msg": entry["message"], "terminal": entry["status"] != "InProgress"}
        for entry in (record.entries if record else [])
    ]
    return web.json_response({"msgs": [entries]})


async def clear_status(call: Call) -> web.StreamResponse:
    """DELETE /data/status/{key}."""
    arrival_of(call.services).progress.pop((call.user.username, call.part("key")), None)
    return empty()


ROUTES = (
    Route("GET", "/xapi/event_tracking/{key}", read_tracking),
    Route("GET", "/xapi/event_tracking/{key}/payload", read_payload),
    Route("GET", "/data/status/{key}", read_status),
    Route("DELETE", "/data/status/{key}", clear_status),
)
