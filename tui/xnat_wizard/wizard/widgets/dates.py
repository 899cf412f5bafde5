"""Dates of images in lists: as ISO dates, and what is no date marked as such."""

from datetime import date

from xnat_wizard.wizard.widgets.plain import plain

WIDTH = 11  # of the longest usual one: "2025.02.12?"


def marked_date(text: str) -> str:
    """Return a DICOM date as 2024-01-31; anything else as it stands in the file, with a question mark behind it."""
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:])).isoformat() if _is_digits(text) else _marked(text)
    except ValueError:
        return _marked(text)


def _is_digits(text: str) -> bool:
    return len(text) == 8 and text.isascii() and text.isdigit()


def _marked(text: str) -> str:
    return f"{plain(text)}?" if text else ""
