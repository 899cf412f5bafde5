"""Text from disks and servers, made fit to be shown: one line, no control characters, always encodable."""

import textwrap

from rich.cells import cell_len, set_cell_size

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
