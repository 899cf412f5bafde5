"""Which images cannot be de-identified by their header: they are held back, and the person is told why."""

import re

from xnat_wizard.upload.deidentify.choice import Deidentification

_STANDARD = "1.2.840.10008.5.1.4."
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_REPORTS = "1.2.840.10008.5.1.4.1.1.88."
_DOCUMENTS = "1.2.840.10008.5.1.4.1.1.104."
_VOICE = "1.2.840.10008.5.1.4.1.1.9.4."
_SCREEN = re.compile(r"SCREEN[ _]?(?:SAVE|SHOT)|SECONDARY CAPTURE", re.IGNORECASE)

PRIVATE_CLASS = "an object of the manufacturer's own kind: what it holds cannot be told apart"
REPORT = "a report: its statements are free text, which this program does not clean"
DOCUMENT = "a document: what is written in it cannot be taken out"
VOICE = "a recording of a voice"
BURNT_IN = "writing may stand in its picture, and pictures are not changed"


class HeldBackError(OSError):
    """A file is not sent because it cannot be de-identified; `reason` is the middle of a sentence.

    An `OSError`, since to whoever opens the file it is one that cannot be read.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def by_class(sop_class_uid: str, choice: Deidentification) -> str:
    """Say why objects of a class are held back, "" where they are not."""
    if not sop_class_uid.startswith(_STANDARD):
        return PRIVATE_CLASS
    for start, reason in ((_REPORTS, REPORT), (_DOCUMENTS, DOCUMENT), (_VOICE, VOICE)):
        if sop_class_uid.startswith(start):
            return reason
    is_capture = sop_class_uid == _SECONDARY_CAPTURE or sop_class_uid.startswith(_SECONDARY_CAPTURE + ".")
    return BURNT_IN if is_capture and not choice.is_burnt_in_sent else ""


def by_header(sop_class_uid: str, burned_in: str, image_type: str, choice: Deidentification) -> str:
    """Say why an image is held back, "" where it is not.

    Args:
        sop_class_uid: its class.
        burned_in: Burned In Annotation.
        image_type: Image Type, as it stands.
        choice: what was chosen.
    """
    reason = by_class(sop_class_uid, choice)
    if reason or choice.is_burnt_in_sent:
        return reason
    is_written_on = burned_in.strip().upper() == "YES" or bool(_SCREEN.search(image_type))
    return BURNT_IN if is_written_on else ""
