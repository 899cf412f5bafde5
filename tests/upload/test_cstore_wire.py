"""What answers at a port in the place of a DICOM receiver: each of it has an end, and is told as what it is."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from pynetdicom import AE, build_context, evt
from pynetdicom.pdu import A_ASSOCIATE_AC
from pynetdicom.pdu_primitives import A_ASSOCIATE, ImplementationClassUIDNotification, MaximumLengthNotification
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made when the module is loaded

from upload.dicom_sends import free_port
from xnat_wizard.findings import Problem
from xnat_wizard.upload.cstore.contexts import EXPLICIT_LITTLE, IMPLICIT_LITTLE, Kind
from xnat_wizard.upload.cstore.echo import echo, refusal
from xnat_wizard.upload.cstore.peer import Peer
from xnat_wizard.upload.cstore.wire import (
    VERIFICATION,
    Link,
    LostError,
    RejectedError,
    Reply,
    UnreachableError,
    open_link,
)

MR = "1.2.840.10008.5.1.4.1.1.4"
KIND = (MR, EXPLICIT_LITTLE)
PATIENCE_S = 10.0

Act = Callable[[socket.socket], None]


@contextmanager
def answering(act: Act) -> Iterator[Peer]:
    """Listen, and do with the first connection what the test wants; its end is waited for."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener, listener.accept()[0] as connection:
            connection.settimeout(PATIENCE_S)
            with contextlib.suppress(ConnectionError):  # who asked has gone
                act(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield Peer("127.0.0.1", listener.getsockname()[1], connect_s=PATIENCE_S, idle_s=PATIENCE_S, answer_s=PATIENCE_S)
    finally:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


@contextmanager
def ending(wait: threading.Event) -> Iterator[None]:
    """Let who waits go on at the end."""
    try:
        yield
    finally:
        wait.set()


def read(connection: socket.socket) -> tuple[int, bytes]:
    """Return the next PDU, (0, b"") at the end."""
    head = _exactly(connection, 6)
    if not head:
        return 0, b""
    kind, length = struct.unpack(">BxL", head)
    return kind, _exactly(connection, length)


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            return b""
        data += piece
    return data


def pdu(kind: int, body: bytes = b"\0\0\0\0") -> bytes:
    return struct.pack(">BxL", kind, len(body)) + body


def data(*values: tuple[int, bytes]) -> bytes:
    """Return a P-DATA-TF of values, each with its control byte."""
    return pdu(4, b"".join(struct.pack(">LBB", len(value) + 2, 1, control) + value for control, value in values))


def command(status: int = 0, *, comment: bytes = b"", has_data: bool = False) -> bytes:
    """Return the command set of an answer."""
    elements = [(0x0100, struct.pack("<H", 0x8001)), (0x0800, struct.pack("<H", 1 if has_data else 0x0101))]
    elements += [(0x0900, struct.pack("<H", status)), *([(0x0902, comment)] if comment else [])]
    return b"".join(struct.pack("<HHL", 0, tag, len(value)) + value for tag, value in elements)


def accept(connection: socket.socket, kind: Kind = KIND) -> None:
    """Accept an association for a kind of objects, in PDUs of at most 1024 bytes."""
    read(connection)
    answer = A_ASSOCIATE()
    answer.application_context_name = "1.2.840.10008.3.1.1.1"
    answer.calling_ae_title = answer.called_ae_title = "XNAT"
    context = build_context(*kind)
    context.context_id, context.result = 1, 0
    answer.presentation_context_definition_results_list = [context]
    limit, maker = MaximumLengthNotification(), ImplementationClassUIDNotification()
    limit.maximum_length_received, maker.implementation_class_uid = 1024, "1.2.3"
    answer.user_information = [limit, maker]
    answer.result, answer.result_source = 0, 1
    message = A_ASSOCIATE_AC()
    message.from_primitive(answer)
    connection.sendall(message.encode())


def take(connection: socket.socket) -> bytes:
    """Read an object to its end, and return its data set."""
    taken = b""
    while True:
        _, body = read(connection)
        control, value = body[5], body[6:]
        if not control & 1:
            taken += value
            if control & 2:
                return taken


def stored(peer: Peer, *pieces: bytes) -> Reply:
    """Send one object to a receiver that has MR images."""
    link = open_link(peer, [KIND])
    try:
        return link.store(KIND, "1.2.3", pieces)
    finally:
        link.close()


# -- what is no association ------------------------------------------------------------------------------


def aborts(connection: socket.socket) -> None:
    read(connection)
    connection.sendall(pdu(7))


def babbles(connection: socket.socket) -> None:
    read(connection)
    connection.sendall(pdu(2, b"\xff" * 80))


def hangs_up(connection: socket.socket) -> None:
    read(connection)


def speaks_http(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    read(connection)


def answers_data(connection: socket.socket) -> None:
    read(connection)
    connection.sendall(pdu(4))


def resets(connection: socket.socket) -> None:
    read(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def rejects_cut(connection: socket.socket) -> None:
    read(connection)
    connection.sendall(pdu(3, b"\0"))


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (aborts, "aborted the request"),
        (babbles, "its answer cannot be read"),
        (hangs_up, "closed the connection"),
        (speaks_http, "does not speak DICOM"),
        (answers_data, "does not speak DICOM"),
        (resets, "reset by peer"),
        (rejects_cut, "does not speak DICOM"),
    ],
)
def test_what_is_no_association_is_told_as_what_it_is(act: Act, reason: str) -> None:
    with answering(act) as peer, pytest.raises(UnreachableError, match=reason):
        open_link(peer, [KIND])


def test_a_host_that_takes_no_connection_is_not_waited_for_without_end() -> None:
    with socket.socket() as listener, contextlib.ExitStack() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):  # fill its queue: the next one gets no answer
            one = waiting.enter_context(socket.socket())
            one.settimeout(0)
            one.connect_ex(listener.getsockname())
        peer = Peer("127.0.0.1", listener.getsockname()[1], connect_s=0.2)
        with pytest.raises(UnreachableError, match="no connection in 0 s"):
            open_link(peer, [KIND])


