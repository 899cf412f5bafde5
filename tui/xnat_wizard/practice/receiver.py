"""Receives images by DICOM: C-ECHO and C-STORE, several receivers on a port (the wire contract 9.1 to 9.3).

A port is accepted on the event loop; pynetdicom runs two threads for each association. What a handler there wants to
know or change, it asks of the loop. An object takes the same way as one that comes by gradual-DICOM.
"""

import asyncio
import contextlib
import io
import logging
import socket
import time
from collections.abc import Collection
from functools import partial
from typing import Any, cast
from weakref import WeakKeyDictionary

from pydicom.dataset import Dataset
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode_file_meta
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made when the module is loaded
from pynetdicom.transport import AssociationServer, AssociationSocket

from xnat_wizard.practice import identify, whitelist
from xnat_wizard.practice.intake import Intake, ObjectRefusedError, Wishes
from xnat_wizard.practice.services import Services
from xnat_wizard.practice.store import Receiver

log = logging.getLogger(__name__)

_config.UNRESTRICTED_STORAGE_SERVICE = True  # every storage class is taken, private and future ones too
_config.LOG_HANDLER_LEVEL = "none"
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)  # it would print names of patients

DEFAULT_TITLE = "XNAT"
STORED, OUT_OF_RESOURCES, CANNOT_UNDERSTAND = 0x0000, 0xA700, 0xC000
_CALLING, _CALLED = 0x03, 0x07  # which of the two AE titles a rejection does not recognise
_PDU_BYTES = 131_072  # what DCMTK sends at most
_ASSOCIATIONS = 100
_COMMENT_LENGTH = 64
_FAREWELL_S = 2.0

Started = tuple[str, int, bool]  # AE title, port, whether it listens


class _Port(AssociationServer):
    """A listening socket; connections are accepted where `accept` is called."""

    def server_bind(self) -> None:
        super().server_bind()
        self.listening.settimeout(0)

    @property
    def listening(self) -> socket.socket:
        assert self.socket is not None
        return self.socket

    @property
    def number(self) -> int:
        return self.server_address[1]

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, address

    def accept(self) -> None:
        self._handle_request_noblock()  # type: ignore[attr-defined]  # socketserver's own; typeshed hides it

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002  socketserver's signature
        log.exception("a DICOM connection could not be taken")  # noqa: LOG004  called while the error is handled


class _Stored:
    """A received object as a file: meta information, then the data set as it came."""

    def __init__(self, head: bytes, body: io.BytesIO) -> None:
        self._head = io.BytesIO(head)
        self._body = body
        body.seek(0)

    def read(self, size: int, /) -> bytes:
        return self._head.read(size) or self._body.read(size)


