"""The tables of a journal, and which state may follow which.

A journal is one SQLite file, readable by its owner only. Paths are kept as bytes, since they need not be UTF-8.
"""

import sqlite3

from xnat_wizard.dicom.layout import HOUSE
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.upload.journal_damage import unreadable
from xnat_wizard.upload.model import SessionState as S
from xnat_wizard.upload.model import UploadState as U

VERSION = 7

_SINCE_2 = """
ALTER TABLE upload ADD COLUMN limit_bytes_s INTEGER NOT NULL DEFAULT 0;
ALTER TABLE upload ADD COLUMN most_connections INTEGER NOT NULL DEFAULT 8;
ALTER TABLE upload ADD COLUMN compression TEXT NOT NULL DEFAULT 'auto';
ALTER TABLE upload ADD COLUMN connections INTEGER NOT NULL DEFAULT 0;
ALTER TABLE upload ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE upload ADD COLUMN trouble TEXT NOT NULL DEFAULT '';
"""
_SINCE_3 = f"""
ALTER TABLE upload ADD COLUMN layout TEXT NOT NULL DEFAULT '{HOUSE.pattern}';
"""
_SINCE_4 = """
CREATE INDEX file_of_series ON file (series_id);
"""  # without it the receipt of 100,000 files in 200 series read the whole table 600 times
_SINCE_5 = """
CREATE TABLE earlier_receipt (id INTEGER PRIMARY KEY, receipt TEXT NOT NULL);
"""
_SINCE_6 = """
ALTER TABLE upload ADD COLUMN receiver TEXT NOT NULL DEFAULT '';
ALTER TABLE file ADD COLUMN dicom_status INTEGER;
"""  # of the route by DICOM: JSON of whom it goes to, and what was answered to each C-STORE, NULL before
_SINCE_7 = """
ALTER TABLE upload ADD COLUMN route TEXT NOT NULL DEFAULT 'import';
UPDATE upload SET route = 'c-store' WHERE receiver <> '';
ALTER TABLE upload ADD COLUMN deidentification TEXT NOT NULL DEFAULT '';
ALTER TABLE file ADD COLUMN local_sop_instance_uid TEXT NOT NULL DEFAULT '';
"""  # of images that are de-identified on their way: how, and the UID that the file on disk has
MIGRATIONS: dict[int, str] = {
    2: _SINCE_2,
    3: _SINCE_3,
    4: _SINCE_4,
    5: _SINCE_5,
    6: _SINCE_6,
    7: _SINCE_7,
}  # by the version they lead to; a new journal goes through all of them

TABLES = """
CREATE TABLE upload (
    source BLOB NOT NULL, site_url TEXT NOT NULL, project TEXT NOT NULL, destination TEXT NOT NULL,
    not_sent TEXT NOT NULL,                        -- JSON: what of the source is no image
    state TEXT NOT NULL, started_s REAL, ended_s REAL, finding TEXT, receipt TEXT);
CREATE TABLE session (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, plan TEXT NOT NULL,   -- JSON without series and pairs
    subject_label TEXT NOT NULL, session_label TEXT NOT NULL, study_instance_uid TEXT NOT NULL, modality TEXT NOT NULL,
    state TEXT NOT NULL, uri TEXT NOT NULL DEFAULT '', finding TEXT, files_total INTEGER NOT NULL,
    bytes_total INTEGER NOT NULL, files_stored INTEGER NOT NULL DEFAULT 0);
CREATE TABLE series (                              -- and PAR/REC pairs
    id INTEGER PRIMARY KEY, session_id INTEGER NOT NULL REFERENCES session, is_pair INTEGER NOT NULL,
    plan TEXT NOT NULL,                            -- JSON without instances
    number TEXT NOT NULL, description TEXT NOT NULL, modality TEXT NOT NULL);
CREATE TABLE part (
    id INTEGER PRIMARY KEY, session_id INTEGER NOT NULL REFERENCES session,
    series_id INTEGER NOT NULL REFERENCES series, is_pair INTEGER NOT NULL, files_total INTEGER NOT NULL,
    bytes_total INTEGER NOT NULL, files_sent INTEGER NOT NULL DEFAULT 0, bytes_sent INTEGER NOT NULL DEFAULT 0);
CREATE INDEX part_of_session ON part (session_id);
CREATE TABLE file (
    id INTEGER PRIMARY KEY, session_id INTEGER NOT NULL, series_id INTEGER NOT NULL, part_id INTEGER NOT NULL,
    path BLOB NOT NULL, size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sop_class_uid TEXT NOT NULL,
    sop_instance_uid TEXT NOT NULL, transfer_syntax_uid TEXT NOT NULL, instance_number TEXT NOT NULL,
    token TEXT NOT NULL,                           -- what XNAT puts into the file name; "" for PAR/REC
    name TEXT NOT NULL,                            -- the name in the resource, for PAR/REC
    fate TEXT NOT NULL DEFAULT 'not sent', remark TEXT NOT NULL DEFAULT '', md5 TEXT NOT NULL DEFAULT '',
    proof TEXT NOT NULL DEFAULT '', scan_id TEXT NOT NULL DEFAULT '');
CREATE INDEX file_of_part ON file (part_id);
CREATE INDEX file_of_session ON file (session_id);
CREATE TABLE event (id INTEGER PRIMARY KEY, when_s REAL NOT NULL, text TEXT NOT NULL);
CREATE TABLE request (id INTEGER PRIMARY KEY, request TEXT NOT NULL);
"""

