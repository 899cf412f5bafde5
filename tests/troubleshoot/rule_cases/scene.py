"""Builds the facts of a case as an account of some role would come to know them, and runs one rule on them.

What a role may not look at is not in its facts: Unassigned is an administrator's, what is inside of the prearchive is a
member's, what is quarantined is an owner's.
"""

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from troubleshoot.values import (
    STUDY,
    a_row,
    an_experiment,
    an_object,
    facts,
    local_of,
    project,
    stored,
    told,
)
from xnat_wizard.dicom.model import OtherFile, OtherKind
from xnat_wizard.troubleshoot.facts import Candidate, Contents, Facts, Local, LocalObject, Place, Sent
from xnat_wizard.troubleshoot.ledger import reconcile
from xnat_wizard.troubleshoot.local_facts import SentFate, SentFile
from xnat_wizard.troubleshoot.model import Certainty, Diagnosis, Evidence, PlaceKind, Role, Standing
from xnat_wizard.troubleshoot.registry import all_rules, judge
from xnat_wizard.xnat.inquiries.values import Experiment, Held, Row, ScanFact, StoredObject, WhoAmI
from xnat_wizard.xnat.model import ArchiveVerdict

C, L, P = Certainty.CONFIRMED, Certainty.LIKELY, Certainty.POSSIBLE
UNASSIGNED_URI = "/data/prearchive/projects/Unassigned/20250305_090000000/E1"
FAMILIES = ("local", "way", "routing", "merging", "seeing", "keeping")
_WHO = {
    Role.GUEST: WhoAmI("guest"),
    Role.COLLABORATOR: WhoAmI("collaborator", groups=("DEMO_collaborator",)),
    Role.MEMBER: WhoAmI("member", groups=("DEMO_member",), editable=("DEMO", "OTHER")),
    Role.OWNER: WhoAmI("owner", groups=("DEMO_owner",), editable=("DEMO", "OTHER")),
    Role.ADMIN: WhoAmI("admin", roles=("Administrator",)),
}
ROLES = (Role.COLLABORATOR, Role.MEMBER, Role.OWNER, Role.ADMIN)

Build = Callable[[Role], Facts]


@dataclass(frozen=True)
class RuleCase:
    """Facts that a rule has to judge: of which cause, and how sure a member's diagnosis is; `None` for not at all."""

    cause_id: str
    name: str
    build: Build
    certainty: Certainty | None

    def __str__(self) -> str:
        return f"{self.cause_id} {self.name}"


def shows(cause_id: str, certainty: Certainty) -> Callable[[Build], RuleCase]:
    """Mark facts that show a cause."""
    return lambda build: RuleCase(cause_id, build.__name__, build, certainty)


def not_yet(cause_id: str) -> Callable[[Build], RuleCase]:
    """Mark facts that look like a cause and do not show it."""
    return lambda build: RuleCase(cause_id, build.__name__, build, None)


def all_cases() -> tuple[RuleCase, ...]:
    """Return the cases of all families."""
    modules = (importlib.import_module(f"troubleshoot.rule_cases.{name}") for name in FAMILIES)
    return tuple(case for module in modules for case in _cases_in(module))


def _cases_in(module: ModuleType) -> list[RuleCase]:
    return [value for value in vars(module).values() if isinstance(value, RuleCase)]


def diagnose(cause_id: str, known: Facts) -> tuple[Diagnosis, ...]:
    """Let the rule of a cause look at facts; return what it says of this cause, the surest first."""
    rules = [one for one in all_rules() if cause_id in one.cause_ids]
    assert rules, f"{cause_id} has no rule"
    said, crashes = judge(known, rules)
    assert not crashes, crashes
    return tuple(sorted((one for one in said if one.cause_id == cause_id), key=lambda one: one.certainty.weight))


# -- what is here ------------------------------------------------------------------------------------


def images(
    count: int = 3, *, series: str = "1", start: int = 0, study: str = STUDY, **changes: object
) -> list[LocalObject]:
    """Return images of one series, in the order of sending from `start` on."""
    return [
        an_object(f"S01/{series}/{number:03}.dcm", number, series=series, study=study, order=start + number, **changes)
        for number in range(1, count + 1)
    ]


def other(path: str, kind: OtherKind, reason: str = "it is no image") -> OtherFile:
    """Return a file that is no image that can be sent."""
    return OtherFile(path, 10, kind, reason)


def log_of(acknowledged: Iterable[LocalObject], refused: Iterable[LocalObject] = (), **known: Any) -> Sent:
    """Return a sender's record of single files: these were taken, those refused, all others not sent."""
    status = known.pop("status", "C000")
    files = [SentFile(one.path, SentFate.ACKNOWLEDGED, "0000", one.sop_instance_uid) for one in acknowledged]
    files += [SentFile(one.path, SentFate.REFUSED, status, one.sop_instance_uid) for one in refused]
    return Sent(is_known=True, origin="log", files=tuple(files), has_per_file_record=True, **known)


# -- what is there -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class There:
    """A place at the site, and what is in it."""

    place: Place
    contents: Contents
    study: str = STUDY
    certainty: Certainty = C
    has_identity: bool = True


