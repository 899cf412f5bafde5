"""What the engine reads and writes in a journal: sessions, parts and files, each in exactly one state.

Every method that changes something is one transaction.
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from xnat_wizard.findings import Finding
from xnat_wizard.upload import journal_schema as schema
from xnat_wizard.upload import plan_file
from xnat_wizard.upload.journal_damage import tells_damage
from xnat_wizard.upload.model import Fate, Receipt, ReceiptLine, Request, SessionState, UploadState

# How sure an arrival is, the weakest first.
PROOFS = ("count", "file-name token", "name and size", "MD5")
# The remark of a stored file whose bytes are not those that were read here.
OTHER_BYTES = "there under its name, with another MD5 than on disk"
# The remark of a stored file that could not be compared with the server's digest.
NOT_READ = "there under its name, and not compared: here it changed or cannot be read"
_ANY_STORED = "SELECT EXISTS (SELECT 1 FROM file WHERE id BETWEEN ? AND ? AND fate = 'stored')"
_FATES = {str(fate): fate for fate in Fate}  # a look into a dictionary is quicker than a call, and there are many

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as the engine needs it."""

    id: int
    key: str
    subject_label: str
    session_label: str
    study_instance_uid: str
    modality: str
    state: SessionState
    uri: str
    has_instances: bool
    has_pairs: bool


@dataclass(frozen=True, slots=True)
class PartRow:
    """A part: files of one series, or one PAR/REC pair."""

    id: int
    session_id: int
    is_pair: bool
    bytes_total: int


class FileRow(NamedTuple):
    """A local file and what is known of it."""

    id: int
    series_id: int
    path: str
    size_bytes: int
    mtime_ns: int
    token: str
    name: str
    fate: Fate
    md5: str
    remark: str


class CheckedFile(NamedTuple):
    """What a look at the server said of one local file."""

    id: int
    fate: Fate
    proof: str
    scan_id: str
    remark: str


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Do all of it or nothing, even when the process dies in between."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield database
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


