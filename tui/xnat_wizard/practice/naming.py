"""File names and labels as XNAT makes them: clean labels, the file-name template, its hash token.

Sources: the wire contract 4.1, 5.7 step 7 and 9.2; missing-data 3.4 (the token and its test value).
"""

import re
from collections.abc import Mapping

DEFAULT_TEMPLATE = "${StudyInstanceUID}-${SeriesNumber}-${InstanceNumber}-${HashSOPClassUIDWithSOPInstanceUID}"

_LEGAL_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,255}")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_MASK = 0xFFFFFFFF
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def clean_label(text: str) -> str:
    """Replace every character that is no letter, digit, "_" or "-" by "_" (4.1)."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", text.strip())


def clean_session_importer_label(text: str) -> str:
    """Clean a label as the SI handler does, which also replaces "-"."""
    return re.sub(r"[^A-Za-z0-9_]", "_", text.strip())


def is_legal_name(name: str) -> bool:
    """Tell whether a file may keep the name it was sent with."""
    return bool(_LEGAL_NAME.fullmatch(name)) and name not in {".", ".."}


def hash_text(text: str) -> int:
    """Return Java's `String.hashCode`, unsigned."""
    value = 0
    for character in text:
        value = (31 * value + ord(character)) & _MASK
    return value


def token(*texts: str) -> str:
    """Return Java's list hash of the texts in base 36: the last part of a file name."""
    value = 1
    for text in texts:
        value = (31 * value + hash_text(text)) & _MASK
    digits = ""
    while value:
        value, digit = divmod(value, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"


def template_name(values: Mapping[str, str], template: str = "") -> str:
    """Return the file name that a template makes of an object's elements (keyword to text).

    `${Keyword}` is an element, `${HashAWithB}` the token of several. A missing element becomes
    "no-value-for-Keyword".
    """

    def value(keyword: str) -> str:
        return values.get(keyword, "") or f"no-value-for-{keyword}"

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        if name.startswith("Hash"):
            return token(*(value(keyword) for keyword in name.removeprefix("Hash").split("With")))
        return value(name)

    name = _VARIABLE.sub(replace, template or DEFAULT_TEMPLATE)
    return re.sub(r"[^A-Za-z0-9_.\-]", "_", name) + ".dcm"


def template_keywords(template: str) -> frozenset[str]:
    """Return the elements that a template reads."""
    names = _VARIABLE.findall(template or DEFAULT_TEMPLATE)
    plain = {name for name in names if not name.startswith("Hash")}
    hashed = {keyword for name in names if name.startswith("Hash") for keyword in name[4:].split("With")}
    return frozenset(plain | hashed)


def scan_folder(series_number: str, series_instance_uid: str) -> str:
    """Return the folder of a scan: the series number, or a label made of the UID where there is none (5.7 step 7)."""
    number = series_number.strip()
    if number.startswith("+"):
        number = "_" + number[1:]
    number = re.sub(r"[^A-Za-z0-9_-]", "_", number)
    return number or re.sub(r"[^A-Za-z0-9_-]", "_", series_instance_uid) or "0"
