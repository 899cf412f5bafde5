"""The receipt: for every local file, whether it is on the server, found by reading the server.

Answers to requests are no proof and are not added up here (missing-data 4.1).
"""

import hashlib
import random
import unicodedata
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import datetime
from typing import TypeVar
from urllib.parse import unquote

from xnat_wizard.upload import pixel_check, receipt_files
from xnat_wizard.upload.deidentify.choice import Sealed
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.local import LocalSource
from xnat_wizard.upload.looking import look
from xnat_wizard.upload.model import Destination, Receipt, ReceiptLine
from xnat_wizard.upload.places import is_for_subject, is_prearchive
from xnat_wizard.upload.records import NOT_READ, OTHER_BYTES, SessionRow
from xnat_wizard.upload.sources import source_of
from xnat_wizard.xnat.errors import Refused, SiteProblem
from xnat_wizard.xnat.model import ArrivalRules, SeriesFilterText
from xnat_wizard.xnat.site import Site

TEXT_NAME = "receipt.txt"
WIDTH = 80
EARLIER_SHOWN = 10
_NOT_FOUND = 404

_SHORT = {"file-name token": "by name", "count": "by count"}

T = TypeVar("T")


async def verify(
    journal: Journal,
    site: Site,
    *,
    has_pixel_check: bool = False,
    choose: Callable[[int, int], int] = random.randint,
) -> Receipt:
    """Compare every file of an upload with what the server has now, and keep the receipt.

    A session that cannot be listed at the moment keeps what is known of it, and the verdict says NOT PROVEN.

    Args:
        journal: of the upload.
        site: logged in.
        has_pixel_check: some files of each series are read back, and their pixels compared.
        choose: gives a number from the first to the last of two.

    Raises:
        SiteProblem: the server cannot be read.
    """
    doubts: list[str] = []
    with source_of(journal) as source, ThreadPoolExecutor(1, "reader") as executor:
        for session in journal.records.sessions():
            doubts += await _look_again(journal, site, session, source, executor)
        said = await pixel_check.compare(journal, site, source, executor, choose=choose) if has_pixel_check else ""
    receipt = replace(await compose(journal, site, doubts), pixel_check=said)
    keep(journal, receipt)
    return receipt


async def _look_again(
    journal: Journal, site: Site, session: SessionRow, source: LocalSource, executor: ThreadPoolExecutor
) -> list[str]:
    """Look at one session once more, and keep what was seen; return what keeps that from being a proof."""

    async def once(attempt: Callable[[], Awaitable[T]]) -> T:
        return await attempt()

    name, project = f"session {session.session_label}", journal.progress().project
    row = await site.prearchive_session(session.uri) if is_prearchive(session.uri) else None
    if row and not row.is_settled:
        return [f"that {name} is whole: it is {row.plain_status} in the prearchive just now"]
    archived = await site.session(project, session.session_label)
    if archived is None and session.uri and not is_prearchive(session.uri):  # whoever archived it called it otherwise
        archived = await site.session(project, unquote(session.uri.rpartition("/experiments/")[2]))
    if archived and not (archived.project == project and is_for_subject(archived, session)):
        archived = None
    try:
        found = await look(
            site,
            journal.records,
            session,
            source=source,
            executor=executor,
            call=once,
            prearchive_uri=row.uri if row else "",
            archived=archived,
            is_rewritten=bool(journal.receiver),
        )
    except Refused as refusal:
        if refusal.status == _NOT_FOUND and row and await site.prearchive_session(row.uri) is None:
            return await _look_again(journal, site, session, source, executor)  # archived, moved or deleted just now
        if refusal.finding.code != "prearchive.not_built":
            raise
        return [f"that {name} is whole: the prearchive cannot list its files"]
    journal.records.record_checked(session.id, found.checked)
    if row is None and archived and found.is_in_archive:
        journal.records.set_uri(session.id, archived.uri)
    if row and not is_for_subject(row, session):
        return [f"that {name} is filed under {session.subject_label}: the prearchive has it under {row.subject}"]
    return []