@tells_damage
class Records:
    """The engine's side of a journal; belongs to one thread."""

    def __init__(self, database: sqlite3.Connection, where: str) -> None:
        self._database, self.where = database, where

    def sessions(self) -> tuple[SessionRow, ...]:
        """Return the sessions, in the order of the plan."""
        rows = self._database.execute(
            "SELECT id, key, subject_label, session_label, study_instance_uid, modality, state, uri,"
            " EXISTS (SELECT 1 FROM series WHERE session_id = session.id AND NOT is_pair),"
            " EXISTS (SELECT 1 FROM series WHERE session_id = session.id AND is_pair) FROM session ORDER BY id"
        )
        return tuple(
            SessionRow(
                id=row[0],
                key=row[1],
                subject_label=row[2],
                session_label=row[3],
                study_instance_uid=row[4],
                modality=row[5],
                state=SessionState(row[6]),
                uri=row[7],
                has_instances=bool(row[8]),
                has_pairs=bool(row[9]),
            )
            for row in rows
        )

    def session(self, session_id: int) -> SessionRow:
        """Return one session as it stands."""
        return next(session for session in self.sessions() if session.id == session_id)

    def parts(self, session_id: int) -> tuple[PartRow, ...]:
        """Return the parts of a session, in order."""
        rows = self._database.execute(
            "SELECT id, session_id, is_pair, bytes_total FROM part WHERE session_id = ? ORDER BY id", (session_id,)
        )
        return tuple(PartRow(row[0], row[1], bool(row[2]), row[3]) for row in rows)

    def parts_to_send(self, session_id: int) -> tuple[PartRow, ...]:
        """Return the parts of a session that have images which are not sent and were not left out, in order."""
        rows = self._database.execute(
            "SELECT id, session_id, is_pair, bytes_total FROM part WHERE session_id = ? AND NOT is_pair AND EXISTS"
            " (SELECT 1 FROM file WHERE part_id = part.id AND fate = 'not sent' AND remark = '') ORDER BY id",
            (session_id,),
        )
        return tuple(PartRow(row[0], row[1], bool(row[2]), row[3]) for row in rows)

    def bytes_answered(self, part_id: int) -> int:
        """Return the bytes of those files of a part that the server answered for."""
        (size_bytes,) = self._database.execute(
            "SELECT coalesce(sum(size_bytes), 0) FROM file WHERE part_id = ? AND fate IN ('sent', 'stored', 'missing')",
            (part_id,),
        ).fetchone()
        return int(size_bytes)

    def files(self, session_id: int) -> Iterator[FileRow]:
        """Give the files of a session, in order; nothing may be written before it is exhausted."""
        return self._files("session_id = ?", session_id)

    def files_of_part(self, part_id: int) -> tuple[FileRow, ...]:
        """Return the files of a part, in order."""
        return tuple(self._files("part_id = ?", part_id))

    def _files(self, where: str, value: int) -> Iterator[FileRow]:
        rows = self._database.execute(
            "SELECT id, series_id, path, size_bytes, mtime_ns, token, name, fate, md5, remark FROM file"  # noqa: S608  our words
            f" WHERE {where} ORDER BY id",
            (value,),
        )
        return (
            FileRow._make((*row[:2], plan_file.text_path(row[2]), *row[3:7], _FATES[row[7]], *row[8:])) for row in rows
        )

    def series_numbers(self, session_id: int) -> dict[int, str]:
        """Return the Series Numbers of a session by series."""
        rows = self._database.execute("SELECT id, number FROM series WHERE session_id = ?", (session_id,))
        return dict(rows.fetchall())

    def series_lines(self, session_id: int) -> Iterator[tuple[ReceiptLine, tuple[tuple[str, int], ...]]]:
        """Give a line for each series of a session as the last look at the server left it, and its remarks counted."""
        session = self.session(session_id)
        rows = self._database.execute(
            "SELECT id, description, modality FROM series WHERE session_id = ? ORDER BY id", (session_id,)
        ).fetchall()
        for series_id, description, modality in rows:
            local, sent, stored, scan_id = self._database.execute(
                "SELECT count(*), total(fate IN ('sent', 'stored', 'missing')), total(fate = 'stored'), max(scan_id)"
                " FROM file WHERE series_id = ?",
                (series_id,),
            ).fetchone()
            proofs = self._database.execute(
                "SELECT DISTINCT proof FROM file WHERE series_id = ? AND fate = 'stored'", (series_id,)
            ).fetchall()
            remarks = self._database.execute(
                "SELECT remark, count(*) FROM file WHERE series_id = ? AND remark <> '' GROUP BY remark", (series_id,)
            ).fetchall()
            yield (
                ReceiptLine(
                    session.subject_label,
                    session.session_label,
                    scan_id or "",
                    description,
                    modality,
                    local,
                    int(sent),
                    int(stored),
                    weakest_proof(row[0] for row in proofs),
                    "",
                ),
                tuple((remark, count) for remark, count in remarks),
            )

    def move_upload(self, state: UploadState, finding: Finding | None = None, *, now_s: float | None = None) -> None:
        """Put the upload into another state; staying is no move.

        Raises:
            IllegalMoveError: the move is not in the table.
        """
        with transaction(self._database) as database:
            (old,) = database.execute("SELECT state FROM upload").fetchone()
            if old != state:
                schema.check_upload_move(UploadState(old), state)
            when_s = time.time() if now_s is None else now_s
            database.execute(
                "UPDATE upload SET state = ?, finding = ?, started_s = coalesce(started_s, ?), ended_s = ?",
                (str(state), plan_file.encode_finding(finding), when_s, when_s if state.is_final else None),
            )

    def move_session(
        self, session_id: int, state: SessionState, *, finding: Finding | None = None, uri: str | None = None
    ) -> None:
        """Put a session into another state, with the reason and the place; staying is no move.

        Raises:
            IllegalMoveError: the move is not in the table.
        """
        with transaction(self._database) as database:
            (old,) = database.execute("SELECT state FROM session WHERE id = ?", (session_id,)).fetchone()
            if old != state:
                schema.check_session_move(SessionState(old), state)
            database.execute(
                "UPDATE session SET state = ?, finding = ?, uri = coalesce(?, uri) WHERE id = ?",
                (str(state), plan_file.encode_finding(finding), uri, session_id),
            )

    def set_uri(self, session_id: int, uri: str) -> None:
        """Note where a session is on the server."""
        with transaction(self._database) as database:
            database.execute("UPDATE session SET uri = ? WHERE id = ?", (uri, session_id))

    def add_event(self, text: str, *, now_s: float | None = None) -> None:
        """Note something that happened, in words for the person."""
        with transaction(self._database) as database:
            database.execute(
                "INSERT INTO event (when_s, text) VALUES (?, ?)", (time.time() if now_s is None else now_s, text)
            )

    def note_bytes(self, part_id: int, bytes_sent: int) -> None:
        """Note how far a part is; the count may go back when it is sent again."""
        with transaction(self._database) as database:
            database.execute("UPDATE part SET bytes_sent = ? WHERE id = ?", (bytes_sent, part_id))

    def note_connections(self, count: int) -> None:
        """Note how many connections are in use."""
        with transaction(self._database) as database:
            database.execute("UPDATE upload SET connections = ?", (count,))

    def note_trouble(self, trouble: str) -> None:
        """Note that something is about to be tried again, and why; "" when nothing waits for that any more."""
        with transaction(self._database) as database:
            database.execute("UPDATE upload SET retries = retries + ?, trouble = ?", (bool(trouble), trouble))

    def record_md5(self, md5: Mapping[int, str]) -> None:
        """Keep the digests of files as they were read, by file number."""
        if not md5:
            return
        with transaction(self._database) as database:
            database.executemany("UPDATE file SET md5 = ? WHERE id = ?", [(one, key) for key, one in md5.items()])

    def record_fates(
        self,
        part_id: int,
        fate: Fate,
        file_ids: Iterable[int],
        remark: str = "",
        *,
        md5: Mapping[int, str] = MappingProxyType({}),
    ) -> None:
        """Give files of a part their fate, and count the part again; keep the digests of those that were read."""
        runs = [(first, last) for _, first, last in _runs((None, one) for one in file_ids)]
        with transaction(self._database) as database:
            were_stored = any(database.execute(_ANY_STORED, run).fetchone()[0] for run in runs)
            database.executemany("UPDATE file SET md5 = ? WHERE id = ?", [(one, key) for key, one in md5.items()])
            database.executemany(
                "UPDATE file SET fate = ?, remark = ?, proof = '' WHERE id BETWEEN ? AND ?",
                [(str(fate), remark, *run) for run in runs],
            )
            _count_part(database, part_id)
            if were_stored or fate is Fate.STORED:  # seldom, and a look at all files of the session
                (session_id,) = database.execute("SELECT session_id FROM part WHERE id = ?", (part_id,)).fetchone()
                _count_stored(database, session_id)

    def record_checked(self, session_id: int, checked: Iterable[CheckedFile]) -> None:
        """Keep what a look at the server said, and count the session's parts again."""
        with transaction(self._database) as database:
            runs = _runs(((one.fate, one.proof, one.scan_id, one.remark), one.id) for one in checked)
            database.executemany(
                "UPDATE file SET fate = ?, proof = ?, scan_id = ?, remark = ? WHERE id BETWEEN ? AND ?",
                [(str(fate), *words, first, last) for (fate, *words), first, last in runs],
            )
            for (part_id,) in database.execute("SELECT id FROM part WHERE session_id = ?", (session_id,)).fetchall():
                _count_part(database, part_id)
            _count_stored(database, session_id)

    def record_all_to_be_sent(self, session_id: int) -> None:
        """Note that the server has nothing of a session, whatever was noted before."""
        with transaction(self._database) as database:
            database.execute(
                "UPDATE file SET fate = 'not sent', proof = '', scan_id = '', remark = '' WHERE session_id = ?"
                " AND (fate <> 'not sent' OR proof <> '' OR scan_id <> '' OR remark <> '')",
                (session_id,),
            )
            database.execute("UPDATE part SET files_sent = 0, bytes_sent = 0 WHERE session_id = ?", (session_id,))
            database.execute("UPDATE session SET files_stored = 0 WHERE id = ?", (session_id,))

    def count_fates(self, session_id: int) -> dict[Fate, int]:
        """Count the files of a session by fate."""
        rows = self._database.execute(
            "SELECT fate, count(*) FROM file WHERE session_id = ? GROUP BY fate", (session_id,)
        )
        return {Fate(fate): count for fate, count in rows}

    def count_proofs(self, session_id: int) -> dict[str, int]:
        """Count the stored files of a session by what proves them."""
        rows = self._database.execute(
            "SELECT proof, count(*) FROM file WHERE session_id = ? AND fate = 'stored' GROUP BY proof", (session_id,)
        )
        return dict(rows.fetchall())

    def count_remark(self, session_id: int, remark: str) -> int:
        """Count the stored files of a session with a remark."""
        where = "session_id = ? AND fate = 'stored' AND remark = ?"
        (count,) = self._database.execute(f"SELECT count(*) FROM file WHERE {where}", (session_id, remark)).fetchone()  # noqa: S608  our words
        return int(count)

    def keep_receipt(self, receipt: Receipt) -> None:
        """Keep the receipt; the one before it stays among the earlier ones."""
        with transaction(self._database) as database:
            database.execute(
                "INSERT INTO earlier_receipt (receipt) SELECT receipt FROM upload WHERE receipt IS NOT NULL"
            )
            database.execute("UPDATE upload SET receipt = ?", (plan_file.encode_receipt(receipt),))

    def take_requests(self) -> tuple[Request, ...]:
        """Return what was asked since the last call, oldest first, and forget it."""
        if self._database.execute("SELECT 1 FROM request LIMIT 1").fetchone() is None:
            return ()
        with transaction(self._database) as database:
            rows = database.execute("SELECT request FROM request ORDER BY id").fetchall()
            database.execute("DELETE FROM request")
        return tuple(Request(row[0]) for row in rows)


