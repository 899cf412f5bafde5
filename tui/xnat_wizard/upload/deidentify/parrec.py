"""PAR headers of Philips without what tells who somebody is; the REC beside it holds numbers only.

Of the general lines numbers stay, and the words of those few that are known to describe the measurement; of the remarks
those that describe the columns; the rest is blanked. The lines of the images are numbers, or the file is held back.
Source: the format as nibabel reads it.
"""

import re

from xnat_wizard.dicom.opened import OpenFile
from xnat_wizard.upload.deidentify.choice import Deidentification, Keep
from xnat_wizard.upload.deidentify.holding import HeldBackError
from xnat_wizard.upload.deidentify.pseudonyms import moved

MOST_BYTES = 32 << 20
NO_PAR = "its PAR header is not one that this program can blank"
_GENERAL = re.compile(rb"(\.\s+(.*?)\s*:\s?\s?\s?)(.*)")
_IMAGE = re.compile(rb"[\s0-9.eE+\-]*")
_DATE_TIME = re.compile(rb"(\d{4}\.\d{2}\.\d{2})(.*)", re.DOTALL)
_REMARK = re.compile(
    rb"#\s*(?:=.*|(?:CLINICAL TRYOUT|DATA DESCRIPTION FILE).*|sl\s+ec[\sa-zA-Z0-9_()<>%|]*|"
    rb"[A-Za-z0-9 _\-/,.=+*|<>\[\]()%:^]*\((?:\d+\*)?(?:integer|float|string|int|imagekey!)[^)]*\).*)?\s*"
)
_NAME, _EXAM, _WHEN, _PROTOCOL = b"Patient name", b"Examination name", b"Examination date/time", b"Protocol name"
_MADE_UP = b"1900.01.01 / 00:00:00"
_MEASURED = re.compile(rb"[A-Za-z0-9 .,+\-_/()\[\]]*")
_NUMBERS = re.compile(rb"[0-9 .,eE+\-]*")
_OF_MEASUREMENT = re.compile(
    rb"series[ _](?:data_)?type|technique|scan mode|patient position|preparation direction", re.IGNORECASE
)
_OF_PERSON = re.compile(rb"name|patient id|birth|date|phone", re.IGNORECASE)


def blanked(file: OpenFile, choice: Deidentification, days: int, subject: str) -> bytes:
    """Return a PAR header as it is sent, byte for byte as long as it was.

    Raises:
        HeldBackError: it is none that can be followed.
    """
    if file.size_bytes > MOST_BYTES:
        raise HeldBackError(NO_PAR)
    lines = file.read_at(0, file.size_bytes).splitlines(keepends=True)
    return b"".join(_line(line, choice, days, subject) for line in lines)


def _line(line: bytes, choice: Deidentification, days: int, subject: str) -> bytes:
    text = line.rstrip(b"\r\n")
    ending = line[len(text) :]
    found = _GENERAL.fullmatch(text)
    if text.startswith(b"#"):
        new = text if _REMARK.fullmatch(text) else b"#"
    elif found:
        before, name, value = found.groups()
        room = len(text) - len(before)
        new = before + _value(name.strip(), value.strip(), choice, days, subject)[:room]
    elif text.startswith(b".") or not _IMAGE.fullmatch(text):
        raise HeldBackError(NO_PAR)
    else:
        new = text
    return new.ljust(len(text)) + ending


def _value(name: bytes, value: bytes, choice: Deidentification, days: int, subject: str) -> bytes:
    if name == _NAME:
        label = subject.encode("ascii", "replace")
        return label if len(label) <= len(value) else b"X"
    if name in {_EXAM, _PROTOCOL}:
        return value if Keep.DESCRIPTIONS in choice.keep else b"REMOVED"
    if name == _WHEN:
        return _when(value, choice, days)
    known = _MEASURED if _OF_MEASUREMENT.fullmatch(name) else _NUMBERS
    return value if known.fullmatch(value) and not _OF_PERSON.search(name) else b""


def _when(value: bytes, choice: Deidentification, days: int) -> bytes:
    found = _DATE_TIME.fullmatch(value)
    if not found or not set(choice.keep) & {Keep.DATES, Keep.SHIFTED_DATES} or value.strip(b"0123456789.:/ "):
        return _MADE_UP
    if Keep.DATES in choice.keep:
        return value
    there = moved(found[1].decode(), days)
    return f"{there[:4]}.{there[4:6]}.{there[6:]}".encode() + found[2] if there else _MADE_UP
