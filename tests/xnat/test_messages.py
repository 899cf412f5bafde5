"""The catalogue of what a site can say: complete, numbered, three parts each, and the number seen everywhere."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from xnat_wizard.findings import Finding
from xnat_wizard.xnat import error_catalogue, statuses
from xnat_wizard.xnat.answers import Answer
from xnat_wizard.xnat.errors import Refused, RetryAfter
from xnat_wizard.xnat.messages import MESSAGES
from xnat_wizard.xnat.numbers import NUMBERS, number_of, numbered
from xnat_wizard.xnat.refusals import problem_of

FALLBACKS = {statuses.UNKNOWN_4XX.code, statuses.UNKNOWN_5XX.code}


def said(text: str, status: int = 400) -> Answer:
    return Answer("POST", "/data/x", status, f"<html><h3>{text}</h3></html>".encode(), content_type="text/html")


@pytest.fixture
def contract(shared_data: Path) -> str:
    """Give the wire contract, or skip by name."""
    path = shared_data.parent / "xnat-rest.md"
    if not path.is_file():
        pytest.skip("shared contract: xnat-rest.md is not here")
    return path.read_text(encoding="utf-8")


def appendix_b(contract: str) -> list[str]:
    """Return the patterns of the contract's table of error texts, line by line."""
    part = contract.partition("## Appendix B")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    return [pattern for row in rows for pattern in re.findall(r"`([^`]+)`", row)]


def test_every_message_of_the_contract_has_an_entry(contract: str) -> None:
    patterns = appendix_b(contract)
    assert len(patterns) > 30
    missing = []
    for pattern in patterns:
        problem = problem_of(said(f"Oh: {pattern} 'x'"))
        login = problem_of(Answer("GET", "/data/x", 200, f"<html><!-- {pattern} -->".encode()))
        by_text = problem is not None and problem.finding.code not in FALLBACKS
        by_page = login is not None and login.finding.code == "login.lost"
        if not (by_text or by_page):
            missing.append(pattern)
    assert missing == []


def test_every_refusal_of_the_import_call_has_an_entry(contract: str) -> None:
    part = contract.partition("### 5.9 ")[2].partition("\n### ")[0]
    rows = re.findall(r"^\| (4\d\d) \| `([^`]+)`", part, re.MULTILINE)
    assert len(rows) > 12
    problems = {text: problem_of(said(text, int(status))) for status, text in rows}
    assert [text for text, problem in problems.items() if not problem or problem.finding.code in FALLBACKS] == []


def test_every_entry_has_a_number_a_cause_and_a_next_step() -> None:
    for entry in error_catalogue.catalogue():
        assert re.fullmatch(r"XW-\d{3}", entry.number), entry.code
        assert entry.said.strip('" '), entry.code
        assert entry.cause, entry.code
        assert not entry.cause.endswith("."), entry.code
        assert entry.steps, entry.code
        assert all(entry.steps), entry.code


def test_entries_are_unique_and_in_order() -> None:
    entries = error_catalogue.catalogue()
    assert len({entry.said for entry in entries}) == len(entries)
    assert [entry.number for entry in entries] == sorted(entry.number for entry in entries)
    assert len(set(NUMBERS.values())) == len(NUMBERS)
    assert {entry.code for entry in entries} == set(NUMBERS)


def test_every_status_of_its_own_is_in_the_catalogue() -> None:
    told = {entry.said for entry in error_catalogue.catalogue()}
    assert {f"status {status}" for status in statuses.STATUSES} <= told


def test_no_pattern_hides_a_later_one_of_another_meaning() -> None:
    for place, message in enumerate(MESSAGES):
        first = next(each for each in MESSAGES if each.pattern in message.pattern)
        assert first.code == message.code, (place, message.pattern)


def test_a_number_once_given_stays() -> None:
    assert number_of("site.too_large") == "XW-049"
    assert number_of("login.refused") == "XW-009"
    assert number_of("archive.other_subject") == "XW-136"
    assert number_of("no.such_code") == ""


def test_the_reason_of_a_refusal_ends_with_its_number() -> None:
    problem = problem_of(said("insufficient create privileges for subjects in this project.", 403))
    assert problem is not None
    assert problem.finding.why.endswith("in this project (XW-080).")
    assert problem.finding.shareable.endswith("status 403 (XW-080).")
    assert "(XW-080)" in problem.finding.as_text()
    assert "(XW-080)" in str(problem.finding.as_dict()["why"])


def test_a_finding_that_quotes_another_one_has_one_number() -> None:
    inner = problem_of(said("", 404))
    assert inner is not None
    outer = Refused(replace(inner.finding, code="project.not_found"), status=404)
    assert outer.finding.why == "XNAT answered 404 to POST /data/x (XW-064)"


def test_a_finding_without_a_number_stays_as_it_is() -> None:
    own = Finding("survey.empty", "Nothing is there", "The folder is empty", ("Choose another folder",))
    assert numbered(own) is own


@pytest.mark.parametrize(
    ("header", "words"),
    [("7", "7 s"), ("90", "90 s"), ("600", "10 min"), ("7200", "2 h"), ("999999", "12 d"), ("inf", "366 d")],
)
def test_how_long_the_site_asks_to_wait_is_said_in_words(header: str, words: str) -> None:
    problem = problem_of(Answer("GET", "/data/x", 503, b"", retry_after=header))
    assert isinstance(problem, RetryAfter)
    assert problem.finding.why == f"XNAT answered 503 to GET /data/x. It asks to wait for {words} (XW-050)"


def test_a_full_disk_is_not_taken_for_a_bad_image() -> None:
    problem = problem_of(said("unable to read DICOM object a.dcm: No space left on device"))
    assert problem is not None
    assert problem.finding.code == "site.disk_full"
