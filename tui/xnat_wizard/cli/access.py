"""Who logs in, and with what: what this machine knows, or the terminal; never an argument: others could read it.

`login_sources` says what is asked, and in which order. Only what nothing there knows is asked for on the terminal.
"""

import argparse
import getpass
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from xnat_wizard.cli.chosen import fill
from xnat_wizard.cli.talk import explain, say
from xnat_wizard.findings import Finding, Problem, printable
from xnat_wizard.settings import Secret

if TYPE_CHECKING:
    from xnat_wizard.logins import StoredLogin
    from xnat_wizard.xnat.login import AliasToken
    from xnat_wizard.xnat.model import Identity, Login, SiteInfo

_LOGINS = "logins_known"  # of this run: address -> login


def add_login_to(command: argparse.ArgumentParser) -> None:
    """Add to a command what a login needs beside the password."""
    command.add_argument(
        "--user",
        default="",
        help="user name (default: as XNAT_USER, a stored login, .netrc or a pyxnat file has it, else asked for)",
    )
    command.add_argument("--ca-file", default="", help="certificate authority of the site, if it is a private one")
    command.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password from the first line of standard input; nothing else that knows one is asked",
    )


def add_site_to(command: argparse.ArgumentParser) -> None:
    """Add to a command which site is meant, and what a login needs beside the password."""
    command.add_argument(
        "--site",
        default=argparse.SUPPRESS,
        help="address of the XNAT site (default: XNAT_HOST, the setting `site`, or the one site that "
        "`xnat-wizard login` keeps a login of)",
    )
    add_login_to(command)


def site_of(options: argparse.Namespace) -> str:
    """Return the address of the site that is meant: as it was named, else the one that a login is kept of.

    Raises:
        Problem: `terminal.no_address` when no site or more than one could be meant.
    """
    from xnat_wizard.logins import stored_logins

    if options.site:
        return str(options.site)
    known = tuple(dict.fromkeys(one.url for one in stored_logins()))
    if len(known) != 1:
        raise Problem(no_address(known))
    say(f"Site: {known[0]}")
    return known[0]


def no_address(known: "Iterable[str]" = ()) -> Finding:
    """Return why no site is meant."""
    kept = ", ".join(known)
    return Finding(
        "terminal.no_address",
        "No site is named",
        "Neither `--site`, nor XNAT_HOST, nor the setting `site` names one, and "
        + (f"logins of several are kept: {kept}" if kept else "no login of a site is kept"),
        (
            "Name it: `--site xnat.example.org`",
            "Or keep it for every command: `xnat-wizard settings set site xnat.example.org`",
            "Or log in once: `xnat-wizard login xnat.example.org`",
        ),
    )


def login_for(address: str, options: argparse.Namespace) -> "Login":
    """Return the login to a site; asks on the terminal for what nothing on this machine knows.

    Raises:
        Problem: `login.missing` when nobody can be asked, or why a source that might have it cannot be read.
    """
    from xnat_wizard.login_sources import best_offer
    from xnat_wizard.xnat.model import Login

    fill(options, address)
    if getattr(options, "password_stdin", False):
        return typed_login(address, options)
    offer, troubles = best_offer(address, options.user)
    if offer is not None:
        return Login(
            offer.address_for(address), offer.login_name, offer.secret, ca_file=options.ca_file or offer.ca_file
        )
    if not sys.stdin.isatty():
        raise Problem(troubles[0] if troubles else _missing())
    for trouble in troubles:
        explain(trouble)
    return typed_login(address, options)


def login_once(address: str, options: argparse.Namespace) -> "Login":
    """Return the login to a site, also to a command that logs in twice: nobody is asked the same again.

    Raises:
        Problem: as `login_for`.
    """
    known: dict[str, Login] = getattr(options, _LOGINS, {})
    if address not in known:
        setattr(options, _LOGINS, {**known, address: login_for(address, options)})
    return getattr(options, _LOGINS)[address]  # type: ignore[no-any-return]  # of a namespace


def typed_login(address: str, options: argparse.Namespace) -> "Login":
    """Return the login that somebody types on the terminal, or that comes through standard input where that is said.

    Raises:
        Problem: `login.missing`.
    """
    from xnat_wizard.xnat.model import Login

    username = options.user or os.environ.get("XNAT_USER", "")
    if getattr(options, "password_stdin", False):
        password = _first_line(options).reveal()
    elif sys.stdin.isatty():
        if not username:
            say("User name: ", end="")
            username = sys.stdin.readline().strip()
        password = getpass.getpass(f"Password of {printable(username)} at {printable(address)}: ") if username else ""
    else:
        password = ""
    if not (username and password):
        raise Problem(_missing())
    return Login(address, username, Secret(password), ca_file=options.ca_file)


