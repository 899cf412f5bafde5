"""Where the server says it put what was sent, compared with where it belongs.

A row is looked up for each object (wire contract 5.7 step 6). So where somebody archives, moves or deletes the session
while a part arrives, its first objects are in the row that goes and the others in a new one, and the answer names both.
"""

from collections.abc import Awaitable, Callable, Sequence

from xnat_wizard.findings import Finding
from xnat_wizard.upload import stops
from xnat_wizard.upload.records import SessionRow
from xnat_wizard.xnat.model import PrearchiveSession

_LEAVING = frozenset({"ARCHIVING", "MOVING", "DELETING"})

Ask = Callable[[str], Awaitable[PrearchiveSession | None]]


async def find(uris: Sequence[str], before: str, session: SessionRow, project: str, ask: Ask) -> str | Finding:
    """Return the URI of the row that takes what comes next, or why there is none to go on with.

    Args:
        uris: that the server answered a part with.
        before: that of the row that took the parts before, "" when there was none.
        session: theirs.
        project: where they belong.
        ask: reads a row; `None` when it is not there.
    """
    strays = [uri for uri in uris if stops.project_of(uri) != project]
    for uri in strays:
        if not before or _place(uri) != _place(before):
            return stops.rerouted(uri, project)
    ours = list(dict.fromkeys(uri for uri in uris if uri not in strays)) or [before]  # moved while it was answered
    if len(ours) == 1:
        return ours[0]
    rows = {uri: await ask(uri) for uri in ours}
    staying = [uri for uri, row in rows.items() if row and not is_leaving(row)]
    if len(staying) > 1:
        return stops.split(uris, session)
    return staying[0] if staying else ours[-1]


def is_leaving(row: PrearchiveSession) -> bool:
    """Tell whether somebody is archiving, moving or deleting a row."""
    return row.status.removeprefix("QUEUED_").removeprefix("_") in _LEAVING


def _place(uri: str) -> str:
    """Return timestamp and folder, which stay when a session is moved to another project (6.3)."""
    return "/".join(uri.rsplit("/", 2)[1:])
