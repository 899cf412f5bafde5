"""The token XNAT puts into the names of files it names itself: how a file on the server is told to be a local one.

The default template is `StudyInstanceUID-SeriesNumber-InstanceNumber-TOKEN.dcm`, made from the header as it arrived,
before any script rewrites it. The token is a 32-bit value of SOP class and SOP instance in base 36.
"""

import re

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_MASK = 0xFFFFFFFF
_SEPARATORS = re.compile(r"[-.]")
_BY_TEMPLATE = re.compile(r"([0-9.]+)-[^/]+-[^/]+-[0-9a-z]{1,7}\.dcm")


def _hash_of(text: str) -> int:
    value = 0
    for character in text:
        value = (31 * value + ord(character)) & _MASK
    return value


def token_of(sop_class_uid: str, sop_instance_uid: str) -> str:
    """Compute the token of an instance.

    Two different instances share one about once in 2^32 pairs.
    """
    value = (31 + _hash_of(sop_class_uid)) & _MASK
    value = (31 * value + _hash_of(sop_instance_uid)) & _MASK
    digits = ""
    while True:
        value, digit = divmod(value, 36)
        digits = _DIGITS[digit] + digits
        if not value:
            return digits


def token_in(file_name: str) -> str:
    """Read the token out of a server-made file name: the last piece before the suffix, "" when there is none."""
    stem = file_name.rsplit("/", 1)[-1].removesuffix(".dcm")
    pieces = _SEPARATORS.split(stem)
    return pieces[-1] if len(pieces) > 1 else ""


def study_in(file_name: str) -> str:
    """Read the Study Instance UID out of a name made by the default template, "" when it is another name."""
    found = _BY_TEMPLATE.fullmatch(file_name.rsplit("/", 1)[-1])
    return found.group(1) if found else ""
