"""Causes of routing: to which project, subject and session the site sorted what came.

Sources: missing data 2.7, ROU-01 to ROU-09, ROU-18 to ROU-20; 1.1 G3 and G7; 3.6.
"""

from collections.abc import Iterator

from xnat_wizard.troubleshoot.case import Way
from xnat_wizard.troubleshoot.facts import Candidate, Facts, Forecast, Match
from xnat_wizard.troubleshoot.model import Certainty, Covers, Diagnosis, NextStep, PlaceKind, Role, StepKind
from xnat_wizard.troubleshoot.registry import rule
from xnat_wizard.troubleshoot.rules.gaps import arrived, counted, covering, missing, some

_UNASSIGNED = "/prearchive/projects/Unassigned/"
_HEADER = {"PatientComments", "StudyComments", "AdditionalPatientHistory"}
_GRADUAL_NAMES = {"project": "PROJECT_ID", "subject": "SUBJECT_ID", "session": "EXPT_LABEL"}


def _home(facts: Facts) -> str:
    """Return the ID of the project that is meant, as far as it is known."""
    if facts.project and facts.project.match is not Match.NONE:
        return facts.project.id
    return ""


def _ask_admin(text: str, template: str = "T1") -> NextStep:
    return NextStep(StepKind.ASK_ADMIN, text, role=Role.ADMIN, template=template)


def _way_home(facts: Facts, uri: str, *, is_ours: bool) -> tuple[NextStep, ...]:
    """Return how a session of Unassigned gets into its project: build, move, archive; and the letter."""
    home = _home(facts)
    letter = _ask_admin("Send the administrator this letter.")
    if not uri or not home:
        return (letter,)
    role = Role.MEMBER if is_ours else Role.ADMIN
    return (
        NextStep(StepKind.ONE_CLICK, "Let the site build it.", "F1", role, target=uri),
        NextStep(StepKind.ONE_CLICK, f"Move it to {home}.", "F6", role, target=uri, arguments={"project": home}),
        NextStep(StepKind.CONFIRM, "Then archive it there, after a check.", "F3", Role.MEMBER, target=uri),
        letter,
    )


def _all_objects(facts: Facts, study: str = "") -> Covers:
    objects = facts.local.objects if facts.local else ()
    return covering(one for one in objects if not study or one.study_instance_uid == study)


def _lost_ways(facts: Facts) -> tuple[Forecast, ...]:
    """Return the forecasts that lead to Unassigned."""
    return tuple(one for one in facts.forecasts if not one.project)


def _is_found(facts: Facts, study: str = "") -> bool:
    return bool(facts.hits(study, PlaceKind.ARCHIVE, PlaceKind.PREARCHIVE, PlaceKind.DIRECT))


@rule("ROU-01")
def no_project_matched(facts: Facts) -> Iterator[Diagnosis]:
    """The site found no project for it, and put it where only administrators look."""
    ours = next((uri for uri in facts.sent.uris if _UNASSIGNED in uri), "")
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
    text = lost[0].because if lost else ""
    yield Diagnosis(
        "ROU-01",
        Certainty.LIKELY if is_searched and (lost or is_typed_wrong) else Certainty.POSSIBLE,
        "No project matched, so it went to Unassigned, which only an administrator sees.",
        f"By the site's rules, nothing in the images or the request names a project ({text})."
        if text
        else f'"{facts.project.typed if facts.project else ""}" is the ID or alias of no project that you see.',
        where="prearchive/Unassigned",
        evidence=(*facts.evidence("Q4", "Q7", "Q9", "Q10", "Q15"), *(facts.local.evidence if facts.local else ())),
        covers=_all_objects(facts),
        next_steps=(_ask_admin("Send the administrator this letter: it names the study, the time and the project."),),
        prevent="Let the project be chosen from the list: this program sends its ID with every request.",
    )


