"""Alias tokens."""

from collections.abc import Callable

from practice.calling import Caller
from support import Practice


def test_a_token_logs_in_as_its_user(as_owner: Caller, caller: Callable[..., Caller]) -> None:
    token = as_owner.get("/data/services/tokens/issue").json()
    assert (len(token["alias"]), len(token["secret"]), token["xdatUserId"]) == (36, 64, "owner")
    assert token["estimatedExpirationTime"] - token["created"] == 2 * 86400 * 1000
    by_token = caller(token["alias"], token["secret"])
    assert by_token.get("/xapi/users/username").text == "owner"
    assert by_token.get(f"/data/services/tokens/validate/{token['alias']}/{token['secret']}").json() == {
        "valid": "owner"
    }
    assert as_owner.get(f"/data/services/tokens/validate/{token['alias']}/x").json() == {}
    assert [shown["alias"] for shown in as_owner.get("/REST/services/tokens/show").json()] == [token["alias"]]


def test_a_token_ends_by_itself_but_not_the_session_it_opened(
    practice: Practice, as_owner: Caller, caller: Callable[..., Caller]
) -> None:
    token = as_owner.get("/data/services/tokens/issue").json()
    practice.on_loop(lambda _: practice.server.clock.skip(2 * 86400 - 60))
    by_token = caller(token["alias"], token["secret"])
    assert by_token.get("/data/auth").status == 200
    practice.on_loop(lambda _: practice.server.clock.skip(120))
    assert by_token.get("/data/auth").status == 200
    assert caller(token["alias"], token["secret"]).get("/data/auth").status == 401


def test_an_invalidated_token_is_over(as_owner: Caller, as_member: Caller, caller: Callable[..., Caller]) -> None:
    token = as_owner.get("/data/services/tokens/issue").json()
    path = f"/data/services/tokens/invalidate/{token['alias']}"
    assert as_member.get(path).status == 403
    assert as_owner.get(path).json() == {"result": "OK"}
    assert caller(token["alias"], token["secret"]).get("/data/auth").status == 401
    answer = as_owner.get(path)
    assert (answer.status, answer.told) == (404, f"Can't find an alias token with the alias {token['alias']}")


def test_only_administrators_ask_for_tokens_of_others(as_admin: Caller, as_member: Caller, as_nobody: Caller) -> None:
    path = "/data/services/tokens/issue/user/owner"
    assert as_admin.get(path).json()["xdatUserId"] == "owner"
    answer = as_member.get(path)
    assert answer.status == 403
    assert answer.told.startswith("Non-admin users can only request")
    assert as_nobody.get("/data/services/tokens/issue").status == 401
    as_admin.call("POST", "/xapi/siteConfig", data={"requireLogin": False})
    assert as_nobody.get("/data/services/tokens/issue").told == "The guest user can't request alias tokens"


def test_strange_operations_are_refused(as_owner: Caller) -> None:
    assert as_owner.get("/data/services/tokens/renew").status == 400
    assert as_owner.get("/data/services/tokens/validate/1-2-3").status == 401
