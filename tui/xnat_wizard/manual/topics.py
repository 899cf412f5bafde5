"""From a word that somebody types to what the manual says of it.

A topic is a page ("first-upload", "plan", "steps/plan"), a finding or its number ("upload.running", "XW-012"), a cause
of missing data ("LOC-01"), a setting, an action with a key ("wizard.next"), an exit code, an option ("--layout"), or
a heading.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from xnat_wizard.manual.pages import INDEX, Page, Section, all_pages, outside_fences, plain, sections

MOST_NEAR = 4
_NUMBERED = re.compile(r"^(xw-\d{3}) - (.+)$")
_OPTION = re.compile(r"^- (`-[^`]+`(?:, `-[^`]+`)*)")
_CODE = re.compile(r"^(xw|loc|net|rou|mrg|vis|hsk)[- ]?(\d+)$")


@dataclass(frozen=True, slots=True)
class Found:
    """What the manual says of a topic."""

    topic: str
    page: str  # the page that it comes from
    text: str  # Markdown


@dataclass(frozen=True, slots=True)
class _Place:
    page: str
    text: str
    is_page: bool = False


def find(topic: str) -> Found | None:
    """Return what the manual says of a topic, or None."""
    wanted = _usual(topic)
    places = _places().get(wanted) or _places().get(f"--{wanted}")
    if not places:
        return None
    whole = [place for place in places if place.is_page]
    chosen = whole[:1] or places
    texts = dict.fromkeys(place.text for place in chosen)
    pages = dict.fromkeys(place.page for place in chosen)
    more = "" if whole or len(pages) > 1 else f"\n\nOn the page {chosen[0].page}."
    return Found(wanted, chosen[0].page, "\n".join(text.rstrip() + "\n" for text in texts).rstrip() + more + "\n")


def near(topic: str) -> tuple[str, ...]:
    """Return topics that look like a word nobody knows, the likeliest first."""
    wanted = _usual(topic)
    inside = [name for name in _places() if len(wanted) > 2 and wanted in name]
    alike = difflib.get_close_matches(wanted, list(_places()), n=MOST_NEAR, cutoff=0.6)
    return tuple(dict.fromkeys((*alike, *inside)))[:MOST_NEAR]


def pages_about(word: str) -> tuple[str, ...]:
    """Return the names of the pages in which a word stands."""
    wanted = word.casefold().strip()
    return tuple(name for name, page in all_pages().items() if wanted and wanted in page.text.casefold())


def topics() -> tuple[str, ...]:
    """Return every topic there is."""
    return tuple(_places())


def _usual(topic: str) -> str:
    """Return a topic as it is kept: "Step Plan" as "steps/plan", "XW-12" as "xw-012"."""
    words = " ".join(topic.casefold().split()).removesuffix(".md").strip("`")
    if code := _CODE.match(words):
        return f"{code[1]}-{int(code[2]):0{3 if code[1] == 'xw' else 2}}"
    for folder in {name.partition("/")[0] for name in all_pages() if "/" in name}:
        for begin in (f"{folder} ", f"{folder.removesuffix('s')} "):
            if words.startswith(begin):
                return f"{folder}/{words.removeprefix(begin)}".replace(" ", "-")
    return words if words.startswith("-") else words.replace(" ", "-")


@cache
def _places() -> dict[str, list[_Place]]:
    """Return every topic with where it is spoken of. A short name means a command before a step."""
    places: dict[str, list[_Place]] = {}
    named = sorted(all_pages().values(), key=lambda page: (page.name.startswith("steps/"), page.name))
    for page in named:
        whole = _Place(page.name, page.text, is_page=True)
        for name in (page.name, page.name.rpartition("/")[2]):
            places.setdefault(name, []).append(whole)
    for page in named:
        for topic, text in _inside(page):
            places.setdefault(topic, []).append(_Place(page.name, text))
    return places


def _inside(page: Page) -> Iterator[tuple[str, str]]:
    """Yield the topics within a page."""
    if page.name == INDEX:
        return
    for section in sections(page.text):
        for topic in _of_heading(section):
            yield topic, section.text
    yield from _of_rows(page)
    yield from _of_options(page)


def _of_heading(section: Section) -> Iterator[str]:
    if section.rank == 1:
        return
    title = plain(section.title).casefold()
    if numbered := _NUMBERED.match(title):
        yield numbered[1]
        yield numbered[2]
    else:
        yield title.replace(" ", "-")


def _of_rows(page: Page) -> Iterator[tuple[str, str]]:
    """Yield the rows of tables by their first cell, each as a list of what the columns say."""
    head: list[str] = []
    for _, line in outside_fences(page.text.splitlines()):
        cells = row_cells(line)
        if not cells:
            head = []
        elif not head:
            head = cells
        elif cells[0].strip("-: ") and len(cells) == len(head):
            said = [f"- {name or 'it'}: {cell}" for name, cell in zip(head, cells, strict=True) if cell]
            for topic in cells[0].split(", "):
                yield plain(topic).casefold().replace(" ", "-"), "\n".join(said) + "\n"


def row_cells(line: str) -> list[str]:
    """Return the cells of a row of a table; none for another line."""
    if not line.startswith("|"):
        return []
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def _of_options(page: Page) -> Iterator[tuple[str, str]]:
    """Yield the options of a command's page, each with the command it belongs to."""
    lines = page.text.splitlines()
    for at, line in outside_fences(lines):
        found = _OPTION.match(line)
        if not found:
            continue
        said = [line.removeprefix("- ")]
        for more in lines[at + 1 :]:
            if not more.startswith("  "):
                break
            said.append(more)
        for name in re.findall(r"`(--?[a-z][a-z-]*)", found[1]):
            yield name, f"- **{page.name.rpartition('/')[2]}** " + "\n".join(said) + "\n"
