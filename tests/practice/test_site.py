"""Site settings, build information, users, and the frame round all calls."""

import asyncio
import http.client
import socket
from pathlib import Path

import pytest

from practice.calling import Caller
from support import Practice
from xnat_wizard.practice.server import PracticeServer


def test_build_information_is_open_and_all_text(as_nobody: Caller, as_owner: Caller) -> None:
    info = as_nobody.get("/xapi/siteConfig/buildInfo").json()
    assert info["version"] == "1.9.3"
    assert all(isinstance(value, str) for value in info.values())
    assert as_owner.get("/xapi/siteConfig/buildInfo/version").text == "1.9.3"
    assert as_owner.get("/data/version").status == 404


def test_settings_are_typed_and_filtered_by_who_asks(as_admin: Caller, as_owner: Caller, as_nobody: Caller) -> None:
    assert as_nobody.get("/xapi/siteConfig").status == 401
    assert as_nobody.get("/xapi/siteConfig/siteId").text == "XNAT"
    seen = as_owner.get("/xapi/siteConfig").json()
    assert (seen["checksums"], seen["defaultProjectAutoArchiveSetting"]) == (True, 4)
    assert "requireLogin" not in seen
    assert as_owner.get("/xapi/siteConfig/requireLogin").status == 403
    assert as_admin.get("/xapi/siteConfig").json()["requireLogin"] is True
    assert as_admin.get("/xapi/siteConfig/nonsense").status == 404


def test_settings_keep_their_types_when_changed(as_admin: Caller, as_owner: Caller) -> None:
    assert as_owner.call("POST", "/xapi/siteConfig/siteId", body="MINE").status == 403
    assert as_admin.call("POST", "/xapi/siteConfig/siteId", body="MINE").status == 200
    assert as_owner.get("/xapi/siteConfig/siteId").text == "MINE"
    as_admin.call("POST", "/xapi/siteConfig", data={"checksums": "false", "sessionXmlRebuilderInterval": "7"})
    seen = as_owner.get("/xapi/siteConfig").json()
    assert (seen["checksums"], seen["sessionXmlRebuilderInterval"]) == (False, 7)
    assert as_admin.call("POST", "/xapi/siteConfig", data={"checksums": "perhaps"}).status == 400
    assert as_admin.call("POST", "/xapi/siteConfig", data={"sessionTimeout": "soon"}).status == 400


def test_uptime_leaves_leading_zeros_out(practice: Practice, as_owner: Caller) -> None:
    assert set(as_owner.get("/xapi/siteConfig/uptime").json()) == {"seconds"}
    practice.on_loop(lambda _: practice.server.clock.skip(600))
    assert set(as_owner.get("/xapi/siteConfig/uptime").json()) == {"minutes", "seconds"}


def test_users_know_themselves_and_administrators_know_all(as_admin: Caller, as_owner: Caller) -> None:
    me = as_owner.get("/xapi/users/profile").json()
    assert (me["username"], me["enabled"], me["firstName"]) == ("owner", True, "Olivia")
    assert as_owner.get("/xapi/users/owner").json()["id"] == me["id"]
    assert as_owner.get("/xapi/users/admin").status == 403
    assert as_owner.get("/xapi/users/owner/roles").json() == []
    assert as_admin.get("/xapi/users/admin/roles").json() == ["Administrator"]
    assert as_owner.get("/xapi/users/projects").json() == ["DEMO"]
    assert as_owner.get("/data/user").told == "User does not have privileges to access this project."
    assert as_owner.get("/data/user/owner").status == 403
    rows = as_owner.get("/data/users", format="json").rows
    assert [row["login"] for row in rows] == ["admin", "owner", "member"]


def test_settings_without_an_effect_here_cannot_be_changed(as_admin: Caller) -> None:
    answer = as_admin.call("POST", "/xapi/siteConfig", data={"requireLogin": False, "requireEventName": True})
    assert (answer.status, "requireEventName changes: it stays False" in answer.text) == (501, True)
    assert as_admin.get("/xapi/siteConfig/requireLogin").text == "true"
    assert as_admin.call("POST", "/xapi/siteConfig", data={"requireEventName": False}).status == 200


def test_administrators_list_all_logins(as_admin: Caller) -> None:
    assert as_admin.get("/data/user").json() == ["admin", "member", "owner"]
    assert "<login>owner</login>" in as_admin.get("/data/user", format="xml").text
    assert as_admin.get("/data/user/owner").status == 501


