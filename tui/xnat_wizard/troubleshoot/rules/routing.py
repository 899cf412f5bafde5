"""Causes of routing: to which project, subject and session the site sorted what came.

Sources: missing data 2.7, ROU-01 to ROU-06; 1.1 G3 and G7; 3.6.
"""

from collections.abc import Iterator

from xnat_wizard.troubleshoot.case import Way
from xnat_wizard.troubleshoot.facts import Candidate, Facts, Forecast, Match, Place
from xnat_wizard.troubleshoot.forecast import way_of
from xnat_wizard.troubleshoot.model import (
    Certainty,
    Covers,
    Diagnosis,
    Fate,
    NextStep,
    PlaceKind,
    Role,
    Standing,
    StepKind,
)
from xnat_wizard.troubleshoot.registry import rule
from xnat_wizard.troubleshoot.rules.gaps import by_hand, counted, covering, letter, missing, offered, some
from xnat_wizard.troubleshoot.rules.homeward import UNASSIGNED, all_objects, home_of, way_home

_SITE_RULE, _RECEIVER_RULE = "the site's rule", "the receiver's rule"  # as a forecast names them
_WHERE = {
    "parameter": "the request",
    "PatientComments": "the patient comments",
    "StudyComments": "the study comments",
    "AdditionalPatientHistory": "the patient history",
    "StudyDescription": "the study description",
    "AccessionNumber": "the accession number",
}
_HEADER = {"PatientComments", "StudyComments", "AdditionalPatientHistory"}


def _lost_ways(facts: Facts) -> tuple[Forecast, ...]:
    """Return the forecasts that lead to Unassigned."""
    return tuple(one for one in facts.forecasts if not one.project)


def _is_found(facts: Facts, study: str = "") -> bool:
    return bool(facts.hits(study, PlaceKind.ARCHIVE, PlaceKind.PREARCHIVE, PlaceKind.DIRECT))


@rule("ROU-01")
def no_project_matched(facts: Facts) -> Iterator[Diagnosis]:
    """The site found no project for it, and put it where only administrators look."""
    ours = next((uri for uri in facts.sent.uris if UNASSIGNED in uri and not _has_left(facts, uri)), "")
    seen = facts.hits("", PlaceKind.UNASSIGNED)
    if ours and not _is_found(facts):
        yield _unassigned(facts, ours, Certainty.CONFIRMED, "The site's own answer at the upload names this place.")
        return
    for hit in seen:
        yield _unassigned(
            facts,
            hit.place.uri,
            Certainty.CONFIRMED if hit.has_identity else Certainty.LIKELY,
            "The list of what is unassigned has it.",
            hit,
        )
    if seen or _is_found(facts) or facts.rows is None:
        return
    is_searched = bool(facts.by_uid and facts.by_uid.is_known)
    lost = _lost_ways(facts)
    is_typed_wrong = facts.project is not None and facts.project.match in {
        Match.TITLE,
        Match.RUNNING_TITLE,
        Match.FOLDED,
        Match.NONE,
    }
    is_closed = facts.unassigned is None or not facts.unassigned.is_known
    if not is_closed or not (lost or is_typed_wrong):
        return
    tried = [f'{_WHERE.get(where, where)} "{text}"' for one in lost for where, text in one.candidates]
    yield Diagnosis(
        "ROU-01",
        Certainty.LIKELY if is_searched and (lost or is_typed_wrong) else Certainty.POSSIBLE,
        "No project matched, so it went to Unassigned, which only an administrator sees.",
        f"Whatever could name a project names none that this account sees: {some(tried)}."
        if tried
        else "Neither the request nor the images name a project."
        if lost
        else f'"{facts.project.typed if facts.project else ""}" is the ID or alias of no project that you see.',
        where="prearchive/Unassigned",
        evidence=(*facts.evidence("Q4", "Q7", "Q9", "Q10", "Q15"), *(facts.local.evidence if facts.local else ())),
        covers=all_objects(facts),
        next_steps=(letter("Send the administrator this letter: it names the study, the time and the project.", "T1"),),
        prevent="Let the project be chosen from the list: this program sends its ID with every request.",
    )


