"""The steps that ask the site where a case may be, D2 to D6: each takes the facts and returns more of them.

Sources: missing data 3.2, 3.3. Only questions that read; what is Unassigned is opened by those who see all data, or
where our own records name it (rule 7 of missing data 0.3).
"""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from xnat_wizard.troubleshoot import waiting
from xnat_wizard.troubleshoot.case import Way
from xnat_wizard.troubleshoot.facts import Contents, Facts, Match, Place
from xnat_wizard.troubleshoot.forecast import forecast, way_of
from xnat_wizard.troubleshoot.model import Evidence, PlaceKind, Role, Standing, Told
from xnat_wizard.troubleshoot.resolve import resolve, role_in
from xnat_wizard.troubleshoot.scoring import rank, studies_of
from xnat_wizard.xnat.inquiries.values import Experiment, Row, WhoAmI
from xnat_wizard.xnat.inquiry import Inquiry

T = TypeVar("T")

_MOST_STUDIES = 10
_MOST_PROJECTS = 8
_MOST_POSSIBLE = 6  # places that may be it are opened; of those that are LIKELY, all
_FOR_EACH_STUDY = 5  # more questions than one study takes
_PREARCHIVE = re.compile(r"^/data/prearchive/projects/(?P<project>[^/]+)/[^/]+/[^/]+$")
_ARCHIVED = re.compile(r"^/data/(?:archive/)?(?:projects/(?P<project>[^/]+)/.*)?experiments/(?P<name>[^/]+)$")
_HELD = re.compile(r"^/xapi/direct-archive/(?P<project>[^/]+)/")


async def ask_who(facts: Facts, inquiry: Inquiry) -> Facts:
    """D2: whom the site takes us for, and what it says of itself."""
    who = await inquiry.who_am_i()
    if not who.is_known or who.value.is_guest:
        return facts.adding(who=who, offset_s=inquiry.offset_s)
    site = await inquiry.site_facts()
    return facts.adding(who=who, site=site, offset_s=inquiry.offset_s)


async def ask_project(facts: Facts, inquiry: Inquiry) -> Facts:
    """D3: which project is meant, what we may do in it, and where the objects would go by what is known so far."""
    inquiry.allow(_FOR_EACH_STUDY * max(0, min(len(facts.studies), _MOST_STUDIES) - 1))
    names = await inquiry.project_names()
    project = resolve(facts.case.project or facts.sent.project, names.value, _who(facts), names.evidence)
    if project.id:
        rights = await inquiry.project_rights(project.id)
        project = replace(project, rights=rights.value, evidence=(*project.evidence, *rights.evidence))
    if project.match in {Match.EXACT, Match.FOLDED} and facts.case.subject:
        subjects = await inquiry.subject_labels(project.id) if project.id else None
        project = replace(project, labels=subjects.value if subjects else ())
    facts = facts.adding(project=project)
    return facts.adding(forecasts=await asyncio.to_thread(forecast, facts))


async def ask_prearchive(facts: Facts, inquiry: Inquiry) -> Facts:
    """D4: the rows of the prearchive that we may see, and those that our own records name."""
    who = _who(facts)
    rows = await inquiry.rows()
    for project in _projects(facts):
        if project not in who.editable and not who.sees_all:
            rows = _joined(rows, await inquiry.rows_of(project))
    if who.sees_all:
        unassigned = Told(tuple(row for row in rows.value if row.is_unassigned), rows.standing, rows.evidence)
        if rows.is_known and not unassigned.value:  # a site may list them apart
            unassigned = await inquiry.unassigned()
    else:
        unassigned = await inquiry.unassigned()
    by_uid: list[Row] = []
    if who.sees_all:
        for study in facts.studies[:_MOST_STUDIES]:
            if not any(row.study_instance_uid == study for row in (*rows.value, *unassigned.value)):
                by_uid += (await inquiry.rows_by_uid(study)).value
    ours = tuple(row for row in unassigned.value if row.is_unassigned) + tuple(
        row for row in by_uid if row.is_unassigned
    )
    unassigned = Told(_distinct(ours), unassigned.standing, unassigned.evidence)
    rows = Told(_distinct([*rows.value, *by_uid]), rows.standing, rows.evidence)
    earlier = dict(facts.earlier)
    for uri in facts.sent.uris:
        if _PREARCHIVE.match(uri):
            known = next((row for row in (*rows.value, *unassigned.value) if row.uri == uri), None)
            earlier[uri] = Told(known, Standing.ANSWERED, rows.evidence) if known else await inquiry.row(uri)
    return facts.adding(rows=rows, unassigned=unassigned, earlier=earlier)


