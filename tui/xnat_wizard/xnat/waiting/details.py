"""What can be known of one prearchive session: its scans with their files, and the log where something went wrong."""

import asyncio
from dataclasses import dataclass

from xnat_wizard.amounts import bytes_text, count_text
from xnat_wizard.findings import Problem
from xnat_wizard.xnat.model import PrearchiveSession, Scan
from xnat_wizard.xnat.site import Site
from xnat_wizard.xnat.waiting.words import log_words, status_words

UNBUILT = {"RECEIVING", "RECEIVING_INTERRUPT", "BUILDING"}
NOT_BUILT = "Its scans are known once it is built"  # a note
AT_ONCE = 4  # questions to the site


@dataclass(frozen=True, slots=True)
class ScanCount:
    """One scan and what is in it."""

    scan: Scan
    file_count: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Details:
    """What the site says of one session; `note` says why something is not known."""

    session: PrearchiveSession
    scans: tuple[ScanCount, ...] = ()
    log: str = ""
    note: str = ""

    @property
    def file_count(self) -> int:
        """Return the number of files of all scans."""
        return sum(one.file_count for one in self.scans)

    @property
    def size_bytes(self) -> int:
        """Return the bytes of all scans."""
        return sum(one.size_bytes for one in self.scans)

    def counted(self) -> str:
        """Return the counts as one phrase."""
        if not self.scans:
            is_built = self.session.plain_status not in UNBUILT
            return "its files are not counted" if is_built else "its files are not counted, for it is not built"
        files = count_text(self.file_count, "file")
        return f"{count_text(len(self.scans), 'scan')}, {files}, {bytes_text(self.size_bytes)}"

    def scan_lines(self) -> list[str]:
        """Return one line a scan."""
        return [
            f"{one.scan.id:>5}  {one.scan.series_description or one.scan.type or '-'}: "
            f"{count_text(one.file_count, 'file')}, {bytes_text(one.size_bytes)}"
            for one in self.scans
        ]

    def why(self) -> str:
        """Return in one line why the last attempt failed; "" when the site wrote down nothing."""
        return (log_words(self.log) or _last_line(self.log)) if self.log else ""

    def facts(self) -> str:
        """Return what the session is, one fact a line; the study and the address can be copied from theirs."""
        session = self.session
        words, _ = status_words(session)
        lines = [
            f"Subject   {session.subject or '-'}",
            f"Project   {session.project}",
            f"Status    {words} ({session.status})",
            f"Date      {session.scan_date[:10] or '-'}   uploaded {session.uploaded[:19]}",
            f"Changed   {session.last_modified[:19] or '-'}",
            f"Study     {session.study_instance_uid or '-'}",
            session.uri,
        ]
        lines += [f"Why       {self.why()}"] if self.log else []
        return "\n".join([*lines, self.note] if self.note else lines)

    def log_text(self) -> str:
        """Return the whole log, what it means first."""
        known = log_words(self.log)
        if not self.log:
            return "The site wrote down nothing: it does so after failures."
        return "\n".join([*(["What it means", f"  {known}", "", "The site's log"] if known else []), self.log])


def _last_line(log: str) -> str:
    return next((line.strip() for line in reversed(log.splitlines()) if line.strip()), "the log is empty")


async def look_into(site: Site, session: PrearchiveSession) -> Details:
    """Ask the site for scans, files and log of a session; what it does not say becomes a note.

    Raises:
        Problem: the site cannot be asked at all.
    """
    log = await site.prearchive_log(session.uri) if session.plain_status in {"CONFLICT", "ERROR"} else ""
    if session.plain_status in UNBUILT:
        return Details(session, log=log, note=NOT_BUILT)
    turns = asyncio.Semaphore(AT_ONCE)

    async def counted(scan: Scan) -> ScanCount:
        async with turns:
            folders = await site.prearchive_resources(session.uri, scan.id)
            if all(one.file_count is not None and one.size_bytes is not None for one in folders):
                return ScanCount(
                    scan, sum(one.file_count or 0 for one in folders), sum(one.size_bytes or 0 for one in folders)
                )
            files = await site.prearchive_files(session.uri, scan.id)
            return ScanCount(scan, len(files), sum(file.size_bytes for file in files))

    try:
        scans = await site.prearchive_scans(session.uri)
        counts = await asyncio.gather(*(counted(scan) for scan in scans))
    except Problem as problem:
        return Details(session, log=log, note=f"Its scans cannot be read: {problem.finding.what}")
    return Details(session, tuple(counts), log)
