"""The options of the results step."""

from dataclasses import replace

from xnat_wizard.wizard.choices import ResultsDraft
from xnat_wizard.wizard.steps.results.words import EXISTING
from xnat_wizard.wizard.widgets.options import Option

_EXISTING = tuple(EXISTING)


def options_of(draft: ResultsDraft) -> tuple[Option[ResultsDraft], ...]:
    """Return the options that there are in a direction."""
    existing: Option[ResultsDraft] = Option(
        "Existing files",
        tuple(EXISTING.values()),
        lambda one: _EXISTING.index(one.existing),
        lambda one, at: replace(one, existing=_EXISTING[at]),
    )
    archives: Option[ResultsDraft] = Option(
        "Folders, archives",
        (
            ("as files", "The files of a folder, zip or tar lie in the resource one by one, with their sub-folders."),
            ("kept as archives", "A folder becomes one zip in the resource, a zip or tar stays as it is."),
        ),
        lambda one: int(one.keeps_archive),
        lambda one, at: replace(one, keeps_archive=bool(at)),
    )
    missing: Option[ResultsDraft] = Option(
        "Missing sessions",
        (
            ("are said so", "Nothing is made: a result whose session is missing stays here, and is said so."),
            ("are made", "Subject, session (MR) and scan are made where they are missing."),
        ),
        lambda one: int(one.creates),
        lambda one, at: replace(one, creates=bool(at)),
    )
    proof: Option[ResultsDraft] = Option(
        "Proof",
        (
            ("the site's digests", "Files are compared by the MD5 that the site keeps, by size where it keeps none."),
            (
                "every byte",
                "Files of which the site keeps no MD5 are read back and compared byte by byte; that takes its time.",
            ),
        ),
        lambda one: int(one.verifies_bytes),
        lambda one, at: replace(one, verifies_bytes=bool(at)),
    )
    return (existing, proof) if draft.is_get else (existing, archives, missing, proof)
