"""Addresses of sites, and paths on them: what a person types, what the server returns, what goes over the wire.

Labels and file names may be hostile; every segment is percent-encoded here and nowhere else.
"""

import ipaddress
import re
from urllib.parse import quote, unquote, urlsplit

from xnat_wizard.findings import Finding, Problem

CONTEXT = "/xnat"  # the context path of many installations (wire contract 0.1)

_UI_PATH = re.compile(r"/(app|data|REST|xapi|setup|archive|login)(/.*)?$")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_WORDS = frozenset(  # what may stay in a path that is shown to strangers
    [
        "data",
        "REST",
        "xapi",
        "archive",
        "prearchive",
        "projects",
        "subjects",
        "experiments",
        "scans",
        "resources",
        "files",
        "services",
        "logs",
        "users",
        "config",
        "siteConfig",
        "buildInfo",
        "username",
        "roles",
        "groups",
        "tokens",
        "issue",
        "anonymize",
        "enabled",
        "import",
        "validate-archive",
        "accessibility",
        "prearchive_code",
        "quarantine_code",
        "JSESSION",
        "auth",
        "anon",
        "script",
        "seriesImportFilter",
        "access",
        "cache",
        "flush",
    ]
)


def segment(text: str) -> str:
    """Percent-encode one path segment; "/" and bytes of undecodable file names included.

    A segment of dots is encoded as well, so that nothing on the way takes it for a folder above.
    """
    if text and not text.strip("."):
        return text.replace(".", "%2E")
    return quote(text, safe="", errors="surrogateescape")


def path_of(*segments: str) -> str:
    """Build a path from segments that are not yet encoded: `path_of("data", "projects", "P1")`."""
    return "/" + "/".join(segment(part) for part in segments)


def file_path(parent: str, name: str) -> str:
    """Append a file name, which may hold folders, to an encoded path."""
    return parent + "".join("/" + segment(part) for part in name.split("/"))


def normalise(uri: str) -> str:
    """Give a URI of the server the one spelling used here: from "/data/" on, not encoded (wire contract 0.1).

    Returns "" for text that is no URI of the data API.
    """
    text = uri.strip("\r\n")  # ends of lines only: a file's name may end with a space
    if "://" in text:
        try:
            text = urlsplit(text).path
        except ValueError:  # half an address of IPv6
            return ""
        start = re.search(r"/(data|REST)/", text)
        if start:
            text = text[start.start() :]
    for prefix in ("/REST/", "/data/"):
        if text.startswith(prefix):
            return "/data/" + text.removeprefix(prefix)
    if text.startswith(("/prearchive/", "/archive/", "/projects/", "/experiments/", "/subjects/")):
        return "/data" + text
    return ""


def encoded(uri: str) -> str:
    """Percent-encode a URI of the server, which sends its segments as they are (wire contract 5.6)."""
    return "".join("/" + segment(part) for part in normalise(uri).split("/")[1:])


def readings(uri: str) -> tuple[str, ...]:
    """Return the encoded paths that a URI of the server can mean, the likelier first.

    A name with "%20" in it is spelled so, or, against the wire contract (5.6), was encoded by the server.
    """
    plain = normalise(uri)
    if _ESCAPE.search(plain):
        return (encoded(plain), encoded(unquote(plain, errors="surrogateescape")))
    return (encoded(plain),)


def shape(path: str) -> str:
    """Return a path without the names in it, for texts that leave the house."""
    return "/".join(part if part in _WORDS or not part else "*" for part in path.split("/"))


def host_of(address: str) -> str:
    """Return the host name of an address, for messages."""
    return urlsplit(address if "://" in address else f"//{address}").hostname or address


def candidates(address: str) -> tuple[str, ...]:
    """Return the addresses that what a person typed can mean, the likeliest first, without trailing slash.

    Without a scheme it is https, then http (http first for a port of this machine). Without a path it is "/", then
    "/xnat". What a browser's address line has more than the site's address is cut off.

    Raises:
        Problem: site.bad_address.
    """
    text = address.strip().strip("\"'<>")
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = "", text
    try:
        parts = urlsplit(f"//{rest}")
        host, port = _host(parts.hostname or ""), parts.port
    except ValueError:  # UnicodeError is one
        host, port = "", None
    if not host or port == 0 or scheme.lower() not in {"", "http", "https"}:
        raise Problem(_bad_address(text))
    place = f"[{host}]" if ":" in host else host
    if port is not None:
        place = f"{place}:{port}"
    if scheme:
        schemes = [scheme.lower()]
    elif port is not None and is_loopback(host):
        schemes = ["http", "https"]
    else:
        schemes = ["https", "http"]
    path = _UI_PATH.sub("", re.sub(r"/{2,}", "/", parts.path).rstrip("/"))
    paths = [path] if path else ["", CONTEXT]
    return tuple(f"{each}://{place}{tail}" for each in schemes for tail in paths)


def _host(name: str) -> str:
    """Return a host name as name services take it, "" for what cannot be one.

    Raises:
        ValueError: it cannot be one either.
    """
    if ":" in name:
        return str(ipaddress.IPv6Address(name))
    if re.fullmatch(r"[0-9.]+", name):
        return str(ipaddress.IPv4Address(name))
    wire = name.encode("idna").decode("ascii")
    return wire if _HOST.fullmatch(wire) else ""


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, by its name or address alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bad_address(text: str) -> Finding:
    return Finding(
        code="site.bad_address",
        what=f'"{text}" is not the address of a web site',
        why="An address is a host name, perhaps with https:// in front and a port or a path behind.",
        todo=("Copy the address from the browser's address line while XNAT is shown, and paste it here.",),
        shareable="What was typed is not the address of a web site.",
    )
