"""What is to be converted, and how: made by the step, done by the screen over it."""

from dataclasses import dataclass

from xnat_wizard.convert.model import Existing, Item, Way
from xnat_wizard.convert.rules import Rules
from xnat_wizard.convert.run import Order
from xnat_wizard.dicom.model import Survey
from xnat_wizard.dicom.source import Source
from xnat_wizard.wizard.choices import ConvertDraft
from xnat_wizard.wizard.widgets.paths import path_of


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be converted, and how."""

    survey: Survey
    source: Source  # opened
    offered: tuple[Item, ...]
    chosen: tuple[Item, ...]
    rules: Rules
    draft: ConvertDraft

    def order(self, *, is_again: bool) -> Order:
        """Return the order; after a stop, what lies in its place stays."""
        draft = self.draft
        has_rules = bool(self.rules.rules)
        return Order(
            target=path_of(draft.target),
            way=Way(draft.way),
            existing=Existing.SKIP if is_again else Existing(draft.existing),
            rules=self.rules if has_rules else None,
            is_bids=draft.is_bids and has_rules,
            keeps_details=draft.keeps_details,
            compares=draft.compares,
        )
