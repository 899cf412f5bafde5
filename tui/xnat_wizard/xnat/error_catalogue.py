"""All that a site can say or fail to say, in the order of its numbers: for the manual, for help, for lists.

Sources: wire contract 0.5, 1.4, 1.8, 5.9, 6.7, appendix B; missing data 2.6.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from xnat_wizard.xnat import statuses
from xnat_wizard.xnat.answers import INACTIVE_PAGE, LOGIN_MARK, PASSWORD_PAGE, SETUP_PAGE
from xnat_wizard.xnat.message import ASK_ADMIN, Message
from xnat_wizard.xnat.messages import MESSAGES
from xnat_wizard.xnat.numbers import NUMBERS, number_of


@dataclass(frozen=True, slots=True)
class Entry:
    """One case of the catalogue."""

    number: str  # "XW-049"; several cases with one code share it
    code: str
    said: str  # how it is recognised: words of the server, a status, a page, or that nothing came
    cause: str  # what it means, one sentence without full stop
    steps: tuple[str, ...]  # what to do, the likeliest first

    def as_dict(self) -> dict[str, object]:
        """Return it as one JSON object."""
        return {
            "type": "error",
            "number": self.number,
            "code": self.code,
            "said": self.said,
            "cause": self.cause,
            "steps": list(self.steps),
        }


_PAGES = (
    (f"a page with {LOGIN_MARK}", statuses.STATUSES[401]),
    (f"a redirect to {PASSWORD_PAGE}", statuses.EXPIRED),
    (f"a redirect to {INACTIVE_PAGE}", statuses.DISABLED),
    (f"a redirect to {SETUP_PAGE}", statuses.SETUP),
    ("a web page with status 200", statuses.UNKNOWN_PAGE),
    ("any other 3xx", statuses.UNKNOWN_3XX),
    ("any other 4xx", statuses.UNKNOWN_4XX),
    ("any other 5xx", statuses.UNKNOWN_5XX),
)
_CHECK_NETWORK = "Check that this machine is in the right network, or that its VPN is on"
_WITHOUT_ANSWER: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    (
        "site.unknown_host",
        "the name service knows no such host",
        "The address is misspelled, or this machine is in the wrong network",
        ("Check the spelling of the address", _CHECK_NETWORK),
    ),
    (
        "site.unreachable",
        "no connection: refused, or no way there",
        "The site is down, the port is wrong, or a firewall is in between",
        ("Try again in a minute: the site may be starting", "Check the address and the port", _CHECK_NETWORK),
    ),
    (
        "site.silent",
        "no answer in time",
        "The site is busy, or the network has swallowed the answer; the site may go on working on it",
        ("Look at what has arrived, then try again", "Check the network between here and the site"),
    ),
    (
        "site.cut",
        "the connection ended in the middle",
        "The site was restarted, or something between here and the site cut the connection",
        ("Look at what has arrived, then try again", "Check the network between here and the site"),
    ),
    (
        "site.tls",
        "the TLS handshake or the certificate failed",
        "The site could not prove that it is the site, or does not speak https at this port",
        ("Check the address and the port", "Ask the administrator for the file of the site's certificate authority"),
    ),
    (
        "site.no_xnat",
        "a web server that is no XNAT",
        "The address leads to another server, or a part of the path is missing",
        ("Open XNAT in a browser and copy the address from there", ASK_ADMIN),
    ),
    (
        "site.unclear",
        "an answer of another kind than was asked for",
        "A proxy answered in the place of the site, or the site is of an unknown version",
        ("Try again", ASK_ADMIN),
    ),
    (
        "site.too_long",
        "an answer without end",
        "The answer is larger than this program takes",
        ("Download it with a browser",),
    ),
    (
        "login.refused",
        "401 to a login",
        "Name or password is wrong, the account is not verified, or it is locked for an hour after many attempts",
        ("Check the user name and the password", "Wait, then try once", ASK_ADMIN),
    ),
    (
        "login.not_kept",
        "a login that works once",
        "The session's cookie does not come through: a proxy drops it, or the address is another one than the site's",
        ("Use the address that the browser shows after XNAT has opened", ASK_ADMIN),
    ),
    (
        "login.incomplete",
        "the site was not asked",
        "The user name or the password is empty, or the name holds a colon",
        ("Enter both",),
    ),
    (
        "login.renewed",
        "the site had forgotten the login in the middle of an upload",
        "The login idled out, and there is a new one now",
        ("Nothing to do: the part is sent again",),
    ),
)


def catalogue() -> tuple[Entry, ...]:
    """Return every case, by number, then in the order in which an answer is looked at."""
    return tuple(sorted(_cases(), key=lambda entry: NUMBERS[entry.code]))


def _cases() -> Iterator[Entry]:
    for message in MESSAGES:
        yield _entry(message, f'"{message.pattern}"')
    for status, message in statuses.STATUSES.items():
        yield _entry(message, f"status {status}")
    for said, message in _PAGES:
        yield _entry(message, said)
    for code, said, cause, steps in _WITHOUT_ANSWER:
        yield Entry(number_of(code), code, said, cause, steps)


def _entry(message: Message, said: str) -> Entry:
    return Entry(number_of(message.code), message.code, said, message.what, message.todo)
