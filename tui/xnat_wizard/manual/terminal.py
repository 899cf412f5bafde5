"""Markdown as lines of a terminal: wrapped, with lists that hang, tables that fit, and code as it is."""

import re
import textwrap
from collections.abc import Callable, Iterator

from xnat_wizard.manual.pages import linked_name, plain
from xnat_wizard.manual.topics import row_cells

WIDTH = 80
_BOLD, _USUAL = "\x1b[1m", "\x1b[0m"
_ITEM = re.compile(r"^(\s*)(-|\*|\d+\.) +(.*)$")
_IMAGE = re.compile(r"!\[([^]]*)\]\([^)]*\)")
_LINK = re.compile(r"\[([^]]+)\]\(([^)]+)\)")
_FEWEST = 6  # of a column of a table that is too wide


def rendered(text: str, page: str = "", *, width: int = WIDTH, is_styled: bool = False) -> list[str]:
    """Return a text as lines.

    Args:
        text: Markdown.
        page: the page it comes from: where its links begin.
        width: of the terminal.
        is_styled: headings in bold, for a terminal; else they are underlined with signs.
    """
    return list(_Renderer(page, max(30, width), is_styled).lines(text.splitlines()))


class _Renderer:
    def __init__(self, page: str, width: int, is_styled: bool) -> None:  # noqa: FBT001  private, named where it is made
        self._page = page
        self._width = width
        self._is_styled = is_styled

    def lines(self, lines: list[str]) -> Iterator[str]:
        at = 0
        while at < len(lines):
            line = lines[at]
            take, draw = self._block(line)
            end = at + 1
            while end < len(lines) and take(lines[end], lines[at:end]):
                end += 1
            yield from draw(lines[at:end])
            at = end

    def _block(self, line: str) -> tuple[Callable[[str, list[str]], bool], Callable[[list[str]], Iterator[str]]]:
        """Return how far the block that begins here goes, and what draws it."""
        if line.startswith("```"):
            return (lambda _, before: len(before) < 2 or not before[-1].startswith("```")), self._code
        if line.startswith("#"):
            return _alone, self._heading
        if line.startswith("|"):
            return (lambda next_line, _: next_line.startswith("|")), self._table
        if line.startswith(">"):
            return (lambda next_line, _: next_line.startswith(">")), self._quote
        if not line.strip():
            return _alone, lambda _: iter([""])
        return (lambda next_line, _: _goes_on(next_line)), self._paragraph

    def _heading(self, lines: list[str]) -> Iterator[str]:
        marks, _, title = lines[0].partition(" ")
        words = plain(self._words(title))
        rows = textwrap.wrap(words, self._width, break_long_words=False) or [""]
        if self._is_styled:
            yield from (f"{_BOLD}{row}{_USUAL}" for row in rows)
        else:
            yield from rows
            if len(marks) <= 2:
                yield ("=" if len(marks) == 1 else "-") * max(map(len, rows))

    def _code(self, lines: list[str]) -> Iterator[str]:
        end = len(lines) - (len(lines) > 1 and lines[-1].startswith("```"))
        yield from (f"    {line}".rstrip() for line in lines[1:end])

    def _quote(self, lines: list[str]) -> Iterator[str]:
        text = " ".join(line.lstrip("> ") for line in lines)
        yield from self._wrapped(text, "  | ", "  | ")

    def _paragraph(self, lines: list[str]) -> Iterator[str]:
        first, hang = "", ""
        text = " ".join(line.strip() for line in lines)
        if item := _ITEM.match(lines[0]):
            first = f"{item[1]}{item[2]} "
            hang = " " * len(first)
            text = " ".join([item[3], *(line.strip() for line in lines[1:])])
        yield from self._wrapped(text, first, hang)

    def _wrapped(self, text: str, first: str, hang: str) -> Iterator[str]:
        words = self._words(text)
        yield from textwrap.wrap(
            words,
            self._width,
            initial_indent=first,
            subsequent_indent=hang,
            break_on_hyphens=False,
            break_long_words=False,
        )

    def _words(self, text: str) -> str:
        """Return words as a terminal shows them: a link as its words and its topic."""
        text = _IMAGE.sub(lambda found: f"(Picture: {found[1]})", text)
        text = _LINK.sub(self._link, text)
        return text.replace("**", "").replace("\\|", "|")

    def _link(self, found: re.Match[str]) -> str:
        words, target = found[1], found[2]
        name = linked_name(self._page, target)
        if name:
            topic = name.removeprefix("commands/")  # a command's own name means its page
            return words if plain(words) == topic else f"{words} [{topic}]"
        return f"{words} ({target})" if "://" in target else words

    # -- tables ------------------------------------------------------------------------------------------------------

    def _table(self, lines: list[str]) -> Iterator[str]:
        rows = [[self._words(cell) for cell in row_cells(line)] for line in lines]
        rows = [row for row in rows if "".join(row).strip("-: ")]
        count = max(len(row) for row in rows)
        rows = [row + [""] * (count - len(row)) for row in rows]
        widths = self._widths(rows, count)
        for place, row in enumerate(rows):
            cells = [
                textwrap.wrap(cell, width, break_on_hyphens=False) or [""]
                for cell, width in zip(row, widths, strict=True)
            ]
            for level in range(max(len(cell) for cell in cells)):
                parts = [cell[level] if level < len(cell) else "" for cell in cells]
                line = "  ".join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip()
                yield f"{_BOLD}{line}{_USUAL}" if self._is_styled and not place else line
            if not place and not self._is_styled:
                yield "  ".join("-" * width for width in widths)

    def _widths(self, rows: list[list[str]], count: int) -> list[int]:
        """Return the width of each column: the widest give way until all fit."""
        widths = [max(1, *(len(row[column]) for row in rows)) for column in range(count)]
        while sum(widths) + 2 * (count - 1) > self._width and max(widths) > _FEWEST:
            widths[widths.index(max(widths))] -= 1
        return widths


def _alone(_: str, __: list[str]) -> bool:
    return False


def _goes_on(line: str) -> bool:
    """Tell whether a line belongs to the paragraph above it."""
    return bool(line.strip()) and not line.startswith(("#", "|", ">", "```")) and not _ITEM.match(line)
