"""The manual has everything that the program has, is that of the program, and hangs together."""

import re
from pathlib import Path

import pytest

from manual import BY_HAND, ENDS, FOLDER, PAGES, expected, path_of, unnumbered
from manual_codes import found
from manual_reference import bindings_by_room, option_strings
from xnat_wizard.cli import COMMANDS
from xnat_wizard.cli.talk import Exit
from xnat_wizard.manual.pages import INDEX, all_pages, linked_name, plain, sections
from xnat_wizard.manual.terminal import rendered
from xnat_wizard.manual.topics import find, near, topics
from xnat_wizard.troubleshoot.catalogue import CAUSES
from xnat_wizard.troubleshoot.check import PROBES
from xnat_wizard.wizard.journey import STEPS
from xnat_wizard.xnat.error_catalogue import catalogue

LINK = re.compile(r"\[([^]]*)\]\(([^)]+)\)")
REPOSITORY = FOLDER.parents[1]


@pytest.mark.parametrize("name", sorted({*PAGES, *ENDS}))
def test_a_page_is_what_the_program_has(name: str) -> None:
    assert path_of(name).exists(), f"write {path_of(name).relative_to(REPOSITORY)}"
    assert path_of(name).read_text("utf-8") == expected(name), "`make manual` writes it anew"


# -- everything is there -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_page_with_an_example_and_every_option(command: str) -> None:
    text = all_pages()[f"commands/{command}"].text
    assert "```console" in text
    assert {option for option in option_strings(command) if f"`{option}" not in text} == set()


def test_every_option_of_the_program_itself_is_there() -> None:
    text = all_pages()["commands/xnat-wizard"].text
    assert {option for option in option_strings("") if f"`{option}" not in text} == set()


def test_every_number_of_what_a_site_says_is_a_topic() -> None:
    assert {entry.number for entry in catalogue() if find(entry.number) is None} == set()
    assert {entry.code for entry in catalogue() if find(entry.code) is None} == set()


def test_every_finding_of_the_sources_is_a_topic_with_something_to_do() -> None:
    known = found()
    assert len(known) > 350  # else the sources are read wrongly
    assert {code for code in known if find(code) is None} == set()
    cureless = {
        code
        for code, said in unnumbered().items()
        if not (said.what or BY_HAND.get(code, ("", ()))[0]) or not (said.todo or BY_HAND.get(code, ("", ()))[1])
    }
    assert cureless == set(), "give them words in BY_HAND, tests/manual.py"
    assert set(BY_HAND) <= set(unnumbered())


def test_every_cause_is_a_topic() -> None:
    assert {cause.id for cause in CAUSES if find(cause.id) is None} == set()


def test_every_setting_is_a_topic() -> None:
    from xnat_wizard.preferences.table import SETTINGS

    page = all_pages()["settings"].text
    assert {setting.name for setting in SETTINGS if find(setting.name) is None} == set()
    assert {setting.variable for setting in SETTINGS if f"`{setting.variable}`" not in page} == set()


def test_every_key_is_a_topic() -> None:
    names = {name for room in bindings_by_room().values() for name in room}
    assert len(names) > 100
    text = all_pages()["keys"].text
    assert {name for name in names if f"`{name}`" not in text} == set()


def test_every_step_has_a_page() -> None:
    own = {str(stop) for stop in STEPS if f"steps/{str(stop).partition(' ')[0]}" not in all_pages()}
    assert own == set()


def test_every_exit_code_and_check_is_there() -> None:
    rows = all_pages()["exit-codes"].text
    assert {code.name for code in Exit if f"| {code.value} |" not in rows} == set()
    checks = all_pages()["check-list"].text
    assert {probe.name for probe in PROBES if f"`{probe.name}`" not in checks} == set()


