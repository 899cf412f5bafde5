"""What pictures a terminal can draw: pixels (kitty, sixel), half blocks, or letters only.

Nothing is guessed. Pixels are drawn where the terminal's own name in TERM says so, or where it answered `ask`;
XNAT_WIZARD_PICTURES (kitty, sixel, blocks, ascii) overrules all. Sources: kitty's graphics protocol with Unicode
placeholders; sixel after DEC STD 070; device attributes (4 is sixel) and colour registers as xterm answers them.
"""

import base64
import io
import os
import re
import select
import sys
import time
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xnat_wizard.dicom.picture import Picture

VARIABLE = "XNAT_WIZARD_PICTURES"
PLACEHOLDER = "\U0010eeee"
_QUESTION = "\x1b[>q\x1b[?1;1;0S\x1b[16t\x1b[c"  # name, colour registers, size of a cell, what it can: answered last
_ANSWERED = re.compile(r"\x1b\[\?[\d;]*c")
_MOST_GRAYS = 64
_FEWEST_REGISTERS = 16  # of a VT340, where a terminal does not say
_CHUNK = 4096
_FUSED = frozenset(
    {0x306, 0x307, 0x308, 0x309, 0x30A, 0x30B, 0x30C, 0x30F, 0x311, 0x313, 0x314, 0x342, 0x653, 0x654}
)  # marks that melt into a letter: kitty leaves them out


class Drawing(StrEnum):
    """How a picture is drawn."""

    KITTY = "kitty"
    SIXEL = "sixel"
    BLOCKS = "blocks"
    ASCII = "ascii"


@dataclass(frozen=True, slots=True)
class Terminal:
    """What is known of the terminal."""

    has_kitty: bool = False  # its graphics with Unicode placeholders
    has_sixel: bool = False
    registers: int = _FEWEST_REGISTERS
    cell: tuple[int, int] | None = None  # width and height of a character in pixels

    @property
    def grays(self) -> int:
        """Return how many grays a sixel picture may have."""
        return min(_MOST_GRAYS, max(2, self.registers))


def of_environment() -> Terminal:
    """Return what the terminal's name promises; in tmux and screen the name is theirs, and promises nothing."""
    name = os.environ.get("TERM", "")
    has_kitty = name in {"xterm-kitty", "xterm-ghostty"}
    has_sixel = name.partition("-")[0] in {"foot", "mlterm", "contour"} or name.endswith("-sixel")
    return Terminal(has_kitty, has_sixel, registers=256 if has_sixel else _FEWEST_REGISTERS, cell=cell_size())


def cell_size() -> tuple[int, int] | None:
    """Return the size of a character in pixels, as the terminal's driver knows it; `None` where it does not."""
    try:
        import fcntl
        import struct
        import termios

        for stream in (sys.__stderr__, sys.__stdin__):
            if stream is not None and stream.isatty():
                packed = fcntl.ioctl(stream.fileno(), termios.TIOCGWINSZ, bytes(8))
                rows, columns, width, height = struct.unpack("HHHH", packed)
                if rows and columns and width >= columns and height >= rows:
                    return width // columns, height // rows
    except (ImportError, OSError, ValueError):
        pass
    return None


def is_worth_asking() -> bool:
    """Tell whether the terminal was not asked yet, and might know more than its name says."""
    is_sure = VARIABLE in os.environ or "NO_COLOR" in os.environ
    return _known is None and not is_sure and not (of_environment().has_kitty or of_environment().has_sixel)


def ask(timeout_s: float = 2.0) -> Terminal:
    """Ask the terminal what it can, and remember it; only while the app has let go of the terminal.

    Each terminal answers the last question, so there is no waiting but for the line's delay. What comes later than
    the time-out would be taken for typing: it is long on purpose.
    """
    global _known  # noqa: PLW0603  one terminal a process
    _known = of_environment()
    try:
        text = _answer_of_terminal(timeout_s)
    except (ImportError, OSError, ValueError):
        return _known
    _known = understood(text, cell_size())
    return _known


