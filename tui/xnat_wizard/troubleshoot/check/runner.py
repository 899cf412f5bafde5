"""Runs the probes one after the other and tells each result as it comes; a probe that crashes is a result."""

import asyncio
import contextlib
import logging
import time
import traceback
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from pathlib import Path

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.troubleshoot.check import account, dicom, limits, server, tls, way
from xnat_wizard.troubleshoot.check.model import Check, Ground, Outcome, Probe, Question, Running, Skip, State, fail

SLOW_S = 3.0
LONGEST_S = 90.0

_log = logging.getLogger(__name__)

_TLS = ("tls.handshake", "tls.chain", "tls.name", "tls.expiry")
_SITE = (*_TLS, "answer", "redirects", "xnat", "initialised")

PROBES: tuple[Probe, ...] = (
    Probe("address", "Address", way.address, is_way=True),
    Probe("proxy", "Proxy of this machine", way.proxy, ("address",), is_way=True),
    Probe("dns", "Name service", way.name_service, ("address", "proxy"), is_way=True),
    Probe("tcp", "Port", way.port, ("dns",), is_way=True),
    Probe("plain", "Plain http", way.plain, ("tcp",), is_way=True),
    Probe("tls.handshake", "Encryption", tls.handshake, ("plain",), is_way=True),
    Probe("tls.chain", "Certificate chain", tls.chain, ("tls.handshake",), is_way=True),
    Probe("tls.name", "Certificate name", tls.name, ("tls.handshake",), is_way=True),
    Probe("tls.expiry", "Certificate dates", tls.expiry, ("tls.handshake",), is_way=True),
    Probe("answer", "Web server", server.answer, _TLS, is_way=True),
    Probe("redirects", "Redirects", server.redirects, ("answer",), is_way=True),
    Probe("front", "In front of XNAT", server.front, ("answer",)),
    Probe("clock", "Clock", server.clock, ("answer",)),
    Probe("xnat", "XNAT", server.xnat, ("redirects",), is_way=True),
    Probe("initialised", "Set up", server.initialised, ("xnat",), is_way=True),
    Probe("login", "Login", account.login, _SITE),
    Probe("session", "Idle login", account.session, ("login",)),
    Probe("tokens", "Tokens", account.tokens, ("login",)),
    Probe("project", "Rights in the project", account.project, ("login",)),
    Probe("settings", "Settings", account.settings, ("login",)),
    Probe("body", "Size of uploads", limits.body_size, ("xnat",)),
    Probe("dicom.receivers", "DICOM receivers", dicom.receivers, ("login",)),
    Probe("dicom.port", "DICOM port", dicom.port),
    Probe("dicom.titles", "DICOM titles", dicom.association, ("dicom.port",)),
    Probe("dicom.echo", "DICOM echo", dicom.echo, ("dicom.titles",)),
    Probe("idle", "Idle connection", limits.idle, ("xnat",)),
)


async def run_checks(
    question: Question,
    *,
    probes: Sequence[Probe] = PROBES,
    now: Callable[[], datetime] = server.now,
    slow_s: float = SLOW_S,
) -> AsyncGenerator[Running | Check, None]:
    """Look at everything, cheapest first, always in the same order; give `Running` before and during, then a `Check`.

    A probe whose ground is missing is skipped and says what failed before it. Leaving the loop (or cancelling the task)
    stops the probe that runs and logs out; what was given by then stands.
    """
    ground = Ground(question, now)
    missing: dict[str, str] = {}  # probe: the failed one that it stands on, or itself
    titles = {probe.name: probe.title for probe in probes}
    try:
        for probe in probes:
            cause = next((missing[name] for name in probe.needs if name in missing), "")
            if cause:
                missing[probe.name] = cause
                said = f"Not reached: `{titles[cause]}` failed"
                yield Check(probe.name, probe.title, State.SKIPPED, said, because=cause, is_way=probe.is_way)
                continue
            yield Running(probe.name, probe.title, 0.0)
            began = time.monotonic()
            task = asyncio.create_task(_outcome_of(probe, ground))
            try:
                while not (await asyncio.wait({task}, timeout=slow_s))[0]:
                    yield Running(probe.name, probe.title, time.monotonic() - began)
            finally:
                await _stopped(task)
            check = _check(probe, task.result(), time.monotonic() - began)
            if check.state is State.FAIL:
                missing[probe.name] = probe.name
            yield check
    finally:
        await ground.undo.aclose()


async def _outcome_of(probe: Probe, ground: Ground) -> Outcome:
    try:
        async with asyncio.timeout(LONGEST_S):
            return await probe.look(ground)
    except Skip as skip:
        return Outcome(State.SKIPPED, str(skip)[:1].upper() + str(skip)[1:])
    except Problem as problem:
        return fail(problem.finding)
    except TimeoutError:
        return fail(_too_long(probe))
    except Exception as error:  # noqa: BLE001  one of the three doors: a probe that crashes is a result
        _log.warning("probe crashed name=%s kind=%s", probe.name, type(error).__name__)
        return fail(_crashed(probe, error))


async def _stopped(task: asyncio.Task[Outcome]) -> None:
    if not task.done():
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _check(probe: Probe, outcome: Outcome, seconds: float) -> Check:
    return Check(
        probe.name,
        probe.title,
        outcome.state,
        outcome.said,
        outcome.evidence,
        outcome.finding,
        seconds,
        is_way=probe.is_way,
    )


def _too_long(probe: Probe) -> Finding:
    return Finding(
        "check.too_long",
        f"The check `{probe.title}` was given up",
        f"It took longer than {LONGEST_S:.0f} s",
        ("Try again", "Give the page of this check to your IT department"),
    )


def _crashed(probe: Probe, error: Exception) -> Finding:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return Finding(
        "check.crashed",
        f"The check `{probe.title}` itself failed",
        f"It is a fault of this program: {type(error).__name__} at {Path(last.filename).name}:{last.lineno}",
        ("Go by the other checks", "Report this line as a fault of this program"),
    )
