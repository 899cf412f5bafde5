"""The list of ways to log in: what is known on this machine, sites used before, and two ways to type."""

from collections.abc import Iterable
from dataclasses import dataclass

from xnat_wizard.findings import Finding
from xnat_wizard.login_sources import Offer, source_words
from xnat_wizard.logins import RecentSite
from xnat_wizard.wizard.steps.login.words import place_of, used_words
from xnat_wizard.wizard.widgets.pick import Way
from xnat_wizard.wizard.widgets.plain import plain

ALIAS = "alias"
PASSWORD = "password"  # noqa: S105  the name of a way
PYXNAT = "pyxnat"
FORGET_SITE = "forget-site"


@dataclass(frozen=True, slots=True)
class Known:
    """What there is to choose from, by the key of its row."""

    offers: dict[str, Offer]
    sites: dict[str, RecentSite]
    troubles: dict[str, Finding]

    @classmethod
    def of(cls, offers: Iterable[Offer], sites: Iterable[RecentSite], troubles: Iterable[Finding]) -> "Known":
        """Number what there is; a site that an offer is for is left out."""
        offers = tuple(offers)
        others = (site for site in sites if not any(offer.fits(site.url, site.username) for offer in offers))
        return cls(
            {f"offer-{place}": offer for place, offer in enumerate(offers)},
            {f"site-{place}": site for place, site in enumerate(others)},
            {f"trouble-{place}": finding for place, finding in enumerate(troubles)},
        )

    def ways(self, *, is_alias: bool) -> tuple[Way, ...]:
        """Return the rows: what needs no typing first."""
        rows = [
            Way(key, _person(offer.username, offer.address), plain(source_words(offer)))
            for key, offer in self.offers.items()
        ]
        rows += self.forgettable()
        rows.append(
            Way(PASSWORD, "User name and password", "type them")
            if is_alias
            else Way(ALIAS, "Alias token", "type alias and secret")
        )
        rows.append(Way(PYXNAT, "A file of pyxnat", "with server, user, password"))
        if self.sites:
            rows.append(Way(FORGET_SITE, "Forget a site", "take it off this list"))
        rows += [
            Way(key, finding.where.rpartition("/")[2] or finding.code, f"cannot be used: {plain(finding.why)}")
            for key, finding in self.troubles.items()
        ]
        return tuple(rows)

    def forgettable(self) -> tuple[Way, ...]:
        """Return the rows of the sites that were used before."""
        return tuple(
            Way(key, _person(site.username, site.url), used_words(site.used_s)) for key, site in self.sites.items()
        )


def _person(username: str, address: str) -> str:
    return f"{plain(username)}@{place_of(address)}" if address else plain(username)
