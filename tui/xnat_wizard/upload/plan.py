"""The plan: what of a survey will be sent where, under which labels.

Planning does no input or output; `forecast` alone asks the site, and only reads.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from xnat_wizard.dicom.model import ParRecPair, Series, Survey
from xnat_wizard.findings import Finding, Problem, Severity, by_weight
from xnat_wizard.upload import forecasting, plan_file
from xnat_wizard.upload.deidentify.planning import about as about_deidentification
from xnat_wizard.upload.labels import MAX_LENGTH, clean_label, distinct_labels, is_legal, unique_labels, with_suffix
from xnat_wizard.upload.model import Destination, Plan, PlannedSession

if TYPE_CHECKING:
    from xnat_wizard.xnat.site import Site

save = plan_file.save
load = plan_file.load

# What decides a session's type when a study mixes modalities, heaviest first; the rest counts only when alone.
_LEADING_MODALITIES = ("PT", "MR", "CT", "NM", "US", "XA", "MG", "DX", "CR", "RTIMAGE", "RTDOSE", "RTPLAN", "RTSTRUCT")
_SESSION_MODALITY = {"PT": "PET", "RTIMAGE": "RT", "RTDOSE": "RT", "RTPLAN": "RT", "RTSTRUCT": "RT"}


def draft(
    survey: Survey,
    *,
    site_url: str,
    project: str,
    destination: Destination,
    accepted: frozenset[str] = frozenset(),
) -> Plan:
    """Put each subject's studies into one session each.

    By the house rule a session is named after its subject and modality, and counted by date; where the layout has
    session folders, it is named after its folder, and a folder's pairs stay with it.

    Series and pairs that a STOP finding holds are left out; those held by ASK findings only are left out unless the
    key of their session is in `accepted`. A session of which nothing may go without a yes shows what would go, and
    is not included. Keys stay the same when the same source is drafted again.
    """
    severities = _severities(survey.findings)
    content = _studies(survey)
    subject_labels = _subject_labels(survey, [study.subject for study, _, _ in content])
    sessions = []
    visits: Counter[tuple[str, str]] = Counter()
    for study, series, pairs in content:
        modality = session_modality(one.modality for one in series) if series else "MR"
        visits[study.subject, modality] += 1
        subject_label = subject_labels[study.subject]
        first = series[0] if series else None
        session = PlannedSession(
            key=_key(study),
            subject_label=subject_label,
            session_label=session_folder_label(subject_label, study.session)
            if study.session
            else with_suffix(subject_label, f"_{modality}{visits[study.subject, modality]}"),
            subject_folder=study.subject,
            study_instance_uid=study.study_instance_uid,
            study_date=first.study_date if first else pairs[0].study_date,
            modality=modality,
            series=tuple(series),
            pairs=tuple(pairs),
            is_included=True,
            session_folder=study.session,
        )
        sessions.append(_weigh(session, severities, is_accepted=session.key in accepted))
    return Plan(
        source=survey.source,
        site_url=site_url,
        project=project,
        destination=destination,
        sessions=_with_distinct_labels(sessions),
        not_sent=_not_sent(survey),
        layout=survey.layout.pattern,
    )


def session_modality(modalities: Iterable[str]) -> str:
    """Name the session type XNAT will build from the modalities of its series: PET over MR over CT and so on."""
    found = [modality.upper() for modality in modalities if modality]
    if "PT" in found and "MR" in found:
        return "PETMR"
    leading = next((modality for modality in _LEADING_MODALITIES if modality in found), found[0] if found else "OT")
    return clean_label(_SESSION_MODALITY.get(leading, leading))


def edit(
    plan: Plan,
    key: str,
    *,
    subject_label: str | None = None,
    session_label: str | None = None,
    is_included: bool | None = None,
) -> Plan:
    """Change one session of a plan; the others stay as they are.

    Raises:
        Problem: `label.*` for a label XNAT would change or that is taken in this plan, `plan.blocked` for a session
            that a STOP finding holds, `plan.no_session` for an unknown key.
    """
    session = next((one for one in plan.sessions if one.key == key), None)
    if session is None:
        raise Problem(
            Finding("plan.no_session", "The plan has no such session", f"Nothing has the key `{key}`", ("Plan again",))
        )
    if subject_label is not None:
        session = replace(session, subject_label=_checked(subject_label, "subject label"))
    if session_label is not None:
        _refuse_taken(plan, session, _checked(session_label, "session label"))
        session = replace(session, session_label=session_label)
    if is_included is not None:
        if is_included and session.is_blocked:
            raise Problem(
                Finding(
                    "plan.blocked",
                    f"Session `{session.session_label}` cannot be sent",
                    f"Findings forbid it: {', '.join(session.held_by)}",
                    ("Read the findings of this folder, cure them on the disk, then survey again",),
                    where=session.subject_folder,
                )
            )
        session = replace(session, is_included=is_included)
    return replace(plan, sessions=tuple(session if one.key == key else one for one in plan.sessions))


def with_destination(plan: Plan, destination: Destination) -> Plan:
    """Return the plan with another destination."""
    return replace(plan, destination=destination)


def check(plan: Plan) -> tuple[Finding, ...]:
    """Say what is wrong or worth knowing in a plan before anything is sent, the heaviest first."""
    return tuple(by_weight((*forecasting.check(plan), *about_deidentification(plan))))


async def forecast(plan: Plan, site: "Site") -> dict[str, tuple[Finding, ...]]:
    """Ask the site what it will do with each included session; reads only.

    Returns the findings by session key; those of the project as a whole stand under the key "".

    Raises:
        Problem: the site cannot be asked.
    """
    return await forecasting.forecast(plan, site)


# -- parts of a draft --------------------------------------------------------------------------------


class _Study(NamedTuple):
    """What becomes one session."""

    subject: str  # folder
    session: str  # folder, "" where the layout has none
    study_instance_uid: str  # "" for pairs without DICOM
    visit: str = ""  # day of an examination of pairs alone that is not the first of its subject


def _studies(survey: Survey) -> list[tuple[_Study, list[Series], list[ParRecPair]]]:
    """Return the studies by subject and date, each with its pairs.

    Pairs stay in the session that their folder names. Where none does, pairs of another day than the first go to the
    study of that day, and to a session of their own where there is none; all others go to the first study.
    """
    series_of: dict[_Study, list[Series]] = defaultdict(list)
    for one in survey.series:
        series_of[_Study(one.subject_folder, one.session_folder, one.study_instance_uid)].append(one)
    pairs_of: dict[tuple[str, str], list[ParRecPair]] = defaultdict(list)
    for pair in survey.pairs:
        pairs_of[pair.subject_folder, pair.session_folder].append(pair)
    studies = sorted(series_of, key=lambda study: (study.subject, *_when(series_of[study]), *study[1:]))
    placed: dict[_Study, list[ParRecPair]] = defaultdict(list)
    for (subject, session), pairs in pairs_of.items():
        own = [study for study in studies if study[:2] == (subject, session)]
        days = {_when(series_of[study])[0]: study for study in reversed(own)}
        first_day = min((pair.study_date for pair in pairs if pair.study_date), default="")
        for pair in pairs:
            is_later = not session and pair.study_date not in {"", first_day}
            study = days.get(pair.study_date) if pair.study_date else None
            if study is None and is_later:
                study = _Study(subject, session, "", pair.study_date)
            placed[study or (own[0] if own else _Study(subject, session, ""))].append(pair)
    content = [(study, series_of[study], placed.pop(study, [])) for study in studies]
    content += [(study, [], placed[study]) for study in sorted(placed)]
    content.sort(key=lambda entry: entry[0].subject)  # stable: within a subject by date
    return content


def session_folder_label(subject_label: str, folder: str) -> str:
    """Name a session after its folder; the subject goes before it, since a label stands once in a project."""
    label = clean_label(folder)
    rest = label[len(subject_label) :]
    if label.casefold().startswith(subject_label.casefold()) and not rest[:1].isalnum():
        return label
    return clean_label(f"{subject_label}_{folder}")


def _key(study: _Study) -> str:
    text = "\0".join([study.subject, study.study_instance_uid, *filter(None, [study.session])])
    text += f"\0\0{study.visit}" if study.visit else ""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _when(series: Iterable[Series]) -> tuple[str, str]:
    return min((one.study_date, one.study_time) for one in series)


def _subject_labels(survey: Survey, folders: Iterable[str]) -> dict[str, str]:
    names = {folder: folder or survey.source.name for folder in folders}
    taken = unique_labels(name for folder, name in names.items() if folder)
    loose = unique_labels((name for folder, name in names.items() if not folder), taken=taken.values())
    return {folder: taken[name] if folder else loose[name] for folder, name in names.items()}


def _with_distinct_labels(sessions: list[PlannedSession]) -> tuple[PlannedSession, ...]:
    labels = distinct_labels(session.session_label for session in sessions)
    return tuple(replace(session, session_label=label) for session, label in zip(sessions, labels, strict=True))


def _severities(findings: Iterable[Finding]) -> dict[str, Severity]:
    heaviest: dict[str, Severity] = {}
    for finding in findings:
        known = heaviest.get(finding.code)
        if known is None or finding.severity.weight < known.weight:
            heaviest[finding.code] = finding.severity
    return heaviest


def _weigh(session: PlannedSession, severities: dict[str, Severity], *, is_accepted: bool) -> PlannedSession:
    def is_stopped(held_by: tuple[str, ...]) -> bool:
        return any(severities.get(code, Severity.STOP) is Severity.STOP for code in held_by)

    def may_go(held_by: tuple[str, ...]) -> bool:
        return not held_by or (is_accepted and not is_stopped(held_by))

    holds = [one.held_by for one in session.series] + [one.held_by for one in session.pairs]
    held_by = tuple(dict.fromkeys(code for codes in holds for code in codes))
    series = tuple(one for one in session.series if may_go(one.held_by))
    pairs = tuple(one for one in session.pairs if may_go(one.held_by))
    is_included = bool(series or pairs)
    is_blocked = False
    if not is_included:  # show what a yes would send, or else what is forbidden
        series = tuple(one for one in session.series if not is_stopped(one.held_by))
        pairs = tuple(one for one in session.pairs if not is_stopped(one.held_by))
        is_blocked = not (series or pairs)
        if is_blocked:
            series, pairs = session.series, session.pairs
    return replace(
        session,
        series=series,
        pairs=pairs,
        is_included=is_included,
        held_by=held_by,
        is_blocked=is_blocked,
        left_out=tuple(one for one in session.series if one not in series),
        left_out_pairs=tuple(one for one in session.pairs if one not in pairs),
    )


def _not_sent(survey: Survey) -> tuple[str, ...]:
    counts = Counter(other.kind for other in survey.others)
    return tuple(f"{count} {'file' if count == 1 else 'files'}: {kind}" for kind, count in sorted(counts.items()))


def _checked(label: str, kind: str) -> str:
    if is_legal(label):
        return label
    suggestion = clean_label(label)
    if not label:
        raise Problem(Finding("label.empty", f"The {kind} is empty", "XNAT needs one", (f"Type a {kind}",)))
    if len(label) > MAX_LENGTH:
        why = f"It has {len(label)} characters, and {MAX_LENGTH} is the limit"
    else:
        why = "XNAT takes letters without accents, digits, `_` and `-`, and would replace every other character by `_`"
    raise Problem(
        Finding("label.illegal", f"XNAT would change the {kind} `{label}`", why, (f"Take `{suggestion}` instead",))
    )


def _refuse_taken(plan: Plan, session: PlannedSession, label: str) -> None:
    for other in plan.sessions:
        if other.key != session.key and other.session_label.casefold() == label.casefold():
            raise Problem(
                Finding(
                    "label.taken",
                    f"Another session of this plan is called `{other.session_label}`",
                    "A project has each session label once, and upper and lower case are best not relied on",
                    ("Choose another label",),
                    where=other.subject_folder,
                )
            )
