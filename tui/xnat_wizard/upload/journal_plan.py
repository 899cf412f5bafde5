"""A plan inside a journal: written once when the journal is made, and read back when somebody asks.

Instances are rows of their own, so that a worker needs no plan in memory; the rest of a session or series is JSON.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from xnat_wizard.dicom.model import Instance, ParRecPair, Series
from xnat_wizard.upload import parts, plan_file
from xnat_wizard.upload.cstore.peer import Peer
from xnat_wizard.upload.deidentify.choice import Sealed
from xnat_wizard.upload.deidentify.pseudonyms import Pseudonyms
from xnat_wizard.upload.model import (
    Compression,
    Destination,
    Options,
    Plan,
    PlannedSession,
    Route,
    SessionState,
    UploadState,
)
from xnat_wizard.upload.pair_matching import clean_name
from xnat_wizard.upload.tokens import token_of

SentUid = Callable[[str], str]  # gives the UID that the server will see


def write(database: sqlite3.Connection, plan: Plan) -> None:
    """Write a plan's included sessions into empty tables, inside the caller's transaction.

    Of images that are de-identified on their way the UIDs are those that the server will see; a key is drawn for them.
    """
    sealed = Sealed.fresh(plan.deidentification) if plan.deidentification else None
    database.execute(
        "INSERT INTO upload (source, site_url, project, destination, not_sent, layout, route,"
        " receiver, limit_bytes_s, most_connections, compression, deidentification, state)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            plan_file.byte_path(os.fspath(plan.source.absolute())),  # the worker runs elsewhere
            _storable(plan.site_url),
            _storable(plan.project),
            str(plan.destination),
            json.dumps(plan.not_sent + plan.kept_back),
            _storable(plan.layout),
            str(plan.route),
            plan.receiver.encoded() if plan.receiver and plan.route is Route.DICOM else "",
            plan.options.limit_bytes_s,
            plan.options.most_connections,
            str(plan.options.compression),
            sealed.encoded() if sealed else "",
            str(UploadState.PLANNED),
        ),
    )
    sent_uid = Pseudonyms(sealed.key).uid if sealed else None
    for session in plan.included:
        _write_session(database, session, sent_uid)


def _write_session(database: sqlite3.Connection, session: PlannedSession, sent_uid: SentUid | None) -> None:
    head = replace(session, series=(), pairs=(), left_out=(), left_out_pairs=())
    session_id = _insert(
        database,
        "session",
        key=session.key,
        plan=json.dumps(plan_file.encode(head)),
        subject_label=session.subject_label,
        session_label=session.session_label,
        study_instance_uid=sent_uid(session.study_instance_uid) if sent_uid else session.study_instance_uid,
        modality=session.modality,
        state=str(SessionState.WAITING),
        files_total=session.file_count,
        bytes_total=session.size_bytes,
    )
    for series in session.series:
        series_id = _insert(
            database,
            "series",
            session_id=session_id,
            is_pair=0,
            plan=json.dumps(plan_file.encode(replace(series, instances=()))),
            number=series.series_number,
            description=series.series_description,
            modality=series.modality,
        )
        for part in parts.cut(series.instances):
            _write_part(database, session_id, series_id, part, sent_uid)
    taken: set[str] = set()
    for number, pair in enumerate(session.pairs, start=1):
        _write_pair(database, session_id, pair, taken, f"{number:04}" if sent_uid else "")


def _write_part(
    database: sqlite3.Connection,
    session_id: int,
    series_id: int,
    part: tuple[Instance, ...],
    sent_uid: SentUid | None,
) -> None:
    part_id = _insert(
        database,
        "part",
        session_id=session_id,
        series_id=series_id,
        is_pair=0,
        files_total=len(part),
        bytes_total=sum(instance.size_bytes for instance in part),
    )
    database.executemany(
        "INSERT INTO file (session_id, series_id, part_id, path, size_bytes, mtime_ns, sop_class_uid,"
        " sop_instance_uid, transfer_syntax_uid, instance_number, token, name, local_sop_instance_uid)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?)",
        [
            (
                session_id,
                series_id,
                part_id,
                plan_file.byte_path(one.path),
                one.size_bytes,
                one.mtime_ns,
                one.sop_class_uid,
                uid,
                one.transfer_syntax_uid,
                one.instance_number,
                token_of(one.sop_class_uid, uid),
                one.sop_instance_uid if sent_uid else "",
            )
            for one in part
            for uid in [sent_uid(one.sop_instance_uid) if sent_uid else one.sop_instance_uid]
        ],
    )


def _write_pair(
    database: sqlite3.Connection, session_id: int, pair: ParRecPair, taken: set[str], plain_name: str
) -> None:
    """Write a pair; with a plain name its files are called so, since their own may name a patient."""
    series_id = _insert(
        database,
        "series",
        session_id=session_id,
        is_pair=1,
        plan=json.dumps(plan_file.encode(pair)),
        number=pair.acquisition_number,
        description=pair.protocol_name or ("" if plain_name else PurePosixPath(pair.par_path).stem),
        modality="PAR/REC",
    )
    sizes = {pair.par_path: pair.par_size_bytes, pair.rec_path: pair.rec_size_bytes}
    part_id = _insert(
        database,
        "part",
        session_id=session_id,
        series_id=series_id,
        is_pair=1,
        files_total=2,
        bytes_total=sum(sizes.values()),
    )
    for path, size_bytes in sizes.items():
        name = plain_name + path[-4:].upper() if plain_name else _resource_name(path, pair.subject_folder, taken)
        database.execute(
            "INSERT INTO file (session_id, series_id, part_id, path, size_bytes, mtime_ns, sop_class_uid,"
            " sop_instance_uid, transfer_syntax_uid, instance_number, token, name)"
            " VALUES (?, ?, ?, ?, ?, -1, '', '', '', '', '', ?)",
            (session_id, series_id, part_id, plan_file.byte_path(path), size_bytes, _storable(name)),
        )


def _resource_name(path: str, subject_folder: str, taken: set[str]) -> str:
    """Name a file of a resource: its path below the subject folder, without what a URL or file system stumbles over."""
    below = path.removeprefix(f"{subject_folder}/") if subject_folder else path
    cleaned = clean_name(below)
    folder, _, base = cleaned.rpartition("/")
    name, number = cleaned, 1
    while name.casefold() in taken:
        number += 1
        name = f"{folder}_{number}/{base}" if folder else f"{number}_{base}"
    taken.add(name.casefold())
    return name


def _insert(database: sqlite3.Connection, table: str, **values: str | int) -> int:
    columns, marks = ", ".join(values), ", ".join("?" * len(values))
    row = [_storable(one) if isinstance(one, str) else one for one in values.values()]
    cursor = database.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", row)  # noqa: S608  names of ours
    return cursor.lastrowid or 0


def _storable(text: str) -> str:
    """Return a text as a column holds it: of a name that is not UTF-8 the stray bytes are replaced."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def read(database: sqlite3.Connection) -> Plan:
    """Return the plan of what the upload sends; sessions that were not included are not kept."""
    source, site_url, project, destination, not_sent, layout, route, receiver = database.execute(
        "SELECT source, site_url, project, destination, not_sent, layout, route, receiver FROM upload"
    ).fetchone()
    limit_bytes_s, most_connections, compression, deidentification = database.execute(
        "SELECT limit_bytes_s, most_connections, compression, deidentification FROM upload"
    ).fetchone()
    sealed = Sealed.decoded(deidentification)
    return Plan(
        Path(plan_file.text_path(source)),
        site_url,
        project,
        Destination(destination),
        tuple(_sessions(database)),
        tuple(json.loads(not_sent)),
        layout,
        Route(route),
        Peer.decoded(receiver) if receiver else None,
        Options(limit_bytes_s, most_connections, Compression(compression)),
        sealed.choice if sealed else None,
    )