def _unassigned(facts: Facts, uri: str, certainty: Certainty, why: str, hit: Candidate | None = None) -> Diagnosis:
    return Diagnosis(
        "ROU-01",
        certainty,
        "It is at the site, in Unassigned: no project matched.",
        why,
        where=hit.place.shown if hit else uri.removeprefix("/data/").replace("prearchive/projects", "prearchive"),
        evidence=(*facts.sent.evidence, *facts.evidence("Q9", "Q10", "Q11")),
        covers=_all_objects(facts, hit.study_instance_uid if hit else ""),
        next_steps=_way_home(facts, uri, is_ours=uri in facts.sent.uris),
        prevent="Let the project be chosen from the list: this program sends its ID with every request.",
    )


@rule("ROU-02")
def malformed_comment(facts: Facts) -> Iterator[Diagnosis]:
    """A comment in the images was to name the project, and the site cannot read it so."""
    if facts.local is None or Way.C_STORE not in {facts.case.way, facts.sent.way}:
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
    yield Diagnosis(
        "ROU-02",
        Certainty.LIKELY,
        "The comment in the images does not name a project in the way XNAT reads it.",
        'XNAT reads "Project:" and then letters, digits, _ and - only, up to a blank, comma or semicolon.',
        evidence=facts.local.evidence,
        covers=_all_objects(facts),
        next_steps=(_ask_admin("Send the administrator this letter."),),
        prevent="Let this program write the comment: it shows what the site will read.",
    )


@rule("ROU-03")
def another_text_named_a_project(facts: Facts) -> Iterator[Diagnosis]:
    """Study description or accession number happen to be the ID of a project."""
    home = _home(facts)
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
                _ask_admin("Ask the administrator: others may have seen these images.", "T2"),
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
    home = _home(facts)
    for forecast in facts.forecasts:
        by_rule = "rule" in forecast.because.lower()
        is_open = any("rule" in one.lower() for one in forecast.unsimulated)
        is_off = by_rule and forecast.project != home
        if not is_off and not (is_open and not _is_found(facts, forecast.study_instance_uid)):
            continue
        hit = next(
            (one for one in facts.hits(forecast.study_instance_uid) if one.place.project == forecast.project), None
        )
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
            next_steps=(_ask_admin("Ask the administrator where the rule sends it.", "T2"),),
            prevent="Upload over HTTPS, with the project in the request.",
        )


@rule("ROU-05")
def a_receiver_of_its_own_mind(facts: Facts) -> Iterator[Diagnosis]:
    """The receiver has rules or processing of its own, and files may have been swallowed there."""
    policies = facts.policies
    if policies is None or Way.C_STORE not in {facts.case.way, facts.sent.way} or not missing(facts):
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
        covers=covering(missing(facts)),
        next_steps=(_ask_admin("Ask the administrator to look into the receiver's log.", "T6"),),
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
    here = {one.path for one in arrived(facts)}
    for study, forecasts in by_study.items():
        if len({one.project for one in forecasts}) < 2:
            continue
        found = [one for one in forecasts if set(one.paths) <= here]
        rest = [one for one in forecasts if not set(one.paths) & here]
        if not rest:
            continue
        is_exact = bool(found) and len(found) + len(rest) == len(forecasts)
        projects = some([one.project or "Unassigned" for one in rest])
        yield Diagnosis(
            "ROU-06",
            Certainty.CONFIRMED if is_exact else Certainty.LIKELY,
            f"The study was divided: a part of it ({counted(sum(len(one.paths) for one in rest), 'image')}) went to "
            f"{projects}.",
            "XNAT sorts file by file, and the headers of these series name another project, or none.",
            where=hit.place.shown if (hit := next(iter(facts.hits(study)), None)) else "",
            evidence=(*(facts.local.evidence if facts.local else ()), *facts.evidence("Q7", "Q15")),
            covers=Covers((study,), 0, sum(len(one.paths) for one in rest)),
            next_steps=(_ask_admin("Send the administrator this letter for the rest."),),
            prevent="Give every image the same target: this program sends it with every request.",
        )


