"""What the output of a DICOM sender says: which files were acknowledged, which were refused, and why none went.

Reads what storescu and dcmsend of DCMTK print (with -v, -d, or as a report), storescu of pynetdicom, sendDCM2xnat's
calls, and plain lists of "PATH STATUS". A status of 0000 means handled, not stored (rule 2 of missing data 0.3).
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from xnat_wizard.troubleshoot.case import Way
from xnat_wizard.troubleshoot.local_facts import Message, Sent, SentFate, SentFile
from xnat_wizard.troubleshoot.model import Evidence

LONGEST_BYTES = 64 * 1024 * 1024
_FILE = re.compile(r"(?:^|: )(?:Sending file|sending SOP instance from file)\s*: (?P<path>.+)$")
_REPORT = re.compile(
    r"^(?P<key>Filename|SOP Instance|SOP Class|Original Xfer|DIMSE Status|Communication Peer|AE Titles used|"
    r"Current Date/Time|Number|Status Summary)\s*:?\s*(?P<value>.*)$"
)
_ANSWER = re.compile(r"Received (?:Store|C-STORE) Response \((?P<status>.+)\)\s*$")
_SAID = re.compile(r"DIMSE Status\s*: (?P<status>0x[0-9a-fA-F]{4}.*)$")
_REQUEST = re.compile(r"Sending (?:Store|C-STORE) Request")
_CODE = re.compile(r"(?:0x)?(?P<code>[0-9a-fA-F]{4})\b")
_NO_CONTEXT = re.compile(r"No presentation context(?: accepted)? (?:for|found)[:\s]+(?P<rest>.*)$", re.IGNORECASE)
_UID = re.compile(r"(?<![\d.])[0-2](?:\.\d+){3,}(?![\d.])")
_BAD = re.compile(
    r"(?:Bad DICOM file|bad DICOM file|cannot add DICOM file to the transfer list): (?P<path>.+?): (?P<why>.+)$"
)
_REJECT_REASON = re.compile(r"Reason: (?P<reason>.+)$")
_NO_ASSOCIATION = re.compile(
    r"(?:Association Request Failed|cannot negotiate network association)"
    r"[:\s]+(?:[0-9a-f]{4}:[0-9a-f]{4} )?(?P<why>.+)$"
)
_ABORTED = re.compile(r"(?:Peer aborted|peer aborted|Association Abort|Received A-ABORT)")
_CALL = re.compile(r"(?:^|[/\s])sendDCM2xnat\s+(?P<arguments>.+)$")
_DCMTK_CALL = re.compile(r"(?:^|[/\s$])(?:storescu|dcmsend)\s+(?P<arguments>-.+|[\w.-]+ \d+.*)$")
_PLAIN = re.compile(
    r"^(?P<path>\S.*?\S)[\s,;:]+(?:status\s*[:=]?\s*)?"
    r"(?P<status>0x[0-9a-fA-F]{4}|[0-9A-F]{4}|no presentation context.*)$",
    re.IGNORECASE,
)
_WORDS = {"success": "0000", "outofresources": "A700", "cannotunderstand": "C000", "unabletoprocess": "0110"}
_UNKNOWN_FAILURE = "C000"


def read_log(path: Path) -> Sent:
    """Read the log of a sender.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(LONGEST_BYTES)
    sent = parse(data.decode("utf-8", errors="replace").splitlines())
    counts = {fate: sum(one.fate is fate for one in sent.files) for fate in SentFate}
    got = ", ".join(f"{count} {fate}" for fate, count in counts.items()) + (
        f"; {sent.association_error}" if sent.association_error else ""
    )
    at = _when(path)
    return replace(sent, evidence=(Evidence("Q34", f"log {path.name}", got, at),))


def parse(lines: Iterable[str]) -> Sent:
    """Read the lines of a log."""
    reader = _Reader()
    for line in lines:
        reader.take(line.rstrip())
    return reader.result()


