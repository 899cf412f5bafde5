"""The idle timer: builds what has been quiet for long enough, and archives it where the project says so (6.8)."""

import asyncio

from xnat_wizard.practice import archiving, build, direct
from xnat_wizard.practice.arrival import arrival_of
from xnat_wizard.practice.conflicts import Options
from xnat_wizard.practice.services import Services
from xnat_wizard.practice.store import Row

_FAST = 60.0  # with short timers a minute is a second


async def run(services: Services) -> None:
    """Look at the prearchive again and again, until cancelled."""
    while True:
        repeat_s = float(services.preference("sessionXmlRebuilderRepeat") or 60000) / 1000
        await asyncio.sleep(repeat_s / _FAST if services.is_fast else repeat_s)
        await look(services)


async def look(services: Services) -> None:
    """Build every session whose last object is older than the interval; direct ones go on into the archive."""
    interval_s = float(services.preference("sessionXmlRebuilderInterval") or 5) * 60
    if services.is_fast:
        interval_s /= _FAST
    now = services.clock.now()
    for row in list(services.store.state.rows):
        if is_due(services, row, now - interval_s):
            await _finish(services, row)
    await direct.look(services, now - interval_s)


def is_due(services: Services, row: Row, before: float) -> bool:
    """Tell whether a row is still receiving, may be built by itself, and has been quiet since `before`."""
    is_held = row.prevent_auto_commit or row.source == "uploader" or arrival_of(services).has_open_objects(row)
    return row.status == "RECEIVING" and not is_held and row.lastmod <= before


async def _finish(services: Services, row: Row) -> None:
    await build.build(services, row)
    if row.status != "READY" or not archiving.is_automatic(services, row):
        return
    user = direct.received_file_user(services)
    is_override = row.autoarchive == "AutoArchiveOverwrite"
    try:
        await archiving.archive(services, row, Options(user=user, is_override=is_override, replaces_files=is_override))
    except archiving.ArchiveFailedError:
        return  # the row's status and log say so