@rule("ROU-07")
def project_was_ignored(facts: Facts) -> Iterator[Diagnosis]:
    """The request named a project, and the site's answer names another place."""
    wanted = facts.sent.project or facts.case.project
    if not wanted:
        return
    for uri in facts.sent.uris:
        project = uri.partition("/projects/")[2].partition("/")[0]
        if not project or project == wanted or (facts.project and project == facts.project.id):
            continue
        at = next((hit for hit in facts.hits() if hit.place.uri == uri), None)
        if at is None and _is_found(facts):
            continue  # it has been put right since
        yield Diagnosis(
            "ROU-07",
            Certainty.CONFIRMED,
            f'The request said project "{wanted}"; the site put it into {project}.',
            "XNAT ignores a project that it does not know, or that the account may not use, and sorts by the images.",
            where=uri.removeprefix("/data/").replace("prearchive/projects", "prearchive"),
            evidence=(*facts.sent.evidence, *facts.evidence("Q4", "Q5")),
            covers=_all_objects(facts),
            next_steps=_way_home(facts, uri, is_ours=True)
            if _UNASSIGNED in uri
            else (
                NextStep(
                    StepKind.CONFIRM,
                    f"Move it to {_home(facts)}.",
                    "F6",
                    Role.MEMBER,
                    target=uri,
                    arguments={"project": _home(facts)},
                ),
                _ask_admin("Or send the administrator this letter."),
            )
            if _home(facts)
            else (_ask_admin("Send the administrator this letter."),),
            prevent="Compare the site's first answer with the project: this program stops at the first difference.",
        )


@rule("ROU-08")
def uploaded_as_collaborator(facts: Facts) -> Iterator[Diagnosis]:
    """The site took the upload of somebody who may not see what came of it."""
    project = facts.project
    if project is None or facts.role is not Role.COLLABORATOR or not project.is_visible or facts.rows is None:
        return
    rows = [row for row in facts.rows.value if row.project == project.id]
    studies = set(facts.studies)
    ours = [
        row
        for row in rows
        if row.study_instance_uid in studies or row.label in {facts.case.session, facts.sent.session}
    ]
    if not ours:
        return
    yield Diagnosis(
        "ROU-08",
        Certainty.CONFIRMED,
        f"It is in the prearchive of {project.id} (status {ours[0].status}); this account may not open it.",
        "The site takes uploads of collaborators, and shows them the list only.",
        where=f"prearchive/{project.id}/{ours[0].timestamp}/{ours[0].folder}",
        evidence=facts.evidence("Q5", "Q8", "Q11"),
        covers=_all_objects(facts),
        next_steps=(
            NextStep(StepKind.ASK_OWNER, "Ask an owner to archive it, or to make you a member.", "", Role.OWNER, "T4"),
        ),
        prevent="Ask for a member's rights before an upload.",
    )


@rule("ROU-09")
def names_of_another_handler(facts: Facts) -> Iterator[Diagnosis]:
    """The request used parameters that its import handler does not read."""
    way = facts.sent.way if facts.sent.way is not Way.UNKNOWN else facts.case.way
    wrong = [name for name in _GRADUAL_NAMES if name in facts.sent.parameters]
    if way is not Way.GRADUAL or not wrong:
        return
    yield Diagnosis(
        "ROU-09",
        Certainty.CONFIRMED,
        f"The request said {some(wrong)}; this import handler reads {some([_GRADUAL_NAMES[one] for one in wrong])}.",
        "Each import handler has names of its own, and ignores the others without a word.",
        evidence=facts.sent.evidence,
        covers=_all_objects(facts),
        next_steps=_way_home(facts, next((uri for uri in facts.sent.uris if _UNASSIGNED in uri), ""), is_ours=True),
        prevent="Use the upper-case names, which all handlers read, and look at the answer: this program does both.",
    )
