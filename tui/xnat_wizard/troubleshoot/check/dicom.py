"""The way to a DICOM receiver: what the site says of it, its port, the two AE titles, an echo.

The one module of this room that speaks DICOM.
"""

import asyncio
import logging
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xnat_wizard.findings import Finding
from xnat_wizard.troubleshoot.check.model import DicomPeer, Ground, Outcome, Skip, fail, ok, warn
from xnat_wizard.troubleshoot.check.way import aside
from xnat_wizard.xnat.errors import SiteProblem
from xnat_wizard.xnat.network import reason
from xnat_wizard.xnat.projects import as_bool, site_config

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.events import Event

CONNECT_S = 6.0
ANSWER_S = 10.0
_CALLING, _CALLED = 3, 7  # reasons of a rejection by the service user (DICOM PS3.8 table 9-21)
_VERIFICATION = "1.2.840.10008.1.1"
_SOURCES = {1: "the receiver", 2: "its protocol layer", 3: "its presentation layer"}


@dataclass(frozen=True, slots=True)
class _Greeting:
    """How an association went."""

    is_accepted: bool
    echo_status: int | None = None
    result: int = 0
    source: int = 0
    reason: int = 0
    peer: str = ""  # implementation version name
    seconds: float = 0.0


async def receivers(ground: Ground) -> Outcome:
    """Read which receivers the site has, and whether the one that was given is among them."""
    if ground.http is None:
        raise Skip("no account was given")
    try:
        rows = (await ground.http.get("/xapi/dicomscp")).json()
    except SiteProblem as problem:
        return warn("The site does not show its DICOM receivers", problem.finding.why)
    found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    evidence = tuple(_receiver_words(row) for row in found)
    is_on = as_bool((await site_config(ground.http)).get("enableDicomReceiver"))
    peer = ground.question.dicom
    if is_on is False:
        return warn("The site's DICOM receivers are switched off", *evidence, finding=_switched_off())
    if peer is None:
        listed = ", ".join(f"{row.get('aeTitle')} at port {row.get('port')}" for row in found if row.get("enabled"))
        return ok(
            f"The site receives DICOM as {listed}"[:160] if listed else "The site has no DICOM receiver", *evidence
        )
    mine = [row for row in found if row.get("aeTitle") == peer.ae_title and row.get("port") == peer.port]
    if not mine:
        return warn(f"{peer.ae_title} at port {peer.port} is none of this site's", *evidence, finding=_not_listed(peer))
    if not mine[0].get("enabled"):
        return warn(f"{peer.ae_title} is switched off on the site", *evidence, finding=_switched_off())
    whitelist = mine[0].get("whitelist")
    if mine[0].get("whitelistEnabled") and isinstance(whitelist, list):
        named = any(str(entry).partition("@")[0] == peer.calling for entry in whitelist)
        said = f"{peer.ae_title} takes images only from a list of senders"
        if not named:
            return warn(f"{said}; {peer.calling} is not named on it", *evidence, finding=_not_on_list(peer))
        return ok(f"{said}, and {peer.calling} is on it", *evidence)
    return ok(f"{peer.ae_title} at port {peer.port} is a receiver of this site, open to every sender", *evidence)


async def port(ground: Ground) -> Outcome:
    """Connect to the receiver's port."""
    peer = _peer(ground)
    began = time.monotonic()
    try:
        await _connect(peer)
    except OSError as error:
        words = f"no answer in {CONNECT_S:.0f} s" if isinstance(error, TimeoutError) else reason(error)
        return fail(_no_port(peer, words), f"connect to {peer.host} port {peer.port}: {words}")
    took = f"connect to {peer.host} port {peer.port}: open ({time.monotonic() - began:.2f} s)"
    return ok(f"{peer.host} port {peer.port} is open", took)


async def association(ground: Ground) -> Outcome:
    """Ask for an association with the two AE titles; what it then says to an echo is kept for the next probe."""
    peer = _peer(ground)
    greeting = await aside(lambda: _greet(peer), 2 * CONNECT_S + 2 * ANSWER_S)
    names = f"called {peer.ae_title}, calling {peer.calling}"
    if greeting.is_accepted:
        ground.echo_status = greeting.echo_status
        evidence = (names, f"accepted ({greeting.seconds:.2f} s)", f"peer {greeting.peer or 'unnamed'}")
        return ok(f"{peer.ae_title} accepts an association from {peer.calling}", *evidence)
    if not greeting.result:
        return fail(_no_answer(peer), names, "no answer to the request for an association")
    told = f"rejected: result {greeting.result}, source {greeting.source}, reason {greeting.reason}"
    return fail(_rejected(peer, greeting), names, told)


async def echo(ground: Ground) -> Outcome:
    """Look at the answer to a C-ECHO."""
    peer = _peer(ground)
    status = ground.echo_status
    if status == 0:
        return ok(f"{peer.ae_title} answers an echo", "C-ECHO: status 0x0000")
    told = "no answer" if status is None else f"status 0x{status:04X}"
    finding = Finding(
        "dicom.echo",
        f"{peer.ae_title} does not answer an echo",
        f"To a C-ECHO came: {told}",
        ("Try again in a minute", "Give the page of this check to the administrator of the receiver"),
        where=f"{peer.host}:{peer.port}",
    )
    return fail(finding, f"C-ECHO: {told}")


async def _connect(peer: DicomPeer) -> None:
    async with asyncio.timeout(CONNECT_S):
        _, writer = await asyncio.open_connection(peer.host, peer.port)
    writer.transport.abort()


