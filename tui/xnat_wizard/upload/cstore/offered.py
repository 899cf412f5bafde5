"""The DICOM receivers of a site, as far as it shows them, and how each is reached (wire contract 9.1)."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from xnat_wizard.upload.cstore.peer import Peer

if TYPE_CHECKING:
    from xnat_wizard.xnat.inquiries.values import Receiver
    from xnat_wizard.xnat.site import Site


@dataclass(frozen=True, slots=True)
class Offered:
    """The receivers of a site."""

    receivers: "tuple[Receiver, ...]"
    why_not: str = ""

    @property
    def on(self) -> "tuple[Receiver, ...]":
        """Return those that are switched on."""
        return tuple(one for one in self.receivers if one.is_enabled)

    def title_at(self, peer: Peer) -> str:
        """Return the AE title that the site shows for a port, "" where it shows none: for one that was not typed."""
        return next((one.ae_title for one in self.receivers if one.port == peer.port), "")


async def offered(site: "Site") -> Offered:
    """Ask a site for its receivers."""
    from xnat_wizard.xnat.inquiry import Inquiry

    told = await Inquiry(site).receivers()
    return Offered(told.value, "" if told.is_known else "the site does not show its receivers to this account")


def peer_at(site_url: str, one: "Receiver", like: Peer | None = None) -> Peer:
    """Return how a receiver of a site is reached: it listens where the site's web page is, as far as anybody knows.

    Args:
        site_url: of the site.
        one: its receiver.
        like: how one is spoken to; the usual way where it is not said.
    """
    host = urlsplit(site_url).hostname or ""
    if like is None:
        return Peer(host, one.port, one.ae_title)
    return replace(like, host=host, port=one.port, ae_title=one.ae_title)


def words_of(one: "Receiver") -> str:
    """Describe a receiver in one line."""
    return f"{one.ae_title}  port {one.port}  {traits_of(one)}"


def traits_of(one: "Receiver") -> str:
    """Say what is special about a receiver."""
    marks = [
        "on" if one.is_enabled else "off",
        *(["takes listed senders only"] if one.has_whitelist else []),
        *(["has routing rules of its own"] if one.has_routing else []),
        *(["archives directly"] if one.is_direct_archive else []),
        *([] if one.is_anonymizing else ["does not anonymize"]),
    ]
    return ", ".join(marks)
