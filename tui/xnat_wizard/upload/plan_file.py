r"""A plan as a readable JSON file, and the same pieces for the journal.

Paths are kept byte for byte: bytes that are not UTF-8 stand as surrogate escapes, which JSON writes as `\udcXX`.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from xnat_wizard.dicom.model import Instance, ParRecPair, Series
from xnat_wizard.findings import Finding, Problem, Severity
from xnat_wizard.settings import new_private
from xnat_wizard.upload import hand_edits
from xnat_wizard.upload.cstore.peer import Peer, Scheme
from xnat_wizard.upload.deidentify.choice import Deidentification
from xnat_wizard.upload.model import (
    Compression,
    Destination,
    Options,
    Plan,
    PlannedSession,
    Receipt,
    ReceiptLine,
    Route,
)

FORMAT = "xnat-wizard plan"
VERSION = 1
_LONGEST_REASON = 300  # characters
_WIDEST = 1 << 63  # numbers of a journal are smaller
_HAND_EDITED: Mapping[type, tuple[str, ...]] = {
    PlannedSession: ("subject_label", "session_label", "is_included")
}  # `hand_edits` tells their lines

_Value = TypeVar("_Value", Instance, ParRecPair, Series, PlannedSession, Plan, Peer, Options)


def save(plan: Plan, path: Path) -> None:
    """Write a plan so that only this person can read it; a crash leaves the old file or the new one.

    Raises:
        OSError: the file cannot be written.
    """
    draft = path.with_name(path.name + ".new")
    descriptor = new_private(draft)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"format": FORMAT, "version": VERSION, **encode(plan)}, file, indent=1)
        file.write("\n")
    draft.replace(path)


def load(path: Path) -> Plan:
    """Read a plan that `save` wrote.

    Raises:
        OSError: the file cannot be read.
        Problem: `plan.no_file` when there is none, `plan.unreadable` when it is no plan, `plan.newer` when a newer
            version wrote it, `plan.bad_edit` when an edit by hand made labels in it that cannot be.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        raw = json.loads(text)
        _check_format(raw, path)
        plan = decode_plan(raw)
        hand_edits.refuse_bad(plan, text, path)
    except (FileNotFoundError, IsADirectoryError) as error:
        is_folder = isinstance(error, IsADirectoryError)
        raise Problem(
            Finding(
                "plan.no_file",
                "This is a folder, and no saved plan" if is_folder else "There is no such plan",
                "A plan is one file, which says what of a folder is sent where",
                ("Make one: `xnat-wizard plan FOLDER --project PROJECT --output study.plan.json`",)
                if is_folder
                else ("Look at the name of the file", "Or make it: `xnat-wizard plan`"),
                where=str(path),
            )
        ) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Problem(
            Finding(
                "plan.unreadable",
                "The file is not a saved plan",
                f"Reading it failed: {type(error).__name__}: {str(error)[:_LONGEST_REASON]}",
                ("Choose the file that was saved as a plan", "Or plan again from the folder"),
                where=f"{path}:{error.lineno}" if isinstance(error, json.JSONDecodeError) else str(path),
            )
        ) from error
    return plan


def _check_format(raw: dict[str, Any], path: Path) -> None:
    if raw["format"] != FORMAT:
        raise ValueError(f"its format is `{raw['format']}`")
    if not _is_of(int, raw["version"]):
        raise ValueError("its version is no number")
    if raw["version"] > VERSION:
        raise Problem(
            Finding(
                "plan.newer",
                "The plan was saved by a newer version of this program",
                f"It has format version {raw['version']}, and this program knows {VERSION}",
                ("Update this program", "Or plan again from the folder"),
                where=str(path),
            )
        )


def encode(value: object) -> Any:
    """Turn a plan or any piece of one into JSON values, keys as the fields are named."""
    match value:
        case Plan() | PlannedSession() | Series() | ParRecPair() | Instance() | Peer() | Options():
            return {field.name: encode(getattr(value, field.name)) for field in fields(value)}
        case Deidentification():
            return value.as_object()
        case tuple():
            return [encode(one) for one in value]
        case Path():
            return os.fspath(value)
        case str():
            return str(value)
    return value


def decode_series(raw: dict[str, Any]) -> Series:
    """Turn JSON values back into a series."""
    return _filled(Series, raw, folders=_texts, held_by=_texts, instances=_instances)


def decode_pair(raw: dict[str, Any]) -> ParRecPair:
    """Turn JSON values back into a PAR/REC pair."""
    return _filled(ParRecPair, raw, held_by=_texts)


def decode_session(raw: dict[str, Any]) -> PlannedSession:
    """Turn JSON values back into a planned session."""
    return _filled(
        PlannedSession,
        raw,
        series=_all_series,
        pairs=_pairs,
        held_by=_texts,
        left_out=_all_series,
        left_out_pairs=_pairs,
    )


