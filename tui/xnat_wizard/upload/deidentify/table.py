"""What becomes of each attribute: the table of DICOM PS3.15 annex E, and what this program adds to it.

The table is that of the library dicom-anonymizer (PS3.15 2024b, table E.1-1, basic profile), which its authors derive
from the standard. Only the table is taken: the library's own replacing draws UIDs at random, steps into sequences for
attributes of their own only, and puts a date where one is to be removed. The options' columns are not in it; what an
option keeps stands below, after the same table.
"""

from dataclasses import dataclass
from enum import Enum
from functools import cache

from xnat_wizard.upload.deidentify.choice import Deidentification, Keep

STANDARD = "dicomfields_2024b"


class Action(Enum):
    """What becomes of an element."""

    KEEP = "K"
    REMOVE = "X"
    EMPTY = "Z"
    REPLACE = "D"  # by a value that means nothing
    UID = "U"


# X/D, X/Z and so on leave the choice to what the image's definition demands; the middle way is always allowed there.
_ACTIONS = {
    "D_TAGS": Action.REPLACE,
    "Z_TAGS": Action.EMPTY,
    "X_TAGS": Action.REMOVE,
    "U_TAGS": Action.UID,
    "Z_D_TAGS": Action.EMPTY,
    "X_Z_TAGS": Action.EMPTY,
    "X_D_TAGS": Action.REMOVE,
    "X_Z_D_TAGS": Action.EMPTY,
    "X_Z_U_STAR_TAGS": Action.KEEP,  # sequences of references: kept, and their UIDs replaced
}
_OWN: dict[int, Action] = {
    0x00080005: Action.KEEP,  # the character set of what stays
    0x00080022: Action.EMPTY,
    0x0008010C: Action.KEEP,  # Coding Scheme UID: names a vocabulary
    0x0008010D: Action.EMPTY,  # Context Group Extension Creator UID names an institution
    0x00080117: Action.KEEP,  # Context UID
    0x00080118: Action.KEEP,  # Mapping Resource UID
    0x00120062: Action.KEEP,  # written anew below
    0x00120063: Action.KEEP,
    0x00120064: Action.KEEP,
    0x00180010: Action.REMOVE,  # Contrast/Bolus Agent: Z/D in the table; free text
    0x00280303: Action.KEEP,
    0x00400275: Action.REMOVE,  # Request Attributes: X in the table
    0x0040A730: Action.REMOVE,  # Content Sequence: statements in free text
    0x04000561: Action.REMOVE,  # Original Attributes: holds what was replaced
    0x04000550: Action.REMOVE,
    0x00880200: Action.REMOVE,  # Icon Image: a picture, which nobody looks through
    0x00189424: Action.REMOVE,  # Acquisition Protocol Description
    # What this edition of the table leaves out, and may yet lead to a person, a case or a machine:
    0x00100033: Action.REMOVE,  # Patient's Birth Date in Alternative Calendar: a text, and no date to the reader
    0x00100034: Action.REMOVE,  # Patient's Death Date in Alternative Calendar
    0x00102295: Action.REMOVE,  # Breed Registration Number
    0x00181003: Action.REMOVE,  # Device ID
    0x00181010: Action.REMOVE,  # Secondary Capture Device ID
    0x00181011: Action.REMOVE,  # Hardcopy Creation Device ID
    0x00181803: Action.REMOVE,  # NTP Source Address
    0x003A0203: Action.REMOVE,  # Channel Label: X in later editions
    0x003A020C: Action.REMOVE,  # Channel Derivation Description: X in later editions
    0x00380102: Action.REMOVE,  # Resource Description
    0x00401006: Action.REMOVE,  # Placer Order Number / Procedure
    0x00401007: Action.REMOVE,  # Filler Order Number / Procedure
    0x00401060: Action.REMOVE,  # Requested Procedure Description (Trial)
    0x00402006: Action.REMOVE,  # Placer Order Number / Imaging Service Request (Retired)
    0x00402007: Action.REMOVE,  # Filler Order Number / Imaging Service Request (Retired)
    0x0074100C: Action.REMOVE,  # Contact Display Name
    0x21000160: Action.REMOVE,  # Owner ID
    0x30020020: Action.REMOVE,  # Radiation Machine Name
    0x00200052: Action.UID,
    0xFFFCFFFC: Action.REMOVE,
}
# What the options of annex E.3 keep, of the attributes that the basic profile takes.
_PATIENT = frozenset({0x00100040, 0x00101010, 0x00101020, 0x00101030, 0x001021A0, 0x001021C0})
_DEVICE = frozenset(
    {
        0x00081010,  # Station Name
        0x00181000,  # Device Serial Number
        0x00181002,  # Device UID
        0x00181008,  # Gantry ID
        0x0018100A,  # UDI Sequence
        0x00181005,  # Generator ID
        0x00181004,  # Plate ID
        0x00181007,  # Cassette ID
        0x0018700A,  # Detector ID
        0x00080055,  # Station AE Title
        0x00181010,  # Secondary Capture Device ID
        0x00181011,  # Hardcopy Creation Device ID
        0x00400241,  # Performed Station AE Title
        0x00400242,  # Performed Station Name
        0x00181003,  # Device ID
        0x00181009,  # Unique Device Identifier
        0x30020020,  # Radiation Machine Name
    }
)
DESCRIPTIONS = frozenset(
    {
        0x00081030,  # Study Description
        0x0008103E,  # Series Description
        0x00181030,  # Protocol Name
        0x00180024,  # Sequence Name
        0x00400254,  # Performed Procedure Step Description
        0x00321060,  # Requested Procedure Description
        0x00400007,  # Scheduled Procedure Step Description
        0x00181400,  # Acquisition Device Processing Description
        0x00082111,  # Derivation Description
        0x00180010,  # Contrast/Bolus Agent
        0x0008103F,  # Series Description Code Sequence
        0x00081032,  # Procedure Code Sequence
    }
)
_NEVER_KEPT_DATES = frozenset({0x00100030, 0x00100032})  # birth: no option keeps it
_TIMES = frozenset({"DA", "DT", "TM"})
_FREE_TEXT = frozenset({"LT", "ST", "UT", "UR"})
_BINARY = frozenset({"UN"})