def _first_line(options: argparse.Namespace) -> Secret:
    """Return the first line of standard input, also to a command that logs in twice."""
    if not hasattr(options, "first_line"):
        options.first_line = Secret(sys.stdin.readline().rstrip("\r\n"))
    return options.first_line  # type: ignore[no-any-return]  # of a namespace


@dataclass(frozen=True, slots=True)
class Welcome:
    """What a site said to a login that it took."""

    info: "SiteInfo"
    identity: "Identity"
    token: "AliasToken | None"  # where one was asked for and the site issues them


def try_login(login: "Login", *, wants_token: bool) -> Welcome:
    """Log in, ask who that is, and where it is wanted for an alias token, then log out.

    Raises:
        Problem: the login failed.
    """
    import asyncio

    from xnat_wizard.xnat.login import fetch_token
    from xnat_wizard.xnat.site import Site

    async def ask() -> Welcome:
        async with await Site.connect(login) as site:
            token = await fetch_token(replace(login, address=site.info.url)) if wants_token else None
            return Welcome(site.info, site.identity, token)

    return asyncio.run(ask())


def keep_login(login: "Login") -> "StoredLogin":
    """Log in, and store an alias token in the place of the password.

    Raises:
        Problem: the login failed, `login.no_token` where the site issues none, or the folder cannot be used.
        OSError: the file cannot be written.
    """
    return keep_token(try_login(login, wants_token=True), login)


def keep_token(welcome: Welcome, login: "Login") -> "StoredLogin":
    """Store the alias token of a login, and withdraw the one that it replaces.

    Raises:
        Problem: `login.no_token` where the site issues none, or the folder cannot be used.
        OSError: the file cannot be written.
    """
    from xnat_wizard.logins import StoredLogin, remember_site, store_login, stored_logins

    url, username, token = welcome.info.url, welcome.identity.username, welcome.token
    if token is None:
        raise Problem(no_token(url))
    stored = StoredLogin(url, username, token.alias, token.secret, token.expires_s, login.ca_file)
    replaced = [one for one in stored_logins() if (one.url, one.username) == (url, username)]
    store_login(stored)
    remember_site(url, username, login.ca_file)
    for one in replaced:
        if not one.is_over():
            _withdraw(one)
    return stored


def drop_logins(address: str, username: str = "") -> tuple["StoredLogin", ...]:
    """Withdraw the stored logins of a site there, and delete them here, also where the site is away; return them.

    Raises:
        Problem: the file of stored logins cannot be used.
        OSError: it cannot be written.
    """
    from xnat_wizard.logins import is_same_site, stored_logins

    dropped = tuple(one for one in stored_logins() if is_same_site(address, one.url) and username in {"", one.username})
    for one in dropped:
        trouble = drop_login(one)
        if trouble is not None:
            explain(trouble)
    return dropped


def drop_login(login: "StoredLogin") -> Finding | None:
    """Delete a stored login here, and withdraw it at its site; return why the site may still take it.

    Raises:
        Problem: the file of stored logins cannot be used.
        OSError: it cannot be written.
    """
    from xnat_wizard.logins import forget_login

    forget_login(login)
    return _withdraw(login)


def _withdraw(stored: "StoredLogin") -> Finding | None:
    """Withdraw a token, and look whether its site still takes it; return why it may."""
    import asyncio

    from xnat_wizard.xnat.errors import LoginAgain
    from xnat_wizard.xnat.login import withdraw_token
    from xnat_wizard.xnat.model import Login

    login = Login(stored.url, stored.alias, stored.secret, stored.ca_file)
    try:
        asyncio.run(withdraw_token(login))
        try_login(login, wants_token=False)
    except LoginAgain:
        return None
    except Problem as problem:
        return problem.finding
    return Finding(
        "login.not_withdrawn",
        "The site still takes the login that was to be withdrawn",
        "It was asked to forget the token, and did not",
        ("Log in to XNAT with a browser, and delete the token under your user name, `Manage Alias Tokens`",),
        where=stored.url,
        shareable="A site still takes an alias token that was withdrawn.",
    )


def no_token(url: str) -> Finding:
    """Return why a login could not be stored."""
    return Finding(
        code="login.no_token",
        what="The login was not stored: this site issues no tokens",
        why=f"{url} gave no alias token, and a password is never stored",
        todo=("Write the login into ~/.netrc, readable by you only, if it has to work unattended",),
        where=url,
    )


def _missing() -> Finding:
    return Finding(
        code="login.missing",
        what="No user name or password was given",
        why="Neither the environment, a stored login, .netrc nor a file of pyxnat has them, and nobody can be asked",
        todo=(
            "Set XNAT_USER and XNAT_PASS in the environment of this command",
            "Or log in once: `xnat-wizard login SITE`, or in the wizard with `Remember me`",
            "Or give it through standard input: `--user NAME --password-stdin`",
            "Or write the login into ~/.netrc, readable by you only: machine HOST login NAME password WORD",
        ),
    )
