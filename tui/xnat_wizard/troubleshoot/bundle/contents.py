"""Puts a bundle together, looks through it for secrets, and writes it as a zip that only this person can read."""

import contextlib
import io
import json
import os
import re
import sqlite3
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.settings import log_dir
from xnat_wizard.troubleshoot.bundle import machine, uploads
from xnat_wizard.troubleshoot.bundle.redaction import Redactor
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.worker import LOG_NAME, is_running

if TYPE_CHECKING:
    from xnat_wizard.troubleshoot.check import Check

LOG_LINES = 1000  # the last ones of each log
WIZARD_LOG = "wizard.log"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same facts make the same bytes
_LOG_LINE = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+ (\d+) (DEBUG|INFO|WARNING|ERROR|CRITICAL) (xnat_wizard[\w.]*) ?"
)
_BY_LINE = frozenset({"values", "packages", "environment", "remarks"})
_ABOUT = """\
A report of xnat-wizard, made to go along with a ticket.

It holds states, counts, codes and events. Names are replaced by placeholders: the same name has the same
placeholder in all files. Not in it: names and labels of subjects, sessions, series and projects; paths and file
names; UIDs (but for DICOM's own); names of users, sites and machines; passwords and tokens; images.

"""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a bundle."""

    name: str
    text: str
    what: str  # in words


def gather(
    journals: Sequence[Path], *, checks: "Iterable[Check]" = (), site: str = "", names: Iterable[str] = ()
) -> tuple[File, ...]:
    """Return the files of a bundle.

    Args:
        journals: of the uploads it is about.
        checks: what looking at the connection to a site has found.
        site: the address that they are of.
        names: more of what must not be in it: users, files, whatever was typed.

    Raises:
        Problem: `report.secret`: a secret of this machine stands in it; nothing leaves the house.
    """
    redactor = Redactor()
    opened = [_opened(path, redactor) for path in journals]
    _learn_own(redactor, site, names)
    try:
        files = [
            File("versions.json", _json(machine.versions()), "versions of this program and of what it runs on"),
            File(
                "settings.json",
                _json({**machine.settings(), "logins": machine.logins()}),
                "settings, and how many logins are kept",
            ),
        ]
        for at, (path, journal) in enumerate(zip(journals, opened, strict=True), start=1):
            files += _of_upload(f"upload-{at}", path, journal, redactor)
    finally:
        for journal in opened:
            if isinstance(journal, Journal):
                journal.close()
    files += _log(_wizard_log(), WIZARD_LOG, "the log of the wizard", redactor)
    found = [_check(check, redactor) for check in checks]
    if found:
        files.append(File("check.jsonl", "".join(found), "what looking at the connection has found"))
    listed = "".join(f"{one.name}: {one.what}\n" for one in files)
    whole = (File("about.txt", _ABOUT + listed, "what is in it"), *files)
    _refuse_secrets(whole)
    return whole


def packed(files: Iterable[File]) -> bytes:
    """Return the bundle as a zip; the same files make the same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for file in files:
            entry = zipfile.ZipInfo(f"xnat-wizard-report/{file.name}", _EPOCH)
            entry.external_attr = 0o600 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.text.encode("utf-8"))
    return target.getvalue()


