"""What stands against archiving a session: the verdicts of validate-archive (the wire contract 6.6, 6.7)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from xnat_wizard.practice import naming
from xnat_wizard.practice.fields import field_name
from xnat_wizard.practice.services import Services
from xnat_wizard.practice.store import UNASSIGNED, Row, Scan, Session, Store, Subject, User

WARN, CONFLICT, FAIL = "WARN", "CONFLICT", "FAIL"

_OVERRIDABLE = {5, 10, 18, 19}
_ERRORS = {6, 7, 8, 9, 11, 13, 15}  # the row becomes ERROR, not CONFLICT


@dataclass(frozen=True)
class Options:
    """How a session is to be archived."""

    user: User
    may_merge: bool = True
    is_override: bool = False  # overridable conflicts do not count, and files are replaced
    replaces_files: bool = False
    subject: str = ""
    session: str = ""
    given: Mapping[str, str] = field(default_factory=dict)  # all parameters: xpaths set fields
    is_quarantined: bool = False


@dataclass(frozen=True)
class Verdict:
    """One line of validate-archive."""

    code: int
    type: str
    message: str

    @property
    def makes_conflict(self) -> bool:
        """Tell whether the row becomes CONFLICT, not ERROR, when this stops it."""
        return self.code not in _ERRORS


@dataclass(frozen=True)
class Target:
    """Where a session would go."""

    subject_label: str
    subject: Subject | None
    label: str
    existing: Session | None


def target_of(store: Store, row: Row, options: Options) -> Target:
    """Find subject and session; subjects match by accession ID, or by label whatever the case."""
    wanted = options.subject or _given(options, "subject_ID", "subject_id") or row.subject
    by_id = store.state.subjects.get(wanted)
    cleaned = naming.clean_label(wanted)
    subject = by_id if by_id and (by_id.project == row.project or row.project in by_id.shares) else None
    if subject is None:
        labels = {
            (s.label if s.project == row.project else s.shares[row.project]).lower(): s
            for s in store.subjects_of(row.project)
        }
        subject = labels.get(cleaned.lower())
    label = naming.clean_label(options.session or _given(options, "label") or row.name)
    return Target(cleaned, subject, label, store.session(row.project, label))


def _given(options: Options, *names: str) -> str:
    """Return a session's field given by xpath."""
    found = (
        value
        for key, value in options.given.items()
        if "SessionData/" in key and field_name(key) in names and "/scans/" not in key
    )
    return next(found, "")


def match_scan(new: Scan, existing: Session) -> Scan | None:
    """Find the scan of an archived session that a new one continues."""
    uid = new.fields.get("UID", "")
    same = [scan for scan in existing.scans.values() if uid and scan.fields.get("UID") == uid]
    by_number = existing.scans.get(new.id)
    if by_number and (by_number in same or not uid or not by_number.fields.get("UID")):
        return by_number
    return same[0] if same else None


def check(services: Services, row: Row, options: Options) -> list[Verdict]:
    """Say everything that stands against archiving, by code; nothing is changed."""
    store = services.store
    target = target_of(store, row, options)
    found: list[Verdict] = []
    if row.project == UNASSIGNED or row.project not in store.state.projects:
        found.append(Verdict(6, FAIL, "unable to identify destination project"))
    if not target.subject_label:
        found.append(Verdict(11, FAIL, "Unable to identify subject."))
    if not target.label:
        found.append(Verdict(8, FAIL, "unable to deduce session label"))
    if target.subject_label and target.subject is None:
        found.append(Verdict(12, WARN, f"Subject {target.subject_label} will be created"))
    if target.existing:
        found += _against(services, row, target, target.existing)
    return sorted(found, key=lambda verdict: verdict.code)


def _against(services: Services, row: Row, target: Target, existing: Session) -> list[Verdict]:
    found = [Verdict(1, CONFLICT, "Session already exists, retry with overwrite enabled")]
    prefix = "Invalid modification of session"
    if existing.project != row.project:
        found.append(Verdict(3, FAIL, f"{prefix} project via archive process."))
    if target.subject is None or existing.subject != target.subject.id:
        message = f"{prefix} subject via archive process.: {target.label} Already Exists for another Subject"
        found.append(Verdict(4, FAIL, message))
    uids = (existing.fields.get("UID", ""), row.fields.get("UID", "") or row.tag)
    if all(uids) and uids[0] != uids[1]:
        found.append(Verdict(5, CONFLICT, f"{prefix} UID via archive process."))
    if services.preference("preventCrossModalityMerge") and row.xsi_type and existing.xsi_type != row.xsi_type:
        message = f"{prefix} modality via archive process.  Data may require a manual merge."
        found.append(Verdict(19, CONFLICT, message))
    for scan in row.scans.values():
        found += _against_scan(scan, existing)
    return found


def _against_scan(scan: Scan, existing: Session) -> list[Verdict]:
    same = match_scan(scan, existing)
    if same is None:
        if scan.id not in existing.scans:
            return []
        return [
            Verdict(
                17, CONFLICT, f"Session already contains a scan ({scan.id}) with the same number, but a different UID"
            )
        ]
    if same.id != scan.id:
        message = f"Session already contains a scan ({same.id}) with the same UID, but a different number"
        return [Verdict(18, CONFLICT, message)]
    if not scan.fields.get("UID") or not same.fields.get("UID"):
        return []
    return [Verdict(16, CONFLICT, f"Session already contains a scan ({same.id}) with the same UID and number.")]


def first_obstacle(services: Services, row: Row, options: Options) -> Verdict | None:
    """Return the first verdict that stops archiving with these options.

    A scan with the same UID and number stops only when it holds one of the files already: the parts of a scan may
    come one after the other. A scan with the same number alone is archived under another one (4.4).
    """
    target = target_of(services.store, row, options)
    for verdict in check(services, row, options):
        if verdict.type == WARN or verdict.code == 17:
            continue
        if verdict.code == 1 and options.may_merge:
            continue
        if verdict.code in _OVERRIDABLE and options.is_override:
            continue
        if verdict.code == 16 and (options.is_override or options.replaces_files):
            continue
        if verdict.code == 16 and target.existing and not _has_common_files(services, row, target.existing, verdict):
            continue
        return verdict
    return None


def _has_common_files(services: Services, row: Row, existing: Session, verdict: Verdict) -> bool:
    is_by_uid = bool(services.preference("useSopInstanceUidToUniquelyIdentifyDicom"))
    for scan in row.scans.values():
        same = match_scan(scan, existing)
        if same is None or f"({same.id})" not in verdict.message:
            continue
        for label, resource in scan.resources.items():
            there = same.resources.get(label)
            files = there.files.values() if there else ()
            uids = {file.sop_instance_uid for file in files if file.sop_instance_uid}
            names = {file.name for file in files if not is_by_uid or not file.sop_instance_uid}
            if any(
                file.name in names or (is_by_uid and file.sop_instance_uid in uids) for file in resource.files.values()
            ):
                return True
    return False
