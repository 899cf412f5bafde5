"""The receipt for others: as JSON, as CSV with a line for each file, and as a page to be read.

Sources: missing-data 4.2 (fields). What the journal does not know is left out, not guessed.
"""

import csv
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from html import escape
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any, TextIO

from xnat_wizard.findings import printable
from xnat_wizard.settings import new_private
from xnat_wizard.upload.deidentify.choice import Sealed
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.journal_facts import FileFact, SeriesFact
from xnat_wizard.upload.model import Receipt, ReceiptLine, Route

JSON_NAME = "receipt.json"
TABLE_NAME = "receipt.csv"
PAGE_NAME = "receipt.html"
VERSION = 5  # since 5: de-identification, and UIDs as sent beside those on disk

PAR_REC = "PAR/REC"  # the modality of a pair in a journal
_HANDLERS = {
    Route.IMPORT: "DICOM-zip; gradual-DICOM where a zip was refused",
    Route.GRADUAL: "gradual-DICOM; DICOM-zip where a single object was refused",
    Route.DICOM: "",
}
SiteFacts = Mapping[str, str | bool | None]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1b1f24;
  background: #fff; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 1.6rem 0 .2rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .2rem .6rem; }
th { border-bottom: 2px solid #888; } td { border-bottom: 1px solid #ddd; vertical-align: top; }
.n { text-align: right; font-variant-numeric: tabular-nums; } .where { color: #57606a; overflow-wrap: anywhere; }
.verdict { border: 2px solid; border-radius: .4rem; padding: .5rem 1rem; font-weight: bold; }
.good { color: #0a6640; } .bad { color: #a40e26; }
@media print { body { margin: 0; max-width: none; } }
"""
_TABLE_HEAD = (
    '<table>\n<thead><tr><th>Scan</th><th>Series</th><th class="n">Local</th><th class="n">Copies</th>'
    '<th class="n">Sent</th>'
    '<th class="n">Stored</th><th>Result</th></tr></thead>\n<tbody>'
)


def write(journal: Journal, receipt: Receipt) -> None:
    """Write the files of a receipt beside its journal, readable by this person only; each is the old one or the new.

    Raises:
        OSError: they cannot be written.
    """
    folder = journal.path.parent
    _put_aside(folder / JSON_NAME)
    with private_file(folder / JSON_NAME) as file:
        json.dump(as_object(journal, receipt), file, indent=1)
        file.write("\n")
    with private_file(folder / TABLE_NAME, errors="surrogateescape") as file:
        write_table(journal.file_facts(), file)
    with private_file(folder / PAGE_NAME) as file:
        file.write(as_page(receipt))


def _put_aside(path: Path) -> None:
    """Keep the receipt that is about to be replaced under the time it was made, whole and with its digest."""
    try:
        text = path.read_text(encoding="utf-8")
        made = json.loads(text)
        name = _aside_name(str(made["created"]), str(made["digest_of_receipt"]))
    except (OSError, ValueError, KeyError, TypeError):
        return  # there is none, or it is none
    aside = path.with_name(name)
    if not aside.exists():
        with private_file(aside) as file:
            file.write(text)


def _aside_name(created: str, digest: str) -> str:
    """Name a receipt by its time, and by its digest, since two may be made in one second."""
    return f"receipt-{''.join(letter for letter in created[:19] if letter.isdigit())}-{digest[:8]}.json"


@contextmanager
def private_file(path: Path, *, errors: str = "backslashreplace") -> Iterator[TextIO]:
    """Open a new file that only this person can read, and put it in the place of the old one when it is whole."""
    draft = path.with_name(path.name + ".new")
    descriptor = new_private(draft)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors=errors, newline="") as file:
        yield file
    draft.replace(path)


def write_table(files: Iterable[FileFact], file: TextIO) -> None:
    """Write one CSV line for each local file; paths byte for byte."""
    table = csv.writer(file)
    table.writerow(
        (
            *("path", "bytes", "sop_instance_uid", "fate", "proof", "session", "scan", "where", "md5_local", "remark"),
            "sop_instance_uid_local",
        )
    )
    table.writerows(files)


def as_object(journal: Journal, receipt: Receipt) -> dict[str, Any]:
    """Return the receipt as JSON values. The last field is a digest over all others, in their order, without blanks."""
    made: dict[str, Any] = {
        "receipt_version": VERSION,
        "tool_version": version("xnat-wizard"),
        "created": receipt.created,
        "upload": journal.path.parent.name,
        "site_url": receipt.site_url,
        "xnat_version": receipt.site_version,
        "account": receipt.username,
        "way": "C-STORE" if journal.route is Route.DICOM else "in-body import",
        "handler": _HANDLERS[journal.route],
        "project_id": receipt.project,
        "destination": str(journal.progress().destination),
        "source": os.fspath(journal.source),
        "deidentification": _deidentification(journal),
        "site_facts": receipt.site_facts,
        "sessions": [
            _session(list(series), receipt.site_facts)
            for _, series in groupby(journal.series_facts(), key=lambda one: one.session)
        ],
        "objects": TABLE_NAME,
        "events": [{"time_s": event.when_s, "text": event.text} for event in journal.events()],
        "earlier": [{"created": one.created, "verdict": one.verdict} for one in journal.earlier_receipts()],
        "verdict": receipt.verdict,
        "not_proven": list(receipt.not_proven),
        "pixel_check": receipt.pixel_check,
        "not_sent": list(receipt.not_sent),
    }
    made["digest_of_receipt"] = digest_of(made)
    return made


def _deidentification(journal: Journal) -> dict[str, Any] | None:
    """Say what was done to the images on their way; the key stays in the journal."""
    sealed = Sealed.decoded(journal.deidentification)
    if sealed is None:
        return None
    codes = [{"code": code, "scheme": "DCM", "meaning": meaning} for code, meaning in sealed.choice.codes]
    return {**sealed.choice.as_object(), "codes": codes, "md5_is_of": "the de-identified bytes"}


def digest_of(made: dict[str, Any]) -> str:
    """Return the SHA-256 of a receipt's JSON values without the digest itself."""
    told = {name: value for name, value in made.items() if name != "digest_of_receipt"}
    return hashlib.sha256(json.dumps(told, separators=(",", ":")).encode()).hexdigest()


def may_be_rewritten(modality: str, site_facts: SiteFacts) -> bool:
    """Tell whether a script of the site may explain other bytes than here: one is on, or nobody can say.

    Args:
        modality: of the series; no script touches PAR/REC files.
        site_facts: the settings that change what is stored, none where they are not known.
    """
    scripts = (site_facts.get("is_site_script_on"), site_facts.get("is_project_script_on"))
    return modality != PAR_REC and any(is_on is not False for is_on in scripts)


def _session(series: list[SeriesFact], site_facts: SiteFacts) -> dict[str, Any]:
    head = series[0]
    return {
        "subject_sent": head.subject,
        "session_sent": head.session,
        "study_uid_local": head.study_instance_uid,
        "study_uid_sent": head.study_uid_sent,
        "place": {"kind": _kind(head.uri), "uri": head.uri},
        "series": [_series(one, site_facts) for one in series],
    }


def _series(one: SeriesFact, site_facts: SiteFacts) -> dict[str, Any]:
    local, stored = sum(one.fates.values()), one.fates.get("stored", 0)
    kind = _kind(one.uri)
    is_unproven = one.other_bytes and not may_be_rewritten(one.modality, site_facts)
    whole = "NOT PROVEN" if is_unproven else "COMPLETE"
    return {
        "series_uid_local": one.series_instance_uid,
        "number": one.number,
        "description": one.description,
        "modality": one.modality,
        "sop_classes": list(one.sop_classes),
        "transfer_syntaxes": list(one.transfer_syntaxes),
        "local_files": local + one.copies,
        "distinct_objects": local,
        "copies": one.copies,
        "acknowledged": sum(one.fates.get(fate, 0) for fate in ("sent", "stored", "missing")),
        "refused": one.fates.get("refused", 0),
        "in_prearchive": stored if kind == "prearchive" else 0,
        "in_archive": stored if kind == "archive" else 0,
        "missing": list(one.missing),
        "scan_id_on_server": list(one.scan_ids),
        "other_bytes": one.other_bytes,
        "verdict": whole if stored == local else f"INCOMPLETE {local - stored}",
    }


def _kind(uri: str) -> str:
    if not uri:
        return "nowhere"
    return "prearchive" if uri.startswith("/data/prearchive/") else "archive"


# -- the page ----------------------------------------------------------------------------------------


def as_page(receipt: Receipt) -> str:
    """Return the receipt as one HTML page without script, pictures or links; every text in it is escaped."""
    tone = "good" if receipt.verdict.startswith("COMPLETE") else "bad"
    version_of_site = f" (XNAT {_text(receipt.site_version)})" if receipt.site_version else ""
    facts = "; ".join(f"{_text(name)}: {_text(str(value))}" for name, value in receipt.site_facts.items())
    how = "found by reading the server" if receipt.username else "the server was not read"
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>XNAT receipt: {_text(receipt.project)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
        f"<h1>XNAT receipt</h1>\n<p>{_text(receipt.created)}<br>Site {_text(receipt.site_url)}{version_of_site}<br>",
        f"Project {_text(receipt.project)}, account {_text(receipt.username or '(not logged in)')}</p>",
        f'<p class="verdict {tone}">{_text(receipt.verdict)}, {how}</p>',
        *_list("De-identified before sending", (receipt.deidentification,) if receipt.deidentification else ()),
        *_list("Not proven", receipt.not_proven),
        *_list("Pixel check", (receipt.pixel_check,) if receipt.pixel_check else ()),
        *_list("Other files, not sent", receipt.not_sent),
    ]
    places = dict(place.split(": ", 1) for place in receipt.places)
    for (subject, session), lines in groupby(receipt.lines, key=lambda one: (one.subject_label, one.session_label)):
        parts += [
            f"<h2>Subject {_text(subject)}, session {_text(session)}</h2>",
            f'<div class="where">{_text(places.get(session, "nowhere"))}</div>',
            _TABLE_HEAD,
            *(_row(line) for line in lines),
            "</tbody>\n</table>",
        ]
    parts += [f'<p class="where">{facts}</p>' if facts else "", "</body>\n</html>\n"]
    return "\n".join(part for part in parts if part)


def _row(line: ReceiptLine) -> str:
    absent = line.files_local - line.files_stored
    tone = "bad" if absent or line.files_differing else "good"
    result = f"{absent} missing" if absent else f"all present ({line.proof})"
    if line.files_differing:
        result += f", {line.files_differing} with other bytes"
    remark = f"<br>{_text(line.remark)}" if line.remark else ""
    counts = (line.files_local, line.copies, line.files_sent, line.files_stored)
    numbers = "".join(f'<td class="n">{count}</td>' for count in counts)
    series = _text(line.series_description or "(no description)")
    return (
        f"<tr><td>{_text(line.scan_id or '-')}</td><td>{series}</td>{numbers}"
        f'<td class="{tone}">{_text(result)}{remark}</td></tr>'
    )


def _list(title: str, items: Iterable[str]) -> list[str]:
    rows = [f"<li>{_text(item)}</li>" for item in items]
    return [f"<p>{title}:</p>\n<ul>", *rows, "</ul>"] if rows else []


def _text(text: str) -> str:
    return escape(printable(text))
