"""The ledger: compares every local file with what the server has, and gives each exactly one fate.

Sources: missing data 3.7. "Arrived" is told by SOP Instance UID, by the token in a name that the site made, by the
file's own name where that is unique, or by mere numbers; in this order.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from xnat_wizard.dicom.model import OtherKind
from xnat_wizard.troubleshoot.case import Way
from xnat_wizard.troubleshoot.facts import Candidate, Facts, Local, LocalObject, Place, SentFate, SentFile
from xnat_wizard.troubleshoot.forecast import way_of
from xnat_wizard.troubleshoot.model import Fate, Ledger, LedgerLine, PlaceKind, Proof, Standing
from xnat_wizard.troubleshoot.times import is_surely_before, site_time
from xnat_wizard.upload.tokens import study_in, token_in
from xnat_wizard.xnat.inquiries.values import StoredObject

_OTHERS = {
    OtherKind.NOT_DICOM: (Fate.NOT_SENT, "LOC-01"),
    OtherKind.JUNK: (Fate.NOT_SENT, "LOC-01"),
    OtherKind.DICOMDIR: (Fate.NOT_SENT, "LOC-02"),
    OtherKind.INCOMPLETE: (Fate.NOT_SENT, "LOC-02"),
    OtherKind.UNREADABLE: (Fate.NOT_SENT, "LOC-08"),
    OtherKind.COPY: (Fate.COLLAPSED, "LOC-07"),
    OtherKind.CONFLICTING: (Fate.COLLAPSED, "MRG-07"),
    OtherKind.ARCHIVE: (Fate.NOT_SENT, "LOC-14"),
    OtherKind.LINK: (Fate.NOT_SENT, "LOC-01"),
    OtherKind.PARREC: (Fate.NOT_SENT, "LOC-17"),
}
_ORDER = (PlaceKind.ARCHIVE, PlaceKind.PREARCHIVE, PlaceKind.UNASSIGNED, PlaceKind.DIRECT)
_UNCOMPRESSED = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"})
_NEAR = 0.05
_IMAGES = frozenset({"DICOM", "secondary"})  # resources of what was uploaded; others the site makes by itself


@dataclass(frozen=True, slots=True)
class _Stored:
    """A file on the server, with the place it is in."""

    file: StoredObject
    place: Place


class _Index:
    """What the server has, by UID, by token and by name; the archive goes before the prearchive."""

    def __init__(self, facts: Facts, hits: Iterable[Candidate]) -> None:
        self.local_names = Counter(one.base_name for one in (facts.local.objects if facts.local else ()))
        self.by_uid: dict[str, _Stored] = {}
        self.by_token: dict[str, list[_Stored]] = defaultdict(list)
        self.by_name: dict[str, list[_Stored]] = defaultdict(list)
        self.by_scan: dict[tuple[str, str], list[_Stored]] = defaultdict(list)
        self.unread: dict[str, set[str]] = defaultdict(set)  # URIs of hits that could not be read, by study
        self.used: set[tuple[str, str]] = set()
        self.places: dict[str, Place] = {}
        for hit in sorted(hits, key=lambda one: (_ORDER.index(one.place.kind), one.place.uri)):
            contents = facts.contents_of(hit.place)
            if contents is None or contents.standing is not Standing.ANSWERED:
                self.unread[hit.study_instance_uid].add(hit.place.uri)
                continue
            if hit.place.uri in self.places:
                continue
            self.places[hit.place.uri] = hit.place
            for file in contents.files:
                stored = _Stored(file, hit.place)
                if file.sop_instance_uid:
                    self.by_uid.setdefault(file.sop_instance_uid, stored)
                self.by_token[token_in(file.name)].append(stored)
                self.by_name[file.name.rpartition("/")[2]].append(stored)
                self.by_scan[hit.place.uri, file.scan_id].append(stored)

    def take(self, stored: _Stored) -> None:
        """Note that a file on the server has its local partner."""
        self.used.add((stored.place.uri, stored.file.uri or stored.file.name))

    @property
    def extra(self) -> tuple[tuple[str, int], ...]:
        """Return how many files each place has without a local partner; only places with any."""
        counts: Counter[str] = Counter()
        for (uri, _), files in self.by_scan.items():
            counts[uri] += sum((uri, one.file.uri or one.file.name) not in self.used for one in files)
        return tuple((uri, count) for uri, count in sorted(counts.items()) if count)

    def has_others(self, uri: str) -> bool:
        """Tell whether a place has images without a local partner."""
        return any(
            one.file.resource in _IMAGES and (uri, one.file.uri or one.file.name) not in self.used
            for (place, _), files in self.by_scan.items()
            if place == uri
            for one in files
        )


def reconcile(facts: Facts) -> Ledger:
    """Return the ledger of all that is known now; every local file is in it once, in path order."""
    local = facts.local
    if local is None or local.survey is None:
        return Ledger()
    index = _Index(facts, facts.hits())
    lines = {one.path: _line(facts, index, one) for one in local.objects}
    _count_scans(facts, index, lines)
    merged = {uri: label for uri, place in index.places.items() if (label := _merged_into(facts, index, place))}
    lines |= {
        path: replace(line, merged_into=merged[line.where]) for path, line in lines.items() if line.where in merged
    }
    sender = _Sender(facts)
    dropped = {drop.path: drop for drop in facts.drops}
    for one in local.objects:
        if one.path in lines and lines[one.path].fate is Fate.UNVERIFIABLE:
            drop = dropped.get(one.path)
            if drop and drop.is_certain and index.places:
                lines[one.path] = replace(
                    lines[one.path], fate=Fate.DROPPED, cause_id=drop.cause_id, remark=drop.because
                )
            else:
                lines[one.path] = sender.judge(lines[one.path], one, index)
    lines |= _other_lines(facts, sender)
    return Ledger(tuple(lines[path] for path in sorted(lines)), index.extra)


def holds(ledger: Ledger, local: Local) -> bool:
    """Tell whether the law of totals holds: every local file has exactly one fate, and the fates add up (3.7)."""
    if local.survey is None:
        return not ledger.lines
    paths = [line.path for line in ledger.lines]
    return (
        len(paths) == len(set(paths)) == local.survey.file_count
        and sum(ledger.totals.values()) == local.survey.file_count
    )


# -- arrived -----------------------------------------------------------------------------------------


def _line(facts: Facts, index: _Index, one: LocalObject) -> LedgerLine:
    """Return an object's line: arrived, or not yet known."""
    line = LedgerLine(one.path, Fate.UNVERIFIABLE, one.study_instance_uid, one.series_key, one.sop_instance_uid)
    uid = facts.sent.stored_uids.get(one.sop_instance_uid, one.sop_instance_uid)
    stored = index.by_uid.get(uid)
    if stored is not None:
        return _arrived(index, line, stored, Proof.UID)
    token = next((each for each in index.by_token.get(one.token, ()) if _is_of_study(each, one)), None)
    if token is not None:
        return _arrived(index, line, token, Proof.TOKEN)
    named = index.by_name.get(one.base_name, [])
    is_alone = len(named) == 1 and index.local_names[one.base_name] == 1
    if is_alone and _is_near(named[0].file, one) and not named[0].file.sop_instance_uid:
        return _arrived(index, line, named[0], Proof.NAME)
    return line


