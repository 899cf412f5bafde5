"""From what a person types to a case that can be searched for."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.troubleshoot.case import Case, Way, case_from, way_of
from xnat_wizard.troubleshoot.window import read_window

NO_SOURCE = "A folder, an archive, a receipt or a sender's log. Empty: nothing is at hand."
NO_LABEL = "A subject or session label, or a Study Instance UID."
NO_WHEN = '"yesterday evening", "3 days", 2026-03-04; empty: not known.'
NO_WAY = "zip, web page, C-STORE, desktop client; empty: not known."
NO_ERROR = "What the program said; empty: nothing, or it is not known."


@dataclass(frozen=True, slots=True)
class Typed:
    """The form as it stands."""

    source: str = ""
    project: str = ""
    label: str = ""
    when: str = ""
    way: str = ""
    error: str = ""


def case_of(typed: Typed, journal: Path | None, *, now: datetime) -> Case:
    """Read the form.

    Args:
        typed: the form.
        journal: of the upload that led here, where one did.
        now: with zone.

    Raises:
        Problem: `case.*`; `where` names the field.
    """
    words = [typed.source.strip()] if typed.source.strip() else []
    if words and not Path(words[0]).expanduser().exists():
        raise Problem(_no_path(words[0]))
    window = None
    if typed.when.strip():
        try:
            window = read_window(typed.when, now=now)
        except Problem as problem:
            raise Problem(replace(problem.finding, where="when")) from problem
    case = case_from([*words, *typed.label.split()], now_window=window)
    return replace(
        case,
        journal=case.journal or journal,
        project=typed.project.strip(),
        way=way_of(typed.way) if typed.way.strip() else Way.UNKNOWN,
        error_text=typed.error.strip(),
    )


def way_note(text: str) -> str:
    """Return what is wrong with a word for the way; "" when it is understood."""
    if not text.strip() or way_of(text) is not Way.UNKNOWN or text.strip().casefold() == "unknown":
        return ""
    return f"Not one of: {', '.join(way for way in Way if way is not Way.UNKNOWN)}. It is taken as not known."


def _no_path(text: str) -> Finding:
    return Finding(
        "case.no_path",
        "There is no such folder or file",
        f"`{text}` is not on this computer, or may not be seen by this account",
        ("Correct the path, or leave it empty: then the site is searched by label and time.",),
        where="source",
    )
