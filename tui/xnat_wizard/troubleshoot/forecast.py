"""What the site does with an object, by the rules that can be read: its project, its labels, whether it is dropped.

Sources: missing data 3.6, wire contract 9.2 (identification), 9.4 (filters), 3 (scripts).
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from xnat_wizard import expressions
from xnat_wizard.dicom.model import Series
from xnat_wizard.troubleshoot.attributes import NAMES, tag_of, value_of
from xnat_wizard.troubleshoot.case import Way
from xnat_wizard.troubleshoot.facts import Drop, Facts, Forecast, LocalObject
from xnat_wizard.troubleshoot.routing_rules import NotEvaluated, evaluate, parse_rules, word_after
from xnat_wizard.upload.series_filter import NotSimulated, SeriesFilter
from xnat_wizard.xnat.inquiries.values import Filter, Receiver

NO_SESSION = "dicom_upload"
_ILLEGAL = re.compile(r"[^A-Za-z0-9_-]")
_COMMENTS = (
    ("PatientComments", "patient_comments"),
    ("StudyComments", "study_comments"),
    ("AdditionalPatientHistory", "patient_history"),
)
_ROUTING = (
    "study_instance_uid",
    "patient_comments",
    "study_comments",
    "patient_history",
    "study_description",
    "accession_number",
    "patient_id",
    "patient_name",
)
_ALL = tuple(NAMES.values())
_REJECT = re.compile(
    r"^(?:\((?P<group>[0-9A-Fa-f]{4}),\s*(?P<element>[0-9A-Fa-f]{4})\)\s*(?P<sign>=|!=|~)\s*\"(?P<text>[^\"]*)\"\s*\?\s*)?"
    r"reject\s*$"
)
_HAS_REJECT = re.compile(r"\breject\b")
_COMMENT = re.compile(r'("[^"\n]*")|//[^\n]*')
_PARAMETERS = {
    "project": ("PROJECT_ID", "project"),
    "subject": ("SUBJECT_ID", "subject"),
    "session": ("EXPT_LABEL", "session"),
}


def cleaned(text: str, way: Way = Way.UNKNOWN) -> str:
    """Return a label as the site keeps it: anything else than letters, digits, `_` and `-` becomes `_` (LOC-11)."""
    plain = _ILLEGAL.sub("_", text)
    return plain.replace("-", "_") if way is Way.SI else plain


def way_of(facts: Facts) -> Way:
    """Return how the data were sent: as the person says, else as the records say."""
    return facts.case.way if facts.case.way is not Way.UNKNOWN else facts.sent.way


def receiver_of(facts: Facts) -> Receiver | None:
    """Return the receiver that was called, where it is known or the only one."""
    known = facts.policies.receivers.value if facts.policies else ()
    if facts.case.receiver is not None:
        _, port, title = facts.case.receiver
        return next((one for one in known if one.port == port and title in {one.ae_title, ""}), None)
    on = [one for one in known if one.is_enabled]
    return on[0] if len(on) == 1 else None


def forecast(facts: Facts) -> tuple[Forecast, ...]:
    """Say where each object would go; objects of one study that go the same way stand together, in path order.

    More than one group of a study means that the site divides it (ROU-06, MRG-09).
    """
    if facts.local is None:
        return ()
    predictor = _Predictor(facts)
    groups: dict[tuple[str, str, str, str], list[LocalObject]] = {}
    first: dict[tuple[str, str, str, str], Forecast] = {}
    for one in facts.local.objects:
        said = predictor.predict(one)
        key = (said.study_instance_uid, said.project, said.session, said.subject)
        groups.setdefault(key, []).append(one)
        first.setdefault(key, said)
    return tuple(
        Forecast(
            said.study_instance_uid,
            tuple(one.path for one in groups[key]),
            said.project,
            said.is_certain,
            said.session,
            said.subject,
            said.because,
            said.candidates,
            said.unsimulated,
        )
        for key, said in first.items()
    )


@dataclass(frozen=True, slots=True)
class _Expression:
    """A rule of the site or of a receiver: whose it is, and how it is evaluated."""

    name: str
    evaluate: Callable[[LocalObject], str]


class _Predictor:
    """Predicts for the objects of one case."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._way = way_of(facts)
        self._parameters = _parameters(facts, self._way)
        self._visible = {one.id for one in facts.project.visible} if facts.project else set()
        self._sees_all = bool(facts.who and facts.who.value.sees_all)
        self._unread: list[str] = []
        self._expressions = {what: list(self._rules(what)) for what in _PARAMETERS}
        self._has_no_rules = not any(self._expressions.values())
        self._known: dict[tuple[str, ...], Forecast] = {}
        if facts.policies and not facts.policies.rules.is_known:
            self._unread.append("the site's rules of identification")

    def predict(self, one: LocalObject) -> Forecast:
        """Return where one object goes; what is equal in all that routes it goes the same way."""
        key = tuple(getattr(one, name) for name in (_ROUTING if self._has_no_rules else _ALL))
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._predict(one)
        return known

    def _predict(self, one: LocalObject) -> Forecast:
        unsimulated = list(self._unread)
        candidates = tuple(self._project_candidates(one, unsimulated))
        project, because, is_certain = "", "nothing matched", True
        for where, text in candidates:
            if text in self._visible:
                project, because = text, where
                break
            is_certain = is_certain and self._sees_all  # it may be a project we cannot see, or an alias
        session = self._label("session", "Session", one, one.patient_id, unsimulated) or NO_SESSION
        subject = self._label("subject", "Subject", one, one.patient_name, unsimulated)
        return Forecast(
            one.study_instance_uid,
            (one.path,),
            project,
            is_certain and not unsimulated and self._way is not Way.UNKNOWN,
            cleaned(session, self._way),
            cleaned(subject, self._way),
            because,
            candidates,
            tuple(dict.fromkeys(unsimulated)),
        )

    def _project_candidates(self, one: LocalObject, unsimulated: list[str]) -> Iterable[tuple[str, str]]:
        if self._parameters["project"]:
            yield "parameter", self._parameters["project"]
        yield from self._evaluated("project", one, unsimulated)
        for name, attribute in _COMMENTS:
            word = word_after("Project", getattr(one, attribute))
            if word:
                yield name, word
        for name, text in (("StudyDescription", one.study_description), ("AccessionNumber", one.accession_number)):
            if text:
                yield name, text

    def _label(self, what: str, key: str, one: LocalObject, last: str, unsimulated: list[str]) -> str:
        if self._parameters[what]:
            return self._parameters[what]
        ruled = next((text for _, text in self._evaluated(what, one, unsimulated)), "")
        commented = (word_after(key, getattr(one, attribute)) for _, attribute in _COMMENTS)
        return ruled or next(filter(None, commented), "") or last

    def _evaluated(self, what: str, one: LocalObject, unsimulated: list[str]) -> Iterable[tuple[str, str]]:
        for expression in self._expressions[what]:
            try:
                text = expression.evaluate(one)
            except NotEvaluated as reason:
                unsimulated.append(f"{expression.name}: {reason}")
                continue
            if text:
                yield expression.name, text

    def _rules(self, what: str) -> Iterable[_Expression]:
        policies = self._facts.policies
        if policies is None:
            return
        receiver = receiver_of(self._facts) if self._way is Way.C_STORE else None
        texts = []
        if receiver and receiver.has_routing:
            texts.append(("the receiver's rule", str(getattr(receiver, f"{what}_routing"))))
        texts.append(("the site's rule", policies.rules.value.get(f"{what}Rules", "")))
        for name, text in texts:
            if not text:
                continue
            try:
                rules = parse_rules(text)
            except NotEvaluated as reason:
                self._unread.append(f"{name} for the {what}: {reason}")
            else:
                yield _Expression(name, lambda one, rules=rules: evaluate(rules, one))  # type: ignore[misc]  # bound now