def write(data: bytes, path: Path) -> None:
    """Write a bundle for this person only; a file that is there is never replaced.

    Raises:
        FileExistsError: there is one of that name.
        OSError: it cannot be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        target.write(data)


def _opened(path: Path, redactor: Redactor) -> Journal | Finding:
    """Open a journal and learn its names; a finding, where it cannot be read."""
    redactor.know("path", [str(path.parent)])
    redactor.know("upload", [path.parent.name])
    try:
        journal = Journal.open(path)
    except Problem as problem:
        return problem.finding
    except (OSError, sqlite3.Error) as error:
        return _unreadable(error)
    try:
        uploads.learn(journal, redactor)
    except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
        journal.close()
        return _unreadable(error)
    return journal


def _unreadable(error: Exception) -> Finding:
    return Finding("journal.unreadable", "A journal cannot be read", type(error).__name__, ())


def _of_upload(name: str, path: Path, journal: Journal | Finding, redactor: Redactor) -> list[File]:
    if isinstance(journal, Finding):
        files = [File(f"{name}.json", _json({"finding": redactor.finding(journal)}), "an upload that cannot be read")]
    else:
        facts = uploads.facts(journal, redactor, is_running=is_running(path))
        events = "".join(f"{line}\n" for line in uploads.events(journal, redactor))
        files = [
            File(f"{name}.json", _json(facts), "an upload: states, counts, codes"),
            File(f"{name}-events.txt", events, "what happened to it, by seconds since its first event"),
        ]
    return files + _log(path.parent / LOG_NAME, f"{name}-worker.log", "the log of its process", redactor)


def _wizard_log() -> Path:
    return log_dir() / WIZARD_LOG


def _log(path: Path, name: str, what: str, redactor: Redactor) -> list[File]:
    """Return the end of a log, its lines without names; none where there is no log."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
    except OSError:
        return []
    kept = []
    for line in lines:
        head = _LOG_LINE.match(line)
        kept.append(f"{head[0]}{redactor.text(line[head.end() :])}" if head else redactor.text(line))
    return [File(name, "".join(f"{line}\n" for line in kept), what)] if kept else []


def _check(check: "Check", redactor: Redactor) -> str:
    facts = {
        "name": check.name,
        "state": str(check.state),
        "said": redactor.text(check.said),
        "because": check.because,
        "finding": redactor.finding(check.finding),
        "evidence": [redactor.text(line) for line in check.evidence],
    }
    return json.dumps(facts) + "\n"


def _json(facts: dict[str, object]) -> str:
    """Return an object as JSON, a line for each of its fields, and for each entry of a list."""
    lines = []
    for name, value in facts.items():
        if isinstance(value, list) and value:
            entries = ",\n  ".join(json.dumps(one) for one in value)
            lines.append(f" {json.dumps(name)}: [\n  {entries}\n ]")
        elif name in _BY_LINE and isinstance(value, dict) and value:
            entries = ",\n  ".join(f"{json.dumps(key)}: {json.dumps(one)}" for key, one in value.items())
            lines.append(f" {json.dumps(name)}: {{\n  {entries}\n }}")
        else:
            lines.append(f" {json.dumps(name)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _learn_own(redactor: Redactor, site: str, names: Iterable[str]) -> None:
    """Let a redactor know what names this person, this machine and the sites that are used from here."""
    import getpass
    import socket

    from xnat_wizard.logins import recent_sites

    users = [os.environ.get(name, "") for name in ("XNAT_USER", "USER", "LOGNAME")]
    with contextlib.suppress(OSError, KeyError):  # an account without a name, as in a container
        users.append(getpass.getuser())
    for url in (site, os.environ.get("XNAT_HOST", ""), *(one.url for one in recent_sites())):
        place = urlsplit(url if "://" in url else f"//{url}")
        redactor.same(redactor.name("site", url), [place.netloc, place.hostname or ""])
    host = socket.gethostname()
    redactor.know("user", [*users, *(one.username for one in recent_sites())])
    redactor.know("host", [host, host.partition(".")[0]])
    redactor.know("path", [str(Path.home()), Path.home().name])
    redactor.know("name", names)


def _refuse_secrets(files: Iterable[File]) -> None:
    """Look for every secret that this machine knows.

    Raises:
        Problem: `report.secret`.
    """
    from xnat_wizard.login_sources import offers

    known, _ = offers()
    secrets = {one.secret.reveal() for one in known} | {one.stored.alias for one in known if one.stored}
    for file in files:
        if any(len(secret) > 5 and secret in file.text for secret in secrets):
            raise Problem(
                Finding(
                    "report.secret",
                    "The report was not made: a password or token stood in it",
                    f"It was found in {file.name}, where none should be",
                    ("Tell the makers of this program that this can happen; do not send logs by hand",),
                    shareable="A secret was found while a report was made.",
                )
            )