def _has_left(facts: Facts, uri: str) -> bool:
    """Tell whether a session that our records name is known to be no longer in its place."""
    told = facts.earlier.get(uri)
    sees_it = facts.who is not None and facts.who.value.sees_all
    return sees_it and told is not None and told.value is None and told.standing in {Standing.ABSENT, Standing.ANSWERED}


def _unassigned(facts: Facts, uri: str, certainty: Certainty, why: str, hit: Candidate | None = None) -> Diagnosis:
    return Diagnosis(
        "ROU-01",
        certainty,
        "It is at the site, in Unassigned: no project matched."
        if certainty is Certainty.CONFIRMED
        else "It may be at the site, in Unassigned: no project matched.",
        why,
        where=hit.place.shown if hit else uri.removeprefix("/data/").replace("prearchive/projects", "prearchive"),
        evidence=(*facts.sent.evidence, *facts.evidence("Q9", "Q10", "Q11")),
        covers=all_objects(facts, hit.study_instance_uid if hit else ""),
        next_steps=way_home(facts, uri, is_ours=uri in facts.sent.uris)
        if certainty is Certainty.CONFIRMED
        else (
            by_hand("Look into it before you move it: label and time fit, and nothing else was compared."),
            letter("Or send the administrator this letter.", "T1"),
        ),
        prevent="Let the project be chosen from the list: this program sends its ID with every request.",
    )


@rule("ROU-02")
def malformed_comment(facts: Facts) -> Iterator[Diagnosis]:
    """A comment in the images was to name the project, and the site cannot read it so."""
    if facts.local is None or way_of(facts) not in {Way.C_STORE, Way.UNKNOWN}:
        return
    texts = [
        text
        for one in facts.local.objects
        for text in (one.patient_comments, one.study_comments, one.patient_history)
        if "project" in text.lower()
    ]
    has_field = {source for forecast in facts.forecasts for source, _ in forecast.candidates} & _HEADER
    if not texts or has_field or not _lost_ways(facts) or _is_found(facts):
        return
    seen = next((hit for hit in facts.hits("", PlaceKind.UNASSIGNED) if hit.has_identity), None)
    ours = next((uri for uri in facts.sent.uris if UNASSIGNED in uri), "")
    yield Diagnosis(
        "ROU-02",
        Certainty.CONFIRMED if seen else Certainty.LIKELY,
        "The comment in the images does not name a project in the way XNAT reads it.",
        'XNAT reads "Project:" and then letters, digits, _ and - only, up to a blank, comma or semicolon.',
        where=seen.place.shown if seen else "",
        evidence=(*facts.local.evidence, *facts.evidence("Q9", "Q10")),
        covers=all_objects(facts),
        next_steps=way_home(facts, ours or (seen.place.uri if seen else ""), is_ours=bool(ours)),
        prevent="Name the project in the request: this program sends it so, and needs no comment.",
    )


@rule("ROU-03")
def another_text_named_a_project(facts: Facts) -> Iterator[Diagnosis]:
    """Study description or accession number happen to be the ID of a project."""
    home = home_of(facts)
    if not home and not facts.case.project:
        return  # nobody says that it should be elsewhere
    for forecast in facts.forecasts:
        if forecast.because not in {"StudyDescription", "AccessionNumber"}:
            continue
        if not forecast.project or forecast.project == home:
            continue
        hit = next(
            (
                one
                for one in facts.hits(forecast.study_instance_uid)
                if one.place.project == forecast.project and one.has_identity
            ),
            None,
        )
        is_visible = facts.project is not None and any(one.id == forecast.project for one in facts.project.visible)
        if hit is None and _is_found(facts, forecast.study_instance_uid):
            continue
        move = NextStep(
            StepKind.CONFIRM,
            f"Move it to {home}.",
            "F6",
            Role.MEMBER,
            target=hit.place.uri if hit else "",
            arguments={"project": home},
        )
        yield Diagnosis(
            "ROU-03",
            Certainty.CONFIRMED if hit else Certainty.LIKELY if is_visible else Certainty.POSSIBLE,
            f"The {_words(forecast.because)} of the images is the ID of a project, {forecast.project}: it went there.",
            "XNAT looks in several texts for a project, and takes the first that is one.",
            where=hit.place.shown if hit else f"project {forecast.project}",
            evidence=(*(facts.local.evidence if facts.local else ()), *facts.evidence("Q4", "Q7", "Q15")),
            covers=Covers((forecast.study_instance_uid,), 0, len(forecast.paths)),
            next_steps=(
                *((move,) if hit and home and hit.place.row else ()),
                letter("Ask the administrator: others may have seen these images.", "T2"),
            ),
            prevent="Let the project be sent with every request: this program does.",
        )


