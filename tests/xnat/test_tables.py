"""Tables that come in pieces, and documents of another kind in their place."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnat_wizard.xnat.catalogue import uids_in
from xnat_wizard.xnat.tables import Row, TableReader, parsed_bytes

ROWS = [{"ID": "1", "n": "\u00fc\N{SNOWMAN}\N{SMILING FACE WITH SMILING EYES}"}, {"ID": "2, {} ]", "n": "\\\"'"}, {}]
TABLE = json.dumps(
    {"a": [1, {"b": 2}], "ResultSet": {"Columns": [{"key": "URI"}], "Result": ROWS, "totalRecords": "3"}, "z": 1.5},
    ensure_ascii=False,
)


def read(*pieces: bytes) -> tuple[list[Row], bool]:
    reader = TableReader()
    rows = [row for piece in pieces for row in reader.feed(piece)]
    return rows, reader.end()


@pytest.mark.parametrize("indent", [None, 3])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_table_is_the_same_wherever_it_is_cut(indent: int | None, mark: str) -> None:
    body = (mark + json.dumps(json.loads(TABLE), indent=indent, ensure_ascii=False) + "\r\n ").encode()
    for at in range(len(body) + 1):
        assert read(body[:at], body[at:]) == (ROWS, True)
    assert read(*(body[at : at + 1] for at in range(len(body)))) == (ROWS, True)


def test_a_table_that_is_cut_off_is_none() -> None:
    body = TABLE.encode()
    assert not any(read(body[:at])[1] for at in range(len(body)))


@settings(deadline=None)
@given(st.text(alphabet='{}[]":,1aResultSet \\') | st.text(), st.integers(1, 9))
def test_only_what_json_takes_is_a_table(text: str, size: int) -> None:
    body = text.encode()
    try:
        expected = isinstance(json.loads(body)["ResultSet"]["Result"], list)
    except (ValueError, KeyError, TypeError, RecursionError):
        expected = False
    assert read(*(body[at : at + size] for at in range(0, len(body), size)))[1] is expected


@pytest.mark.parametrize(
    "body",
    [
        TABLE.encode() + b"{}",
        TABLE.encode() + b" x",
        b"\xff" + TABLE.encode(),
        b'{"ResultSet";{"Result":[]}}',
        b'{"ResultSet":{"Result":[{} {}]}}',
        b'{"ResultSet":{"Result":[{"a":1},]}}',
        b'{"ResultSet":{"Result":[{"a":1}]]}',
        b'{"ResultSet":{"Result":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}}",
        b'{"ResultSet":{"Result":["' + b"a" * 3_000_000 + b'"]}}',
        b'{"ResultSet":{}}',
    ],
    ids=lambda body: repr(body[-20:]),
)
def test_what_is_nearly_a_table_is_none(body: bytes) -> None:
    assert not read(body)[1]
    assert not read(*(body[at : at + 7000] for at in range(0, len(body), 7000)))[1]


def test_cells_of_any_kind_become_text() -> None:
    rows = '[{"a": 1, "b": true, "c": false, "d": null, "e": 0.5, "f": [1]}, 5, null, [], "x"]'
    found, is_table = read(b'{"ResultSet":{"Result":' + rows.encode() + b"}}")
    assert found == [{"a": "1", "b": "true", "c": "false", "d": "", "e": "0.5", "f": "[1]"}]
    assert is_table


def test_what_json_takes_in_memory_is_never_thought_less_than_it_is() -> None:
    tracemalloc = pytest.importorskip("tracemalloc")
    count = 60_000
    for part in ("[]", "{}", "[1]", '{"a":1}', '"ab"', '"\\u00e9b"', "0.5", "12345678901", '{"a":{"b":[0.5,"xy"]}}'):
        body = ("[" + ",".join([part] * count) + "]").ljust(1_048_577).encode()
        tracemalloc.start()
        json.loads(body)
        _, most_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most_bytes <= parsed_bytes(body), part


CATALOGUE = b"""<?xml version="1.0" encoding="UTF-8"?>
<cat:DCMCatalog xmlns:cat="http://nrg.wustl.edu/catalog" UID="1.2"><cat:entries>
<cat:entry URI="1.dcm" UID="1.2.3"/><cat:entry ID="scans/2.dcm"/><cat:entry/></cat:entries></cat:DCMCatalog>"""


def test_a_catalogue_tells_the_uids_of_files() -> None:
    assert uids_in(CATALOGUE) == (("1.dcm", "1.2.3"), ("scans/2.dcm", ""), ("", ""))


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html><p>Sign on</html>",
        CATALOGUE[:-5],
        b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a><entry URI="&c;"/></a>',
        b"<a>" * 200 + b"</a>" * 200,
        b"<a b='" + b"c" * 3_000_000 + b"'/>",
    ],
    ids=["nothing", "page", "cut", "entities", "deep", "long"],
)
def test_what_is_no_catalogue_is_not_read(document: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  it has no words: the caller says what was asked for
        uids_in(document)