async def ask_archive(facts: Facts, inquiry: Inquiry) -> Facts:
    """D5: the experiments of the studies, wherever we read; and those of the projects that they may be in."""
    found: Told[tuple[Experiment, ...]] | None = None
    for study in facts.studies[:_MOST_STUDIES]:
        told = await inquiry.by_uid(study)
        found = told if found is None else _joined(found, told)
    projects = _projects(facts)
    if not facts.studies and len(projects) <= 1:  # nothing but labels or a time: look at all that we see
        visible = [one.id for one in facts.project.visible] if facts.project else []
        projects = list(dict.fromkeys([*projects, *visible]))[:_MOST_PROJECTS]
        inquiry.allow(len(projects))
    in_projects = dict(facts.in_projects)
    for project in projects[:_MOST_PROJECTS]:
        in_projects[project] = await inquiry.of_project(project)
    known = dict(facts.known)
    for uri in facts.sent.uris:
        if _ARCHIVED.match(uri):
            known[uri] = await inquiry.experiment(uri)
    return facts.adding(by_uid=found, in_projects=in_projects, known=known)


async def ask_elsewhere(facts: Facts, inquiry: Inquiry) -> Facts:
    """D6, first half: what direct archive holds, what is parked or pending; then score every place."""
    held = await inquiry.held()
    event = await inquiry.import_event(facts.case.event_key) if facts.case.event_key else None
    facts = facts.adding(held=held, event=event)
    facts = await asyncio.to_thread(rescored, facts)
    if not facts.hits() and way_of(facts) in {Way.WEB, Way.UNKNOWN, Way.ZIP}:
        facts = facts.adding(cache=await inquiry.cached_files())
    return facts


async def open_candidates(facts: Facts, inquiry: Inquiry) -> Facts:
    """D6, second half: open the best places: document, log, dry run, scans; then score again.

    A row that has gone since it was listed may have been archived meanwhile: the archive is asked again.
    """
    facts = await _opened(facts, inquiry)
    gone = {uri for uri, contents in facts.contents.items() if contents.is_gone}
    if gone and facts.rows:
        left = tuple(row for row in facts.rows.value if row.uri not in gone)
        contents = {uri: one for uri, one in facts.contents.items() if uri not in gone}
        facts = facts.adding(rows=replace(facts.rows, value=left), contents=contents)
        facts = await _opened(rescored(await ask_archive(facts, inquiry)), inquiry)
    return facts


async def _opened(facts: Facts, inquiry: Inquiry) -> Facts:
    likely = list(dict.fromkeys(one.place.uri for one in facts.hits()))
    others = [one.place.uri for one in facts.candidates if one.place.uri not in likely]
    places = [*likely, *list(dict.fromkeys(others))[:_MOST_POSSIBLE]]
    by_uri = {one.place.uri: one.place for one in facts.candidates}
    opened = await asyncio.gather(*(_open(facts, inquiry, by_uri[uri]) for uri in places))
    contents = {**facts.contents, **{one.uri: one for one in opened}}
    facts = await asyncio.to_thread(rescored, facts.adding(contents=contents))
    moving = [one.place.uri for one in facts.candidates if one.place.row and waiting.is_moving(one.place.row, facts)]
    held = [one.place.uri for one in facts.hits("", PlaceKind.DIRECT) if one.place.status not in {"ERROR", "CONFLICT"}]
    return facts.adding(moving=tuple(dict.fromkeys([*moving, *held])))


