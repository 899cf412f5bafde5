"""What an account may do: the login, how long it lasts, tokens, rights in a project, settings that matter."""

import contextlib
import time
from urllib.parse import urlsplit

from xnat_wizard.amounts import whole_number
from xnat_wizard.findings import Finding
from xnat_wizard.troubleshoot.check.line import NoAnswerError
from xnat_wizard.troubleshoot.check.model import Ground, Outcome, Skip, fail, ok, warn
from xnat_wizard.troubleshoot.check.server import ask
from xnat_wizard.troubleshoot.check.way import no_words
from xnat_wizard.xnat.errors import SiteProblem
from xnat_wizard.xnat.http import Http, idle_time_s
from xnat_wizard.xnat.login import SESSION, issue_token, open_session, unasked_plain, who_am_i
from xnat_wizard.xnat.model import Identity, Role
from xnat_wizard.xnat.projects import as_bool, read_project, site_config, upload_settings
from xnat_wizard.xnat.uris import path_of

SHORT_S = 300.0
_CODES = {"0": "stay in the prearchive", "4": "go to the archive by themselves", "5": "go to the archive, overwriting"}


async def login(ground: Ground) -> Outcome:
    """Log in, once, and ask who we are: a site that has lost the login serves a guest and says nothing."""
    given = ground.question.login
    if given is None:
        raise Skip("no account was given")
    if finding := unasked_plain(ground.question.address, ground.url):
        return fail(finding, f"{ground.url}: no password was sent")
    http = await ground.undo.enter_async_context(Http(ground.url, ca_file=given.ca_file, is_unsafe=given.is_unsafe))
    try:
        await open_session(http, given)
        identity = await who_am_i(http, given)
    except SiteProblem as problem:
        return fail(problem.finding, f"GET {SESSION}: status {problem.status}")
    ground.undo.push_async_callback(_log_out, http)
    ground.http, ground.identity = http, identity
    groups = ", ".join(identity.groups) or "none"
    rank = "a site administrator" if identity.is_admin else "a user"
    return ok(
        f"Logged in as {identity.username}, {rank}",
        f"GET /xapi/users/username: {identity.username}",
        f"groups {groups}",
    )


async def session(ground: Ground) -> Outcome:
    """Read from the cookie after how much idle time the site forgets a login."""
    http, _ = _account(ground)
    path = urlsplit(ground.url).path + "/xapi/users/username"
    try:
        reply = await ask(ground, path, {"Cookie": f"JSESSIONID={http.session_id}"})
    except (OSError, NoAnswerError) as error:
        return warn(f"The session could not be looked at: {no_words(error)}")
    named = [value.partition(";")[0] for value in reply.headers.get("set-cookie", ())]
    value = next((one.partition("=")[2] for one in named if one.startswith("SESSION_EXPIRATION_TIME=")), "")
    idle_s = idle_time_s(value)
    until_ms = whole_number(value.strip('"'))
    if idle_s is None and until_ms is not None:  # 1.10: when it will expire (wire contract 1.3)
        idle_s = until_ms / 1000 - time.time()
    if idle_s is None or idle_s <= 0:
        return ok("The site does not tell after how long it forgets a login", reply.as_evidence())
    evidence = (reply.as_evidence(), f"idle time-out {idle_s / 60:.1f} min")
    said = f"An idle login is forgotten after {max(1, round(idle_s / 60))} min"
    if idle_s < SHORT_S:
        return warn(f"{said}, which is short; this program keeps it alive while it works", *evidence)
    return ok(f"{said}; this program keeps it alive while it works", *evidence)


async def tokens(ground: Ground) -> Outcome:
    """Get an alias token and hand it back: with one, an upload goes on without the password."""
    http, _ = _account(ground)
    try:
        token = await issue_token(http)
    except SiteProblem as problem:
        return warn("The site did not issue a token", problem.finding.why)
    if token is None:
        return warn("The site issues no tokens: an upload in the background keeps the password in memory")
    said = "The site issues tokens: uploads go on without the password"
    try:
        await http.call("GET", path_of("data", "services", "tokens", "invalidate", token[0]))
    except SiteProblem as problem:
        return ok(said, f"one was issued, and could not be handed back (status {problem.status}): it ends by itself")
    return ok(said, "one was issued, and handed back")


async def project(ground: Ground) -> Outcome:
    """Read the project and the account's role in it."""
    http, identity = _account(ground)
    wanted = ground.question.project
    if not wanted:
        raise Skip("no project was given")
    try:
        found = await read_project(http, identity, wanted)
    except SiteProblem as problem:
        return fail(problem.finding, f"GET /data/projects/{wanted}: status {problem.status}")
    evidence = (
        f"role {found.role}",
        f"accessibility {found.accessibility or 'not told'}",
        f"prearchive code {found.prearchive_code or 'not told'}",
    )
    if found.may_upload or await _may_edit(http, found.id):
        after = _CODES.get(found.prearchive_code, "wait for somebody")
        role = "may upload" if found.role is Role.NONE else f"{found.role}: may upload"
        return ok(f"{found.id}: {role}; sessions {after}", *evidence)
    finding = Finding(
        "check.project_rights",
        f"{identity.username} may not upload into {found.id}",
        f"The role there is: {found.role}; uploading takes a member or an owner",
        (
            f"Ask an owner of {found.id} to make {identity.username} a member",
            "After a change, wait a minute: XNAT notices late",
        ),
        where=found.id,
    )
    return fail(finding, *evidence)


async def settings(ground: Ground) -> Outcome:
    """Read the settings that change or drop what is sent."""
    http, _ = _account(ground)
    wanted = ground.question.project
    evidence, told = [], []
    if wanted:
        found = await upload_settings(http, wanted)
        site_script, site_filter = found.is_site_script_on, found.has_site_filter
        evidence.append(f"project script {_switch(found.is_project_script_on)}")
        evidence.append(f"project series filter {_switch(found.has_project_filter)}")
        evidence.append(f"quarantine code {found.quarantine_code or 'not told'}")
        if found.has_project_filter:
            told.append("the project's series filter drops series silently")
        if found.quarantine_code == "1":
            told.append("new sessions are quarantined")
    else:
        config = await site_config(http)
        site_script = as_bool(config.get("enableSitewideAnonymizationScript"))
        site_filter = as_bool(config.get("enableSitewideSeriesImportFilter"))
    evidence += [f"site script {_switch(site_script)}", f"site series filter {_switch(site_filter)}"]
    if site_filter:
        told.insert(0, "the site's series filter drops series silently")
    if told:
        return warn("Worth knowing: " + "; ".join(told), *evidence)
    if site_script:
        return ok("Images are changed by the site's anonymization script; no series filter drops any", *evidence)
    unread = "not told" in " ".join(evidence)
    return ok("No filter drops series" + (", as far as this account may see" if unread else ""), *evidence)


def _account(ground: Ground) -> tuple[Http, Identity]:
    if ground.http is None or ground.identity is None:
        raise Skip("no account was given")
    return ground.http, ground.identity


async def _may_edit(http: Http, project_id: str) -> bool:
    with contextlib.suppress(SiteProblem):
        ids = (await http.get("/xapi/users/projects")).json()
        return isinstance(ids, list) and project_id in ids
    return False


async def _log_out(http: Http) -> None:
    with contextlib.suppress(SiteProblem):
        await http.send("DELETE", SESSION, answer_s=5.0)


def _switch(is_on: bool | None) -> str:  # noqa: FBT001  the state itself
    return "not told" if is_on is None else "on" if is_on else "off"
