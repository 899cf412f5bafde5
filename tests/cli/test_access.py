"""Commands log in with what this machine knows: a stored token works unattended."""

import argparse
from pathlib import Path

import pytest

from cli.conftest import NewPlan
from cli.program import call
from support import Practice
from xnat_wizard.cli.access import drop_logins, keep_login, login_for
from xnat_wizard.findings import Problem
from xnat_wizard.logins import stored_logins
from xnat_wizard.practice.faults import Fault, Kind
from xnat_wizard.settings import Secret
from xnat_wizard.xnat.model import Login


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a home folder without any login in it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def options(user: str = "", ca_file: str = "") -> argparse.Namespace:
    return argparse.Namespace(user=user, ca_file=ca_file)


def test_a_stored_login_uploads_without_a_password(practice: Practice, new_plan: NewPlan) -> None:
    stored = keep_login(Login(practice.url, "owner", Secret("owner")))
    assert stored.username == "owner"
    assert stored.expires_s is not None
    done = call("upload", new_plan())
    assert done.code == 0, done.talk
    assert stored.secret.reveal() not in done.talk + done.data


def test_a_stored_login_is_for_its_site_and_person(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = keep_login(Login(practice.url, "owner", Secret("owner")))
    found = login_for(practice.url.removeprefix("http://"), options())
    assert (found.address, found.username) == (practice.url, stored.alias)
    for address, user in ((practice.url, "member"), ("https://xnat.example.org", "")):
        with pytest.raises(Problem) as caught:
            login_for(address, options(user))
        assert caught.value.finding.code == "login.missing"
    monkeypatch.setenv("XNAT_USER", "owner")
    monkeypatch.setenv("XNAT_PASS", "other")
    assert login_for(practice.url, options()).password == Secret("other"), "the environment comes first"


def test_a_dropped_login_is_withdrawn_and_gone(practice: Practice) -> None:
    keep_login(Login(practice.url, "owner", Secret("owner")))
    keep_login(Login(practice.url, "member", Secret("member")))
    assert [one.username for one in drop_logins(practice.url, "owner")] == ["owner"]
    assert [one.username for one in stored_logins()] == ["member"]
    assert practice.on_loop(lambda store: [token.username for token in store.state.tokens.values()]) == ["member"]
    practice.stop()
    drop_logins(practice.url)
    assert stored_logins() == ()


def test_a_site_without_tokens_keeps_nothing(practice: Practice) -> None:
    practice.server.faults.add(Fault(Kind.STATUS, code=404, path="tokens/issue"))
    with pytest.raises(Problem) as caught:
        keep_login(Login(practice.url, "owner", Secret("owner")))
    assert caught.value.finding.code == "login.no_token"
    assert stored_logins() == ()
