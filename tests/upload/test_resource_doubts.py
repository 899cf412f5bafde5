"""Results that a site keeps badly, and looks that are given up: what is told, and that nothing is saved by halves."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support import Practice
from upload.resources import RESULT, Run, codes, contents, target, write
from xnat_wizard.findings import Problem
from xnat_wizard.practice.faults import parse
from xnat_wizard.upload.resource_transfer import comparing
from xnat_wizard.upload.resource_transfer.model import Verdict, Wishes
from xnat_wizard.upload.resource_transfer.previewing import Preview, State
from xnat_wizard.upload.resource_transfer.targets import Request, to_get, to_put
from xnat_wizard.xnat.site import Site


@pytest.fixture
async def run(site: Site, tmp_path: Path) -> Run:
    """Give runs on a site that has the result in a resource of the project."""
    run = Run(site, tmp_path / "journal")
    await run.put(target(write(tmp_path / "result")))
    return run


@pytest.fixture
async def preview(site: Site) -> AsyncIterator[Preview]:
    one = Preview(site, "DEMO")
    yield one
    one.close()


async def test_a_file_that_the_site_lists_and_lost_is_named_and_the_others_come(
    run: Run, tmp_path: Path, practice: Practice
) -> None:
    for lost in (practice.folder / "archive").rglob("echo1.nii.gz"):
        lost.unlink()
    (outcome,) = await run.get(target(tmp_path / "out"))
    assert (outcome.verdict, codes(outcome)) == (Verdict.INCOMPLETE, ["resource.not_saved"])
    assert "echo1" in outcome.findings[0].what
    assert contents(tmp_path / "out") == {name: RESULT[name] for name in RESULT if "echo1" not in name}


@pytest.mark.parametrize("is_put", [False, True])
async def test_a_login_that_is_lost_for_good_ends_the_run(
    run: Run, tmp_path: Path, practice: Practice, *, is_put: bool
) -> None:
    practice.server.faults.add(parse("expired-login:path=/resources/"))
    practice.server.faults.add(parse("status:code=401,only=login"))
    act = run.put(target(tmp_path / "result", label="again")) if is_put else run.get(target(tmp_path / "out"))
    with pytest.raises(Problem) as told:
        await act
    assert told.value.finding.code.startswith("login.")
    assert not (tmp_path / "out").exists() or contents(tmp_path / "out") == {}
    practice.server.faults.clear()


async def test_what_the_site_refuses_ends_a_look_and_the_next_one_is_whole(
    run: Run, preview: Preview, tmp_path: Path, practice: Practice
) -> None:
    wanted = [target(tmp_path / "out")]
    practice.server.faults.add(parse("status:code=403,path=qBOLD/files"))
    with pytest.raises(Problem):
        _ = [one async for one in preview.get(wanted)]
    with pytest.raises(Problem):
        _ = [one async for one in preview.put([target(tmp_path / "result")], keeps_archive=False, creates=False)]
    practice.server.faults.clear()
    assert [one.state async for one in preview.get(wanted)] == [State.NEW]
    assert run


async def test_digests_of_many_files_are_kept_as_they_are_taken(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "_KEEP_EVERY", 2)
    (outcome,) = await run.put(target(tmp_path / "result", label="dry"), wishes=Wishes(is_dry=True))
    assert (outcome.verdict, outcome.tally.to_move) == (Verdict.PLANNED, 6)
    (outcome,) = await run.put(target(tmp_path / "result"))
    assert (outcome.verdict, outcome.tally.there) == (Verdict.DONE, 6)


async def test_one_call_that_fails_again_and_again_ends_its_target_and_no_other(
    run: Run, tmp_path: Path, practice: Practice
) -> None:
    practice.server.faults.add(parse("status:code=503,path=bad/files"))
    here = tmp_path / "result"
    bad, good = await run.put(target(here, label="bad"), target(here, label="good"))
    assert (bad.verdict, good.verdict, bad.tally.failed) == (Verdict.FAILED, Verdict.DONE, 6)
    assert codes(bad) == ["site.busy"]
    practice.server.faults.clear()
    practice.server.faults.add(parse("status:code=503,method=GET,path=files/.*echo1"))
    (got,) = await run.get(target(tmp_path / "out"))
    assert (got.verdict, got.tally.moved, codes(got)) == (Verdict.INCOMPLETE, 5, ["resource.not_saved"])


async def test_where_the_subjects_are_not_named_nothing_is_guessed(site: Site, tmp_path: Path) -> None:
    for path, session, label in ((f"{tmp_path}", "", "{subject}"), (f"{tmp_path}/{{subject}}", "one", "R")):
        with pytest.raises(Problem, match=r"resource\.bad_pattern"):
            await to_get(Request.parse(path, project="DEMO", session=session, label=label), site)
    (plain,) = to_put(Request.parse(f"{tmp_path}/../x", project="DEMO", label="R"))
    assert (plain.subject, plain.path) == ("", tmp_path.parent / "x")