def _words(keyword: str) -> str:
    return {"StudyDescription": "study description", "AccessionNumber": "accession number"}.get(keyword, keyword)


@rule("ROU-04")
def a_rule_of_the_site(facts: Facts) -> Iterator[Diagnosis]:
    """A routing rule of the site decided before anything in request or comment."""
    policies = facts.policies
    if policies is None or not policies.rules.is_known or not policies.rules.value:
        return
    home = home_of(facts)
    for forecast in facts.forecasts:
        is_open = any("the site's rule" in one for one in forecast.unsimulated)
        is_off = forecast.because == _SITE_RULE and bool(home or facts.case.project) and forecast.project != home
        if not is_off and not (is_open and not _is_found(facts, forecast.study_instance_uid)):
            continue
        hit = _where_it_went(facts, forecast)
        yield Diagnosis(
            "ROU-04",
            Certainty.CONFIRMED
            if is_off and hit and hit.has_identity
            else Certainty.LIKELY
            if is_off
            else Certainty.POSSIBLE,
            f"A rule of the site sorts these images to {forecast.project or 'Unassigned'}."
            if is_off
            else "The site has a rule of its own for sorting, which cannot be worked out here.",
            "The site's rules come before the comments in the images.",
            where=hit.place.shown if hit else "",
            evidence=policies.rules.evidence,
            covers=Covers((forecast.study_instance_uid,), 0, len(forecast.paths)),
            next_steps=(letter("Ask the administrator where the rule sends it.", "T2"),),
            prevent="Upload over HTTPS, with the project in the request.",
        )


def _where_it_went(facts: Facts, forecast: Forecast) -> Candidate | None:
    hits = facts.hits(forecast.study_instance_uid)
    return next((one for one in hits if one.place.project == forecast.project and one.has_identity), None)


@rule("ROU-05")
def a_receiver_of_its_own_mind(facts: Facts) -> Iterator[Diagnosis]:
    """The receiver has rules or processing of its own: it sorted files elsewhere, or swallowed them."""
    yield from _sorted_by_the_receiver(facts)
    policies = facts.policies
    is_by_dicom = Way.C_STORE in {facts.case.way, facts.sent.way}
    if policies is None or not is_by_dicom or facts.moving or not offered(facts):
        return
    port = facts.case.receiver[1] if facts.case.receiver else 0
    used = [one for one in policies.receivers.value if one.is_enabled and port in {0, one.port}]
    marked = [one for one in used if one.has_custom_processing or one.has_routing]
    processors = policies.processors.value if policies.processors.is_known else ()
    if not marked and not processors:
        return
    if _is_explained(facts):
        return
    what = "rules of its own" if marked and marked[0].has_routing else "processing of its own"
    yield Diagnosis(
        "ROU-05",
        Certainty.LIKELY if marked else Certainty.POSSIBLE,
        f"The receiver {marked[0].ae_title if marked else 'of the site'} has {what}: files may have been sorted or "
        "swallowed there.",
        "It answers success for what its processing drops.",
        evidence=(*policies.receivers.evidence, *policies.processors.evidence),
        covers=covering(offered(facts)),
        next_steps=(letter("Ask the administrator to look into the receiver's log.", "T6"),),
        prevent="Upload over HTTPS: the receiver's rules do not count there.",
    )


