"""Finding a site, and logging in to it: the flow of wire contract 11.1, to the letter."""

import base64
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.settings import Secret
from xnat_wizard.xnat.answers import Answer
from xnat_wizard.xnat.errors import Fatal, LoginAgain, Refused, SiteProblem
from xnat_wizard.xnat.http import Http
from xnat_wizard.xnat.model import Identity, Login, SiteInfo
from xnat_wizard.xnat.network import is_refusal_of_tls
from xnat_wizard.xnat.refusals import problem_of, why
from xnat_wizard.xnat.uris import candidates, host_of, is_loopback, path_of

BUILD_INFO = "/xapi/siteConfig/buildInfo"
SESSION = "/data/JSESSION"
TOKENS = "/data/services/tokens"
_LOOK_S = 30.0
_MOST_TRIED = 10  # addresses: a site may point to itself under ever longer paths
_FIRST_MS, _LAST_MS = 1e12, 253_370_764_800_000  # 2001 and the beginning of 9999: others are no dates here
_STOCK_REFUSAL = "username and password combination you provided was invalid"  # long, and says less than we do
_SESSION_ID = re.compile(r"[0-9A-Fa-f]{32}[\w.\-]*")
_ALIAS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


async def look(address: str, *, ca_file: str = "", is_unsafe: bool = False) -> SiteInfo:
    """Find the XNAT that an address means, without logging in.

    Tries https and http when the scheme is missing, and "/xnat" when the path is. A bad certificate, or a version of
    TLS that is not safe any more, is never answered by trying http.

    Raises:
        Problem: site.bad_address, site.unknown_host, site.unreachable, site.silent, site.tls, site.no_xnat,
            site.not_initialised, tls.ca_file.
    """
    waiting = list(candidates(address))
    tried: list[str] = []
    unreachable: set[str] = set()
    silence: SiteProblem | None = None  # why the first did not answer
    said: SiteProblem | None = None  # an answer that says more than "no XNAT here"
    hint = ""
    has_answered = False
    while waiting and len(tried) < _MOST_TRIED:
        url = waiting.pop(0)
        origin = url[: url.index("/", 8)] if "/" in url[8:] else url
        if url in tried or origin in unreachable:
            continue
        tried.append(url)
        try:
            async with Http(url, ca_file=ca_file, is_unsafe=is_unsafe) as http:
                answer = await http.send("GET", BUILD_INFO, headers={"Accept": "application/json"}, answer_s=_LOOK_S)
        except SiteProblem as failure:
            if is_refusal_of_tls(failure.__cause__) or failure.finding.code == "site.unknown_host":
                raise
            unreachable.add(origin)
            silence = silence or failure
            continue
        has_answered = True
        info = _info(url, answer)
        if info is not None:
            return info
        said = said or _telling(answer)
        elsewhere = _elsewhere(url, answer)
        if elsewhere and _may_follow(url, elsewhere):
            waiting.insert(0, elsewhere)
        elif elsewhere:
            hint = elsewhere
    if said is not None:
        raise said
    if silence is not None and not has_answered:
        raise silence
    raise Problem(_no_xnat(tried, hint))


def unasked_plain(typed: str, url: str) -> Finding | None:
    """Return why no password is sent over http to another machine when nobody has written http://; else `None`.

    Whoever sits on the way can block https and answer http.
    """
    if "://" in typed or not url.startswith("http://") or is_loopback(urlsplit(url).hostname or ""):
        return None
    return Finding(
        code="site.tls",
        what=f"{host_of(url)} answers without encryption only, and no password was sent",
        why=f"https did not answer, {url} did. Anyone on the way can read what is sent there, and can block https.",
        todo=(
            "Ask the site's administrator for its https address, and check the network between here and there.",
            f"Only on a network that you trust: write {url}, with http:// in front.",
        ),
        where=url,
        shareable="Only http answered, and the address was given without a scheme.",
    )


