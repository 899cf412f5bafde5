"""The import service: POST /data/services/import with its handlers (the wire contract 5).

The body is read entry by entry while it arrives, in a thread; what has been stored stays stored when a later entry
fails, as in XNAT.
"""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from xnat_wizard.practice import archives, archiving, build, direct, intake, progress, uploads
from xnat_wizard.practice.archives import Stream
from xnat_wizard.practice.arrival import arrival_of
from xnat_wizard.practice.conflicts import Options
from xnat_wizard.practice.destinations import Destination, parse_destination
from xnat_wizard.practice.http import Call, Refusal, Route, text, uri_list
from xnat_wizard.practice.intake import Intake, ObjectRefusedError, Wishes
from xnat_wizard.practice.naming import clean_label
from xnat_wizard.practice.security import version_numbers
from xnat_wizard.practice.store import Row

ZIP, GRADUAL, SI = "DICOM-zip", "gradual-DICOM", "SI"
_ABSENT = ("XAR", "inbox", "automation")
_ABSENT_PARAMETERS = (
    "Direct-Archive-Overwrite",
    "Anon-Script",
    "Transfer-Syntax-UID",
    "Sender-ID",
    "Sender-AE-Title",
)
_MARKS_FAILURES = (1, 10, 2)  # since this release a zip that failed marks the sessions it has touched
_DICOM_TYPES = ("application/dicom", "application/x-mirc", "application/x-mirc-dicom")
_BAD_OVERWRITE = "Overwrite flag was not set to a valid option. ('append' or 'delete')"
_COMMIT_FAILED = "unable to archive for the Prearchive session"
_NOTHING = "Upload did not include parsable files for session generation."
_Act = Callable[[Intake, Stream], None]
_SEVERAL = "Upload included files for multiple imaging sessions."


@dataclass(frozen=True)
class Order:
    """What an import call asks for, read from its parameters."""

    handler: str
    wishes: Wishes
    destination: Destination | None
    overwrite: str  # "" when absent
    overwrite_files: bool
    is_committed: bool
    wish: bool | None  # AA
    ignores_unparsable: bool

    def options(self, call: Call) -> Options:
        """Return how the sessions are archived."""
        return Options(
            user=call.user,
            may_merge=bool(self.overwrite),
            is_override=self.overwrite in {"delete", "override"},
            replaces_files=self.overwrite_files,
            subject=self.wishes.subject,
            session=self.wishes.session,
            given=call.params() if self.handler == SI else {},
            is_quarantined=call.is_java_true("quarantine"),
        )

    def goes_on(self, call: Call, row: Row) -> bool:
        """Tell whether a built session is archived at once (5.5, 5.8)."""
        if self.destination is not None and not self.destination.is_archive:
            return False
        wish = True if self.destination is not None else self.wish
        return archiving.is_automatic(call.services, row, wish=wish)


def read_order(call: Call) -> Order:
    """Read the parameters of an import call.

    Raises:
        Refusal: 400, 404 or 501.
    """
    handler = _handler(call)
    for name in _ABSENT_PARAMETERS:
        if call.param(name) and call.param(name).lower() != "false":
            raise Refusal(501, f"The practice server does not know {name} of the import service")
    if handler == SI and call.param("prearc-importer").upper() == "ECAT":
        raise Refusal(501, "The practice server does not read ECAT")
    destination = None
    if call.param("dest"):
        try:
            destination = parse_destination(call.param("dest"))
        except ValueError as error:
            raise Refusal(400, "Parameter dest format error") from error
    overwrite = call.param("overwrite")
    wishes = _wishes(call, handler, destination)
    if call.param("prearchive_code") == "1":
        if overwrite:
            raise Refusal(400, _BAD_OVERWRITE)
        project = call.store.project(wishes.project)
        overwrite = "delete" if project and project.prearchive_code == 5 else "append"
    wish = next((call.param(name).lower() == "true" for name in ("AA", "auto-archive") if call.has_param(name)), None)
    is_commit = call.param("action") == "commit"
    return Order(
        handler=handler,
        wishes=wishes,
        destination=destination,
        overwrite=overwrite or ("none" if call.has_param("overwrite") else ""),
        overwrite_files=call.is_true("overwrite_files"),
        is_committed=is_commit or destination is not None,
        wish=wish,
        ignores_unparsable=call.is_true("Ignore-Unparsable") if call.has_param("Ignore-Unparsable") else is_commit,
    )


