"""Makes faults happen to a call: before the work, on the wire, in the place of the answer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from http import HTTPStatus
from typing import cast

from aiohttp import StreamReader, web

from xnat_wizard.practice import disk
from xnat_wizard.practice.answers import html_error, text, xapi_error
from xnat_wizard.practice.faults import Fault, Kind
from xnat_wizard.practice.security import LOGIN_MARKER
from xnat_wizard.practice.services import Services
from xnat_wizard.practice.wire import Line, Pace, Strait

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]

_REASONS = {413: "Request Entity Too Large", 429: "Too Many Requests", 503: "Service Temporarily Unavailable",
            504: "Gateway Time-out"}  # fmt: skip
_PROXY = "nginx"
_ON_WIRE = {Kind.BANDWIDTH, Kind.CUT_ANSWER, Kind.LOST_ANSWER}


async def suffer(
    request: web.Request, faults: Sequence[Fault], services: Services, respond: Respond
) -> web.StreamResponse:
    """Answer a call to which all these faults happen."""
    for fault in faults:
        if fault.kind is Kind.LATENCY:
            await services.clock.sleep(fault.seconds)
        elif fault.kind is Kind.EXPIRED_LOGIN:
            services.sessions.pop(request.cookies.get("JSESSIONID", ""), None)
    body = _narrow(request, faults, services)
    async with _line(request, faults, services):
        with _disk(faults):
            answer = await _answer(request, faults, services, respond, body)
        if any(fault.kind in _ON_WIRE for fault in faults):
            with contextlib.suppress(ConnectionError):
                await answer.prepare(request)
                await answer.write_eof()
    return answer


def has_login(request: web.Request, services: Services) -> bool:
    """Tell whether a call comes with a live session of somebody."""
    session = services.sessions.get(request.cookies.get("JSESSIONID", ""))
    return session is not None and bool(session.username)


# -- the answer --------------------------------------------------------------------------------------


async def _answer(
    request: web.Request, faults: Sequence[Fault], services: Services, respond: Respond, body: Strait
) -> web.StreamResponse:
    for fault in faults:
        if fault.kind is Kind.BODY_LIMIT:
            return _refuse_size()
        if fault.kind is Kind.LOGIN_PAGE:
            await _take_body(request)
            return text(f"<!DOCTYPE html><html><body>{LOGIN_MARKER}</body></html>", content_type="text/html")
        if fault.kind is Kind.STATUS:
            if fault.moment == "before":
                await _take_body(request)
            else:
                await asyncio.ensure_future(respond(request))  # a task, which keeps its cookies to itself
            return _page(request, fault)
        if fault.kind is Kind.GATEWAY_TIMEOUT:
            return await _give_up(request, fault, services, respond, body)
        if fault.kind is Kind.CUT_REQUEST and not fault.at:
            _reset(request)
    return await respond(request)


async def _take_body(request: web.Request) -> None:
    with contextlib.suppress(ConnectionError):
        async for _ in request.content.iter_any():
            pass


def _page(request: web.Request, fault: Fault) -> web.Response:
    if fault.code == 500:
        answer = xapi_error(500) if "/xapi/" in request.path else html_error(500)
        answer.set_status(500, "")
    else:
        answer = proxy_page(fault.code)
    if fault.retry_after:
        answer.headers["Retry-After"] = fault.retry_after
    return answer


def proxy_page(status: int) -> web.Response:
    """Answer as a reverse proxy does."""
    reason = _REASONS.get(status) or (HTTPStatus(status).phrase if status in set(HTTPStatus) else "Error")
    title = f"{status} {reason}"
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        f"<hr><center>{_PROXY}</center>\r\n</body>\r\n</html>\r\n"
    )
    return web.Response(text=page, status=status, reason=reason, content_type="text/html", headers={"Server": _PROXY})


def _refuse_size() -> web.Response:
    answer = proxy_page(413)
    answer.force_close()
    return answer


async def _give_up(
    request: web.Request, fault: Fault, services: Services, respond: Respond, body: Strait
) -> web.StreamResponse:
    """Answer 504 when the work takes longer after the body's end than the proxy waits; the work goes on."""
    is_in = asyncio.Event()
    request.content.on_eof(is_in.set)
    work = asyncio.ensure_future(respond(request))

    async def wait() -> None:
        await is_in.wait()
        await services.clock.sleep(fault.seconds)

    patience = asyncio.ensure_future(wait())
    await asyncio.wait({work, patience}, return_when=asyncio.FIRST_COMPLETED)
    if work.done():
        patience.cancel()
        return work.result()
    body.keep_rest()
    services.spawn(_finish(work))
    answer = proxy_page(504)
    answer.force_close()
    return answer


async def _finish(work: Awaitable[web.StreamResponse]) -> None:
    with contextlib.suppress(ConnectionError):  # nobody is there to answer
        await work


# -- the wire and the disk ---------------------------------------------------------------------------


def _reset(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _narrow(request: web.Request, faults: Sequence[Fault], services: Services) -> Strait:
    """Put a strait before the call's body."""
    ends = [fault.at for fault in faults if fault.kind is Kind.CUT_REQUEST]
    body = Strait(
        request._payload,  # noqa: SLF001  as below; `content` would be kept from here on
        pace=_pace(faults, services, "request"),
        end=min(ends) if ends else None,
        on_end=lambda: _reset(request),
    )
    if request.body_exists:
        request._payload = cast("StreamReader", body)  # noqa: SLF001  aiohttp has no door for another body
    return body


@contextlib.asynccontextmanager
async def _line(request: web.Request, faults: Sequence[Fault], services: Services) -> AsyncIterator[None]:
    """Put a line before the connection's transport while the call lasts."""
    transport = request.transport
    if transport is None or not any(fault.kind in _ON_WIRE for fault in faults):
        yield
        return
    ends = [fault.at for fault in faults if fault.kind is Kind.CUT_ANSWER]
    line = Line(
        transport,
        pace=_pace(faults, services, "answer"),
        end=min(ends) if ends else None,
        loses_head=any(fault.kind is Kind.LOST_ANSWER for fault in faults),
    )
    protocol = request.protocol
    in_its_place = cast("asyncio.Transport", line)
    protocol.transport = in_its_place
    try:
        yield
        await line.flush()
    finally:
        if protocol.transport is in_its_place:
            protocol.transport = transport


def _pace(faults: Sequence[Fault], services: Services, side: str) -> Pace | None:
    rates = [fault.rate for fault in faults if fault.kind is Kind.BANDWIDTH and fault.side in {side, "both"}]
    return Pace(services.clock, min(rates)) if rates else None


def _disk(faults: Sequence[Fault]) -> AbstractContextManager[None]:
    sizes = [fault.at for fault in faults if fault.kind is Kind.DISK_FULL]
    return disk.only(min(sizes)) if sizes else contextlib.nullcontext()
