"""The letter to whoever can help: one template a cause, filled with facts that were checked, free of patient data.

Subject and session labels, header texts and folder names may hold a patient's name; unless `with_labels` is said, each
of them is left out wherever it stands. Names and birth dates of patients are never among the facts.

Sources: missing data 2.3 (templates T1 to T8), 0.3 rule 10.
"""

import os
import re
import textwrap
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from xnat_wizard.settings import open_private
from xnat_wizard.troubleshoot.model import Evidence

WIDTH = 72
LEFT_OUT = "(left out)"
_NAME_LETTERS = 3  # a shorter part of a name is also a part of too many other words
_UID = r"[0-9]+(?:\.[0-9]+){4,}"


@dataclass(frozen=True, slots=True)
class LetterFacts:
    """What every letter begins with; what is not known stays empty."""

    site_url: str
    now: datetime  # with zone
    version: str = ""
    account: str = ""
    way: str = ""  # "https upload", "DICOM (C-STORE)"
    sent_at: str = ""  # date, time and zone, as told or recorded
    host: str = ""  # this machine: name or address
    sender: str = ""  # calling AE title, or client
    project: str = ""  # as typed
    study_instance_uids: tuple[str, ...] = ()
    series_count: int | None = None
    object_count: int | None = None
    subject_label: str = ""
    session_label: str = ""
    private: tuple[str, ...] = ()  # other texts that may name a patient, left out wherever they stand; names in parts
    checked: tuple[Evidence, ...] = ()
    with_labels: bool = False  # the person allows labels and header texts to go out


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter, ready to be copied or saved."""

    template: str  # "T1"
    subject: str
    body: str

    def as_text(self) -> str:
        """Return subject line and body."""
        return f"Subject: {self.subject}\n\n{self.body}"


@dataclass(frozen=True, slots=True)
class Place:
    """A session's place in the prearchive."""

    project: str
    timestamp: str
    folder: str  # made of the session label


@dataclass(frozen=True, slots=True)
class SeriesLoss:
    """What is missing of one series."""

    number: str
    description: str
    sop_class: str
    count: int


def unassigned(facts: LetterFacts, *, received: str = "", header_text: str = "") -> Letter:
    """T1, to the administrator: a session lies in Unassigned."""
    about = f", received about {received}" if received else ""
    reason = _shown(facts, header_text)
    because = f" Probable reason: {reason} does not equal a project ID or alias." if reason else ""
    return _letter(
        facts,
        "T1",
        "Session in Unassigned",
        f"Please look in Prearchive > Unassigned for a session with UID {_uids(facts)} (or the 'original' UID in the "
        f"file names){about}. If it is there, please move it to project {facts.project or '(project)'}, by a POST to",
        f"  /data/prearchive/projects/Unassigned/TIMESTAMP/FOLDER?action=move&newProject={facts.project or 'PROJECT'}",
        because.strip(),
    )


def other_project(facts: LetterFacts, *, header_text: str = "") -> Letter:
    """T2, to the administrator: a study may have gone to a project that the account cannot see."""
    said = _shown(facts, header_text)
    text = f" StudyDescription, AccessionNumber or comment said: {said}." if said else ""
    queries = [
        line
        for uid in facts.study_instance_uids or ("UID",)
        for line in (f"  /data/prearchive?tag={uid}", f"  /data/experiments?studyInstanceUID={uid}")
    ]
    return _letter(
        facts,
        "T2",
        "Study in another project",
        f"The study {_uids(facts)} may have been routed to a project that I cannot see.{text} Please query",
        *queries,
        f"and move it to {facts.project or 'its project'}, or tell me whom to ask.",
    )


def stuck(
    facts: LetterFacts, place: Place, *, status: str, last_modified: str, tried: str = "", answer: str = ""
) -> Letter:
    """T3, to the administrator: a session in the prearchive does not move."""
    attempt = f" I already tried {tried}, with the answer: {answer}." if tried else ""
    return _letter(
        facts,
        "T3",
        f"Session stuck in {status}",
        f"Session {_where(facts, place)} has status {status}, unchanged since {last_modified}.{attempt} Please check "
        "the queue, the locks and dcmtoxnat.log, then rebuild it.",
    )


