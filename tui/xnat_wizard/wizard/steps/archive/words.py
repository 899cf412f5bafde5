"""What the archive step says: rows of sessions, scans and files, and what is where."""

from collections.abc import Iterable
from dataclasses import dataclass

from xnat_wizard.amounts import bytes_text, count_text
from xnat_wizard.upload.model import Receipt
from xnat_wizard.wizard.widgets.rows import Column, Row
from xnat_wizard.xnat.model import RemoteFile, Resource, Scan, Session

SCAN_COLUMNS = (
    Column("Scan", 4, is_right=True),
    Column("Description", 14, grow=1),
    Column("Files", 6, is_right=True),
    Column("Size", 7, is_right=True),
    Column("Quality", 8, needs=58),
)
FILE_COLUMNS = (
    Column("File", 10, grow=1, keeps_end=True),
    Column("Size", 7, is_right=True),
    Column("MD5", 3, needs=44),
)


@dataclass(frozen=True, slots=True)
class Holding:
    """A scan, or a resource of the session itself; its counts, and its files once they are known."""

    key: str
    scan: Scan | None = None
    resource: Resource | None = None
    files: tuple[RemoteFile, ...] | None = None
    listed_count: int | None = None  # as the site has counted; may be out of date
    listed_bytes: int | None = None

    @property
    def title(self) -> str:
        """Return what a person calls it."""
        if self.scan is None:
            return f"resource {self.resource.label}" if self.resource else ""
        return self.scan.series_description or self.scan.type or "scan"

    @property
    def name(self) -> str:
        """Return a name for its folder on a disk."""
        return f"scan-{self.scan.id}" if self.scan else self.resource.label if self.resource else ""

    @property
    def file_count(self) -> int | None:
        """Return the number of its files: of those that were listed, else what the site has counted."""
        return self.listed_count if self.files is None else len(self.files)

    @property
    def size_bytes(self) -> int | None:
        """Return the bytes of its files: of those that were listed, else what the site has counted."""
        return self.listed_bytes if self.files is None else sum(file.size_bytes for file in self.files)


def holdings_of(scans: Iterable[Scan], resources: Iterable[Resource]) -> dict[str, Holding]:
    """Return what a session holds, by key: its scans with what their resources count, then its own resources."""
    of_scan: dict[str, list[Resource]] = {}
    own = []
    for resource in resources:
        if resource.scan_id:
            of_scan.setdefault(resource.scan_id, []).append(resource)
        elif resource.category in {"", "resources"}:
            own.append(resource)
    listed = []
    for scan in scans:
        folders = of_scan.get(scan.id, [])
        counts = [one.file_count for one in folders]
        sizes = [one.size_bytes for one in folders]
        is_counted = bool(folders) and None not in counts and None not in sizes
        count = sum(one or 0 for one in counts) if is_counted else None
        size = sum(one or 0 for one in sizes) if is_counted else None
        listed.append(Holding(f"scan {scan.id}", scan=scan, listed_count=count, listed_bytes=size))
    for one in own:
        key = f"resource {one.label}"
        listed.append(Holding(key, resource=one, listed_count=one.file_count, listed_bytes=one.size_bytes))
    return {one.key: one for one in listed}


def holding_row(holding: Holding) -> Row:
    """Return a scan or resource as a row."""
    count, size = holding.file_count, holding.size_bytes
    cells = (
        holding.scan.id if holding.scan else "-",
        holding.title,
        "..." if count is None else f"{count}",
        "" if size is None else bytes_text(size),
        holding.scan.quality if holding.scan else "",
    )
    return Row(holding.key, cells)


def file_rows(holding: Holding) -> list[Row]:
    """Return files as rows; what of a scan is in another resource than its images says in which."""
    rows = []
    for file in holding.files or ():
        is_aside = holding.scan is not None and file.collection not in {"DICOM", ""}
        name = f"{file.collection}: {file.name}" if is_aside else file.name
        rows.append(Row(file.uri, (name, bytes_text(file.size_bytes), "yes" if file.md5 else "no")))
    return rows


def in_order(files: Iterable[RemoteFile]) -> tuple[RemoteFile, ...]:
    """Sort files: images first, then by name, digits as numbers."""
    return tuple(sorted(files, key=lambda file: (file.collection != "DICOM", _natural(file.name))))


def _natural(name: str) -> list[tuple[int, str]]:
    parts: list[tuple[int, str]] = []
    digits = ""
    for character in f"{name}\0":
        if character.isdecimal() and character.isascii():
            digits += character
            continue
        if digits:
            parts.append((int(digits), ""))
            digits = ""
        parts.append((0, character))
    return parts


def summary(session: Session, holdings: Iterable[Holding]) -> str:
    """Return what is where, in one sentence."""
    known = list(holdings)
    scans = sum(1 for one in known if one.scan)
    what = [count_text(scans, "scan")] if scans else []
    what += [one.resource.label for one in known if one.resource]
    what.append(count_text(sum(one.file_count or 0 for one in known), "file"))
    what.append(bytes_text(sum(one.size_bytes or 0 for one in known)))
    return f"{session.label} is in the archive of {session.project}: {', '.join(what)}."


def url_of(site_url: str, session: Session) -> str:
    """Return the address of a session; a browser is shown a page there (wire contract 0.2)."""
    return f"{site_url}{session.uri}"


def receipt_line(receipt: Receipt) -> str:
    """Return the receipt in one line."""
    local = sum(line.files_local for line in receipt.lines)
    stored = sum(line.files_stored for line in receipt.lines)
    return f"Receipt of this upload: {receipt.verdict}, {stored:,} of {count_text(local, 'file')} found. r: read it"


def has_gaps(receipt: Receipt) -> bool:
    """Tell whether a receipt does not prove that everything arrived."""
    return not receipt.verdict.startswith("COMPLETE")