def _peer(ground: Ground) -> DicomPeer:
    if ground.question.dicom is None:
        raise Skip("no DICOM receiver was given")
    return ground.question.dicom


class _Link:
    """One association, asked for on entering, ended on leaving; its socket is closed whatever was spoken."""

    def __init__(self, peer: DicomPeer) -> None:
        self._peer = peer
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> "Association":
        from pynetdicom import AE, build_context, evt

        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)  # what it has to say is in the association
        entity = AE(ae_title=self._peer.calling)
        entity.connection_timeout = CONNECT_S
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = ANSWER_S
        self._made = entity.associate(
            self._peer.host,
            self._peer.port,
            contexts=[build_context(_VERIFICATION)],
            ae_title=self._peer.ae_title,
            evt_handlers=[(evt.EVT_CONN_OPEN, self._keep)],
        )
        return self._made

    def __exit__(self, *_: object) -> None:
        if self._made.is_established:
            self._made.release()
        self._made.kill()
        for one in self._sockets:
            one.close()

    def _keep(self, event: "Event") -> None:
        transport = event.assoc.dul.socket
        if transport is not None and transport.socket is not None:
            self._sockets.append(transport.socket)


def _greet(peer: DicomPeer) -> _Greeting:
    began = time.monotonic()
    with _Link(peer) as link:
        took_s = time.monotonic() - began
        if link.is_established:
            answer = link.send_c_echo()
            status = int(answer.Status) if "Status" in answer else None
            named = str(link.acceptor.implementation_version_name or "")
            return _Greeting(is_accepted=True, echo_status=status, peer=named, seconds=took_s)
        said = link.acceptor.primitive
        if not link.is_rejected or said is None:
            return _Greeting(is_accepted=False, seconds=took_s)
        return _Greeting(
            is_accepted=False,
            result=int(said.result or 0),
            source=int(said.result_source or 0),
            reason=int(said.diagnostic or 0),
            seconds=took_s,
        )


def _receiver_words(row: dict[str, object]) -> str:
    marks = [word for key, word in _MARKS.items() if row.get(key)]
    state = "on" if row.get("enabled") else "off"
    return f"receiver {row.get('aeTitle')} port {row.get('port')}: {', '.join([state, *marks])}"


_MARKS = {
    "whitelistEnabled": "only listed senders",
    "customProcessing": "custom processing",
    "directArchive": "direct archive",
    "routingExpressionsEnabled": "own routing",
}


def _rejected(peer: DicomPeer, greeting: _Greeting) -> Finding:
    where = f"{peer.host}:{peer.port}"
    if greeting.source == 1 and greeting.reason == _CALLING:
        return Finding(
            "dicom.calling",
            f"The receiver does not know {peer.calling} as a sender",
            "It rejected the association: calling AE title not recognised; it takes images only from listed senders",
            (
                f"Ask the site's administrator to add {peer.calling} with this machine's address to the list",
                "Send by https until then",
            ),
            where=where,
        )
    if greeting.source == 1 and greeting.reason == _CALLED:
        return Finding(
            "dicom.called",
            f"There is no receiver called {peer.ae_title} at this port",
            "It rejected the association: called AE title not recognised",
            ("Check the AE title: capital letters count", "Ask the site's administrator for title and port"),
            where=where,
        )
    lasting = "for now" if greeting.result == 2 else "for good"
    return Finding(
        "dicom.rejected",
        f"The receiver {peer.ae_title} rejected the association {lasting}",
        f"{_SOURCES.get(greeting.source, 'it')} gave reason {greeting.reason}",
        ("Try again in a minute: it may have too many connections", "Give the page of this check to its administrator"),
        where=where,
    )


def _no_answer(peer: DicomPeer) -> Finding:
    return Finding(
        "dicom.silent",
        f"What listens at {peer.host} port {peer.port} does not answer as a DICOM receiver",
        "The port is open, and the request for an association was not answered",
        ("Check the port: it may be a web server's, or want TLS", "Ask the site's administrator for title and port"),
        where=f"{peer.host}:{peer.port}",
    )


def _no_port(peer: DicomPeer, words: str) -> Finding:
    return Finding(
        "dicom.unreachable",
        f"No connection to the DICOM receiver {peer.host} port {peer.port}",
        f"Connecting to it: {words}",
        (
            "Check host and port; XNAT's own port is 8104",
            "Ask your IT department whether a firewall stands in between; send by https until then",
            "Ask the site's administrator whether the receiver is switched on",
        ),
        where=f"{peer.host}:{peer.port}",
    )


def _switched_off() -> Finding:
    return Finding(
        "dicom.off",
        "The site's DICOM receiver is switched off",
        "The site's settings say so",
        ("Ask the site's administrator to switch it on", "Send by https until then"),
    )


def _not_listed(peer: DicomPeer) -> Finding:
    return Finding(
        "dicom.not_listed",
        f"{peer.ae_title} at port {peer.port} is none of this site's receivers",
        "What is sent there may go to another system (NET-08); a forwarded port looks the same",
        ("Use title and port of one of the receivers that the site lists",),
        where=f"{peer.host}:{peer.port}",
    )


def _not_on_list(peer: DicomPeer) -> Finding:
    return Finding(
        "dicom.whitelist",
        f"{peer.calling} is not named on the receiver's list of senders",
        "The receiver takes images only from listed senders; an entry by address may still admit this machine",
        (f"Ask the site's administrator to add {peer.calling} with this machine's address",),
        where=f"{peer.host}:{peer.port}",
    )
