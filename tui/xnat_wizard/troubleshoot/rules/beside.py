"""Two sessions side by side: what both have, and the step that joins them.

Sources: missing data 2.2 (F4, and the box on `overwrite`).
"""

from xnat_wizard.troubleshoot.facts import Candidate, Facts
from xnat_wizard.troubleshoot.model import NextStep, Role, StepKind
from xnat_wizard.upload.tokens import token_in


def merge(hit: Candidate, scans: str) -> NextStep:
    """Return the step that adds a waiting session to the one that is archived; `scans` in words."""
    text = f"Add {scans} to the session that is there; nothing of it is replaced."
    return NextStep(StepKind.CONFIRM, text, "F4", Role.MEMBER, target=hit.place.uri)


def has_all(facts: Facts, waiting: str, archived: str) -> bool:
    """Tell whether every file of one place stands in another one, by its UID or by the token in its name."""
    new, old = facts.contents.get(waiting), facts.contents.get(archived)
    if new is None or old is None or not new.files:
        return False
    there = {known for file in old.files for known in (file.sop_instance_uid, token_in(file.name)) if known}
    return all({file.sop_instance_uid, token_in(file.name)} & there for file in new.files)


def scan_ids(facts: Facts, uri: str) -> set[str]:
    """Return the IDs of the scans in a place, as far as it was opened."""
    contents = facts.contents.get(uri)
    return {scan.id for scan in contents.scans} if contents else set()