def _answer_of_terminal(timeout_s: float) -> str:
    import termios
    import tty

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return ""
    source, target = sys.stdin.fileno(), sys.stderr.fileno()
    before = termios.tcgetattr(source)
    found = b""
    try:
        tty.setcbreak(source, termios.TCSANOW)
        os.write(target, _QUESTION.encode())
        until = time.monotonic() + timeout_s
        while not _ANSWERED.search(found.decode("latin-1")):
            ready, _, _ = select.select([source], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                break
            found += os.read(source, 1024)
    finally:
        termios.tcsetattr(source, termios.TCSANOW, before)
    return found.decode("latin-1")


def understood(text: str, cell: tuple[int, int] | None) -> Terminal:
    """Read the answers of a terminal."""
    attributes = _ANSWERED.search(text)
    numbers = attributes.group().strip("\x1b[?c").split(";") if attributes else []
    registers = re.search(r"\x1b\[\?1;0;(\d+)S", text)
    size = re.search(r"\x1b\[6;(\d+);(\d+)t", text)
    if size and int(size[1]) and int(size[2]):
        cell = (int(size[2]), int(size[1]))
    return Terminal(
        has_kitty=re.search(r"\x1bP>\|(kitty|ghostty)\b", text) is not None,
        has_sixel="4" in numbers[1:],
        registers=int(registers[1]) if registers else _FEWEST_REGISTERS,
        cell=cell,
    )


_known: Terminal | None = None


def terminal() -> Terminal:
    """Return what is known of the terminal."""
    return _known or of_environment()


def drawings(*, has_colour: bool, has_grays: bool) -> tuple[Drawing, ...]:
    """Return how pictures can be drawn here, the best first; letters always, and nothing else without colours."""
    known = terminal()
    found = []
    if has_colour and known.has_kitty:
        found.append(Drawing.KITTY)
    if has_colour and known.has_sixel and known.cell:
        found.append(Drawing.SIXEL)
    if has_grays:
        found.append(Drawing.BLOCKS)
    found.append(Drawing.ASCII)
    wanted = os.environ.get(VARIABLE, "").strip().lower()
    if wanted in set(Drawing) and not (wanted == Drawing.SIXEL and not known.cell):
        first = Drawing(wanted)
        return (first, *(one for one in found if one is not first))
    return tuple(found)


# -- kitty ---------------------------------------------------------------------------------------------------


@cache
def _row_marks() -> tuple[str, ...]:
    """Return the marks that number rows: those above a letter that Unicode 6 has, in its order."""
    return tuple(
        chr(code)
        for code in range(0x305, 0x74B)
        if unicodedata.combining(chr(code)) == 230 and not unicodedata.decomposition(chr(code)) and code not in _FUSED
    )


def kitty_rows() -> int:
    """Return how many rows a picture may have."""
    return len(_row_marks())


def kitty_line(row: int, columns: int) -> str:
    """Return the characters that stand for one row of a picture."""
    marks = _row_marks()
    return f"{PLACEHOLDER}{marks[row]}{marks[0]}{PLACEHOLDER * (columns - 1)}"


def kitty_picture(picture: "Picture", number: int, columns: int, rows: int) -> str:
    """Return what tells the terminal a picture, to be shown where its characters stand."""
    from PIL import Image

    packed = io.BytesIO()
    Image.frombytes("L", (picture.width, picture.height), picture.pixels).save(packed, "PNG", compress_level=6)
    data = base64.standard_b64encode(packed.getvalue()).decode("ascii")
    chunks = [data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK)]
    parts = []
    for place, chunk in enumerate(chunks):
        keys = f"a=T,U=1,i={number},c={columns},r={rows},f=100,q=2," if place == 0 else "q=2,"
        parts.append(f"\x1b_G{keys}m={int(place < len(chunks) - 1)};{chunk}\x1b\\")
    return "".join(parts)


def kitty_forget(number: int) -> str:
    """Return what makes the terminal forget a picture."""
    return f"\x1b_Ga=d,d=I,i={number},q=2\x1b\\"


# -- sixel ---------------------------------------------------------------------------------------------------


def sixel(picture: "Picture", grays: int) -> str:
    """Return a picture as sixels, in so many grays; some 100 ms, for a thread."""
    import numpy as np

    last = grays - 1
    levels = np.frombuffer(picture.pixels, np.uint8).reshape(picture.height, picture.width)
    levels = np.rint(levels.astype(np.float32) * (last / 255)).astype(np.uint8)
    parts = [f'\x1bP0;1q"1;1;{picture.width};{picture.height}']
    parts += [f"#{gray};2;{';'.join([str(round(100 * gray / last))] * 3)}" for gray in range(grays)]
    weights = np.array([1, 2, 4, 8, 16, 32], dtype=np.uint8)
    for top in range(0, picture.height, 6):
        band = levels[top : top + 6]
        bits = weights[: len(band), None]
        lines = []
        for gray in np.unique(band):
            line = (((band == gray) * bits).sum(axis=0, dtype=np.uint8) + 63).tobytes().decode("ascii")
            lines.append(f"#{gray}{_shortened(line)}")
        parts.append("$".join(lines))
        parts.append("-")
    parts.append("\x1b\\")
    return "".join(parts)


def _shortened(line: str) -> str:
    return re.sub(r"(.)\1{3,}", lambda run: f"!{len(run[0])}{run[1]}", line.rstrip("?"))
