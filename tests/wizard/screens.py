"""What tests of the screens share: text of a screen, waiting for workers, golden texts."""

import asyncio
import contextlib
import difflib
import os
import re
from pathlib import Path

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.worker import WorkerCancelled, WorkerFailed

GOLDEN_FOLDER = Path(__file__).parents[1] / "golden"
WAIT_S = 45.0  # for a machine that has much else to do; nothing waits longer than it needs


def screen_rows(app: App[None]) -> list[str]:
    """Return the characters on screen, row by row, without the blanks at the end."""
    lines = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip).rstrip() for strip in lines]


def screen_text(app: App[None]) -> str:
    """Return what is on screen as one text; words that wrap stay on their rows."""
    return "\n".join(screen_rows(app))


def flat_text(app: App[None]) -> str:
    """Return what is on screen with all white space and frames as single blanks, to look for sentences."""
    return re.sub(r"[\s│▌▏▎]+", " ", screen_text(app))


async def workers_done(app: App[None], *groups: str) -> None:
    """Wait until no worker of these groups runs; the wizard's own walk never ends."""
    async with asyncio.timeout(WAIT_S):
        while waiting := [worker for worker in app.workers if worker.group in groups and not worker.is_finished]:
            for worker in waiting:
                with contextlib.suppress(WorkerFailed, WorkerCancelled):  # how it ended is the screen's business
                    await worker.wait()


async def until_text(app: App[None], pilot: Pilot[None], text: str) -> None:
    """Wait until the screen shows a text; fail with the screen where it does not."""
    try:
        async with asyncio.timeout(WAIT_S):
            while text not in flat_text(app):
                await pilot.pause()
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"the screen never showed {text!r}:\n{screen_text(app)}")


async def settled_text(app: App[None], pilot: Pilot[None]) -> str:
    """Return the screen when it has stopped changing: footers and notes are laid out a moment later."""
    before, text = None, screen_text(app)
    try:
        async with asyncio.timeout(WAIT_S):
            while before != text or not screen_rows(app)[-1]:
                await pilot.pause()
                before, text = text, screen_text(app)
    except TimeoutError:
        pytest.fail(f"the screen never came to rest, or its last row stays blank:\n{text}")
    return text


async def check_golden(app: App[None], pilot: Pilot[None], name: str, hide: dict[str, str] | None = None) -> None:
    """Compare the screen with its golden text; GOLDEN=update accepts what is there.

    `hide` replaces what differs from run to run; a replacement is cut or filled to the same length.
    """
    text = await settled_text(app, pilot) + "\n"
    for changing, stable in (hide or {}).items():
        text = text.replace(changing, stable.ljust(len(changing))[: len(changing)])
    text = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
    path = GOLDEN_FOLDER / f"{name}.txt"
    if os.environ.get("GOLDEN") == "update":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return
    assert path.exists(), f"no golden text {path.name}; GOLDEN=update makes it"
    golden = path.read_text(encoding="utf-8")
    assert text == golden, f"{name} looks different; GOLDEN=update accepts it\n{differences(golden, text)}"


def differences(golden: str, text: str) -> str:
    """Return the rows that differ, those of the golden text with "-" and those of the screen with "+"."""
    return "\n".join(difflib.unified_diff(golden.splitlines(), text.splitlines(), "golden", "screen", lineterm="", n=0))
