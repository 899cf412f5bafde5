"""A journal that a bad disk, a cut copy or another program has changed: reading it is refused in words, not broken off.

SQLite notices some of it; the rest shows when a state, a number or a JSON text in it means nothing.
"""

import functools
import inspect
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from xnat_wizard.findings import Finding, Problem

_Kind = TypeVar("_Kind", bound=type)
_Read = TypeVar("_Read")

_MEANS_NOTHING = (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError)
_CHANGES = ("record_", "move_", "note_", "set_", "add_", "keep_", "request")  # what writes was given values of ours
_LONGEST = 300  # characters of a reason

# What SQLite says when the disk, the folder or another process does not let it write: no fault of what is written.
_NOT_KEPT = {
    sqlite3.SQLITE_FULL: "the disk is full, or this account has used up its share of it",
    sqlite3.SQLITE_IOERR: "the disk could not be written or read",
    sqlite3.SQLITE_READONLY: "it may not be written, or its folder is gone",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: the folder is gone, full, or may not be written",
    sqlite3.SQLITE_PERM: "the system forbids it",
    sqlite3.SQLITE_BUSY: "another process has held it for half a minute",
}


def unreadable(where: str, why: str) -> Problem:
    """Say that a file cannot be used as a journal."""
    return Problem(
        Finding(
            "journal.unreadable",
            "The file is not the journal of an upload",
            f"Reading it failed: {why[:_LONGEST]}",
            ("Choose another upload", "Or plan again from the folder: what the server has is not sent again"),
            where=where,
        )
    )


def not_kept(where: str, why: str) -> Problem:
    """Say that a journal cannot be kept: without it nothing goes on, since nobody would know what was done."""
    return Problem(
        Finding(
            "journal.not_kept",
            "The journal of the upload cannot be written",
            f"The system says: {why}. Nothing is sent that is not noted, so the upload has stopped",
            (
                "Make room on its disk, or make its folder writable; `df` and `quota` tell how full it is",
                "Then resume the upload: what the server has is not sent again",
                "Or let another disk hold it: set XNAT_WIZARD_HOME, and plan again",
            ),
            where=where,
            shareable="The journal of an upload could not be written.",
        )
    )


@contextmanager
def telling(where: str, *, is_reading: bool = True) -> Iterator[None]:
    """Turn what a damaged journal leads to into `journal.unreadable`, and what a full disk does into `.not_kept`."""
    try:
        yield
    except sqlite3.Error as error:
        if reason := _NOT_KEPT.get(getattr(error, "sqlite_errorcode", 0) & 0xFF):
            raise not_kept(where, reason) from error
        if not _is_damage(error):
            raise
        raise unreadable(where, str(error)) from error
    except _MEANS_NOTHING as error:
        if not is_reading or isinstance(error, OSError):
            raise
        raise unreadable(where, f"it is damaged: {type(error).__name__}: {error}") from error


def tells_damage(kind: _Kind) -> _Kind:
    """Let every public method of a class with a `where` tell damage, iterators too."""
    for name, member in list(vars(kind).items()):
        if name.startswith("_") or isinstance(member, classmethod | staticmethod | type):
            continue
        is_reading = not name.startswith(_CHANGES)
        if isinstance(member, property) and member.fget is not None:
            setattr(kind, name, property(_told(member.fget, is_reading=is_reading), doc=member.__doc__))
        elif inspect.isfunction(member):
            setattr(kind, name, _told(member, is_reading=is_reading))
    return kind


def _told(method: Callable[..., _Read], *, is_reading: bool) -> Callable[..., _Read]:
    @functools.wraps(method)
    def told(self: Any, *given: Any, **named: Any) -> Any:
        with telling(self.where, is_reading=is_reading):
            found = method(self, *given, **named)
        return _each(self.where, found) if isinstance(found, Iterator) else found

    return told


def _each(where: str, found: Iterator[_Read]) -> Iterator[_Read]:
    with telling(where):
        one = next(found, _END)
    while one is not _END:
        yield one
        with telling(where):
            one = next(found, _END)


_END: Any = object()


def _is_damage(error: sqlite3.Error) -> bool:
    if isinstance(error, sqlite3.OperationalError):
        return str(error).startswith(("no such", "duplicate column", "Could not decode"))
    return type(error) is sqlite3.DatabaseError
