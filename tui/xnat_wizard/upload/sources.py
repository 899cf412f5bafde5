"""Which source an upload reads from: its files as they are, or as they are de-identified on their way."""

from xnat_wizard.upload.deidentify.choice import Sealed
from xnat_wizard.upload.deidentify.veil import Veil
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.local import LocalSource


def source_of(journal: Journal) -> LocalSource:
    """Return the source of an upload, not open yet."""
    sealed = Sealed.decoded(journal.deidentification)
    if sealed is None:
        return LocalSource(journal.source)
    return Veil(journal.source, sealed, journal.subjects(), journal.halves_of_pairs())