async def compose(journal: Journal, site: Site, doubts: Sequence[str] = ()) -> Receipt:
    """Write the receipt of what the last look at the server found.

    Args:
        journal: of the upload.
        site: logged in.
        doubts: what kept the last look from being a proof.
    """
    site_facts = await _site_facts(site, journal.progress().project)
    return replace(
        _of_journal(journal, site_facts, doubts),
        site_url=site.info.url,
        site_version=site.info.version,
        username=site.identity.username,
    )


_NOT_ASKED = "what the site has: it was not asked when the upload was cancelled"


def compose_unasked(journal: Journal, doubt: str = _NOT_ASKED) -> Receipt:
    """Write the receipt of an upload whose site is not asked: what is known of it, and why nothing is proved."""
    return _of_journal(journal, {}, (doubt,))


def _of_journal(journal: Journal, site_facts: receipt_files.SiteFacts, doubts: Sequence[str]) -> Receipt:
    lines: list[ReceiptLine] = []
    places: list[str] = []
    copies = iter([series.copies for series in journal.series_facts()])  # in the order of the lines
    for session in journal.records.sessions():
        for line, remarks in journal.records.series_lines(session.id):
            lines.append(_line(replace(line, copies=next(copies)), dict(remarks), site_facts))
        places.append(f"{session.session_label}: {_place(session)}")
    return Receipt(
        created=datetime.now().astimezone().isoformat(timespec="seconds"),
        site_url=journal.site_url,
        site_version="",
        username="",
        project=journal.progress().project,
        lines=tuple(lines),
        places=tuple(places),
        verdict="NOT PROVEN" if doubts else _verdict(lines),
        not_proven=(*doubts, *_not_proven(journal, lines, site_facts)),
        not_sent=journal.not_sent,
        site_facts=dict(site_facts),
        deidentification=_deidentified(journal),
    )


def _deidentified(journal: Journal) -> str:
    sealed = Sealed.decoded(journal.deidentification)
    proof = "Digests are of the de-identified bytes; the files here are as they were"
    return f"{sealed.choice.words}. {proof}" if sealed else ""


def _line(line: ReceiptLine, remarks: dict[str, int], site_facts: receipt_files.SiteFacts) -> ReceiptLine:
    """Put the remarks into a line; that bytes differ is none where a script rewrites every header."""
    if receipt_files.may_be_rewritten(line.modality, site_facts):
        remarks = {remark: count for remark, count in remarks.items() if remark != OTHER_BYTES}
    told = "; ".join(f"{count} x {remark}" for remark, count in remarks.items())
    return replace(line, remark=told, files_differing=remarks.get(OTHER_BYTES, 0))


async def _site_facts(site: Site, project: str) -> dict[str, str | bool | None]:
    """Return the settings that change what is stored, none where the site does not answer.

    Of scripts and filters that are on a digest is kept, by which a later look tells whether they were changed:
    `None` where one cannot be read, "" where none is on.
    """
    try:
        settings = await site.upload_settings(project)
    except SiteProblem:
        return {}
    try:
        rules = await site.arrival_rules(project)
    except SiteProblem:
        rules = ArrivalRules(None, None, "", "")
    return asdict(settings) | {
        "site_script_sha256": _digest(rules.site_script, is_on=settings.is_site_script_on),
        "project_script_sha256": _digest(rules.project_script, is_on=settings.is_project_script_on),
        "site_filter_sha256": _digest(_text_of(rules.site_filter), is_on=settings.has_site_filter),
        "project_filter_sha256": _digest(_text_of(rules.project_filter), is_on=settings.has_project_filter),
    }


def _text_of(one: SeriesFilterText | None) -> str:
    return f"{one.mode}\n{one.lines}" if one else ""


def _digest(text: str, *, is_on: bool | None) -> str | None:
    if text:
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
    return "" if is_on is False else None


