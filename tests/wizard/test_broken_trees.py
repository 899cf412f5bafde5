"""Every broken tree and file of the real data, read in the folder step: each ends in words on the screen."""

import asyncio
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from wizard.screens import WAIT_S, flat_text, screen_text, workers_done
from xnat_wizard.dicom.model import Series
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Choices
from xnat_wizard.wizard.steps.folder import FolderStep
from xnat_wizard.wizard.steps.folder.found import FoundTree
from xnat_wizard.wizard.widgets.findings import FindingList
from xnat_wizard.wizard.widgets.problem import ProblemScreen
from xnat_wizard.wizard.widgets.viewer import ViewerScreen


async def until(app: WizardApp, pilot: Pilot[None], is_so: Callable[[], bool], what: str) -> None:
    """Wait for something that takes a moment."""
    try:
        async with asyncio.timeout(WAIT_S):
            while not is_so():
                await pilot.pause()
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"{what} never came:\n{screen_text(app)}")


async def read(app: WizardApp, pilot: Pilot[None], source: Path) -> None:
    """Type a source and wait for how it ends; look at all that was found, then go back to the choice."""
    step = app.step
    assert isinstance(step, FolderStep)
    path = step.query_one("#path", Input)
    path.value = ""
    path.value = os.fspath(source)
    path.focus()
    await pilot.press("enter")
    await until(
        app, pilot, lambda: step.has_found or isinstance(app.screen, ProblemScreen), f"the end of {source.name}"
    )
    await pilot.pause()
    if step.has_found:
        await look(app, pilot, step)
    else:
        assert "wizard.fault" not in flat_text(app), screen_text(app)
        assert all(word in flat_text(app) for word in ("What happened", "Why", "What to do")), screen_text(app)
    await pilot.press("escape")
    await workers_done(app, "survey")
    await pilot.pause()
    assert not step.has_found


async def look(app: WizardApp, pilot: Pilot[None], step: FolderStep) -> None:
    """See the heaviest finding in three parts, and an image of the first series."""
    assert "images" in flat_text(app) or "files" in flat_text(app), screen_text(app)
    findings = step.query_one(FindingList)
    if findings.display:
        findings.query_one(OptionList).focus()
        await pilot.press("home", "enter")
        await until(app, pilot, lambda: isinstance(app.screen, ProblemScreen), "the words of a finding")
        assert "What to do" in flat_text(app)
        await pilot.press("escape")
    tree = step.query_one(FoundTree)
    leaves = [leaf for branch in tree.root.children for leaf in branch.children]
    images = next((leaf for leaf in leaves if isinstance(leaf.data, Series) and leaf.data.instances), None)
    if images is None:
        return
    tree.move_cursor(images)
    step.action_view()
    await until(app, pilot, lambda: isinstance(app.screen, ViewerScreen), "the viewer")
    await until(
        app, pilot, lambda: bool(re.search(r"image \d+ of \d+", flat_text(app))), "an image, or why there is none"
    )
    await pilot.press("escape")
    await workers_done(app, "view")


async def test_every_broken_tree_is_told_in_words(malformed: Callable[[str], Path], shared_data: Path) -> None:
    packed = sorted((shared_data / "trees" / "malformed").glob("*.tar.gz"))
    odd = sorted(path for path in (shared_data / "dicom" / "broken-or-odd").iterdir() if path.is_dir())
    assert len(packed) > 10
    assert odd
    app = WizardApp(Choices(), steps=(FolderStep,))
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        for source in [*(malformed(path.name.removesuffix(".tar.gz")) for path in packed), *odd]:
            await read(app, pilot, source)
        assert app.is_running
    assert app.return_code in {None, 0}
