"""The header line of a place that is no step of a way: its name instead of the trail."""

from rich.cells import cell_len
from textual.content import Content

from xnat_wizard.wizard.widgets.plain import cut
from xnat_wizard.wizard.widgets.trail import TITLE, Trail


class NamedTrail(Trail):
    """One line: the wizard's name, the place, and who is logged in where."""

    def __init__(self, place: str, who: str) -> None:
        super().__init__(0, who)
        self.place = place

    def render(self) -> Content:
        """Draw the line for the present width."""
        left, here = f"{TITLE} ", f"[{self.place}]"
        room = max(0, self.size.width - len(left) - len(here) - 1)
        who = cut(self.who, room)
        gap = " " * max(0, self.size.width - len(left) - len(here) - cell_len(who))
        return Content.assemble((left, "bold"), (here, "bold $text-primary"), gap, (who, "$foreground-muted"))
