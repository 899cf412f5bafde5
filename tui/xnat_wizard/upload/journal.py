"""The journal of an upload."""

from collections.abc import Iterator
from pathlib import Path

from xnat_wizard.upload.model import Event, Fate, Plan, Receipt, Request, UploadProgress


class Journal:
    """One upload on disk."""

    path: Path

    @classmethod
    def create(cls, folder: Path, plan: Plan) -> "Journal":
        """Write a new journal into an empty or new folder."""
        raise NotImplementedError

    @classmethod
    def open(cls, path: Path) -> "Journal":
        """Open a journal."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the file."""

    def progress(self) -> UploadProgress:
        """Return the upload in numbers."""
        raise NotImplementedError

    def changed(self) -> bool:
        """Tell whether another process changed something since the last look."""
        raise NotImplementedError

    def request(self, request: Request) -> None:
        """Ask something of the worker."""

    def events(self, since_id: int = 0) -> tuple[Event, ...]:
        """Return what happened after an event."""
        raise NotImplementedError

    def receipt(self) -> Receipt | None:
        """Return the receipt, once there is one."""
        raise NotImplementedError

    def plan(self) -> Plan:
        """Return the plan."""
        raise NotImplementedError

    def fates(self) -> Iterator[tuple[str, Fate, str]]:
        """Give each file, what became of it, and a remark."""
        raise NotImplementedError
