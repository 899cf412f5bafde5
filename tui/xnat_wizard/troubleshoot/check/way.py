"""The way to the site's host: the address, a proxy of this machine, the name service, the port, plain http."""

import asyncio
import base64
import ipaddress
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.settings import Secret
from xnat_wizard.troubleshoot.check.line import CONNECT_S, NoAnswerError, Reply, opened
from xnat_wizard.troubleshoot.check.model import Ground, Origin, Outcome, Proxy, Skip, fail, ok, warn
from xnat_wizard.xnat.network import proxy_for, reason
from xnat_wizard.xnat.numbers import numbered
from xnat_wizard.xnat.uris import candidates

_NAME_S = 15.0
_SLOW_NAME_S = 2.0
_PORTS = {"http": 80, "https": 443}
T = TypeVar("T")


async def address(ground: Ground) -> Outcome:
    """Read what was typed: which addresses it can mean."""
    try:
        urls = candidates(ground.question.address)
    except Problem as problem:
        return fail(problem.finding)
    split = [urlsplit(url) for url in urls]
    origins = [Origin(one.scheme, one.hostname or "", one.port or _PORTS[one.scheme]) for one in split]
    ground.origins = tuple(dict.fromkeys(origins))
    ground.paths = tuple(dict.fromkeys(one.path for one in split))
    tried = ", ".join(urls)
    return ok(f"It can mean {tried}" if len(urls) > 1 else f"It means {tried}", *urls)


async def proxy(ground: Ground) -> Outcome:
    """Look for a proxy in the environment and the system's settings, and whether it is there."""
    origin = ground.origins[0]
    url = proxy_for(origin.url)
    named = tuple(f"{name} is set" for name in sorted(os.environ) if name.lower() in _VARIABLES and os.environ[name])
    if not url:
        others = " for this address" if getproxies() else ""
        return ok(f"No proxy of this machine is used{others}", *named)
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return fail(_no_proxy_address(), *named)
    where = f"{host}:{port}"
    if parts.scheme != "http":
        return fail(_odd_proxy(parts.scheme, where), *named)
    secret = Secret()
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        secret = Secret("Basic " + base64.b64encode(pair.encode()).decode("ascii"))
    began = time.monotonic()
    try:
        await _connect(host, port, socket.AF_UNSPEC)
    except OSError as error:
        return fail(_no_proxy(where, error), *named)
    ground.proxy = Proxy(host, port, secret)
    took = f"connect to {where}: open ({time.monotonic() - began:.2f} s)"
    return ok(f"Requests go through the proxy {where}, which is there", *named, took)


async def name_service(ground: Ground) -> Outcome:
    """Ask the name service for all addresses of the host, of both kinds."""
    host = ground.origins[0].host
    if _is_address(host):
        raise Skip("the address is a number, not a name")
    began = time.monotonic()
    try:
        found = await aside(lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM), _NAME_S)
    except OSError as error:
        said = error.strerror if isinstance(error, socket.gaierror) else reason(error)
        if ground.proxy is not None:
            return warn(f"This machine does not know {host}; its proxy may", f"name service: {said}")
        return fail(_unknown(host, said or "no answer"), f"name service: {said}")
    took_s = time.monotonic() - began
    four = sorted({str(info[4][0]) for info in found if info[0] == socket.AF_INET}, key=ipaddress.ip_address)
    six = sorted({str(info[4][0]) for info in found if info[0] == socket.AF_INET6})
    evidence = (f"IPv4: {', '.join(four) or 'none'}", f"IPv6: {', '.join(six) or 'none'}", f"took {took_s:.2f} s")
    said = f"{host} is {', '.join((four + six)[:3])}" + (" and others" if len(four + six) > 3 else "")
    if took_s > _SLOW_NAME_S:
        return warn(f"{said}; the name service took {took_s:.0f} s", *evidence)
    return ok(said, *evidence)


