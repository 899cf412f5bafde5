"""Who logs in, and with what: the environment, `.netrc`, or the terminal; never an argument: others could read it."""

import argparse
import getpass
import netrc
import os
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from xnat_wizard.cli.talk import say
from xnat_wizard.findings import Finding, Problem, printable
from xnat_wizard.settings import Secret

if TYPE_CHECKING:
    from xnat_wizard.xnat.model import Login


def add_login_to(command: argparse.ArgumentParser) -> None:
    """Add to a command what a login needs beside the password."""
    command.add_argument("--user", default="", help="user name (default: XNAT_USER, then .netrc, then asked for)")
    command.add_argument("--ca-file", default="", help="certificate authority of the site, if it is a private one")


def login_for(address: str, options: argparse.Namespace) -> "Login":
    """Return the login to a site; asks on the terminal for what is missing.

    Raises:
        Problem: `login.missing` when nobody can be asked, `login.netrc` when `.netrc` cannot be read.
    """
    from xnat_wizard.xnat.model import Login

    username = options.user or os.environ.get("XNAT_USER", "")
    password = os.environ.get("XNAT_PASS", "")
    if not password:
        username, password = _from_netrc(address, username)
    if not password and sys.stdin.isatty():
        if not username:
            say("User name: ", end="")
            username = sys.stdin.readline().strip()
        password = getpass.getpass(f"Password of {printable(username)} at {printable(address)}: ")
    if not (username and password):
        raise Problem(
            Finding(
                code="login.missing",
                what="No user name or password was given",
                why="Neither the environment nor .netrc has them, and there is no terminal to ask on",
                todo=(
                    "Set XNAT_USER and XNAT_PASS in the environment of this command",
                    "Or write the login into ~/.netrc, readable by you only: machine HOST login NAME password WORD",
                ),
            )
        )
    return Login(address, username, Secret(password), ca_file=options.ca_file)


def _from_netrc(address: str, username: str) -> tuple[str, str]:
    """Return name and password that `.netrc` has for the very host; its default entry is for no site in particular."""
    host = urlsplit(address if "://" in address else f"https://{address}").hostname or ""
    try:
        entry = netrc.netrc().hosts.get(host)
    except FileNotFoundError:
        return username, ""
    except (OSError, netrc.NetrcParseError) as error:
        why = error.msg if isinstance(error, netrc.NetrcParseError) else error.strerror or "it cannot be read"
        raise Problem(
            Finding(
                code="login.netrc",
                what="The file .netrc cannot be used",
                why=why,
                todo=(
                    "Make it readable by you only: `chmod 600 ~/.netrc`, and check its entries",
                    "Or set XNAT_USER and XNAT_PASS in the environment of this command",
                ),
            )
        ) from error
    if entry is None or (username and username != entry[0]):
        return username, ""
    return entry[0], entry[2] or ""