def _handler(call: Call) -> str:
    name = call.param("import-handler")
    if not name:
        if call.content_type in _DICOM_TYPES:
            return GRADUAL
        name = str(call.services.preference("uiDefaultCompressedUploaderImporter") or ZIP)
    if name in _ABSENT:
        raise Refusal(501, f"The practice server does not implement the import handler {name}")
    if name not in {ZIP, GRADUAL, SI}:
        raise Refusal(404, f"Unknown importer implementation specified: {html.escape(name)}")
    return name


def _wishes(call: Call, handler: str, destination: Destination | None) -> Wishes:
    """Collect labels and flags; lower-case names win over upper-case ones and over `dest`, except for gradual-DICOM."""
    dest = destination or Destination(is_archive=False)

    def word(lower: str, upper: str, by_dest: str) -> str:
        return (call.param(lower) if handler != GRADUAL else "") or call.param(upper) or by_dest

    return Wishes(
        project=word("project", "PROJECT_ID", dest.project),
        subject=word("subject", "SUBJECT_ID", dest.subject) or (call.param("subject_ID") if handler == SI else ""),
        session=word("session", "EXPT_LABEL", dest.session) or (call.param("label") if handler == SI else ""),
        timestamp=dest.timestamp or clean_label(call.param("PREARC_TIMESTAMP")),
        folder=dest.folder or clean_label(call.param("PREARC_SESSION_FOLDER")),
        visit=call.param("VISIT"),
        protocol=call.param("SUBTYPE"),
        timezone=call.param("TIMEZONE"),
        source=call.param("SOURCE"),
        prevent_anon=call.is_java_true("prevent_anon"),
        prevent_auto_commit=handler == SI or call.is_java_true("prevent_auto_commit"),
        is_renamed=call.is_java_true("rename"),
        is_direct=handler != SI and call.is_java_true("Direct-Archive"),
        is_classic=handler == SI,
    )


# -- the call --------------------------------------------------------------------------------------


async def import_data(call: Call) -> web.StreamResponse:
    """POST /data/services/import."""
    if call.is_guest:
        raise Refusal(401)
    try:
        source = await uploads.find_source(call)
        order = read_order(call)
        if source is None:
            raise (
                Refusal(400, "Unable to identify upload format.") if call.has_param("import-handler") else Refusal(500)
            )
        if source.is_cached and call.param("http-session-listener"):
            return _import_later(call, order, source)
        uris = await _tracked(call, order, source)
    except Refusal as refusal:
        if call.param("format") != "html":
            raise
        words = f"ERROR: The process could not be completed: {html.escape(refusal.message)}"
        return text(f"<html><body>{words}</body></html>", content_type="text/html")
    return _answer(call, uris)


def _answer(call: Call, uris: Sequence[str]) -> web.StreamResponse:
    if call.content_type.startswith("application/x-mirc"):
        return text("OK")
    if call.param("format") == "html":
        links = "".join(f'<li><a href="{uri}">{uri}</a></li>' for uri in uris)
        return text(f"<html><body><ul>{links}</ul></body></html>", content_type="text/html")
    accepts_text = call.headers.get("Accept", "").startswith("text/plain")
    if len(uris) == 1 and (call.param("format") == "txt" or accepts_text):
        return text(uris[0])
    return uri_list(uris)


def _import_later(call: Call, order: Order, source: uploads.Source) -> web.StreamResponse:
    async def work() -> None:
        try:
            await _tracked(call, order, source)
        except Refusal:
            return  # the listener has been told

    progress.start(call)
    call.services.spawn(work())
    return text(f"Submitted for {'archival' if call.param('prearchive_code') == '1' else 'prearchival'}")


async def _tracked(call: Call, order: Order, source: uploads.Source) -> list[str]:
    """Import, and tell a listener how it went (5.11)."""
    teller = progress.start(call)
    teller.tell(f"Importing file ({source.name} )")
    try:
        uris = await (_import_classic if order.handler == SI else _import_modern)(call, order, source)
    except Refusal as refusal:
        teller.fail(refusal.message)
        raise
    teller.succeed(uris)
    return uris


async def _receive(
    call: Call, order: Order, source: uploads.Source, act: Callable[[Intake, Stream], None]
) -> list[Row]:
    """Run `act` over the body in a thread; return the rows that hold something of it."""
    taken = Intake(call.services, order.wishes, call.user)
    rows: list[Row] = []
    try:
        await call.in_thread(_with_stream, source, taken, act)
    except ObjectRefusedError as error:
        if order.handler == ZIP and version_numbers(call.services.version) >= _MARKS_FAILURES:
            for row in taken.finish():
                await _mark_failed(call, row, str(error))
        raise Refusal(400, str(error)) from error
    finally:
        rows = taken.finish()
    return rows


