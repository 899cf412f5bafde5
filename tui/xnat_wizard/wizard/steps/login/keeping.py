"""Remembering a login, and forgetting it: the site in a list, the person by a token of the site, never a password."""

import asyncio
import contextlib
from dataclasses import replace

from xnat_wizard import logins
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.logins import StoredLogin
from xnat_wizard.xnat.login import fetch_token, withdraw_token
from xnat_wizard.xnat.model import Login
from xnat_wizard.xnat.site import Site


async def keep(site: Site, login: Login, typed_name: str, *, wants_token: bool) -> Finding | None:
    """Put the site into the list of recent ones, and store a token where that was asked for.

    Returns why the login is not remembered; that is no reason not to go on.
    """
    url, username = site.info.url, site.identity.username
    with contextlib.suppress(OSError, Problem):
        await asyncio.to_thread(logins.remember_site, url, typed_name, login.ca_file)
    if not wants_token:
        return None
    try:
        token = await fetch_token(replace(login, address=url))
        if token is None:
            return _not_remembered(url, "The site issues no tokens; a password is never stored")
        stored = StoredLogin(url, username, token.alias, token.secret, token.expires_s, login.ca_file)
        await asyncio.to_thread(logins.store_login, stored)
    except Problem as problem:
        return _not_remembered(url, f"{problem.finding.what}: {problem.finding.why}")
    except OSError as error:
        return _not_remembered(url, f"The file could not be written: {error.strerror}")
    return None


async def forget(login: StoredLogin) -> None:
    """Delete a stored login here first, then withdraw it at the site.

    Raises:
        Problem: the file of logins cannot be used, or the site could not be asked: it knows the token until it expires.
        OSError: the file cannot be written.
    """
    await asyncio.to_thread(logins.forget_login, login)
    await withdraw_token(Login(login.url, login.alias, login.secret, login.ca_file))


def _not_remembered(url: str, why: str) -> Finding:
    return Finding(
        code="login.no_token",
        what="You are logged in, and the login is not remembered",
        why=why,
        todo=(
            "Go on: nothing is missing for this time.",
            "For unattended commands, write the login into ~/.netrc, readable by you only.",
        ),
        where=url,
    )
