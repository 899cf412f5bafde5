"""Who is calling: Basic, session cookies, form login, idle time-out, and what is told to callers who are nobody.

Wire contract 1.1 to 1.5, 1.7 and 1.8. CSRF tokens are handed out and never asked for.
"""

import base64
import binascii
import json
import re
import secrets
import uuid

from aiohttp import web

from xnat_wizard.practice.answers import empty, html_error, text, tomcat_error
from xnat_wizard.practice.http import Call, Refusal, Route
from xnat_wizard.practice.intervals import seconds_of
from xnat_wizard.practice.passwords import is_password
from xnat_wizard.practice.services import LoginSession, Services
from xnat_wizard.practice.store import User

LOGIN_PAGE = "/app/template/Login.vm"
INACTIVE_PAGE = "/app/template/InactiveAccount.vm"
PASSWORD_PAGE = "/app/template/XDATScreen_UpdateUser.vm"  # noqa: S105  the address of a page
LOGIN_MARKER = "<!-- BEGIN xnat-templates/screens/Login.vm -->"
LOGIN_FAILED = (
    "Your login attempt failed because the username and password combination you provided was invalid or your user "
    "already has the maximum number of user sessions open. After %d failed login attempts, your user account will be "
    "locked. If you believe your account is currently locked, you can: Unlock it by resetting your password, or "
    "Wait %s for it to unlock automatically"
)
PASSWORD_OVER = "Your password has expired. Please try again after changing your password."  # noqa: S105  a sentence
TOKEN_OVER = "Your security token has expired or is invalid. Please try again after updating your session."  # noqa: S105  a sentence
_ALIAS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MS = 1000


# -- finding out who calls ---------------------------------------------------------------------------


async def admit(call: Call, *, is_open: bool) -> web.StreamResponse | None:
    """Set the call's user and session; return an answer where the call ends here."""
    services = call.services
    session = live_session(services, call.request.cookies.get("JSESSIONID", ""))
    credentials = _basic(call)
    if credentials and (session is None or not session.username or session.login_name != credentials[0]):
        user = await check_login(services, *credentials)
        refused = _refuse_in_guest_context(call, credentials[0], user)
        if refused is not None:
            return refused
        if user is None or _has_too_many_sessions(services, user):
            return tomcat_error(401, login_failure(services))
        session = open_session(services, user.username, credentials[0])
    if session is None:
        session = open_session(services, "", "")
    session.touched_s = services.clock.now()
    call.session = session
    user = services.store.state.users.get(session.username)
    if user is None:
        return None if is_open or not services.preference("requireLogin") else refuse_nobody(call)
    call.user = user
    if is_open:
        return None
    if not user.enabled:
        return _redirect(call, INACTIVE_PAGE)
    if has_expired_password(services, user):
        return _redirect(call, PASSWORD_PAGE)
    return None


def _refuse_in_guest_context(call: Call, name: str, user: User | None) -> web.StreamResponse | None:
    """Tell callers of an open site why their credentials are over (1.8); a closed site keeps it to itself."""
    services = call.services
    if services.preference("requireLogin"):
        return None
    if user is not None and has_expired_password(services, user):
        return tomcat_error(403, PASSWORD_OVER)
    if user is None and _ALIAS.fullmatch(name) and name not in services.store.state.tokens:
        return tomcat_error(403, TOKEN_OVER)
    return None


async def check_login(services: Services, name: str, password: str) -> User | None:
    """Check a name (or token alias) and password; count failures for the lock-out (1.8)."""
    token = services.store.state.tokens.get(name)
    if token is not None:
        is_good = (
            token.enabled
            and token.expires_ms > services.clock.now_ms()
            and secrets.compare_digest(token.secret, password)
        )
        owner = services.store.state.users.get(token.username)
        is_known = owner is not None and owner.enabled and owner.verified
        return owner if is_good and is_known else None
    user = services.store.state.users.get(name.rpartition("/")[2])
    if user is None or not user.enabled or not user.verified:
        return None
    now_ms = services.clock.now_ms()
    if user.locked_until_ms > now_ms or _is_forgotten(services, user):
        return None
    if not await services.in_thread(is_password, password, user.password_hash):
        _count_failure(services, user)
        return None
    user.failed_logins = 0
    user.last_login_ms = now_ms
    services.store.save()
    return user