def test_every_variable_of_the_environment_is_there() -> None:
    import xnat_wizard

    package = Path(xnat_wizard.__file__).parent
    named = {
        name
        for module in package.rglob("*.py")
        for name in re.findall(r'"(XNAT_[A-Z_]+)"', module.read_text(encoding="utf-8"))
        if name
        not in {
            "XNAT_PRACTICE",
            "XNAT_CSRF",
            "XNAT_WIZARD_",
        }  # in images of the practice study; a token of pages; a beginning
    }
    text = all_pages()["settings"].text
    assert {name for name in named if f"`{name}`" not in text} == set()


# -- it hangs together -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(all_pages()))
def test_every_link_leads_somewhere(name: str) -> None:
    broken = []
    for _, target in LINK.findall(all_pages()[name].text):
        if "://" in target:
            continue
        place, _, anchor = target.partition("#")
        page = linked_name(name, target) if place else name
        if page and anchor:
            slugs = {plain(part.title).casefold().replace(" ", "-") for part in sections(all_pages()[page].text)}
            broken += [target] if anchor not in slugs else []
        elif not page and not (path_of(name).parent / place).resolve().is_file():
            broken.append(target)
    assert broken == []


def test_every_page_is_linked_from_the_index() -> None:
    linked = {linked_name(INDEX, target) for _, target in LINK.findall(all_pages()[INDEX].text)}
    assert {name for name in all_pages() if name not in linked} == {INDEX}


def test_the_readme_links_are_there() -> None:
    text = (REPOSITORY / "README.md").read_text("utf-8")
    assert [
        target for _, target in LINK.findall(text) if "://" not in target and not (REPOSITORY / target).exists()
    ] == []


def test_every_page_begins_with_its_title() -> None:
    assert [name for name, page in all_pages().items() if not page.text.startswith("# ")] == []


@pytest.mark.parametrize("width", [80, 60, 50])
def test_every_page_fits_a_terminal(width: int) -> None:
    for name, page in all_pages().items():
        long = [line for line in rendered(page.text, name, width=width) if len(line) > width]
        code = {f"    {line}".rstrip() for line in page.text.splitlines()}
        unbreakable = [line for line in long if line not in code and len(max(line.split(), key=len)) < width - 12]
        assert unbreakable == [], name


def test_code_of_the_manual_fits_a_terminal() -> None:
    from manual_examples import blocks

    long = [
        f"{name}: {line}"
        for name in all_pages()
        for block in blocks(name)
        for line in block.lines
        if len(line) > 86 and block.language == "console" and (line.startswith("$ ") or line.endswith("\\"))
    ]
    assert long == []


def test_only_signs_of_one_cell_stand_in_the_manual() -> None:
    from rich.cells import cell_len

    assert [
        name
        for name, page in all_pages().items()
        if any(cell_len(line) != len(line) for line in page.text.splitlines())
    ] == []


# -- topics ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "page", "words"),
    [
        ("first upload", "first-upload", "ten minutes"),
        ("plan", "commands/plan", "as a file"),
        ("step plan", "steps/plan", "One row is one imaging session"),
        ("Steps/Plan", "steps/plan", "One row is one imaging session"),
        ("XW-12", "errors", "login.renewed"),
        ("xw 049", "errors", "site.too_large"),
        ("login.lost", "errors", "no longer accepts"),
        ("upload.running", "findings", "running already"),
        ("LOC-6", "missing-data", "wrong depth"),
        ("theme", "settings", "wizard-light"),
        ("wizard.next", "keys", "Ctrl+N"),
        ("--layout", "commands/convert", "how its folders are nested"),
        ("layout", "settings", "how folders of images are nested"),
        ("no such topic", "", ""),
    ],
)
def test_a_topic_leads_to_what_is_said_of_it(topic: str, page: str, words: str) -> None:
    said = find(topic)
    if not page:
        assert said is None
    else:
        assert said is not None
        assert said.page == page
        assert words.casefold() in said.text.casefold()


def test_an_unknown_topic_is_guessed() -> None:
    assert near("uplaod")[0] == "upload"
    assert "structure.copy" in near("structure.copies")
    assert near("zzzzzzzz") == ()


def test_no_topic_leads_to_nothing() -> None:
    assert [topic for topic in topics() if find(topic) is None] == []
