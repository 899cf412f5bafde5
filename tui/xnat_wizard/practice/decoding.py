"""Turns the snapshot's JSON back into the records of the store."""

import json
from pathlib import Path
from typing import Any

from xnat_wizard.practice.snapshot import noted_after
from xnat_wizard.practice.store import (
    Config,
    Entry,
    Project,
    Receiver,
    Resource,
    Routing,
    Row,
    Scan,
    Session,
    State,
    Subject,
    Token,
    User,
)


def read_state(file: Path) -> State:
    """Read the snapshot, and what was noted after it; without a file everything is empty.

    Raises:
        OSError: a file cannot be read.
    """
    state = decode_state(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else State()
    for change in noted_after(file, state.log_number):
        _apply(state, decode_state(change), {tuple(key) for key in change["gone"]})
    return state


def _apply(state: State, change: State, gone: set[tuple[str, ...]]) -> None:
    for rows, changed in ((state.rows, change.rows), (state.direct, change.direct)):
        out = gone | {row.key for row in changed}
        rows[:] = [row for row in rows if row.key not in out] + changed
    state.subjects |= change.subjects
    state.sessions |= change.sessions
    state.counters |= change.counters


def decode_state(raw: dict[str, Any]) -> State:
    """Turn JSON back into records; what is missing is empty."""

    def resource(value: dict[str, Any]) -> Resource:
        return Resource(**{**value, "files": {name: Entry(**entry) for name, entry in value["files"].items()}})

    def resources(value: dict[str, Any]) -> dict[str, Resource]:
        return {label: resource(one) for label, one in value.items()}

    def scans(value: dict[str, Any]) -> dict[str, Scan]:
        return {key: Scan(**{**one, "resources": resources(one["resources"])}) for key, one in value.items()}

    def with_parts(kind: Any, value: dict[str, Any]) -> Any:
        parts = dict(value)
        if "scans" in parts:
            parts["scans"] = scans(parts["scans"])
        if "resources" in parts:
            parts["resources"] = resources(parts["resources"])
        return kind(**parts)

    return State(
        users={name: User(**user) for name, user in raw.get("users", {}).items()},
        projects={key: with_parts(Project, one) for key, one in raw.get("projects", {}).items()},
        subjects={key: with_parts(Subject, one) for key, one in raw.get("subjects", {}).items()},
        sessions={key: with_parts(Session, one) for key, one in raw.get("sessions", {}).items()},
        rows=[with_parts(Row, one) for one in raw.get("rows", [])],
        direct=[with_parts(Row, one) for one in raw.get("direct", [])],
        configs=[Config(**one) for one in raw.get("configs", [])],
        tokens={alias: Token(**one) for alias, one in raw.get("tokens", {}).items()},
        receivers=[Receiver(**one) for one in raw.get("receivers", [])],
        routings={uid: Routing(**one) for uid, one in raw.get("routings", {}).items()},
        preferences=raw.get("preferences", {}),
        burnt_project_ids=raw.get("burnt_project_ids", []),
        counters=raw.get("counters", {}),
        log_number=raw.get("log_number", 1),
    )
