"""One association, spoken over a plain socket: what travels leaves as it is read, and each wait has an end.

pynetdicom makes and reads the messages that open an association; the objects are framed here. Its own sender keeps a
reactor thread a connection, reads whole files, and was seen to hang when it sends in pieces; a blocking socket with a
time limit on every call cannot. For one thread at a time; `cut` may come from any.

Sources: DICOM PS3.8 section 9.3 (PDUs), annex E (fragments); PS3.7 section 9.3.1 (C-STORE), 9.3.5 (C-ECHO).
"""

import contextlib
import socket
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from xnat_wizard.upload.cstore.contexts import IMPLICIT_LITTLE, Kind
from xnat_wizard.upload.cstore.peer import Peer

VERIFICATION = "1.2.840.10008.1.1"
_APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
_ASSOCIATE_AC, _ASSOCIATE_RJ, _DATA, _RELEASE_RQ, _RELEASE_RP, _ABORT = 2, 3, 4, 5, 6, 7
_OUR_MOST_BYTES = 65_536  # of a PDU that comes to us; answers are short
_UNLIMITED_BYTES = 262_144  # of a PDU, to a receiver that sets no limit
_LONGEST_PDU = 1 << 20  # longer ones are noise, not DICOM
_COMMAND, _LAST = 1, 2
_NO_DATA_SET = 0x0101
_STATUS, _COMMENT, _DATA_SET_TYPE = 0x0900, 0x0902, 0x0800
_FAREWELL_S = 5.0
_HEAD = struct.Struct(">BxLLBB")  # of a P-DATA-TF with one value in it
_ELEMENT = struct.Struct("<HHL")

Piece = bytes | memoryview