def keep(journal: Journal, receipt: Receipt) -> None:
    """Keep a receipt in the journal, and as files beside it that only this person can read; earlier ones stay."""
    journal.records.keep_receipt(receipt)
    receipt_files.write(journal, receipt)
    with receipt_files.private_file(journal.path.parent / TEXT_NAME) as file:
        file.write(as_text(receipt, journal.earlier_receipts()) + "\n")


def keep_if_possible(journal: Journal, receipt: Receipt) -> None:
    """Keep a receipt at the end of an upload: that its files cannot be written is told, and changes nothing else."""
    try:
        keep(journal, receipt)
    except OSError as error:  # the journal has it
        reason = error.strerror or "no reason given"
        journal.records.add_event(f"The files of the receipt could not be written: {reason}")


def _place(session: SessionRow) -> str:
    if not session.uri:
        return "nowhere"
    return f"{'prearchive' if is_prearchive(session.uri) else 'archive'} {session.uri}"


def _verdict(lines: Iterable[ReceiptLine]) -> str:
    lines = list(lines)
    absent = sum(line.files_local - line.files_stored for line in lines)
    if absent:
        return f"INCOMPLETE {absent}"
    if any(line.files_differing for line in lines):
        return "NOT PROVEN"
    return "COMPLETE BY COUNT" if any(line.proof == "count" for line in lines) else "COMPLETE"


def _not_proven(journal: Journal, lines: list[ReceiptLine], site_facts: receipt_files.SiteFacts) -> list[str]:
    is_for_archive = journal.progress().destination is Destination.ARCHIVE
    sessions = journal.records.sessions()
    gaps = [
        f"that session {session.session_label} gets into the archive: it waits in the prearchive"
        for session in sessions
        if is_for_archive and is_prearchive(session.uri)
    ]
    gaps += [_why_differing(label, lines) for label in dict.fromkeys(line.session_label for line in lines)]
    differing = sum(line.files_differing for line in lines)
    counts = [journal.records.count_proofs(session.id) for session in sessions]
    unread = sum(journal.records.count_remark(session.id, NOT_READ) for session in sessions)
    if unread:
        it = "it changed here since it was planned" if unread == 1 else "they changed here since they were planned"
        gaps.append(f"the bytes of {_files(unread)}: {it}, or cannot be read here any more")
    unproven = sum(count for some in counts for proof, count in some.items() if proof != "MD5") - differing - unread
    if unproven and journal.receiver:
        gaps += [f"the bytes of {_files(unproven)}: the identification was written into their headers on the way"]
    elif unproven:
        gaps += [_why_unproven(unproven, sessions, site_facts)]
    return [gap for gap in gaps if gap]


def _why_differing(session_label: str, lines: list[ReceiptLine]) -> str:
    """Say what may have given a session's files other bytes although no script is on, "" when none has."""
    mine = [line for line in lines if line.session_label == session_label and line.files_differing]
    if not mine:
        return ""
    count = sum(line.files_differing for line in mine)
    whose = "the server's copy has another digest than the file" if count == 1 else "the server's copies have other"
    sentence = f"the bytes of {_files(count)} of session {session_label}: {whose}"
    sentence += "" if count == 1 else " digests than the files"
    causes = ["another version of the file was there before and was kept", "the file was changed there since"]
    if any(line.modality != receipt_files.PAR_REC for line in mine):
        causes = [
            "the server decompressed the images or wrote their meta information anew",
            "a script was on when they were archived",
            *causes,
        ]
    return f"{sentence}, and no script is on that rewrites them. It may be that {', or '.join(causes)}"


