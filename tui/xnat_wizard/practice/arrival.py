"""What the handlers of arrival share beside the store: files being written, original UIDs, progress."""

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakKeyDictionary

from xnat_wizard.practice.services import Services
from xnat_wizard.practice.store import Row


@dataclass
class Progress:
    """What one import or archive call has told so far (5.11)."""

    entries: list[dict[str, object]] = field(default_factory=list)  # status, eventTime (ms), message
    succeeded: bool | None = None
    final_message: str = ""


class Arrival:
    """The moving parts of one server's arrival."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy_files: set[Path] = set()
        self._open_objects: Counter[tuple[str, str, str]] = Counter()
        self._originals: dict[tuple[str, str, str], dict[str, str]] = defaultdict(dict)
        self.archiving: set[tuple[str, str]] = set()  # project and label of sessions that are being archived; loop only
        self.progress: dict[tuple[str, str], Progress] = {}  # by user and key; loop only

    def take_file(self, path: Path) -> bool:
        """Reserve a file name for writing; False when somebody else is writing it. Any thread."""
        with self._lock:
            if path in self._busy_files:
                return False
            self._busy_files.add(path)
            return True

    def give_file(self, path: Path) -> None:
        """End a reservation. Any thread."""
        with self._lock:
            self._busy_files.discard(path)

    def open_object(self, row: Row) -> None:
        """Count an object on its way into a row."""
        with self._lock:
            self._open_objects[row.key] += 1

    def close_object(self, key: tuple[str, str, str]) -> None:
        """Count it as arrived or given up. Any thread."""
        with self._lock:
            self._open_objects[key] -= 1
            if self._open_objects[key] <= 0:
                del self._open_objects[key]

    def has_open_objects(self, row: Row) -> bool:
        """Tell whether objects are on their way into a row."""
        with self._lock:
            return row.key in self._open_objects

    def original_uid(self, row: Row, path: str) -> str | None:
        """Return the SOP Instance UID with which a file arrived, before scripts; None when not remembered."""
        with self._lock:
            return self._originals.get(row.key, {}).get(path)

    def remember_uid(self, row: Row, path: str, sop_instance_uid: str) -> None:
        """Remember with which UID a file arrived. Any thread."""
        with self._lock:
            self._originals[row.key][path] = sop_instance_uid

    def forget(self, key: tuple[str, str, str]) -> None:
        """Forget a row that has left."""
        with self._lock:
            self._originals.pop(key, None)


_ARRIVALS: "WeakKeyDictionary[Services, Arrival]" = WeakKeyDictionary()


def arrival_of(services: Services) -> Arrival:
    """Return the arrival of a server."""
    return _ARRIVALS.setdefault(services, Arrival())
