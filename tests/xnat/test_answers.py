import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnat_wizard.xnat.answers import Answer, cell, error_text, id_of, number
from xnat_wizard.xnat.errors import Fatal, LoginAgain, Refused, Retry, RetryAfter, SiteProblem
from xnat_wizard.xnat.files import files_of
from xnat_wizard.xnat.http import idle_time_s, user_agent
from xnat_wizard.xnat.messages import MESSAGES
from xnat_wizard.xnat.prearchive import MOVED
from xnat_wizard.xnat.refusals import check, problem_of
from xnat_wizard.xnat.statuses import STATUSES

PAGE = """<html>
<head>
   <title>Status page</title>
</head>
<body>
<h3>{message}</h3><p>You can get technical details <a href="http://www.w3.org/">here</a>.<br>
Please continue your visit at our <a href="/">home page</a>.
</p>
</body>
</html>
"""
TOMCAT = (
    '<!doctype html><html lang="en"><head><title>HTTP Status 401 &ndash; Unauthorized</title></head><body>'
    "<h1>HTTP Status 401 &ndash; Unauthorized</h1><hr/><p><b>Type</b> Status Report</p>"
    '<p><b>Message</b> Login &quot;failed&quot;</p><hr class="line" /><h3>Apache Tomcat/9.0.80</h3></body></html>'
)
TIMEOUT = "did not return a valid data URI within the timeout interval"
EXISTS = "Session already exists, retry with overwrite enabled"
LOGIN = "<!DOCTYPE html><html><!-- BEGIN xnat-templates/screens/Login.vm --></html>"


def answer(status: int, body: str = "", *, location: str = "", retry_after: str = "") -> Answer:
    return Answer("GET", "/data/projects/P1", status, body.encode(), location=location, retry_after=retry_after)


def page(status: int, message: str) -> Answer:
    return answer(status, PAGE.format(message=message))


def test_cells_are_text_and_null_is_empty() -> None:
    table = answer(200, '{"ResultSet":{"Result":[{"a":"1","b":null,"c":2,"d":true}], "totalRecords": "1"}}')
    assert table.rows() == ({"a": "1", "b": "", "c": "2", "d": "true"},)


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.text(), st.text())))
def test_any_table_reads_back(rows: list[dict[str, str]]) -> None:
    assert answer(200, json.dumps({"ResultSet": {"Result": rows}})).rows() == tuple(rows)


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", "null", "hello", '{"ResultSet":[]}', LOGIN, '{"ResultSet":{"Result":{}}}']
)
def test_what_is_no_table_is_a_finding(body: str) -> None:
    with pytest.raises(Refused) as caught:
        answer(200, body).rows()
    assert caught.value.finding.code == "site.unclear"


def test_an_item_has_fields_and_a_type() -> None:
    body = {
        "items": [{"children": [], "data_fields": {"ID": "E1", "n": 4}, "meta": {"xsi:type": "xnat:mrSessionData"}}]
    }
    item = answer(200, json.dumps(body)).item()
    assert item.fields == {"ID": "E1", "n": "4"}
    assert item.xsi_type == "xnat:mrSessionData"
    with pytest.raises(Refused):
        answer(200, '{"items":[]}').item()


@pytest.mark.parametrize("end", ["", "\r\n", "\n", "\r\n\r\n"])
def test_uris_are_read_whatever_ends_the_line(end: str) -> None:
    assert answer(200, "/data/prearchive/projects/P/1/S" + end).uris() == ("/data/prearchive/projects/P/1/S",)


def test_several_uris_and_none() -> None:
    many = answer(200, "/prearchive/projects/P/1/A\r\n/data/prearchive/projects/Unassigned/1/B\r\n")
    assert many.uris() == ("/data/prearchive/projects/P/1/A", "/data/prearchive/projects/Unassigned/1/B")
    assert answer(200, "").uris() == ()


def test_columns_are_found_under_their_other_names() -> None:
    assert id_of({"xnat:subjectassessordata/id": "E1", "label": "x"}) == "E1"
    assert id_of({"ID": "E2", "x/id": "E1"}) == "E2"
    assert cell({"a": "", "b": "2"}, "a", "b") == "2"
    assert [number(text) for text in ("12", "", "x", "9.0", "inf")] == [12, None, None, 9, None]


def test_messages_are_read_from_each_kind_of_page() -> None:
    assert error_text(PAGE.format(message="A <b>\n 'x' & \"y\"")) == "A <b> 'x' & \"y\""
    assert error_text(TOMCAT) == 'Login "failed"'
    assert (
        error_text("<html><title>HTTP Status 400 - Bad</title><h3>Apache Tomcat</h3></html>") == "HTTP Status 400 - Bad"
    )
    assert error_text("plain text\r\n") == "plain text"
    assert error_text("<html></html>") == ""
    assert len(error_text("x" * 5000)) < 700


@settings(deadline=None)
@given(st.text())
def test_no_page_breaks_the_reader_or_the_screen(text: str) -> None:
    assert all(c.isprintable() for c in error_text(text))
    problem_of(answer(500, text))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.code)
def test_every_known_message_becomes_its_finding(message: object) -> None:
    entry = next(each for each in MESSAGES if each is message)
    problem = problem_of(page(409, f"Some text: {entry.pattern}. More"))
    assert problem is not None
    first = next(each for each in MESSAGES if each.pattern in entry.pattern)
    assert problem.finding.code == first.code
    assert isinstance(problem, first.kind)
    assert entry.pattern in problem.finding.why
    assert problem.finding.todo


@pytest.mark.parametrize("status", [*STATUSES, 400, 406, 417, 422, 418, 500, 599, 300, 305])
def test_every_status_is_explained_without_a_text(status: int) -> None:
    problem = problem_of(answer(status))
    assert problem is not None
    assert problem.status == status
    assert str(status) in problem.finding.why
    assert problem.finding.what
    assert problem.finding.todo


@pytest.mark.parametrize(
    ("given", "kind", "code"),
    [
        (page(401, "The request requires user authentication"), LoginAgain, "login.lost"),
        (answer(401, TOMCAT), LoginAgain, "login.lost"),
        (answer(200, LOGIN), LoginAgain, "login.lost"),
        (answer(302, location="http://x/app/template/Login.vm"), LoginAgain, "login.lost"),
        (answer(302, location="/xnat/app/template/XDATScreen_UpdateUser.vm"), LoginAgain, "login.expired_password"),
        (answer(302, location="/app/template/InactiveAccount.vm"), LoginAgain, "login.disabled"),
        (answer(302, location="https://x/setup"), Fatal, "site.not_initialised"),
        (answer(301, location="https://elsewhere/"), Fatal, "site.redirect"),
        (answer(200, "<html><body>Welcome to the hotel</body></html>"), Refused, "site.page"),
        (page(404, "Unable to find the specified experiment."), Refused, "site.not_found"),
        (answer(413, "<html>nginx</html>"), Refused, "site.too_large"),
        (answer(502, "<html>nginx</html>"), Retry, "site.proxy"),
        (answer(507), Fatal, "site.disk_full"),
        (page(500, f"The session P {TIMEOUT} of 600 seconds."), Retry, "archive.still_working"),
        (page(500, f"FAILED: Unable to archive F: Operation Failed: {EXISTS}"), Refused, "archive.exists"),
        (page(500, "FAILED: Unable to archive F: something new"), Refused, "archive.failed"),
        (page(400, "unable to read DICOM object a.dcm"), Retry, "import.unreadable"),
        (page(417, "Strange new text"), Refused, "site.refused"),
    ],
)
def test_an_answer_is_sorted_by_what_to_do(given: Answer, kind: type[SiteProblem], code: str) -> None:
    problem = problem_of(given)
    assert type(problem) is kind
    assert problem.finding.code == code


def test_success_is_no_problem() -> None:
    for good in (answer(200), answer(201, "XNAT_S00001"), answer(204), answer(200, '{"duplicates":["1.dcm"]}')):
        assert problem_of(good) is None
        assert check(good) is good
    moved = answer(301, "/data/archive/projects/P/subjects/S/experiments/E")
    assert problem_of(moved, ok=MOVED) is None
    assert problem_of(moved) is not None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 1.0),
        ("7200", 7200.0),
        ("1e300", 31_622_400.0),
        ("nan", 30.0),
        ("nonsense", 30.0),
        ("1 Jan 2024 0:0:0 +99999999999999999", 30.0),
    ],
)
def test_the_site_says_how_long_to_wait(header: str, seconds: float) -> None:
    problem = problem_of(answer(503, retry_after=header))
    assert isinstance(problem, RetryAfter)
    assert problem.seconds == seconds


def test_a_date_to_wait_for_is_read() -> None:
    problem = problem_of(answer(429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"))
    assert isinstance(problem, RetryAfter)
    assert problem.seconds == 1.0


def test_what_leaves_the_house_names_nobody() -> None:
    problem = problem_of(Answer("GET", "/data/projects/P/subjects/Miller", 409, b"Miller is taken"))
    assert problem is not None
    assert "Miller" in problem.finding.why
    assert "Miller" not in problem.finding.shareable
    assert "Miller" not in str(problem)


def test_files_keep_their_folders() -> None:
    rows = [
        {"Name": "b.PAR", "Size": "12", "URI": "/data/experiments/E/resources/3/files/s 1/b.PAR", "digest": "AB"},
        {
            "Name": "c.dcm",
            "Size": "",
            "URI": "/data/experiments/E/scans/1/resources/3/files/c.dcm",
            "collection": "DICOM",
        },
        {"Name": "s/d.REC", "Size": "1", "URI": "/data/experiments/E/resources/3/files/s/d.REC"},
    ]
    found = files_of(rows, collection="R")
    assert [file.name for file in found] == ["s 1/b.PAR", "c.dcm", "s/d.REC"]
    assert [file.collection for file in found] == ["R", "DICOM", "R"]
    assert [file.size_bytes for file in found] == [12, 0, 1]
    assert found[0].md5 == "ab"


def test_both_kinds_of_expiry_cookie_are_understood() -> None:
    assert idle_time_s('"1718800465000,900000"') == 900.0
    assert idle_time_s("1718801365000") is None
    assert idle_time_s("") is None


def test_the_user_agent_is_not_a_browser() -> None:
    assert user_agent().startswith("xnat-wizard/")
