"""Which series and pairs of a planned session go: the choice of a person among what findings allow."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from xnat_wizard.dicom.model import ParRecPair, Series
from xnat_wizard.upload.model import Plan, PlannedSession


@dataclass(frozen=True, slots=True)
class Item:
    """One series or PAR/REC pair of a session."""

    id: str  # stable within a session
    thing: Series | ParRecPair
    is_going: bool
    is_held: bool  # a finding keeps it back; it goes after a yes for the session only


def items_of(session: PlannedSession) -> tuple[Item, ...]:
    """Return everything of a session, by series number, pairs last."""
    going = {*map(_id, session.series), *map(_id, session.pairs)}
    everything: list[Series | ParRecPair] = [
        *session.series,
        *session.left_out,
        *session.pairs,
        *session.left_out_pairs,
    ]
    everything.sort(key=_order)
    return tuple(
        Item(_id(one), one, is_going=_id(one) in going, is_held=bool(one.held_by) and _id(one) not in going)
        for one in everything
    )


def with_items(plan: Plan, key: str, going: Iterable[str]) -> Plan:
    """Return the plan in which of one session only these items go; what findings hold stays where it is.

    A session of which nothing is to go keeps its items and is not included; one of which something goes is.
    """
    wanted = frozenset(going)
    session = next(one for one in plan.sessions if one.key == key)
    items = [item for item in items_of(session) if not item.is_held]
    if session.is_blocked:
        return plan
    if not any(item.id in wanted for item in items):
        return _replaced(plan, replace(session, is_included=False))
    held = [item for item in items_of(session) if item.is_held]
    stay = [item for item in items if item.id not in wanted]
    go = [item for item in items if item.id in wanted]
    return _replaced(
        plan,
        replace(
            session,
            series=_series(go),
            pairs=_pairs(go),
            left_out=_series([*held, *stay]),
            left_out_pairs=_pairs([*held, *stay]),
            is_included=True,
        ),
    )


def left_by_choice(session: PlannedSession) -> frozenset[str]:
    """Return the ids of what a person left out of a session."""
    return frozenset(item.id for item in items_of(session) if not item.is_going and not item.is_held)


def with_subject(plan: Plan, key: str) -> Plan:
    """Return the plan without any session of the subject of this one; where none goes, with all that may."""
    subject = next(one for one in plan.sessions if one.key == key).subject_label
    is_going = any(one.is_included for one in plan.sessions if one.subject_label == subject)

    def changed(one: PlannedSession) -> PlannedSession:
        if one.subject_label != subject:
            return one
        return replace(one, is_included=not is_going and may_go_at_once(one))

    return replace(plan, sessions=tuple(changed(one) for one in plan.sessions))


def may_go_at_once(session: PlannedSession) -> bool:
    """Tell whether nothing of what would go needs a yes, and nothing forbids it."""
    held = [one.held_by for one in session.series] + [one.held_by for one in session.pairs]
    return not session.is_blocked and not any(held)


def twins(plan: Plan) -> dict[str, tuple[PlannedSession, ...]]:
    """Return by session key the other included sessions of the plan that are the same study."""
    by_study: dict[str, list[PlannedSession]] = {}
    for one in plan.included:
        if one.study_instance_uid:
            by_study.setdefault(one.study_instance_uid, []).append(one)
    return {
        one.key: tuple(other for other in same if other is not one)
        for same in by_study.values()
        if len(same) > 1
        for one in same
    }


def _id(one: Series | ParRecPair) -> str:
    return one.key if isinstance(one, Series) else one.par_path


def _order(one: Series | ParRecPair) -> tuple[bool, int, str]:
    if isinstance(one, ParRecPair):
        return True, 0, one.par_path
    number = one.series_number
    return False, int(number) if number.isascii() and number.isdigit() else 1 << 31, one.key


def _series(items: Iterable[Item]) -> tuple[Series, ...]:
    return tuple(item.thing for item in items if isinstance(item.thing, Series))


def _pairs(items: Iterable[Item]) -> tuple[ParRecPair, ...]:
    return tuple(item.thing for item in items if isinstance(item.thing, ParRecPair))


def _replaced(plan: Plan, session: PlannedSession) -> Plan:
    return replace(plan, sessions=tuple(session if one.key == session.key else one for one in plan.sessions))