def _sessions(database: sqlite3.Connection) -> Iterator[PlannedSession]:
    for session_id, text in database.execute("SELECT id, plan FROM session ORDER BY id").fetchall():
        series: list[Series] = []
        pairs: list[ParRecPair] = []
        rows = database.execute("SELECT id, is_pair, plan FROM series WHERE session_id = ? ORDER BY id", (session_id,))
        for series_id, is_pair, plan in rows.fetchall():
            if is_pair:
                pairs.append(plan_file.decode_pair(json.loads(plan)))
            else:
                head = plan_file.decode_series(json.loads(plan))
                series.append(replace(head, instances=tuple(_instances(database, series_id))))
        yield replace(plan_file.decode_session(json.loads(text)), series=tuple(series), pairs=tuple(pairs))


def _instances(database: sqlite3.Connection, series_id: int) -> Iterator[Instance]:
    rows = database.execute(
        "SELECT path, size_bytes, mtime_ns, sop_class_uid, iif(local_sop_instance_uid = '', sop_instance_uid,"
        " local_sop_instance_uid), transfer_syntax_uid, instance_number"
        " FROM file WHERE series_id = ? ORDER BY id",
        (series_id,),
    )
    return (Instance(plan_file.text_path(row[0]), *row[1:]) for row in rows)
