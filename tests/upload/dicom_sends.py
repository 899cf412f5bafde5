"""Uploads by DICOM inside the tests: whom they go to, and DCMTK's receiver beside the practice server's."""

import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from practice.sending import port_of
from support import Practice
from xnat_wizard.settings import Secret
from xnat_wizard.upload.cstore.peer import Peer, Scheme
from xnat_wizard.upload.journal import Journal
from xnat_wizard.xnat.model import Login
from xnat_wizard.xnat.site import Site

PATIENCE_S = 20.0


def peer_of(practice: Practice, scheme: Scheme = Scheme.COMMENTS, **values: float) -> Peer:
    """Return the practice server's receiver."""
    return Peer("127.0.0.1", port_of(practice), scheme=scheme, **values)  # type: ignore[arg-type]  # whole numbers are floats too


def by_dicom(journal: Journal, peer: Peer) -> Journal:
    """Let an upload go by DICOM."""
    journal.set_receiver(peer.encoded())
    return journal


async def as_admin(practice: Practice) -> Site:
    """Log in as who sees unassigned data."""
    return await Site.connect(Login(practice.url, "admin", Secret("admin")))


def until(is_so: Callable[[], bool]) -> None:
    """Wait for another process."""
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.02)):
        if is_so():
            return
        pause.wait(0.02)
    raise AssertionError("the other process did not get there")


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def is_open(port: int) -> bool:
    """Tell whether somebody listens."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def storescp(folder: Path, *options: str) -> Iterator[int]:
    """Run DCMTK's receiver; give its port, or skip by name where it is not installed."""
    if not shutil.which("storescp"):
        pytest.skip("DCMTK: storescp is not installed")
    folder.mkdir(exist_ok=True)
    port = free_port()
    process = subprocess.Popen(
        ["storescp", "-aet", "XNAT", "-od", str(folder), *options, str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"TCP_NODELAY": "1", "PATH": "/usr/bin:/bin:/usr/local/bin"},
    )
    try:
        until(lambda: is_open(port))
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