def rescored(facts: Facts) -> Facts:
    """Return the facts with every place scored anew; some 2 s for 50,000 objects, so it is for a thread."""
    return facts.adding(candidates=rank(facts, studies_of(facts, facts.forecasts)))


async def _open(facts: Facts, inquiry: Inquiry, place: Place) -> Contents:
    if place.kind is PlaceKind.ARCHIVE and place.experiment:
        return await _open_experiment(inquiry, place, place.experiment)
    if place.row is not None:
        return await _open_row(facts, inquiry, place, place.row)
    return Contents(place.uri, Standing.NOT_ASKED)


async def _open_experiment(inquiry: Inquiry, place: Place, experiment: Experiment) -> Contents:
    status, scans = await asyncio.gather(inquiry.status(experiment.id), inquiry.scans(experiment.id))
    return Contents(
        place.uri,
        scans.standing,
        scans.value,
        has_document=scans.is_known,
        status=status.value,
        evidence=(*status.evidence, *scans.evidence),
    )


async def _open_row(facts: Facts, inquiry: Inquiry, place: Place, row: Row) -> Contents:
    if not _may_open(facts, row):
        return Contents(place.uri, Standing.NOT_ALLOWED)
    document = await inquiry.has_document(row.uri)
    if document.is_denied:
        return Contents(place.uri, Standing.NOT_ALLOWED, evidence=document.evidence)
    evidence: list[Evidence] = list(document.evidence)
    log = ""
    if row.status in {"ERROR", "CONFLICT"} or row.is_locked:
        told = await inquiry.log(row.uri)
        log, evidence = told.value, [*evidence, *told.evidence]
    if not document.value:
        again = await inquiry.row(row.uri)
        is_gone = again.is_known and again.value is None
        evidence += again.evidence
        if is_gone:
            return Contents(place.uri, Standing.ABSENT, is_gone=True, evidence=tuple(evidence))
        return Contents(place.uri, Standing.ABSENT, log=log, has_document=False, evidence=tuple(evidence))
    scans = await inquiry.waiting_scans(row.uri)
    evidence += scans.evidence
    dry_run = None
    if row.is_settled and not row.is_unassigned:
        dry_run = await inquiry.dry_run(row.uri)
        evidence += dry_run.evidence
    return Contents(
        place.uri,
        scans.standing,
        scans.value,
        log=log,
        has_document=True,
        dry_run=dry_run,
        evidence=tuple(evidence),
    )


def _may_open(facts: Facts, row: Row) -> bool:
    """Tell whether our role lets us open a row: asking without it would tell nothing."""
    who = _who(facts)
    if row.is_unassigned:
        return who.sees_all
    return role_in(row.project, who, is_visible=True).may(Role.MEMBER) or who.sees_all


def _projects(facts: Facts) -> list[str]:
    """Return the visible projects in which the case may be: as typed, as our records say, as the forecast says."""
    visible = {one.id for one in facts.project.visible} if facts.project else set()
    named = [facts.project.id] if facts.project and facts.project.id else []
    named += [one.id for one in facts.project.alikes] if facts.project else []
    for uri in facts.sent.uris:
        for pattern in (_PREARCHIVE, _ARCHIVED, _HELD):
            found = pattern.match(uri)
            if found and "project" in pattern.groupindex and found["project"]:
                named.append(found["project"])
    named += [one.project for one in facts.forecasts]
    return [project for project in dict.fromkeys(named) if project in visible]


def _who(facts: Facts) -> WhoAmI:
    return facts.who.value if facts.who else WhoAmI("guest")


def _distinct(rows: Iterable[Row]) -> tuple[Row, ...]:
    return tuple({row.uri: row for row in rows}.values())


def _joined(one: Told[tuple[T, ...]], other: Told[tuple[T, ...]]) -> Told[tuple[T, ...]]:
    standing = one.standing if one.is_known else other.standing
    return Told((*one.value, *other.value), standing, (*one.evidence, *other.evidence))