def rights(facts: LetterFacts, *, experiment: str = "", role: str = "", is_quarantined: bool = False) -> Letter:
    """T4, to an owner of the project: a quarantined session, or missing rights; `role` as in "a collaborator"."""
    if is_quarantined:
        ask = f"{experiment or 'My session'} in {facts.project} is quarantined. Please activate it."
        return _letter(facts, "T4", f"Quarantined session in {facts.project}", ask)
    now = f"only {role}" if role else "without a role"
    return _letter(
        facts,
        "T4",
        f"Member rights in {facts.project}",
        f"I am {now} in {facts.project}, and want to upload there. Please give my account {facts.account} the rights "
        "of a member.",
    )


def conflict(
    facts: LetterFacts,
    place: Place,
    *,
    message: str,
    existing: str,
    is_same_study: bool | None = None,
    overlap: tuple[int, int] | None = None,
    proposal: str = "",
) -> Letter:
    """T5, to an owner: a session cannot be archived beside one that is there; `overlap` is k of n objects."""
    same = {True: "yes", False: "no", None: "not known"}[is_same_study]
    shared = f"; {overlap[0]} of {overlap[1]} objects are the same" if overlap else ""
    return _letter(
        facts,
        "T5",
        f"Conflict in the prearchive of {place.project}",
        f"{_where(facts, place)} cannot be archived: {message}.".replace("..", "."),
        f"Existing: {existing}.",
        f"Same study (UIDs equal): {same}{shared}.",
        f"I propose: {proposal or 'append / keep under another label / discard mine'}. Please decide.",
    )


def dropped(
    facts: LetterFacts,
    losses: Iterable[SeriesLoss],
    *,
    acknowledged: int,
    is_explained: bool | None = None,
    around: str = "",
) -> Letter:
    """T6, to the administrator: objects were acknowledged and are not there."""
    listed = sorted(losses, key=lambda one: (len(one.number), one.number))
    absent = sum(one.count for one in listed)
    words = {True: "explain it", False: "do not explain it", None: "do not tell whether they explain it"}[is_explained]
    when = f" around {around}" if around else ""
    return _letter(
        facts,
        "T6",
        f"{absent} of {acknowledged} objects are missing",
        f"The server acknowledged {acknowledged} objects, {absent} are not there:",
        *(f"  series {one.number}, {one.description}, {one.sop_class}: {one.count}" for one in listed),
        f"The filters and scripts that I can read {words}. Please check dicom.log, customProcessing of the receiver "
        f"and the site script{when} for UID {_uids(facts)}.",
    )


def network(facts: LetterFacts, *, to: str, happened: Iterable[str], wish: str) -> Letter:
    """T7, to the IT department: the way is blocked or too narrow; `to` is host and port."""
    lines = list(happened)
    return _letter(
        facts,
        "T7",
        f"Connection from {facts.host or 'this machine'} to {to}",
        f"From {facts.host or 'this machine'} to {to}:",
        *(f"  - {line}" for line in lines),
        wish,
    )


def deleted(facts: LetterFacts, *, experiment: str, existed_on: str) -> Letter:
    """T8, to the administrator: an experiment that was there is gone."""
    return _letter(
        facts,
        "T8",
        "Experiment gone from the archive",
        f"Experiment {experiment} existed on {existed_on} (receipt attached) and is now 404. Please look in the audit "
        "trail and, if kept, in the deletion back-up.",
    )


def save(text: str, path: Path) -> None:
    """Write a letter or page so that nobody but this person can read it; what was there before is replaced.

    Raises:
        OSError: it cannot be written; a link in its place is not followed.
    """
    descriptor = open_private(path, os.O_WRONLY | os.O_TRUNC)
    with os.fdopen(descriptor, "w", encoding="ascii", errors="replace") as file:
        file.write(text if text.endswith("\n") else text + "\n")


def plain(text: str) -> str:
    """Return a text in ASCII: letters without their accents, a question mark for what has no plain form."""
    decomposed = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    bare = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return "".join(sign if sign.isprintable() else " " for sign in bare).encode("ascii", "replace").decode("ascii")


