"""What on this machine knows a login: the environment, stored tokens, `.netrc`, a configuration file of pyxnat.

The order in which they are asked, on the command line and in the wizard alike:

1. the environment: XNAT_USER and XNAT_PASS, where XNAT_HOST is not set or means the same site;
2. a stored login (see `logins`) that has not expired;
3. `~/.netrc`: the entry of the very host; its default entry is for no site in particular;
4. a configuration file of pyxnat, as its `save_config` writes it: PYXNAT_CONFIGS, in the home folder.

Nothing here is written, and nothing is sent anywhere.
"""

import json
import netrc
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from xnat_wizard.findings import Finding, Problem, Severity
from xnat_wizard.logins import StoredLogin, is_same_site, stored_logins
from xnat_wizard.settings import Secret

PYXNAT_CONFIGS = (".xnat.cfg", ".pyxnat.cfg", "xnat.cfg")


class Origin(StrEnum):
    """Where a login comes from; the order is the order in which they are asked."""

    ENVIRONMENT = "environment"
    STORED = "stored login"
    NETRC = ".netrc"
    PYXNAT = "pyxnat's file"


@dataclass(frozen=True, slots=True)
class Offer:
    """A login that something on this machine knows."""

    origin: Origin
    where: str  # "XNAT_PASS", "~/.netrc": for people
    address: str  # of the site; "" when the source does not say
    username: str  # whom it stands for
    login_name: str  # what is sent: the user name, or the alias of a token
    secret: Secret
    ca_file: str = ""
    stored: StoredLogin | None = None

    def fits(self, address: str, username: str = "") -> bool:
        """Tell whether it can be used for this site and person; "" is any person."""
        if username not in {"", self.username}:
            return False
        if self.origin is Origin.NETRC:  # a machine has no scheme, port or path
            return host_of(address) == self.address
        if not self.address or is_same_site(address, self.address):
            return True
        return self.stored is None and is_same_site(self.address, address)  # it may say less than what was typed

    def address_for(self, typed: str) -> str:
        """Return where to send it: its own address where that says more, so that https is never left for http."""
        return self.address if "://" in self.address else typed


def offers(username: str = "") -> tuple[tuple[Offer, ...], tuple[Finding, ...]]:
    """Return every login that is known, in order, and what kept a source from being read. Blocks for small files.

    `username` stands in for XNAT_USER where only XNAT_PASS is set.
    """
    found: list[Offer] = []
    troubles: list[Finding] = []
    readers: tuple[Callable[[], Iterator[Offer]], ...] = (
        partial(_environment, username),
        _stored,
        _netrc,
        _pyxnat_files,
    )
    for read in readers:
        try:
            found.extend(read())
        except Problem as problem:
            troubles.append(problem.finding)
    return tuple(found), tuple(troubles)


def best_offer(address: str, username: str = "") -> tuple[Offer | None, tuple[Finding, ...]]:
    """Return the first login that fits a site, and what kept a source from being read."""
    known, troubles = offers(username)
    fitting = (offer for offer in known if offer.fits(address, username) and not is_over(offer))
    return next(fitting, None), troubles


def is_over(offer: Offer) -> bool:
    """Tell whether it is a token that has expired by its own date."""
    return offer.stored is not None and offer.stored.is_over()


def source_words(offer: Offer) -> str:
    """Return where a login comes from, and how long it is good, in words."""
    if offer.stored is None:
        return f"from {offer.where}"
    if offer.stored.expires_s is None:
        return "stored login"
    until = datetime.fromtimestamp(offer.stored.expires_s).astimezone()
    return f"stored login, {'expired' if offer.stored.is_over() else 'until'} {until:%Y-%m-%d %H:%M}"


def host_of(address: str) -> str:
    """Return the host of an address, "" when there is none."""
    try:
        return urlsplit(address if "://" in address else f"//{address.strip()}").hostname or ""
    except ValueError:
        return ""


# -- the sources ---------------------------------------------------------------------------------------------------


def _environment(username: str) -> Iterator[Offer]:
    name, password = os.environ.get("XNAT_USER", "") or username, os.environ.get("XNAT_PASS", "")
    if name and password:
        address = os.environ.get("XNAT_HOST", "")
        yield Offer(Origin.ENVIRONMENT, "XNAT_PASS in the environment", address, name, name, Secret(password))


def _stored() -> Iterator[Offer]:
    for login in stored_logins():
        yield Offer(
            Origin.STORED, "a stored login", login.url, login.username, login.alias, login.secret, login.ca_file, login
        )


def _netrc() -> Iterator[Offer]:
    path = Path("~/.netrc").expanduser()
    try:
        hosts = netrc.netrc(path).hosts
        if not _is_private(path) and any(entry[2] for entry in hosts.values()):
            raise Problem(_netrc_trouble("others than you may read it, or it belongs to another account"))
    except FileNotFoundError:
        return
    except netrc.NetrcParseError as error:
        raise Problem(_netrc_trouble(f"{error.msg} (line {error.lineno})")) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(_netrc_trouble(getattr(error, "strerror", None) or "it cannot be read")) from None
    for host, (name, _, password) in hosts.items():
        if host != "default" and name and password:
            yield Offer(Origin.NETRC, "~/.netrc", host.lower(), name, name, Secret(password))


def _pyxnat_files() -> Iterator[Offer]:
    for name in PYXNAT_CONFIGS:
        path = Path("~").expanduser() / name
        if path.is_file():
            yield pyxnat_offer(path, shown=f"~/{name}")


def pyxnat_offer(path: Path, *, shown: str = "") -> Offer:
    """Read the login in a configuration file of pyxnat.

    Raises:
        Problem: `login.pyxnat` when it is none, or others may read it.
    """
    try:
        if not _is_private(path):
            raise Problem(_pyxnat_trouble(path, "others than you may read it, and a password is in it"))
        content = json.loads(path.read_text(encoding="utf-8"))
        server, user, password = (str(content[name]) for name in ("server", "user", "password"))
    except OSError as error:
        raise Problem(_pyxnat_trouble(path, error.strerror or "it cannot be read")) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Problem(_pyxnat_trouble(path, "it does not hold `server`, `user` and `password` as JSON")) from None
    verify = content.get("verify")
    ca_file = verify if isinstance(verify, str) else ""  # requests takes a path there; False is never taken over
    return Offer(Origin.PYXNAT, shown or str(path), server, user, user, Secret(password), ca_file)


def _is_private(path: Path) -> bool:
    found = path.stat()
    return found.st_uid == os.getuid() and not found.st_mode & 0o077


def _netrc_trouble(why: str) -> Finding:
    return Finding(
        code="login.netrc",
        what="The file .netrc cannot be used",
        why=why,
        todo=(
            "Make it readable by you only: `chmod 600 ~/.netrc`, and check its entries",
            "Or log in another way",
        ),
        where="~/.netrc",
        severity=Severity.NOTE,
        shareable="The file .netrc cannot be used.",
    )


def _pyxnat_trouble(path: Path, why: str) -> Finding:
    return Finding(
        code="login.pyxnat",
        what="The configuration file of pyxnat cannot be used",
        why=why,
        todo=(
            f"Make it readable by you only: `chmod 600 {path}`",
            "Look whether it is the file that pyxnat's `save_config` has written",
            "Or log in another way",
        ),
        where=str(path),
        severity=Severity.NOTE,
        shareable="A configuration file of pyxnat cannot be used.",
    )
