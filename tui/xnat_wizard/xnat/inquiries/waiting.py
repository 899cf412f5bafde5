"""Questions about the prearchive and what direct archive holds (Q7 to Q14, Q28, Q29)."""

from datetime import UTC, datetime

from xnat_wizard.xnat.answers import Answer, number
from xnat_wizard.xnat.files import files_of
from xnat_wizard.xnat.inquiries.asking import Asker, json_upload
from xnat_wizard.xnat.inquiries.values import UNASSIGNED, Held, Row, ScanFact, StoredObject
from xnat_wizard.xnat.model import ArchiveVerdict
from xnat_wizard.xnat.prearchive import place_of
from xnat_wizard.xnat.tables import Row as Cells
from xnat_wizard.xnat.told import Standing, Told
from xnat_wizard.xnat.uris import encoded, normalise, path_of, segment

_JSON = {"format": "json"}


async def all_rows(asker: Asker) -> Told[tuple[Row, ...]]:
    """Ask for the rows of all projects we edit, and of Unassigned where we may (Q7)."""
    return await asker.ask_many("Q7", "/data/prearchive", _JSON, read=_rows)


async def rows_of(asker: Asker, project: str) -> Told[tuple[Row, ...]]:
    """Ask for the rows of one project (Q8), or of Unassigned (Q9); rows of others that come along are kept.

    A refusal may be a bare 404 (wire contract 6.1).
    """
    query = "Q9" if project == UNASSIGNED else "Q8"
    path = path_of("data", "prearchive", "projects", project)
    return await asker.ask_many(query, path, _JSON, read=_rows, denied={404})


async def rows_by_uid(asker: Asker, study_instance_uid: str) -> Told[tuple[Row, ...]]:
    """Ask for the rows of a study, wherever they are (Q10): for those who see all data."""

    def read(answer: Answer) -> tuple[Row, ...]:
        return tuple(row for row in _rows(answer) if row.study_instance_uid == study_instance_uid)

    query = {"tag": study_instance_uid, **_JSON}
    return await asker.ask_many("Q10", "/data/prearchive", query, read=read, denied={404})


async def one_row(asker: Asker, uri: str) -> Told[Row | None]:
    """Ask for one row (Q11); `None` when there is none, which XNAT says with 200 and no row."""

    def read(answer: Answer) -> Row | None:
        found = _rows(answer)
        return found[0] if found else None

    def said(row: Row | None) -> str:
        return f"status={row.status} tag={row.study_instance_uid}" if row else "no row"

    empty: Row | None = None
    return await asker.ask(
        "Q11", encoded(uri), _JSON, read=read, empty=empty, words=said, denied=_denied(uri), is_free=True
    )


async def has_document(asker: Asker, uri: str) -> Told[bool]:
    """Ask whether a session's XML is there (Q11): it is once the session has been built."""
    told = await asker.ask(
        "Q11",
        encoded(uri),
        {"format": "xml"},
        read=lambda answer: bool(answer.body.strip()),
        empty=False,
        words=lambda is_there: "a document" if is_there else "nothing",
        denied=_denied(uri),
        is_free=True,
    )
    if told.standing is Standing.ABSENT:  # the row is known: it is only not built
        return Told(False, Standing.ANSWERED, told.evidence)  # noqa: FBT003  the answer itself
    return told


async def scans(asker: Asker, uri: str) -> Told[tuple[ScanFact, ...]]:
    """Ask for the scans of a built session (Q12)."""

    def read(answer: Answer) -> tuple[ScanFact, ...]:
        return tuple(
            ScanFact(
                row["ID"],
                series_description=row.get("series_description", ""),
                xsi_type=row.get("xsiType", ""),
            )
            for row in answer.rows()
            if row.get("ID")
        )

    return await asker.ask_many(
        "Q12",
        encoded(uri) + "/scans",
        _JSON,
        read=read,
        denied=_denied(uri, with_absent=False),
        is_free=True,
    )


async def scan_files(asker: Asker, uri: str, scan_id: str) -> Told[tuple[StoredObject, ...]]:
    """Ask for the files of all resources of a scan (Q12)."""
    place = f"{encoded(uri)}/scans/{segment(scan_id)}/resources"
    labels = await asker.ask_many(
        "Q12",
        place,
        _JSON,
        read=lambda answer: tuple(row["label"] for row in answer.rows() if row.get("label")),
        is_free=True,
    )
    found: list[StoredObject] = []
    evidence = list(labels.evidence)
    standing = labels.standing
    for label in labels.value:
        files = await asker.ask_many(
            "Q12",
            f"{place}/{segment(label)}/files",
            _JSON,
            read=lambda answer, label=label: _files(answer, scan_id, label),  # type: ignore[misc]  # bound now,
            is_free=True,
        )
        found += files.value
        evidence += files.evidence
        standing = files.standing if not files.is_known else standing
    return Told(tuple(found), standing, tuple(evidence))


