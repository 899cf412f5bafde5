"""Private elements that hold numbers of the measurement and nothing of a person.

From DICOM PS3.15 table E.3.10-1 (Safe Private Attributes, edition 2026d), and none beside it: those of MR, PET and CT
scanners that converters need. Creator, group, the last two digits, and the forms in which a value may come.
"""

_NUMBERS = frozenset({"DS", "IS", "FD", "FL", "SS", "US", "SL", "UL", "UN"})
_CODES = frozenset({"CS", "UN"})
SAFE: dict[tuple[str, int], dict[int, frozenset[str]]] = {
    ("SIEMENS MR HEADER", 0x0019): {
        0x0C: _NUMBERS,  # b value
        0x0D: _CODES,  # directionality
        0x0E: _NUMBERS,  # gradient direction
        0x27: _NUMBERS,  # b matrix
    },
    ("Philips Imaging DD 001", 0x2001): {0x03: _NUMBERS, 0x04: _CODES},  # b factor and direction
    ("Philips MR Imaging DD 001", 0x2005): {0x0D: _NUMBERS, 0x0E: _NUMBERS},  # scale intercept and slope
    ("Philips PET Private Group", 0x7053): {0x00: _NUMBERS, 0x09: _NUMBERS},  # SUV and activity scale
    ("GEMS_ACQU_01", 0x0019): {0x23: _NUMBERS, 0x24: _NUMBERS, 0x27: _NUMBERS},  # speed of table, time, of rotation
    ("GEMS_PARM_01", 0x0043): {0x39: _NUMBERS},  # b values
}
MOST_BYTES = 4096  # of a value


def forms(creator: str, tag: int) -> frozenset[str]:
    """Return the forms in which a private element may stay, none where it goes."""
    return SAFE.get((creator.strip("\0 "), tag >> 16), {}).get(tag & 0xFF, frozenset())


def is_plain(vr: str, value: bytes) -> bool:
    """Tell whether a value is what its form says: numbers or a code, and no text in disguise."""
    if len(value) > MOST_BYTES:
        return False
    if vr in {"DS", "IS"}:
        return not value.strip(b"0123456789+-.eE\\ \0")
    if vr == "CS":
        return len(value) <= 16
    if vr == "UN":  # a number in any form: text would be letters only
        return len(value) in {1, 2, 4, 8, 24, 48} or not value.strip(b"0123456789+-.eE\\ \0")
    return True
