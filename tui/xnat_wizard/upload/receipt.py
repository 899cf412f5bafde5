"""The receipt: proof by reading the server."""

from typing import TYPE_CHECKING

from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Receipt

if TYPE_CHECKING:
    from xnat_wizard.xnat.site import Site


async def verify(journal: Journal, site: "Site") -> Receipt:
    """Compare every file of an upload with what the server has now, and keep the receipt in the journal."""
    raise NotImplementedError


def as_text(receipt: Receipt) -> str:
    """Return the receipt as lines of at most 80 columns."""
    raise NotImplementedError
