"""Fixes: previewed, done at a real practice server, and looked at afterwards."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from practice.arriving import until
from practice.images import zipped
from troubleshoot.check_sites import answering, serving
from troubleshoot.stage import Stage, files_below, no_wait, send_zip, write_study
from xnat_wizard.findings import Problem
from xnat_wizard.settings import Secret
from xnat_wizard.troubleshoot.fixes import apply, can_do, preview
from xnat_wizard.troubleshoot.model import NextStep, StepKind
from xnat_wizard.xnat.model import Login
from xnat_wizard.xnat.site import Site


def step(action: str, target: str = "", **arguments: str) -> NextStep:
    return NextStep(StepKind.CONFIRM, "Do it.", action, target=target, arguments=arguments)


def sent(stage: Stage, folder: Path, *, account: str = "member", part: str = "", **params: str) -> str:
    """Send a study and return the URI that the site names."""
    files = files_below(folder, *filter(None, [part]))
    answer = send_zip(stage.caller(account), files, rename="true", **params)
    assert answer.status == 200, answer.text
    return answer.text.strip()


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_study(tmp_path / "study", {"t1": 3, "bold": 4})


async def member(stage: Stage) -> Site:
    return await stage.site("member")


@asynccontextmanager
async def through(stage: Stage, answers: dict[str, tuple[int, str]], account: str = "member") -> AsyncIterator[Site]:
    """Log in through something that gives answers of its own; they may be set later."""
    async with serving(answering(stage.practice.url, answers)) as port:
        login = Login(f"http://127.0.0.1:{port}", account, Secret(account))
        async with await Site.connect(login, sleep=no_wait) as site:
            yield site


def test_what_only_a_person_can_do_is_not_done_here() -> None:
    assert not can_do(NextStep(StepKind.ASK_OWNER, "Ask.", "F3", target="/data/prearchive/projects/P/1/S"))
    assert not can_do(step("F9", "/data/prearchive/projects/P/1/S"))
    assert not can_do(step("F3"))
    assert can_do(step("F11"))


async def test_a_step_that_nobody_does_here_is_refused(stage: Stage) -> None:
    with pytest.raises(Problem) as refused:
        await apply(await member(stage), step("F9", "/data/prearchive/projects/DEMO/1/S"))
    assert refused.value.finding.code == "troubleshoot.no_fix"


async def test_a_session_is_built_and_archived_and_seen(stage: Stage, study: Path) -> None:
    site = await member(stage)
    uri = sent(stage, study, project="DEMO", subject="S1", session="S1_MR1")
    built = await apply(site, step("F1", uri))
    assert built.is_done
    assert "READY" in built.says

    seen = await preview(site, step("F3", uri))
    assert seen.is_possible
    done = await apply(site, step("F3", uri))
    assert done.is_done
    assert "S1_MR1 in DEMO" in done.says
    assert await site.session("DEMO", "S1_MR1")


async def test_a_commit_says_where_the_session_is(stage: Stage, study: Path) -> None:
    site = await member(stage)
    uri = sent(stage, study, project="DEMO", subject="S1", session="S1_MR1")
    assert "archives it" not in (await preview(site, step("F2", uri))).does
    assert (await apply(site, step("F2", uri))).is_done
    assert (await site.prearchive_session(uri)) is not None


async def test_a_commit_in_a_project_that_archives_says_so_first(stage: Stage, study: Path) -> None:
    stage.project("AUTO", code=4)
    site = await stage.site("owner")
    uri = sent(
        stage, study, account="owner", project="AUTO", subject="S1", session="S1_MR1", prevent_auto_commit="true"
    )
    assert "archives it by itself" in (await preview(site, step("F2", uri))).does
    assert (await apply(site, step("F2", uri))).is_done
    assert await site.session("AUTO", "S1_MR1")


async def test_archiving_over_a_label_is_refused_and_adding_to_the_same_study_is_not(stage: Stage, study: Path) -> None:
    site = await member(stage)
    first = sent(stage, study, part="t1", project="DEMO", subject="S1", session="S1_MR1")
    await apply(site, step("F1", first))
    await apply(site, step("F3", first))
    second = sent(stage, study, part="bold", project="DEMO", subject="S1", session="S1_MR1")
    await apply(site, step("F1", second))

    assert not (await preview(site, step("F3", second))).is_possible
    with pytest.raises(Problem) as refused:
        await apply(site, step("F3", second))
    assert refused.value.finding.code == "troubleshoot.would_clash"

    seen = await preview(site, step("F4", second))
    assert seen.is_possible
    assert "Adds scans 2" in seen.does
    assert (await apply(site, step("F4", second))).is_done
    session = await site.session("DEMO", "S1_MR1")
    assert session is not None
    assert sorted(scan.id for scan in await site.scans(session.id)) == ["1", "2"]


async def test_another_study_is_never_added(stage: Stage, study: Path, tmp_path: Path) -> None:
    site = await member(stage)
    first = sent(stage, study, project="DEMO", subject="S1", session="S1_MR1")
    await apply(site, step("F1", first))
    await apply(site, step("F3", first))
    other = write_study(tmp_path / "other", {"t2": 2}, study="8")
    second = sent(stage, other, project="DEMO", subject="S1", session="S1_MR1")
    await apply(site, step("F1", second))
    assert not (await preview(site, step("F4", second))).is_possible
    with pytest.raises(Problem):
        await apply(site, step("F4", second))
    assert (await preview(site, step("F3", second, session="S1_MR2"))).is_possible
    assert (await apply(site, step("F3", second, session="S1_MR2"))).is_done


async def test_an_unassigned_session_of_ours_is_moved_home(stage: Stage, study: Path) -> None:
    site = await member(stage)
    uri = sent(stage, study, project="NOSUCH", subject="S1", session="S1_MR1")
    assert "/Unassigned/" in uri
    await apply(site, step("F1", uri))
    moved = await apply(site, step("F6", uri, project="DEMO"))
    assert moved.is_done
    assert "/projects/DEMO/" in moved.uri
    assert (await apply(site, step("F3", moved.uri))).is_done


async def test_a_stuck_session_is_reset_and_built_again(stage: Stage, study: Path) -> None:
    site = await member(stage)
    uri = sent(stage, study, project="DEMO", subject="S1", session="S1_MR1")
    await apply(site, step("F1", uri))
    stage.row(status="_BUILDING")
    assert "status" in (await apply(site, step("F8", uri))).says
    rebuilt = await apply(site, step("F7", uri))
    assert rebuilt.is_done is ("status READY" in rebuilt.says)  # one that is only queued is not done


async def test_an_owner_releases_a_quarantined_session(stage: Stage, study: Path) -> None:
    assert stage.caller("owner").put("/data/projects/DEMO/quarantine_code/1").status == 200
    site = await stage.site("owner")
    uri = sent(stage, study, account="owner", project="DEMO", subject="S1", session="S1_MR1")
    await apply(site, step("F1", uri))
    archived = await apply(site, step("F3", uri))
    released = await apply(site, step("F12", archived.uri))
    assert released.is_done
    assert "active" in released.says


async def test_rights_and_catalogues_are_read_anew(stage: Stage, study: Path) -> None:
    site = await stage.site("owner")
    uri = sent(stage, study, account="owner", project="DEMO", subject="S1", session="S1_MR1")
    await apply(site, step("F1", uri))
    archived = await apply(site, step("F3", uri))
    read = await apply(site, step("F10", archived.uri))
    assert (read.is_done, read.says[-24:]) == (True, "a file of each scan (2).")
    assert (await apply(site, step("F11"))).is_done
    for path in (stage.practice.folder / "archive").rglob(
        "SCANS/2/DICOM/*"
    ):  # the site's disk has lost what its catalogue has
        path.unlink()
    lost = await apply(site, step("F10", archived.uri))
    assert (lost.is_done, lost.says[-29:]) == (False, "hands out 1 of 2 files tried.")


# -- what the site says, and does not show -----------------------------------------------------------


async def test_what_is_not_seen_afterwards_is_not_called_done(stage: Stage, study: Path) -> None:
    answers: dict[str, tuple[int, str]] = {}
    stage.project("OTHER")
    stage.join("member", "member", "OTHER")
    uri = sent(stage, study, project="DEMO", subject="S1", session="S1_MR1")
    row, gone = uri.removeprefix("/data"), (404, "Not found")
    async with through(stage, answers) as site:
        answers[f"GET {row}\\?"] = gone
        for action in ("F1", "F8", "F7"):
            outcome = await apply(site, step(action, uri))
            assert (outcome.is_done, "not in the prearchive any more" in outcome.says) == (False, True), action
        assert not (await preview(site, step("F2", uri))).is_possible
        answers.clear()

        archive = "/data/archive/projects/DEMO/subjects/S1/experiments/S1_MR1"
        answers["POST /data/services/archive"] = (200, archive + "\n")
        still = await apply(site, step("F3", uri))  # it says so, and has done nothing
        assert (still.is_done, still.uri) == (False, uri)
        assert "still has S1_MR1 in the prearchive" in still.says
        answers[f"POST {row}.*action=commit"] = (200, archive)
        assert not (await apply(site, step("F2", uri))).is_done
        answers[f"GET {row}\\?"] = gone
        hidden = await apply(site, step("F2", uri))
        assert (hidden.is_done, hidden.says[-25:]) == (False, "and does not show it yet.")
        answers[f"POST {row}.*action=commit"] = (200, "/data/archive/experiments/S1_MR1")
        assert not (await apply(site, step("F2", uri))).is_done

        answers.clear()
        answers[f"POST {row}.*action=move"] = (200, uri.replace("/DEMO/", "/OTHER/"))
        moved = await apply(site, step("F6", uri, project="OTHER"))
        assert (moved.is_done, "does not show it there yet" in moved.says) == (False, True)


async def test_a_refusal_after_a_build_is_none_of_unassigned(stage: Stage, study: Path) -> None:
    answers: dict[str, tuple[int, str]] = {}
    uri = sent(stage, study, project="DEMO", subject="S1", session="S1_MR1")
    async with through(stage, answers) as site:
        answers[f"GET {uri.removeprefix('/data')}"] = (403, "No")
        with pytest.raises(Problem):
            await apply(site, step("F1", uri))


async def test_a_commit_where_the_label_is_taken_says_what_would_come_of_it(
    stage: Stage, study: Path, tmp_path: Path
) -> None:
    stage.project("AUTO", code=4)
    site = await stage.site("owner")
    here = {"account": "owner", "project": "AUTO", "subject": "S1", "session": "S1_MR1", "prevent_auto_commit": "true"}
    first = sent(stage, study, part="t1", **here)
    assert (await apply(site, step("F2", first))).is_done
    second = sent(stage, study, part="bold", **here)
    assert "adds it to S1_MR1" in (await preview(site, step("F2", second))).does
    other = sent(stage, write_study(tmp_path / "other", {"t2": 1}, study="9"), **here)
    seen = await preview(site, step("F2", other))
    assert (seen.is_possible, "another study" in seen.does) == (False, True)


async def test_an_import_from_the_cache_is_done_when_it_is_in_the_project(stage: Stage, study: Path) -> None:
    parked = "/data/user/cache/resources/up1/files/a.zip"
    body = zipped(files_below(study))
    assert stage.caller("member").call("PUT", parked, {"inbody": "true"}, body=body).status in {200, 201}
    answers: dict[str, tuple[int, str]] = {}
    async with through(stage, answers) as site:
        done = await apply(site, step("F13", parked, project="DEMO"))
        assert done.is_done
        row = await site.prearchive_session(done.uri)
        assert row is not None
        assert row.project == "DEMO"
        astray = await apply(site, step("F13", parked, project="NOSUCH"))
        assert (astray.is_done, "elsewhere than into NOSUCH: prearchive/projects/Unassigned" in astray.says) == (
            False,
            True,
        )
        answers["POST /data/services/import"] = (200, "")  # a filter dropped all of it
        assert "made no session" in (await apply(site, step("F13", parked, project="DEMO"))).says
        answers["POST /data/services/import"] = (200, "/data/prearchive/projects/DEMO/20250101_000000/S1\r\n")
        unseen = await apply(site, step("F13", parked, project="DEMO"))
        assert (unseen.is_done, "does not show it there yet" in unseen.says) == (False, True)


async def test_direct_archive_is_done_when_the_session_is_there(stage: Stage, study: Path) -> None:
    uri = sent(stage, study, project="DEMO", subject="S1", session="S1_MR1", **{"Direct-Archive": "true"})
    answers = {"GET /data/projects/DEMO/experiments/S1_MR1": (404, "Not found")}
    async with through(stage, answers) as site:
        told = await apply(site, step("F14", uri))
        assert (told.is_done, told.uri) == (False, uri)
        assert "look again in a minute" in told.says
    until(lambda: stage.caller("member").get("/data/projects/DEMO/experiments/S1_MR1").status == 200)


async def test_a_release_is_done_when_the_session_is_active(stage: Stage, study: Path) -> None:
    assert stage.caller("owner").put("/data/projects/DEMO/quarantine_code/1").status == 200
    uri = sent(stage, study, account="owner", project="DEMO", subject="S1", session="S1_MR1")
    answers: dict[str, tuple[int, str]] = {}
    async with through(stage, answers, "owner") as site:
        await apply(site, step("F1", uri))
        archived = await apply(site, step("F3", uri))
        answers["GET /status"] = (200, "quarantine")
        assert not (await apply(site, step("F12", archived.uri))).is_done
        answers["GET /status"] = (200, "something else")
        unclear = await apply(site, step("F12", archived.uri))
        assert (unclear.is_done, "something else" in unclear.says) == (False, False)


async def test_a_catalogue_of_no_files_is_not_called_mended(stage: Stage, study: Path) -> None:
    uri = sent(stage, study, project="DEMO", subject="S1", session="S1_MR1")
    answers: dict[str, tuple[int, str]] = {}
    async with through(stage, answers) as site:
        await apply(site, step("F1", uri))
        archived = await apply(site, step("F3", uri))
        answers["GET /scans"] = (501, "Not here")
        read = await apply(site, step("F10", archived.uri))
        assert (read.is_done, "no file could be tried" in read.says) == (False, True)
