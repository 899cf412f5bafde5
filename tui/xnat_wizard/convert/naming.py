"""What each output is called: plain names by number and description, or BIDS names by rules.

Names follow from everything that a source offers, not from what is chosen of it, so that a second run with another
choice gives the same series the same name.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from xnat_wizard.amounts import whole_number
from xnat_wizard.convert import rules as rule_book
from xnat_wizard.convert import selection
from xnat_wizard.convert.bids_names import BidsName, label
from xnat_wizard.convert.model import LABEL_CLASH, Item, Traits
from xnat_wizard.convert.rules import Rule, Rules
from xnat_wizard.findings import Finding, Problem

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
_PHASE = frozenset({"P", "PHASE"})
_OF_OUTPUTS = frozenset({"image_type", "echo", "images"})  # traits that a series and its outputs may not share


@dataclass(frozen=True, slots=True)
class Named:
    """The name of one output."""

    path: str  # below the output folder, without ending
    rule: Rule | None
    bids: BidsName | None = None


class Names:
    """Names for the outputs of one source; made of everything that it offers."""

    def __init__(self, items: Sequence[Item], rules: Rules | None, *, is_bids: bool) -> None:
        """Take note of subjects, sessions and namesakes.

        Raises:
            Problem: `convert.label_clash`.
        """
        self._rules = rules
        self._is_bids = is_bids
        self._sessions = _sessions(items)
        self._folders = _distinct({item.subject for item in items})
        self._taken: set[str] = set()
        self._plain: dict[tuple[str, Item], str] = {}
        self._runs: dict[tuple[str, str, str], list[Item]] = defaultdict(list)
        if is_bids:
            _check_labels({item.subject for item in items}, "sub")
            for subject in {item.subject for item in items}:
                _check_labels({self.session(item) for item in items if item.subject == subject} - {""}, "ses")
            self._count_runs(items)
        else:
            for item in items:  # names are given in order, not as they are asked for
                for traits in item.variants:
                    self.name(item, traits)

    def session(self, item: Item) -> str:
        """Return the session of a series: what a folder names, else its place among several studies, else ""."""
        return item.session or self._sessions.get((item.subject, _study(item)), "")

    def subject_label(self, item: Item) -> str:
        """Return the BIDS label of its subject."""
        return label(item.subject, "sub")

    def name(self, item: Item, traits: Traits, suffix: str = "", repeats: int = 0) -> Named | None:
        """Return the name of an output; `None` when it has no place in BIDS.

        Args:
            item: the series.
            traits: of this output.
            suffix: what the converter adds to tell outputs apart; plain names carry it.
            repeats: so many outputs of the series have this name already: in BIDS a further run.
        """
        rule = rule_book.first_match(self._rules, traits) if self._rules else None
        if not self._is_bids:
            return Named(self._plain_path(item, rule) + suffix, rule)
        if rule is None or rule.bids is None:
            return None
        name = _with_parts(rule.bids, item, traits)
        namesakes = self._runs[self._key(item, name)]
        place = namesakes.index(item) + 1 if item in namesakes else 1
        if len(namesakes) > 1:
            name = name.with_entity("run", str(int(name.value("run") or 1) + place - 1), is_new=True)
        if repeats:
            first = int(name.value("run") or place)
            name = name.with_entity("run", str(first + repeats * max(1, len(namesakes))), is_new=True)
        where = name.path(self.subject_label(item), label(self.session(item), "ses"))
        return Named(where, rule, name)

    def may_have_place(self, item: Item) -> bool:
        """Tell whether a rule may give some output of a series a place in BIDS.

        Image types, echoes and counts are passed over: a converter may make maps, and split or join images.
        """
        return self._rules is not None and any(
            verdict.rule.bids is not None
            and all(check.is_met or check.field in _OF_OUTPUTS for check in verdict.checks)
            for traits in item.variants
            for verdict in rule_book.judge(self._rules, traits)
        )

    def is_taken(self, path: str) -> bool:
        """Tell whether an output of this run has the name already."""
        return path.casefold() in self._taken

    def take(self, path: str) -> None:
        """Note that an output of this run has the name."""
        self._taken.add(path.casefold())

    def _plain_path(self, item: Item, rule: Rule | None) -> str:
        folder = self._folders[item.subject]
        if session := self.session(item):
            folder += f"/{plain(session)}"
        counted = whole_number(item.number)
        number = plain(item.number or "000") if counted is None else f"{counted:03}"
        wanted = f"{folder}/{number}-{rule.file if rule else plain(item.description or 'series')}"
        known = self._plain.get((wanted, item))
        if known is None:
            taken = set(self._plain.values())
            known, at = wanted, 1
            while known in taken:
                at += 1
                known = f"{wanted}-{at}"
            self._plain[wanted, item] = known
        return known

    def _count_runs(self, items: Sequence[Item]) -> None:
        for item in items:
            if selection.held(item):
                continue
            for traits in item.variants:
                rule = rule_book.first_match(self._rules, traits) if self._rules else None
                if rule and rule.bids:
                    namesakes = self._runs[self._key(item, _with_parts(rule.bids, item, traits))]
                    if item not in namesakes:
                        namesakes.append(item)

    def _key(self, item: Item, name: BidsName) -> tuple[str, str, str]:
        return item.subject, self.session(item), str(name)


def plain(text: str) -> str:
    """Return a text as part of a file name: letters, digits, dot, dash and underscore."""
    return _UNFIT.sub("-", text).strip("-.") or "unnamed"


def _distinct(names: set[str]) -> dict[str, str]:
    """Return a folder for each name; two names never share one, not even where capitals do not count."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in sorted(names, key=lambda name: (plain(name) != name, name)):  # names that stay as they are come first
        folder, at = plain(name), 1
        while folder.casefold() in taken:
            at += 1
            folder = f"{plain(name)}-{at}"
        taken.add(folder.casefold())
        found[name] = folder
    return found


