"""What answers: redirects, what stands in front, the clock, the context path, the version, whether it is set up."""

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

from xnat_wizard.amounts import whole_number
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.troubleshoot.check.line import NoAnswerError, Reply, opened
from xnat_wizard.troubleshoot.check.model import Ground, Outcome, Skip, fail, ok, warn
from xnat_wizard.troubleshoot.check.way import no_words
from xnat_wizard.xnat.answers import Answer
from xnat_wizard.xnat.login import BUILD_INFO, look
from xnat_wizard.xnat.network import tls_context
from xnat_wizard.xnat.numbers import numbered
from xnat_wizard.xnat.refusals import problem_of

OLDEST = (1, 8, 3)  # missing before: tar archives, event tracking (wire contract 10.1)
CLOCK_S = 120.0
_SLOW_S = 3.0
_BALANCERS = ("AWSALB", "BIGipServer", "ROUTEID", "SERVERID", "NSC_", "incap_ses")
_GATE = {407, 429, 502, 503, 504}  # said by what stands in front, not by XNAT


async def ask(ground: Ground, path: str, headers: dict[str, str] | None = None) -> Reply:
    """Ask the site something in passing, without a login unless a header holds one.

    Raises:
        OSError: no connection.
        NoAnswerError: no answer.
    """
    context = tls_context(ca_file=ground.question.ca_file) if ground.place.is_tls else None
    async with opened(ground, context) as line:
        ground.own_address = line.own_address or ground.own_address
        return await line.ask("GET", path, {"Connection": "close", **(headers or {})})


async def answer(ground: Ground) -> Outcome:
    """Ask for the build information, which XNAT shows to everybody, below each path that the address can mean."""
    replies: list[Reply] = []
    for path in ground.paths:
        try:
            reply = await ask(ground, path + BUILD_INFO)
        except (OSError, NoAnswerError) as error:
            return fail(_silent(ground, error), *(one.as_evidence() for one in replies), no_words(error))
        replies.append(reply)
        if _is_build_info(reply):
            break
    ground.reply = next((one for one in replies if _is_build_info(one)), replies[0])
    evidence = tuple(one.as_evidence() for one in replies)
    if ground.reply.status in _GATE:
        return fail(_gate(ground.reply), *evidence)
    if ground.reply.seconds > _SLOW_S:
        return warn(f"It answers, and took {ground.reply.seconds:.0f} s for it", *evidence)
    return ok(f"It answers with status {ground.reply.status} after {ground.reply.seconds:.2f} s", *evidence)


async def redirects(ground: Ground) -> Outcome:
    """Look where the site sends us; a login never follows to another host."""
    reply, here = _reply(ground), ground.place
    if not 300 <= reply.status < 400:
        return ok("The site answers at this address itself", reply.as_evidence())
    try:
        target = urljoin(reply.asked.partition(" ")[2], reply.header("location"))
        to = urlsplit(target)
        is_here = (to.hostname or "") == here.host.lower() and to.port != 0  # a port that is none raises too
    except ValueError:
        return fail(_to_nowhere(here.url), reply.as_evidence())
    base = target.removesuffix(BUILD_INFO)
    if not target.endswith(BUILD_INFO) or to.query:
        base = f"{to.scheme}://{to.netloc.rpartition('@')[2]}"  # a page of its own; where XNAT is there, nobody knows
    if not is_here:
        finding = Finding(
            "site.redirect",
            f"The address leads to another host: {to.hostname or 'unnamed'}",
            "A login is never sent on to another host: it could be anybody's",
            (
                f"If that is your XNAT: use {base} as the address",
                "If it is your institution's log-in page: ask the administrator for an address that scripts may use",
            ),
            where=here.url,
        )
        return fail(numbered(finding), reply.as_evidence())
    finding = Finding(
        "site.redirect",
        "The site sends on to another address of the same host",
        f"It names {base}",
        (f"Use {base} as the address",),
        where=here.url,
    )
    return warn(finding.what, reply.as_evidence(), finding=numbered(finding))


async def front(ground: Ground) -> Outcome:
    """Tell what stands in front of XNAT, as far as headers tell."""
    reply = _reply(ground)
    shown = ("server", "via", "x-powered-by", "x-cache", "keep-alive")
    evidence = [f"{name}: {', '.join(reply.headers[name])}"[:120] for name in shown if name in reply.headers]
    cookies = [value.partition("=")[0] for value in reply.headers.get("set-cookie", ())]
    balancer = next((name for name in cookies if name.startswith(_BALANCERS)), "")
    if balancer:
        evidence.append(f"cookie of a load balancer: {balancer}")
    server, via = reply.header("server"), reply.header("via")
    if via or balancer:
        return ok(f"Something stands in front of XNAT: {via or 'a load balancer'}"[:120], *evidence)
    if any(word in server.lower() for word in ("nginx", "apache/", "httpd", "haproxy", "cloudflare", "microsoft-iis")):
        return ok(f"A proxy answers in front of XNAT: {server}"[:120], *evidence)
    return ok("Nothing tells of a proxy in front of XNAT", *evidence)


