"""What a certificate says of itself, also one that does not verify: names, issuer, dates.

The standard library decodes only certificates that verified; this reads the few fields that a person needs.
Sources: RFC 5280 section 4.1 and 4.2.1.6, RFC 6125 section 6.4 (which names match), X.690 (DER).
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

_COMMON_NAME = bytes.fromhex("550403")
_ORGANISATION = bytes.fromhex("55040a")
_ALTERNATIVE_NAMES = bytes.fromhex("551d11")
_SEQUENCE, _OID, _OCTETS, _UTC_TIME = 0x30, 0x06, 0x04, 0x17
_VERSION, _EXTENSIONS, _DNS_NAME, _IP_NAME = 0xA0, 0xA3, 0x82, 0x87


@dataclass(frozen=True, slots=True)
class Certificate:
    """The part of a certificate that is shown."""

    subject: str
    issuer: str
    names: tuple[str, ...]  # host names and addresses that it is made out to
    not_before: datetime
    not_after: datetime

    def is_for(self, host: str) -> bool:
        """Tell whether it is made out to a host; "*" stands for one label at the front, never for a part of one."""
        wanted = host.rstrip(".").lower()
        return any(_matches(name.lower(), wanted) for name in self.names)


def read_certificate(der: bytes) -> Certificate:
    """Read a certificate.

    Raises:
        ValueError: it is no certificate, or one of an unknown form.
    """
    try:
        fields = list(_parts(_first(_first(der))))
        if fields[0][0] == _VERSION:
            fields = fields[1:]
        _, _, issuer, validity, subject = (value for _, value in fields[:5])
        begin, end = (_time(tag, value) for tag, value in _parts(validity))
        names = tuple(name for tag, value in fields[5:] if tag == _EXTENSIONS for name in _names(_first(value)))
    except (IndexError, KeyError, ValueError) as error:
        raise ValueError("not a certificate") from error
    return Certificate(_name(subject), _name(issuer), names, begin, end)


def _matches(name: str, host: str) -> bool:
    if name == host:
        return True
    _, _, rest = host.partition(".")
    is_number = rest.rpartition(".")[2].isdigit()  # an address has no labels
    return bool(rest) and not is_number and name.startswith("*.") and name[2:] == rest


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Give the elements that stand one after the other."""
    at = 0
    while at < len(data):
        tag, size = data[at], data[at + 1]
        at += 2
        if size >= 0x80:
            count = size & 0x7F
            size = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + size > len(data):
            raise IndexError("an element is longer than what holds it")
        yield tag, data[at : at + size]
        at += size


def _first(data: bytes) -> bytes:
    for _, value in _parts(data):
        return value
    raise IndexError("an element is empty")


def _time(tag: int, value: bytes) -> datetime:
    text = value.decode("ascii")
    if tag == _UTC_TIME:  # two digits of the year: 1950 to 2049
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _name(data: bytes) -> str:
    found: dict[bytes, str] = {}
    for _, group in _parts(data):
        for _, pair in _parts(group):
            (_, kind), (tag, value) = list(_parts(pair))[:2]
            found[kind] = value.decode("utf-16-be" if tag == 0x1E else "utf-8", errors="replace")
    shown = [found[kind] for kind in (_COMMON_NAME, _ORGANISATION) if kind in found]
    return ", ".join(shown) or "no name"


def _names(extensions: bytes) -> Iterator[str]:
    for _, extension in _parts(extensions):
        parts = list(_parts(extension))
        if parts[0] != (_OID, _ALTERNATIVE_NAMES):
            continue
        for tag, value in _parts(_first(parts[-1][1])):
            if tag == _DNS_NAME:
                yield value.decode("ascii")
            elif tag == _IP_NAME:
                yield str(ipaddress.ip_address(value))