UPLOAD_MOVES: dict[U, frozenset[U]] = {
    U.PLANNED: frozenset({U.RUNNING, U.FAILED, U.CANCELLED}),
    U.RUNNING: frozenset({U.PAUSED, U.DONE, U.INCOMPLETE, U.CANCELLED, U.FAILED}),
    U.PAUSED: frozenset({U.RUNNING, U.CANCELLED, U.FAILED}),
    U.INCOMPLETE: frozenset({U.RUNNING, U.CANCELLED}),  # tried again
    U.FAILED: frozenset({U.RUNNING, U.CANCELLED}),  # resumed
    U.DONE: frozenset(),
    U.CANCELLED: frozenset(),
}

_ENDS = frozenset({S.INCOMPLETE, S.FAILED, S.CANCELLED})

SESSION_MOVES: dict[S, frozenset[S]] = {
    # from WAITING straight to BUILDING or VERIFYING: a resumed session of which the server has everything
    S.WAITING: frozenset({S.SENDING, S.BUILDING, S.VERIFYING}) | _ENDS,
    S.SENDING: frozenset({S.WAITING, S.BUILDING, S.VERIFYING}) | _ENDS,
    S.BUILDING: frozenset({S.WAITING, S.SENDING, S.CHECKING, S.VERIFYING}) | _ENDS,
    S.CHECKING: frozenset({S.WAITING, S.SENDING, S.ARCHIVING, S.VERIFYING, S.DONE}) | _ENDS,
    S.ARCHIVING: frozenset({S.WAITING, S.CHECKING, S.VERIFYING}) | _ENDS,
    S.VERIFYING: frozenset({S.WAITING, S.DONE}) | _ENDS,
    S.INCOMPLETE: frozenset({S.WAITING, S.CANCELLED}),
    S.FAILED: frozenset({S.WAITING, S.CANCELLED}),
    S.DONE: frozenset(),
    S.CANCELLED: frozenset(),
}


class IllegalMoveError(Exception):
    """A state that may not follow another: a mistake of the program, not of the person."""


def check_upload_move(old: U, new: U) -> None:
    """Let a legal move of an upload pass.

    Raises:
        IllegalMoveError: the move is not in the table.
    """
    if new not in UPLOAD_MOVES[old]:
        raise IllegalMoveError(f"an upload cannot go from {old} to {new}")


def check_session_move(old: S, new: S) -> None:
    """Let a legal move of a session pass.

    Raises:
        IllegalMoveError: the move is not in the table.
    """
    if new not in SESSION_MOVES[old]:
        raise IllegalMoveError(f"a session cannot go from {old} to {new}")


def lay_out(database: sqlite3.Connection) -> None:
    """Make the tables of a new journal, inside the caller's transaction."""
    _execute(database, TABLES)
    _migrate(database, 1)


def bring_up_to_date(database: sqlite3.Connection) -> None:
    """Give a journal of an older version what it lacks, inside the caller's transaction; others may have done it."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    _migrate(database, version)


def _migrate(database: sqlite3.Connection, version: int) -> None:
    for step in range(version + 1, VERSION + 1):
        _execute(database, MIGRATIONS[step])
    database.execute(f"PRAGMA user_version = {VERSION}")


def _execute(database: sqlite3.Connection, script: str) -> None:
    for statement in script.split(";\n"):
        if statement.strip():
            database.execute(statement)


def check_version(database: sqlite3.Connection, where: str) -> bool:
    """Refuse a journal that this program cannot read; tell whether it is up to date.

    Raises:
        Problem: `journal.unreadable` or `journal.newer`.
    """
    try:
        (version,) = database.execute("PRAGMA user_version").fetchone()
    except sqlite3.DatabaseError as error:
        raise unreadable(where, str(error)) from error
    if version < 1:
        raise unreadable(where, "it has no tables")
    if version > VERSION:
        raise Problem(
            Finding(
                "journal.newer",
                "The upload was started by a newer version of this program",
                f"Its journal has format version {version}, and this program knows {VERSION}",
                ("Update this program",),
                where=where,
            )
        )
    return bool(version == VERSION)