async def clock(ground: Ground) -> Outcome:
    """Compare this machine's clock with the site's, from the Date header: whole seconds."""
    reply = _reply(ground)
    try:
        theirs = parsedate_to_datetime(reply.header("date"))
    except (ValueError, TypeError):
        raise Skip("the site does not tell its time") from None
    theirs = theirs if theirs.tzinfo is not None else theirs.replace(tzinfo=UTC)  # "-0000" means so (RFC 5322)
    offset_s = (theirs - ground.now()).total_seconds()
    evidence = (f"Date: {reply.header('date')}", f"this machine: {ground.now().astimezone(UTC):%H:%M:%S} UTC")
    if abs(offset_s) <= CLOCK_S:
        return ok(f"The clocks agree within {max(2, round(abs(offset_s)))} s", *evidence)
    side = "ahead of" if offset_s > 0 else "behind"
    finding = Finding(
        "check.clock",
        f"The site's clock is {_span(abs(offset_s))} {side} this machine's",
        "Times of uploads are compared, and logins and certificates expire by them",
        ("Set this machine's clock from the network", "If it is right: tell the site's administrator"),
    )
    return warn(finding.what, *evidence, finding=finding)


async def xnat(ground: Ground) -> Outcome:
    """Find the XNAT at this address: its context path and version."""
    reply, place = _reply(ground), ground.place
    url = place.url + (ground.paths[0] if len(ground.paths) == 1 else "")
    try:
        info = await look(url, ca_file=ground.question.ca_file)
    except Problem as problem:
        if problem.finding.code != "site.not_initialised":
            return fail(problem.finding, reply.as_evidence())
        ground.url, ground.is_initialised = url, False
        return ok(f"An XNAT answers at {url}", reply.as_evidence())
    ground.url, ground.version = info.url, info.version
    path = urlsplit(info.url).path or "/"
    evidence = (f"address {info.url}", f"context path {path}", f"version {info.version or 'not told'}")
    numbers = _version(info.version)
    if numbers and numbers < OLDEST:
        finding = Finding(
            "check.old_version",
            f"XNAT {info.version} is older than this program is made for",
            f"It is made for {'.'.join(map(str, OLDEST))} and newer; some steps may fail",
            ("Ask the site's administrator whether an update is planned", "Try a small upload first"),
            where=info.url,
        )
        return warn(finding.what, *evidence, finding=finding)
    return ok(f"XNAT {info.version or 'of an unknown version'} at {info.url}", *evidence)


async def initialised(ground: Ground) -> Outcome:
    """Look whether the site has been set up, and whether it serves strangers as guests."""
    path = urlsplit(ground.url).path + "/data/auth"
    try:
        reply = await ask(ground, path)
    except (OSError, NoAnswerError) as error:
        return fail(_silent(ground, error), no_words(error))
    said = Answer("GET", "/data/auth", reply.status, reply.body, location=reply.header("location"))
    problem = problem_of(said)
    if problem is not None and problem.finding.code == "site.not_initialised":
        return fail(problem.finding, reply.as_evidence())
    if not ground.is_initialised:
        raise Skip("the site did not say")
    if reply.status == 200 and "guest" in said.text.lower():
        told = "Set up; open to guests: a login that gets lost looks like an empty site"
        return ok(told, reply.as_evidence(), "a stranger is taken for guest")
    return ok("The site is set up, and asks strangers to log in", reply.as_evidence())


def _reply(ground: Ground) -> Reply:
    if ground.reply is None:
        raise Skip("the site has not answered")
    return ground.reply


def _is_build_info(reply: Reply) -> bool:
    if reply.status != 200:
        return False
    try:
        facts = json.loads(reply.body)
    except (ValueError, RecursionError):
        return False
    return isinstance(facts, dict) and bool(facts.keys() & {"version", "buildNumber", "buildDate"})


def _version(text: str) -> tuple[int, ...]:
    """Read the dotted numbers of a version; suffixes are dropped (wire contract 1.9)."""
    numbers = []
    for part in text.partition("-")[0].split("."):
        number = whole_number(part)
        if number is None:
            break
        numbers.append(number)
    return tuple(numbers)


def _span(seconds: float) -> str:
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def _gate(reply: Reply) -> Finding:
    if reply.status == 407:
        return Finding(
            "check.proxy_login",
            "The proxy of this machine wants a login",
            "It answered 407",
            ("Write name and password into HTTPS_PROXY: http://NAME:PASSWORD@HOST:PORT", "Ask your IT department"),
        )
    problem = problem_of(Answer("GET", BUILD_INFO, reply.status, reply.body))
    assert problem is not None
    return problem.finding


def _to_nowhere(url: str) -> Finding:
    return numbered(
        Finding(
            "site.redirect",
            "The site sends on to something that is no address",
            "The redirect cannot be read: its web server, or a proxy in front of it, is set up wrongly",
            (
                "Try the address in a browser on this machine, and use the one that is shown there",
                "Tell the site's administrator",
            ),
            where=url,
        )
    )


def _silent(ground: Ground, error: Exception) -> Finding:
    return numbered(
        Finding(
            "site.silent" if isinstance(error, TimeoutError) else "site.cut",
            f"{ground.place.host} takes the connection and gives no answer",
            f"To a request came this: {no_words(error)}",
            (
                "Try again in a minute: XNAT takes some minutes to start",
                "Check the address and the port in a browser on this machine",
                "Give the page of this check to the site's administrator",
            ),
            where=ground.place.url,
        )
    )


def now() -> datetime:
    """Return this machine's time."""
    return datetime.now(UTC)
