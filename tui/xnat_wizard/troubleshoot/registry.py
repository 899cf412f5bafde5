"""The rules: for each cause of the catalogue, what the facts must be. Each is a pure function in `rules/`.

A rule reads `Facts` and gives diagnoses; it asks nothing, and is run again when there are more facts. A rule that
crashes is a result, and not the end of the others.
"""

import importlib
import logging
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from xnat_wizard.troubleshoot.catalogue import BY_ID
from xnat_wizard.troubleshoot.facts import Crash, Facts
from xnat_wizard.troubleshoot.model import Diagnosis

Check = Callable[[Facts], Iterable[Diagnosis]]
_RULES = "xnat_wizard.troubleshoot.rules"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: the causes it can establish, and the function."""

    cause_ids: tuple[str, ...]
    check: Check

    @property
    def name(self) -> str:
        """Return its number and what it is called."""
        return f"{self.cause_ids[0]} {self.check.__name__}"


_registered: dict[tuple[str, ...], Rule] = {}


def rule(*cause_ids: str) -> Callable[[Check], Check]:
    """Register a function as the rule of one or more causes of the catalogue.

    Raises:
        ValueError: a number is not in the catalogue, or has a rule already.
    """
    for cause_id in cause_ids:
        if cause_id not in BY_ID:
            raise ValueError(f"{cause_id} is not in the catalogue")

    def register(check: Check) -> Check:
        known = _registered.get(cause_ids)
        if known is not None and known.check.__qualname__ != check.__qualname__:
            raise ValueError(f"{cause_ids[0]} has a rule already: {known.check.__qualname__}")
        _registered[cause_ids] = Rule(cause_ids, check)
        return check

    return register


def all_rules() -> tuple[Rule, ...]:
    """Load every module of rules, and return all rules in the order of their numbers."""
    package = importlib.import_module(_RULES)
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{_RULES}.{module.name}")
    return tuple(sorted(_registered.values(), key=lambda one: one.cause_ids))


def judge(facts: Facts, rules: Iterable[Rule]) -> tuple[tuple[Diagnosis, ...], tuple[Crash, ...]]:
    """Let every rule look at the facts; return what they say, in their order, and which of them failed."""
    said: list[Diagnosis] = []
    crashes: list[Crash] = []
    for one in rules:
        try:
            said.extend(one.check(facts))
        except Exception as error:  # noqa: BLE001  the door of the rules: a crash is a result
            _log.warning("rule failed name=%s error=%s", one.name, type(error).__name__)
            crashes.append(Crash(one.name, type(error).__name__))
    return tuple(said), tuple(crashes)