async def port(ground: Ground) -> Outcome:
    """Connect to every address of the host at the ports that the address can mean."""
    if ground.proxy is not None:
        ground.origin = ground.origins[0]
        raise Skip("requests go through the proxy")
    evidence: list[str] = []
    errors: list[OSError] = []
    is_partly = False
    for origin in ground.origins:
        is_open, before = False, len(errors)
        for family, number in await _addresses(origin.host):
            began = time.monotonic()
            try:
                ground.own_address = await _connect(number, origin.port, family)
            except OSError as error:
                errors.append(error)
                evidence.append(f"{number} port {origin.port}: {_connect_words(error)}")
            else:
                is_open = True
                evidence.append(f"{number} port {origin.port}: open ({time.monotonic() - began:.2f} s)")
        if is_open:
            ground.origin, is_partly = origin, len(errors) > before
            break
    if ground.origin is None:
        return fail(_unreachable(ground, errors), *evidence)
    place = f"{ground.origin.host} port {ground.origin.port}"
    evidence.append(f"this machine's address on the way: {ground.own_address}")
    if is_partly:
        return warn(f"{place} is open, and not at all of its addresses", *evidence)
    return ok(f"{place} is open", *evidence)


async def plain(ground: Ground) -> Outcome:
    """Look whether a site that is asked by http sends on to https; what it sends on is then looked at."""
    origin = ground.place
    if origin.is_tls:
        raise Skip("the address is https")
    path = ground.paths[0] + "/xapi/siteConfig/buildInfo"
    try:
        async with opened(ground, None) as line:
            reply = await line.ask("GET", path)
    except (OSError, NoAnswerError) as error:
        if _turn_to_tls(ground, origin):
            return ok("The port speaks no plain http; https is tried", no_words(error))
        return fail(_silent(origin, error), f"GET {origin.url}{path}: {no_words(error)}")
    if reply.status == 400 and b"HTTPS port" in reply.body and _turn_to_tls(ground, origin):  # nginx says so
        return ok("The port speaks no plain http; https is tried", reply.as_evidence())
    secure = _https_here(reply, origin)
    if secure is not None:
        ground.origin = secure
        finding = Finding(
            "site.redirect",
            "The site sends http on to https",
            "A request that carries images is not repeated after a redirect: they would be lost",
            (f"Use the address {secure.url}{ground.paths[0]}",),
            where=origin.url,
        )
        return warn(finding.what, reply.as_evidence(), finding=numbered(finding))
    if _is_here(origin.host):
        return ok("It is http, and does not leave this machine", reply.as_evidence())
    finding = Finding(
        "check.plain_http",
        "The connection is not encrypted",
        "The address is http: everybody on the way can read passwords and images",
        ("Ask the site's administrator for an https address", "Use it only inside a network that you trust"),
        where=origin.url,
    )
    return warn(finding.what, reply.as_evidence(), finding=finding)


def _https_here(reply: Reply, origin: Origin) -> Origin | None:
    """Return the https of the same host that an answer sends on to, `None` where it does not."""
    try:
        target = urlsplit(reply.header("location"))
        number = target.port or 443
    except ValueError:
        return None  # where it leads is looked at later
    is_here = target.scheme == "https" and (target.hostname or "") == origin.host.lower()
    return Origin("https", origin.host, number) if 300 <= reply.status < 400 and is_here else None


