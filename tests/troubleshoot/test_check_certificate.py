"""Reading a certificate that may be anything, and which host names it is for."""

import ssl
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troubleshoot.check_sites import Authority
from xnat_wizard.troubleshoot.check.certificate import Certificate, read_certificate

PLAIN = Certificate("s", "i", (), datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def der(path: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(path.read_text(encoding="ascii"))


def test_what_a_certificate_says_is_read(tmp_path: Path) -> None:
    Authority(tmp_path).sign("DNS:xnat.example.org", "DNS:*.example.net", "IP:10.0.0.7", "IP:::1", days=30)
    found = read_certificate(der(tmp_path / "site.pem"))
    assert (found.subject, found.issuer) == ("site, Hospital", "Test authority, Test")
    assert found.names == ("xnat.example.org", "*.example.net", "10.0.0.7", "::1")
    assert (found.not_after - found.not_before).days == 30
    assert found.not_before.tzinfo is UTC


def test_one_without_alternative_names_is_for_nobody(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    found = read_certificate(der(authority.file))
    assert (found.subject, found.names) == ("Test authority, Test", ())
    assert not found.is_for("Test authority")


@pytest.mark.parametrize(
    ("name", "host", "is_it"),
    [
        ("xnat.example.org", "XNAT.example.org.", True),
        ("*.example.org", "xnat.example.org", True),
        ("*.example.org", "a.xnat.example.org", False),
        ("*.example.org", "example.org", False),
        ("x*.example.org", "xnat.example.org", False),
        ("*", "localhost", False),
        ("*.", "localhost", False),
        ("10.0.0.7", "10.0.0.7", True),
        ("*.0.0.7", "10.0.0.7", False),
        ("example.org", "notexample.org", False),
    ],
)
def test_a_star_stands_for_one_whole_label(name: str, host: str, is_it: bool) -> None:  # noqa: FBT001  a table's column
    assert replace(PLAIN, names=(name,)).is_for(host) is is_it


@given(st.binary(max_size=200))
def test_what_is_no_certificate_is_refused_in_one_way(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a certificate"):
        read_certificate(data)


def test_a_certificate_that_breaks_off_anywhere_is_refused(tmp_path: Path) -> None:
    whole = der(Authority(tmp_path).file)
    for size in range(0, len(whole), 7):
        with pytest.raises(ValueError, match="not a certificate"):
            read_certificate(whole[:size])