@dataclass(frozen=True, slots=True)
class Rules:
    """The table under one choice."""

    by_tag: dict[int, Action]
    are_dates_kept: bool  # as they are, or moved

    def action(self, tag: int, vr: str) -> Action:
        """Return what becomes of an element that is not private.

        What the table does not know: dates and times go as those it knows do, names are emptied, UIDs are replaced,
        long texts and what has no known form are removed, the rest stays.
        """
        group = tag >> 16
        if 0x5000 <= group <= 0x50FF or 0x6000 <= group <= 0x60FF:
            return Action.REMOVE  # curves and overlays: pictures, which nobody looks through
        if vr in _TIMES and self.are_dates_kept and tag not in _NEVER_KEPT_DATES:
            return Action.KEEP
        known = self.by_tag.get(tag)
        if known is not None:
            return known
        if tag & 0xFFFF == 0:
            return Action.REMOVE  # group lengths: retired, and wrong now
        if vr in _TIMES or vr == "PN":
            return Action.EMPTY
        if vr == "UI":
            return Action.UID
        return Action.REMOVE if vr in _FREE_TEXT or vr in _BINARY else Action.KEEP


@cache
def rules_of(choice: Deidentification) -> Rules:
    """Return the table under a choice."""
    by_tag = dict(_standard())
    by_tag.update(_OWN)
    for option, tags in ((Keep.PATIENT, _PATIENT), (Keep.DEVICE, _DEVICE), (Keep.DESCRIPTIONS, DESCRIPTIONS)):
        if option in choice.keep:
            by_tag.update(dict.fromkeys(tags, Action.KEEP))
    return Rules(by_tag, Keep.DATES in choice.keep or Keep.SHIFTED_DATES in choice.keep)


def _standard() -> dict[int, Action]:
    from dicomanonymizer.dicomfields_selector import (
        dicom_anonymization_database_selector,
    )

    listed = dicom_anonymization_database_selector(STANDARD)
    return {
        tag[0] << 16 | tag[1]: action
        for name, action in _ACTIONS.items()
        for tag in listed[name]
        if len(tag) == 2  # repeating groups are ranges, see `action`
    }
