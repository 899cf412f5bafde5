"""`login` and `logout`: a login is tried once with a password, and kept as a token that the site can take back."""

import argparse
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from xnat_wizard.cli.access import add_login_to, drop_login, keep_token, login_for, no_address, try_login, typed_login
from xnat_wizard.cli.chosen import fill
from xnat_wizard.cli.manpage import add_page
from xnat_wizard.cli.talk import Exit, exit_of, explain, put, put_mapping, put_object, say
from xnat_wizard.findings import Finding, Problem

if TYPE_CHECKING:
    from xnat_wizard.logins import StoredLogin
    from xnat_wizard.xnat.model import Identity, Login

_NAMED = 8  # so many projects are named of each role


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the program's."""
    login = add_page(
        commands,
        "login",
        words="log in to a site once; a token is kept in the place of the password",
        about="Ask for user name and password, log in, and keep an alias token of the site: later commands and the "
        "wizard use it without asking. The password itself is never kept. The token expires by itself, as the site "
        "has set it (two days, mostly), and `xnat-wizard logout` withdraws it before.\n\n"
        "Where the environment has XNAT_PASS, it is used and nothing is asked. Alias and secret of an alias token can "
        "be typed in the place of user name and password.\n\n"
        "Tokens are kept in a file that only this account can read (mode 0600). With --check, the exit code is 1 where "
        "a site refused a login, 4 where none was refused and a site was not reached.",
        examples=(
            ("xnat-wizard login xnat.example.org", "ask for user name and password, and keep the login"),
            ("xnat-wizard login xnat.example.org --user anna --password-stdin < secret", "the same in a script"),
            ("xnat-wizard login --list", "list the logins that are kept, and how long each is good"),
            ("xnat-wizard login --check", "try each of them"),
        ),
    )
    login.add_argument(
        "address",
        nargs="?",
        default="",
        metavar="SITE",
        help="the site (default: --site, XNAT_HOST, the setting `site`)",
    )
    login.add_argument("--list", action="store_true", help="list the logins that are kept; no secret is shown")
    login.add_argument("--check", action="store_true", help="try each login that is kept, or those of SITE")
    login.add_argument("--dry-run", action="store_true", help="log in and say who that is; keep nothing")
    login.add_argument("--json", action="store_true", help="one JSON object a line")
    add_login_to(login)
    login.set_defaults(run=_login, has_settings=False)  # of the logins that are kept, all are meant

    logout = add_page(
        commands,
        "logout",
        words="withdraw a login that is kept, at the site and here",
        about="Delete the token of a site on this machine, let the site forget it, and look whether the site still "
        "takes it. Where the site cannot be asked, that is said, and the exit code is 4: it takes the token until it "
        "expires. Where only some of several were withdrawn, it is 3.",
        examples=(
            ("xnat-wizard logout", "the login that is kept, where it is the only one"),
            ("xnat-wizard logout xnat.example.org --user anna", "one login"),
            ("xnat-wizard logout --all", "all that are kept on this machine"),
        ),
    )
    logout.add_argument("address", nargs="?", default="", metavar="SITE", help="the site (default: the only one)")
    logout.add_argument("--all", action="store_true", help="of all sites")
    logout.add_argument("--user", default="", help="user name: of this person only")
    logout.add_argument("--dry-run", action="store_true", help="say which logins would go; change nothing")
    logout.add_argument("--json", action="store_true", help="one JSON object a line")
    logout.set_defaults(run=_logout, has_settings=False)


# -- login -----------------------------------------------------------------------------------------


def _login(options: argparse.Namespace) -> int:
    if options.list or options.check:
        return _check(options) if options.check else _list(options)
    from xnat_wizard.logins import stored_logins

    fill(options, options.address)
    address = options.address or options.site
    if not address:
        raise Problem(no_address(sorted({one.url for one in stored_logins()})))
    login = _given(address, options)
    welcome = try_login(login, wants_token=not options.dry_run)
    stored = None if options.dry_run else keep_token(welcome, login)
    if options.json:
        put_object(
            "login",
            **_facts(welcome.info.url, welcome.identity),
            site_version=welcome.info.version,
            is_kept=stored is not None,
            expires=_iso(stored.expires_s) if stored else None,
        )
        return Exit.DONE
    version = f" (XNAT {welcome.info.version})" if welcome.info.version else ""
    put(f"Logged in to {welcome.info.url}{version} as {welcome.identity.username}")
    for line in role_lines(welcome.identity):
        put(line)
    if stored is None:
        say("Nothing was kept: --dry-run.")
    else:
        say(f"Kept: a token, {_until(stored)}. The password is not kept. Withdraw it: `xnat-wizard logout`")
    return Exit.DONE


def _given(address: str, options: argparse.Namespace) -> "Login":
    """Return what to log in with: standard input, the environment, the terminal; never a login that is kept."""
    from xnat_wizard.login_sources import Origin, best_offer

    offer, _ = best_offer(address, options.user)
    if not options.password_stdin and offer is not None and offer.origin is Origin.ENVIRONMENT:
        return login_for(address, options)
    return typed_login(address, options)


def role_lines(identity: "Identity") -> list[str]:
    """Return what a person is on a site, a role a line."""
    lines = ["Role: site administrator; everything is allowed"] if identity.is_admin else []
    for role in ("owner", "member", "collaborator"):
        projects = sorted(group.removesuffix(f"_{role}") for group in identity.groups if group.endswith(f"_{role}"))
        if projects:
            more = f" and {len(projects) - _NAMED} more" if len(projects) > _NAMED else ""
            lines.append(f"{role.capitalize()} of: {', '.join(projects[:_NAMED])}{more}")
    return lines or ["Role: none in any project that the site tells of"]


