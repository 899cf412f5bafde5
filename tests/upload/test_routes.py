"""The route of a plan: written down, kept in the journal, obeyed by the engine, told by the receipt."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice.sending import rows
from support import Practice
from upload.builders import pair, series, survey
from upload.dicom_sends import peer_of
from upload.runs import archived, digests, explained, run
from xnat_wizard.findings import Problem, Severity
from xnat_wizard.practice.faults import Fault, Kind
from xnat_wizard.upload import estimate, uploads
from xnat_wizard.upload.cstore.peer import Peer, Scheme
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.ladder import Ladder, Way
from xnat_wizard.upload.model import Compression, Destination, Options, Plan, Request, Route, UploadState
from xnat_wizard.upload.plan import check, draft, load, save
from xnat_wizard.upload.travel_words import pace_text, travel_text
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]
titles = st.text("ABCXYZ_0189", min_size=1, max_size=16)
peers = st.builds(
    Peer,
    host=st.sampled_from(["xnat.example.org", "127.0.0.1", "fe80::1"]),
    port=st.integers(1, 65535),
    ae_title=titles,
    calling=titles,
    scheme=st.sampled_from(Scheme),
    associations=st.integers(1, 16),
    idle_s=st.floats(1, 600),
    is_dcmsend=st.booleans(),
)
options = st.builds(
    Options,
    limit_bytes_s=st.integers(0, 10**10),
    most_connections=st.integers(1, 12),
    compression=st.sampled_from(Compression),
)


def small() -> Plan:
    """Return a plan of two sessions that lie nowhere."""
    return draft(
        survey(series("A/one"), pair("B")), site_url="http://x", project="DEMO", destination=Destination.PREARCHIVE
    )


@given(st.sampled_from(Route), st.none() | peers, options)
def test_how_it_travels_survives_the_plan_file(
    tmp_path_factory: pytest.TempPathFactory, route: Route, peer: Peer | None, speed: Options
) -> None:
    plan = replace(small(), route=route, receiver=peer, options=speed)
    path = tmp_path_factory.mktemp("plan") / "plan.json"
    save(plan, path)
    assert load(path) == plan


@given(st.sampled_from(Route), peers, options)
def test_how_it_travels_survives_the_journal(
    tmp_path_factory: pytest.TempPathFactory, route: Route, peer: Peer, speed: Options
) -> None:
    plan = replace(small(), route=route, receiver=peer, options=speed)
    with Journal.create(tmp_path_factory.mktemp("journal"), plan) as journal:
        kept = journal.plan()
        assert (kept.route, kept.options, journal.options()) == (route, speed, speed)
        assert kept.receiver == (peer if route is Route.DICOM else None)
        assert bool(journal.receiver) is (route is Route.DICOM)


def test_an_upload_that_was_left_is_the_same_only_by_the_same_route_to_the_same_receiver(
    study_folder: Path, plan_for: PlanFor
) -> None:
    plan = plan_for(study_folder)
    dicom = replace(plan, route=Route.DICOM, receiver=Peer("127.0.0.1", 8104))
    path = uploads.begin(dicom)
    assert dicom.receiver is not None
    assert uploads.unfinished(dicom) == path
    assert uploads.unfinished(replace(dicom, receiver=replace(dicom.receiver, associations=2, calling="ME"))) == path
    for other in (
        plan,
        replace(plan, route=Route.GRADUAL),
        replace(dicom, receiver=replace(dicom.receiver, port=8105)),
        replace(dicom, receiver=replace(dicom.receiver, ae_title="OTHER")),
        replace(dicom, receiver=replace(dicom.receiver, scheme=Scheme.NAMES)),
    ):
        assert uploads.unfinished(other) is None
    left = uploads.begin(plan)
    assert uploads.unfinished(replace(plan, receiver=dicom.receiver)) == left  # which no one asks over HTTP


def test_a_plan_by_dicom_without_a_receiver_is_stopped() -> None:
    plan = replace(small(), route=Route.DICOM)
    stops = [finding.code for finding in check(plan) if finding.severity is Severity.STOP]
    assert stops == ["plan.no_receiver"]
    told = [finding.code for finding in check(replace(plan, receiver=Peer("h", 1)))]
    assert "plan.no_receiver" not in told
    assert "plan.pairs_over_http" in told
    assert "plan.pairs_over_http" not in [finding.code for finding in check(small())]


def test_labels_that_the_identification_cannot_hold_stop_a_plan() -> None:
    plan = replace(small(), project="my demo", route=Route.DICOM, receiver=Peer("h", 1))
    (stop,) = [finding for finding in check(plan) if finding.severity is Severity.STOP]
    assert stop.code == "cstore.bad_identification"
    assert all(finding.code != stop.code for finding in check(replace(plan, route=Route.IMPORT)))


def test_one_by_one_says_what_it_costs() -> None:
    plan = replace(small(), route=Route.GRADUAL)
    (told,) = [finding for finding in check(plan) if finding.code == "plan.gradual"]
    assert "2 instead of 1" in told.what
    assert told.severity is Severity.NOTE
    assert estimate.assumed(Route.GRADUAL).seconds(100, 0) > estimate.assumed(Route.IMPORT).seconds(100, 0)


def test_how_it_travels_is_said_in_words() -> None:
    plan = replace(small(), options=Options(5_000_000, 6, Compression.NEVER))
    assert travel_text(plan).startswith("Import: many files")
    assert pace_text(plan) == "at most 5.0 MB/s, at most 6 connections, compression: never"
    assert travel_text(replace(plan, route=Route.GRADUAL)).startswith("Gradual: one file in each")
    dicom = replace(plan, route=Route.DICOM, receiver=Peer("h", 104, "HERE", scheme=Scheme.NAMES))
    assert travel_text(dicom).startswith("C-STORE to HERE at h port 104: project into Study Description")
    assert pace_text(dicom) == "at most 5.0 MB/s, at most 4 connections"
    assert travel_text(replace(dicom, receiver=None)).startswith("C-STORE to nobody yet")


def test_the_rung_of_single_files_is_kept_from_the_start() -> None:
    ladder = Ladder(is_gradual=True)
    ladder.accepted(Way.ZIP, was_refused=True)
    assert ladder.is_bare


@pytest.mark.parametrize("destination", Destination)
async def test_one_by_one_no_zip_is_sent_and_everything_arrives(
    practice: Practice,
    site: Site,
    plan_for: PlanFor,
    new_journal: NewJournal,
    study_folder: Path,
    destination: Destination,
) -> None:
    practice.server.faults.add(Fault(Kind.STATUS, code=503, path="DICOM-zip", times=1))
    journal = new_journal(replace(plan_for(study_folder, destination), route=Route.GRADUAL))
    assert await run(journal, site) is UploadState.DONE, explained(journal)
    assert practice.server.faults.hits(Kind.STATUS) == 0
    if destination is Destination.ARCHIVE:
        assert archived(practice) == digests(study_folder)
    made = json.loads((journal.path.parent / "receipt.json").read_text())
    assert (made["way"], made["handler"].partition(";")[0]) == ("in-body import", "gradual-DICOM")
    assert made["verdict"] in {"COMPLETE", "COMPLETE BY COUNT"}


async def test_the_usual_route_begins_with_zips(
    practice: Practice, site: Site, plan_for: PlanFor, new_journal: NewJournal, study_folder: Path
) -> None:
    practice.server.faults.add(Fault(Kind.STATUS, code=503, path="DICOM-zip", times=1))
    assert await run(new_journal(plan_for(study_folder, Destination.PREARCHIVE)), site) is UploadState.DONE
    assert practice.server.faults.hits(Kind.STATUS) == 1


async def test_a_plan_by_dicom_is_sent_like_one_that_was_given_a_receiver(
    practice: Practice, site: Site, plan_for: PlanFor, new_journal: NewJournal, study_folder: Path
) -> None:
    plan = replace(plan_for(study_folder, Destination.PREARCHIVE), route=Route.DICOM, receiver=peer_of(practice))
    journal = new_journal(plan)
    assert await run(journal, site) is UploadState.DONE, explained(journal)
    assert journal.dicom_statuses() == {0: journal.progress().files_total}
    assert {row.project for row in rows(practice)} == {"DEMO"}
    made = json.loads((journal.path.parent / "receipt.json").read_text())
    assert (made["way"], made["handler"]) == ("C-STORE", "")


async def test_without_a_receiver_nothing_is_sent(
    site: Site, plan_for: PlanFor, new_journal: NewJournal, study_folder: Path
) -> None:
    journal = new_journal(replace(plan_for(study_folder), route=Route.DICOM))
    with pytest.raises(Problem, match=r"plan\.no_receiver"):
        await run(journal, site)


async def test_a_limit_holds_for_dicom_and_a_cancel_does_not_wait_for_it(
    practice: Practice, site: Site, plan_for: PlanFor, new_journal: NewJournal, study_folder: Path
) -> None:
    journal = new_journal(by_dicom(plan_for(study_folder), practice, Options(limit_bytes_s=1000)))
    work = asyncio.create_task(run(journal, site))
    await until(lambda: journal.progress().connections > 0, work)
    journal.request(Request.CANCEL)
    assert await work is UploadState.CANCELLED
    assert journal.dicom_statuses() == {None: journal.progress().files_total}


async def test_by_dicom_an_upload_pauses_and_goes_on(
    practice: Practice, site: Site, plan_for: PlanFor, new_journal: NewJournal, study_folder: Path
) -> None:
    journal = new_journal(by_dicom(plan_for(study_folder), practice, Options(limit_bytes_s=2_000_000)))
    work = asyncio.create_task(run(journal, site))
    await until(lambda: journal.progress().connections > 0, work)
    journal.request(Request.PAUSE)
    await until(lambda: journal.progress().state is UploadState.PAUSED, work)
    journal.request(Request.GO_ON)
    assert await work is UploadState.DONE, explained(journal)


async def test_a_cancel_by_dicom_says_that_the_site_goes_on_by_itself(
    practice: Practice, site: Site, plan_for: PlanFor, new_journal: NewJournal, study_folder: Path
) -> None:
    journal = new_journal(by_dicom(plan_for(study_folder), practice, Options(limit_bytes_s=400_000)))
    work = asyncio.create_task(run(journal, site))
    await until(lambda: journal.dicom_statuses().get(0, 0) > 0, work)
    journal.request(Request.CANCEL)
    assert await work is UploadState.CANCELLED
    said = [one.finding for one in journal.progress().sessions if one.finding]
    assert said
    assert all("XNAT goes on with it by itself" in one.why for one in said)
    assert not any("told not to go on" in one.why for one in said)


async def test_no_more_associations_are_opened_than_connections_are_allowed(
    practice: Practice, site: Site, plan_for: PlanFor, new_journal: NewJournal, study_folder: Path
) -> None:
    journal = new_journal(by_dicom(plan_for(study_folder), practice, Options(most_connections=1)))
    most = 0

    def looks() -> bool:
        nonlocal most
        most = max(most, journal.progress().connections)
        return work.done()

    work = asyncio.create_task(run(journal, site))
    await until(looks)
    assert work.result() is UploadState.DONE
    assert most == 1


def by_dicom(plan: Plan, practice: Practice, speed: Options) -> Plan:
    """Return a plan that goes to the practice server's receiver."""
    return replace(plan, route=Route.DICOM, receiver=peer_of(practice), options=speed)


async def until(is_so: Callable[[], bool], work: "asyncio.Task[UploadState] | None" = None) -> None:
    """Let the upload work until something is so."""
    async with asyncio.timeout(20):
        while not is_so():
            assert work is None or not work.done(), "the upload ended first"
            await asyncio.sleep(0.001)


async def test_by_dicom_sessions_wait_in_a_project_that_archives_by_itself(
    practice: Practice, site: Site, plan_for: PlanFor, new_journal: NewJournal, study_folder: Path
) -> None:
    practice.on_loop(lambda store: setattr(store.state.projects["DEMO"], "prearchive_code", 4))
    journal = new_journal(by_dicom(plan_for(study_folder, Destination.PREARCHIVE), practice, Options()))
    assert await run(journal, site) is UploadState.DONE, explained(journal)
    assert [(row.project, row.status) for row in rows(practice)] == [("DEMO", "READY")] * 2
