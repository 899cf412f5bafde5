"""`login` and `logout`: a token is kept, never a password; what is withdrawn is looked at."""

import json
import os
import stat
from pathlib import Path

import pytest

from cli.program import OnTerminal, call
from support import Practice
from xnat_wizard.cli.access import keep_login
from xnat_wizard.cli.login import role_lines
from xnat_wizard.logins import StoredLogin, store_login, stored_logins
from xnat_wizard.practice.faults import Fault, Kind
from xnat_wizard.settings import Secret
from xnat_wizard.xnat.model import Identity, Login

SECRET = "owner"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a home folder without any login in it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def tokens(practice: Practice) -> list[str]:
    return practice.on_loop(lambda store: [token.username for token in store.state.tokens.values()])


def test_a_password_through_stdin_becomes_a_token_that_only_this_account_can_read(
    practice: Practice, own_home: Path
) -> None:
    ended = call("login", practice.url, "--user", "owner", "--password-stdin", text="owner\n")
    assert ended.code == 0, ended.talk
    assert f"Logged in to {practice.url} (XNAT 1.9.3) as owner" in ended.data
    assert "Owner of: DEMO" in ended.data
    assert "good until" in ended.talk
    (kept,) = stored_logins()
    assert kept.secret.reveal() not in ended.data + ended.talk
    assert kept.alias not in ended.data + ended.talk
    (file,) = (own_home / "state").glob("logins.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert call("prearchive", "list").code == 0, "the only site that a login is kept of is meant"


def test_on_a_terminal_it_asks_and_shows_no_password(practice: Practice) -> None:
    terminal = OnTerminal("login", practice.url)
    terminal.until("User name:")
    terminal.type("owner\r")
    terminal.until("Password of owner")
    terminal.type("wrong-secret\r")
    assert terminal.wait() == 1
    assert b"refused the login" in terminal.seen
    assert b"wrong-secret" not in terminal.seen
    assert stored_logins() == ()
    terminal = OnTerminal("login", practice.url, "--user", "owner")
    terminal.until("Password of owner")
    terminal.type(f"{SECRET}\r")
    assert terminal.wait() == 0
    assert [one.username for one in stored_logins()] == ["owner"]


def test_the_environment_is_used_and_a_new_token_replaces_the_old(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XNAT_HOST", practice.url)
    monkeypatch.setenv("XNAT_USER", "owner")
    monkeypatch.setenv("XNAT_PASS", SECRET)
    for _ in range(2):
        ended = call("login", "--json")
        assert ended.code == 0, ended.talk
        (facts,) = ended.objects()
        assert (facts["type"], facts["username"], facts["is_kept"]) == ("login", "owner", True)
        assert facts["expires"]
    assert len(stored_logins()) == 1
    assert tokens(practice) == ["owner"], "the one that was replaced is withdrawn"


def test_a_dry_run_keeps_nothing(practice: Practice) -> None:
    ended = call("login", practice.url, "--user", "owner", "--password-stdin", "--dry-run", text="owner\n")
    assert ended.code == 0, ended.talk
    assert "as owner" in ended.data
    assert (stored_logins(), tokens(practice)) == ((), [])


def test_an_alias_token_can_be_typed(practice: Practice) -> None:
    old = keep_login(Login(practice.url, "owner", Secret(SECRET)))
    ended = call("login", practice.url, "--user", old.alias, "--password-stdin", text=f"{old.secret.reveal()}\n")
    assert ended.code == 0, ended.talk
    assert "as owner" in ended.data
    assert [one.username for one in stored_logins()] == ["owner"]


def test_a_site_without_tokens_is_told_and_nobody_to_ask_is_told(practice: Practice) -> None:
    practice.server.faults.add(Fault(Kind.STATUS, code=404, path="tokens/issue"))
    ended = call("login", practice.url, "--user", "owner", "--password-stdin", "--json", text="owner\n")
    assert (ended.code, [one["code"] for one in ended.objects()]) == (1, ["login.no_token"])
    assert stored_logins() == ()
    assert [one["code"] for one in call("login", practice.url, "--json").objects()] == ["login.missing"]
    assert call("login").code == 2


def test_what_is_kept_is_listed_without_secrets_and_tried(practice: Practice) -> None:
    good = keep_login(Login(practice.url, "owner", Secret(SECRET)))
    bad = StoredLogin(practice.url, "member", "12345678-1234-1234-1234-123456789abc", Secret("gone"), 1.0)
    store_login(bad)
    listed = call("login", "--list")
    assert "member  expired" in listed.data
    assert "owner  good until" in listed.data
    checked = call("login", "--check", "--json")
    assert checked.code == 1
    assert {one["username"]: one["works"] for one in checked.objects()} == {"owner": True, "member": False}
    for ended in (listed, checked):
        for secret in (good.secret.reveal(), good.alias, bad.alias):
            assert secret not in ended.data + ended.talk
    practice.stop()
    assert call("login", "--check", "--user", "owner").code == 4


def test_roles_are_told_in_words() -> None:
    many = tuple(f"P{n:02}_owner" for n in range(12))
    assert role_lines(Identity("a", is_admin=True, groups=("X_member",)))[0].startswith("Role: site administrator")
    assert role_lines(Identity("a", is_admin=False, groups=many)) == [
        "Owner of: P00, P01, P02, P03, P04, P05, P06, P07 and 4 more"
    ]
    assert role_lines(Identity("a", is_admin=False, groups=())) == ["Role: none in any project that the site tells of"]


# -- logout ----------------------------------------------------------------------------------------


def test_logging_out_withdraws_at_the_site_and_here(practice: Practice) -> None:
    keep_login(Login(practice.url, "owner", Secret(SECRET)))
    dry = call("logout", "--dry-run")
    assert "Would withdraw" in dry.data
    assert (len(stored_logins()), tokens(practice)) == (1, ["owner"])
    ended = call("logout")
    assert ended.code == 0, ended.talk
    assert "is withdrawn there and deleted here" in ended.data
    assert (stored_logins(), tokens(practice)) == ((), [])
    assert call("logout").code == 1


def test_several_logins_are_not_guessed_between(practice: Practice) -> None:
    for name in ("owner", "member"):
        keep_login(Login(practice.url, name, Secret(name)))
    assert call("logout").code == 2
    assert len(stored_logins()) == 2
    assert call("logout", practice.url, "--user", "member").code == 0
    assert [one.username for one in stored_logins()] == ["owner"]
    assert call("logout", "https://elsewhere.example.org").code == 1
    keep_login(Login(practice.url, "member", Secret("member")))
    assert call("logout", "--all").code == 0
    assert stored_logins() == ()


def test_where_the_site_is_away_it_is_not_called_withdrawn(practice: Practice) -> None:
    keep_login(Login(practice.url, "owner", Secret(SECRET)))
    practice.stop()
    ended = call("logout", "--json")
    assert ended.code == 4
    told, finding = ended.objects()
    assert (told["is_deleted_here"], told["is_withdrawn_there"]) == (True, False)
    assert finding["code"].startswith("site.")
    assert stored_logins() == ()
    assert "no longer" not in ended.talk


def test_a_site_that_does_not_forget_is_found_out(practice: Practice) -> None:
    keep_login(Login(practice.url, "owner", Secret(SECRET)))
    practice.server.faults.add(Fault(Kind.STATUS, code=403, path="tokens/invalidate"))
    ended = call("logout", "--json")
    assert ended.code == 1
    assert [one.get("code") for one in ended.objects()][1:] == ["login.not_withdrawn"]
    assert tokens(practice) == ["owner"]


def test_a_password_is_never_in_the_list_of_processes(practice: Practice) -> None:
    for arguments in (["login", practice.url, "--password", "owner"], ["login", practice.url, "owner", "owner"]):
        assert call(*arguments).code == 2, "there is no such argument"
    assert "XNAT_PASS" not in os.environ
    assert json.dumps([one.username for one in stored_logins()]) == "[]"