def _sorted_by_the_receiver(facts: Facts) -> Iterator[Diagnosis]:
    home = home_of(facts)
    for forecast in facts.forecasts if home and facts.policies else ():
        if forecast.because != _RECEIVER_RULE or forecast.project == home:
            continue
        hit = _where_it_went(facts, forecast)
        yield Diagnosis(
            "ROU-05",
            Certainty.CONFIRMED if hit else Certainty.LIKELY,
            f"A rule of the receiver sorts these images to {forecast.project or 'Unassigned'}.",
            "A receiver's own rule comes before the site's rules and the comments in the images.",
            where=hit.place.shown if hit else "",
            evidence=facts.evidence("Q24"),
            covers=Covers((forecast.study_instance_uid,), 0, len(forecast.paths)),
            next_steps=(letter("Ask the administrator to look for them there.", "T6"),),
            prevent="Upload over HTTPS: the receiver's rules do not count there.",
        )


def _is_explained(facts: Facts) -> bool:
    """Tell whether every missing object has a forecast that explains it, or was never taken by the receiver."""
    dropped = {one.path for one in facts.drops}
    lost = {path for forecast in _lost_ways(facts) for path in forecast.paths}
    acknowledged = {line.path for line in facts.ledger.unexplained}
    return all(one.path in dropped or one.path in lost or one.path not in acknowledged for one in missing(facts))


@rule("ROU-06")
def study_was_divided(facts: Facts) -> Iterator[Diagnosis]:
    """The headers of a study's series name different targets: the study was divided."""
    by_study: dict[str, list[Forecast]] = {}
    for forecast in facts.forecasts:
        by_study.setdefault(forecast.study_instance_uid, []).append(forecast)
    lines = facts.ledger.of(Fate.ARRIVED)
    here = {line.path for line in lines}
    open_paths = {one.path for one in offered(facts)}
    places = {hit.place.uri: hit.place for hit in facts.hits()}
    for study, forecasts in by_study.items():
        if len({one.project for one in forecasts}) < 2 or facts.moving:
            continue
        seen = {places[line.where] for line in lines if line.study_instance_uid == study and line.where in places}
        parts = sorted(seen, key=lambda place: (place.kind is PlaceKind.UNASSIGNED, place.uri))
        is_seen = len({place.project for place in parts}) > 1
        rest = [one for one in forecasts if set(one.paths) & open_paths and not set(one.paths) & here]
        if not rest and not is_seen:
            continue
        astray = [path for one in rest for path in one.paths if path in open_paths]
        others = some([place.project or "Unassigned" for place in parts[1:]])
        targets = some([one.project or "Unassigned" for one in rest])
        is_exact = any(set(one.paths) <= here for one in forecasts)  # one target has all of its files
        count = sum(line.where == part.uri for part in parts[1:] for line in lines) if is_seen else len(astray)
        yield Diagnosis(
            "ROU-06",
            Certainty.CONFIRMED if is_seen else Certainty.LIKELY if is_exact else Certainty.POSSIBLE,
            f"The study was divided: a part of it ({counted(count, 'image')}) "
            + (f"is in {others}." if is_seen else f"went to {targets}, as its headers say."),
            "XNAT sorts file by file, and the headers of these series name another project, or none.",
            where=parts[-1].shown if is_seen else parts[0].shown if parts else "",
            evidence=(*(facts.local.evidence if facts.local else ()), *facts.evidence("Q7", "Q9", "Q15")),
            covers=Covers((study,), 0, count),
            next_steps=(*_join(facts, parts), letter("Send the administrator this letter for the rest.", "T1")),
            prevent="Give every image the same target: this program sends it with every request.",
        )


def _join(facts: Facts, parts: list[Place]) -> tuple[NextStep, ...]:
    """Return how a part of a study in Unassigned gets to the rest."""
    last = parts[-1] if parts else None
    home = parts[0].project if parts else ""
    if last is None or last.kind is not PlaceKind.UNASSIGNED or not home or last is parts[0]:
        return ()
    role = Role.MEMBER if last.uri in facts.sent.uris else Role.ADMIN
    return (
        NextStep(StepKind.CONFIRM, f"Move it to {home}.", "F6", role, target=last.uri, arguments={"project": home}),
        NextStep(StepKind.CONFIRM, "Then add it to the rest.", "F4", Role.MEMBER, target=last.uri),
    )
