"""Who may come in, how long a session lasts, and what the others are told."""

import re
from collections.abc import Callable

import pytest

from practice.calling import Caller
from support import Practice


def test_basic_opens_a_session_whose_cookie_is_enough(as_owner: Caller, as_nobody: Caller) -> None:
    answer = as_owner.get("/data/auth")
    assert answer.text == "User 'owner' is logged in"
    as_nobody.session_id = answer.cookie("JSESSIONID")
    assert as_nobody.get("/xapi/users/username").text == "owner"


def test_a_cookie_is_not_sent_again_and_basic_not_checked_again(as_owner: Caller) -> None:
    as_owner.get("/data/auth")
    as_owner.password = "changed meanwhile"
    answer = as_owner.get("/data/auth")
    assert (answer.status, answer.cookie("JSESSIONID")) == (200, "")


def test_every_basic_call_without_a_cookie_opens_a_session(practice: Practice, as_owner: Caller) -> None:
    for _ in range(3):
        as_owner.session_id = ""
        as_owner.get("/data/auth")
    assert practice.server.services is not None
    assert len(practice.server.services.sessions) == 3


def test_too_many_sessions_look_like_a_wrong_password(as_admin: Caller, as_owner: Caller) -> None:
    as_admin.call("POST", "/xapi/siteConfig", data={"concurrentMaxSessions": 1})
    assert as_owner.get("/data/auth").status == 200
    as_owner.session_id = ""
    assert as_owner.get("/data/auth").status == 401


@pytest.mark.parametrize("name", ["owner", "unknown"])
def test_wrong_credentials_get_tomcats_page_without_a_challenge(caller: Callable[..., Caller], name: str) -> None:
    for path in ("/data/projects", "/data/JSESSION", "/xapi/siteConfig/buildInfo"):
        answer = caller(name, "wrong").get(path)
        assert answer.status == 401
        assert "WWW-Authenticate" not in answer.headers
        assert "HTTP Status 401" in answer.text
        assert "login attempt failed" in answer.text


def test_a_closed_site_challenges_programs_and_sends_browsers_to_the_login_page(caller: Callable[..., Caller]) -> None:
    for agent in ("tests/1.0", "", "Mozilla XNATDesktopClient"):
        answer = caller(agent=agent).get("/data/projects")
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="XNAT"'
    browser = caller(agent="Mozilla/5.0")
    answer = browser.get("/data/projects")
    assert answer.status == 302
    assert answer.headers["Location"].endswith("/app/template/Login.vm")
    page = browser.get("/app/template/Login.vm")
    assert page.status == 200
    assert "<!-- BEGIN xnat-templates/screens/Login.vm -->" in page.text


def test_jsession_is_open_and_proves_nothing(as_nobody: Caller) -> None:
    answer = as_nobody.get("/data/JSESSION")
    assert answer.status == 200
    assert re.fullmatch("[0-9A-F]{32}", answer.text)
    assert answer.cookie("JSESSIONID") == answer.text
    assert as_nobody.get("/xapi/users/username").status == 401


def test_csrf_tokens_are_handed_out(as_owner: Caller) -> None:
    assert re.search("; XNAT_CSRF=[0-9a-f-]{36}$", as_owner.get("/data/JSESSION", CSRF="true").text)
    assert re.search("; XNAT_CSRF=[0-9a-f-]{36}$", as_owner.get("/data/auth", CSRF="true").text)


def test_logging_out_ends_the_session(as_owner: Caller, as_nobody: Caller) -> None:
    as_nobody.session_id = as_owner.call("POST", "/REST/JSESSION").text
    assert as_nobody.get("/data/auth").status == 200
    answer = as_nobody.delete("/data/JSESSION")
    assert (answer.status, answer.body) == (200, b"")
    assert as_nobody.get("/data/auth").status == 401


def test_an_idle_session_ends(practice: Practice, as_owner: Caller, as_nobody: Caller) -> None:
    as_nobody.session_id = as_owner.get("/data/JSESSION").text
    practice.on_loop(lambda _: practice.server.clock.skip(14 * 60))
    assert as_nobody.get("/data/auth").status == 200
    practice.on_loop(lambda _: practice.server.clock.skip(16 * 60))
    answer = as_nobody.get("/data/auth")
    assert answer.status == 401
    assert answer.cookie("JSESSIONID")


def test_the_expiration_cookie_is_a_quoted_pair(practice: Practice, as_owner: Caller) -> None:
    as_owner_answer = as_owner.get("/data/auth")
    found = re.fullmatch(r'"(\d{13}),(\d+)"', as_owner_answer.cookie("SESSION_EXPIRATION_TIME"))
    assert found
    assert found[2] == "900000"


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_the_login_form_opens_a_session(as_nobody: Caller, method: str) -> None:
    answer = as_nobody.call(method, "/data/services/auth", form={"username": "owner", "password": "owner"})
    assert answer.status == 200
    assert answer.text == answer.cookie("JSESSIONID")
    assert as_nobody.get("/xapi/users/username").text == "owner"