def test_administrators_make_and_change_users(as_admin: Caller, as_owner: Caller) -> None:
    details = {"username": "anna", "password": "secret", "firstName": "A", "lastName": "B", "email": "a@example.org"}
    assert as_owner.call("POST", "/xapi/users", data=details).status == 403
    answer = as_admin.call("POST", "/xapi/users", data={**details, "enabled": True, "verified": True})
    assert (answer.status, answer.json()["username"]) == (201, "anna")
    assert as_admin.call("POST", "/xapi/users", data=details).status == 409
    assert as_admin.put("/xapi/users/anna/roles/Administrator").status == 200
    assert as_admin.get("/xapi/users/anna/roles").json() == ["Administrator"]
    anna = Caller(as_admin.url, "anna", "secret")
    assert anna.call("PUT", "/xapi/users/anna", data={"lastName": "C", "password": "new"}).json()["lastName"] == "C"
    assert Caller(as_admin.url, "anna", "new").get("/data/auth").status == 200
    assert as_admin.call("PUT", "/xapi/users/anna", data={"lastName": "C"}).status == 304
    assert as_admin.put("/xapi/users/anna/groups/DEMO_member").status == 200
    assert as_admin.get("/xapi/users/anna/groups").json() == ["DEMO_member"]


def test_what_is_not_implemented_says_so(as_owner: Caller, as_nobody: Caller) -> None:
    answer = as_owner.get("/data/search")
    assert (answer.status, answer.told) == (501, "The practice server does not implement GET /data/search")
    answer = as_owner.get("/xapi/processors")
    assert answer.status == 501
    assert answer.text == "The practice server does not implement GET /xapi/processors"
    assert as_nobody.get("/data/search").status == 401
    assert as_owner.delete("/xapi/access/cache/flush").status == 200


def test_the_error_page_is_xnats(as_owner: Caller) -> None:
    assert as_owner.get("/data/projects/NONE").text == (
        "<html>\n<head>\n   <title>Status page</title>\n</head>\n<body>\n"
        "<h3>Unable to find the specified experiment.</h3><p>You can get technical details "
        '<a href="http://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html#sec10.4.5">here</a>.<br>\n'
        'Please continue your visit at our <a href="/">home page</a>.\n</p>\n</body>\n</html>\n'
    )


def test_answers_have_no_reason_phrase(practice: Practice) -> None:
    with socket.create_connection(("127.0.0.1", practice.server.port)) as line, line.makefile("rb") as answer:
        line.sendall(b"GET /data/JSESSION HTTP/1.1\r\nHost: h\r\n\r\n")
        assert answer.readline() == b"HTTP/1.1 200 \r\n"


def test_lists_come_as_xml_csv_and_html_too(as_owner: Caller) -> None:
    assert "<cell>DEMO</cell>" in as_owner.get("/data/projects", format="xml").text
    assert as_owner.get("/data/projects", format="csv").text.startswith('"ID","secondary_ID"')
    assert "<td>DEMO</td>" in as_owner.get("/data/projects", format="html").text


async def test_a_site_may_be_newer_and_live_below_a_context_path(tmp_path: Path) -> None:
    server = PracticeServer(tmp_path / "data", version="1.10.1", context_path="/xnat")
    await server.start()
    try:
        owner = Caller(server.url, "owner", "owner")
        answer = await asyncio.to_thread(owner.get, "/data/projects/DEMO")
        assert answer.status == 200
        assert answer.cookie("SESSION_EXPIRATION_TIME").isdigit()
        assert any("; Path=/xnat; HttpOnly" in line for line in answer.headers.get_all("Set-Cookie") or [])
        outside = Caller(server.url.removesuffix("/xnat"))
        assert (await asyncio.to_thread(outside.get, "/data/projects")).status == 404
    finally:
        await server.stop()


def test_only_loopback_is_listened_on(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="loopback only"):
        PracticeServer(tmp_path, host="0.0.0.0")  # noqa: S104  it is refused
    assert PracticeServer(tmp_path, host="::1").store.folder == tmp_path


def test_a_client_that_leaves_in_mid_body_leaves_no_file(practice: Practice, as_owner: Caller) -> None:
    session = as_owner.get("/data/JSESSION").text
    connection = http.client.HTTPConnection("127.0.0.1", practice.server.port, timeout=20)
    connection.putrequest("PUT", "/data/projects/P1")
    for name, value in (
        ("Cookie", f"JSESSIONID={session}"),
        ("Content-Length", "1000000"),
        ("Content-Type", "multipart/form-data; boundary=b"),
    ):
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\nhalf a file')
    connection.close()
    assert as_owner.get("/data/projects/P1").status == 404
    practice.stop()
    assert not list((practice.folder / "spool").glob("*"))
    practice.start()
