"""Say for every kind of images which rule takes it, what it would be called, and why each other rule does not take it.

A value for a command or a screen to show; nothing is converted, and no file is read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xnat_wizard.convert import selection
from xnat_wizard.convert.model import Item, Traits
from xnat_wizard.convert.naming import Names
from xnat_wizard.convert.placing import IMAGE
from xnat_wizard.convert.rules import Rule, Rules, Verdict, judge
from xnat_wizard.findings import Finding


@dataclass(frozen=True, slots=True)
class Tested:
    """What the rules say to one kind of images of one series; a series has several where it holds echoes or phases."""

    item: Item
    traits: Traits
    verdicts: tuple[Verdict, ...]  # of every rule, in the order of the file
    path: str  # what the image would be called, below the output folder; "" where it gets no place
    held: Finding | None  # why the series would not be converted, whatever the rules say

    @property
    def taken_by(self) -> Rule | None:
        """Return the rule that names it: the first that fits."""
        return next((verdict.rule for verdict in self.verdicts if verdict.is_match), None)

    @property
    def kind(self) -> str:
        """Return what tells this kind of images from the others of its series: "ORIGINAL PRIMARY M echo 1"."""
        echo = [] if self.traits.echo is None else [f"echo {self.traits.echo}"]
        return " ".join([*self.traits.image_type, *echo])

    @property
    def why_not(self) -> tuple[tuple[Rule, str], ...]:
        """Return every other rule with the reason why it does not name these images, in the order of the file."""
        taker = self.taken_by
        found = []
        for verdict in self.verdicts:
            if verdict.rule is taker:
                continue
            late = f'the rule "{taker.name}" stands before it and takes them' if taker else ""
            found.append((verdict.rule, verdict.why_not or f"it fits, but {late}"))
        return tuple(found)


def ask(
    rules: Rules, items: Iterable[Item], *, offered: Sequence[Item] | None = None, is_bids: bool = False
) -> tuple[Tested, ...]:
    """Ask every rule about every kind of images.

    Args:
        rules: to test.
        items: to test them with.
        offered: all that the source offers, since runs and namesakes are counted over all; the items themselves if not
            given.
        is_bids: names are those of a BIDS dataset.

    Raises:
        Problem: `convert.label_clash`, for BIDS only.
    """
    wanted = tuple(items)
    names = Names(wanted if offered is None else offered, rules, is_bids=is_bids)
    found = []
    for item in wanted:
        held = selection.held(item)
        for traits in item.variants:
            named = names.name(item, traits)
            path = f"{named.path}{IMAGE}" if named else ""
            found.append(Tested(item, traits, judge(rules, traits), path, held))
    return tuple(found)


def unused(rules: Rules, tests: Iterable[Tested]) -> tuple[str, ...]:
    """Return the names of the rules that take none of the images."""
    takers = {test.taken_by.name for test in tests if test.taken_by}
    return tuple(rule.name for rule in rules.rules if rule.name not in takers)