@pytest.mark.parametrize(
    ("answer", "is_transient"), [((1, 1, 3), False), ((2, 3, 1), True), ((1, 3, 2), True), ((1, 2, 1), False)]
)
def test_a_rejection_says_whether_it_passes(answer: tuple[int, int, int], is_transient: bool) -> None:  # noqa: FBT001  a table
    def rejects(connection: socket.socket) -> None:
        read(connection)
        connection.sendall(pdu(3, bytes((0, *answer))))

    with answering(rejects) as peer, pytest.raises(RejectedError) as caught:
        open_link(peer, [KIND])
    assert caught.value.is_transient is is_transient


# -- answers to an object --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frames",
    [
        [data((3, command(0xB000, comment=b"changed ")))],
        [data((1, command(0xB000, comment=b"changed ")[:9])), data((3, command(0xB000, comment=b"changed ")[9:]))],
        [data((3, command(0xB000, comment=b"changed", has_data=True))), data((0, b"12")), data((2, b"34"))],
        [data((3, command(0xB000, comment=b"changed", has_data=True)), (2, b"1234"))],
        [data((1, b"")), data((3, command(0xB000, comment=b"changed")))],
    ],
)
def test_an_answer_is_read_however_it_is_cut(frames: list[bytes]) -> None:
    taken = b""

    def answers(connection: socket.socket) -> None:
        nonlocal taken
        accept(connection)
        taken = take(connection)
        for frame in frames:
            connection.sendall(frame)
        read(connection)

    with answering(answers) as peer:
        assert stored(peer, b"abcd", b"e", b"fg", b"h" * 3000) == Reply(0xB000, "changed")
    assert taken == b"abcdefg" + b"h" * 3000 + b"\0"


def test_an_answer_without_a_status_is_no_success() -> None:
    def answers(connection: socket.socket) -> None:
        accept(connection)
        take(connection)
        connection.sendall(data((3, struct.pack("<HHLH", 0, 0x0100, 2, 0x8001))))
        read(connection)

    with answering(answers) as peer:
        assert stored(peer, b"abcd").status == 0xFFFF


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (pdu(7), "ended the association"),
        (pdu(5), "something else than an answer"),
        (b"\0" * 6, "does not speak DICOM"),
        (struct.pack(">BxL", 4, 1 << 30), "does not speak DICOM"),
        (pdu(4, struct.pack(">LBB", 2, 1, 3))[:9], "closed the connection"),
    ],
)
def test_an_object_without_an_answer_is_lost(answer: bytes, reason: str) -> None:
    def answers(connection: socket.socket) -> None:
        accept(connection)
        take(connection)
        connection.sendall(answer)

    with answering(answers) as peer, pytest.raises(LostError, match=reason):
        stored(peer, b"abcd")


