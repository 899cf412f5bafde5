"""How well a place at the site fits a local study: identity facts decide, everything else only ranks.

Sources: missing data 3.4. What no list tells is not counted: the patient's ID on the server.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from xnat_wizard.troubleshoot.facts import Candidate, Contents, Facts, Forecast, LocalObject, Place
from xnat_wizard.troubleshoot.forecast import cleaned
from xnat_wizard.troubleshoot.model import Certainty, PlaceKind
from xnat_wizard.troubleshoot.times import is_in_window
from xnat_wizard.upload.tokens import study_in, token_in
from xnat_wizard.xnat.inquiries.values import Experiment, Held, Row

SURE = 90
LIKELY = 60
POSSIBLE = 35
VAGUE = 10
CAP_WITHOUT_IDENTITY = 80
TOO_CLOSE = 15
_ENOUGH_NAMES = 3
_SITE_SCRIPT = "enableSitewideAnonymizationScript"
_CHANGES_UIDS = re.compile(r"0020,\s*000[DE]|0008,\s*0018|hashUID|mapUID", re.IGNORECASE)
_SUFFIX = re.compile(r"_\d+$")


@dataclass(frozen=True, slots=True)
class Study:
    """A study that is looked for: what is known of it here."""

    study_instance_uid: str  # "" where only labels and times are known
    objects: tuple[LocalObject, ...] = ()
    sessions: frozenset[str] = frozenset()  # labels sent or predicted
    subjects: frozenset[str] = frozenset()
    stored_uid: str = ""  # that the site is known to give it
    is_rewritten: bool = False  # a script may change its UIDs
    instance_uids: frozenset[str] = frozenset()  # as the site stores them, where that is known
    series_uids: frozenset[str] = frozenset()
    tokens: frozenset[str] = frozenset()
    moments: frozenset[tuple[str, str]] = frozenset()  # study date and time
    series: Counter[tuple[str, str]] = field(default_factory=Counter)  # number and description of each

    @property
    def is_vague(self) -> bool:
        """Tell whether nothing is known but a subject or a time: then whatever came in that time is shown."""
        return not (self.study_instance_uid or self.objects or self.sessions)


def studies_of(facts: Facts, forecasts: Sequence[Forecast] = ()) -> tuple[Study, ...]:
    """Return the studies of a case, with the labels under which they may have been stored."""
    is_rewritten = _may_rewrite_uids(facts)
    studies = []
    by_study: dict[str, list[LocalObject]] = defaultdict(list)
    for one in facts.local.objects if facts.local else ():
        by_study[one.study_instance_uid].append(one)
    for uid in facts.studies or ("",):
        mine = [each for each in forecasts if each.study_instance_uid == uid]
        objects = tuple(by_study[uid])
        subject, session = facts.sent.labels_of(uid)
        given = [label for label in (facts.case.session, session) if label]
        subjects = [label for label in (facts.case.subject, subject) if label]
        mapped = facts.sent.stored_uids
        studies.append(
            Study(
                uid,
                objects,
                frozenset(_labels([*given, *(each.session for each in mine)])),
                frozenset(_labels([*subjects, *(each.subject for each in mine)])),
                facts.sent.stored_study_uids.get(uid, ""),
                is_rewritten=is_rewritten,
                instance_uids=frozenset(mapped.get(one.sop_instance_uid, one.sop_instance_uid) for one in objects),
                series_uids=frozenset(one.series_instance_uid for one in objects) - {""},
                tokens=frozenset(one.token for one in objects),
                moments=frozenset((one.study_date, one.study_time) for one in objects),
                series=_series(objects),
            )
        )
    return tuple(studies)


def _series(objects: tuple[LocalObject, ...]) -> Counter[tuple[str, str]]:
    named = {one.series_key: (one.series_number, one.series_description.casefold()) for one in objects}
    return Counter(named.values())


def _labels(texts: Iterable[str]) -> set[str]:
    """Return labels as they are, as XNAT cleans them, and as the SI handler does (LOC-11)."""
    plain = {text for text in texts if text}
    stored = {cleaned(text) for text in plain}
    return plain | stored | {text.replace("-", "_") for text in stored}


def _may_rewrite_uids(facts: Facts) -> bool:
    """Tell whether a script that is on may change UIDs, as far as its text says; unread ones may."""
    settings = facts.site.value.settings if facts.site else {}
    texts = [settings.get("sitewideAnonymizationScript", "")] if settings.get(_SITE_SCRIPT) == "true" else []
    if facts.policies is not None:
        scripts = facts.policies.scripts.value
        texts += [one.text for one in scripts if one.is_on]
        if any(one.is_on is None for one in scripts):
            return True
    return any(not text or _CHANGES_UIDS.search(text) for text in texts)


# -- places ------------------------------------------------------------------------------------------


def place_of_row(row: Row) -> Place:
    """Return a row of the prearchive as a place."""
    kind = PlaceKind.UNASSIGNED if row.is_unassigned else PlaceKind.PREARCHIVE
    return Place(kind, row.uri, row.project, row.label, row.subject, row.study_instance_uid, row.status, row=row)


def place_of_experiment(experiment: Experiment) -> Place:
    """Return an experiment as a place."""
    return Place(
        PlaceKind.ARCHIVE,
        experiment.uri,
        experiment.project,
        experiment.label,
        experiment.subject_label,
        experiment.study_instance_uid,
        experiment.status,
        experiment=experiment,
    )


def place_of_held(held: Held) -> Place:
    """Return what direct archive holds as a place."""
    return Place(
        PlaceKind.DIRECT,
        held.uri,
        held.project,
        held.label,
        held.subject,
        held.study_instance_uid,
        held.status,
        held=held,
    )


def places_of(facts: Facts) -> tuple[Place, ...]:
    """Return every place that was seen, each once: archive, prearchive, Unassigned, direct archive."""
    found: dict[str, Place] = {}
    experiments = list(facts.by_uid.value) if facts.by_uid else []
    for told in facts.in_projects.values():
        experiments += told.value
    experiments += [told.value for told in facts.known.values() if told.value is not None]
    for experiment in experiments:
        found.setdefault(experiment.uri, place_of_experiment(experiment))
    rows = [*(facts.rows.value if facts.rows else ()), *(facts.unassigned.value if facts.unassigned else ())]
    rows += [told.value for told in facts.earlier.values() if told.value is not None]
    for row in rows:
        found.setdefault(row.uri, place_of_row(row))
    for held in facts.held.value if facts.held else ():
        found.setdefault(held.uri, place_of_held(held))
    return tuple(found.values())


# -- points ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Inside:
    """What the files of a place say of themselves, gathered once for all studies."""

    uids: frozenset[str]
    tokens: Counter[str]
    studies: frozenset[str]  # in names that the site made
    series: frozenset[str]
    scans: Counter[tuple[str, str]]  # number and description


def _inside(contents: Contents) -> _Inside:
    names = [one.name for one in contents.files]
    return _Inside(
        frozenset(one.sop_instance_uid for one in contents.files if one.sop_instance_uid),
        Counter(token_in(name) for name in names),
        frozenset(study_in(name) for name in names) - {""},
        frozenset(scan.series_instance_uid for scan in contents.scans) - {""},
        Counter((scan.id.partition("-")[0], scan.series_description.casefold()) for scan in contents.scans),
    )


def rank(facts: Facts, studies: Iterable[Study]) -> tuple[Candidate, ...]:
    """Score every place for every study; return those that are at least POSSIBLE, best first, in a stable order.

    Where nothing is known but a subject or a time, whatever fits that is POSSIBLE.

    Two places within 15 points of each other and without an identity fact are both POSSIBLE only: never chosen between.
    """
    found: list[Candidate] = []
    places = places_of(facts)
    inside = {uri: _inside(contents) for uri, contents in facts.contents.items()}
    for study in studies:
        mine = [_score(facts, study, place, inside.get(place.uri)) for place in places]
        mine = [one for one in mine if one.score >= (POSSIBLE if not study.is_vague else VAGUE)]
        mine.sort(key=lambda one: (-one.score, one.place.uri))
        found += _not_chosen(mine)
    return tuple(sorted(found, key=lambda one: (-one.score, one.study_instance_uid, one.place.uri)))


def _not_chosen(ranked: list[Candidate]) -> list[Candidate]:
    """Take back LIKELY from places that are too close to each other."""
    vague = [one for one in ranked if not one.has_identity]
    if len(vague) < 2 or vague[0].score - vague[1].score >= TOO_CLOSE:
        return ranked
    best = vague[0].score
    return [
        Candidate(
            one.study_instance_uid, one.place, one.score, Certainty.POSSIBLE, (*one.reasons, "similar to another")
        )
        if not one.has_identity and best - one.score < TOO_CLOSE
        else one
        for one in ranked
    ]


def score(facts: Facts, study: Study, place: Place) -> Candidate:
    """Return how well one place fits one study."""
    contents = facts.contents_of(place)
    return _score(facts, study, place, _inside(contents) if contents else None)


def _score(facts: Facts, study: Study, place: Place, inside: _Inside | None) -> Candidate:
    identity = list(_identity(study, place, inside))
    other = list(_ranking(facts, study, place, inside))
    points = sum(number for number, _ in (*identity, *other))
    points = max(points, *(number for number, _ in identity)) if identity else min(points, CAP_WITHOUT_IDENTITY)
    reasons = tuple(text for number, text in (*identity, *other) if number > 0)
    return Candidate(
        study.study_instance_uid,
        place,
        points,
        certainty_of(points, has_identity=bool(identity)),
        reasons,
        bool(identity),
    )


def certainty_of(points: int, *, has_identity: bool) -> Certainty:
    """Return the word for a number of points."""
    if has_identity and points >= SURE:
        return Certainty.CONFIRMED
    if points >= LIKELY:
        return Certainty.LIKELY
    return Certainty.POSSIBLE


def _identity(study: Study, place: Place, inside: _Inside | None) -> Iterable[tuple[int, str]]:
    if study.study_instance_uid and place.study_instance_uid == study.study_instance_uid:
        yield 100, "study UID"
    elif study.stored_uid and place.study_instance_uid == study.stored_uid:
        yield 100, "study UID as the site stores it"
    if inside is None or not study.objects:
        return
    if not study.instance_uids.isdisjoint(inside.uids):
        yield 100, "SOP Instance UIDs"
    if _has_our_names(study, inside):
        yield 95, "file names made from the original UIDs"
    if not study.series_uids.isdisjoint(inside.series):
        yield 90, "series UID"


def _has_our_names(study: Study, inside: _Inside) -> bool:
    if study.study_instance_uid and study.study_instance_uid in inside.studies:
        return True
    return sum(inside.tokens[token] for token in study.tokens & inside.tokens.keys()) >= _ENOUGH_NAMES


def _ranking(facts: Facts, study: Study, place: Place, inside: _Inside | None) -> Iterable[tuple[int, str]]:
    yield from _by_label(study, place)
    yield from _by_time(facts, study, place)
    if place.experiment and facts.who and place.experiment.insert_user == facts.who.value.username:
        yield 10, "stored by this account"
    if inside is not None and inside.scans and study.objects:
        alike = _jaccard(study.series, inside.scans)
        if alike:
            yield round(25 * alike), "series numbers and descriptions"
        if inside.tokens.total() == len(study.objects):
            yield 10, "number of files"
    has_both = bool(study.study_instance_uid and place.study_instance_uid)
    is_other = place.study_instance_uid not in {study.study_instance_uid, study.stored_uid}
    if has_both and is_other and not study.is_rewritten:
        yield -60, "another study UID"


def _by_label(study: Study, place: Place) -> Iterable[tuple[int, str]]:
    if place.label in study.sessions:
        yield 30, "session label"
    elif _SUFFIX.sub("", place.label) in study.sessions:
        yield 25, "session label with a number"
    elif place.label.casefold() in {label.casefold() for label in study.sessions}:
        yield 20, "session label but for case"
    if place.subject and place.subject.casefold() in {label.casefold() for label in study.subjects}:
        yield 15, "subject"


def _by_time(facts: Facts, study: Study, place: Place) -> Iterable[tuple[int, str]]:
    day = _digits(place.row.scan_date if place.row else place.experiment.date if place.experiment else "")[:8]
    if day and any(day == date for date, _ in study.moments):
        yield 10, "study date"
        clock = _digits(place.row.scan_time)[:6] if place.row else ""
        if clock and any(abs(_seconds(clock) - _seconds(said)) <= 60 for date, said in study.moments if date == day):
            yield 10, "study time"
    arrived = place.row.uploaded if place.row else place.experiment.insert_date if place.experiment else ""
    is_then = is_in_window(arrived, facts)
    if is_then is not None:
        yield (10, "time of arrival") if is_then else (-20, "another time of arrival")


def _jaccard(ours: Counter[tuple[str, str]], theirs: Counter[tuple[str, str]]) -> float:
    """Return how much the series of both sides agree in number and description, as multisets."""
    union = (ours | theirs).total()
    return (ours & theirs).total() / union if union else 0.0


def _digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isdigit())


def _seconds(clock: str) -> int:
    digits = _digits(clock)[:6].ljust(6, "0")
    return int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:6])
