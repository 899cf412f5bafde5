"""Alias tokens: short-lived credentials in place of a name and password (wire contract 1.6)."""

import secrets
import string
import uuid

from aiohttp import web

from xnat_wizard.practice import rights
from xnat_wizard.practice.http import Call, Refusal, Route, json_answer
from xnat_wizard.practice.intervals import seconds_of
from xnat_wizard.practice.store import Token, User

_LETTERS = string.ascii_letters + string.digits
_SECRET_LENGTH = 64


def _need_login(call: Call) -> None:
    if call.is_guest:
        raise Refusal(403, "The guest user can't request alias tokens")


def _wanted_user(call: Call) -> User:
    """Return whom the call is about: the caller, or a user named by an administrator."""
    _need_login(call)
    name = call.parts.get("user", call.user.username)
    if name != call.user.username and not rights.is_admin(call.user):
        raise Refusal(403, "Non-admin users can only request operations on alias tokens for their own account")
    found = call.store.state.users.get(name)
    if found is None:
        raise Refusal(404, f"Can't find the user {name}")
    return found


async def issue(call: Call) -> web.StreamResponse:
    """GET .../tokens/issue[/user/{name}]."""
    user = _wanted_user(call)
    now_ms = call.services.clock.now_ms()
    life_ms = int(seconds_of(call.services.preference("aliasTokenTimeout")) * 1000)
    token = Token(
        id=call.store.next_number("token"),
        alias=str(uuid.uuid4()),
        secret="".join(secrets.choice(_LETTERS) for _ in range(_SECRET_LENGTH)),
        username=user.username,
        created_ms=now_ms,
        expires_ms=now_ms + life_ms,
    )
    _sweep(call)
    call.store.state.tokens[token.alias] = token
    call.store.save()
    return json_answer(_shown(token))


async def show(call: Call) -> web.StreamResponse:
    """GET .../tokens/show[/user/{name}]."""
    user = _wanted_user(call)
    _sweep(call)
    return json_answer([_shown(t) for t in call.store.state.tokens.values() if t.username == user.username])


async def validate(call: Call) -> web.StreamResponse:
    """GET .../tokens/validate/{alias}/{secret}: `{}` when it is not valid."""
    _need_login(call)
    _sweep(call)
    token = call.store.state.tokens.get(call.part("alias"))
    is_valid = token is not None and secrets.compare_digest(token.secret, call.part("secret"))
    return json_answer({"valid": token.username} if token is not None and is_valid else {})


async def refuse_validation(_call: Call) -> web.StreamResponse:
    """GET .../tokens/validate/{alias}: without the secret."""
    raise Refusal(401)


async def invalidate(call: Call) -> web.StreamResponse:
    """GET .../tokens/invalidate/{alias}."""
    _need_login(call)
    alias = call.part("alias")
    token = call.store.state.tokens.get(alias)
    if token is None:
        raise Refusal(404, f"Can't find an alias token with the alias {alias}")
    if token.username != call.user.username and not rights.is_admin(call.user):
        raise Refusal(403, "Non-admin users can only request operations on alias tokens for their own account")
    del call.store.state.tokens[alias]
    call.store.save()
    return json_answer({"result": "OK"})


async def refuse_operation(call: Call) -> web.StreamResponse:
    """GET .../tokens/{operation}: unknown."""
    raise Refusal(400, f"Unknown alias token operation: {call.part('operation')}")


def _sweep(call: Call) -> None:
    now_ms = call.services.clock.now_ms()
    tokens = call.store.state.tokens
    for alias in [alias for alias, token in tokens.items() if token.expires_ms <= now_ms]:
        del tokens[alias]


def _shown(token: Token) -> dict[str, object]:
    return {
        "alias": token.alias,
        "secret": token.secret,
        "singleUse": False,
        "estimatedExpirationTime": token.expires_ms,
        "xdatUserId": token.username,
        "validIPAddresses": [],
        "id": token.id,
        "enabled": token.enabled,
        "created": token.created_ms,
        "timestamp": token.created_ms,
        "disabled": 0,
    }


_BASE = "/data/services/tokens"
ROUTES = (
    Route("GET", f"{_BASE}/issue", issue),
    Route("GET", f"{_BASE}/issue/user/{{user}}", issue),
    Route("GET", f"{_BASE}/show", show),
    Route("GET", f"{_BASE}/show/user/{{user}}", show),
    Route("GET", f"{_BASE}/validate/{{alias}}/{{secret}}", validate),
    Route("GET", f"{_BASE}/validate/{{alias}}", refuse_validation),
    Route("GET", f"{_BASE}/invalidate/{{alias}}", invalidate),
    Route("GET", f"{_BASE}/{{operation}}", refuse_operation),
)
