"""Turns the snapshot's JSON back into the records of the store."""

import json
from pathlib import Path
from typing import Any

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
    """Read the snapshot; lists that older servers did not write are empty.

    Raises:
        OSError: the file cannot be read.
    """
    return decode_state(json.loads(file.read_text(encoding="utf-8")))


def decode_state(raw: dict[str, Any]) -> State:
    """Turn the snapshot's JSON back into records."""

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
        users={name: User(**user) for name, user in raw["users"].items()},
        projects={key: with_parts(Project, one) for key, one in raw["projects"].items()},
        subjects={key: with_parts(Subject, one) for key, one in raw["subjects"].items()},
        sessions={key: with_parts(Session, one) for key, one in raw["sessions"].items()},
        rows=[with_parts(Row, one) for one in raw["rows"]],
        direct=[with_parts(Row, one) for one in raw.get("direct", [])],
        configs=[Config(**one) for one in raw["configs"]],
        tokens={alias: Token(**one) for alias, one in raw["tokens"].items()},
        receivers=[Receiver(**one) for one in raw.get("receivers", [])],
        routings={uid: Routing(**one) for uid, one in raw.get("routings", {}).items()},
        preferences=raw["preferences"],
        burnt_project_ids=raw["burnt_project_ids"],
        counters=raw["counters"],
    )