def decode_plan(raw: dict[str, Any]) -> Plan:
    """Turn JSON values back into a plan; keys that are not fields are passed over."""
    plan = _filled(
        Plan,
        raw,
        source=_folder,
        destination=Destination,
        sessions=_sessions,
        not_sent=_texts,
        route=Route,
        receiver=decode_receiver,
        options=_options,
        deidentification=lambda one: None if one is None else Deidentification.read(one),
    )
    if len({session.key for session in plan.sessions}) < len(plan.sessions):
        raise ValueError("two of its sessions have the same key")
    return plan


def decode_receiver(raw: dict[str, Any] | None) -> Peer | None:
    """Turn JSON values back into a DICOM receiver, where there is one."""
    return None if raw is None else _filled(Peer, raw, scheme=Scheme)


def encode_finding(finding: Finding | None) -> str | None:
    """Turn a finding into one JSON text."""
    if finding is None:
        return None
    return json.dumps({field.name: getattr(finding, field.name) for field in fields(finding)})


def decode_finding(text: str | None) -> Finding | None:
    """Turn a JSON text back into a finding."""
    if text is None:
        return None
    raw = json.loads(text)
    return Finding(**{**raw, "todo": tuple(raw["todo"]), "severity": Severity(raw["severity"])})


def encode_receipt(receipt: Receipt) -> str:
    """Turn a receipt into one JSON text."""
    return json.dumps(asdict(receipt), indent=1)


def decode_receipt(text: str) -> Receipt:
    """Turn a JSON text back into a receipt."""
    raw = json.loads(text)
    lists = {name: tuple(raw[name]) for name in ("places", "not_proven", "not_sent")}
    return Receipt(**{**raw, **lists, "lines": tuple(ReceiptLine(**line) for line in raw["lines"])})


def byte_path(path: str) -> bytes:
    """Return a path as the bytes that the system has."""
    return path.encode("utf-8", "surrogateescape")


def text_path(path: bytes) -> str:
    """Return the bytes of a path as a text, bytes that are not UTF-8 as surrogate escapes."""
    return path.decode("utf-8", "surrogateescape")


def _filled(kind: type[_Value], raw: dict[str, Any], **readers: Any) -> _Value:
    """Fill the fields of a value.

    Raises:
        ValueError: one of them holds something of another type.
        TypeError: one of them is missing.
    """
    if not isinstance(raw, dict):
        raise ValueError(f"where {kind.__name__} should be, there is something else")  # noqa: TRY004  told like the rest
    plain = _plain_fields(kind)
    known = {field.name: raw[field.name] for field in fields(kind) if field.name in raw}
    for name, value in known.items():
        if name in plain and name not in readers and not _is_of(plain[name], value):
            raise ValueError(f"`{name}` of {kind.__name__} is not {_TYPES[plain[name]]}")
    return kind(**{name: readers[name](value) if name in readers else value for name, value in known.items()})


_TYPES: Mapping[type, str] = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
_PLAIN: dict[type, dict[str, type]] = {}


def _plain_fields(kind: type) -> dict[str, type]:
    """Return the fields that hold a text, a number or a yes, but those that a person edits, and their types."""
    if kind not in _PLAIN:
        edited = _HAND_EDITED.get(kind, ())
        hints = get_type_hints(kind)
        _PLAIN[kind] = {name: hint for name, hint in hints.items() if hint in _TYPES and name not in edited}
    return _PLAIN[kind]


def _is_of(kind: type, value: object) -> bool:
    if kind is str:
        return isinstance(value, str) and _is_text(value)
    if kind is bool or isinstance(value, bool):
        return kind is bool and isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and -_WIDEST <= value < _WIDEST
    return isinstance(value, int | float)


def _is_text(text: str) -> bool:
    if text.isascii():
        return True
    try:
        byte_path(text)
    except UnicodeEncodeError:  # half a character
        return False
    return True


def _texts(raw: object) -> tuple[str, ...]:
    if not isinstance(raw, list) or not all(_is_of(str, one) for one in raw):
        raise ValueError("where a list of texts should be, there is something else")
    return tuple(raw)


def _folder(raw: object) -> Path:
    if not isinstance(raw, str) or not _is_text(raw) or "\0" in raw:
        raise ValueError("its source is no folder")
    return Path(raw)


def _options(raw: dict[str, Any]) -> Options:
    return _filled(Options, raw, compression=Compression)


def _instances(raw: list[dict[str, Any]]) -> tuple[Instance, ...]:
    found = tuple(_filled(Instance, one) for one in raw)
    for one in found:  # only paths may have bytes that are no text
        f"{one.sop_class_uid}{one.sop_instance_uid}{one.transfer_syntax_uid}{one.instance_number}".encode()
    return found


def _all_series(raw: list[dict[str, Any]]) -> tuple[Series, ...]:
    return tuple(decode_series(one) for one in raw)


def _pairs(raw: list[dict[str, Any]]) -> tuple[ParRecPair, ...]:
    return tuple(decode_pair(one) for one in raw)


def _sessions(raw: list[dict[str, Any]]) -> tuple[PlannedSession, ...]:
    return tuple(decode_session(one) for one in raw)
