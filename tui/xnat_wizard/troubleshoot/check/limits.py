"""What a proxy in front of the site allows: the size of a body, and how long an idle connection lives."""

import asyncio
import ssl
import time
from urllib.parse import urlsplit

from xnat_wizard.findings import Finding
from xnat_wizard.troubleshoot.check.line import Line, NoAnswerError, opened
from xnat_wizard.troubleshoot.check.model import Ground, Outcome, Skip, fail, ok, warn
from xnat_wizard.troubleshoot.check.way import no_words
from xnat_wizard.upload.parts import MAX_BYTES
from xnat_wizard.xnat.login import BUILD_INFO
from xnat_wizard.xnat.network import tls_context
from xnat_wizard.xnat.numbers import numbered

PATH = "/data/xnat-wizard/size-of-body"  # XNAT has no such path
_MIB = 2**20
SIZES = (_MIB, 10 * _MIB, 32 * _MIB, 100 * _MIB, 256 * _MIB, 1024 * _MIB, 4096 * _MIB)
_WAIT_S = 3.0
_AFTER_CONTINUE_S = 0.7
_SMALL = 96 * _MIB  # below it, parts of the usual size do not pass


async def body_size(ground: Ground) -> Outcome:
    """Find the largest body that is let in, without sending any.

    Each try announces a body (`Content-Length`, `Expect: 100-continue`), reads what comes back, and closes the
    connection; not one byte of a body is sent, so nothing can be stored. It goes without a login, and to a path that
    XNAT does not have: whatever lets it through answers 401 or 404. A proxy with a limit looks at the announced length
    first and answers 413. A limit that is set for the import service alone is not seen in this way.
    """
    seen: dict[int, str] = {}
    low, high = -1, len(SIZES)  # the largest that passed, the smallest that was refused
    at = len(SIZES) - 1
    while high - low > 1:
        verdict = await _announce(ground, SIZES[at])
        seen[SIZES[at]] = verdict
        low, high = (low, at) if verdict.startswith("refused") else (at, high)
        at = (low + high) // 2
    evidence = [f"{_words(size)}: {seen[size]}" for size in sorted(seen)]
    if high == len(SIZES):
        return ok(f"Bodies up to {_words(SIZES[-1])} are let in, or more", *evidence)
    first = _words(SIZES[high])
    if low < 0:
        return fail(_too_small(ground, first), *evidence)
    said = f"Bodies of {_words(SIZES[low])} are let in, those of {first} are not"
    if SIZES[low] >= _SMALL:
        return ok(f"{said}; parts have {MAX_BYTES // 1_000_000} MB", *evidence)
    finding = Finding(
        "check.body_limit",
        said,
        "A proxy in front of XNAT refuses larger ones with 413: parts get smaller, and large single files fail",
        (
            "Ask the administrator to raise the limit: nginx `client_max_body_size 0`, Apache `LimitRequestBody 0`",
            "Until then: uploads of files below that size work",
        ),
        where=ground.url,
    )
    return warn(finding.what, *evidence, finding=finding)


async def idle(ground: Ground) -> Outcome:
    """Watch how long an idle connection is kept.

    How long a proxy waits for XNAT's answer is another time-out, which cannot be seen without a long request.
    """
    longest_s = ground.question.idle_s
    if not longest_s:
        raise Skip("it was not to be watched")
    unseen = "how long a proxy waits for XNAT's answer shows only in a real upload; nginx waits 60 s unless told"
    try:
        async with opened(ground, _context(ground)) as line:
            reply = await line.ask("GET", urlsplit(ground.url).path + BUILD_INFO)
            if "close" in reply.header("connection").lower():
                return ok("Connections are closed after each answer", reply.as_evidence(), unseen)
            ended_s = await _until_closed(line, longest_s)
    except (OSError, NoAnswerError) as error:
        return warn(f"The connection could not be watched: {no_words(error)}", unseen)
    promised = reply.header("keep-alive")
    evidence = (*((f"Keep-Alive: {promised}"[:80],) if promised else ()), unseen)
    if ended_s is None:
        return ok(f"An idle connection lives longer than {longest_s:.0f} s", *evidence)
    return ok(f"An idle connection is closed after {ended_s:.0f} s", f"closed after {ended_s:.1f} s", *evidence)


async def _announce(ground: Ground, size_bytes: int) -> str:
    headers = {"Content-Length": str(size_bytes), "Content-Type": "application/zip", "Expect": "100-continue"}
    try:
        async with opened(ground, _context(ground)) as line:
            await line.put("POST", urlsplit(ground.url).path + PATH, headers)
            return await _verdict(line)
    except (OSError, NoAnswerError) as error:
        return f"refused by closing the connection: {no_words(error)}"


async def _verdict(line: Line) -> str:
    try:
        async with asyncio.timeout(_WAIT_S):
            status, _ = await line.head()
        if status == 100:
            async with asyncio.timeout(_AFTER_CONTINUE_S):
                status, _ = await line.head()
    except TimeoutError:
        return "let in, the body was awaited"
    except NoAnswerError:
        return "refused by closing the connection"
    return "refused with 413" if status == 413 else f"let in, then answered with {status}"


async def _until_closed(line: Line, longest_s: float) -> float | None:
    began = time.monotonic()
    try:
        async with asyncio.timeout(longest_s):
            while await line.reader.read(4096):
                pass
    except TimeoutError:
        return None
    return time.monotonic() - began


def _context(ground: Ground) -> ssl.SSLContext | None:
    return tls_context(ca_file=ground.question.ca_file) if ground.place.is_tls else None


def _words(size_bytes: int) -> str:
    mib = size_bytes // _MIB
    return f"{mib} MB" if mib < 1024 else f"{mib // 1024} GB"


def _too_small(ground: Ground, first: str) -> Finding:
    return numbered(
        Finding(
            "site.too_large",
            f"Even a body of {first} is refused",
            "A proxy in front of XNAT answers 413: an nginx without a setting of its own allows 1 MB",
            (
                "Ask the administrator to raise the limit: nginx `client_max_body_size 0`, Apache `LimitRequestBody 0`",
                "Send by DICOM until then, if the site has a receiver",
            ),
            where=ground.url,
        )
    )