def _with_parts(name: BidsName, item: Item, traits: Traits) -> BidsName:
    """Add what tells echoes, and magnitude from phase, apart."""
    if traits.echo is not None and len({kind.echo for kind in item.variants}) > 1:
        name = name.with_entity("echo", str(traits.echo))
    if any(_PHASE & set(kind.image_type) for kind in item.variants) and len(item.variants) > 1:
        name = name.with_entity("part", "phase" if _PHASE & set(traits.image_type) else "mag")
    return name


def _study(item: Item) -> str:
    return item.study


def _sessions(items: Sequence[Item]) -> dict[tuple[str, str], str]:
    """Number the studies of each subject that has several and whose folders name none, in order of time.

    A PAR header knows only the day. Where a subject has pairs, studies of one day are one session.
    """
    by_subject: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        if not item.session:
            by_subject[item.subject].append(item)
    found = {}
    for subject, inside in by_subject.items():
        has_pairs = any(item.pair for item in inside)
        when = {item.study: item.study_date[:8] if has_pairs else item.study_date + item.study for item in inside}
        order = sorted(set(when.values()))
        if len(order) > 1:
            found.update({(subject, study): str(order.index(date) + 1) for study, date in when.items()})
    return found


def _check_labels(names: set[str], prefix: str) -> None:
    counted = Counter(label(name, prefix) for name in names)
    clash = next((text for text, count in sorted(counted.items()) if count > 1 or not text), None)
    if clash is None:
        return
    alike = sorted(name for name in names if label(name, prefix) == clash)
    shown = ", ".join(f'"{name}"' for name in alike)
    raise Problem(
        Finding(
            LABEL_CLASH,
            "Two names become one in BIDS" if clash else "A name has no letter or digit for BIDS",
            f'BIDS labels have letters and digits only: {shown} would be "{prefix}-{clash}"',
            ("Rename the folders so that they differ in letters or digits",),
        )
    )
