"""Asks a receiver whether it listens: C-ECHO (DICOM PS3.4 annex A), before anything is sent."""

import asyncio

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.upload.cstore import findings, statuses
from xnat_wizard.upload.cstore.peer import Peer
from xnat_wizard.upload.cstore.wire import LostError, RejectedError, UnreachableError, open_link

_NO_CONTEXT = 0x0122  # SOP class not supported (PS3.7 table C.4-1): the context for an echo was not accepted


async def echo(peer: Peer) -> str:
    """Ask a receiver whether it listens; return its answer in words.

    Raises:
        Problem: `cstore.unreachable`, `.rejected`, `.crowded`, `.no_echo`.
    """
    try:
        status = await asyncio.to_thread(_ask, peer)
    except UnreachableError as error:
        raise Problem(findings.unreachable(peer, error.reason)) from error
    except RejectedError as rejection:
        is_crowded = rejection.is_transient
        raise Problem(findings.crowded(peer) if is_crowded else findings.rejected(peer, rejection)) from rejection
    except LostError as lost:
        raise Problem(findings.no_echo(peer, lost.reason)) from lost
    if status:
        raise Problem(findings.no_echo(peer, statuses.words(status)))
    return f"{peer.ae_title} at {peer.host} port {peer.port} answers an echo"


async def refusal(peer: Peer) -> Finding | None:
    """Ask a receiver whether it listens; return why it does not, `None` where it does."""
    try:
        await echo(peer)
    except Problem as problem:
        return problem.finding
    return None


def _ask(peer: Peer) -> int:
    link = open_link(peer, ())
    try:
        if not link.accepted:
            link.abort()
            return _NO_CONTEXT
        status = link.echo().status
        link.release()
        return status
    finally:
        link.close()
