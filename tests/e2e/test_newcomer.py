"""A newcomer with Tab, arrows, Enter and text only, who does what the screens say: uploads, reviews, archives, finds.

No key of a step is known to this person: buttons are reached by Tab, and the focus is seen by its reversed colours.
"""

import re
from pathlib import Path

from terminal import Terminal

from practice.calling import Caller
from troubleshoot.stage import files_below, send_zip, write_study


def press_button(terminal: Terminal, label: str) -> None:
    """Go by Tab to a button of the bottom line, and press it."""
    words = f"[ {label} ]"
    terminal.wait_for(words)
    for _ in range(30):
        if terminal.is_reversed(words):
            terminal.press("enter")
            return
        terminal.press("tab")
        terminal.rest()
    raise AssertionError(f"Tab never came to {words}\n{terminal.text()}")


def test_a_newcomer_uploads_reviews_archives_and_finds_what_went_astray(tmp_path: Path) -> None:
    demo, env = tmp_path / "demo", {"XNAT_WIZARD_HOME": str(tmp_path / "home")}
    stray = write_study(tmp_path / "stray", {"t1": 5, "bold": 4}, subject="S77")
    options = ("--open", "--fast", "--no-anonymization", "--folder", str(demo))
    with Terminal("practice", *options, environment=env) as terminal:
        text = terminal.wait_for("XNAT 1.9.3 answers")
        address = re.search(r"http://127\.0\.0\.1:\d+", text)
        assert address
        owner = Caller(address[0], "owner", "owner")
        assert owner.put("/data/projects/OTHER", name="Other", secondary_ID="Other").status == 200
        sent = send_zip(owner, files_below(stray), rename="true", project="OTHER", subject="S77", session="S77_MR1")
        assert "/projects/OTHER/" in sent.text
        assert owner.call("POST", sent.text.strip(), {"action": "build"}).status == 200

        terminal.press("owner", "enter")
        terminal.wait_for("What would you like to do? Enter goes on.")
        terminal.press("enter")
        terminal.wait_for("Demo project")
        terminal.press("enter")
        terminal.wait_for("Choose the folder")
        press_button(terminal, "Sample study")
        terminal.wait_for("sample-study: 4 subjects")
        press_button(terminal, "Next")
        terminal.wait_for("5 of 5 sessions")
        press_button(terminal, "Next")
        terminal.wait_for("Press Start")
        press_button(terminal, "Start")
        terminal.wait_for("Done: every file was found", timeout_s=120)
        press_button(terminal, "Next")

        terminal.wait_for("5 of 5")  # the prearchive: Space chooses, and it says so
        terminal.press(*["space", "down"] * 5)
        press_button(terminal, "a Archive")
        terminal.wait_for("Archive 5 sessions in DEMO?")
        press_button(terminal, "Archive")
        terminal.wait_for("Nothing waits", timeout_s=120)
        press_button(terminal, "Next")
        terminal.wait_for("is in the archive of DEMO")
        press_button(terminal, "h Home")

        terminal.wait_for("What would you like to do?")
        terminal.press("down", "down", "down", "enter")
        terminal.wait_for("What do you know of the images")
        terminal.press(str(stray))
        press_button(terminal, "Search")
        terminal.wait_for("This was found")
        terminal.wait_for("It is in another project, OTHER, as S77_MR1.")
        while "> Confirmed      It is in another project" not in terminal.text():
            terminal.press("down")
        terminal.press("enter")
        terminal.wait_for("Move it")
        terminal.press("enter")
        press_button(terminal, "Do it")
        terminal.wait_for("It is in the prearchive of DEMO now, as S77_MR1.")
        terminal.press("enter")
        terminal.wait_for("All 9 objects are in the prearchive")
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0
    assert [row["name"] for row in rows_left(demo)] == ["S77_MR1"]


def rows_left(demo: Path) -> list[dict[str, str]]:
    """Return what waits in the prearchive on the server's disk, by folder."""
    folder = demo / "server" / "prearchive" / "DEMO"
    return [{"name": path.name} for path in sorted(folder.glob("*/*")) if path.is_dir()]
