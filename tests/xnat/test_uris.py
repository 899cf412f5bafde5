import contextlib
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnat_wizard.findings import Problem
from xnat_wizard.xnat.uris import candidates, encoded, file_path, normalise, path_of, readings, segment, shape

HOSTILE = ("a/b", "..", ".", "50%", "a b+c", "#1?x=y", "Müller", "[/b]", 'quo"te', "tab\there", "%2F", "\udcff", "")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_segment_stays_one_segment_and_reads_back(text: str) -> None:
    wire = segment(text)
    assert "/" not in wire
    assert "?" not in wire
    assert "#" not in wire
    assert wire not in {".", ".."}
    assert wire.isascii()
    assert unquote(wire, errors="surrogateescape") == text


@settings(deadline=None)
@given(st.text())
def test_any_text_survives_as_a_segment(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    assert unquote(segment(text)) == text


@settings(deadline=None)
@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"])), min_size=1, max_size=4))
def test_a_path_has_as_many_segments_as_it_was_built_from(parts: list[str]) -> None:
    assert [unquote(part) for part in path_of(*parts).split("/")[1:]] == parts


def test_a_file_name_may_hold_folders() -> None:
    assert file_path("/data/x/files", "a b/../c#.PAR") == "/data/x/files/a%20b/%2E%2E/c%23.PAR"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("/data/prearchive/projects/P/1/S\r\n", "/data/prearchive/projects/P/1/S"),
        ("/prearchive/projects/P/1/S", "/data/prearchive/projects/P/1/S"),
        ("/REST/experiments/E1", "/data/experiments/E1"),
        ("/archive/projects/P", "/data/archive/projects/P"),
        ("https://host/xnat/data/projects/P", "/data/projects/P"),
        ("http://host/data/archive/projects/P/data/x", "/data/archive/projects/P/data/x"),
        ("Archival initiated", ""),
        ("", ""),
    ],
)
def test_every_spelling_of_a_uri_becomes_one(said: str, meant: str) -> None:
    assert normalise(said) == meant


@pytest.mark.parametrize("name", [" ", "a ", " a", "a\t", "a\u00a0"])
def test_white_space_at_the_end_of_a_name_belongs_to_it(name: str) -> None:
    uri = f"/data/experiments/E/resources/R/files/{name}"
    assert normalise(uri) == uri
    assert readings(uri)[0] == file_path("/data/experiments/E/resources/R/files", name)


def test_a_uri_of_the_server_is_encoded_once() -> None:
    assert encoded("/data/prearchive/projects/P/1/a b#") == "/data/prearchive/projects/P/1/a%20b%23"


def test_an_escape_in_a_name_has_two_readings() -> None:
    assert readings("/data/x/files/a%20b") == ("/data/x/files/a%2520b", "/data/x/files/a%20b")
    assert readings("/data/x/files/50%") == ("/data/x/files/50%25",)


def test_a_path_for_strangers_has_no_names() -> None:
    assert shape("/data/projects/P1/subjects/Miller") == "/data/projects/*/subjects/*"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("https://x.org", ("https://x.org", "https://x.org/xnat")),
        ("https://x.org/", ("https://x.org", "https://x.org/xnat")),
        ("https://x.org/xnat/", ("https://x.org/xnat",)),
        ("HTTPS://X.org/xnat/app/template/Index.vm?login=true", ("https://x.org/xnat",)),
        ("https://x.org/data/projects/P#top", ("https://x.org", "https://x.org/xnat")),
        ("x.org", ("https://x.org", "https://x.org/xnat", "http://x.org", "http://x.org/xnat")),
        (
            "127.0.0.1:8080",
            (
                "http://127.0.0.1:8080",
                "http://127.0.0.1:8080/xnat",
                "https://127.0.0.1:8080",
                "https://127.0.0.1:8080/xnat",
            ),
        ),
        ("localhost:80/xnat", ("http://localhost:80/xnat", "https://localhost:80/xnat")),
        ("[::1]:8080/x", ("http://[::1]:8080/x", "https://[::1]:8080/x")),
        ("https://übung.example/x", ("https://xn--bung-zra.example/x",)),
        ("https://anna:secret@x.org/xnat", ("https://x.org/xnat",)),
        ('  "https://x.org/xnat" ', ("https://x.org/xnat",)),
    ],
)
def test_an_address_means_what_a_person_means(typed: str, meant: tuple[str, ...]) -> None:
    assert candidates(typed) == meant


NO_ADDRESSES = ("", "   ", "ftp://x.org", "http://", "x.org:port", "two words", "https://[::1", "/home/x", "a..b")
NO_HOSTS = ("x" * 300, "%zz", "a,b", "*", "x:0", "1.2.3", "10.0.0.300", "http://?x=1")


@pytest.mark.parametrize("typed", [*NO_ADDRESSES, *NO_HOSTS])
def test_what_is_no_address_is_said_to_be_none(typed: str) -> None:
    with pytest.raises(Problem) as caught:
        candidates(typed)
    assert caught.value.finding.code == "site.bad_address"
    assert caught.value.finding.todo


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_typing_gives_addresses_or_a_finding(typed: str) -> None:
    found: tuple[str, ...] = ()
    with contextlib.suppress(Problem):
        found = candidates(typed)
    assert all(each.startswith(("http://", "https://")) and not each.endswith("/") for each in found)