class Listeners:
    """The ports on which one server listens for DICOM; all methods belong to its event loop."""

    def __init__(self, services: Services, host: str) -> None:
        self._services = services
        self._host = "127.0.0.1" if host == "localhost" else host
        self._ports: dict[int, _Port] = {}
        self._entity = AE(ae_title=DEFAULT_TITLE)
        self._entity.maximum_pdu_size = _PDU_BYTES
        self._entity.maximum_associations = _ASSOCIATIONS
        self._entity.add_supported_context(Verification)
        self._farewells: set[asyncio.Task[None]] = set()
        _LISTENERS[services] = self

    # -- which ports are open ----------------------------------------------------------------------

    def begin(self, port: int) -> None:
        """Listen, on the first start with one receiver; `port` 0 keeps its port, or takes a free one.

        Raises:
            OSError: the given port is taken.
        """
        state = self._services.store.state
        if "receiver" not in state.counters:
            now = self._services.clock.now_ms()
            number = self._services.store.next_number("receiver")
            state.receivers.append(Receiver(number, DEFAULT_TITLE, 0, created_ms=now, modified_ms=now))
        first = next((one for one in state.receivers if one.id == 1), None)
        if first is not None and self._is_on and first.enabled:
            try:
                found = self._open(port or first.port)
            except OSError:
                if port:
                    raise
                found = self._open(0)
            for one in [one for one in state.receivers if one.port == first.port]:
                one.port = found
        for other in self._wanted() - set(self._ports):
            try:
                self._open(other)
            except OSError as error:
                log.warning("port %d does not listen for DICOM: %s", other, error.strerror)
        self._services.store.save()

    @property
    def address(self) -> str:
        """Return where the first receiver listens, as `dicom://XNAT@127.0.0.1:8104`; "" when it does not."""
        first = next((one for one in self._services.store.state.receivers if one.id == 1), None)
        if first is None or not first.enabled or first.port not in self._ports:
            return ""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"dicom://{first.ae_title}@{host}:{first.port}"

    def start(self) -> list[Started]:
        """Listen for all enabled receivers, if the site's switch is on.

        Raises:
            OSError: a port is taken.
        """
        return self.cycle(self._wanted()) if self._is_on else []

    def stop(self) -> list[Started]:
        """Listen no more; associations are aborted."""
        return self._shut(set(self._ports))

    def follow_switch(self) -> None:
        """Start or stop as the site's switch says (preference `enableDicomReceiver`)."""
        if not self._is_on:
            self.stop()
            return
        try:
            self.start()
        except OSError as error:
            log.warning("a port does not listen for DICOM: %s", error.strerror)

    def cycle(self, changed: Collection[int]) -> list[Started]:
        """Shut ports that no enabled receiver wants any more, open those of `changed` that one does.

        Raises:
            OSError: a port is taken.
        """
        told = self._shut(set(self._ports) - self._wanted())
        if not self._is_on:
            return told
        for port in sorted(set(changed) & self._wanted()):
            if port not in self._ports:
                self._open(port)
            told += [(title, port, True) for title in self._titles(port)]
        return told

    async def close(self) -> None:
        """Stop, and wait until no association is left."""
        self.stop()
        await asyncio.gather(*self._farewells)

    @property
    def _is_on(self) -> bool:
        return self._services.preference("enableDicomReceiver") is not False

    def _wanted(self) -> set[int]:
        return {one.port for one in self._services.store.state.receivers if one.enabled}

    def _titles(self, port: int) -> list[str]:
        receivers = self._services.store.state.receivers
        return [one.ae_title for one in receivers if one.port == port and one.enabled]

    def _open(self, port: int) -> int:
        handlers: list[Any] = [(evt.EVT_REQUESTED, self._on_request), (evt.EVT_C_STORE, self._on_store)]
        known = self._entity.supported_contexts
        opened = _Port(self._entity, (self._host, port), DEFAULT_TITLE, known, evt_handlers=handlers)
        self._ports[opened.number] = opened
        self._services.loop.add_reader(opened.listening, opened.accept)
        return opened.number

    def _shut(self, ports: Collection[int]) -> list[Started]:
        told: list[Started] = []
        for port in sorted(ports):
            told += [(title, port, False) for title in self._titles(port)]
            shut = self._ports.pop(port)
            self._services.loop.remove_reader(shut.listening)
            shut.server_close()
            task = self._services.loop.create_task(self._services.in_thread(_end_all, shut.active_associations))
            self._farewells.add(task)
            task.add_done_callback(self._farewells.discard)
        return told

    # -- in the threads of associations ------------------------------------------------------------

    def _on_request(self, event: evt.Event) -> None:
        """Reject who calls nobody here, and whom the receiver does not let in."""
        asked = cast("A_ASSOCIATE", event.assoc.requestor.primitive)
        try:
            refused = self._services.on_loop(partial(self._refusal, asked, event.assoc))
        except Exception:
            log.exception("an association could not be judged")
            refused = _CALLED
        if refused:
            event.assoc.acse.send_reject(0x01, 0x01, refused)
            event.assoc.kill()

    def _refusal(self, asked: A_ASSOCIATE, association: Association) -> int:
        receiver = self._find(asked, association)
        if receiver is None or not receiver.enabled:
            return _CALLED
        caller = association.requestor.address or ""
        is_known = whitelist.admits(receiver.whitelist, asked.calling_ae_title, caller)
        return _CALLING if receiver.whitelist_enabled and not is_known else 0

    def _find(self, asked: A_ASSOCIATE, association: Association) -> Receiver | None:
        wanted = (asked.called_ae_title, association.acceptor.port)
        receivers = self._services.store.state.receivers
        return next((one for one in receivers if (one.ae_title, one.port) == wanted), None)

    def _on_store(self, event: evt.Event) -> Dataset | int:
        """Take an object; what a filter or a script drops is a success, too."""
        asked = cast("A_ASSOCIATE", event.assoc.requestor.primitive)
        body = cast("C_STORE", event.request).DataSet or io.BytesIO()
        try:
            taken = self._services.on_loop(partial(self._intake, asked, event.assoc))
            meta = event.file_meta
            meta.SourceApplicationEntityTitle = asked.calling_ae_title
            content = _Stored(b"\0" * 128 + b"DICM" + encode_file_meta(meta), body)
            try:
                taken.take(f"{asked.calling_ae_title}@{event.assoc.requestor.address}", content)
            finally:
                self._services.on_loop(taken.finish)
        except ObjectRefusedError as error:
            return _failure(CANNOT_UNDERSTAND, str(error))
        except Exception:
            log.exception("an object could not be received")
            return _failure(OUT_OF_RESOURCES, "The server failed")
        return STORED

    def _intake(self, asked: A_ASSOCIATE, association: Association) -> Intake:
        receiver = self._find(asked, association)
        user = self._services.store.state.users.get(str(self._services.preference("receivedFileUser") or "admin"))
        if receiver is None or user is None:
            raise LookupError("the receiver or the received-file user is gone")
        wishes = Wishes(
            is_renamed=True, prevent_anon=not receiver.anonymization_enabled, is_direct=receiver.direct_archive
        )
        return Intake(self._services, wishes, user, routing_of(receiver))


_LISTENERS: "WeakKeyDictionary[Services, Listeners]" = WeakKeyDictionary()


def listeners_of(services: Services) -> Listeners:
    """Return the listeners of a server that runs."""
    return _LISTENERS[services]


def routing_of(receiver: Receiver) -> identify.Rules:
    """Read a receiver's own routing expressions; none while they are switched off.

    Raises:
        ValueError: a line is malformed.
    """
    if not receiver.routing_expressions_enabled:
        return identify.NO_RULES
    return identify.Rules(
        identify.parse_rules(receiver.project_routing_expression or ""),
        identify.parse_rules(receiver.subject_routing_expression or ""),
        identify.parse_rules(receiver.session_routing_expression or ""),
    )


def _failure(status: int, comment: str) -> Dataset:
    answer = Dataset()
    answer.Status = status
    answer.ErrorComment = comment[:_COMMENT_LENGTH]
    return answer


def _end_all(associations: list[Association]) -> None:
    """Abort associations, and wait until their threads are gone."""
    for one in associations:
        if one.is_established:
            one.abort(block=False)
    until = time.monotonic() + _FAREWELL_S
    for one in associations:
        while one.is_aborted and one.dul.state_machine.current_state == "Sta6" and time.monotonic() < until:
            time.sleep(0.005)  # until the peer has been told
        with contextlib.suppress(OSError, AttributeError):  # it may have closed meanwhile
            cast("AssociationSocket", one.dul.socket).close()
        one.dul.to_user_queue.put(None)  # it may be waiting for a request
        one.kill()
        one.join(_FAREWELL_S)
