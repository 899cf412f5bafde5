"""Callers of the practice server, one fixture a person."""

from collections.abc import Callable

import pytest

from practice.calling import Answer, Caller
from support import Practice

__all__ = ["Answer", "Caller"]


@pytest.fixture
def caller(practice: Practice) -> Callable[..., Caller]:
    """Give a function that makes callers: `caller("owner", "owner")`."""

    def make(name: str = "", password: str | None = None, **more: str) -> Caller:
        return Caller(practice.url, name, name if password is None else password, **more)

    return make


@pytest.fixture
def as_admin(caller: Callable[..., Caller]) -> Caller:
    """Call as the site's administrator."""
    return caller("admin")


@pytest.fixture
def as_owner(caller: Callable[..., Caller]) -> Caller:
    """Call as the owner of DEMO."""
    return caller("owner")


@pytest.fixture
def as_member(caller: Callable[..., Caller]) -> Caller:
    """Call as a member of DEMO."""
    return caller("member")


@pytest.fixture
def as_nobody(caller: Callable[..., Caller]) -> Caller:
    """Call without a login."""
    return caller()


@pytest.fixture
def as_stranger(as_admin: Caller, caller: Callable[..., Caller]) -> Caller:
    """Call as a user who has no role anywhere."""
    details = {"username": "stranger", "password": "stranger", "email": "s@example.org", "enabled": True}
    assert as_admin.call("POST", "/xapi/users", data={**details, "verified": True}).status == 201
    return caller("stranger")