def _parameters(facts: Facts, way: Way) -> dict[str, str]:
    """Return the project and labels that the request said, as far as its handler listens to them (ROU-09)."""
    typed = {
        "project": facts.case.project or facts.sent.project,
        "subject": facts.sent.subject or facts.case.subject,
        "session": facts.sent.session or facts.case.session,
    }
    if not way.is_http and not (way is Way.UNKNOWN and not facts.sent.arguments and typed["project"]):
        return dict.fromkeys(typed, "")
    named = facts.sent.parameters
    if way is Way.GRADUAL and named:
        return {what: named.get(upper, "") for what, (upper, _) in _PARAMETERS.items()}
    return {
        what: text or named.get(_PARAMETERS[what][0], named.get(_PARAMETERS[what][1], ""))
        for what, text in typed.items()
    }


# -- what is dropped ---------------------------------------------------------------------------------


def drops(facts: Facts, forecasts: Iterable[Forecast]) -> tuple[Drop, ...]:
    """Say which objects filters and scripts drop; the project's only where the project is the one that is meant."""
    if facts.local is None or facts.policies is None or facts.local.survey is None:
        return ()
    project_of = {path: one.project for one in forecasts for path in one.paths}
    series = {one.key: one for one in facts.local.survey.series}
    filters = [_Filter(each) for each in facts.policies.filters.value]
    found: dict[str, Drop] = {}
    for one in facts.local.objects:
        is_ours = bool(facts.project and facts.project.id) and project_of.get(one.path) == (
            facts.project.id if facts.project else ""
        )
        said = _filtered(filters, one, series.get(one.series_key), is_ours=is_ours) or _rejected(
            facts, one, is_ours=is_ours
        )
        if said:
            found[one.path] = said
    return tuple(found.values())