def _list(options: argparse.Namespace) -> Exit:
    kept = _kept(options)
    if not kept:
        say("No login is kept.")
    for one in kept:
        if options.json:
            put_object("stored_login", **_stored_facts(one))
        else:
            put(f"{one.url}  {one.username}  {_until(one)}")
    return Exit.DONE


def _check(options: argparse.Namespace) -> Exit:
    """Try each login that is kept."""
    from xnat_wizard.xnat.model import Login

    kept = _kept(options)
    if not kept:
        say("No login is kept.")
    codes: set[Exit] = set()
    for one in kept:
        finding: Finding | None = None
        try:
            try_login(Login(one.url, one.alias, one.secret, one.ca_file), wants_token=False)
        except Problem as problem:
            finding = problem.finding
            codes.add(exit_of(finding))
        if options.json:
            put_object(
                "stored_login",
                **_stored_facts(one),
                works=finding is None,
                finding=finding.as_dict() if finding else None,
            )
        else:
            put(f"{'FAIL' if finding else 'ok  '}  {one.url}  {one.username}  {_until(one)}")
        if finding is not None:
            explain(finding)
    return Exit.FAILED if Exit.FAILED in codes else max(codes, default=Exit.DONE)


def _kept(options: argparse.Namespace) -> "tuple[StoredLogin, ...]":
    """Return the logins that are kept, of the site and person that are named."""
    from xnat_wizard.logins import is_same_site, stored_logins

    address = options.address
    return tuple(
        one
        for one in stored_logins()
        if (not address or is_same_site(address, one.url)) and options.user in {"", one.username}
    )


# -- logout ----------------------------------------------------------------------------------------


def _logout(options: argparse.Namespace) -> int:
    chosen = _leaving(options)
    troubles: list[Finding] = []
    for one in chosen:
        trouble = None if options.dry_run else drop_login(one)
        if trouble is not None:
            troubles.append(trouble)
        _tell_left(one, trouble, options)
    if not troubles:
        return Exit.DONE
    if len(troubles) < len(chosen):
        return Exit.INCOMPLETE
    return Exit.NO_CONNECTION if all(exit_of(one) is Exit.NO_CONNECTION for one in troubles) else Exit.FAILED


def _tell_left(one: "StoredLogin", trouble: Finding | None, options: argparse.Namespace) -> None:
    if options.json:
        put_object(
            "logout",
            url=one.url,
            username=one.username,
            is_deleted_here=not options.dry_run,
            is_withdrawn_there=trouble is None and not options.dry_run,
        )
        if trouble is not None:
            put_mapping(trouble.as_dict())
    elif options.dry_run:
        put(f"Would withdraw the login of {one.username} at {one.url}")
    elif trouble is None:
        put(f"The login of {one.username} at {one.url} is withdrawn there and deleted here")
    else:
        put(f"The login of {one.username} at {one.url} is deleted here; the site may take it still, {_until(one)}")
    if trouble is not None:
        explain(trouble)


def _leaving(options: argparse.Namespace) -> "tuple[StoredLogin, ...]":
    """Return the logins that are meant.

    Raises:
        Problem: `login.none_kept`, or `terminal.no_address` when more than one could be meant.
    """
    from xnat_wizard.logins import is_same_site, stored_logins

    address = options.address or options.site
    kept = tuple(one for one in stored_logins() if options.user in {"", one.username})
    if not options.all and address:
        kept = tuple(one for one in kept if is_same_site(address, one.url))
    if not kept:
        raise Problem(_none_kept(address))
    if not options.all and not address and len(kept) > 1:
        raise Problem(_which(kept))
    return kept


def _none_kept(address: str) -> Finding:
    return Finding(
        "login.none_kept",
        f"No login of {address} is kept" if address else "No login is kept",
        "Nothing is to be withdrawn",
        ("List what is kept: `xnat-wizard login --list`",),
        where=address,
        shareable="No login is kept.",
    )


def _which(kept: "Iterable[StoredLogin]") -> Finding:
    return Finding(
        "terminal.no_address",
        "Several logins are kept, and none was named",
        f"Kept are {', '.join(f'{one.username} at {one.url}' for one in kept)}",
        ("Name the site: `xnat-wizard logout SITE`", "Or give `--all`"),
    )


# -- facts -----------------------------------------------------------------------------------------


def _facts(url: str, identity: "Identity") -> dict[str, object]:
    return {
        "url": url,
        "username": identity.username,
        "is_admin": identity.is_admin,
        "groups": list(identity.groups),
    }


def _stored_facts(one: "StoredLogin") -> dict[str, object]:
    return {
        "url": one.url,
        "username": one.username,
        "expires": _iso(one.expires_s),
        "is_expired": one.is_over(),
        "ca_file": one.ca_file,
    }


def _until(one: "StoredLogin") -> str:
    if one.expires_s is None:
        return "for as long as the site says"
    when = datetime.fromtimestamp(one.expires_s).astimezone()
    return f"{'expired' if one.is_over() else 'good until'} {when:%Y-%m-%d %H:%M}"


def _iso(when_s: float | None) -> str | None:
    return None if when_s is None else datetime.fromtimestamp(when_s).astimezone().isoformat(timespec="seconds")
