"""Fixes: previewed, done at a real practice server, and looked at afterwards."""

from pathlib import Path

import pytest

from troubleshoot.stage import Stage, files_below, send_zip, write_study
from xnat_wizard.findings import Problem
from xnat_wizard.troubleshoot.fixes import apply, can_do, preview
from xnat_wizard.troubleshoot.model import NextStep, StepKind
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
    assert "status" in rebuilt.says


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
    assert (await apply(site, step("F10", archived.uri))).is_done
    assert (await apply(site, step("F11"))).is_done
