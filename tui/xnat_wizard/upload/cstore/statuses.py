"""What a C-STORE was answered, by DICOM PS3.4 section B.2.3 and PS3.7 annex C."""

from enum import Enum, auto

SUCCESS = 0x0000
_WARNINGS = {
    0xB000: "values were changed by the receiver",
    0xB006: "elements were dropped by the receiver",
    0xB007: "the data set does not match its SOP class",
    0x0001: "optional attributes are not supported",
    0x0107: "some attributes were not taken",
    0x0116: "a value is out of range",
}
_FAILURES = {
    0x0110: "processing failed",
    0x0111: "the instance is there already",
    0x0117: "the SOP Instance UID is not valid",
    0x0118: "the SOP class is not known",
    0x0122: "the SOP class is not supported",
    0x0124: "not authorized",
    0x0210: "the message was sent twice",
    0x0211: "the operation is not known",
    0x0212: "the request is not understood",
    0x0213: "out of resources",
}


class Answer(Enum):
    """What an answer asks for."""

    STORED = auto()
    WARNED = auto()  # stored, and something is worth knowing
    AGAIN = auto()  # may be taken later
    REFUSED = auto()


def kind_of(status: int) -> Answer:
    """Return what a status asks for; those that no standard names are refusals."""
    if status == SUCCESS:
        return Answer.STORED
    if status in _WARNINGS or status & 0xF000 == 0xB000:
        return Answer.WARNED
    if status & 0xFF00 == 0xA700 or status == 0x0213:
        return Answer.AGAIN
    return Answer.REFUSED


def words(status: int) -> str:
    """Say what a status means."""
    if status in _WARNINGS or status in _FAILURES:
        meaning = (_WARNINGS | _FAILURES)[status]
    elif status & 0xFF00 == 0xA700:
        meaning = "out of resources"
    elif status & 0xFF00 == 0xA900:
        meaning = "the data set does not match its SOP class"
    elif status & 0xF000 == 0xC000:
        meaning = "the receiver cannot understand it, or a rule of it rejects it"
    else:
        meaning = "an answer that DICOM does not name"
    return f"{meaning} (status {status:04X})"
