"""What tests of several rooms share: a real practice server in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from xnat_wizard.practice.server import PracticeServer
from xnat_wizard.practice.store import Store

T = TypeVar("T")


class Practice:
    """A practice server on a free loopback port, on its own event loop in its own thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="practice server", daemon=True)
        self._thread.start()
        self._port = 0
        self.server = PracticeServer(folder, anonymize=False, is_fast=True)
        self.start()

    @property
    def url(self) -> str:
        """Return the address of the site."""
        return self.server.url

    def start(self) -> None:
        """Serve, on the same port as before."""
        self._run(self.server.start())
        self._port = self.server.port

    def stop(self) -> None:
        """Go away: connections are cut, the port refuses; `start` comes back with the same data and port."""
        self._run(self.server.stop())
        self.server = PracticeServer(self.folder, port=self._port, anonymize=False, is_fast=True)

    def close(self) -> None:
        """Stop for good."""
        self._run(self.server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def on_loop(self, act: Callable[[Store], T]) -> T:
        """Run `act(store)` on the server's loop, where nothing else touches the store."""

        async def there() -> T:
            return act(self.server.store)

        return self._run(there())

    def anonymize(self, *, is_on: bool = True) -> None:
        """Switch the site's anonymization script."""
        self.on_loop(lambda store: store.state.preferences.update(enableSitewideAnonymizationScript=is_on))

    def _run(self, coroutine: Coroutine[None, None, T]) -> T:
        future: Future[T] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return future.result(30)
