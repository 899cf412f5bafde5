"""What a bundle says of an upload: the journal reduced to states, counts, codes and events."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from xnat_wizard.troubleshoot.bundle.redaction import Redactor
from xnat_wizard.troubleshoot.bundle.vocabulary import vocabulary
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.journal_facts import SeriesFact
from xnat_wizard.upload.model import Receipt, SessionProgress
from xnat_wizard.upload.places import is_prearchive
from xnat_wizard.upload.records import PROOFS

_KNOWN_MODALITIES = (
    "AR AU BI BMD CR CT DG DX ECG EEG EMG EPS ES FID GM HC HD IO IOL IVOCT IVUS KER KO LEN LS MG MR NM OAM OCT OP OPM "
    "OPT OPV OSS OT PA PET PLAN PR PT PX REG RESP RF RG RTDOSE RTIMAGE RTPLAN RTRECORD RTSTRUCT SEG SM SMR SR SRF TG "
    "US VA XA XC"
)  # DICOM PS3.3 C.7.3.1.1.1; the attribute may hold anything
_MODALITIES = frozenset(_KNOWN_MODALITIES.split())
_DICOM_OWN = re.compile(r"1\.2\.840\.10008(?:\.\d+)+")
_VERSION = re.compile(r"\d+(?:\.\d+)*")
_LEAST_PART = 3  # characters of a folder's name: a shorter one is also a part of too much else


def learn(journal: Journal, redactor: Redactor) -> None:
    """Let a redactor know every name that a journal holds, before its texts are read; reads the whole plan."""
    progress = journal.progress()
    place = urlsplit(journal.site_url)
    redactor.same(redactor.name("site", journal.site_url), [place.netloc, place.hostname or ""])
    redactor.know("project", [progress.project])
    redactor.know("path", [str(journal.source)])
    redactor.know("folder", _telling(journal.source.parts))
    plan = journal.plan()
    for session in plan.sessions:
        redactor.know("subject", [session.subject_label])
        redactor.know("session", [session.session_label])
        redactor.know("folder", _telling([*Path(session.subject_folder).parts, *Path(session.session_folder).parts]))
        redactor.know("uid", [session.study_instance_uid])
    for fact in journal.series_facts():
        redactor.know("series", [fact.description])
        redactor.know("uid", [fact.series_instance_uid])
    for receipt in _receipts(journal):
        redactor.know("user", [receipt.username])


def facts(journal: Journal, redactor: Redactor, *, is_running: bool) -> dict[str, object]:
    """Return what may leave the house of an upload; `learn` was called for all journals before."""
    progress = journal.progress()
    options = journal.options()
    fates: Counter[str] = Counter()
    proofs: Counter[str] = Counter()
    said: Counter[str] = Counter()
    for file in journal.file_facts():
        fates[file.fate] += 1
        proofs[file.proof if file.proof in PROOFS else "another" if file.proof else "none"] += 1
        if file.remark:
            said[file.remark] += 1
    remarks: Counter[str] = Counter()
    for remark, count in said.items():
        remarks[redactor.text(remark)] += count
    receipt = journal.receipt()
    return {
        "state": str(progress.state),
        "is_running": is_running,
        "started": _when(progress.started_s),
        "seconds": _between(progress.started_s, progress.ended_s),
        "site": redactor.name("site", journal.site_url),
        "project": redactor.name("project", progress.project),
        "destination": str(progress.destination),
        "route": str(journal.route),
        "has_receiver": bool(journal.receiver),
        "options": {
            "limit_bytes_s": options.limit_bytes_s,
            "most_connections": options.most_connections,
            "compression": str(options.compression),
        },
        "files_total": progress.files_total,
        "files_sent": progress.files_sent,
        "bytes_total": progress.bytes_total,
        "bytes_sent": progress.bytes_sent,
        "retries": progress.retries,
        "trouble": redactor.text(progress.trouble),
        "finding": redactor.finding(progress.finding),
        "not_sent": [redactor.text(one) for one in journal.not_sent],
        "fates": dict(sorted(fates.items())),
        "proofs": dict(sorted(proofs.items())),
        "remarks": dict(sorted(remarks.items())),
        "dicom_statuses": {
            str(status): count for status, count in journal.dicom_statuses().items() if status is not None
        },
        "sessions": [_session(one, redactor) for one in progress.sessions],
        "series": [_series(one, redactor) for one in journal.series_facts()],
        "receipt": _receipt(receipt, redactor) if receipt else None,
        "earlier_receipts": [_receipt(one, redactor) for one in journal.earlier_receipts()],
    }


def events(journal: Journal, redactor: Redactor) -> Iterator[str]:
    """Give what happened, a line each: seconds since the first, and the text without names."""
    first_s: float | None = None
    for event in journal.events():
        first_s = event.when_s if first_s is None else first_s
        yield f"{event.when_s - first_s:10.3f}  {redactor.text(event.text)}"


def _telling(parts: Iterable[str]) -> list[str]:
    """Return the names of folders that may name somebody: not `data` and the like, which stand in other texts too."""
    usual = vocabulary()
    return [part for part in parts if len(part) >= _LEAST_PART and not (part.islower() and part in usual)]


def _session(one: SessionProgress, redactor: Redactor) -> dict[str, object]:
    place = "" if not one.uri else "prearchive" if is_prearchive(one.uri) else "archive"
    return {
        "session": redactor.name("session", one.session_label),
        "subject": redactor.name("subject", one.subject_label),
        "state": str(one.state),
        "place": place,
        "files_total": one.files_total,
        "files_sent": one.files_sent,
        "files_stored": one.files_stored,
        "bytes_total": one.bytes_total,
        "finding": redactor.finding(one.finding),
    }


def _series(one: SeriesFact, redactor: Redactor) -> dict[str, object]:
    return {
        "series": redactor.name("uid", one.series_instance_uid),
        "session": redactor.name("session", one.session),
        "study": redactor.name("uid", one.study_instance_uid),
        "modality": one.modality if one.modality in _MODALITIES else "another" if one.modality else "",
        "sop_classes": _standard(one.sop_classes),
        "transfer_syntaxes": _standard(one.transfer_syntaxes),
        "fates": dict(sorted(one.fates.items())),
        "scans": len(one.scan_ids),
        "missing": len(one.missing),
        "other_bytes": one.other_bytes,
        "copies": one.copies,
    }


def _receipt(receipt: Receipt, redactor: Redactor) -> dict[str, object]:
    version = _VERSION.match(receipt.site_version)
    return {
        "created": receipt.created[:16],
        "site_version": version[0] if version else "",
        "verdict": redactor.text(receipt.verdict),
        "lines": len(receipt.lines),
        "files_local": sum(line.files_local for line in receipt.lines),
        "files_sent": sum(line.files_sent for line in receipt.lines),
        "files_stored": sum(line.files_stored for line in receipt.lines),
        "files_differing": sum(line.files_differing for line in receipt.lines),
        "places": dict(Counter("prearchive" if "/prearchive/" in one else "archive" for one in receipt.places)),
        "not_proven": [redactor.text(one) for one in receipt.not_proven],
        "not_sent": [redactor.text(one) for one in receipt.not_sent],
        "pixel_check": redactor.text(receipt.pixel_check),
        "site_switches": {
            name: value
            for name, value in sorted(receipt.site_facts.items())
            if isinstance(value, bool) or value is None
        },
    }


def _receipts(journal: Journal) -> Iterator[Receipt]:
    yield from journal.earlier_receipts()
    last = journal.receipt()
    if last is not None:
        yield last


def _standard(uids: Iterable[str]) -> list[str]:
    """Return the UIDs that DICOM itself gives; of others, only that they are there."""
    return sorted({uid if _DICOM_OWN.fullmatch(uid) else "private" for uid in uids})


def _when(when_s: float | None) -> str | None:
    return None if when_s is None else datetime.fromtimestamp(when_s, UTC).isoformat(timespec="minutes")


def _between(started_s: float | None, ended_s: float | None) -> float | None:
    return None if started_s is None or ended_s is None else round(ended_s - started_s, 1)