def wrapped(text: str, *, indent: str = "") -> str:
    """Break one paragraph into lines of a mail; what cannot be broken, as a UID, stands whole."""
    lead = text[: len(text) - len(text.lstrip(" "))]
    return textwrap.fill(
        plain(text.strip()),
        WIDTH,
        initial_indent=lead,
        subsequent_indent=lead + indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _letter(facts: LetterFacts, template: str, subject: str, *paragraphs: str) -> Letter:
    parts: list[str] = ["Hello,", _block(facts)]
    group: list[str] = []
    for paragraph in filter(None, paragraphs):
        if paragraph.startswith("  "):
            group.append(paragraph)
            continue
        parts += _listed(group)
        group = []
        parts.append(paragraph)
    parts += _listed(group)
    text = "\n\n".join(_paragraph(facts, part) for part in parts)
    return Letter(template, plain(_scrubbed(facts, f"XNAT: {subject}"))[:120], text + "\n")


def _paragraph(facts: LetterFacts, part: str) -> str:
    lines = part.split("\n")
    indent = "  " if len(lines) > 1 or part.startswith("  ") else ""  # a list, or prose
    return "\n".join(wrapped(_scrubbed(facts, line), indent=indent) for line in lines)


def _listed(group: list[str]) -> list[str]:
    return ["\n".join(group)] if group else []


def _block(facts: LetterFacts) -> str:
    """Return what is the same in all letters."""
    lines = [f"XNAT: {facts.site_url}" + (f" (version {facts.version})" if facts.version else "")]
    if facts.account:
        lines.append(f"Account: {facts.account}")
    lines.append(f"Time now: {facts.now.isoformat(timespec='seconds')}")
    parts = [facts.way, f"on {facts.sent_at}" if facts.sent_at else "", f"from {facts.host}" if facts.host else ""]
    parts += [f"as {facts.sender}" if facts.sender else "", f"to project {facts.project}" if facts.project else ""]
    if facts.way or facts.sent_at:
        lines.append("Sent: " + " ".join(filter(None, parts)))
    lines += [f"Study: StudyInstanceUID {uid}" for uid in facts.study_instance_uids]
    counts = [(facts.series_count, "series"), (facts.object_count, "objects")]
    told = ", ".join(f"{count} {noun}" for count, noun in counts if count is not None)
    if told:
        lines.append(f"Count: {told}")
    if facts.subject_label or facts.session_label:
        shown = f"subject {facts.subject_label or 'none'}, session {facts.session_label or 'none'}"
        lines.append(f"Labels sent: {shown if facts.with_labels else LEFT_OUT}")
    if facts.checked:
        lines.append("Already checked by me:")
        lines += [f"  {one.as_text()}" for one in facts.checked]
    return "\n".join(lines)


def _uids(facts: LetterFacts) -> str:
    return ", ".join(facts.study_instance_uids) or "(not known)"


def _where(facts: LetterFacts, place: Place) -> str:
    return f"{place.project}/{place.timestamp}/{place.folder if facts.with_labels else LEFT_OUT}"


def _shown(facts: LetterFacts, text: str) -> str:
    """Return a text of a header where the person allows it."""
    if not text:
        return ""
    return f'"{text}"' if facts.with_labels else f"a text of the header {LEFT_OUT}"


def _scrubbed(facts: LetterFacts, text: str) -> str:
    """Leave out what may name a patient, wherever it stands, also as XNAT or an address spells it; UIDs stay whole."""
    secrets = {*_spellings(facts.subject_label), *_spellings(facts.session_label)}
    for private in facts.private:
        secrets |= _spellings(private)
        if "^" in private:  # a person's name in DICOM's way
            secrets |= {part for part in re.split(r"[\^=,\s]+", private) if len(part) >= _NAME_LETTERS}
    known = sorted(secrets - {""}, key=lambda secret: (-len(secret), secret))
    if facts.with_labels or not known:
        return text
    kept = {facts.site_url, facts.account, facts.host, facts.sender, facts.project, "XNAT"} - {""}
    safe = "|".join([_UID, *map(re.escape, sorted(kept, key=len, reverse=True))])
    hidden = "|".join(map(re.escape, known))
    pattern = rf"(?<![A-Za-z0-9])(?:(?P<safe>{safe})|(?:{hidden}))(?![A-Za-z0-9])"
    return re.sub(pattern, lambda found: found["safe"] or LEFT_OUT, text, flags=re.IGNORECASE)


def _spellings(label: str) -> set[str]:
    """Return a label as it is, as XNAT cleans it, as an address has it, and without accents."""
    return {label, re.sub(r"[^A-Za-z0-9_-]", "_", label), quote(label, safe=""), plain(label)}
