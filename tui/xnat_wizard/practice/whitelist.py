"""Who may send to a DICOM receiver: entries of the form AE@host, AE or host (the wire contract 9.1)."""

import ipaddress
import re
from collections.abc import Iterable

_AE_TITLE = re.compile(r"(?! )[ -\[\]-~]{1,16}(?<! )")  # printable, no backslash, no blank at either end
_LOCAL = ("127.0.0.0/8", "::1/128")


def is_ae_title(text: str) -> bool:
    """Tell whether a text can be an AE title: 1 to 16 printable characters."""
    return bool(_AE_TITLE.fullmatch(text))


def problem_of(entry: str) -> str:
    """Say what is wrong with an entry, "" when it can be used."""
    title, at, host = entry.partition("@")
    if "@" in host:
        return f"Invalid item in whitelist: {entry}"
    if at and not _networks(host):
        return f"Invalid Ip Address in whitelist: {host}"
    if at and not is_ae_title(title):
        return f"Invalid AE-title in whitelist: {title}"
    if not at and not _networks(entry) and not is_ae_title(entry):
        return f"Invalid item in whitelist: {entry}"
    return ""


def admits(whitelist: Iterable[str], ae_title: str, host: str) -> bool:
    """Tell whether one of the entries names the caller."""
    for entry in (raw.strip() for raw in whitelist):
        title, at, place = entry.partition("@")
        if at and title == ae_title and _holds(place, host):
            return True
        if not at and (_holds(entry, host) or entry == ae_title):
            return True
    return False


def _holds(place: str, host: str) -> bool:
    address = ipaddress.ip_address(host)
    return any(address in network for network in _networks(place))


def _networks(place: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Return what a host stands for: an address, a network with its mask, or this machine; nothing for a name."""
    try:
        return tuple(ipaddress.ip_network(one, strict=False) for one in (_LOCAL if place == "localhost" else (place,)))
    except ValueError:
        return ()