async def open_session(http: Http, login: Login) -> None:
    """Log in with name and password (or alias and secret), and keep the session's cookie. Asks once, never twice.

    Raises:
        LoginAgain: login.refused, login.expired_password, login.disabled, login.incomplete.
        SiteProblem: the site could not be asked.
    """
    if not login.username or not login.password or ":" in login.username:
        raise LoginAgain(_incomplete(login.username))
    pair = f"{login.username}:{login.password.reveal()}".encode()
    headers = {"Authorization": "Basic " + base64.b64encode(pair).decode("ascii")}
    answer = await http.send("GET", SESSION, headers=headers, opens_session=True)
    problem = problem_of(answer)
    if answer.status == 401 or answer.is_login_page:
        raise LoginAgain(_refused(login.username, answer), status=answer.status)
    if problem is not None:
        raise problem
    if not _SESSION_ID.fullmatch(answer.text):
        raise Refused(_not_kept(login.username, f"{answer.path} did not answer with a session"), status=answer.status)
    http.session_id = http.session_id or answer.text


async def who_am_i(http: Http, login: Login) -> Identity:
    """Ask by the cookie alone who is logged in, and what they may do (wire contract 1.10).

    Raises:
        LoginAgain: login.not_kept: the site takes us for a guest, whatever the login said.
    """
    answer = await http.send("GET", "/xapi/users/username", headers={"Accept": "*/*"})
    username = answer.bare
    problem = problem_of(answer)
    if problem is not None and not (answer.status == 401 or answer.is_login_page):
        raise problem
    if problem is not None or username.lower() == "guest" or not username:
        raise LoginAgain(_not_kept(login.username, why(answer)), status=answer.status)
    given = login.username.rpartition("/")[2]
    if username.lower() != given.lower() and "@" not in given and not _ALIAS.fullmatch(given):
        raise LoginAgain(_not_kept(login.username, "The site took us for another account"))
    roles = await _words(http, username, "roles")
    groups = await _words(http, username, "groups")
    return Identity(username=username, is_admin="Administrator" in roles, groups=groups)


def renewal(http: Http, login: Login, username: str) -> Callable[[], Awaitable[None]]:
    """Return the act that gets a new session for the same person."""

    async def log_in() -> None:
        await open_session(http, login)
        if (await who_am_i(http, login)).username != username:
            raise LoginAgain(_not_kept(login.username, "The site took us for another account"))

    return log_in


class AliasToken(NamedTuple):
    """A login that expires by itself (1.6)."""

    alias: str
    secret: Secret
    expires_s: float | None  # epoch seconds; `None` when the site does not say


async def issue_token(http: Http) -> AliasToken | None:
    """Get an alias token; `None` where the site does not issue any (1.6)."""
    try:
        answer = await http.get(f"{TOKENS}/issue")
        facts = answer.json()
    except (Refused, Fatal):
        return None
    match facts:
        case {"alias": str(alias), "secret": str(secret)} if alias and secret:
            return AliasToken(alias, Secret(secret), _seconds(facts))
        case _:
            return None


def _seconds(facts: object) -> float | None:
    match facts:
        case {"estimatedExpirationTime": int() | float() as expires_ms} if _FIRST_MS < expires_ms < _LAST_MS:
            return expires_ms / 1000
        case _:
            return None


async def fetch_token(login: Login) -> AliasToken | None:
    """Log in apart, get an alias token, log out; `login.address` is the site's own. `None`: the site issues none.

    Raises:
        SiteProblem: the login failed, or the site could not be asked.
    """
    async with _apart(login) as http:
        return await issue_token(http)


async def withdraw_token(login: Login) -> None:
    """Let the site forget the token that `login` is made of. One that it does not know any more is forgotten already.

    Raises:
        SiteProblem: the site could not be asked.
    """
    try:
        async with _apart(login) as http:
            await http.get(path_of(*TOKENS.strip("/").split("/"), "invalidate", login.username))
    except (LoginAgain, Refused):
        return  # expired, or withdrawn before


@contextlib.asynccontextmanager
async def _apart(login: Login) -> AsyncIterator[Http]:
    """Give a session of its own, and end it on the site as well."""
    async with Http(login.address, ca_file=login.ca_file, is_unsafe=login.is_unsafe) as http:
        await open_session(http, login)
        try:
            yield http
        finally:
            with contextlib.suppress(SiteProblem):
                await http.send("DELETE", SESSION, answer_s=5.0)


async def _words(http: Http, username: str, what: str) -> tuple[str, ...]:
    answer = await http.send("GET", path_of("xapi", "users", username, what), headers={"Accept": "application/json"})
    if answer.status != 200 or answer.is_html:
        return ()  # older sites do not let everybody read them; rights show when they are used
    words = answer.json()
    return tuple(str(word) for word in words) if isinstance(words, list) else ()


