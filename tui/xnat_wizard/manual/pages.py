"""The pages of the manual, wherever they are: in the installed package, or in the sources beside it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType

INDEX = "index"
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
_HEADING = re.compile(r"^(#{1,4}) +(.+?)\s*$")


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it, down to the next heading of its rank or above."""

    title: str
    rank: int
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page."""

    name: str  # "first-upload", "steps/plan": its path without the ending, and its topic
    text: str

    @property
    def title(self) -> str:
        """Return its first heading."""
        return next((plain(section.title) for section in sections(self.text)), self.name)


@cache
def all_pages() -> Mapping[str, Page]:
    """Return every page by its name; read once, no page where the manual is not packed."""
    return MappingProxyType({name: Page(name, text) for name, text in sorted(_read(_home(), ""))})


def _home() -> Traversable | Path:
    packed = files("xnat_wizard").joinpath("manual", "text")
    if packed.is_dir():
        return packed
    return Path(__file__).resolve().parents[3] / "assets" / "manual"  # a checkout


def _read(folder: Traversable | Path, above: str) -> Iterator[tuple[str, str]]:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _read(entry, f"{above}{entry.name}/")
        elif entry.name.endswith(".md"):
            yield above + entry.name.removesuffix(".md"), entry.read_text(encoding="utf-8")


def sections(text: str) -> tuple[Section, ...]:
    """Return the parts of a page by its headings, outer before inner."""
    lines = text.splitlines()
    heads = [(at, len(found[1]), found[2]) for at, line in outside_fences(lines) if (found := _HEADING.match(line))]
    parts = []
    for place, (at, rank, title) in enumerate(heads):
        end = next((after for after, other, _ in heads[place + 1 :] if other <= rank), len(lines))
        parts.append(Section(title, rank, "\n".join(lines[at:end]).rstrip() + "\n"))
    return tuple(parts)


def outside_fences(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the lines, with their places, that do not stand in a block of code."""
    fence = ""
    for at, line in enumerate(lines):
        mark = _FENCE.match(line)
        if fence:
            fence = "" if mark and mark[1].startswith(fence) else fence
        elif mark:
            fence = mark[1]
        else:
            yield at, line


def plain(text: str) -> str:
    """Return a heading or a cell without marks of code and weight."""
    return text.replace("`", "").replace("**", "").replace("\\|", "|").strip()


def linked_name(page: str, target: str) -> str:
    """Return the name of the page that a link of a page leads to; "" for none of the manual."""
    if "://" in target or target.startswith("#"):
        return ""
    way = page.split("/")[:-1]
    for part in target.partition("#")[0].split("/"):
        if part == ".." and way:
            way.pop()
        elif part != ".":
            way.append(part)
    name = "/".join(way).removesuffix(".md")
    return name if name in all_pages() else ""