def _filtered(filters: Iterable["_Filter"], one: LocalObject, series: Series | None, *, is_ours: bool) -> Drop | None:
    if series is None:
        return None
    for each in filters:
        if each.stored.owner == "project" and not is_ours:
            continue
        if each.drops(series):
            cause = "ROU-12" if each.stored.owner == "site" else "ROU-13"
            line = _matching_line(each.stored.lines, one.series_description)
            because = f"the {each.stored.owner}'s filter ({each.stored.mode}): {line}"
            return Drop(one.path, cause, is_certain=True, because=because)
    return None


class _Filter:
    """A filter, read once, asked once for each series."""

    def __init__(self, stored: Filter) -> None:
        self.stored = stored
        self._answers: dict[str, bool] = {}
        try:
            self._filter: SeriesFilter | None = SeriesFilter.parse(stored.mode, stored.lines)
        except NotSimulated:
            self._filter = None

    def drops(self, series: Series) -> bool:
        """Tell whether it surely drops a series."""
        if series.key not in self._answers:
            self._answers[series.key] = bool(self._filter and self._filter.drops(series))
        return self._answers[series.key]


def _matching_line(lines: str, text: str) -> str:
    """Return the line of a filter that hits a description, else all of them, cut short."""
    for line in map(str.strip, lines.splitlines()):
        try:
            if line and not line.startswith("[") and expressions.expression(line, ignores_case=True).search(text):
                return line
        except (expressions.BadExpression, expressions.Unsearched):
            continue
    return " ".join(lines.split())[:60]


def _rejected(facts: Facts, one: LocalObject, *, is_ours: bool) -> Drop | None:
    for script in facts.policies.scripts.value if facts.policies else ():
        if not script.is_on or (script.owner == "project" and not is_ours):
            continue
        for line in map(str.strip, _COMMENT.sub(lambda hit: hit[1] or "", script.text).splitlines()):
            if not _HAS_REJECT.search(line):
                continue
            answer = _is_rejected(line, one)
            if answer:
                return Drop(one.path, "ROU-14", is_certain=True, because=f"the {script.owner}'s script: {line}")
    return None


def _is_rejected(line: str, one: LocalObject) -> bool | None:
    """Evaluate a simple `reject`; `None` for a condition that is not understood."""
    found = _REJECT.match(line)
    if found is None:
        return None
    if found["group"] is None:
        return True
    value = value_of(one, tag_of(found["group"], found["element"]))
    if value is None:
        return None
    if found["sign"] == "~":
        try:
            return expressions.expression(found["text"]).fullmatch(value) is not None
        except (expressions.BadExpression, expressions.Unsearched):
            return None
    return (value == found["text"]) is (found["sign"] == "=")


def has_unread_rejection(facts: Facts) -> tuple[str, ...]:
    """Return the `reject` statements that stand in scripts and cannot be evaluated here."""
    found = []
    for script in facts.policies.scripts.value if facts.policies else ():
        text = _COMMENT.sub(lambda hit: hit[1] or "", script.text) if script.is_on else ""
        found += [
            line.strip() for line in text.splitlines() if _HAS_REJECT.search(line) and not _REJECT.match(line.strip())
        ]
    return tuple(found)
