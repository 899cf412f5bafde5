"""Questions about what changes, drops or routes what arrives (Q21 to Q25)."""

import json
from collections.abc import Mapping

from xnat_wizard.xnat.answers import Answer
from xnat_wizard.xnat.inquiries.asking import Asker
from xnat_wizard.xnat.inquiries.values import Filter, Receiver, Script, SiteFacts
from xnat_wizard.xnat.told import Evidence, Standing, Told
from xnat_wizard.xnat.uris import path_of

_JSON = {"format": "json"}
RULES = ("projectRules", "subjectRules", "sessionRules", "aaRules")


async def filters(asker: Asker, site: Told[SiteFacts] | None, project: str) -> Told[tuple[Filter, ...]]:
    """Ask for the series import filters that are on (Q21); the site's stands among its settings."""
    found: list[Filter] = []
    settings = site.value.settings if site else {}
    is_told = "enableSitewideSeriesImportFilter" in settings
    evidence: list[Evidence] = list(site.evidence if site else ())
    if is_told:
        if settings["enableSitewideSeriesImportFilter"] == "true":
            mode = settings.get("sitewideSeriesImportFilterMode") or "blacklist"
            found.append(Filter("site", mode, settings.get("sitewideSeriesImportFilter", "")))
    else:
        told = await _filter(asker, "/data/config/seriesImportFilter/config", "site")
        found += told.value
        evidence += told.evidence
        is_told = told.is_known
    standing = Standing.ANSWERED if is_told else Standing.NOT_ALLOWED
    if project:
        path = path_of("data", "projects", project) + "/config/seriesImportFilter/config"
        mine = await _filter(asker, path, "project")
        found += mine.value
        evidence += mine.evidence
        standing = standing if mine.is_known else mine.standing
    return Told(tuple(found), standing, tuple(evidence))


async def scripts(asker: Asker, site: Told[SiteFacts] | None, project: str) -> Told[tuple[Script, ...]]:
    """Ask for the anonymization scripts (Q23); the site's stands among its settings."""
    settings = site.value.settings if site else {}
    said = settings.get("enableSitewideAnonymizationScript")
    is_on = None if said is None else said == "true"
    found = [Script("site", is_on, settings.get("sitewideAnonymizationScript", ""))]
    evidence: list[Evidence] = list(site.evidence if site else ())
    standing = Standing.ANSWERED if is_on is not None else Standing.NOT_ALLOWED
    if project:
        path = path_of("xapi", "anonymize", "projects", project)
        switch = await asker.ask(
            "Q23", path + "/enabled", read=lambda answer: answer.bare, empty="", words=lambda text: text or "nothing"
        )
        is_mine_on = switch.value == "true" if switch.is_known else None
        text = ""
        evidence += switch.evidence
        if is_mine_on:
            script = await asker.ask(
                "Q23", path, read=lambda answer: answer.text, empty="", words=lambda text: f"{len(text)} characters"
            )
            text = script.value
            evidence += script.evidence
        found.append(Script("project", is_mine_on, text))
        standing = standing if switch.is_known or switch.standing is Standing.ABSENT else switch.standing
    return Told(tuple(found), standing, tuple(evidence))


async def routing_rules(asker: Asker) -> Told[Mapping[str, str]]:
    """Ask for the site's own rules of identification (Q22); a site without any knows no such tool."""

    def read(answer: Answer) -> Mapping[str, str]:
        rows = (row for row in answer.rows() if row.get("path") in RULES and row.get("status") != "disabled")
        return {row["path"]: row.get("contents", "") for row in rows if row.get("contents")}

    def said(rules: Mapping[str, str]) -> str:
        return ", ".join(rules) or "none"

    empty: Mapping[str, str] = {}
    told = await asker.ask("Q22", "/data/config/dicom", _JSON, read=read, empty=empty, words=said)
    return Told(empty, Standing.ANSWERED, told.evidence) if told.standing is Standing.ABSENT else told


async def receivers(asker: Asker) -> Told[tuple[Receiver, ...]]:
    """Ask for the DICOM receivers (Q24)."""

    def read(answer: Answer) -> tuple[Receiver, ...]:
        found = answer.json()
        return tuple(_receiver(one) for one in found if isinstance(one, dict)) if isinstance(found, list) else ()

    def said(found: tuple[Receiver, ...]) -> str:
        return ", ".join(f"{one.ae_title}:{one.port}{'' if one.is_enabled else ' off'}" for one in found) or "none"

    return await asker.ask_many("Q24", "/xapi/dicomscp", read=read, words=said)


async def processors(asker: Asker) -> Told[tuple[str, ...]]:
    """Ask for the processors of the site that are on (Q25)."""

    def read(answer: Answer) -> tuple[str, ...]:
        match answer.json():
            case dict(summary):
                return tuple(sorted(str(name) for name in summary))
            case list(found):
                return tuple(sorted(str(one) for one in found))
            case _:
                return ()

    return await asker.ask_many("Q25", "/xapi/processors/site/enabled/summary", read=read)


async def _filter(asker: Asker, path: str, owner: str) -> Told[tuple[Filter, ...]]:
    def read(answer: Answer) -> tuple[Filter, ...]:
        rows = answer.rows()
        if not rows or rows[-1].get("status") != "enabled":
            return ()
        try:
            raw = json.loads(rows[-1].get("contents", ""))
            return (Filter(owner, str(raw.get("mode", "blacklist")), str(raw.get("list", ""))),)
        except (ValueError, AttributeError, RecursionError):
            return (Filter(owner, "of an unknown form", ""),)

    def said(found: tuple[Filter, ...]) -> str:
        return f"{found[0].mode}: {len(found[0].lines.splitlines())} lines" if found else "off"

    told = await asker.ask_many("Q21", path, _JSON, read=read, words=said)
    return Told((), Standing.ANSWERED, told.evidence) if told.standing is Standing.ABSENT else told


def _receiver(one: dict[str, object]) -> Receiver:
    def flag(name: str, *, usual: bool = False) -> bool:
        value = one.get(name)
        return usual if value is None else value is True

    def text(name: str) -> str:
        return str(one.get(name) or "")

    known = one.get("whitelist")
    port = one.get("port")
    return Receiver(
        ae_title=text("aeTitle"),
        port=port if isinstance(port, int) else 0,
        is_enabled=flag("enabled"),
        has_custom_processing=flag("customProcessing"),
        is_direct_archive=flag("directArchive"),
        is_anonymizing=flag("anonymizationEnabled", usual=True),
        has_whitelist=flag("whitelistEnabled"),
        whitelist=tuple(str(name) for name in known) if isinstance(known, list) else (),
        has_routing=flag("routingExpressionsEnabled"),
        project_routing=text("projectRoutingExpression"),
        subject_routing=text("subjectRoutingExpression"),
        session_routing=text("sessionRoutingExpression"),
    )
