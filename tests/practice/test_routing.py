"""Study routing: the table that says to which project a study belongs."""

from practice.arriving import act, send_one
from practice.calling import Answer, Caller
from practice.images import series
from support import Practice

PATH = "/data/routing/1.2.1"


def assign(caller: Caller, project: str = "DEMO", path: str = PATH) -> Answer:
    return caller.call("PUT", path, form={"project": project})


def test_a_study_is_assigned_read_and_let_go(as_owner: Caller) -> None:
    assert assign(as_owner).status == 200
    (row,) = as_owner.get(PATH, format="json").rows
    assert list(row) == ["studyInstanceUID", "project", "subject", "user", "created", "accessed", "label"]
    assert (row["studyInstanceUID"], row["project"], row["user"]) == ("1.2.1", "DEMO", "owner")
    assert as_owner.get("/data/routing", format="json").rows == [row]
    assert as_owner.delete(PATH).status == 200
    answer = as_owner.get(PATH)
    assert (answer.status, answer.told) == (404, "Couldn't find a routing for the study instance UID: 1.2.1")


def test_strangers_neither_see_nor_change_it(as_owner: Caller, as_stranger: Caller) -> None:
    assign(as_owner)
    assert as_stranger.get("/data/routing", format="json").rows == []
    assert [answer.status for answer in (as_stranger.get(PATH), as_stranger.delete(PATH), assign(as_stranger))] == [
        403,
        403,
        403,
    ]


def test_all_go_by_an_administrator_only(as_owner: Caller, as_admin: Caller) -> None:
    assign(as_owner)
    assert as_owner.delete("/data/routing").status == 403
    assert as_admin.delete("/data/routing").status == 200
    assert as_admin.get("/data/routing", format="json").rows == []


def test_what_is_refused(as_owner: Caller) -> None:
    assert assign(as_owner, "").status == 400
    assert assign(as_owner, path="/data/routing").status == 400
    assert as_owner.call("PUT", PATH, data={"project": "DEMO"}).status == 415
    assert as_owner.call("PUT", PATH, form={"project": "DEMO", "subject": "S1"}).status == 400


def test_it_routes_nothing_by_itself_and_is_over_when_the_session_is_archived(
    practice: Practice, as_owner: Caller
) -> None:
    assign(as_owner)
    assert send_one(as_owner, series(1)).startswith("/data/prearchive/projects/Unassigned/")
    uri = send_one(as_owner, series(1), project="DEMO", subject="S1", session="E1")
    practice.stop()
    practice.start()
    assert len(as_owner.get("/data/routing", format="json").rows) == 1
    act(as_owner, uri, "commit", AA="true")
    assert as_owner.get("/data/routing", format="json").rows == []