async def aside(act: Callable[[], T], longest_s: float) -> T:
    """Do something that blocks in a thread that nobody has to wait for.

    Raises:
        TimeoutError: it takes longer; the thread goes on alone.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(act_on: Callable[[], None]) -> None:
        if not done.done():
            act_on()

    def work() -> None:
        try:
            result = act()
        except BaseException as error:  # noqa: BLE001  handed to whoever waits, whatever it is
            failure = error
            _tell(loop, lambda: settle(lambda: done.set_exception(failure)))
        else:
            _tell(loop, lambda: settle(lambda: done.set_result(result)))

    threading.Thread(target=work, name="check", daemon=True).start()
    async with asyncio.timeout(longest_s):
        return await done


def no_words(error: Exception) -> str:
    """Say in a few words that no answer came; no addresses, no secrets."""
    if isinstance(error, NoAnswerError):
        return str(error)
    return "no answer in time" if isinstance(error, TimeoutError) else reason(error)


def _turn_to_tls(ground: Ground, origin: Origin) -> bool:
    """Take https at the same port, where the address can mean that."""
    found = next((one for one in ground.origins if one.is_tls and one.port == origin.port), None)
    ground.origin = found or origin
    return found is not None


def _tell(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(act)


_VARIABLES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}


async def _addresses(host: str) -> list[tuple[int, str]]:
    found = await aside(lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM), _NAME_S)
    unique = {(int(info[0]), str(info[4][0])) for info in found}
    return sorted(unique, key=lambda one: (one[0] != socket.AF_INET, one[1]))


async def _connect(host: str, number: int, family: int) -> str:
    """Open a connection and close it; return our own address on it."""
    async with asyncio.timeout(CONNECT_S):
        _, writer = await asyncio.open_connection(host, number, family=family)
    own = writer.get_extra_info("sockname")
    writer.transport.abort()
    return str(own[0]) if own else ""


def _connect_words(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "refused, nothing listens there"
    return f"no answer in {CONNECT_S:.0f} s" if isinstance(error, TimeoutError) else reason(error)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_here(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _unknown(host: str, said: str) -> Finding:
    return numbered(
        Finding(
            "site.unknown_host",
            f'There is no host called "{host}"',
            f"This machine's name service says: {said}",
            (
                "Check the spelling of the address",
                "Check that this machine is in the right network, or that its VPN is on",
                "Open any other web site: if that fails too, the name service of this machine is down",
            ),
            where=host,
        )
    )


def _unreachable(ground: Ground, errors: list[OSError]) -> Finding:
    origin = ground.origins[0]
    is_refused = all(isinstance(error, ConnectionRefusedError) for error in errors)
    ports = " and ".join(str(one.port) for one in ground.origins)
    first = "Check that the site runs, and the port" if is_refused else "Check the VPN and the network"
    return numbered(
        Finding(
            "site.unreachable",
            f"No connection to {origin.host} port {ports}",
            "The machine is there, and nothing listens at this port"
            if is_refused
            else "It does not answer: a firewall, a missing VPN, or the machine is down",
            (
                first,
                "Try the address in a browser on this machine",
                "Give the page of this check to your IT department",
            ),
            where=origin.url,
        )
    )


def _silent(origin: Origin, error: Exception) -> Finding:
    return numbered(
        Finding(
            "site.silent" if isinstance(error, TimeoutError) else "site.cut",
            f"{origin.host} takes the connection and gives no answer",
            f"To a first request came this: {no_words(error)}",
            (
                "If the site has https, write https:// in front of the address",
                "Check the port: another program may listen there",
            ),
            where=origin.url,
        )
    )


def _no_proxy(where: str, error: OSError) -> Finding:
    return Finding(
        "check.proxy",
        f"The proxy {where} that this machine is set to use cannot be reached",
        f"Connecting to it: {_connect_words(error)}",
        (
            "Check the variables HTTPS_PROXY and HTTP_PROXY",
            "If the site is inside your network: add its host name to NO_PROXY",
        ),
        where=where,
    )


def _no_proxy_address() -> Finding:
    return Finding(
        "check.proxy",
        "The proxy that this machine is set to use has no address that can be read",
        "A proxy is written as http://HOST:PORT",
        ("Check the variables HTTPS_PROXY and HTTP_PROXY",),
    )


def _odd_proxy(scheme: str, where: str) -> Finding:
    return Finding(
        "check.proxy",
        f"The proxy {where} is of a kind that is not supported: {scheme}",
        "This program talks to proxies by http only",
        ("Set HTTPS_PROXY to the http address of your proxy",),
        where=where,
    )