async def _mark_failed(call: Call, row: Row, reason: str) -> None:
    """Keep a session of which a part is missing from being built or archived by itself."""
    if row.direct_id:
        await direct.fail(call.services, row, reason)
        return
    row.status = "ERROR"
    build.add_log(call.services, row, f"The upload failed: {reason}")


def _with_stream(source: uploads.Source, taken: Intake, act: _Act) -> None:
    with source.open() as stream:
        act(taken, stream)
        while stream.read(archives.BLOCK_BYTES):
            pass  # what stands behind the last entry


async def _import_modern(call: Call, order: Order, source: uploads.Source) -> list[str]:
    """Run gradual-DICOM and DICOM-zip."""

    def one(taken: Intake, stream: Stream) -> None:
        taken.take(source.base_name, stream)

    def many(taken: Intake, stream: Stream) -> None:
        take_archive(taken, stream, source.name, skips_bad=order.ignores_unparsable)

    rows = await _receive(call, order, source, one if order.handler == GRADUAL else many)
    if order.handler == GRADUAL or not order.is_committed:
        return [row_uri(row) for row in rows]
    return [await _commit(call, order, row) for row in rows]


def take_archive(taken: Intake, stream: Stream, name: str, *, skips_bad: bool) -> None:
    """Take all entries of an archive.

    Raises:
        ObjectRefusedError: an entry was refused, or the archive is broken; earlier entries are stored.
    """
    last: ObjectRefusedError | None = None
    try:
        for entry in archives.read_archive(stream, name):
            try:
                taken.take(entry.base_name, entry.content)
            except ObjectRefusedError as error:
                if not skips_bad:
                    raise
                last = error
    except archives.UnsupportedFormatError as error:
        raise ObjectRefusedError(f"Unsupported format {error}") from error
    except archives.BrokenArchiveError as error:
        raise ObjectRefusedError("unable to read data from file") from error
    if last and not taken.stored:
        raise last


def row_uri(row: Row) -> str:
    """Return the URI of a session that holds something of an import."""
    if row.direct_id:
        return direct.row_uri(row)
    return f"/data/prearchive/projects/{row.project}/{row.timestamp}/{row.folder}"


async def _commit(call: Call, order: Order, row: Row) -> str:
    """Build, and archive where 5.8 says so; every failure reads the same (5.7)."""
    services = call.services
    if row.direct_id or archiving.is_busy(row):  # a commit knows sessions of the prearchive only (6.9)
        raise Refusal(400, _COMMIT_FAILED)
    await archiving.settle(arrival_of(services), row)
    await build.build(services, row)
    if row.status != "READY":
        raise Refusal(400, _COMMIT_FAILED)
    if not order.goes_on(call, row):
        return row_uri(row)
    try:
        return await archiving.archive(services, row, order.options(call))
    except archiving.ArchiveFailedError as error:
        raise Refusal(400, _COMMIT_FAILED) from error


# -- SI ----------------------------------------------------------------------------------------------


async def _import_classic(call: Call, order: Order, source: uploads.Source) -> list[str]:
    """Run the classic session importer: what is no DICOM is skipped in silence, errors keep their status."""

    def act(taken: Intake, stream: Stream) -> None:
        if archives.format_of(source.name) == "UNKNOWN":
            _take_silently(taken, source.base_name, stream)
            return
        try:
            for entry in archives.read_archive(stream, source.name):
                _take_silently(taken, entry.base_name, entry.content)
        except (archives.UnsupportedFormatError, archives.BrokenArchiveError) as error:
            raise ObjectRefusedError(
                f"{Path(source.name).name} - Archive file is corrupt or not a valid archive"
            ) from error

    rows = await _receive(call, order, source, act)
    if not rows:
        raise Refusal(400, _NOTHING)
    for row in rows:
        await build.build(call.services, row)
    if order.destination is not None and not order.destination.is_archive:
        return [row_uri(row) for row in rows]
    if len(rows) > 1:
        raise Refusal(400, _SEVERAL)
    row = rows[0]
    if not order.goes_on(call, row):
        return [row_uri(row)]
    try:
        return [await archiving.archive(call.services, row, order.options(call))]
    except archiving.ArchiveFailedError as error:
        raise Refusal(409 if error.is_conflict else 500, error.reason) from error


def _take_silently(taken: Intake, name: str, content: Stream) -> None:
    try:
        taken.take(name, content)
    except intake.UnreadableEntryError:
        return


async def refuse_method(_call: Call) -> web.StreamResponse:
    """GET and PUT /data/services/import."""
    raise Refusal(405)


ROUTES = (
    Route("GET", "/data/services/import", refuse_method),
    Route("PUT", "/data/services/import", refuse_method),
    Route("POST", "/data/services/import", import_data),
    Route("POST", "/data/services/import/{file:*}", import_data),
)
