"""The ledger by series: how many files of each have which fate (missing data 3.7)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from xnat_wizard.troubleshoot.facts import Facts


@dataclass(frozen=True, slots=True)
class SeriesFates:
    """What became of the files of one series."""

    number: str
    description: str
    counts: Mapping[str, int]  # by outcome, the most frequent first; they add up to the series' files

    @property
    def name(self) -> str:
        """Return what the series is called."""
        return " ".join(filter(None, (self.number, self.description))) or "(no number)"

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "type": "series",
            "number": self.number,
            "description": self.description,
            "counts": dict(self.counts),
        }

    def as_text(self) -> str:
        """Return it as one line."""
        return f"{self.name}: " + ", ".join(f"{count} {outcome}" for outcome, count in self.counts.items())


def per_series(facts: Facts) -> tuple[SeriesFates, ...]:
    """Return the fates of every series, in the order of their numbers; empty where no files are at hand."""
    ledgers = facts.ledger.by_series()
    found = []
    for key, objects in (facts.local.by_series() if facts.local else {}).items():
        counts = Counter(line.outcome for line in ledgers[key].lines) if key in ledgers else Counter[str]()
        found.append(SeriesFates(objects[0].series_number, objects[0].series_description, dict(counts.most_common())))
    return tuple(sorted(found, key=lambda one: (len(one.number), one.number, one.description)))
