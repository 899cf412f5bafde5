"""Answers that the practice server does not give, and real sites of some version, role or proxy do."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import pytest

from xnat_wizard.findings import Problem
from xnat_wizard.settings import Secret
from xnat_wizard.xnat import archive, creation, files, policies, prearchive, projects
from xnat_wizard.xnat import login as logins
from xnat_wizard.xnat.errors import Fatal, LoginAgain, ProjectTaken, Refused, Retry
from xnat_wizard.xnat.http import Bytes, Http, idle_time_s
from xnat_wizard.xnat.importing import import_zip
from xnat_wizard.xnat.model import Identity, Login, ProjectDraft, RemoteFile, Role
from xnat_wizard.xnat.scripts import may_create_projects, read_scripts
from xnat_wizard.xnat.site import Site, look
from xnat_wizard.xnat.uris import normalise, readings
from xnat_wizard.xnat.waiting.stuck import local_s

ANNA = Identity("anna", is_admin=False, groups=("P1_owner", "P2_member", "P3_collaborator"))
HALF_URL = "http://[/data/projects/P"


class Scripted(Protocol):
    """The site of the fixture, as far as it is used here."""

    url: str
    asked: list[str]

    def says(self, asked: str, body: object = "", *, status: int = 200, **headers: str) -> None: ...


def page(message: str) -> str:
    return f"<html><head><title>Status page</title></head><body><h3>{message}</h3></body></html>"


async def no_wait(_: float) -> None:
    pass


async def who() -> Identity:
    return ANNA


# Finding a site


@pytest.mark.parametrize("location", ["http://[", "https://127.0.0.1:99999", "https://anna:s@127.0.0.1", "ftp://x", ""])
async def test_a_redirect_that_leads_nowhere_ends_the_search(scripted: Scripted, location: str) -> None:
    for path in ("", "/xnat"):
        asked = f"GET {path}{logins.BUILD_INFO}"
        scripted.says(asked, status=302, Location=f"{location}{logins.BUILD_INFO if location else '/'}")
    with pytest.raises(Problem) as caught:
        await look(scripted.url)
    assert caught.value.finding.code in {"site.no_xnat", "site.redirect", "site.tls", "site.unreachable"}


async def test_a_redirect_to_ever_longer_paths_is_not_followed_for_ever(scripted: Scripted) -> None:
    for depth in range(100):
        path = "/x" * depth
        scripted.says(f"GET {path}{logins.BUILD_INFO}", status=302, Location=f"{path}/x{logins.BUILD_INFO}")
    with pytest.raises(Problem) as caught:
        await look(scripted.url)
    assert caught.value.finding.code == "site.no_xnat"
    assert len(scripted.asked) < 20


async def test_a_site_that_points_to_another_host_is_named_and_not_followed(scripted: Scripted) -> None:
    for path in ("", "/xnat"):
        scripted.says(
            f"GET {path}{logins.BUILD_INFO}", status=301, Location=f"https://elsewhere.example.org{logins.BUILD_INFO}"
        )
    with pytest.raises(Problem) as caught:
        await look(scripted.url)
    assert "https://elsewhere.example.org" in caught.value.finding.todo[0]


async def test_a_site_that_moved_to_a_path_of_its_own_is_found(scripted: Scripted) -> None:
    scripted.says(f"GET {logins.BUILD_INFO}", status=302, Location=f"/deep/xnat{logins.BUILD_INFO}")
    scripted.says(f"GET /deep/xnat{logins.BUILD_INFO}", {"version": None, "buildDate": "today"})
    info = await look(scripted.url)
    assert (info.url, info.version) == (f"{scripted.url}/deep/xnat", "")


@pytest.mark.parametrize("body", ["[1]", '{"name": "another program"}', "hello", "{"])
async def test_json_of_another_program_is_no_xnat(scripted: Scripted, body: str) -> None:
    scripted.says(f"GET {logins.BUILD_INFO}", body)
    with pytest.raises(Problem) as caught:
        await look(scripted.url)
    assert caught.value.finding.code == "site.no_xnat"


def test_plain_http_is_never_taken_for_another_machine_unasked() -> None:
    finding = logins.unasked_plain("xnat.example.org", "http://xnat.example.org")
    assert finding is not None
    assert finding.code == "site.tls"
    assert "http://xnat.example.org" in finding.todo[1]
    assert logins.unasked_plain("http://xnat.example.org", "http://xnat.example.org") is None
    assert logins.unasked_plain("localhost:8080", "http://localhost:8080") is None


# Logging in


@pytest.mark.parametrize(
    ("body", "status", "kind", "code"),
    [
        (page("Your password has expired. Please try again"), 403, Refused, ""),
        ("Welcome to our proxy", 200, Refused, "login.not_kept"),
        (page("no database"), 500, Retry, "site.error"),
        ("", 503, Retry, "site.busy"),
    ],
)
async def test_a_login_that_is_answered_otherwise_is_explained(
    scripted: Scripted, stranger: Http, body: str, status: int, kind: type[Problem], code: str
) -> None:
    scripted.says("GET /data/JSESSION", body, status=status)
    with pytest.raises(Problem) as caught:
        await logins.open_session(stranger, Login(scripted.url, "anna", Secret("s")))
    assert isinstance(caught.value, kind) or not code
    assert caught.value.finding.code == code or not code
    assert scripted.asked == ["GET /data/JSESSION"]


@pytest.mark.parametrize(
    ("body", "status", "kind", "code"),
    [
        (page("no database"), 500, Retry, "site.error"),
        ("guest", 200, LoginAgain, "login.not_kept"),
        ("", 200, LoginAgain, "login.not_kept"),
        ("ben", 200, LoginAgain, "login.not_kept"),
        ("", 401, LoginAgain, "login.not_kept"),
    ],
)
async def test_who_is_logged_in_is_what_the_site_says(
    scripted: Scripted, stranger: Http, body: str, status: int, kind: type[Problem], code: str
) -> None:
    scripted.says("GET /xapi/users/username", body, status=status)
    with pytest.raises(kind) as caught:
        await logins.who_am_i(stranger, Login(scripted.url, "anna", Secret("s")))
    assert caught.value.finding.code == code


@pytest.mark.parametrize("body", ["", "<html>Sign on</html>", '{"a": 1}', '["Administrator", 7]'])
async def test_roles_that_cannot_be_read_are_none(scripted: Scripted, stranger: Http, body: str) -> None:
    scripted.says("GET /xapi/users/username", '"anna"')
    scripted.says("GET /xapi/users/anna/roles", body, status=200 if body else 403)
    found = await logins.who_am_i(stranger, Login(scripted.url, "LDAP/Anna", Secret("s")))
    assert (found.username, found.is_admin, found.groups) == ("anna", "Administrator" in body, ())


async def test_a_renewal_that_makes_us_somebody_else_is_no_login(scripted: Scripted, stranger: Http) -> None:
    scripted.says("GET /data/JSESSION", "0" * 32)
    scripted.says("GET /xapi/users/username", "anna@example.org")
    act = logins.renewal(stranger, Login(scripted.url, "anna@example.org", Secret("s")), "anna")
    with pytest.raises(LoginAgain) as caught:
        await act()
    assert caught.value.finding.code == "login.not_kept"


@pytest.mark.parametrize(
    ("body", "expires_s"),
    [
        ({"alias": "a", "secret": "s", "estimatedExpirationTime": 1_700_000_000_000}, 1_700_000_000.0),
        ({"alias": "a", "secret": "s", "estimatedExpirationTime": "soon"}, None),
        ({"alias": "a", "secret": "s", "estimatedExpirationTime": 10**400}, None),
        ({"alias": "a", "secret": "s", "estimatedExpirationTime": 1e308}, None),
        ({"alias": "a", "secret": "s", "estimatedExpirationTime": True}, None),
        ({"alias": "a", "secret": "s"}, None),
    ],
)
async def test_a_token_has_the_date_that_the_site_says(
    scripted: Scripted, stranger: Http, body: object, expires_s: float | None
) -> None:
    scripted.says("GET /data/services/tokens/issue", body)
    token = await logins.issue_token(stranger)
    assert token is not None
    assert (token.alias, token.secret.reveal(), token.expires_s) == ("a", "s", expires_s)


@pytest.mark.parametrize(
    "body", [{}, {"alias": "", "secret": ""}, {"alias": 5, "secret": "s"}, "Off", "<html>Off</html>"]
)
async def test_a_site_without_tokens_gives_none(scripted: Scripted, stranger: Http, body: object) -> None:
    scripted.says("GET /data/services/tokens/issue", body)
    assert await logins.issue_token(stranger) is None


async def test_a_worker_of_a_site_without_tokens_gets_the_login_itself(visitor: Site, scripted: Scripted) -> None:
    given = await visitor.worker_login()
    assert (given.address, given.username, given.password.reveal()) == (scripted.url, "anna", "s")
    assert await logins.fetch_token(given) is None
    await logins.withdraw_token(given)  # it is not known there any more


# Projects


async def test_a_site_that_cannot_make_the_filtered_list_gives_the_plain_one(
    scripted: Scripted, stranger: Http
) -> None:
    scripted.says("GET /data/projects", page("no such view"), status=500)
    scripted.says(
        "GET /data/projects",
        [
            {"ID": "P1", "name": "A &amp; B", "secondary_ID": "A", "pi_lastname": "L", "pi_firstname": "F"},
            {"ID": "p0", "name": ""},
            {"name": "without ID"},
        ],
    )
    first, second = await projects.list_projects(stranger, ANNA)
    assert (first.id, second.id) == ("p0", "P1")
    assert (second.name, second.principal_investigator, second.role) == ("A & B", "L, F", Role.OWNER)
    assert [(first.role), ANNA.role_in("P3")] == [Role.NONE, Role.COLLABORATOR]


async def test_a_list_of_projects_that_is_refused_is_a_refusal(scripted: Scripted, stranger: Http) -> None:
    scripted.says("GET /data/projects", page("no"), status=403)
    with pytest.raises(Refused):
        await projects.list_projects(stranger, ANNA)
    assert scripted.asked == ["GET /data/projects"]


async def test_a_project_is_read_where_its_pages_are_refused(scripted: Scripted, stranger: Http) -> None:
    fields = {"ID": "P1", "name": "N", "PI/lastname": "L"}
    scripted.says("GET /data/projects/P1", {"items": [{"data_fields": fields}]})
    scripted.says("GET /data/projects/P1/accessibility", "", status=403)
    found = await projects.read_project(stranger, ANNA, "P1")
    assert (found.name, found.running_title, found.principal_investigator) == ("N", "P1", "L")
    assert (found.accessibility, found.prearchive_code, found.role) == ("", "", Role.OWNER)


@pytest.mark.parametrize(("status", "code"), [(403, "rights.missing"), (500, "site.error")])
async def test_a_project_that_cannot_be_read_is_not_called_missing(
    scripted: Scripted, stranger: Http, status: int, code: str
) -> None:
    scripted.says("GET /data/projects/P1", page("no"), status=status)
    with pytest.raises(Problem) as caught:
        await projects.read_project(stranger, ANNA, "P1")
    assert caught.value.finding.code == code


async def test_what_may_not_be_read_of_the_settings_is_not_known(scripted: Scripted, stranger: Http) -> None:
    scripted.says("GET /xapi/siteConfig", "[]")
    scripted.says("GET /data/projects/P1/config/seriesImportFilter/config", page("no"), status=403)
    found = await projects.upload_settings(stranger, "P1")
    assert (found.is_site_script_on, found.is_project_script_on) == (None, None)
    assert (found.has_site_filter, found.has_project_filter, found.file_name_template) == (None, None, "")
    assert await may_create_projects(stranger, is_admin=False) is None
    assert await may_create_projects(stranger, is_admin=True) is True


async def test_a_lost_login_is_no_setting_that_may_not_be_read(scripted: Scripted, stranger: Http) -> None:
    scripted.says("GET /x", "", status=401)
    with pytest.raises(LoginAgain):
        await projects.bare_text(stranger, "/x")
    async with Http("http://127.0.0.1:1") as nobody:
        with pytest.raises(Retry):
            await projects.bare_text(nobody, "/x")


async def test_a_script_that_stays_as_it_is_is_told(scripted: Scripted, stranger: Http) -> None:
    script = "/xapi/anonymize/projects/P1"
    scripted.says(f"GET {script}", "version 6")
    scripted.says(f"GET {script}/enabled", "false")
    scripted.says(f"PUT {script}/enabled", "")
    with pytest.raises(Refused) as caught:
        await projects.set_project_script(stranger, "P1", is_on=True)
    assert caught.value.finding.code == "project.script_unchanged"


async def test_a_script_of_a_project_without_any_begins_as_the_sites_own(scripted: Scripted, stranger: Http) -> None:
    script = "/xapi/anonymize/projects/P1"
    scripted.says(f"GET {script}", "")
    scripted.says("GET /xapi/anonymize/default", "version 6")
    scripted.says(f"PUT {script}", "", status=500)
    with pytest.raises(Retry):
        await projects.set_project_script(stranger, "P1", is_on=True)
    assert f"PUT {script}" in scripted.asked


# Filters and scripts on arrival


async def test_rules_on_arrival_are_read_where_they_are_switched_on(scripted: Scripted, stranger: Http) -> None:
    scripted.says(
        "GET /xapi/siteConfig",
        {
            "enableSitewideSeriesImportFilter": True,
            "sitewideSeriesImportFilter": "LOCALIZER",
            "enableSitewideAnonymizationScript": "true",
            "sitewideAnonymizationScript": "of the settings",
        },
    )
    filters = "GET /data/projects/P1/config/seriesImportFilter/config"
    scripted.says(filters, [{"status": "enabled", "contents": '{"mode": "whitelist", "list": "T1"}'}])
    scripted.says("GET /xapi/anonymize/projects/P1/enabled", "true")
    scripted.says("GET /xapi/anonymize/projects/P1", "of the project")
    rules = await policies.arrival_rules(stranger, "P1")
    assert rules.site_filter is not None
    assert rules.project_filter is not None
    assert (rules.site_filter.mode, rules.site_filter.lines) == ("blacklist", "LOCALIZER")
    assert (rules.project_filter.mode, rules.project_filter.lines) == ("whitelist", "T1")
    assert (rules.site_script, rules.project_script, rules.unread) == ("of the settings", "of the project", ())
    scripts = await read_scripts(stranger, "P1")
    assert (scripts.site, scripts.is_site_on, scripts.is_project_on) == ("of the settings", True, True)


@pytest.mark.parametrize("contents", ["", "[]", "3", "{", "[" * 100_000, "9" * 5000])
async def test_a_filter_of_an_unknown_form_is_not_taken_for_none(
    scripted: Scripted, stranger: Http, contents: str
) -> None:
    scripted.says("GET /xapi/siteConfig", {"enableSitewideSeriesImportFilter": True})
    path = "GET /data/projects/P1/config/seriesImportFilter/config"
    scripted.says(path, [{"status": "disabled"}, {"status": "enabled", "contents": contents}])
    rules = await policies.arrival_rules(stranger, "P1")
    assert rules.project_filter is not None
    assert rules.project_filter.mode == "of an unknown form"
    assert rules.unread == ("site",)


@pytest.mark.parametrize(("status", "unread"), [(404, ("site",)), (403, ("site", "project"))])
async def test_a_filter_that_may_not_be_read_is_named(
    scripted: Scripted, stranger: Http, status: int, unread: tuple[str, ...]
) -> None:
    scripted.says("GET /data/projects/P1/config/seriesImportFilter/config", page("no"), status=status)
    assert (await policies.arrival_rules(stranger, "P1")).unread == unread


@pytest.mark.parametrize("rows", [[], [{"status": "disabled", "contents": "{}"}]])
async def test_a_filter_that_is_off_is_none(scripted: Scripted, stranger: Http, rows: list[dict[str, str]]) -> None:
    scripted.says("GET /data/projects/P1/config/seriesImportFilter/config", rows)
    assert (await policies.arrival_rules(stranger, "P1")).project_filter is None


# Creating a project


class Model:
    """An object model whose site says no, or makes nothing."""

    def __init__(self, problem: Problem | None = None) -> None:
        self.problem = problem

    async def create_project(self, draft: ProjectDraft) -> None:
        if self.problem is not None:
            raise self.problem

    async def create_subject(self, project: str, subject: str) -> None:
        """Make nothing."""

    async def create_session(self, project: str, subject: str, session: str, xsi_type: str) -> None:
        """Make nothing."""

    async def close(self) -> None:
        """Do nothing."""


async def refused(http: Http, asked: str) -> Problem:
    with pytest.raises(Problem) as caught:
        await http.call(*asked.split(" ", 1))  # type: ignore[arg-type]  # a method and a path
    return caught.value


CLASHES = (
    "Requested new project conflicts with existing projects: Invalid Project Title: 'x' is already being used., "
    "Invalid Alias: 'y' cannot be used as the ID and an alias."
)


@pytest.mark.parametrize(
    ("said", "status", "fields"),
    [
        (CLASHES, 409, ("name", "alias")),
        ("Project already exists.", 409, ("id",)),
        ("User anna doesn't have permission to edit the project P9", 403, ("id",)),
        ("User account doesn't have permission to edit this project.", 403, ("id",)),
    ],
)
async def test_a_name_that_is_taken_unseen_is_told_by_the_sites_words(
    scripted: Scripted, stranger: Http, said: str, status: int, fields: tuple[str, ...]
) -> None:
    scripted.says("GET /data/projects", [])
    scripted.says("PUT /data/projects/P9", page(said), status=status)
    model = Model(await refused(stranger, "PUT /data/projects/P9"))
    with pytest.raises(ProjectTaken) as caught:
        await creation.create_project(stranger, model, who, ProjectDraft("P9"), no_wait)
    assert caught.value.fields == fields


async def test_another_refusal_of_a_project_stays_what_it_is(scripted: Scripted, stranger: Http) -> None:
    scripted.says("GET /data/projects", [])
    scripted.says("PUT /data/projects/P9", page("User anna doesn't have permission to create projects"), status=403)
    problem = await refused(stranger, "PUT /data/projects/P9")
    with pytest.raises(Problem) as caught:
        await creation.create_project(stranger, Model(problem), who, ProjectDraft("P9"), no_wait)
    assert caught.value is problem
    assert not isinstance(problem, ProjectTaken)


async def test_a_project_that_is_there_and_hidden_from_the_list_is_taken(scripted: Scripted, stranger: Http) -> None:
    scripted.says("GET /data/projects", [])
    scripted.says("GET /data/projects/P9", {"items": [{"data_fields": {"ID": "P9"}}]})
    with pytest.raises(ProjectTaken) as caught:
        await creation.create_project(stranger, Model(), who, ProjectDraft("P9"), no_wait)
    assert caught.value.fields == ("id",)


async def test_a_site_in_trouble_makes_no_project(scripted: Scripted, stranger: Http) -> None:
    scripted.says("GET /data/projects", [])
    scripted.says("GET /data/projects/P9", page("no database"), status=500)
    with pytest.raises(Retry):
        await creation.create_project(stranger, Model(), who, ProjectDraft("P9"), no_wait)


async def test_a_new_project_that_stays_refused_is_told_with_the_reason(scripted: Scripted, stranger: Http) -> None:
    scripted.says("GET /data/projects", [])
    scripted.says("GET /data/projects", page("not yet"), status=403)
    with pytest.raises(Refused) as caught:
        await creation.create_project(stranger, Model(), who, ProjectDraft("P9"), no_wait)
    assert (caught.value.finding.code, caught.value.status) == ("project.incomplete", 403)
    assert "not yet" in caught.value.finding.why


async def test_a_new_project_is_not_looked_for_on_a_site_that_is_too_busy(scripted: Scripted, stranger: Http) -> None:
    scripted.says("GET /data/projects", [])
    scripted.says("GET /data/projects", "", status=503)
    with pytest.raises(Retry) as caught:
        await creation.create_project(stranger, Model(), who, ProjectDraft("P9"), no_wait)
    assert caught.value.finding.code == "site.busy"


# The archive and the prearchive


async def test_an_archive_order_without_a_place_is_still_under_way(scripted: Scripted, stranger: Http) -> None:
    scripted.says("POST /data/services/archive", "")
    with pytest.raises(Retry) as caught:
        await archive.archive(stranger, "/data/prearchive/projects/P/1/S", overwrite="append", subject="", session="")
    assert caught.value.finding.code == "archive.still_working"


async def test_the_place_in_the_archive_may_come_as_a_redirect(scripted: Scripted, stranger: Http) -> None:
    place = "/data/archive/projects/P/subjects/S/experiments/E"
    scripted.says("POST /data/services/archive", "", status=301, Location=f"https://xnat.example.org/xnat{place}")
    found = await archive.archive(stranger, "/prearchive/projects/P/1/S", overwrite="", subject="S", session="E")
    assert found == place


async def test_a_session_tells_its_subject_where_that_may_be_read(scripted: Scripted, stranger: Http) -> None:
    fields = {"ID": "E1", "label": "L", "subject_ID": "S1"}
    scripted.says("GET /data/projects/P/experiments/L", {"items": [{"data_fields": fields, "meta": []}]})
    scripted.says("GET /data/projects/P/subjects/S1", {"items": [{"data_fields": {"label": "anna 1"}}]})
    for status in (403, 404, 500):
        scripted.says("GET /data/projects/P/subjects/S1", page("no"), status=status)
    for label in ("anna 1", "", ""):
        found = await archive.read_session(stranger, "P", "L")
        assert found is not None
        assert (found.subject_label, found.project, found.uri) == (label, "P", "/data/experiments/E1")
    with pytest.raises(Retry):
        await archive.read_session(stranger, "P", "L")


async def test_a_session_or_subject_that_may_not_be_read_is_not_called_missing(
    scripted: Scripted, stranger: Http
) -> None:
    scripted.says("GET /data/projects/P/experiments/L", page("no"), status=403)
    scripted.says("GET /data/projects/P/subjects/S", page("no"), status=403)
    with pytest.raises(Refused):
        await archive.read_session(stranger, "P", "L")
    with pytest.raises(Refused):
        await archive.subject_exists(stranger, "P", "S")
    assert await archive.subject_exists(stranger, "P", "other") is False


URI = "/data/prearchive/projects/P/20240101_000000000/S"


async def test_a_row_that_may_not_be_read_is_not_called_gone(scripted: Scripted, stranger: Http) -> None:
    scripted.says(f"GET {URI}", page("no"), status=403)
    scripted.says(f"GET {URI}/logs", page("no"), status=403)
    with pytest.raises(Refused):
        await prearchive.read_session(stranger, URI)
    for act in (prearchive.read_session, prearchive.read_log):
        with pytest.raises(Problem):
            await act(stranger, URI)


async def test_a_session_that_was_moved_says_so_in_a_header_or_not_at_all(scripted: Scripted, stranger: Http) -> None:
    there = "/data/prearchive/projects/Q/20240101_000000000/S"
    scripted.says(f"POST {URI}", "", status=301, Location=f"https://xnat.example.org{there}")
    assert await prearchive.move(stranger, URI, "Q") == there
    scripted.says(f"POST {URI}", "")
    assert await prearchive.commit(stranger, URI, to_archive=False) == there
    assert await prearchive.commit(stranger, URI, to_archive=False) == URI
    with pytest.raises(Retry) as caught:
        await prearchive.move(stranger, URI, "Q")
    assert caught.value.finding.code == "prearchive.busy"


async def test_a_row_without_columns_is_known_by_its_address(scripted: Scripted, stranger: Http) -> None:
    rows = [{"url": "/prearchive/projects/P/20240101_000000000/S", "status": "_BUILDING"}, {"url": "x"}, {}]
    scripted.says("GET /data/prearchive", rows)
    first, *others = await prearchive.list_prearchive(stranger, None)
    assert (first.project, first.timestamp, first.folder) == ("P", "20240101_000000000", "S")
    assert (first.is_locked, first.is_settled, first.plain_status, first.uri) == (True, False, "BUILDING", URI)
    assert all(one.project == "Unassigned" for one in others)


@pytest.mark.parametrize("text", ["0001-01-01 00:00:00", "9999-12-31 23:59:59.0", "", "soon", "2024-13-01 00:00:00"])
@pytest.mark.parametrize("zone", ["UTC-14", "UTC+12"])
def test_a_time_at_the_end_of_all_days_is_none_or_a_number(
    text: str, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        found = local_s(text)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found is None or text[0] in "09"


# Files


async def test_what_is_no_picture_is_told(scripted: Scripted, stranger: Http) -> None:
    scripted.says("GET /data/experiments/E/files/a.dcm", "no picture", Content_Type="text/plain")
    with pytest.raises(Refused) as caught:
        await files.jpeg(stranger, "/data/experiments/E/files/a.dcm")
    assert caught.value.finding.code == "picture.refused"


async def test_a_name_with_an_escape_is_read_in_both_ways(scripted: Scripted, stranger: Http) -> None:
    assert readings("/data/experiments/E/files/a%20b") == (
        "/data/experiments/E/files/a%2520b",
        "/data/experiments/E/files/a%20b",
    )
    scripted.says("GET /data/experiments/E/files/a%20b", "found")
    assert await files.read(stranger, "/data/experiments/E/files/a%20b") == b"found"
    scripted.says("GET /data/experiments/E/files/c%2520d", page("no"), status=403)
    with pytest.raises(Refused) as caught:
        await files.read(stranger, "/data/experiments/E/files/c%20d")
    assert caught.value.status == 403
    assert len(scripted.asked) == 3


async def test_a_list_that_is_none_says_how_much_came(scripted: Scripted, stranger: Http) -> None:
    scripted.says("GET /data/x/files", '{"ResultSet":{"Result":[{}' + " " * 50_000, Content_Type="application/json")
    with pytest.raises(Refused) as caught:
        await files.list_files(stranger, "/data/x/files")
    assert "50026 bytes of application/json instead of a table" in caught.value.finding.why
    scripted.says("GET /data/y/files", page("no"), status=403)
    with pytest.raises(Refused) as caught:
        await files.list_files(stranger, "/data/y/files")
    assert caught.value.status == 403
    assert await files.list_files(stranger, "/data/z/files") == ()


async def test_a_list_of_nothing_without_end_is_left_alone(
    scripted: Scripted, stranger: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LIST_LIMIT", 1000)
    scripted.says("GET /data/x/files", '{"ResultSet":{"Result":[' + "{}," * 1000 + "{}]}}")
    with pytest.raises(Refused) as caught:
        await files.list_files(stranger, "/data/x/files")
    assert caught.value.finding.code == "site.too_long"
    assert len(caught.value.finding.todo) == 3


async def test_a_header_is_listed_with_what_each_line_has(scripted: Scripted, stranger: Http) -> None:
    rows = [{"tag1": "(0010,0010)", "tag2": "(0008,0100)", "vr": "PN", "desc": "Name", "value": "A"}, {}]
    scripted.says("GET /data/services/dicomdump", rows)
    first, second = await files.dump(stranger, "/data/experiments/E/scans/1")
    assert (first.tag, first.value) == ("(0010,0010) (0008,0100)", "A")
    assert second.tag == ""


PARENT = "/data/experiments/E/resources/R/files"


@pytest.mark.parametrize(
    ("rows", "kind", "code"),
    [
        ([], Retry, "resource.not_stored"),
        ([{"Name": "a.txt", "URI": f"{PARENT}/a.txt", "Size": "4"}], Retry, "resource.not_stored"),
        (
            [{"Name": "a.txt", "URI": f"{PARENT}/a.txt", "Size": "5", "digest": "0" * 32}],
            Retry,
            "resource.not_stored",
        ),
    ],
)
async def test_a_file_that_was_taken_and_is_not_there_is_told(
    scripted: Scripted, stranger: Http, tmp_path: Path, rows: list[dict[str, str]], kind: type[Problem], code: str
) -> None:
    (tmp_path / "a.txt").write_bytes(b"hello")
    scripted.says(f"PUT {PARENT}/a.txt", "")
    scripted.says(f"GET {PARENT}", rows)
    with pytest.raises(kind) as caught:
        await files.put_local(stranger, PARENT, "a.txt", tmp_path / "a.txt")
    assert caught.value.finding.code == code


async def test_a_duplicate_is_as_good_as_sent_only_where_it_is_equal(
    scripted: Scripted, stranger: Http, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_bytes(b"hello")
    scripted.says(f"PUT {PARENT}/a.txt", '{"duplicates":["a.txt"]}', Content_Type="text/html")
    row = {"Name": "a.txt", "URI": f"{PARENT}/a.txt", "Size": "5"}
    scripted.says(f"GET {PARENT}", [{**row, "digest": "5D41402ABC4B2A76B9719D911017C592"}])
    scripted.says(f"GET {PARENT}", [{**row, "digest": "0" * 32}])
    stored = await files.put_local(stranger, PARENT, "a.txt", tmp_path / "a.txt")
    assert (stored.name, stored.size_bytes) == ("a.txt", 5)
    with pytest.raises(Refused) as caught:
        await files.put_local(stranger, PARENT, "a.txt", tmp_path / "a.txt")
    assert caught.value.finding.code == "resource.file_differs"


async def test_another_refusal_of_a_file_and_an_empty_one_are_told(
    scripted: Scripted, stranger: Http, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_bytes(b"hello")
    (tmp_path / "b.txt").write_bytes(b"")
    scripted.says(f"PUT {PARENT}/a.txt", page("no"), status=403)
    for name, code in (("a.txt", "rights.missing"), ("b.txt", "resource.empty_file")):
        with pytest.raises(Refused) as caught:
            await files.put_local(stranger, PARENT, name, tmp_path / name)
        assert caught.value.finding.code == code


async def test_a_file_for_the_prearchive_that_is_not_in_its_list_is_told(scripted: Scripted, stranger: Http) -> None:
    scripted.says(f"PUT {PARENT}/a.txt", "")
    scripted.says(f"GET {PARENT}", [{"Name": "b.txt", "URI": f"{PARENT}/b.txt", "Size": "5"}])
    with pytest.raises(Retry) as caught:
        await files.put_prearchive(stranger, PARENT, "a.txt", Bytes(b"hello"), 5)
    assert caught.value.finding.code == "resource.not_stored"


@pytest.mark.parametrize("name", ["a\udcff" + "\ud800", "x" * 300, "..", "a//b", "a\0b", "", "/etc/passwd"])
async def test_a_name_that_cannot_be_one_here_is_not_saved(visitor: Site, tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused) as caught:
        await visitor.save_file(RemoteFile(name, 5, "/data/x/files/y", "R", ""), tmp_path / "new")
    assert caught.value.finding.code == "download.bad_name"
    assert not (tmp_path / "new").exists()


async def test_two_downloads_of_one_name_at_once_leave_one_whole_file(
    visitor: Site, scripted: Scripted, tmp_path: Path
) -> None:
    scripted.says("GET /data/experiments/E/files/a.txt", "hello")
    file = RemoteFile("a.txt", 5, "/data/experiments/E/files/a.txt", "R", "5d41402abc4b2a76b9719d911017c592")
    told: list[int] = []
    saved = await asyncio.gather(*(visitor.save_file(file, tmp_path, told.append) for _ in range(4)))
    assert {one.path for one in saved} == {tmp_path / "a.txt"}
    assert sum(not one.was_there for one in saved) == 1
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"hello"]
    assert set(told) == {5}


# The line


async def test_an_import_of_an_answer_that_is_a_half_address_is_unclear(scripted: Scripted, stranger: Http) -> None:
    scripted.says("POST /data/services/import", HALF_URL)
    with pytest.raises(Refused) as caught:
        await import_zip(stranger, "P", "S", "E", Bytes(b"PK"), 2)
    assert caught.value.finding.code == "site.unclear"
    assert normalise(HALF_URL) == ""


async def test_a_stranger_who_is_refused_gets_no_new_login(scripted: Scripted, stranger: Http) -> None:
    scripted.says("GET /data/projects", "", status=401)
    with pytest.raises(LoginAgain):
        await projects.list_projects(stranger, ANNA)


@pytest.mark.parametrize("cookie", ["", "5", '"1,2"', "1,x", "1,999", "1," + "9" * 400, '"1718800465000\\054600000"'])
def test_an_idle_time_is_read_or_left_alone(cookie: str) -> None:
    assert idle_time_s(cookie) == (600.0 if "600000" in cookie else None)


async def test_a_cookie_of_a_load_balancer_is_kept(scripted: Scripted, stranger: Http) -> None:
    scripted.says("GET /x", "", Set_Cookie="AWSALB=abc; Path=/")
    await stranger.get("/x")
    assert stranger._cookies == {"AWSALB": "abc"}


async def test_a_body_that_the_site_does_not_read_is_not_pushed(scripted: Scripted, stranger: Http) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"x"
        raise Fatal(Problem(files._empty("a")).finding)

    with pytest.raises(Fatal):
        await import_zip(stranger, "P", "S", "E", slow(), 5)
