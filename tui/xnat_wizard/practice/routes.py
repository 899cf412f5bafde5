"""The modules whose handlers the server answers with; each exposes `ROUTES`.

`MODULES`: one line a module. `BACKGROUND`: functions `(services) -> coroutine` started with the server and cancelled
with it (timers).
"""

from collections.abc import Callable, Coroutine
from types import ModuleType
from typing import Any

from xnat_wizard.practice import (
    anonymization,
    batch,
    bulk,
    config,
    desk,
    dicomscp,
    direct_archive,
    dump,
    elements,
    experiments,
    files,
    importer,
    members,
    prearchive,
    prearchive_actions,
    prearchive_content,
    progress,
    project_lists,
    projects,
    receiving,
    rescan,
    resources,
    routing,
    scans,
    schemas,
    security,
    site,
    snapshots,
    subjects,
    timers,
    tokens,
    usercache,
    users,
)
from xnat_wizard.practice.services import Services

MODULES: tuple[ModuleType, ...] = (
    anonymization,
    batch,
    bulk,
    config,
    desk,
    dicomscp,
    direct_archive,
    dump,
    elements,
    experiments,
    files,
    importer,
    members,
    prearchive,
    prearchive_actions,
    prearchive_content,
    progress,
    project_lists,
    projects,
    receiving,
    rescan,
    resources,
    routing,
    scans,
    schemas,
    security,
    site,
    snapshots,
    subjects,
    tokens,
    usercache,
    users,
)  # fmt: skip

BACKGROUND: tuple[Callable[[Services], Coroutine[Any, Any, None]], ...] = (timers.run,)
