"""Where this program keeps things, and how it holds a secret.

`XNAT_WIZARD_HOME` moves everything into one folder: for tests, for the demo, for a home that cannot be written.
"""

import os
from collections.abc import Callable
from pathlib import Path

import platformdirs

APP = "xnat-wizard"
HOME_VARIABLE = "XNAT_WIZARD_HOME"


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
    folder = Path(home) / name if home else Path(usual())
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def state_dir() -> Path:
    """Return the folder of journals and receipts, made readable by this person only.

    Raises:
        OSError: the folder cannot be made.
    """
    return _private_folder("state", lambda: platformdirs.user_state_dir(APP))


def log_dir() -> Path:
    """Return the folder of log files, made readable by this person only.

    Raises:
        OSError: the folder cannot be made.
    """
    return _private_folder("log", lambda: platformdirs.user_log_dir(APP))


def uploads_dir() -> Path:
    """Return the folder that holds one folder an upload.

    Raises:
        OSError: the folder cannot be made.
    """
    folder = state_dir() / "uploads"
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder
