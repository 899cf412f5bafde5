"""`check` as a person and a script run it."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.program import OnTerminal, call
from support import Practice
from troubleshoot.check_sites import end_lingering, free_port
from xnat_wizard.practice.faults import parse

QUICK = ("--idle", "0.1")


@pytest.fixture
def practice(practice: Practice) -> Iterator[Practice]:
    """Give the practice server, and leave no call waiting on it."""
    yield practice
    end_lingering(practice)


def receiver(practice: Practice) -> str:
    return f"127.0.0.1:{practice.on_loop(lambda store: store.state.receivers[0].port)}"


@pytest.mark.usefixtures("account")
def test_a_good_connection_ends_with_0(practice: Practice) -> None:
    done = call("check", practice.url, "--project", "DEMO", "--dicom", receiver(practice), *QUICK)
    assert (done.code, done.talk) == (0, "21 ok, 5 skipped.\n")
    lines = done.data.splitlines()
    assert lines[0].startswith("ok      Address")
    assert "ok      Login                   Logged in as owner, a user" in lines
    assert max(map(len, lines)) <= 80


@pytest.mark.usefixtures("account")
def test_a_failure_ends_with_1_and_says_what_to_do(practice: Practice) -> None:
    done = call("check", practice.url, "--project", "NOPE", *QUICK)
    assert done.code == 1
    assert 'FAIL    Rights in the project   There is no project "NOPE" that your account may' in done.data
    assert "        why: XNAT answered 404" in done.data
    assert "(XW-064)" in done.data
    assert "        do:  Choose a project from the list." in done.data
    assert "--page FILE" in done.talk


def test_no_connection_ends_with_4() -> None:
    done = call("check", f"http://127.0.0.1:{free_port()}")
    assert done.code == 4
    assert "FAIL    Port" in done.data
    assert "skipped 19 checks               Not reached: `Port` failed: Plain http," in done.data


def test_a_failed_receiver_alone_is_no_missing_connection(practice: Practice) -> None:
    assert call("check", practice.url, "--dicom", f"127.0.0.1:{free_port()}", *QUICK).code == 1


def test_no_address_and_a_bad_receiver_are_matters_of_usage() -> None:
    assert call("check").code == 2
    assert call("check", "x", "--dicom", "nowhere").code == 2
    assert call("check", "x", "--dicom", "h:104", "--ae-title", "LONGER_THAN_16_SIGNS").code == 2


@pytest.mark.usefixtures("account")
def test_json_is_one_object_a_line(practice: Practice) -> None:
    done = call("check", practice.url, "--json", *QUICK)
    *checks, summary = done.objects()
    assert {one["type"] for one in checks} == {"check"}
    assert summary == {"type": "summary", "ok": 17, "warn": 0, "fail": 0, "skipped": 9, "is_complete": True, "code": 0}
    assert checks[0]["evidence"] == [practice.url, f"{practice.url}/xnat"]
    assert "owner:owner" not in done.data


def test_the_list_names_every_check_and_asks_nobody() -> None:
    done = call("check", "--list")
    assert done.code == 0
    assert "tls.expiry       Certificate dates" in done.data
    assert max(map(len, done.data.splitlines())) <= 80
    names = [one["name"] for one in call("check", "--list", "--json").objects()]
    assert names[0] == "address"
    assert len(names) == len(set(names)) == 26


@pytest.mark.usefixtures("account")
def test_the_page_is_private_and_holds_no_secret(practice: Practice, tmp_path: Path) -> None:
    practice.server.faults.add(parse("body-limit:at=1000"))
    path = tmp_path / "page.txt"
    env = {"XNAT_PASS": "owner", "HTTPS_PROXY": "http://me:geheim@127.0.0.1:9"}
    done = call("check", practice.url, "--page", path, *QUICK, env=env)
    assert done.code == 1
    assert done.talk.endswith(f"The page for the IT department is in {path}\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text(encoding="ascii")
    assert "Please raise the limit for request bodies in front of XNAT." in text
    assert "geheim" not in text + done.data + done.talk


def test_details_show_what_was_asked(practice: Practice) -> None:
    done = call("check", practice.url, "--details", *QUICK)
    assert f"        -    GET {practice.url}/xapi/siteConfig/buildInfo: status 200" in done.data


def test_ctrl_c_keeps_what_is_known_and_writes_the_page(practice: Practice, tmp_path: Path) -> None:
    page = tmp_path / "page.txt"
    with_page = OnTerminal("check", practice.url, "--page", page, "--idle", "300")
    with_page.until("Still at it: Idle connection")
    with_page.interrupt()
    assert with_page.wait() == 130
    assert b"what is above stands" in with_page.seen
    assert "Web server" in page.read_text(encoding="ascii")


def test_text_of_the_server_reaches_the_terminal_harmless(practice: Practice) -> None:
    practice.server.faults.add(parse("status:code=502"))
    done = call("check", practice.url, "--json", *QUICK)
    assert done.code == 4
    assert all(json.loads(line) for line in done.data.splitlines())
