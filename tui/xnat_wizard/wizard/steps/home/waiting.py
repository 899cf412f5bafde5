"""What waits in the prearchive, counted, in words."""

from collections import Counter
from collections.abc import Iterable

from xnat_wizard.amounts import count_text
from xnat_wizard.xnat.model import PrearchiveSession

# Wire contract 6.3; in the order of what a person has to do.
_NEEDS = (
    ("CONFLICT", "in conflict with what is in the archive"),
    ("ERROR", "with an error"),
    ("READY", "ready to archive"),
    ("RECEIVING", "still receiving"),
)
_UNASSIGNED = "Unassigned"


def waiting_words(sessions: Iterable[PrearchiveSession]) -> str:
    """Return how many sessions wait, in how many projects, and for what."""
    sessions = tuple(sessions)
    if not sessions:
        return "Nothing waits in the prearchive of your projects."
    projects = {one.project for one in sessions} - {_UNASSIGNED}
    counts = Counter(one.plain_status for one in sessions)
    parts = [f"{counts.pop(status)} {words}" for status, words in _NEEDS if status in counts]
    if counts:
        parts.append(f"{sum(counts.values())} being worked on by the site")
    place = f" of {count_text(len(projects), 'project')}" if projects else ""
    text = f"{count_text(len(sessions), 'session')} in the prearchive{place}: {', '.join(parts)}."
    unassigned = sum(one.project == _UNASSIGNED for one in sessions)
    return f"{text} {unassigned} without a project." if unassigned else text
