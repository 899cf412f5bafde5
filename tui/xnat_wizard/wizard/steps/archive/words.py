"""What the archive step says: rows of sessions, scans and files, and what is where."""

from collections.abc import Iterable
from dataclasses import dataclass

from xnat_wizard.upload.model import Receipt
from xnat_wizard.wizard.widgets.amounts import bytes_text, count_text
from xnat_wizard.wizard.widgets.rows import Column, Row
from xnat_wizard.xnat.model import RemoteFile, Resource, Scan, Session

SESSION_COLUMNS = (
    Column("Session", 12, grow=1),
    Column("", 3, needs=22),
    Column("Date", 10, needs=34),
)
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
    """A scan, or a resource of the session itself, and its files once they are known."""

    key: str
    scan: Scan | None = None
    resource: Resource | None = None
    files: tuple[RemoteFile, ...] | None = None

    @property
    def title(self) -> str:
        """Return what a person calls it."""
        if self.scan is None:
            return f"resource {self.resource.label}" if self.resource else ""
        return self.scan.series_description or self.scan.type or "scan"

    @property
    def size_bytes(self) -> int:
        """Return the bytes of the known files."""
        return sum(file.size_bytes for file in self.files or ())


def session_row(session: Session, *, is_new: bool) -> Row:
    """Return a session as a row; "new" marks those of this upload."""
    return Row(session.id, (session.label, "new" if is_new else "", session.date[:10]), "good" if is_new else "")


def holding_row(holding: Holding) -> Row:
    """Return a scan or resource as a row."""
    files = holding.files
    cells = (
        holding.scan.id if holding.scan else "-",
        holding.title,
        "..." if files is None else f"{len(files)}",
        "" if files is None else bytes_text(holding.size_bytes),
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
    known = [one for one in holdings if one.files is not None]
    scans = sum(1 for one in known if one.scan)
    what = [count_text(scans, "scan")] if scans else []
    what += [one.resource.label for one in known if one.resource]
    what.append(count_text(sum(len(one.files or ()) for one in known), "file"))
    what.append(bytes_text(sum(one.size_bytes for one in known)))
    return f"{session.label} is in the archive of {session.project}: {', '.join(what)}."


def receipt_line(receipt: Receipt) -> str:
    """Return the receipt in one line."""
    local = sum(line.files_local for line in receipt.lines)
    stored = sum(line.files_stored for line in receipt.lines)
    return f"Receipt of this upload: {receipt.verdict}, {stored:,} of {count_text(local, 'file')} found. r: read it"
