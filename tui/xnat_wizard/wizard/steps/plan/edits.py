"""The plan while it is edited: what was accepted, what has been done, and how to take it back."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from xnat_wizard.dicom.model import Survey
from xnat_wizard.upload import plan as planning
from xnat_wizard.upload.choosing import items_of, left_by_choice, with_items
from xnat_wizard.upload.model import Plan, PlannedSession

MOST_STEPS = 100  # that can be taken back


class Edits:
    """A plan and its earlier states; each edit makes the next frozen plan. Tells `changed` which sessions are new."""

    def __init__(self, plan: Plan, changed: Callable[[set[str]], None]) -> None:
        self.plan = plan
        self.accepted: frozenset[str] = frozenset()
        self._changed = changed
        self._before: list[tuple[str, Plan, frozenset[str]]] = []

    @property
    def can_undo(self) -> bool:
        """Tell whether there is anything to take back."""
        return bool(self._before)

    def take(self, plan: Plan, what: str, accepted: frozenset[str] | None = None) -> None:
        """Go on with an edited plan; `what` names the edit when it is taken back."""
        self._before = [*self._before[-MOST_STEPS:], (what, self.plan, self.accepted)]
        self._go_to(plan, self.accepted if accepted is None else accepted)

    def undo(self) -> str:
        """Take the last edit back and return what it was; "" where there is none."""
        if not self._before:
            return ""
        what, plan, accepted = self._before.pop()
        self._go_to(plan, accepted)
        return what

    def _go_to(self, plan: Plan, accepted: frozenset[str]) -> None:
        keys = changed_keys(self.plan, plan)
        self.plan, self.accepted = plan, accepted
        self._changed(keys)

    def session(self, key: str) -> PlannedSession | None:
        """Return a session by its key."""
        return next((one for one in self.plan.sessions if one.key == key), None)

    def settle(self, survey: Survey, session: PlannedSession, way: str) -> None:
        """Take what was said about what findings hold in a session: send "all", only the "rest", or "none" of it."""
        accepted = self.accepted | {session.key} if way == "all" else self.accepted - {session.key}
        fresh = planning.draft(
            survey,
            site_url=self.plan.site_url,
            project=self.plan.project,
            destination=self.plan.destination,
            accepted=accepted,
        )
        drafted = next(one for one in fresh.sessions if one.key == session.key)
        new = replace(drafted, subject_label=session.subject_label, session_label=session.session_label)
        if way == "none":
            new = replace(new, is_included=False)
        sessions = tuple(new if one.key == new.key else one for one in self.plan.sessions)
        plan = replace(self.plan, sessions=sessions)
        chosen = left_by_choice(session)
        if chosen and new.is_included:
            plan = with_items(plan, new.key, [item.id for item in items_of(new) if item.id not in chosen])
        self.take(plan, f"the answer about {session.session_label}", accepted)


def changed_keys(old: Plan, new: Plan) -> set[str]:
    """Return the keys of the sessions that are not as they were; all where they go elsewhere, or another way."""
    if (old.destination, old.route, old.receiver) != (new.destination, new.route, new.receiver):
        return {one.key for one in new.sessions} | {""}
    return {after.key for before, after in zip(old.sessions, new.sessions, strict=True) if before != after}


def stopping_codes(survey: Survey, sessions: Iterable[PlannedSession]) -> frozenset[str]:
    """Return the codes that hold something of these sessions and that no yes can lift."""
    from xnat_wizard.findings import Severity

    codes = {code for session in sessions for code in session.held_by}
    severity = {code: [one.severity for one in survey.findings if one.code == code] for code in codes}
    return frozenset(code for code, found in severity.items() if not found or Severity.STOP in found)


def is_askable(session: PlannedSession, stops: frozenset[str]) -> bool:
    """Tell whether something of a session waits for a yes."""
    held = [one.held_by for one in (*session.series, *session.left_out)]
    held += [one.held_by for one in (*session.pairs, *session.left_out_pairs)]
    return any(codes and not stops.intersection(codes) for codes in held)
