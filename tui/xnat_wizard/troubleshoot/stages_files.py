"""The steps that compare and explain, D7 and D8: the files of the best places, and what changes or drops what arrives.

Sources: missing data 3.2, 3.6, 3.7. One question for each scan, two in the prearchive.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from xnat_wizard.troubleshoot.facts import Contents, Facts, Place, Policies
from xnat_wizard.troubleshoot.forecast import drops, forecast
from xnat_wizard.troubleshoot.ledger import reconcile
from xnat_wizard.troubleshoot.model import Evidence, PlaceKind, Standing, Told
from xnat_wizard.troubleshoot.stages import rescored
from xnat_wizard.upload.tokens import study_in
from xnat_wizard.xnat.inquiries.values import StoredObject
from xnat_wizard.xnat.inquiry import Inquiry

_MOST_SAMPLES = 12


async def compare_files(facts: Facts, inquiry: Inquiry) -> Facts:
    """D7: list the files of every place that is at least LIKELY, and give each local file its fate."""
    places = {one.place.uri: one.place for one in facts.hits()}.values()
    contents = dict(facts.contents)
    for place in places:
        known = contents.get(place.uri)
        if known is not None and known.standing is Standing.ANSWERED and not known.files:
            contents[place.uri] = await _filled(inquiry, place, known)
    return await asyncio.to_thread(_compared, facts.adding(contents=contents))


async def _filled(inquiry: Inquiry, place: Place, known: Contents) -> Contents:
    """Return the contents of a place with its files."""
    told = await asyncio.gather(*(_files(inquiry, place, scan.id) for scan in known.scans))
    files = tuple(file for each in told for file in each.value)
    evidence = [piece for each in told for piece in each.evidence]
    standing = next((each.standing for each in told if not each.is_known), Standing.ANSWERED)
    unreadable: list[str] = []
    picked = samples(files) if place.kind is PlaceKind.ARCHIVE else ()
    for uri, is_there in zip(picked, await asyncio.gather(*(inquiry.is_readable(uri) for uri in picked)), strict=True):
        evidence += is_there.evidence
        if is_there.standing is Standing.ABSENT or (is_there.is_known and not is_there.value):
            unreadable.append(uri)
    return replace(
        known,
        standing=standing,
        files=files,
        unreadable=tuple(unreadable),
        sampled=len(picked),
        evidence=(*known.evidence, *evidence),
    )


async def _files(inquiry: Inquiry, place: Place, scan_id: str) -> Told[tuple[StoredObject, ...]]:
    if place.experiment is not None:
        return await inquiry.scan_files(place.experiment.id, scan_id)
    files = await inquiry.waiting_files(place.uri, scan_id)
    if not files.is_known or all(study_in(file.name) for file in files.value):
        return files
    uids = await inquiry.distinct_uids(place.uri, scan_id)  # names say nothing: ask the headers
    evidence = (*files.evidence, *uids.evidence)
    return Told(_told_apart(files.value, uids.value), files.standing, evidence)


def _told_apart(files: tuple[StoredObject, ...], uids: Iterable[str]) -> tuple[StoredObject, ...]:
    """Give the UIDs of a scan to its files, where there are as many: which has which does not matter here.

    Fewer UIDs than files may be an under-report: then none is given, and names and numbers have to do.
    """
    known = tuple(uids)
    if len(known) != len(files):
        return files
    return tuple(replace(file, sop_instance_uid=uid) for file, uid in zip(files, known, strict=True))


def samples(files: tuple[StoredObject, ...]) -> tuple[str, ...]:
    """Return the URI of the middle file of each scan."""
    scans: dict[str, list[str]] = {}
    for file in files:
        scans.setdefault(file.scan_id, []).append(file.uri)
    return tuple(uris[len(uris) // 2] for uris in scans.values() if uris)[:_MOST_SAMPLES]


async def explain_rest(facts: Facts, inquiry: Inquiry) -> Facts:
    """D8: read what filters, scripts, rules and receivers there are, and simulate them on the local objects."""
    project = facts.project.id if facts.project else ""
    filters, scripts, rules, receivers, processors = await asyncio.gather(
        inquiry.filters(facts.site, project),
        inquiry.scripts(facts.site, project),
        inquiry.routing_rules(),
        inquiry.receivers(),
        inquiry.processors(),
    )
    facts = facts.adding(policies=Policies(filters, scripts, rules, receivers, processors))
    return await asyncio.to_thread(_explained, facts)


def _explained(facts: Facts) -> Facts:
    forecasts = forecast(facts)
    return _compared(facts.adding(forecasts=forecasts, drops=drops(facts, forecasts)))


def _compared(facts: Facts) -> Facts:
    facts = rescored(facts)
    return facts.adding(ledger=reconcile(facts))


def evidence_of(facts: Facts) -> tuple[Evidence, ...]:
    """Return what was read on this machine, which stands before what was asked of the site."""
    local = facts.local.evidence if facts.local else ()
    return (*facts.sent.evidence, *local)
