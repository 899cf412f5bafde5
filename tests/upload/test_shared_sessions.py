"""A session of another project that is shared into this one: it is shown and read, and nothing is added to it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from support import Practice
from upload.resources import Run, codes, contents, target, write
from upload.runs import run as run_upload
from upload.test_wrong_hands import failure, only_first
from xnat_wizard.practice.store import Project, Store
from xnat_wizard.upload import receipt
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Plan, SessionState, UploadState
from xnat_wizard.upload.resource_transfer.model import Verdict, Wishes
from xnat_wizard.upload.resource_transfer.previewing import Preview, Seen, State
from xnat_wizard.xnat.resources import Address
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]


def add_project(store: Store) -> None:
    store.state.projects["OTHER"] = Project("OTHER", "Other", "Other", 0.0, "owner", members={"owner": "owner"})


def share_all(store: Store) -> None:
    """Show every session of the other project in DEMO, under its label."""
    for session in store.state.sessions.values():
        if session.project == "OTHER":
            session.shares["DEMO"] = session.label


@pytest.fixture
def run(site: Site, tmp_path: Path, practice: Practice) -> Run:
    practice.on_loop(add_project)
    return Run(site, tmp_path / "journal")


@pytest.fixture
async def preview(site: Site) -> AsyncIterator[Preview]:
    one = Preview(site, "DEMO")
    yield one
    one.close()


async def test_results_are_read_from_it_and_never_added(
    run: Run, preview: Preview, practice: Practice, tmp_path: Path
) -> None:
    here = write(tmp_path / "here", {"a": b"1"})
    away = Address("OTHER", "p1", "p1-mri")
    await run.put(target(here, away), wishes=Wishes(creates=True))
    practice.on_loop(share_all)
    shared = Address("DEMO", "", "p1-mri")

    (put,) = await run.put(target(here, shared, "more"))
    assert (put.verdict, codes(put)) == (Verdict.FAILED, ["resource.shared"])
    assert "--project OTHER" in put.findings[0].todo[0]
    (seen,) = [one async for one in preview.put([target(here, shared, "more")], keeps_archive=False, creates=False)]
    assert (seen.state, seen.state.can_move, code(seen)) == (State.REFUSED, False, "resource.shared")

    (seen,) = [one async for one in preview.get([target(tmp_path / "out", shared)])]
    assert (seen.state, seen.files) == (State.NEW, 1)
    (got,) = await run.get(target(tmp_path / "out", shared))
    assert (got.verdict, contents(tmp_path / "out")) == (Verdict.DONE, {"a": b"1"})


def code(seen: Seen) -> str:
    return seen.finding.code if seen.finding else ""


async def test_a_label_that_names_one_of_this_project_too_is_ambiguous(
    run: Run, preview: Preview, practice: Practice, tmp_path: Path
) -> None:
    here = write(tmp_path / "here", {"a": b"1"})
    for project in ("OTHER", "DEMO"):
        await run.put(target(here, Address(project, "p1", "p1-mri")), wishes=Wishes(creates=True))
    practice.on_loop(share_all)
    both = target(here, Address("DEMO", "", "p1-mri"))
    (put,) = [one async for one in preview.put([both], keeps_archive=False, creates=False)]
    (got,) = [one async for one in preview.get([both])]
    for seen in (put, got):
        assert (seen.state, code(seen)) == (State.AMBIGUOUS, "resource.no_holder")
        assert seen.finding
        assert "DEMO, OTHER" in seen.finding.why


async def test_what_is_not_there_or_of_somebody_else_is_not_saved(run: Run, preview: Preview, tmp_path: Path) -> None:
    here = write(tmp_path / "here", {"a": b"1"})
    await run.put(target(here, Address("DEMO", "p1", "p1-mri")), wishes=Wishes(creates=True))
    places = {
        Address("DEMO", "p2", "p1-mri"): (State.AMBIGUOUS, "label.other_subject"),
        Address("DEMO", "", "P1-mri"): (State.NO_HOLDER, "resource.no_holder"),
        Address("DEMO", "P2"): (State.NO_HOLDER, "resource.no_holder"),
    }
    seen = {one.target.address: one async for one in preview.get([target(tmp_path / "out", one) for one in places])}
    assert {address: (one.state, code(one)) for address, one in seen.items()} == places


@pytest.mark.parametrize("destination", Destination)
@pytest.mark.parametrize("is_ours", [False, True])
async def test_images_are_not_sent_into_it(
    run: Run,
    site: Site,
    practice: Practice,
    study_folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    destination: Destination,
    *,
    is_ours: bool,
) -> None:
    """Either it holds the very images, or only its label is that of the plan."""
    plan = only_first(plan_for(study_folder, destination), "sub")
    (planned,) = plan.included
    if is_ours:
        with new_journal(replace(plan, project="OTHER", destination=Destination.ARCHIVE)) as journal:
            assert await run_upload(journal, site) is UploadState.DONE
    else:
        await site.ensure_session("OTHER", "sub", planned.session_label, "xnat:mrSessionData")
    practice.on_loop(share_all)
    before = contents(practice.folder / "archive")
    with new_journal(plan) as journal:
        ended = await failure(journal, site)
    if is_ours:
        assert ended == (UploadState.INCOMPLETE, SessionState.FAILED, "archive.other_project")
        assert practice.on_loop(lambda store: list(store.state.rows)) == []
    elif destination is Destination.ARCHIVE:
        assert ended == (UploadState.INCOMPLETE, SessionState.FAILED, "archive.clash")
    else:
        assert ended == (UploadState.DONE, SessionState.DONE, "")
    assert contents(practice.folder / "archive") == before


async def test_what_was_moved_to_another_project_since_and_shared_back_is_not_called_there(
    run: Run, site: Site, practice: Practice, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    def move(store: Store) -> None:
        (session,) = store.state.sessions.values()
        session.project = "OTHER"
        session.shares["DEMO"] = session.label

    with new_journal(only_first(plan_for(study_folder), "sub")) as journal:
        assert await run_upload(journal, site) is UploadState.DONE
        total = journal.progress().files_total
        practice.on_loop(move)
        made = await receipt.verify(journal, site)
    assert made.verdict == f"INCOMPLETE {total}"
