"""The page for the IT department: what was asked, what came back, when; no secrets, no patient data.

Sources: missing data 2.3 (T7), 0.3 rule 10.
"""

import re
import socket
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from xnat_wizard.troubleshoot.check.model import Check, Question, State
from xnat_wizard.troubleshoot.letters import LetterFacts, network, plain, wrapped
from xnat_wizard.xnat.http import user_agent
from xnat_wizard.xnat.uris import host_of

_WISHES = {
    "proxy": "Please check the proxy, or tell me how to reach the site without it.",
    "dns": "Please check the name service.",
    "tcp": "Please allow this connection, or tell me which network or VPN it needs.",
    "tls.chain": "Please give me the certificate of the authority that signed the site's, as a PEM file.",
    "tls.expiry": "Please renew the certificate.",
    "tls.name": "Please tell me the right host name, or have the certificate made out to this one.",
    "body": "Please raise the limit for request bodies in front of XNAT.",
    "dicom.port": "Please allow this connection.",
    "dicom.titles": "Please add the calling AE title with this machine's address to the receiver's list.",
}
_ALIAS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_DEFAULT_WISH = "Please look at this."
_FINE_WISH = "Everything that was checked works; this page is for your records."


def page(question: Question, checks: Sequence[Check], *, now: datetime) -> str:
    """Return letter and list of checks as plain text of at most 72 columns, apart from what cannot be broken."""
    failed = [check for check in checks if check.state is State.FAIL]
    warned = [check for check in checks if check.state is State.WARN]
    wish = next((_WISHES.get(check.name, _DEFAULT_WISH) for check in (*failed, *warned)), _FINE_WISH)
    happened = [f"{check.title}: {check.said}" for check in (*failed, *warned)] or ["nothing went wrong"]
    is_dicom = bool(failed) and failed[0].name.startswith("dicom.")
    peer = question.dicom
    to = f"{peer.host} port {peer.port}" if is_dicom and peer is not None else host_of(question.address)
    facts = LetterFacts(
        site_url=question.address.strip(),
        now=now,
        account=question.login.username if question.login else "",
        host=socket.gethostname(),
        sender=peer.calling if peer is not None else "",
        project=question.project,
    )
    letter = network(facts, to=to, happened=happened, wish=wish)
    return _without_alias(question, letter.as_text() + "\n" + _list(checks, now))


def _without_alias(question: Question, text: str) -> str:
    """Leave out the first half of a stored login: an alias stands in the place of a user name, and is half a secret."""
    login = question.login
    return text.replace(login.username, "(a stored login)") if login and _ALIAS.fullmatch(login.username) else text


def _list(checks: Iterable[Check], now: datetime) -> str:
    local = now.astimezone()
    lines = [
        "What was checked",
        "----------------",
        f"by {user_agent()} at {now.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        f"(clock of this machine: {local:%H:%M:%S %Z})",
        "",
    ]
    for check in checks:
        took = f" ({check.seconds:.2f} s)" if check.state is not State.SKIPPED else ""
        lines.append(wrapped(f"{check.state:<8}{check.title}: {check.said}{took}", indent=" " * 8))
        lines += [wrapped(f"          {line}", indent="  ") for line in check.evidence]
        if check.finding is not None:
            lines.append(wrapped(f"          why: {check.finding.why}", indent="     "))
            lines += [wrapped(f"          do: {step}", indent="    ") for step in check.finding.todo]
    return "\n".join(plain(line) if "\n" not in line else line for line in lines) + "\n"
