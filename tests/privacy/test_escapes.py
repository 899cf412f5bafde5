"""Texts from files and servers reach no terminal as they are: no colour, title, clipboard, or line of their own."""

import asyncio
import os
from pathlib import Path

import pytest
from aiohttp import web
from terminal import Terminal

from cli.program import OnTerminal, run
from privacy.certificates import serving
from privacy.hostile import NAME, PAGE, dress, dress_rows, is_forged, raw_in, sow
from support import Practice

LOGIN = {"XNAT_USER": "owner", "XNAT_PASS": "owner"}


def faults_of(*words: str | Path, codes: tuple[int, ...] = (0, 1, 3)) -> list[str]:
    """Run a command in a pipe; return what came through, with where."""
    ended = run(*words, env=LOGIN)
    assert ended.code in codes, (words, ended.code, ended.talk)
    told = f"{' '.join(map(str, words[:2]))} {'--json' if '--json' in words else ''}"
    found = []
    for place, text in (("stdout", ended.data), ("stderr", ended.talk)):
        data = os.fsencode(text)
        found += [f"{told} {place}: {one!r}" for one in raw_in(data)]
        found += [f"{told} {place}: ESC"] * (b"\x1b" in data)
        found += [f"{told} {place}: a forged line"] * is_forged(data)
    return found


@pytest.fixture
def hostile(practice: Practice, tmp_path: Path) -> Path:
    """Give a hostile study, and let the site be hostile."""
    dress(practice)
    return sow(tmp_path)


def test_no_command_passes_on_what_files_and_the_site_say(practice: Practice, hostile: Path, tmp_path: Path) -> None:
    site, plan = ("--site", practice.url), tmp_path / "study.plan.json"
    found = []
    for json in ((), ("--json",)):
        found += faults_of("survey", hostile, *json)
        found += faults_of("plan", hostile, *site, "--project", "DEMO", "--output", plan, "--forecast", *json)
        found += faults_of("upload", plan, *json)
        dress_rows(practice)
        found += faults_of("status", *json)
        found += faults_of("verify", *json)
        found += faults_of("project", "list", *site, *json)
        found += faults_of("project", "show", "DEMO", *site, *json)
        found += faults_of("prearchive", "list", *site, *json)
        found += faults_of("check", practice.url, "--project", "DEMO", *json)
        found += faults_of("troubleshoot", hostile, *site, "--project", "DEMO", "--files", "--details", *json)
        found += faults_of("convert", hostile, "--list", *json)
        found += faults_of(
            "resource", "put", *site, "--project", "DEMO", "--resource", "R", hostile, *json, codes=(0, 1, 2, 3)
        )
    uri = practice.on_loop(lambda store: [f"{row.project}/{row.folder}" for row in store.state.rows])
    found += faults_of("prearchive", "show", uri[0], *site)
    assert "\n".join(found) == ""


async def test_no_error_page_of_a_site_is_passed_on() -> None:
    async def page(request: web.Request) -> web.Response:
        if request.path.endswith("buildInfo"):
            return web.json_response({"version": "1.9.3\x1b]0;PWNED-title\x07\x9b31m"})
        return web.Response(status=500, text=PAGE, content_type="text/html", reason="Bad")

    async with serving(page) as port:
        address = f"http://127.0.0.1:{port}"
        found = []
        for words in (("login", address, "--dry-run"), ("check", address), ("project", "list", "--site", address)):
            for json in ((), ("--json",)):
                found += await asyncio.to_thread(faults_of, *words, *json, codes=(1, 4))
    assert found == []


@pytest.mark.usefixtures("account")
def test_a_command_on_a_terminal_says_no_more(practice: Practice, hostile: Path) -> None:
    for words in (("survey", hostile), ("project", "list", "--site", practice.url)):
        program = OnTerminal(*words)
        assert program.wait() == 0
        assert raw_in(program.seen) == []
        assert not is_forged(program.seen)


def test_the_wizard_draws_what_files_and_the_site_say_as_text(practice: Practice, hostile: Path) -> None:
    with Terminal("--site", practice.url, "--user", "owner", columns=120, rows=40) as terminal:
        terminal.wait_for("XNAT 1.9.3 answers")
        terminal.press("owner", "enter")
        terminal.wait_for("What would you like to do?")
        terminal.press("enter")
        terminal.wait_for("[2 Project]")
        terminal.wait_for("DEMO")
        terminal.press("down", "enter")
        terminal.wait_for("[3 Folder]")
        terminal.wait_for("Choose the folder")
        terminal.rest(1)
        terminal.press("ctrl+u", str(hostile))
        terminal.wait_for(hostile.name)
        terminal.rest()
        terminal.press("enter")
        terminal.wait_for("1 subject")
        terminal.press("tab", "down", "down", "tab", "down", "down")
        terminal.press("ctrl+n")
        terminal.wait_for("[4 Plan]")
        terminal.rest(1)
        terminal.press("down", "down", "enter")
        terminal.rest(1)
        terminal.press("escape")
        terminal.rest()
        terminal.press("ctrl+n")
        terminal.rest(1)
        shown = terminal.text()
        assert raw_in(terminal.drawn) == []
        assert "PWNED" in terminal.drawn.decode(errors="replace"), "the hostile texts were on screen"
    assert shown
    assert len(NAME) > 80
