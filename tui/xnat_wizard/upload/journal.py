"""The journal of an upload: what was planned, what happened, and what is asked of the worker.

The worker writes it, the wizard reads it; both may be killed between any two lines. Every statement that changes
something is one transaction. A `Journal` belongs to one thread; several processes may have one open at a time.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from xnat_wizard.upload import journal_facts, journal_plan, plan_file
from xnat_wizard.upload import journal_schema as schema
from xnat_wizard.upload.journal_damage import telling, tells_damage
from xnat_wizard.upload.journal_facts import FileFact, SeriesFact
from xnat_wizard.upload.model import (
    Compression,
    Destination,
    Event,
    Fate,
    Options,
    Plan,
    Receipt,
    Request,
    Route,
    SessionProgress,
    SessionState,
    UploadProgress,
    UploadState,
)
from xnat_wizard.upload.records import Records, transaction

FILE_NAME = "journal.sqlite"
_BUSY_TIMEOUT_S = 30.0


@tells_damage
class Journal:
    """One upload on disk."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        """Use `create` or `open`."""
        self.path = path
        self.where = str(path)
        self._database = database
        database.execute("PRAGMA synchronous = NORMAL")
        self.records = Records(database, self.where)
        self._seen_version = -1

    # -- opening -------------------------------------------------------------------------------------

    @classmethod
    def create(cls, folder: Path, plan: Plan) -> "Journal":
        """Write the journal of a plan's included sessions into a folder, readable by this person only.

        Raises:
            FileExistsError: the folder has a journal.
            OSError: the folder cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        path = folder / FILE_NAME
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        journal = cls(path, _connect(path))
        journal._database.execute("PRAGMA journal_mode = WAL")  # stays with the file
        with transaction(journal._database):
            schema.lay_out(journal._database)
            journal_plan.write(journal._database, plan)
        return journal

    @classmethod
    def open(cls, path: Path) -> "Journal":
        """Open a journal.

        Raises:
            FileNotFoundError: there is none.
            Problem: `journal.*` when it cannot be read.
        """
        if not path.is_file():
            raise FileNotFoundError(path)
        database = _connect(path)
        try:
            with telling(str(path)):
                if not schema.check_version(database, str(path)):
                    with transaction(database):
                        schema.bring_up_to_date(database)
                return cls(path, database)
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- reading -------------------------------------------------------------------------------------

    def changed(self) -> bool:
        """Tell whether another process changed something since the last call; the first call says yes."""
        (version,) = self._database.execute("PRAGMA data_version").fetchone()
        has_changed = version != self._seen_version
        self._seen_version = version
        return bool(has_changed)

    def progress(self) -> UploadProgress:
        """Return the upload in numbers; counts over parts, so its cost does not grow with the files."""
        state, project, destination, started_s, ended_s, finding, *traffic = self._database.execute(
            "SELECT state, project, destination, started_s, ended_s, finding, connections, retries, trouble FROM upload"
        ).fetchone()
        rows = self._database.execute(
            "SELECT s.key, s.subject_label, s.session_label, s.state, s.files_total, coalesce(sum(p.files_sent), 0),"
            " s.files_stored, s.bytes_total, coalesce(sum(p.bytes_sent), 0), s.uri, s.finding"
            " FROM session s LEFT JOIN part p ON p.session_id = s.id GROUP BY s.id ORDER BY s.id"
        )
        sessions = tuple(
            SessionProgress(
                key=row[0],
                subject_label=row[1],
                session_label=row[2],
                state=SessionState(row[3]),
                files_total=row[4],
                files_sent=row[5],
                files_stored=row[6],
                bytes_total=row[7],
                bytes_sent=row[8],
                uri=row[9],
                finding=plan_file.decode_finding(row[10]),
            )
            for row in rows
        )
        return UploadProgress(
            UploadState(state),
            project,
            Destination(destination),
            sessions,
            started_s,
            ended_s,
            plan_file.decode_finding(finding),
            *traffic,
        )

    def events(self, since_id: int = 0) -> tuple[Event, ...]:
        """Return what happened after the event of that number, in order."""
        rows = self._database.execute("SELECT id, when_s, text FROM event WHERE id > ? ORDER BY id", (since_id,))
        return tuple(Event(*row) for row in rows)

    def receipt(self) -> Receipt | None:
        """Return the last receipt, once there is one."""
        (text,) = self._database.execute("SELECT receipt FROM upload").fetchone()
        return plan_file.decode_receipt(text) if text else None

    def earlier_receipts(self) -> tuple[Receipt, ...]:
        """Return the receipts before the last one, the oldest first."""
        rows = self._database.execute("SELECT receipt FROM earlier_receipt ORDER BY id").fetchall()
        return tuple(plan_file.decode_receipt(text) for (text,) in rows)

    def fates(self) -> Iterator[tuple[str, Fate, str]]:
        """Give every file below the source, what became of it, and a remark."""
        for path, fate, remark in self._database.execute("SELECT path, fate, remark FROM file ORDER BY id"):
            yield plan_file.text_path(path), Fate(fate), remark

    def file_facts(self) -> Iterator[FileFact]:
        """Give every file with all that is known of it, in the order of the plan."""
        return journal_facts.file_facts(self._database)

    def series_facts(self) -> Iterator[SeriesFact]:
        """Give every series with all that is known of it, in the order of the plan."""
        return journal_facts.series_facts(self._database)

    @property
    def source(self) -> Path:
        """Return the folder the files come from."""
        (source,) = self._database.execute("SELECT source FROM upload").fetchone()
        return Path(plan_file.text_path(source))

    @property
    def site_url(self) -> str:
        """Return the address of the site."""
        (url,) = self._database.execute("SELECT site_url FROM upload").fetchone()
        return str(url)

    @property
    def not_sent(self) -> tuple[str, ...]:
        """Return what of the source is no image to send, counted."""
        (text,) = self._database.execute("SELECT not_sent FROM upload").fetchone()
        return tuple(json.loads(text))

    def plan(self) -> Plan:
        """Return the plan of what this upload sends; sessions that were not included are not kept."""
        return journal_plan.read(self._database)

    def options(self) -> Options:
        """Return how the upload is to travel."""
        limit_bytes_s, most_connections, compression = self._database.execute(
            "SELECT limit_bytes_s, most_connections, compression FROM upload"
        ).fetchone()
        return Options(limit_bytes_s, most_connections, Compression(compression))

    def set_options(self, options: Options) -> None:
        """Say how the upload is to travel, from the next start of its worker on."""
        with transaction(self._database) as database:
            database.execute(
                "UPDATE upload SET limit_bytes_s = ?, most_connections = ?, compression = ?",
                (options.limit_bytes_s, options.most_connections, str(options.compression)),
            )

    # -- by DICOM ------------------------------------------------------------------------------------

    @property
    def receiver(self) -> str:
        """Return whom the images go to by DICOM, as it was set; "" for an upload over HTTP."""
        (text,) = self._database.execute("SELECT receiver FROM upload").fetchone()
        return str(text)

    @property
    def route(self) -> Route:
        """Return how the images travel."""
        (text,) = self._database.execute("SELECT route FROM upload").fetchone()
        return Route(text)

    def set_receiver(self, text: str) -> None:
        """Let the upload go to a DICOM receiver."""
        with transaction(self._database) as database:
            database.execute("UPDATE upload SET receiver = ?, route = ?", (text, str(Route.DICOM)))

    def note_dicom_statuses(self, statuses: Mapping[int, int]) -> None:
        """Keep what was answered to the C-STORE of files, by file number."""
        with transaction(self._database) as database:
            rows = [(status, key) for key, status in statuses.items()]
            database.executemany("UPDATE file SET dicom_status = ? WHERE id = ?", rows)

    def dicom_statuses(self) -> dict[int | None, int]:
        """Count the files by what was answered to their C-STORE; None: nothing yet."""
        return dict(self._database.execute("SELECT dicom_status, count(*) FROM file GROUP BY dicom_status").fetchall())

    def dicom_kinds(self) -> tuple[tuple[str, str], ...]:
        """Return the SOP classes of all images, each with its transfer syntaxes."""
        rows = self._database.execute(
            "SELECT DISTINCT sop_class_uid, transfer_syntax_uid FROM file WHERE sop_instance_uid <> '' ORDER BY 1, 2"
        )
        return tuple((row[0], row[1]) for row in rows)

    def dicom_identities(self, part_id: int) -> dict[int, tuple[str, str, str]]:
        """Return SOP class, SOP instance and transfer syntax of the images of a part, by file number."""
        rows = self._database.execute(
            "SELECT id, sop_class_uid, sop_instance_uid, transfer_syntax_uid FROM file WHERE part_id = ?", (part_id,)
        )
        return {row[0]: (row[1], row[2], row[3]) for row in rows}

    # -- de-identified on the way ------------------------------------------------------------------------

    @property
    def deidentification(self) -> str:
        """Return what is done to the images on their way, with its key; "" where they go as they are."""
        (text,) = self._database.execute("SELECT deidentification FROM upload").fetchone()
        return str(text)

    def subjects(self) -> dict[str, str]:
        """Return the subject label of every file, by its path below the source."""
        rows = self._database.execute(
            "SELECT file.path, subject_label FROM file JOIN session ON session.id = session_id"
        )
        return {plan_file.text_path(path): label for path, label in rows}

    def halves_of_pairs(self) -> frozenset[str]:
        """Return the paths of the files that are halves of PAR/REC pairs."""
        rows = self._database.execute("SELECT path FROM file JOIN series ON series.id = series_id WHERE is_pair")
        return frozenset(plan_file.text_path(path) for (path,) in rows)

    def names_of_pairs(self) -> tuple[tuple[str, str, str], ...]:
        """Return each half of a PAR/REC pair: its path below the source, its name there, its session."""
        rows = self._database.execute(
            "SELECT file.path, file.name, session_label FROM file JOIN session ON session.id = file.session_id"
            " WHERE file.name <> '' ORDER BY file.id"
        )
        return tuple((plan_file.text_path(path), name, label) for path, name, label in rows)

    # -- asking the worker ---------------------------------------------------------------------------

    def request(self, request: Request) -> None:
        """Ask something of the worker; it looks a few times a second."""
        with transaction(self._database) as database:
            database.execute("INSERT INTO request (request) VALUES (?)", (str(request),))

    def forget_pauses(self) -> None:
        """Forget what was asked of a worker that is gone; only a cancel still counts."""
        with transaction(self._database) as database:
            database.execute("DELETE FROM request WHERE request <> ?", (str(Request.CANCEL),))


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
