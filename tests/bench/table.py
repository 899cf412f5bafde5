"""One table of what was measured against what was wanted."""

import textwrap
from dataclasses import dataclass, replace

REACHED = {True: "yes", False: "NO", None: "-"}
_HEADS = ("#", "what is measured", "ours", "the other", "ratio min / median / max", "goal", "reached")
_WHAT_WIDTH = 44


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    goal: str
    what: str
    ours: str = ""
    other: str = ""
    ratio: str = ""
    wanted: str = ""
    is_reached: bool | None = None  # None: not measured here, the reason stands in `note`
    note: str = ""

    def with_note(self, note: str) -> "Row":
        """Return the same line with another note."""
        return replace(self, note=note)


def as_text(rows: list[Row]) -> str:
    """Return the table, and below it the notes."""
    lines: list[tuple[str, ...]] = [_HEADS]
    for row in rows:
        what = textwrap.wrap(row.what, _WHAT_WIDTH) or [""]
        lines.append(
            (row.goal, what[0], row.ours, row.other, row.ratio, row.wanted, REACHED[row.is_reached]),
        )
        lines += [("", more, "", "", "", "", "") for more in what[1:]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADS))]
    drawn = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    drawn.insert(1, "  ".join("-" * width for width in widths))
    notes = [f"{row.goal}: {row.note}" for row in rows if row.note]
    return "\n".join([*drawn, "", *notes])
