"""Where this program keeps things, how it holds a secret, and when two addresses mean one site.

`XNAT_WIZARD_HOME` moves everything into one folder: for tests, for the demo, for a home that cannot be written.
"""

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from xnat_wizard.findings import Finding, Problem

APP = "xnat-wizard"
HOME_VARIABLE = "XNAT_WIZARD_HOME"
PASSWORD_VARIABLE = "XNAT_PASS"  # noqa: S105  a name


class Secret:
    """A password or token that no log, traceback or repr can show."""

    __slots__ = ("_value",)

    def __init__(self, value: str = "") -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the clear text, for the one place that sends it."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return "•••"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


def _private_folder(name: str, usual: Callable[[], str]) -> Path:
    home = os.environ.get(HOME_VARIABLE)
    return _made(Path(home) / name if home else Path(usual()))


def _made(folder: Path) -> Path:
    try:
        make_private(folder)
        owner = folder.stat().st_uid
        if owner not in {os.getuid(), 0} and os.getuid():
            why = "it belongs to another account, which could put its own files in the place of these"
        elif os.access(folder, os.W_OK | os.X_OK):
            _close_to_others(folder)
            return folder
        else:
            why = "it is there, and this account may not write in it"
    except OSError as error:
        why = f"the system said: {error.strerror or error}"
    raise Problem(
        Finding(
            "settings.no_folder",
            "The folder for journals, receipts and logs cannot be used",
            f"Making `{folder}` ready failed: {why}",
            (
                f"Set {HOME_VARIABLE} to a folder that this account may write in, on a disk of this machine",
                "Or let the owner of the folder give you the right to write in it",
            ),
            where=str(folder),
            shareable=f"The folder for journals, receipts and logs cannot be used: {why}",
        )
    )


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, each for this person only.

    Raises:
        OSError: it cannot be made.
    """
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)


def _close_to_others(folder: Path) -> None:
    """Take away what others may do in a folder of ours that was there before, where the file system knows modes."""
    found = folder.stat()
    if found.st_mode & 0o077 and found.st_uid == os.getuid():
        with contextlib.suppress(OSError):
            folder.chmod(stat.S_IMODE(found.st_mode) & ~0o077)


def state_dir() -> Path:
    """Return the folder of journals and receipts, made readable by this person only.

    Raises:
        Problem: `settings.no_folder` when it cannot be made or written.
    """
    return _private_folder("state", lambda: platformdirs.user_state_dir(APP))


def log_dir() -> Path:
    """Return the folder of log files, made readable by this person only.

    Raises:
        Problem: `settings.no_folder` when it cannot be made or written.
    """
    return _private_folder("log", lambda: platformdirs.user_log_dir(APP))


def uploads_dir() -> Path:
    """Return the folder that holds one folder an upload.

    Raises:
        Problem: `settings.no_folder` when it cannot be made or written.
    """
    return _made(state_dir() / "uploads")


# -- private files ---------------------------------------------------------------------------------


def open_private(path: Path, flags: int) -> int:
    """Open a file of ours, made for this person only where it is missing or others may read it; returns a descriptor.

    Raises:
        OSError: it cannot be opened; a link in its place is not followed.
    """
    descriptor = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0), 0o600)
    found = os.fstat(descriptor)
    if found.st_mode & 0o077:
        with contextlib.suppress(OSError):  # it is another's, or the file system knows no modes
            os.fchmod(descriptor, 0o600)
    return descriptor


def new_private(path: Path) -> int:
    """Make a new file for this person only, in the place of a draft that was left; returns a descriptor.

    Raises:
        OSError: it cannot be made, or what is in its place cannot be taken away.
    """
    path.unlink(missing_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def child_environment() -> dict[str, str]:
    """Return the environment for a process of ours: without the password, which it is not to keep."""
    return {name: value for name, value in os.environ.items() if name != PASSWORD_VARIABLE}


# -- sites -----------------------------------------------------------------------------------------


def is_same_site(address: str, url: str) -> bool:
    """Tell whether what a person typed can mean this site.

    What is missing in the address, scheme, port or path, fits any; what is there has to agree. So a token of an https
    site is never offered for an http address of it.
    """
    try:
        typed, known = urlsplit(address if "://" in address else f"//{address.strip()}"), urlsplit(url)
        ports = typed.port or _PORTS.get(typed.scheme), known.port or _PORTS.get(known.scheme)
    except ValueError:
        return False
    if not typed.hostname or typed.hostname != known.hostname:
        return False
    if typed.scheme and typed.scheme != known.scheme:
        return False
    has_port_missing = ports[0] is None and known.port is None
    path = typed.path.rstrip("/")
    return (has_port_missing or ports[0] == ports[1]) and (not path or path == known.path.rstrip("/"))


_PORTS = {"https": 443, "http": 80}
