"""What the handlers of one server share: the store, the clock, the sessions, threads and background work."""

import asyncio
import contextlib
import contextvars
import logging
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from xnat_wizard.practice.faults import Faults
from xnat_wizard.practice.store import Store, User

T = TypeVar("T")
log = logging.getLogger(__name__)

_THREADS = 24  # an import blocks one while its body arrives; eight of them at once leave room


class Clock:
    """The server's time, which tests may skip."""

    def __init__(self) -> None:
        self._skipped_s = 0.0
        self._sleepers: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def now(self) -> float:
        """Return seconds since 1970."""
        return time.time() + self._skipped_s

    def now_ms(self) -> int:
        """Return milliseconds since 1970."""
        return int(self.now() * 1000)

    def skip(self, seconds: float) -> None:
        """Let time pass."""
        self._skipped_s += seconds
        for loop, is_woken in tuple(self._sleepers):
            loop.call_soon_threadsafe(is_woken.set)

    async def sleep(self, seconds: float) -> None:
        """Wait until so much of the server's time has passed or been skipped."""
        until = self.now() + seconds
        while (left := until - self.now()) > 0:
            sleeper = (asyncio.get_running_loop(), asyncio.Event())
            self._sleepers.add(sleeper)
            try:
                await asyncio.wait_for(sleeper[1].wait(), left)
            except TimeoutError:
                continue
            finally:
                self._sleepers.discard(sleeper)


@dataclass
class LoginSession:
    """An HTTP session (1.2, 1.3); `username` is "" for an anonymous one."""

    id: str
    username: str
    login_name: str  # what was given as the user: the name, or a token's alias
    touched_s: float
    csrf_token: str


class Services:
    """Everything a handler may need beside the call itself."""

    def __init__(
        self, store: Store, *, version: str, context_path: str, is_fast: bool, faults: Faults | None = None
    ) -> None:
        self.store = store
        self.faults = faults or Faults()  # what goes wrong on purpose
        self.clock = Clock()
        self.version = version  # what buildInfo tells; decides the form of a cookie
        self.context_path = context_path  # "" or "/xnat"
        self.is_fast = is_fast  # timers are shortened
        self.sessions: dict[str, LoginSession] = {}  # lost on a restart, as in Tomcat
        self.guest = User(id=0, username="guest", password_hash="", first_name="Guest")
        self.spool_folder: Path = store.folder / "spool"
        self.started_s = self.clock.now()
        self.loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="practice")
        self._tasks: set[asyncio.Task[Any]] = set()

    def preference(self, name: str) -> Any:
        """Return a site preference, None when it is unknown."""
        return self.store.state.preferences.get(name)

    async def in_thread(self, act: Callable[..., T], *args: object) -> T:
        """Run blocking file work beside the loop."""
        context = contextvars.copy_context()  # what belongs to the call is seen there, too
        return await self.loop.run_in_executor(self._threads, context.run, act, *args)

    def on_loop(self, act: Callable[[], T]) -> T:
        """Run something on the loop and wait for its result; called in a thread of `in_thread`."""

        async def there() -> T:
            return act()

        return asyncio.run_coroutine_threadsafe(there(), self.loop).result()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start work that outlives the answer; it is cancelled when the server stops, and a crash is logged."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def stop(self) -> None:
        """End background work and threads."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(self._threads.shutdown, cancel_futures=True), 5)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("background work failed: %s", type(error).__name__, exc_info=error)
