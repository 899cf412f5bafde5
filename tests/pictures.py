"""Draw the screens as pictures, from the real app on a practice server: `make pictures`, or with a folder and a size.

Without arguments the pictures of README and manual in assets/ are made anew; `python tests/pictures.py DIR 120x40`
draws every step to look at.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot

from practice.calling import Caller
from support import Practice
from troubleshoot.stage import files_below, send_zip
from wizard.screens import screen_text
from xnat_wizard.practice.faults import parse
from xnat_wizard.practice.sample import write_study
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.choices import Choices

ASSETS = Path(__file__).resolve().parents[1] / "assets"
KEPT = {  # for README and manual
    "1-login",
    "1-home",
    "2-project",
    "3-found",
    "4-plan",
    "5-upload",
    "5-done",
    "6-prearchive",
    "7-archive",
    "8-troubleshoot",
}
LIGHT = {"1-home"}  # one of them shows the light theme
Keep = Callable[[str], Awaitable[None]]
HINT = (
    "This is a practice server on this machine; nothing leaves it.",
    "Log in as owner, password owner (or admin / admin, member / member).",
)


async def walk(
    pilot: Pilot[None], keep: Keep, until: Callable[[str], Awaitable[None]], arrive: Callable[[], None]
) -> None:
    """Go through all steps as a first-time user would, and keep a picture of each.

    `arrive` lets others' images come to the prearchive.
    """
    await until("answers")
    await keep("1-login")
    await pilot.press(*"owner", "enter")
    await until("What would you like to do?")
    await pilot.press("enter")
    await until("Demo project")
    await keep("2-project")
    await pilot.press("enter")
    await until("Choose the folder")
    await keep("3-folder")
    await pilot.press("f3")
    await until("4 subjects")
    await keep("3-found")
    await pilot.press("ctrl+n")
    await until("new")
    await pilot.press("shift+tab", "down", "enter")
    await until("to the archive")
    await keep("4-plan")
    await pilot.press("ctrl+n")
    await until("Ready")
    await keep("5-ready")
    await pilot.press("enter")
    await until(" connections, ")
    await keep("5-upload")
    await until("Done: every file")
    await keep("5-done")
    await pilot.press("r")
    await until("COMPLETE")
    await keep("5-receipt")
    await pilot.press("escape")
    await pilot.press("ctrl+n")
    await until("Nothing waits")
    await keep("6-nothing")
    await pilot.press("ctrl+n")
    await until("t1_mprage")
    await pilot.press("tab", "down")
    await until("of 24")
    await keep("7-archive")
    await pilot.press("h")
    await until("What would you like to do?")
    await until("Your uploads")
    await keep("1-home")
    arrive()
    await pilot.press("down", "enter")
    await until("ready to archive")
    await keep("6-prearchive")
    await pilot.press("escape")
    await until("What would you like to do?")
    await pilot.press("down", "down", "down", "enter")
    await until("What do you know of the images")
    await keep("8-troubleshoot")


async def draw(folder: Path, columns: int, rows: int, wanted: set[str] | None) -> None:
    """Write one SVG a step into the folder."""
    with tempfile.TemporaryDirectory() as place:
        os.environ["XNAT_WIZARD_HOME"] = f"{place}/home"
        os.environ.setdefault("COLORTERM", "truecolor")
        practice = Practice(Path(place) / "practice")
        practice.server.faults.add(parse("latency:seconds=1,only=import"))  # else there is nothing to see of an upload
        study = write_study(Path(place) / "sample-study")
        others = write_study(Path(place) / "others", subjects=2, seed=7)
        choices = Choices(address=practice.url, username="owner", login_hint=HINT, folder_hint=str(study))
        app = WizardApp(choices)
        async with app.run_test(size=(columns, rows)) as pilot:

            async def keep(name: str) -> None:
                if wanted is None or name in wanted:
                    usual = app.theme
                    if name in LIGHT:
                        app.theme = "wizard-light"
                        await pilot.pause(0.3)
                    (folder / f"{name}.svg").write_text(app.export_screenshot(), encoding="utf-8")
                    app.theme = usual

            async def until(words: str) -> None:
                seen = ""
                try:
                    async with asyncio.timeout(60):
                        while words not in seen:
                            await pilot.pause(0.05)
                            seen = app.export_screenshot(simplify=True).replace("&#160;", " ")
                except TimeoutError:
                    sys.exit(f"the screen never showed {words!r}:\n{screen_text(app)}")
                await pilot.pause(0.3)

            def arrive() -> None:
                owner = Caller(practice.url, "owner", "owner")
                for subject, person in (("Person_05", "Person_01"), ("Person_06", "Person_02")):
                    sent = send_zip(
                        owner,
                        files_below(others / person),
                        rename="true",
                        project="DEMO",
                        subject=subject,
                        session=f"{subject}_MR1",
                    )
                    owner.call("POST", sent.text.strip(), {"action": "build"})

            await walk(pilot, keep, until, arrive)
        practice.close()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        columns, rows = (int(part) for part in sys.argv[2].split("x"))
        Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
        asyncio.run(draw(Path(sys.argv[1]), columns, rows, None))
    else:
        asyncio.run(draw(ASSETS, 80, 24, KEPT))