def test_a_wait_is_told_as_long_as_it_was_although_something_came_meanwhile() -> None:
    release = threading.Event()

    def dawdles(connection: socket.socket) -> None:
        accept(connection)
        take(connection)
        connection.sendall(data((1, command()[:4])))
        release.wait(PATIENCE_S)

    with answering(dawdles) as peer, ending(release), pytest.raises(LostError, match="no answer in 1 s") as caught:
        stored(replace(peer, answer_s=1.0), b"abcd")
    assert caught.value.is_timeout


def test_a_receiver_that_takes_no_more_is_not_waited_for_without_end() -> None:
    release = threading.Event()

    def stands_still(connection: socket.socket) -> None:
        accept(connection)
        release.wait(PATIENCE_S)

    with answering(stands_still) as peer, ending(release), pytest.raises(LostError, match="took nothing for 1 s"):
        stored(replace(peer, idle_s=1.0), *[b"x" * (1 << 20)] * 64)


def test_a_receiver_that_goes_while_it_takes_is_lost() -> None:
    def goes(connection: socket.socket) -> None:
        accept(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with answering(goes) as peer, pytest.raises(LostError, match=r"Broken pipe|reset by peer"):
        stored(peer, *[b"x" * (1 << 20)] * 64)


# -- leaving ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", [pdu(6), pdu(7), b""])
def test_an_association_is_left_in_good_order(last: bytes) -> None:
    heard: list[int] = []

    def lets_go(connection: socket.socket) -> None:
        accept(connection)
        heard.append(read(connection)[0])
        connection.sendall(data((2, b"late")) + last)
        if last:
            heard.append(read(connection)[0])

    with answering(lets_go) as peer:
        open_link(peer, [KIND]).release()
    assert heard == [5, *([0] if last else [])]


def test_an_association_that_is_broken_off_says_so() -> None:
    heard: list[int] = []

    def listens(connection: socket.socket) -> None:
        accept(connection)
        heard.extend((read(connection)[0], read(connection)[0]))

    with answering(listens) as peer:
        open_link(peer, [KIND]).abort()
    assert heard == [7, 0]


# -- an echo ---------------------------------------------------------------------------------------------


@contextmanager
def receiver(answer: int = 0, *, knows_echo: bool = True, most: int = 5) -> Iterator[Peer]:
    entity = AE(ae_title="XNAT")
    entity.maximum_associations = most
    entity.add_supported_context(Verification if knows_echo else MR)
    port = free_port()
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_ECHO, lambda _: answer)])
    assert server is not None
    try:
        yield Peer("127.0.0.1", port, connect_s=2.0)
    finally:
        server.shutdown()


async def test_a_receiver_that_listens_answers_an_echo() -> None:
    with receiver() as peer:
        assert await echo(peer) == f"XNAT at 127.0.0.1 port {peer.port} answers an echo"
        assert await refusal(peer) is None


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: receiver(0x0122), "the SOP class is not supported (status 0122)"),
        (lambda: receiver(knows_echo=False), "the SOP class is not supported (status 0122)"),
    ],
)
async def test_a_receiver_that_knows_no_echo_is_told(
    made: Callable[[], contextlib.AbstractContextManager[Peer]], why: str
) -> None:
    with made() as peer:
        finding = await refusal(peer)
    assert finding is not None
    assert (finding.code, finding.why) == ("cstore.no_echo", why)


async def test_a_full_receiver_is_called_busy_and_not_unknown() -> None:
    with receiver(most=1) as peer:
        link: Link = open_link(peer, ())
        with pytest.raises(Problem, match=r"cstore\.crowded"):
            await echo(peer)
        link.release()


async def test_an_echo_that_is_not_answered_leaves_no_connection_behind() -> None:
    heard: list[int] = []

    def falls_silent(connection: socket.socket) -> None:
        accept(connection, (VERIFICATION, IMPLICIT_LITTLE))
        read(connection)
        connection.sendall(pdu(5))
        heard.append(read(connection)[0])

    with answering(falls_silent) as peer:
        finding = await refusal(peer)
        assert finding is not None
        assert finding.code == "cstore.no_echo"
    assert heard == [0]  # the end of the connection