class _Reader:
    """Goes through the lines; a file waits for its answer until the next one begins."""

    def __init__(self) -> None:
        self.files: list[SentFile] = []
        self.messages: list[Message] = []
        self.contexts: dict[tuple[str, str], None] = {}
        self.error = ""
        self.arguments: tuple[str, ...] = ()
        self.started = ""
        self.kind = "log"
        self._path = ""
        self._uid = ""
        self._report: dict[str, str] = {}
        self._is_rejected = False
        self._is_open = False  # a request without its answer

    def take(self, line: str) -> None:
        """Read one line."""
        if found := _FILE.search(line):
            self._close()
            self._path = found["path"].strip()
            self._is_open = True
        elif found := _REPORT.match(line):
            self._take_report(found["key"], found["value"].strip())
        elif found := _NO_CONTEXT.search(line):
            self._refuse_context(found["rest"])
        elif found := _BAD.search(line):
            self._path = ""
            self._is_open = False
            self._unreadable(found["path"], found["why"])
        elif found := (_ANSWER.search(line) or _SAID.search(line)):
            self._answer(found["status"])
        elif _REQUEST.search(line):
            self._is_open = True
        else:
            self._take_rest(line)

    def _take_rest(self, line: str) -> None:
        if "Association Rejected" in line:
            self._is_rejected = True
            self.error = self.error or "rejected"
        elif self._is_rejected and (found := _REJECT_REASON.search(line)):
            self.error = f"rejected: {found['reason'].strip().lower()}"
        elif found := _NO_ASSOCIATION.search(line):
            why = found["why"].strip()
            self.error = "rejected" if "Rejected" in why else why.lower()
        elif _ABORTED.search(line):
            self.messages.append(Message(line.strip()))
            self.error = self.error or "aborted"
        elif found := _CALL.search(line):
            self.arguments = tuple(found["arguments"].split())
            self.kind = "sendDCM2xnat"
        elif found := _DCMTK_CALL.search(line):
            self.arguments = self.arguments or tuple(found["arguments"].split())
        elif found := _PLAIN.match(line):
            self._plain(found["path"].strip(), found["status"])

    def _take_report(self, key: str, value: str) -> None:
        if key == "Current Date/Time":
            self.started = value.replace(" ", "T")
        elif key == "AE Titles used":
            self.kind = "report of dcmsend"
        elif key in {"Number", "Status Summary"}:
            self._report = {}
        elif key == "DIMSE Status" and "Filename" in self._report:
            uid = self._report.get("SOP Instance", "")
            self.files.append(_file(self._report["Filename"], value, uid))
            self._report = {}
        elif key == "DIMSE Status":
            self._answer(value)
        elif key != "Communication Peer":
            self._report[key] = value

    def _answer(self, said: str) -> None:
        if self._path or self._is_open:
            self.files.append(_file(self._path, said, self._uid))
        self._path, self._uid, self._is_open = "", "", False

    def _refuse_context(self, rest: str) -> None:
        uids = _UID.findall(rest)
        sop_class = uids[0] if uids else ""
        quoted = re.findall(r"'([^']+)' transfer syntax", rest)
        syntax = uids[1] if len(uids) > 1 else quoted[0] if quoted else ""
        self.contexts[sop_class, syntax] = None
        if self._path:
            self.files.append(SentFile(self._path, SentFate.REFUSED, "no presentation context"))
        self._path, self._is_open = "", False

    def _unreadable(self, path: str, why: str) -> None:
        name = path.rpartition("/")[2]
        if not any(one.names == name for one in self.messages):
            self.messages.append(Message(f"not DICOM: {why}", names=name))
            self.files.append(SentFile(path, SentFate.NOT_SENT, "not DICOM"))

    def _plain(self, path: str, status: str) -> None:
        if "/" not in path and "." not in path:
            return
        if status.lower().startswith("no presentation"):
            self.contexts["", ""] = None
            self.files.append(SentFile(path, SentFate.REFUSED, "no presentation context"))
        else:
            self.files.append(_file(path, status, ""))

    def _close(self) -> None:
        """Note a file that got no answer before the next one began, or before the end."""
        if self._path:
            self.files.append(SentFile(self._path, SentFate.REFUSED, "no answer"))
        self._path, self._is_open = "", False

    def result(self) -> Sent:
        """Return what was read."""
        self._close()
        named = {one.path for one in self.files}
        subject, session, project = self._script_labels()
        return Sent(
            is_known=bool(self.files or self.error or self.arguments or self.contexts),
            origin=self.kind,
            way=Way.C_STORE,
            project=project,
            subject=subject,
            session=session,
            started=self.started,
            files=tuple(self.files),
            messages=tuple(self.messages),
            arguments=self.arguments,
            rejected_contexts=tuple(self.contexts),
            association_error=self.error,
            has_per_file_record=bool(named - {""}),
        )

    def _script_labels(self) -> tuple[str, str, str]:
        """Return subject, session and project of a call of sendDCM2xnat (missing data 1.8)."""
        if self.kind == "sendDCM2xnat" and len(self.arguments) >= 3:
            return self.arguments[0], self.arguments[1], self.arguments[2]
        return "", "", ""


def _file(path: str, said: str, uid: str) -> SentFile:
    code = _code(said)
    is_good = code == "0000" or code[:1] == "B"  # warnings are handled, too
    return SentFile(path, SentFate.ACKNOWLEDGED if is_good else SentFate.REFUSED, code, uid)


def _code(said: str) -> str:
    plain = said.casefold()
    for word, code in _WORDS.items():
        if word in plain:
            return code
    found = _CODE.search(said)
    return found["code"].upper() if found else _UNKNOWN_FAILURE


def _when(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).astimezone().isoformat(timespec="seconds")
