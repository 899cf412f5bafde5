"""What the login step says of an address, of a login that is known here, and of tokens."""

from datetime import datetime

from xnat_wizard.findings import Finding
from xnat_wizard.logins import StoredLogin
from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.xnat.model import SiteInfo

UNSAFE_WARNING = "Anyone on the way can read your password and the images. Only for a test on a network you trust."
STILL_LOOKING = "No answer yet. You can go on typing; F5 looks again."


def answer_words(info: SiteInfo, typed: str) -> str:
    """Return which XNAT answers, and where: an address without scheme or path is completed."""
    version = f"XNAT {plain(info.version)}" if info.version else "An XNAT that does not say its version"
    place = "" if info.url == typed.rstrip("/") else f" at {info.url}"
    secure = "" if info.url.startswith("https:") else "; the connection is not encrypted"
    return f"{version} answers{place}{secure}"


def three_parts(finding: Finding) -> str:
    """Return a trouble as lines: what happened, why, what to do."""
    lines = [f"What happened: {finding.what}.", f"Why: {finding.why}"]
    lines += [f"{place}. {step}" for place, step in enumerate(finding.todo, start=1)]
    return "\n".join(plain(line) for line in lines)


def place_of(address: str) -> str:
    """Return an address without its scheme, for a list."""
    return plain(address.partition("://")[2] or address)


def used_words(used_s: float) -> str:
    """Return when a site was used, and what it asks for."""
    if not used_s:
        return "asks for the password"
    return f"used {datetime.fromtimestamp(used_s).astimezone():%Y-%m-%d}; asks for the password"


def forget_words(login: StoredLogin) -> tuple[str, str]:
    """Return the question before a login is forgotten, and what that means."""
    return (
        f"Forget the stored login of {plain(login.username)} at {place_of(login.url)}?",
        "It is deleted here and withdrawn at the site. Commands that run unattended with it will ask for a password.",
    )
