"""Looks over the shoulder of every process that a test starts, and at what the site hands out meanwhile."""

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from privacy.planting import Place
from support import Practice
from xnat_wizard.practice.store import Store

MARK = "PRIVACY_TEST_MARK"  # a variable that every process of the test inherits
_EVERY_S = 0.01


class Watch:
    """Reads, while it is open, the processes of the test, and the tokens and sessions of the site."""

    def __init__(self, practice: Practice, mark: str) -> None:
        self._practice = practice
        self._mark = f"{MARK}={mark}".encode()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch")
        self.seen: dict[Place, set[bytes]] = {Place.ARGUMENTS: set(), Place.ENVIRONMENT: set()}
        self.programs: set[str] = set()  # of the processes that our programs started
        self.tokens: dict[str, str] = {}  # secret by alias
        self.sessions: set[str] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._is_over.wait(_EVERY_S):
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    self._read(folder)
                except OSError:  # it has ended, or is another's
                    continue
            self._practice.on_loop(self._ask)

    def _read(self, folder: Path) -> None:
        environment = (folder / "environ").read_bytes()
        if self._mark not in environment.split(b"\0") or int(folder.name) == os.getpid():
            return
        arguments = (folder / "cmdline").read_bytes()
        self.seen[Place.ARGUMENTS].add(arguments)
        parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        is_fork = arguments == Path(f"/proc/{parent}/cmdline").read_bytes()  # not yet the program that it will be
        if parent != os.getpid() and not is_fork:  # our own child has the environment that the test gave it
            words = [word.decode() for word in arguments.split(b"\0") if word]
            self.programs.add(next((word for word in words if word.startswith("xnat_wizard.")), " ".join(words[:1])))
            self.seen[Place.ENVIRONMENT].add(environment)

    def _ask(self, store: Store) -> None:
        self.tokens |= {one.alias: one.secret for one in store.state.tokens.values()}
        if self._practice.server.services is not None:
            self.sessions |= {one.id for one in self._practice.server.services.sessions.values()}