def weakest_proof(proofs: Iterable[str]) -> str:
    """Return the least certain of several proofs, "" when there is none."""
    return min(proofs, key=lambda proof: PROOFS.index(proof) if proof in PROOFS else -1, default="")


def _runs(numbered: Iterable[tuple[V, int]]) -> Iterator[tuple[V, int, int]]:
    """Join numbers that follow each other and have the same value, as files of a series mostly do: one change is quick.

    Gives each value with the first and last number of a run; no number that was not given lies in one.
    """
    run: tuple[V, int, int] | None = None
    for value, number in sorted(numbered, key=itemgetter(1)):
        if run and run[0] == value and number <= run[2] + 1:
            run = (value, run[1], number)
            continue
        if run:
            yield run
        run = (value, number, number)
    if run:
        yield run


def _count_part(database: sqlite3.Connection, part_id: int) -> None:
    database.execute(
        "UPDATE part SET (files_sent, bytes_sent) = (SELECT count(*), coalesce(sum(size_bytes), 0) FROM file"
        " WHERE part_id = part.id AND fate IN ('sent', 'stored', 'missing')) WHERE id = ?",
        (part_id,),
    )


def _count_stored(database: sqlite3.Connection, session_id: int) -> None:
    database.execute(
        "UPDATE session SET files_stored ="
        " (SELECT count(*) FROM file WHERE session_id = session.id AND fate = 'stored') WHERE id = ?",
        (session_id,),
    )