def _info(url: str, answer: Answer) -> SiteInfo | None:
    if answer.status != 200 or answer.is_html:
        return None
    try:
        facts = answer.json()
    except Refused:
        return None
    if not isinstance(facts, dict) or not facts.keys() & {"version", "buildNumber", "buildDate"}:
        return None
    return SiteInfo(url=url, version=str(facts.get("version") or ""))


def _telling(answer: Answer) -> SiteProblem | None:
    """Return what an answer that is not XNAT's build information tells for certain, if anything."""
    problem = problem_of(answer)
    if problem is None:
        return None
    if problem.finding.code == "site.not_initialised":
        raise problem
    return problem if answer.status in {429, 502, 503, 504} else None


def _elsewhere(url: str, answer: Answer) -> str:
    """Return the site's address in a redirect to the same page elsewhere, for instance from http to https."""
    if not 300 <= answer.status < 400 or not answer.location.endswith(BUILD_INFO):
        return ""
    target = answer.location.removesuffix(BUILD_INFO)
    if target.startswith("/") or not target:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc}{target}"
    try:
        return candidates(target)[0] if target.startswith(("http://", "https://")) else ""
    except Problem:
        return ""


def _may_follow(url: str, target: str) -> bool:
    """Tell whether a login may go where a site points to: same host, and no less safe or proved than before."""
    old, new = urlsplit(url), urlsplit(target)
    if old.hostname != new.hostname:
        return False
    return new.scheme == "https" or (old.scheme, old.netloc) == (new.scheme, new.netloc)


def _no_xnat(tried: list[str], hint: str) -> Finding:
    addresses = ", ".join(tried)
    todo = [
        "Open XNAT in a browser and copy the address from there; part of the path may be missing.",
        "Ask the site's administrator for the address.",
    ]
    if hint:
        todo.insert(0, f"The server points to {hint}: try that address, if you trust it.")
    return Finding(
        code="site.no_xnat",
        what="A web server answers there, and it is not an XNAT",
        why=f"None of these answered as XNAT does to {BUILD_INFO}: {addresses}",
        todo=tuple(todo),
        where=tried[0],
        shareable=f"No answer of the kind that XNAT gives to {BUILD_INFO}.",
    )


def _refused(username: str, answer: Answer) -> Finding:
    """Say what a 401 can mean: XNAT gives the same one for a wrong password and for four states of an account (1.8)."""
    if _ALIAS.fullmatch(username):
        return Finding(
            code="login.expired_token",
            what="The stored login has expired or was withdrawn",
            why=f"{why(answer)}. A token is good for two days, where the site has not set another time.",
            todo=(
                "Log in with your user name and password; you can have it remembered again.",
                "If the token is new: check that alias and secret were copied whole.",
            ),
            shareable=f"The site refused an alias token: status {answer.status}.",
        )
    told = why(answer) if _STOCK_REFUSAL not in answer.message else f"XNAT answered {answer.status} to {SESSION}"
    return Finding(
        code="login.refused",
        what=f'The site refused the login of "{username}"',
        why=f"{told}. A locked, disabled or unverified account gets the same answer.",
        todo=(
            "Check the user name and the password; capital letters count.",
            "Locked? After many attempts XNAT locks an account for about an hour: wait, then try once.",
            "Disabled, or not verified yet? Log in with a browser, where XNAT says so; the administrator can help.",
            "Does XNAT send you to your institution's page to log in? That password is none of XNAT's.",
        ),
        shareable=f"The site refused a login: status {answer.status}.",
    )


def _incomplete(username: str) -> Finding:
    what = "A user name cannot hold a colon" if ":" in username else "The user name or the password is empty"
    return Finding(
        code="login.incomplete",
        what=what,
        why="XNAT was not asked.",
        todo=("Enter both.",),
        shareable=what,
    )


def _not_kept(username: str, reason: str) -> Finding:
    return Finding(
        code="login.not_kept",
        what=f'The site took the login of "{username}", and then did not know it any more',
        why=f"{reason}. The session's cookie does not come through.",
        todo=(
            "Use the address that the browser shows after XNAT has opened: another one may lead through a proxy.",
            "Ask the site's administrator whether a proxy drops cookies.",
        ),
        shareable="The session cookie is not kept.",
    )
