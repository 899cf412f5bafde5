"""A newcomer's first upload: the installed program in a real pseudo-terminal, doing what the screens say."""

import hashlib
from collections import Counter
from pathlib import Path

from terminal import Terminal


def digests(folder: Path) -> Counter[str]:
    """Count the files below a folder by content."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".xml"]
    return Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)


def test_the_sample_study_ends_in_the_archive(tmp_path: Path) -> None:
    demo = tmp_path / "demo"
    with Terminal("practice", "--open", "--fast", "--no-anonymization", "--folder", str(demo)) as terminal:
        terminal.wait_for("[1 Log in]")
        terminal.wait_for("XNAT 1.9.3 answers")
        terminal.press("owner", "enter")

        terminal.wait_for("What would you like to do?")
        terminal.press("enter")

        terminal.wait_for("[2 Project]")
        terminal.wait_for("Demo project")
        terminal.press("enter")

        terminal.wait_for("[3 Folder]")
        terminal.press("f3")
        terminal.wait_for("sample-study: 4 subjects")
        terminal.press("ctrl+n")

        terminal.wait_for("[4 Plan]")
        terminal.wait_for("new")
        terminal.press("shift+tab", "down", "enter")
        terminal.wait_for("to the archive")
        terminal.press("ctrl+n")

        terminal.wait_for("[5 Upload]")
        terminal.press("enter")
        terminal.wait_for("Done: every file was found", timeout_s=120)
        terminal.press("ctrl+n")

        terminal.wait_for("[6 Prearchive]")
        terminal.wait_for("Nothing waits")
        terminal.press("ctrl+n")

        terminal.wait_for("[7 Archive]")
        terminal.wait_for("is in the archive of DEMO")
        terminal.wait_for("t1_mprage")
        terminal.wait_for("▀▀▀▀▀▀▀▀")
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0
    assert digests(demo / "server" / "archive") == digests(demo / "sample-study")
    assert sum(digests(demo / "sample-study").values()) == 415