def _is_of_study(stored: _Stored, one: LocalObject) -> bool:
    return study_in(stored.file.name) in {one.study_instance_uid, ""}


def _is_near(file: StoredObject, one: LocalObject) -> bool:
    is_compressed = one.transfer_syntax_uid not in _UNCOMPRESSED
    return is_compressed or abs(file.size_bytes - one.size_bytes) <= max(1024, _NEAR * one.size_bytes)


def _arrived(index: _Index, line: LedgerLine, stored: _Stored, proof: Proof) -> LedgerLine:
    index.take(stored)
    return replace(
        line,
        fate=Fate.ARRIVED,
        proof=proof,
        place=stored.place.kind,
        where=stored.place.uri,
        scan_id=stored.file.scan_id,
    )


def _merged_into(facts: Facts, index: _Index, place: Place) -> str:
    """Return the label of an archived session that was there before ours was sent (MRG-05).

    A site that lives in another zone writes times that seem to lie before: then it has to hold images of others, too.
    """
    one = place.experiment
    stored, sent = site_time(one.insert_date if one else "", facts), site_time(facts.sent.started, facts)
    if one is None or stored is None or sent is None or (sent - stored).total_seconds() < 60:
        return ""
    is_older = is_surely_before(one.insert_date, facts.sent.started, facts)
    return place.label if is_older or index.has_others(place.uri) else ""


