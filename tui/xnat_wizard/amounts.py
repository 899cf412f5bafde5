"""Numbers as a person reads them: bytes, counts, durations, DICOM dates."""

_MOST_DIGITS = 18  # of a number that a file or a server gives


def bytes_text(size_bytes: float) -> str:
    """Return a size with three digits and a unit: "987 B", "1.2 MB", "34 GB"; decimal units."""
    size = float(size_bytes)
    if size < 1000:
        return f"{size:.0f} B"
    for unit in ("kB", "MB", "GB", "TB"):
        size /= 1000
        if size < 999.5 or unit == "TB":
            break
    return f"{size:.1f} {unit}" if size < 9.95 else f"{size:.0f} {unit}"


def count_text(count: int, singular: str, plural: str = "") -> str:
    """Return "1 file", "1,200 files"."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def duration_text(seconds: float) -> str:
    """Return "0:07", "12:05", "3:04:05"."""
    whole = max(0, round(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def date_text(date: str) -> str:
    """Return a DICOM date as 2024-01-31; anything else as it is."""
    if len(date) == 8 and date.isdigit():
        return f"{date[:4]}-{date[4:6]}-{date[6:]}"
    return date


def whole_number(text: str) -> int | None:
    """Return the number that a text of plain digits stands for; `None` for any other text.

    What files and servers say may be a superscript, which Python calls a digit, or thousands of digits, which it
    refuses to read: both are no numbers here.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
