"""The way to the receiver, tried now: connection, association, the contexts that the case needs (D9, Q31).

No image is sent: the association is opened, an echo asked for, and closed. Blocks for some seconds; for a thread.
"""

import socket
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import urlsplit

from xnat_wizard.troubleshoot.facts import Facts, LocalObject, Network
from xnat_wizard.troubleshoot.forecast import receiver_of
from xnat_wizard.troubleshoot.model import Evidence

_CONNECT_S = 5.0
_ANSWER_S = 10.0
_MOST_CONTEXTS = 120  # 128 in one association, one of them for the echo
_CALLING = "XNATWIZARD"
_REASONS = {
    (1, 1): "no reason given",
    (1, 2): "the application context is not supported",
    (1, 3): "the calling AE title is not recognized",
    (1, 7): "the called AE title is not recognized",
    (2, 1): "no reason given",
    (2, 2): "the protocol version is not supported",
    (3, 1): "too many associations at the moment",
    (3, 2): "a local limit is exceeded",
}


def target_of(facts: Facts) -> tuple[str, int, str] | None:
    """Return host, port and called AE title: as the person or the log says, else the site's only receiver."""
    if facts.case.receiver is not None:
        return facts.case.receiver
    arguments = facts.sent.arguments
    if len(arguments) >= 5 and arguments[4].isdigit():  # of sendDCM2xnat
        return arguments[3], int(arguments[4]), ""
    receiver = receiver_of(facts)
    host = urlsplit(facts.site.value.url).hostname if facts.site else None
    return (host, receiver.port, receiver.ae_title) if receiver and host else None


def probe(target: tuple[str, int, str], objects: Iterable[LocalObject], *, calling: str, now: datetime) -> Network:
    """Try the way to a receiver."""
    host, port, called = target
    at = now.isoformat(timespec="seconds")
    try:
        with socket.create_connection((host, port), timeout=_CONNECT_S):
            pass
    except OSError as error:
        said = _said(error)
        return Network(
            dicom_connects=False, dicom_error=said, evidence=(Evidence("Q31", f"TCP {host}:{port}", said, at),)
        )
    return _associate(host, port, called or "XNAT", calling or _CALLING, _contexts(objects), at)


def _contexts(objects: Iterable[LocalObject]) -> list[tuple[str, str]]:
    pairs = dict.fromkeys((one.sop_class_uid, one.transfer_syntax_uid) for one in objects if one.sop_class_uid)
    return list(pairs)[:_MOST_CONTEXTS]


def _associate(host: str, port: int, called: str, calling: str, contexts: list[tuple[str, str]], at: str) -> Network:
    from pynetdicom import AE
    from pynetdicom.presentation import build_context

    entity = AE(ae_title=calling)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = _ANSWER_S
    asked = [build_context("1.2.840.10008.1.1")]
    asked += [build_context(sop_class, syntax or "1.2.840.10008.1.2") for sop_class, syntax in contexts]
    link = entity.associate(host, port, contexts=asked, ae_title=called)
    who = f"association {calling} -> {called} at {host}:{port}"
    if not link.is_established:
        said = _why_not(link)
        return Network(dicom_connects=True, association=said, evidence=(Evidence("Q31", who, said, at),))
    try:
        echo = link.send_c_echo()
        status = getattr(echo, "Status", None)
        accepted = {(str(one.abstract_syntax), str(one.transfer_syntax[0])) for one in link.accepted_contexts}
    finally:
        link.release()
    refused = tuple(pair for pair in contexts if (pair[0], pair[1] or "1.2.840.10008.1.2") not in accepted)
    evidence = Evidence("Q31", who, f"accepted; echo {status:04X}" if status is not None else "accepted; no echo", at)
    return Network(
        dicom_connects=True,
        echo=status == 0,
        association="accepted",
        refused_contexts=refused,
        evidence=(evidence, Evidence("Q31", f"{len(contexts)} contexts", f"{len(refused)} refused", at)),
    )


def _why_not(link: object) -> str:
    primitive = getattr(getattr(link, "acceptor", None), "primitive", None)
    source, reason = getattr(primitive, "result_source", None), getattr(primitive, "diagnostic", None)
    if getattr(link, "is_rejected", False):
        return f"rejected: {_REASONS.get((source or 0, reason or 0), f'source {source}, reason {reason}')}"
    return "aborted"


def _said(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "the host is unknown"
    if isinstance(error, TimeoutError):
        return "timed out"
    return "refused" if isinstance(error, ConnectionRefusedError) else (error.strerror or type(error).__name__).lower()