def _count_scans(facts: Facts, index: _Index, lines: dict[str, LedgerLine]) -> None:
    """Let numbers speak for the series of which nothing but numbers can be compared."""
    if facts.local is None:
        return
    for objects in facts.local.by_series().values():
        open_ones = [one for one in objects if lines[one.path].fate is Fate.UNVERIFIABLE]
        if len(open_ones) != len(objects):
            continue
        scan = _scan_of(facts, index, objects[0])
        files = index.by_scan.get(scan, []) if scan else []
        if len(files) != len(objects) or any(_tells_itself(one.file) for one in files):
            continue
        for one, stored in zip(objects, files, strict=True):
            lines[one.path] = _arrived(index, lines[one.path], stored, Proof.COUNT)


def _tells_itself(file: StoredObject) -> bool:
    """Tell whether a file says which instance it is: then numbers have no say."""
    return bool(file.sop_instance_uid) or bool(study_in(file.name))


def _scan_of(facts: Facts, index: _Index, one: LocalObject) -> tuple[str, str] | None:
    """Return place and number of the scan that a series is, by its UID, else by its number."""
    by_number: tuple[str, str] | None = None
    for uri in index.places:
        contents = facts.contents.get(uri)
        for scan in contents.scans if contents else ():
            if scan.series_instance_uid and scan.series_instance_uid == one.series_instance_uid:
                return uri, scan.id
            if not by_number and one.series_number and scan.id.partition("-")[0] == one.series_number:
                by_number = (uri, scan.id)
    return by_number


# -- not arrived -------------------------------------------------------------------------------------


