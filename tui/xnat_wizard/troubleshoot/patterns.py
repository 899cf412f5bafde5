"""What the files that are not there have in common: the pattern points to the cause (missing data 3.8)."""

from collections.abc import Iterable
from dataclasses import dataclass

from xnat_wizard.troubleshoot.facts import Facts, LocalObject
from xnat_wizard.troubleshoot.model import Fate


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a set of absent objects looks like, beside those of their studies that arrived."""

    paths: tuple[str, ...]
    whole_series: tuple[str, ...] = ()  # keys of series of which nothing arrived
    partial_series: tuple[str, ...] = ()
    whole_studies: tuple[str, ...] = ()
    sop_classes: tuple[str, ...] = ()  # exactly these are absent, and none of them arrived; () when it is not so
    transfer_syntaxes: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    is_tail: bool = False  # they are the last in the order of sending
    is_one_left_per_series: bool = False  # of each series exactly one object arrived
    is_scattered: bool = False  # single objects here and there


def pattern_of(facts: Facts, *fates: Fate) -> Pattern:
    """Return the pattern of the objects with these fates; by default of what was acknowledged and is absent."""
    if facts.local is None:
        return Pattern(())
    wanted = set(fates or (Fate.ABSENT,))
    absent_paths = {line.path for line in facts.ledger.lines if line.fate in wanted and line.sop_instance_uid}
    arrived_paths = {line.path for line in facts.ledger.of(Fate.ARRIVED)}
    absent = [one for one in facts.local.objects if one.path in absent_paths]
    arrived = [one for one in facts.local.objects if one.path in arrived_paths]
    if not absent:
        return Pattern(())
    by_series = facts.local.by_series()
    arrived_by = {key: sum(one.path in arrived_paths for one in objects) for key, objects in by_series.items()}
    keys = tuple(dict.fromkeys(one.series_key for one in absent))
    whole = tuple(key for key in keys if all(one.path in absent_paths for one in by_series[key]))
    partial = tuple(key for key in keys if key not in whole)
    studies = {one.study_instance_uid for one in absent} - {one.study_instance_uid for one in arrived}
    first_absent = min(one.order for one in absent)
    is_tail = bool(arrived) and first_absent > max(one.order for one in arrived)
    is_one_left = bool(keys) and all(arrived_by[key] == 1 and len(by_series[key]) > 2 for key in keys)
    return Pattern(
        tuple(one.path for one in absent),
        whole,
        partial,
        tuple(sorted(studies)),
        _only("sop_class_uid", absent, arrived),
        _only("transfer_syntax_uid", absent, arrived),
        _only("modality", absent, arrived),
        is_tail=is_tail,
        is_one_left_per_series=is_one_left,
        is_scattered=bool(partial) and not is_tail and not is_one_left,
    )


def _only(name: str, absent: Iterable[LocalObject], arrived: Iterable[LocalObject]) -> tuple[str, ...]:
    """Return the values that all absent objects have and no arrived one; () where the two share any."""
    gone = {str(getattr(one, name)) for one in absent}
    there = {str(getattr(one, name)) for one in arrived}
    return tuple(sorted(gone)) if there and not gone & there else ()