def files_of(objects: Iterable[LocalObject], scan: str = "", **changes: object) -> tuple[StoredObject, ...]:
    """Return objects as the site keeps them."""
    return tuple(
        replace(stored(one.base_name, scan=scan or one.series_number, uid=one.sop_instance_uid), **changes)  # type: ignore[arg-type]  # names of fields
        for one in objects
    )


def _contents(uri: str, files: Iterable[StoredObject], scans: Iterable[ScanFact], **changes: object) -> Contents:
    files = tuple(replace(file, uri=f"{uri}/scans/{file.scan_id}/files/{file.name}") for file in files)
    known = tuple(scans) or tuple(ScanFact(number) for number in dict.fromkeys(file.scan_id for file in files))
    return replace(Contents(uri, Standing.ANSWERED, known, files, has_document=True), **changes)  # type: ignore[arg-type]  # likewise


def archived(
    objects: Iterable[LocalObject] = (),
    experiment: Experiment | None = None,
    *,
    files: Iterable[StoredObject] = (),
    scans: Iterable[ScanFact] = (),
    status: str = "",
    unreadable: tuple[str, ...] = (),
    **known: Any,
) -> There:
    """Return a session of the archive that holds these objects."""
    one = experiment or an_experiment()
    place = Place(
        PlaceKind.ARCHIVE, one.uri, one.project, one.label, one.subject_label, one.study_instance_uid, experiment=one
    )
    inside = (*files_of(objects), *files)
    contents = _contents(one.uri, inside, scans, status=status, unreadable=unreadable, sampled=len(unreadable))
    return There(place, contents, **known)


def waiting(
    objects: Iterable[LocalObject] = (),
    row: Row | None = None,
    *,
    files: Iterable[StoredObject] = (),
    scans: Iterable[ScanFact] = (),
    codes: Iterable[tuple[str, str]] = (),
    log: str = "",
    has_document: bool = True,
    standing: Standing = Standing.ANSWERED,
    **known: Any,
) -> There:
    """Return a session of the prearchive that holds these objects; `codes` are what its dry run said."""
    one = row or a_row()
    kind = PlaceKind.UNASSIGNED if one.is_unassigned else PlaceKind.PREARCHIVE
    place = Place(kind, one.uri, one.project, one.label, one.subject, one.study_instance_uid, one.status, row=one)
    run = told(tuple(ArchiveVerdict(code, kind_, "") for code, kind_ in codes))
    contents = _contents(
        one.uri,
        (*files_of(objects), *files),
        scans,
        dry_run=run,
        log=log,
        has_document=has_document,
        standing=standing,
    )
    return There(place, contents, **known)


def held(**changes: Any) -> There:
    """Return what direct archive holds."""
    one = replace(Held("DEMO", "S1", "E1", "E1", STUDY, "RECEIVING"), **changes)
    place = Place(PlaceKind.DIRECT, one.uri, one.project, one.label, one.subject, STUDY, one.status, held=one)
    return There(place, Contents(one.uri, Standing.NOT_ASKED))


def unassigned_row(**changes: object) -> Row:
    """Return a row of a session without a project."""
    return a_row(project="Unassigned", **changes)


# -- all of it ---------------------------------------------------------------------------------------


def _may_see(role: Role, there: There) -> bool:
    if there.place.kind is PlaceKind.UNASSIGNED:
        return role is Role.ADMIN
    if there.contents.status == "quarantine":
        return role in {Role.OWNER, Role.ADMIN}
    return True


def _as_seen(role: Role, there: There) -> Contents:
    is_closed = there.place.row is not None and not role.may(Role.MEMBER)
    return Contents(there.place.uri, Standing.NOT_ALLOWED) if is_closed else there.contents


def scene(
    role: Role,
    objects: Iterable[LocalObject] = (),
    *there: There,
    others: Iterable[OtherFile] = (),
    local: Local | None = None,
    typed: str = "DEMO",
    **changes: Any,
) -> Facts:
    """Return the facts as an account of this role has them after the search, its ledger included."""
    seen = [one for one in there if _may_see(role, one)]
    objects = tuple(objects)
    if local is None and (objects or others):
        local = local_of(objects, others)
    rows = tuple(one.place.row for one in seen if one.place.row)
    is_admin = role is Role.ADMIN
    denied = told((), Standing.NOT_ALLOWED)
    plain = facts(
        local,
        who=told(_WHO[role]),
        project=project("DEMO", "OTHER", typed=typed, role=role),
        rows=told(tuple(row for row in rows if not row.is_unassigned)),
        unassigned=told(tuple(row for row in rows if row.is_unassigned)) if is_admin else denied,
        by_uid=told(tuple(one.place.experiment for one in seen if one.place.experiment)),
        in_projects={"DEMO": told(tuple(one.place.experiment for one in seen if one.place.experiment))},
        candidates=tuple(
            Candidate(one.study, one.place, 100, one.certainty, ("study UID",), has_identity=one.has_identity)
            for one in seen
        ),
        contents={one.place.uri: _as_seen(role, one) for one in seen},
        asked=(Evidence("Q7", "GET /data/prearchive", "rows", "2025-03-05T10:00:00+01:00"),),
    )
    known = plain.adding(**changes)
    return known if "ledger" in changes else known.adding(ledger=reconcile(known))