class _Sender:
    """What the sender's records say of single files, however they spell the paths."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._by_uid = {one.sop_instance_uid: one for one in facts.sent.files if one.sop_instance_uid}
        self._by_name: dict[str, list[SentFile]] = defaultdict(list)
        for one in facts.sent.files:
            self._by_name[_name(one.path)].append(one)
        self._local_names = Counter(one.base_name for one in (facts.local.objects if facts.local else ()))
        self._after_stop = _after_stop(facts)
        self._rejected = {sop_class for sop_class, _ in facts.sent.rejected_contexts} - {""}

    def of(self, path: str, uid: str = "") -> SentFile | None:
        """Return the record of a file."""
        if uid in self._by_uid and uid:
            return self._by_uid[uid]
        named = self._by_name.get(_name(path), [])
        best = max(named, key=lambda one: _common(one.path, path), default=None)
        if best is None:
            return None
        common = _common(best.path, path)
        if common >= 2:
            return best
        is_bare = min(_parts(best.path), _parts(path)) == 1  # one of the paths is a name alone
        return best if is_bare and len(named) == 1 and self._local_names[_name(path)] == 1 else None

    def judge(self, line: LedgerLine, one: LocalObject, index: _Index) -> LedgerLine:
        """Return the line of an object that was not found."""
        sent = self._facts.sent
        record = self.of(one.path, one.sop_instance_uid)
        if record is not None and record.fate is SentFate.REFUSED:
            cause = "NET-11" if "context" in record.status else "NET-12"
            return replace(line, fate=Fate.REFUSED, cause_id=cause, remark=record.status)
        if one.sop_class_uid in self._rejected and record is None:
            return replace(line, fate=Fate.REFUSED, cause_id="NET-11", remark="no presentation context")
        if one.path in self._after_stop:
            return replace(line, fate=Fate.NOT_SENT, cause_id="LOC-01", remark=self._after_stop[one.path])
        if record is not None and record.fate is SentFate.NOT_SENT:
            return replace(line, fate=Fate.NOT_SENT, remark=record.status)
        if record is None and sent.has_per_file_record:
            return replace(line, fate=Fate.NOT_SENT, remark="the sender's record does not name it")
        if index.unread[one.study_instance_uid] or not self._has_looked(index):
            return replace(line, remark="the place it may be in could not be read")
        is_acknowledged = record is not None or (sent.is_known and bool(sent.uris))
        if is_acknowledged:
            return replace(line, fate=Fate.ABSENT)
        return replace(line, fate=Fate.NOT_SENT, remark="nothing says that it was sent")

    def _has_looked(self, index: _Index) -> bool:
        """Tell whether anything of the case was read at the site, or could not be there unseen."""
        if index.places:
            return True
        who = self._facts.who
        return bool(who and who.is_known and who.value.sees_all and self._facts.rows and self._facts.rows.is_known)


def _after_stop(facts: Facts) -> dict[str, str]:
    """Return the objects that come after the file at which an import stopped (LOC-01), with what stopped it."""
    local = facts.local
    if local is None or way_of(facts) not in {Way.ZIP, Way.WEB, Way.DESKTOP, Way.UNKNOWN}:
        return {}
    others = {_name(one.path): one.path for one in local.others}
    named = next((one.names for one in facts.sent.messages if _name(one.names) in others and one.names), "")
    if not named:
        return {}
    objects = [one.path for one in local.objects]
    order = list(local.zip.entries) if local.zip and local.zip.entries else sorted([*objects, *others.values()])
    stop = next((place for place, path in enumerate(order) if _name(path) == _name(named)), len(order))
    after = {_name(path) for path in order[stop + 1 :]} - {_name(path) for path in order[:stop]}
    exact = set(order[stop + 1 :])
    return {path: f"the import stopped at {_name(named)}" for path in objects if path in exact or _name(path) in after}


def _other_lines(facts: Facts, sender: _Sender) -> dict[str, LedgerLine]:
    """Return the lines of what is no object: other files, copies, PAR/REC pairs."""
    lines: dict[str, LedgerLine] = {}
    local = facts.local
    if local is None or local.survey is None:
        return lines
    uids = {path: one.sop_instance_uid for one in local.objects for path in one.copies}
    for other in local.others:
        fate, cause = _OTHERS[other.kind]
        lines[other.path] = LedgerLine(
            other.path, fate, sop_instance_uid=uids.get(other.path, ""), cause_id=cause, remark=other.reason
        )
    for pair in local.survey.pairs:
        for path in (pair.par_path, pair.rec_path):
            record = sender.of(path)
            if record is not None and record.fate is SentFate.ACKNOWLEDGED:
                stored = record.status == "stored"
                lines[path] = LedgerLine(
                    path,
                    Fate.ARRIVED if stored else Fate.UNVERIFIABLE,
                    proof=Proof.NAME if stored else Proof.NONE,
                    where=next(iter(facts.sent.uris), "") if stored else "",
                    remark="as the last receipt saw it" if stored else "PAR/REC files are not listed here",
                )
            else:
                lines[path] = LedgerLine(path, Fate.NOT_SENT, cause_id="LOC-17", remark="a PAR/REC file is no DICOM")
    return lines


def _name(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]


def _parts(path: str) -> int:
    return len(path.replace("\\", "/").strip("/").split("/"))


def _common(one: str, other: str) -> int:
    """Return how many parts two paths have in common, from their ends."""
    count = 0
    for left, right in zip(reversed(one.split("/")), reversed(other.split("/")), strict=False):
        if left != right:
            break
        count += 1
    return count
