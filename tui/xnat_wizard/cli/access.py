"""Who logs in, and with what: what this machine knows, or the terminal; never an argument: others could read it.

`login_sources` says what is asked, and in which order. Only what nothing there knows is asked for on the terminal.
"""

import argparse
import getpass
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from xnat_wizard.cli.talk import explain, say
from xnat_wizard.findings import Finding, Problem, printable
from xnat_wizard.settings import Secret

if TYPE_CHECKING:
    from xnat_wizard.logins import StoredLogin
    from xnat_wizard.xnat.model import Login


def add_login_to(command: argparse.ArgumentParser) -> None:
    """Add to a command what a login needs beside the password."""
    command.add_argument(
        "--user",
        default="",
        help="user name (default: as XNAT_USER, a stored login, .netrc or a pyxnat file has it, else asked for)",
    )
    command.add_argument("--ca-file", default="", help="certificate authority of the site, if it is a private one")


def login_for(address: str, options: argparse.Namespace) -> "Login":
    """Return the login to a site; asks on the terminal for what nothing on this machine knows.

    Raises:
        Problem: `login.missing` when nobody can be asked, or why a source that might have it cannot be read.
    """
    from xnat_wizard.login_sources import best_offer
    from xnat_wizard.xnat.model import Login

    offer, troubles = best_offer(address, options.user)
    if offer is not None:
        return Login(
            offer.address_for(address), offer.login_name, offer.secret, ca_file=options.ca_file or offer.ca_file
        )
    if not sys.stdin.isatty():
        raise Problem(troubles[0] if troubles else _missing())
    for trouble in troubles:
        explain(trouble)
    username = options.user or os.environ.get("XNAT_USER", "")
    if not username:
        say("User name: ", end="")
        username = sys.stdin.readline().strip()
    password = getpass.getpass(f"Password of {printable(username)} at {printable(address)}: ")
    if not (username and password):
        raise Problem(_missing())
    return Login(address, username, Secret(password), ca_file=options.ca_file)


def keep_login(login: "Login") -> "StoredLogin":
    """Log in, and store an alias token in the place of the password.

    Raises:
        Problem: the login failed, `login.no_token` where the site issues none, or the folder cannot be used.
        OSError: the file cannot be written.
    """
    import asyncio
    from dataclasses import replace

    from xnat_wizard.logins import StoredLogin, remember_site, store_login
    from xnat_wizard.xnat.login import AliasToken, fetch_token
    from xnat_wizard.xnat.site import Site

    async def ask() -> tuple[str, str, AliasToken | None]:
        async with await Site.connect(login) as site:
            url = site.info.url
            return url, site.identity.username, await fetch_token(replace(login, address=url))

    url, username, token = asyncio.run(ask())
    if token is None:
        raise Problem(no_token(url))
    stored = StoredLogin(url, username, token.alias, token.secret, token.expires_s, login.ca_file)
    store_login(stored)
    remember_site(url, username, login.ca_file)
    return stored


def drop_logins(address: str, username: str = "") -> tuple["StoredLogin", ...]:
    """Withdraw the stored logins of a site there, and delete them here, also where the site is away; return them.

    Raises:
        Problem: the file of stored logins cannot be used.
        OSError: it cannot be written.
    """
    import asyncio

    from xnat_wizard.logins import forget_login, is_same_site, stored_logins

    dropped = tuple(one for one in stored_logins() if is_same_site(address, one.url) and username in {"", one.username})
    asyncio.run(_withdraw(dropped))
    for one in dropped:
        forget_login(one)
    return dropped


async def _withdraw(logins: "Iterable[StoredLogin]") -> None:
    from xnat_wizard.xnat.login import withdraw_token
    from xnat_wizard.xnat.model import Login

    for one in logins:
        try:
            await withdraw_token(Login(one.url, one.alias, one.secret, one.ca_file))
        except Problem as problem:
            explain(problem.finding)


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
            "Or log in once in the wizard, with `Remember me`",
            "Or write the login into ~/.netrc, readable by you only: machine HOST login NAME password WORD",
        ),
    )