async def log(asker: Asker, uri: str) -> Told[str]:
    """Ask what the site wrote down about a session (Q13), the newest last."""

    def read(answer: Answer) -> str:
        lines = (" ".join(filter(None, (row.get("date", ""), row.get("entry", "")))) for row in answer.rows())
        return "\n".join(filter(None, lines))

    def said(text: str) -> str:
        return f"{text.count(chr(10)) + 1} entries" if text else "no entry"

    told = await asker.ask(
        "Q13", encoded(uri) + "/logs", _JSON, read=read, empty="", words=said, denied=_denied(uri), is_free=True
    )
    return Told("", Standing.ANSWERED, told.evidence) if told.standing is Standing.ABSENT else told


async def distinct_uids(asker: Asker, uri: str, scan_id: str, field: str = "SOPInstanceUID") -> Told[tuple[str, ...]]:
    """Ask for the different values of a UID in a scan's files (Q14); may leave some out, so it proves presence only."""
    source = f"{normalise(uri).removeprefix('/data')}/scans/{scan_id}"

    def read(answer: Answer) -> tuple[str, ...]:
        texts = (row.get("value", "") for row in answer.rows())
        return tuple(dict.fromkeys(uid.strip() for text in texts for uid in text.split(",") if uid.strip()))

    query = {"src": source, "summary": "true", "field": field, **_JSON}
    return await asker.ask_many("Q14", "/data/services/dicomdump", query, read=read, is_free=True)


async def held(asker: Asker) -> Told[tuple[Held, ...]]:
    """Ask what direct archive holds (Q28); an old site knows nothing of it, and holds nothing."""

    def read(answer: Answer) -> tuple[Held, ...]:
        found = answer.json()
        return tuple(_held(one) for one in found if isinstance(one, dict)) if isinstance(found, list) else ()

    body = json_upload(b'{"page":1,"size":50,"filters":{}}')
    told = await asker.ask_many("Q28", "/xapi/direct-archive", read=read, method="POST", upload=body)
    return Told((), Standing.ANSWERED, told.evidence) if told.standing is Standing.ABSENT else told


async def dry_run(asker: Asker, uri: str, *, subject: str = "", session: str = "") -> Told[tuple[ArchiveVerdict, ...]]:
    """Ask what archiving would run into (Q29); changes nothing, and is not possible on Unassigned."""

    def read(answer: Answer) -> tuple[ArchiveVerdict, ...]:
        return tuple(
            ArchiveVerdict(row.get("code", ""), row.get("type", ""), row.get("message", "")) for row in answer.rows()
        )

    def said(verdicts: tuple[ArchiveVerdict, ...]) -> str:
        return ", ".join(f"{one.code} {one.type}" for one in verdicts) or "nothing in the way"

    labels = {name: text for name, text in (("subject", subject), ("session", session)) if text}
    query = {"src": normalise(uri).removeprefix("/data"), **_JSON, **labels}
    return await asker.ask_many(
        "Q29",
        "/data/services/validate-archive",
        query,
        read=read,
        words=said,
        method="POST",
        is_free=True,
    )


def _rows(answer: Answer) -> tuple[Row, ...]:
    return tuple(_row(cells) for cells in answer.rows())


def _row(cells: Cells) -> Row:
    project, timestamp, folder = place_of(cells)
    return Row(
        project=project,
        timestamp=timestamp,
        folder=folder,
        label=cells.get("name", ""),
        subject=cells.get("subject", ""),
        study_instance_uid=cells.get("tag", ""),
        status=cells.get("status", ""),
        last_modified=cells.get("lastmod", ""),
        uploaded=cells.get("uploaded", ""),
        scan_date=cells.get("scan_date", ""),
        scan_time=cells.get("scan_time", ""),
        autoarchive=cells.get("autoarchive", ""),
        prevent_anon=cells.get("prevent_anon", "").lower(),
        prevent_auto_commit=cells.get("prevent_auto_commit", "").lower(),
        source=cells.get("SOURCE", ""),
        time_zone=cells.get("TIMEZONE", ""),
    )


def _files(answer: Answer, scan_id: str, label: str) -> tuple[StoredObject, ...]:
    return tuple(
        StoredObject(scan_id, label, file.name, file.size_bytes, file.uri)
        for file in files_of(answer.rows(), collection=label)
    )


def _held(one: dict[str, object]) -> Held:
    def text(name: str) -> str:
        return "" if one.get(name) is None else str(one[name])

    built_ms = number(text("lastBuiltDate"))
    built = "" if built_ms is None else datetime.fromtimestamp(built_ms / 1000, UTC).astimezone().isoformat()
    return Held(
        text("project"),
        text("subject"),
        text("name"),
        text("folderName"),
        text("tag"),
        text("status"),
        built,
        text("source"),
    )


def _denied(uri: str, *, with_absent: bool = True) -> frozenset[int]:
    """Return the statuses that mean "no right" for a session: Unassigned refuses with 500 (missing data 0.4)."""
    if f"/projects/{UNASSIGNED}/" in uri:
        return frozenset({404, 500}) if with_absent else frozenset({500})
    return frozenset()
