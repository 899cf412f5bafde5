"""Passwords: kept as salted hashes, compared in constant time."""

import base64
import hashlib
import hmac
import secrets

# A hundredth of what a real site would take: every test logs in, and the server only ever listens on loopback.
_COST = {"n": 2**10, "r": 8, "p": 1}


def hash_password(password: str) -> str:
    """Return `scrypt$salt$hash`. About 3 ms."""
    salt = secrets.token_bytes(16)
    return f"scrypt${_text(salt)}${_text(_derive(password, salt))}"


def is_password(password: str, stored: str) -> bool:
    """Compare a password with what `hash_password` gave."""
    _, salt, expected = stored.split("$")
    return hmac.compare_digest(_derive(password, base64.b64decode(salt)), base64.b64decode(expected))


def _derive(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_COST["n"], r=_COST["r"], p=_COST["p"])


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
