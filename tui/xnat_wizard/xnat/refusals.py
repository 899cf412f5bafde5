"""Turns an answer that is not a success into the problem that says what to do.

Sources: wire contract 0.5, 1.4, 1.8, 12, appendix B.
"""

import math
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from xnat_wizard.findings import Finding
from xnat_wizard.xnat.answers import INACTIVE_PAGE, PASSWORD_PAGE, SETUP_PAGE, Answer
from xnat_wizard.xnat.errors import RetryAfter, SiteProblem
from xnat_wizard.xnat.messages import MESSAGES, Message
from xnat_wizard.xnat.statuses import (
    DISABLED,
    EXPIRED,
    SETUP,
    STATUSES,
    UNKNOWN_3XX,
    UNKNOWN_4XX,
    UNKNOWN_5XX,
    UNKNOWN_PAGE,
)
from xnat_wizard.xnat.uris import shape

SUCCESS = frozenset({200, 201, 202, 204})

_NOTHING_SAID = (
    "The request requires user authentication",
    "The server has not found anything matching the request URI",
    "The server encountered an unexpected condition which prevented it from fulfilling the request",
)

_UNCLEAR_WAIT_S = 30.0
_LONGEST_WAIT_S = 366 * 86_400.0

_LOST = STATUSES[401]
_PAGES = ((PASSWORD_PAGE, EXPIRED), (INACTIVE_PAGE, DISABLED))


def check(answer: Answer, *, ok: frozenset[int] = SUCCESS) -> Answer:
    """Return the answer when it is a success.

    A page where data belongs is none, even with status 200 (wire contract 0.5).

    Raises:
        SiteProblem: of the kind that fits.
    """
    problem = problem_of(answer, ok=ok)
    if problem is not None:
        raise problem
    return answer


def problem_of(answer: Answer, *, ok: frozenset[int] = SUCCESS) -> SiteProblem | None:
    """Return what an answer has wrong, or `None`."""
    page = _page_of(answer)
    if page is not None:
        return _problem(answer, page)
    if answer.status in ok and not (answer.status == 200 and answer.is_html):
        return None
    said = answer.message
    for message in MESSAGES:
        if message.pattern in said:
            return _problem(answer, message)
    return _problem(answer, _by_status(answer.status))


def why(answer: Answer) -> str:
    """Say what was asked and what came back; no query values, which may hold a patient's labels."""
    said = answer.message
    told = f": {said}" if said and said not in _NOTHING_SAID else ""
    return f"XNAT answered {answer.status} to {answer.method} {answer.path}{told}"


def _page_of(answer: Answer) -> Message | None:
    if answer.is_login_page:
        return _LOST
    if 300 <= answer.status < 400 and answer.location.rstrip("/").endswith(SETUP_PAGE):
        return SETUP
    for mark, message in _PAGES:
        if 300 <= answer.status < 400 and mark in answer.location:
            return message
        if answer.status == 200 and answer.is_html and mark.encode() in answer.body:
            return message
    return None


def _by_status(status: int) -> Message:
    known = STATUSES.get(status)
    if known is not None:
        return known
    if status >= 500:
        return UNKNOWN_5XX
    if status >= 400:
        return UNKNOWN_4XX
    return UNKNOWN_3XX if status >= 300 else UNKNOWN_PAGE


def _problem(answer: Answer, message: Message) -> SiteProblem:
    finding = Finding(
        code=message.code,
        what=message.what,
        why=why(answer),
        todo=message.todo,
        shareable=f"{message.what}. {answer.method} {shape(answer.path)}: status {answer.status}.",
    )
    if answer.status in {429, 503} and answer.retry_after:
        wait_s = _seconds(answer.retry_after)
        asked = replace(finding, why=f"{finding.why}. It asks to wait for {_in_words(wait_s)}")
        return RetryAfter(asked, seconds=wait_s, status=answer.status)
    return message.kind(finding, status=answer.status)


def _seconds(retry_after: str) -> float:
    """Read a Retry-After header: seconds, or a date; half a minute when it is neither.

    The site's own figure goes on uncut, a year at most: whoever waits decides how long, and says so.
    """
    try:
        wait_s = float(retry_after)
    except ValueError:
        try:
            wait_s = (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError, OverflowError):
            wait_s = _UNCLEAR_WAIT_S
    if math.isnan(wait_s):
        wait_s = _UNCLEAR_WAIT_S
    return min(max(wait_s, 1.0), _LONGEST_WAIT_S)


def _in_words(seconds: float) -> str:
    for unit, size_s in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size_s:
            return f"{seconds / size_s:.0f} {unit}"
    return f"{seconds:.0f} s"
