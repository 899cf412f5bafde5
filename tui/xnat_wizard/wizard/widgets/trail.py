"""The header line: the wizard's name, where one is among the steps, and who is logged in where."""

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.widget import Widget

TITLE = "XNAT Wizard"
STEP_TITLES = ("Log in", "Project", "Folder", "Plan", "Upload", "Prearchive", "Archive")


def _parts(number: int, named: set[int]) -> list[str]:
    """Return the texts of the trail; the current step in brackets, dots where steps have no room for their title."""
    first, last, end = min(named), max(named), len(STEP_TITLES)
    parts = [] if first == 1 else [" 1 ... "]
    for step in range(first, last + 1):
        text = f"{step} {STEP_TITLES[step - 1]}"
        parts.append(f"[{text}]" if step == number else f" {text} ")
    return parts if last == end else [*parts, f" ... {end}"]


def trail_parts(number: int, width: int) -> list[str]:
    """Name as many steps as `width` cells hold: the current one, then those ahead, then those behind."""
    named = {number}
    ahead = range(number + 1, len(STEP_TITLES) + 1)
    behind = range(number - 1, 0, -1)
    for way in (ahead, behind):
        for step in way:
            if cell_len("".join(_parts(number, named | {step}))) > width:
                break
            named.add(step)
    return _parts(number, named)


class Trail(Widget):
    """One line: name, trail of steps, and who is logged in where; the trail takes the room that is left."""

    def __init__(self, number: int, who: str = "") -> None:
        super().__init__(id="trail")
        self.number = number
        self.who = who

    def render(self) -> Content:
        """Draw the line for the present width."""
        width = self.size.width
        bare = cell_len("".join(_parts(self.number, {self.number})))
        has_title = width >= len(TITLE) + 1 + bare
        left = f"{TITLE} " if has_title else ""
        room = max(0, width - len(left) - bare - 1)
        who = self.who if cell_len(self.who) <= room else f"{set_cell_size(self.who, max(0, room - 3))}..."[:room]
        parts = trail_parts(self.number, width - len(left) - cell_len(who) - (1 if who else 0))
        gap = max(0, width - len(left) - cell_len("".join(parts)) - cell_len(who))
        steps = [
            Content.styled(part, "bold $text-primary" if part.startswith("[") else "$foreground-muted")
            for part in parts
        ]
        return Content.assemble((left, "bold"), *steps, " " * gap, (who, "$foreground-muted"))
