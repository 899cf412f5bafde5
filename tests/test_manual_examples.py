"""The examples of the manual do what it says."""

import tomllib
from collections import Counter
from pathlib import Path

import pytest

from manual_examples import NEWCOMER, Sandbox, blocks, runnable, starts, told
from xnat_wizard.cli import COMMANDS
from xnat_wizard.manual.pages import all_pages

PAGES = [name for name in all_pages() if runnable(name)]
LANGUAGES = {"console", "toml", "text"}  # `text` is what is shown, not done
NOT_RUN = 12  # blocks; whoever changes this number says in the block why it cannot be run


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_do_what_it_says(page: str, tmp_path: Path) -> None:
    with Sandbox(tmp_path, page) as sandbox:
        for block in runnable(page):
            if block.file:
                sandbox.write(block)
            for command in block.commands():
                came = sandbox.run(command)
                assert came.faults() == [], f"\n{told(came)}"


def test_every_command_is_started_as_a_program() -> None:
    started = {
        starts(page, command)
        for page in PAGES
        if page != NEWCOMER
        for block in runnable(page)
        for command in block.commands()
    }
    assert set(COMMANDS) - started == {"serve"}  # runs until it is stopped: tests/cli/test_serve.py


def test_what_is_not_run_says_why() -> None:
    skipped = [block for page in all_pages() for block in blocks(page) if block.skip]
    listed = "\n".join(f"{block.page}: {block.skip}" for block in skipped)
    print(listed)
    assert len(skipped) == NOT_RUN, listed
    assert [block.page for block in skipped if len(block.skip.split()) < 3] == []
    unmarked = [
        f"{block.page}: {block.marks}"
        for page in all_pages()
        for block in blocks(page)
        if block.marks and not block.skip and not block.marks.startswith(("exit=", "file="))
    ]
    assert unmarked == []


def test_a_block_is_of_a_kind_that_is_checked() -> None:
    kinds = Counter(block.language for page in all_pages() for block in blocks(page))
    assert set(kinds) <= LANGUAGES
    assert [
        block.page for page in all_pages() for block in blocks(page) if block.skip and block.language != "console"
    ] == []


def test_every_command_of_a_block_is_marked_as_one() -> None:
    odd = [
        block.page
        for page in all_pages()
        for block in blocks(page)
        if block.language == "console" and not block.commands()
    ]
    assert odd == []


def test_every_example_of_a_file_is_such_a_file() -> None:
    for page in all_pages():
        for block in blocks(page):
            if block.language == "toml":
                assert tomllib.loads("\n".join(block.lines))


def test_the_settings_of_the_manual_can_be_used(own_home: Path) -> None:
    from xnat_wizard.preferences import read, settings_file
    from xnat_wizard.wizard.keymap import usable

    text = next("\n".join(block.lines) for block in blocks("settings") if block.language == "toml")
    settings_file().parent.mkdir(parents=True, exist_ok=True)
    settings_file().write_text(text, encoding="utf-8")
    found, remarks = read()
    assert remarks == ()
    assert found.theme == "wizard-light"
    assert usable(found.keys, "") == ({"wizard.next": "f8"}, ())