def test_a_wrong_login_form_says_so(as_nobody: Caller) -> None:
    answer = as_nobody.call("POST", "/data/services/auth", form={"j_username": "owner", "j_password": "x"})
    assert (answer.status, answer.told) == (401, "Authentication failed.")
    assert as_nobody.get("/data/services/auth").status == 405


def test_guests_see_public_data_on_an_open_site(as_admin: Caller, as_nobody: Caller) -> None:
    as_admin.call("POST", "/xapi/siteConfig", data={"requireLogin": False})
    as_admin.put("/data/projects/OPEN", accessibility="public")
    assert as_nobody.get("/data/auth").text == "User 'guest' is logged in"
    assert [row["ID"] for row in as_nobody.get("/data/projects", format="json").rows] == ["OPEN"]
    assert as_nobody.get("/data/projects/DEMO").status == 404
    assert as_nobody.get("/xapi/users/username").status == 401
    assert as_nobody.put("/data/projects/MINE").status == 403


def test_an_open_site_tells_what_is_over(practice: Practice, as_admin: Caller, caller: Callable[..., Caller]) -> None:
    as_admin.call("POST", "/xapi/siteConfig", data={"requireLogin": False})
    practice.on_loop(lambda store: setattr(store.state.users["owner"], "must_change_password", True))
    answer = caller("owner").get("/data/projects")
    assert (answer.status, "Your password has expired." in answer.text) == (403, True)
    answer = caller("0a1b2c3d-0000-4000-8000-0123456789ab", "x").get("/data/projects")
    assert (answer.status, "Your security token has expired or is invalid." in answer.text) == (403, True)
    assert caller("member", "wrong").get("/data/projects").status == 401


def test_an_unverified_account_cannot_log_in_even_by_token(
    practice: Practice, as_owner: Caller, caller: Callable[..., Caller]
) -> None:
    token = as_owner.get("/data/services/tokens/issue").json()
    practice.on_loop(lambda store: setattr(store.state.users["owner"], "verified", False))
    assert caller("owner").get("/data/auth").status == 401
    assert caller(token["alias"], token["secret"]).get("/data/auth").status == 401


def test_a_locked_account_refuses_the_right_password_until_the_lock_ends(
    practice: Practice, as_admin: Caller, caller: Callable[..., Caller]
) -> None:
    as_admin.call("POST", "/xapi/siteConfig", data={"maxFailedLogins": 3})
    for _ in range(3):
        assert caller("owner", "wrong").get("/data/auth").status == 401
    assert caller("owner").get("/data/auth").status == 401
    practice.on_loop(lambda _: practice.server.clock.skip(3601))
    assert caller("owner").get("/data/auth").status == 200


def test_a_disabled_account_is_redirected_with_a_session_and_refused_without(
    as_admin: Caller, as_owner: Caller, caller: Callable[..., Caller]
) -> None:
    as_owner.get("/data/auth")
    assert as_admin.put("/xapi/users/owner/enabled/false").status == 200
    answer = as_owner.get("/data/projects")
    assert answer.status == 302
    assert answer.headers["Location"].endswith("/app/template/InactiveAccount.vm")
    assert caller("owner").get("/data/auth").status == 401
    as_admin.put("/xapi/users/owner/enabled/true")
    assert caller("owner").get("/data/auth").status == 200


def test_an_old_password_redirects_data_calls(practice: Practice, as_stranger: Caller, as_owner: Caller) -> None:
    practice.on_loop(lambda _: practice.server.clock.skip(360 * 86400))
    assert as_stranger.get("/data/projects").status == 200
    practice.on_loop(lambda _: practice.server.clock.skip(6 * 86400))
    answer = as_stranger.get("/data/projects")
    assert answer.status == 302
    assert answer.headers["Location"].endswith("/app/template/XDATScreen_UpdateUser.vm")
    assert as_owner.get("/data/projects").status == 200


def test_a_forced_password_change_redirects_data_calls(practice: Practice, as_owner: Caller) -> None:
    practice.on_loop(lambda store: setattr(store.state.users["owner"], "must_change_password", True))
    assert as_owner.get("/data/projects").status == 302
    assert as_owner.get("/data/JSESSION").status == 200


def test_a_forgotten_account_is_disabled(practice: Practice, as_stranger: Caller, as_admin: Caller) -> None:
    practice.on_loop(lambda _: practice.server.clock.skip(366 * 86400))
    assert as_stranger.get("/data/auth").status == 401
    assert as_admin.get("/xapi/users/stranger/enabled").text == "false"


def test_strict_callers_get_no_plain_text(as_owner: Caller) -> None:
    headers = {"Accept": "application/json"}
    assert as_owner.call("GET", "/xapi/users/username", headers=headers).status == 406


def test_an_administrator_ends_sessions(as_admin: Caller, as_owner: Caller, as_nobody: Caller) -> None:
    as_nobody.session_id = as_owner.get("/data/JSESSION").text
    assert as_admin.delete("/xapi/users/active/owner").json() == [as_nobody.session_id]
    assert as_nobody.get("/data/auth").status == 401