def _why_unproven(unproven: int, sessions: Iterable[SessionRow], site_facts: receipt_files.SiteFacts) -> str:
    sentence = f"the bytes of {_files(unproven)}"
    if any(is_prearchive(session.uri) for session in sessions):
        return f"{sentence}: the prearchive keeps no digests, so only names and numbers were compared"
    scripts = {"site": site_facts.get("is_site_script_on"), "project": site_facts.get("is_project_script_on")}
    whose = next((owner for owner, is_on in scripts.items() if is_on), "")
    if whose:
        return f"{sentence}: a script of the {whose} rewrites headers, so digests differ from those on disk"
    if any(is_on is None for is_on in scripts.values()):
        return f"{sentence}: no digest is there, or another one than on disk, and scripts may rewrite headers unseen"
    return f"{sentence}: the archive has no digest of them"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


# -- as text -----------------------------------------------------------------------------------------


def as_text(receipt: Receipt, earlier: Sequence[Receipt] = ()) -> str:
    """Return the receipt as lines of at most 80 columns.

    Args:
        receipt: the last one.
        earlier: those before it, of which only the verdicts are named.
    """
    version = f" ({receipt.site_version})" if receipt.site_version else ""
    lines = [f"XNAT receipt   {receipt.created}", f"Site {receipt.site_url}{version}"]
    lines += [f"Account {receipt.username or '(not logged in)'}   project {receipt.project}"]
    places = dict(place.split(": ", 1) for place in receipt.places)
    session = None
    for line in receipt.lines:
        if (line.subject_label, line.session_label) != session:
            session = (line.subject_label, line.session_label)
            lines += ["", f"Subject {line.subject_label}   session {line.session_label}"]
            lines += [f"-> {places.get(line.session_label, 'nowhere')}"]
            lines += [f"{'scan':<8} {'series':<19} {'local':>6} {'copies':>6} {'sent':>6} {'stored':>6}  result"]
        is_unread = not receipt.username and line.files_sent > line.files_stored == 0
        result = "not looked up" if is_unread else _result(line)
        numbers = f"{line.files_local:>6} {line.copies:>6} {line.files_sent:>6} {line.files_stored:>6}"
        lines += [f"{_fit(line.scan_id or '-', 8)} {_fit(line.series_description, 19)} {numbers}  {result}"]
        if line.remark:
            lines += [f"         {line.remark}"]
    lines += [""]
    lines += [f"Other files, not sent: {what}" for what in receipt.not_sent]
    how = "checked by reading the server" if receipt.username else "the server was not read"
    lines += [f"Verdict: {receipt.verdict}   {how}"]
    lines += [f"De-identified: {receipt.deidentification}"] if receipt.deidentification else []
    lines += [f"Not proven: {what}" for what in receipt.not_proven]
    lines += [f"Pixel check: {receipt.pixel_check}"] if receipt.pixel_check else []
    lines += [f"Earlier: {one.created}   {one.verdict}" for one in earlier[-EARLIER_SHOWN:]]
    return "\n".join(piece for line in lines for piece in _wrapped(line))


def _result(line: ReceiptLine) -> str:
    if line.files_stored == line.files_local:
        if line.files_differing:
            return f"present, {line.files_differing} differ"
        return f"all present ({_SHORT.get(line.proof, line.proof)})"
    if line.files_stored:
        return f"{line.files_local - line.files_stored} missing"
    return "nothing there"


def _width(text: str) -> int:
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _fit(text: str, width: int) -> str:
    """Cut or pad a text to a number of terminal cells."""
    fitted = ""
    for letter in _plain(text):
        if _width(fitted + letter) > width:
            fitted = fitted[:-1] + "~" if fitted else ""
            break
        fitted += letter
    return fitted + " " * (width - _width(fitted))


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _wrapped(line: str) -> Iterator[str]:
    """Break a line at blanks, or hard where there are none; what goes on is set in."""
    left = _plain(line).rstrip()
    indent = ""
    while _width(left) > WIDTH - len(indent):
        cut = WIDTH - len(indent)
        while _width(left[:cut]) > WIDTH - len(indent):
            cut -= 1
        blank = left.rfind(" ", 1, cut + 1)
        cut = blank if blank > cut // 2 else cut
        yield indent + left[:cut].rstrip()
        left = left[cut:].lstrip()
        indent = "    "
    yield indent + left
