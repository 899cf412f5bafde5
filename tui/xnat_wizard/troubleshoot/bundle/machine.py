"""What a bundle says of this machine, the settings and the logins that are kept: no name, no address, no path."""

import locale
import os
import platform
import re
import sqlite3
import ssl
from importlib.metadata import PackageNotFoundError, requires, version

from xnat_wizard.findings import Problem

_PACKAGE = "xnat-wizard"
_RELEASE = re.compile(r"\d+(?:\.\d+)*")
_KNOWN_TERMS = (
    "xterm xterm-256color xterm-kitty screen screen-256color tmux tmux-256color linux vt100 vt220 dumb alacritty "
    "rxvt-unicode rxvt-unicode-256color foot ansi"
)
_TERMS = frozenset(_KNOWN_TERMS.split())
_VARIABLES = ("XNAT_HOST", "XNAT_USER", "XNAT_PASS", "XNAT_WIZARD_HOME", "HTTPS_PROXY", "https_proxy", "NO_PROXY")
_MORE = frozenset({"nibabel", "dcm2niix", "bids-validator-deno"})  # of `convert`
_PRESENT = ("TMUX", "STY", "SSH_CONNECTION", "SLURM_JOB_ID", "NO_COLOR", "COLORTERM")


def versions() -> dict[str, object]:
    """Return the versions of this program and of what it runs on."""
    term = os.environ.get("TERM", "")
    return {
        _PACKAGE: _version(_PACKAGE),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "kernel": _number(platform.release()),
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()).strip(),
        "openssl": ssl.OPENSSL_VERSION,
        "sqlite": sqlite3.sqlite_version,
        "encoding": locale.getpreferredencoding(do_setlocale=False),
        "terminal": term if term in _TERMS else "another" if term else "",
        "is_root": os.geteuid() == 0,
        "environment": {name: name in os.environ for name in (*_VARIABLES, *_PRESENT)},
        "packages": {name: _version(name) for name in _needed()},
    }


def settings() -> dict[str, object]:
    """Return the settings: of those that may name somebody, only whether they are set, and where."""
    from xnat_wizard.preferences import SETTINGS, Kind, read_file, resolve

    shown = {Kind.CHOICE, Kind.YES_NO, Kind.NUMBER, Kind.RATE}
    file = read_file()
    found = resolve("", {}, file)
    return {
        "values": {
            setting.name: {
                "value": found[setting.name] if setting.kind in shown else bool(found[setting.name]),
                "from": str(found.values[setting.name].origin),
            }
            for setting in SETTINGS
        },
        "profiles": len(file.sites),
        "keys": len(file.keys),
        "findings": sorted({one.code for one in found.findings}),
    }


def logins() -> dict[str, object]:
    """Return how many logins are kept; nothing of them."""
    from xnat_wizard.logins import recent_sites, stored_logins

    try:
        kept = stored_logins()
    except Problem as problem:
        return {"recent_sites": len(recent_sites()), "finding": problem.finding.code}
    return {
        "recent_sites": len(recent_sites()),
        "kept": len(kept),
        "expired": sum(one.is_over() for one in kept),
        "sites": len({one.url for one in kept}),
    }


def _needed() -> list[str]:
    """Return the packages that this program asks for, by name."""
    try:
        wanted = requires(_PACKAGE) or []
    except PackageNotFoundError:
        return []
    wanted = [one for one in wanted if "extra ==" not in one]
    names = {re.split(r"[\s;<>=!~\[(]", one, maxsplit=1)[0].lower() for one in wanted} | _MORE
    return sorted(name for name in names if name and _version(name))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _number(text: str) -> str:
    """Return the number that a text begins with: what follows may be a house's own name."""
    found = _RELEASE.match(text)
    return found[0] if found else ""
