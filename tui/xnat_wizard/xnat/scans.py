"""Scans of an archived session that are made or described without DICOM (wire contract 4.4).

A 200 says little, so a new scan is read back. What a scan says already is never changed: its quality, type, description
and note may be somebody's work.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from html import escape

from xnat_wizard.findings import Finding
from xnat_wizard.xnat.errors import Refused
from xnat_wizard.xnat.http import Http
from xnat_wizard.xnat.tables import Row
from xnat_wizard.xnat.uris import path_of

_WAITS_S = (0.0, 0.5, 1.0, 2.0, 4.0)
_LONGEST = 255  # of a text in XNAT's tables


@dataclass(frozen=True, slots=True)
class ScanDraft:
    """What is said of a scan; "" for nothing."""

    id: str
    xsi_type: str = "xnat:mrScanData"  # of a new one
    type: str = ""
    series_description: str = ""
    note: str = ""
    own_note: str = ""  # a note of this program's, which the new one follows where it stands alone

    @property
    def fields(self) -> dict[str, str]:
        """Return what is said, by XNAT's names, on one line each and no longer than XNAT keeps."""
        given = {"type": self.type, "series_description": self.series_description, "note": self.note}
        texts = {name: _fitting(" ".join(text.split())) for name, text in given.items()}
        return {name: text for name, text in texts.items() if text}


async def describe_scan(
    http: Http, session_id: str, draft: ScanDraft, sleep: Callable[[float], Awaitable[None]]
) -> bool:
    """Make a scan that is not there, or add to one what it does not say yet; return whether it is new.

    Raises:
        Refused: scan.not_created, and what the site refuses.
    """
    path = path_of("data", "experiments", session_id, "scans", draft.id)
    there = await _row(http, session_id, draft.id)
    if there is not None:
        missing = {name: text for name, text in draft.fields.items() if not there.get(name, "").strip()}
        if draft.note and draft.own_note and there.get("note", "").strip() == draft.own_note != draft.note:
            missing["note"] = replace(draft, note=f"{draft.own_note}. {draft.note}").fields["note"]
        if missing:
            await http.call("PUT", path, {"xsiType": there.get("xsiType") or draft.xsi_type, **missing})
        return False
    await http.call("PUT", path, _new(draft))
    for wait_s in _WAITS_S:
        if wait_s:
            await sleep(wait_s)
        if await _row(http, session_id, draft.id) is not None:
            return True
    raise Refused(_not_created(draft))


def _fitting(text: str) -> str:
    """Return as much of a text as XNAT has room for; it keeps `&` as `&amp;`."""
    text = text[:_LONGEST]
    while len(escape(text, quote=False)) > _LONGEST:
        text = text[:-1]
    return text.rstrip()


def _new(draft: ScanDraft) -> Mapping[str, str]:
    return {"xsiType": draft.xsi_type, **draft.fields}


async def _row(http: Http, session_id: str, scan_id: str) -> Row | None:
    path = path_of("data", "experiments", session_id, "scans")
    rows = (await http.get(path, {"format": "json", "limit": "*"})).rows()
    return next((row for row in rows if row.get("ID") == scan_id), None)


def _not_created(draft: ScanDraft) -> Finding:
    return Finding(
        code="scan.not_created",
        what=f'The site took the new scan "{draft.id}", and does not show it',
        why="Reading the session's scans back found none of this ID.",
        todo=("Look at the session in a minute.", "Ask an owner whether your account may change data in it."),
        where=f"scan {draft.id}",
        shareable="A new scan cannot be read back.",
    )