class LostError(Exception):
    """The association has ended under way; `reason` is the middle of a sentence."""

    def __init__(self, reason: str, *, is_timeout: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_timeout = is_timeout


class UnreachableError(Exception):
    """No association came about: nobody listens there, or what listens does not speak DICOM."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RejectedError(Exception):
    """The receiver refused the association (DICOM PS3.8 table 9-21)."""

    def __init__(self, result: int, source: int, reason: int) -> None:
        super().__init__(f"result {result}, source {source}, reason {reason}")
        self.result = result
        self.source = source
        self.reason = reason

    @property
    def is_transient(self) -> bool:
        """Tell whether it may be accepted later: the receiver says so, or is full."""
        return self.result == 2 or self.source == 3


class Reply(NamedTuple):
    """The answer to a message."""

    status: int
    comment: str


class Link:
    """An open association."""

    def __init__(self, connection: socket.socket, peer: Peer) -> None:
        """Use `open_link`."""
        self._socket = connection
        self._peer = peer
        self._message = 0
        self._most = _UNLIMITED_BYTES
        self.accepted: dict[Kind, int] = {}  # the contexts that the receiver takes, by kind
        self.group = -1  # of the kinds that were asked for

    # -- opening and closing -------------------------------------------------------------------------

    def greet(self, kinds: Sequence[Kind]) -> None:
        """Ask for the association.

        Raises:
            RejectedError: it was refused.
            UnreachableError: what answers does not speak DICOM, or does not answer.
        """
        numbers = {2 * place + 1: kind for place, kind in enumerate(kinds)}
        try:
            self._send(_request(self._peer, numbers), self._peer.connect_s)
            kind, body = self._read_pdu(self._peer.connect_s)
        except LostError as lost:
            raise UnreachableError(f"the request for an association got no answer: {lost.reason}") from lost
        if kind == _ASSOCIATE_RJ and len(body) >= 4:
            raise RejectedError(body[1], body[2], body[3])
        if kind != _ASSOCIATE_AC:
            raise UnreachableError(
                "the receiver aborted the request for an association"
                if kind == _ABORT
                else "what answers there does not speak DICOM"
            )
        self._take_acceptance(body, numbers)

    def _take_acceptance(self, body: bytes, numbers: dict[int, Kind]) -> None:
        from pynetdicom.pdu import A_ASSOCIATE_AC

        answer = A_ASSOCIATE_AC()
        try:
            answer.decode(struct.pack(">BxL", _ASSOCIATE_AC, len(body)) + body)
            taken = [one.context_id for one in answer.presentation_context if one.result == 0]
            limit = answer.user_information.maximum_length if answer.user_information else 0
        except Exception as error:  # whatever a broken message makes the decoder raise
            raise UnreachableError("its answer cannot be read") from error
        self.accepted = {numbers[number]: number for number in taken if number in numbers}
        self._most = max(1024, min(limit or _UNLIMITED_BYTES, _UNLIMITED_BYTES))

    def release(self) -> None:
        """End the association in good order, and close the connection."""
        with contextlib.suppress(LostError):
            self._send(struct.pack(">BxLxxxx", _RELEASE_RQ, 4), _FAREWELL_S)
            while self._read_pdu(_FAREWELL_S)[0] not in {_RELEASE_RP, _ABORT}:
                pass
        self._socket.close()

    def abort(self) -> None:
        """End the association at once: what was begun to be sent is void."""
        with contextlib.suppress(LostError):
            self._send(struct.pack(">BxLxxBB", _ABORT, 4, 0, 0), _FAREWELL_S)
        self._socket.close()

    def close(self) -> None:
        """Close the connection; nobody may be waiting for it."""
        self._socket.close()

    def cut(self) -> None:
        """Close the connection under whatever waits for it, from any thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    # -- messages ------------------------------------------------------------------------------------

    def echo(self) -> Reply:
        """Ask whether the receiver listens.

        Raises:
            LostError: the association has ended.
        """
        number = self.accepted[VERIFICATION, IMPLICIT_LITTLE]
        self._send(b"".join(self._framed(number, _COMMAND, [self._command(0x0030, VERIFICATION)])), self._peer.idle_s)
        return self._reply(self._peer.answer_s)

    def store(self, kind: Kind, sop_instance_uid: str, pieces: Iterable[Piece]) -> Reply:
        """Send one object, piece by piece as they come, and wait for the answer.

        What `pieces` raises leaves the message unfinished: the association is to be aborted then.

        Raises:
            LostError: the association has ended, or the receiver takes or says nothing for too long.
        """
        number = self.accepted[kind]
        head = b"".join(self._framed(number, _COMMAND, [self._command(0x0001, kind[0], sop_instance_uid)]))
        for frame in self._framed(number, 0, pieces):
            self._send(head + frame if head else frame, self._peer.idle_s)
            head = b""
        return self._reply(self._peer.answer_s)

    def _command(self, field: int, sop_class_uid: str, sop_instance_uid: str = "") -> bytes:
        self._message = self._message % 0xFFFF + 1
        elements = [
            _uid(0x0002, sop_class_uid),
            _short(0x0100, field),
            _short(0x0110, self._message),
        ]
        if sop_instance_uid:
            elements += [_short(0x0700, 0), _short(_DATA_SET_TYPE, 1), _uid(0x1000, sop_instance_uid)]
        else:
            elements += [_short(_DATA_SET_TYPE, _NO_DATA_SET)]
        body = b"".join(elements)
        return _ELEMENT.pack(0, 0, 4) + struct.pack("<L", len(body)) + body

    def _framed(self, number: int, is_command: int, pieces: Iterable[Piece]) -> Iterator[bytes]:
        """Cut pieces into P-DATA-TFs that the receiver takes; gives them a piece at a time, the last one marked."""
        room = (self._most - 6) & ~1
        held: Piece | None = None
        for piece in _evened(pieces):
            if held is not None:
                yield _frames(held, number, is_command, room, is_end=False)
            held = piece
        yield _frames(held or b"", number, is_command, room, is_end=True)

    def _reply(self, seconds: float) -> Reply:
        """Read the answer to the last message, and drop what an answer may carry.

        Raises:
            LostError: it did not come.
        """
        values: dict[int, bytes] | None = None
        command = b""
        until = time.monotonic() + seconds
        while True:
            kind, body = self._read_pdu(seconds, until)
            if kind == _ABORT:
                raise LostError("the receiver ended the association")
            if kind != _DATA:
                raise LostError("the receiver answered with something else than an answer")
            for control, value in _values(body):
                if not control & _COMMAND:
                    if values is not None and control & _LAST:
                        return _as_reply(values)
                    continue
                command += value
                if control & _LAST:
                    values = _elements(command)
                    if _number(values, _DATA_SET_TYPE, _NO_DATA_SET) == _NO_DATA_SET:
                        return _as_reply(values)

    # -- the socket ----------------------------------------------------------------------------------

    def _send(self, data: bytes, seconds: float) -> None:
        try:
            self._socket.settimeout(seconds)
            self._socket.sendall(data)
        except TimeoutError as error:
            raise LostError(f"the receiver took nothing for {seconds:.0f} s", is_timeout=True) from error
        except OSError as error:
            raise LostError(_words(error)) from error

    def _read_pdu(self, seconds: float, until: float = 0) -> tuple[int, bytes]:
        until = until or time.monotonic() + seconds
        head = self._read(6, until, seconds)
        kind, length = struct.unpack(">BxL", head)
        if length > _LONGEST_PDU or not 0 < kind <= _ABORT:
            raise LostError("what answers there does not speak DICOM")
        return kind, self._read(length, until, seconds)

    def _read(self, count: int, until: float, seconds: float) -> bytes:
        data = b""
        while len(data) < count:
            try:
                self._socket.settimeout(max(0.001, until - time.monotonic()))  # 0 would mean not to wait at all
                piece = self._socket.recv(count - len(data))
            except TimeoutError as error:
                raise LostError(f"no answer in {seconds:.0f} s", is_timeout=True) from error
            except OSError as error:
                raise LostError(_words(error)) from error
            if not piece:
                raise LostError("the receiver closed the connection")
            data += piece
        return data


def open_link(peer: Peer, kinds: Sequence[Kind]) -> Link:
    """Connect, and open an association for kinds of objects; C-ECHO is asked for where there is none.

    Raises:
        UnreachableError: nobody answers, or nobody who speaks DICOM.
        RejectedError: the receiver refused.
    """
    try:
        connection = socket.create_connection((peer.host, peer.port), timeout=peer.connect_s)
    except TimeoutError as error:
        raise UnreachableError(f"no connection in {peer.connect_s:.0f} s") from error
    except OSError as error:
        raise UnreachableError(_words(error)) from error
    link = Link(connection, peer)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # answers are waited for after each object
        link.greet(kinds or [(VERIFICATION, IMPLICIT_LITTLE)])
    except BaseException:
        connection.close()
        raise
    return link


def _request(peer: Peer, numbers: dict[int, Kind]) -> bytes:
    from pynetdicom import PYNETDICOM_IMPLEMENTATION_UID, build_context
    from pynetdicom.pdu import A_ASSOCIATE_RQ
    from pynetdicom.pdu_primitives import A_ASSOCIATE, ImplementationClassUIDNotification, MaximumLengthNotification

    asked = A_ASSOCIATE()
    asked.application_context_name = _APPLICATION_CONTEXT
    asked.calling_ae_title, asked.called_ae_title = peer.calling, peer.ae_title
    contexts = []
    for number, (sop_class, syntax) in numbers.items():
        context = build_context(sop_class, syntax)
        context.context_id = number
        contexts.append(context)
    asked.presentation_context_definition_list = contexts
    limit, maker = MaximumLengthNotification(), ImplementationClassUIDNotification()
    limit.maximum_length_received = _OUR_MOST_BYTES
    maker.implementation_class_uid = PYNETDICOM_IMPLEMENTATION_UID
    asked.user_information = [limit, maker]
    message = A_ASSOCIATE_RQ()
    message.from_primitive(asked)
    return bytes(message.encode())


def _evened(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Give pieces of even length, as fragments must be (PS3.8 annex E.1); a file of odd length gets a byte more."""
    odd = b""
    for piece in pieces:
        whole = b"".join((odd, piece)) if odd else piece
        odd = bytes(whole[-1:]) if len(whole) % 2 else b""
        yield whole[: len(whole) - len(odd)] if odd else whole
    if odd:
        yield odd + b"\0"


def _frames(piece: Piece, number: int, is_command: int, room: int, *, is_end: bool) -> bytes:
    view = memoryview(piece)
    parts: list[Piece] = []
    for start in range(0, max(1, len(view)), room):
        part = view[start : start + room]
        control = is_command | (_LAST if is_end and start + room >= len(view) else 0)
        parts += [_HEAD.pack(_DATA, len(part) + 6, len(part) + 2, number, control), part]
    return b"".join(parts)


def _values(body: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 6 <= len(body):
        (length,) = struct.unpack_from(">L", body, position)
        yield body[position + 5], body[position + 6 : position + 4 + length]
        position += 4 + length


def _elements(command: bytes) -> dict[int, bytes]:
    values: dict[int, bytes] = {}
    position = 0
    while position + 8 <= len(command):
        _, element, length = _ELEMENT.unpack_from(command, position)
        values[element] = command[position + 8 : position + 8 + length]
        position += 8 + length
    return values


def _as_reply(values: dict[int, bytes]) -> Reply:
    comment = values.get(_COMMENT, b"").decode("ascii", "replace").strip("\0 ")
    return Reply(_number(values, _STATUS, 0xFFFF), comment)


def _number(values: dict[int, bytes], element: int, default: int) -> int:
    value = values.get(element, b"")
    return int.from_bytes(value, "little") if value else default


def _uid(element: int, uid: str) -> bytes:
    value = uid.encode("ascii", "replace")
    value += b"\0" * (len(value) % 2)
    return _ELEMENT.pack(0, element, len(value)) + value


def _short(element: int, value: int) -> bytes:
    return _ELEMENT.pack(0, element, 2) + struct.pack("<H", value)


def _words(error: OSError) -> str:
    return error.strerror or type(error).__name__