def _is_forgotten(services: Services, user: User) -> bool:
    """Disable an account that nobody has used for too long; the practice's own accounts never run out."""
    allowed_ms = seconds_of(services.preference("inactivityBeforeLockout")) * _MS
    used_ms = max(user.last_login_ms, user.modified_ms)
    if user.password_set_ms and used_ms and allowed_ms > 0 and services.clock.now_ms() > used_ms + allowed_ms:
        user.enabled = False
        services.store.save()
    return not user.enabled


def _count_failure(services: Services, user: User) -> None:
    limit = int(services.preference("maxFailedLogins"))
    user.failed_logins += 1
    if 0 <= limit <= user.failed_logins:
        lock_s = seconds_of(services.preference("maxFailedLoginsLockoutDuration"))
        user.locked_until_ms = services.clock.now_ms() + int(lock_s * _MS)
        user.failed_logins = 0
    services.store.save()


def login_failure(services: Services) -> str:
    """Return the site's login-failure text."""
    return LOGIN_FAILED % (
        services.preference("maxFailedLogins"),
        services.preference("maxFailedLoginsLockoutDuration"),
    )


def has_expired_password(services: Services, user: User) -> bool:
    """Say whether the user must choose a new password first (1.8)."""
    if "non_expiring" in user.roles:
        return False
    if user.must_change_password:
        return True
    lifetime_ms = seconds_of(services.preference("passwordExpirationInterval")) * _MS
    return (
        bool(user.password_set_ms) and lifetime_ms > 0 and services.clock.now_ms() > user.password_set_ms + lifetime_ms
    )


def refuse_nobody(call: Call) -> web.StreamResponse:
    """Answer a caller without a login on a closed site: 401, or the login page for what looks like a browser (1.4)."""
    if is_interactive(call):
        return _redirect(call, LOGIN_PAGE)
    answer = tomcat_error(401, "") if not call.is_xapi else empty(401)
    answer.headers["WWW-Authenticate"] = challenge(call)
    return answer


def challenge(call: Call) -> str:
    """Return what `WWW-Authenticate` says: the realm is the site's ID."""
    return f'Basic realm="{call.services.preference("siteId")}"'


def is_interactive(call: Call) -> bool:
    """Say whether the caller looks like a browser."""
    agent = call.headers.get("User-Agent", "")
    if not agent.strip() or "XNATDesktopClient" in agent:
        return False
    return any(re.fullmatch(pattern, agent) for pattern in call.services.preference("interactiveAgentIds"))


def _basic(call: Call) -> tuple[str, str] | None:
    scheme, _, value = call.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, password = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ("", "")
    return name, password


def _redirect(call: Call, path: str) -> web.Response:
    return web.Response(status=302, headers={"Location": call.absolute(path)})


# -- sessions ----------------------------------------------------------------------------------------


def idle_s(services: Services) -> float:
    """Return the idle time-out (1.3)."""
    return seconds_of(services.preference("sessionTimeout"))


def open_session(services: Services, username: str, login_name: str) -> LoginSession:
    """Start an HTTP session."""
    _forget_dead(services)
    now = services.clock.now()
    session = LoginSession(secrets.token_hex(16).upper(), username, login_name, now, str(uuid.uuid4()))
    services.sessions[session.id] = session
    return session


def live_session(services: Services, session_id: str) -> LoginSession | None:
    """Find a session that has not been idle for too long."""
    session = services.sessions.get(session_id)
    if session is None:
        return None
    if services.clock.now() - session.touched_s > idle_s(services):
        del services.sessions[session_id]
        return None
    return session


def end_sessions(services: Services, username: str) -> list[str]:
    """End all sessions of a user; return their ids."""
    ended = [key for key, session in services.sessions.items() if session.username == username]
    for key in ended:
        del services.sessions[key]
    return ended


def _forget_dead(services: Services) -> None:
    deadline = services.clock.now() - idle_s(services)
    for key in [key for key, session in services.sessions.items() if session.touched_s < deadline]:
        del services.sessions[key]


def _has_too_many_sessions(services: Services, user: User) -> bool:
    _forget_dead(services)
    mine = sum(session.username == user.username for session in services.sessions.values())
    return mine >= int(services.preference("concurrentMaxSessions"))


