"""Text from disks and servers, made fit to be shown: one line, no control characters, always encodable."""

import re
import textwrap

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

REPLACEMENT = "\ufffd"


def plain(text: str) -> str:
    """Return the text with control characters and undecodable bytes replaced, so that a terminal shows it as it is."""
    if text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() and character not in "\x1c\x1d\x1e\x1f\x85" else REPLACEMENT


class TextOnly(LineFilter):
    """Takes out of every drawn line what a terminal would obey: the last word after all screens, whatever they show.

    Textual lets escape characters of a text through to the terminal: a description could fill the clipboard.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002  of Textual
        """Return the segments without control characters and changes of direction; cells stay as many."""
        if not any(_OBEYED.search(segment.text) for segment in segments):
            return segments
        return [
            segment if segment.control else Segment(_OBEYED.sub(_harmless, segment.text), segment.style)
            for segment in segments
        ]


_OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def _harmless(match: re.Match[str]) -> str:
    return REPLACEMENT if cell_len(match.group()) else ""


def cut(text: str, width: int) -> str:
    """Return the text in at most `width` cells, with "..." where something is left out."""
    shown = plain(text)
    if cell_len(shown) <= width:
        return shown
    return f"{set_cell_size(shown, width - 3).rstrip()}..." if width > 3 else set_cell_size(shown, max(0, width))


def column(text: str, width: int) -> str:
    """Return the text cut or filled to exactly `width` cells."""
    return set_cell_size(cut(text, width), width)


def cut_lines(text: str, width: int, rows: int) -> str:
    """Wrap a text into at most `rows` lines of `width` cells; dots stand where something was cut."""
    lines = [piece for line in text.split("\n") for piece in textwrap.wrap(line, width) or [""]]
    if len(lines) > rows:
        lines[rows - 1 :] = [cut(" ".join(lines[rows - 1 :]), width)]
    return "\n".join(lines)
