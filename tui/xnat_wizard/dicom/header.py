"""Read the headers of DICOM files, never their pixels."""

from pathlib import Path

from xnat_wizard.dicom.model import Header


class UnreadableDicom(Exception):  # noqa: N818  says what the file is
    """A file that is meant to be DICOM, but cut or broken."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_header(path: Path) -> Header | None:
    """Read the attributes a plan needs, without pixels; `None` for a file that is no DICOM."""
    raise NotImplementedError