def add_cookies(call: Call, answer: web.StreamResponse) -> None:
    """Set the two cookies (1.3); called as the head of the answer is sent."""
    services, session = call.services, call.session
    path = services.context_path or "/"
    if session and session.id in services.sessions and call.request.cookies.get("JSESSIONID") != session.id:
        answer.headers.add("Set-Cookie", f"JSESSIONID={session.id}; Path={path}; HttpOnly")
    now_ms, idle_ms = services.clock.now_ms(), int(idle_s(services) * _MS)
    is_modern = version_numbers(services.version) >= (1, 10)
    value = str(now_ms + idle_ms) if is_modern else f'"{now_ms},{idle_ms}"'
    answer.headers.add("Set-Cookie", f"SESSION_EXPIRATION_TIME={value}; Path={services.context_path}/")


def version_numbers(version: str) -> tuple[int, ...]:
    """Return the dotted numbers of a version such as "1.8.11-SNAPSHOT"."""
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("-")[0]))


# -- routes ------------------------------------------------------------------------------------------


async def read_session_id(call: Call) -> web.StreamResponse:
    """GET and POST /data/JSESSION: the session's id, anonymous or not (1.2)."""
    assert call.session is not None
    return text(call.session.id + _csrf(call))


async def end_session(call: Call) -> web.StreamResponse:
    """DELETE /data/JSESSION."""
    assert call.session is not None
    call.services.sessions.pop(call.session.id, None)
    return empty()


async def tell_user(call: Call) -> web.StreamResponse:
    """GET /data/auth: who is logged in (1.10)."""
    return text(f"User '{call.user.username}' is logged in{_csrf(call)}")


async def log_in(call: Call) -> web.StreamResponse:
    """PUT or POST /data/services/auth: form login (1.5)."""
    await call.uploads()
    if call.content_type == "application/json" or not call.form:
        raise Refusal(400, "The login form is missing: username and password, urlencoded")
    if call.has_param("authenticatorId"):
        raise Refusal(400, f"Unknown authenticator: {call.param('authenticatorId')}")
    name = call.param("username") or call.param("j_username")
    user = await check_login(call.services, name, call.param("password") or call.param("j_password"))
    if user is None or _has_too_many_sessions(call.services, user):
        return html_error(401, "Authentication failed.")
    call.session = open_session(call.services, user.username, name)
    return text(call.session.id)


async def refuse_get_login(_call: Call) -> web.StreamResponse:
    """GET /data/services/auth: not supported (1.5)."""
    raise Refusal(405)


async def show_page(call: Call) -> web.StreamResponse:
    """GET /app/...: the pages that data calls are sent to; the login page carries its marker (0.5)."""
    name = call.path.rpartition("/")[2]
    words = {"Login.vm": f"{LOGIN_MARKER}<h1>Log in</h1>", "InactiveAccount.vm": "<h1>Your account is inactive</h1>"}
    if name in words:
        return text(f"<!DOCTYPE html><html><body>{words[name]}</body></html>", content_type="text/html")
    if name == "XDATScreen_UpdateUser.vm":
        page = "<!DOCTYPE html><html><body><h1>Your password has expired</h1></body></html>"
        return text(page, content_type="text/html")
    raise Refusal(501, f"The practice server has no web pages: {json.dumps(call.path)}")


async def show_front(call: Call) -> web.StreamResponse:
    """GET /: the web UI, which is not here."""
    return _redirect(call, LOGIN_PAGE)


def _csrf(call: Call) -> str:
    assert call.session is not None
    return f"; XNAT_CSRF={call.session.csrf_token}" if call.is_true("CSRF") else ""


ROUTES = (
    Route("GET", "/data/JSESSION", read_session_id, is_open=True),
    Route("POST", "/data/JSESSION", read_session_id, is_open=True),
    Route("DELETE", "/data/JSESSION", end_session, is_open=True),
    Route("GET", "/data/auth", tell_user),
    Route("PUT", "/data/services/auth", log_in, is_open=True),
    Route("POST", "/data/services/auth", log_in, is_open=True),
    Route("GET", "/data/services/auth", refuse_get_login, is_open=True),
    Route("GET", "/app/{page:*}", show_page, is_open=True),
    Route("GET", "/", show_front, is_open=True),
)
