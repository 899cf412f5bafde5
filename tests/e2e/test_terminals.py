"""The installed program in the terminals that people have: it shows the login properly, takes keys, and leaves."""

import re
import shutil
from pathlib import Path

import pytest
from terminal import PROGRAM, Terminal

NOWHERE = "http://127.0.0.1:9"
MANY_COLOURS = re.compile(rb"\x1b\[[0-9;]*[34]8;[25];")


def check(terminal: Terminal) -> None:
    """Look at the login as a person does, type, and leave."""
    terminal.wait_for("[ Log in ]")
    text = terminal.wait_for("^q Quit")
    assert "[1 Log in]" in text.splitlines()[0]
    for words in ("Address", "User name", "Password", NOWHERE):
        assert words in text
    assert "\ufffd" not in text
    terminal.press("anna")
    terminal.wait_for("anna")
    terminal.press("ctrl+q")
    assert terminal.wait_for_end() == 0


@pytest.mark.parametrize("name", ["xterm-256color", "screen-256color", "tmux-256color"])
def test_a_terminal_of_256_colours(name: str) -> None:
    with Terminal("--site", NOWHERE, environment={"TERM": name}) as terminal:
        check(terminal)
        assert MANY_COLOURS.search(terminal.drawn)


@pytest.mark.parametrize("name", ["linux", "xterm", "vt220"])
def test_a_terminal_of_few_colours_gets_its_own(name: str) -> None:
    with Terminal("--site", NOWHERE, environment={"TERM": name}) as terminal:
        check(terminal)
        assert not MANY_COLOURS.search(terminal.drawn)


def test_without_colours_none_is_sent() -> None:
    with Terminal("--site", NOWHERE, environment={"NO_COLOR": "1"}) as terminal:
        check(terminal)
        assert not MANY_COLOURS.search(terminal.drawn)
        assert not re.search(rb"\x1b\[(?:[0-9]+;)*(?:3[0-7]|4[0-7]|9[0-7]|10[0-7])(?:;[0-9]+)*m", terminal.drawn)


def test_in_tmux(tmp_path: Path) -> None:
    tmux = shutil.which("tmux")
    if tmux is None:
        pytest.skip("tmux is not here")
    command = f"{PROGRAM} --site {NOWHERE}"
    with Terminal(
        "-S", str(tmp_path / "tmux"), "-f", "/dev/null", "new-session", command, program=tmux, rows=25
    ) as terminal:
        check(terminal)


def test_a_terminal_that_can_only_print_is_told_of_the_lines() -> None:
    with Terminal(environment={"TERM": "dumb"}) as terminal:
        assert terminal.wait_for_end() == 2
        assert "xnat-wizard --lines" in terminal.text()


def test_without_the_mouse_the_terminal_is_not_asked_for_it() -> None:
    mouse = b"\x1b[?1000h"
    with Terminal("--site", NOWHERE, "--no-mouse") as terminal:
        check(terminal)
        assert mouse not in terminal.drawn
    with Terminal("--site", NOWHERE) as terminal:
        check(terminal)
        assert mouse in terminal.drawn


def test_the_settings_file_is_followed_and_its_faults_are_told(own_home: Path) -> None:
    path = own_home / "config" / "settings.toml"
    path.parent.mkdir()
    path.write_text('mouse = false\nthem = "wizard-light"\n[keys]\n"wizard.quit" = "f10"\n', encoding="utf-8")
    with Terminal("--site", NOWHERE) as terminal:
        terminal.wait_for("settings.unknown")
        terminal.press("enter")
        terminal.wait_for("f10 Quit")
        terminal.press("\x1b[21~")
        assert terminal.wait_for_end() == 0
        assert b"\x1b[?1000h" not in terminal.drawn
