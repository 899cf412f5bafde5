"""Sending images by DICOM to the practice server's receiver, by pynetdicom as it comes."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pydicom
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made when the module is loaded

from practice.calling import Answer, Caller
from support import Practice
from xnat_wizard.practice.store import Row

RECEIVERS = "/xapi/dicomscp"


def port_of(practice: Practice) -> int:
    """Return where the first receiver listens."""
    port = urlsplit(practice.server.dicom_url).port
    assert port
    return port


def as_dataset(file: bytes) -> Dataset:
    """Read a file that `images.instance` made."""
    return pydicom.dcmread(io.BytesIO(file))


@contextmanager
def association(port: int, *objects: Dataset, called: str = "XNAT", calling: str = "TESTS") -> Iterator[Association]:
    """Ask for an association that can carry the objects; it may have been rejected."""
    entity = AE(ae_title=calling)
    entity.add_requested_context(Verification)
    for sop_class, syntax in sorted({(str(o.SOPClassUID), str(o.file_meta.TransferSyntaxUID)) for o in objects}):
        entity.add_requested_context(sop_class, syntax)
    link = entity.associate("127.0.0.1", port, ae_title=called)
    try:
        yield link
    finally:
        if link.is_established:
            link.release()
        if link.is_alive():
            link.join(5)


def send(port: int, *files: bytes, called: str = "XNAT", calling: str = "TESTS") -> list[int]:
    """Store objects; return their statuses."""
    objects = [as_dataset(file) for file in files]
    with association(port, *objects, called=called, calling=calling) as link:
        assert link.is_established, "no association"
        return [link.send_c_store(one).Status for one in objects]


def rejection(port: int, *, called: str = "XNAT", calling: str = "TESTS") -> int:
    """Return why an association is rejected: 7 for the called title, 3 for the caller, 0 when it is not."""
    with association(port, called=called, calling=calling) as link:
        if link.is_established:
            return 0
        answer = link.acceptor.primitive
        assert answer is not None, "no connection"
        return answer.diagnostic or 0


def rows(practice: Practice) -> list[Row]:
    """Return the sessions of the prearchive, oldest first."""
    return practice.on_loop(lambda store: list(store.state.rows))


def define(caller: Caller, **values: object) -> Answer:
    """Ask for a receiver."""
    return caller.call("POST", RECEIVERS, data={"identifier": "dicomObjectIdentifier", **values})


def made(caller: Caller, **values: object) -> int:
    """Make a receiver; return its ID."""
    answer = define(caller, **values)
    assert answer.status == 200, answer.text
    number: int = answer.json()["id"]
    return number
