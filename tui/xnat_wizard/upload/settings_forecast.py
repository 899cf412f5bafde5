"""What the settings of a site and a project will do to the sessions of a plan. Only values; nothing is asked here.

Sources: wire contract 2.5 (codes), 3 (scripts), 5.8 (archiving without being asked), 9.4 (series import filters).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xnat_wizard.dicom.model import Series
from xnat_wizard.findings import Finding, Severity
from xnat_wizard.upload import parts
from xnat_wizard.upload.model import Destination, Plan, PlannedSession, Route
from xnat_wizard.upload.series_filter import NotSimulated, SeriesFilter

if TYPE_CHECKING:
    from xnat_wizard.xnat.model import ArrivalRules, UploadSettings

SURE_TO_PASS_BYTES = 1024 * 1024  # the smallest limit that common proxies come with
_NAMED = 4  # so many series are named in a finding
_COMMENT_OR_TEXT = re.compile(r'"[^"\n]*"|//[^\n]*')
_REJECT = re.compile(r"\breject\b")


def about_settings(plan: Plan, settings: "UploadSettings", rules: "ArrivalRules") -> list[Finding]:
    """Say what the settings do to the upload as a whole."""
    findings = []
    if settings.archives_by_itself and plan.destination is Destination.PREARCHIVE:
        findings.append(
            Finding(
                "forecast.archives_by_itself",
                f"Project `{plan.project}` archives what arrives by itself",
                f"Its prearchive code is {settings.prearchive_code}",
                _ways_to_stay(plan),
                severity=Severity.NOTE,
            )
        )
    if settings.quarantine_code == "1":
        findings.append(
            Finding(
                "forecast.quarantine",
                f"Project `{plan.project}` keeps archived sessions in quarantine",
                "Its quarantine code is 1: only its owners see them until they release them",
                ("Tell an owner of the project when the sessions are archived",),
                severity=Severity.NOTE,
            )
        )
    return [*findings, *_about_scripts(settings, rules), *_about_filters(settings, rules), *_about_size(plan)]


def _ways_to_stay(plan: Plan) -> tuple[str, ...]:
    if plan.route is not Route.DICOM:
        return ("Nothing to do: these sessions are sent so that they wait in the prearchive all the same",)
    return (
        "Nothing to do: built when all is sent, they wait; after minutes of interruption XNAT archives what is there",
        "Or choose the route import, which can tell XNAT to wait",
    )


def about_series(session: PlannedSession, rules: "ArrivalRules") -> list[Finding]:
    """Say which series of a session the filters will drop."""
    dropped: dict[str, Series] = {}
    unsure: dict[str, Series] = {}
    by = []
    for active in active_filters(rules):
        if active.filter is None:
            continue
        answers = {series.key: active.filter.drops(series) for series in session.series}
        if True in answers.values():
            by.append(active.whose)
        dropped |= {series.key: series for series in session.series if answers[series.key]}
        unsure |= {series.key: series for series in session.series if answers[series.key] is None}
    unsure = {key: series for key, series in unsure.items() if key not in dropped}
    findings = []
    if dropped:
        is_all = len(dropped) == len(session.series)
        findings.append(
            Finding(
                "forecast.filter_drops_all" if is_all else "forecast.filter_drops",
                f"{'All' if is_all else f'{len(dropped)} of'} {len(session.series)} series of session "
                f"`{session.session_label}` will not arrive: {_names(dropped.values())}",
                f"The series import filter of the {' and the '.join(by)} drops them on purpose, without a word",
                ("Go on if that is right: the receipt names them", "Otherwise ask who manages the project"),
                where=session.subject_folder,
                severity=Severity.ASK,
            )
        )
    if unsure:
        findings.append(
            Finding(
                "forecast.filter_unsure",
                f"The filter may drop {len(unsure)} series of session `{session.session_label}`: "
                f"{_names(unsure.values())}",
                "It looks at header fields that a plan does not know",
                ("Compare the receipt with the plan: it names what did not arrive",),
                where=session.subject_folder,
                severity=Severity.NOTE,
            )
        )
    return findings


@dataclass(frozen=True, slots=True)
class ActiveFilter:
    """A filter that is switched on; `None` where it cannot be evaluated, with the reason."""

    whose: str  # "site", "project"
    filter: SeriesFilter | None
    reason: str = ""


def active_filters(rules: "ArrivalRules") -> tuple[ActiveFilter, ...]:
    """Return the filters that are switched on."""
    found = []
    for whose, stored in (("site", rules.site_filter), ("project", rules.project_filter)):
        if stored is not None:
            try:
                found.append(ActiveFilter(whose, SeriesFilter.parse(stored.mode, stored.lines)))
            except NotSimulated as unknown:
                found.append(ActiveFilter(whose, None, unknown.reason))
    return tuple(found)


def rejects(script: str) -> bool:
    """Tell whether a script can refuse images: a `reject` outside of its comments and texts."""
    return _REJECT.search(_COMMENT_OR_TEXT.sub(" ", script)) is not None


def largest_request_bytes(plan: Plan) -> int:
    """Return about the size of the largest request that will be sent: one part of a series, or one file."""
    sizes = [0]
    most = parts.MAX_BYTES if plan.route is Route.IMPORT else 0
    for session in plan.included:
        for series in session.series if plan.route is not Route.DICOM else ():
            largest = max((instance.size_bytes for instance in series.instances), default=0)
            sizes.append(max(largest, min(series.size_bytes, most)))
        sizes += [max(pair.par_size_bytes, pair.rec_size_bytes) for pair in session.pairs]
    return max(sizes)


def _about_scripts(settings: "UploadSettings", rules: "ArrivalRules") -> list[Finding]:
    findings = []
    on = [
        whose
        for whose, is_on in (("site", settings.is_site_script_on), ("project", settings.is_project_script_on))
        if is_on
    ]
    if on:
        findings.append(
            Finding(
                "forecast.script_on",
                f"The {' and the '.join(on)} {'rewrites' if len(on) == 1 else 'rewrite'} header fields of what arrives",
                f"The anonymization script of the {' and of the '.join(on)} is switched on",
                ("Nothing to do: arrival is proved by file names then, not by MD5",),
                severity=Severity.NOTE,
            )
        )
    strict = [
        whose for whose, script in (("site", rules.site_script), ("project", rules.project_script)) if rejects(script)
    ]
    if strict:
        findings.append(
            Finding(
                "forecast.script_rejects",
                f"The script of the {' and of the '.join(strict)} refuses some images",
                "There is a `reject` in it: what it refuses is deleted on arrival or at archiving, without a word",
                ("Compare the receipt with the plan: it names what did not arrive", "Read the script in XNAT"),
                severity=Severity.ASK,
            )
        )
    return findings


def _about_filters(settings: "UploadSettings", rules: "ArrivalRules") -> list[Finding]:
    active = active_filters(rules)
    findings = [_filter_on(one) for one in active]
    told = {"site": settings.has_site_filter, "project": settings.has_project_filter}
    for whose in rules.unread:
        if told[whose]:
            findings.append(_filter_on(ActiveFilter(whose, None, "This account may not read it")))
        else:
            findings.append(_filter_unknown(whose))
    return findings


def _filter_unknown(whose: str) -> Finding:
    return Finding(
        "forecast.filter_unsure",
        f"Whether a series import filter of the {whose} drops series is not known",
        "This account may not read that setting",
        ("Compare the receipt with the plan: it names what did not arrive",),
        severity=Severity.NOTE,
    )


def _filter_on(active: ActiveFilter) -> Finding:
    whose = active.whose
    if active.filter:
        why, todo = "It is switched on", "Nothing to do: each session says which of its series it will drop"
    else:
        why = f"It is switched on and was not simulated: {active.reason[:1].lower()}{active.reason[1:]}"
        todo = "Compare the receipt with the plan: it names what did not arrive"
    return Finding(
        "forecast.filter_on",
        f"A series import filter of the {whose} drops what it excludes",
        why,
        (todo,),
        severity=Severity.NOTE,
    )


def _about_size(plan: Plan) -> list[Finding]:
    size_bytes = largest_request_bytes(plan)
    if size_bytes <= SURE_TO_PASS_BYTES:
        return []
    return [
        Finding(
            "forecast.size_unknown",
            "Whether something before the site limits the size of a request is not known",
            f"It cannot be asked without sending; the largest request will have {size_bytes / 1e6:.0f} MB",
            ("Nothing to do: if a request is refused for its size, the upload says so",),
            severity=Severity.NOTE,
        )
    ]


def _names(series: Iterable[Series]) -> str:
    names = [f"{one.series_number} {one.series_description}".strip() or one.modality for one in series]
    more = [f"and {len(names) - _NAMED} more"] if len(names) > _NAMED else []
    return ", ".join([*names[:_NAMED], *more])
