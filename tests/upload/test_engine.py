"""The engine against a real practice server."""

import json
import os
import shutil
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from support import Practice
from upload.clocks import Clock, short_sleep
from upload.runs import archived, digests, explained, run, texts
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.practice.faults import Fault, Kind
from xnat_wizard.practice.store import Config, Store
from xnat_wizard.upload import engine, parts, receipt
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.local import LocalSource
from xnat_wizard.upload.lock import UploadLock
from xnat_wizard.upload.model import Destination, Fate, Plan, Request, SessionState, UploadState
from xnat_wizard.upload.plan import edit
from xnat_wizard.xnat.errors import Retry, SiteProblem
from xnat_wizard.xnat.model import ImportAnswer, Login
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]


async def test_a_study_ends_in_the_archive_byte_for_byte(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    with new_journal(plan_for(study_folder)) as journal:
        assert await run(journal, site) is UploadState.DONE
        progress = journal.progress()
        assert {one.state for one in progress.sessions} == {SessionState.DONE}
        assert all(one.files_stored == one.files_sent == one.files_total for one in progress.sessions)
        assert progress.bytes_sent == progress.bytes_total
        made = journal.receipt()
    assert archived(practice) == digests(study_folder)
    assert made is not None
    assert (made.verdict, made.not_proven) == ("COMPLETE", ())
    assert {line.proof for line in made.lines} == {"MD5"}
    assert practice.on_loop(lambda store: store.state.rows) == []


async def test_a_study_ends_in_the_prearchive_and_stays_there(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    def archive_by_itself(store: Store) -> None:
        store.state.projects["DEMO"].prearchive_code = 4

    practice.on_loop(archive_by_itself)
    with new_journal(plan_for(study_folder, Destination.PREARCHIVE)) as journal:
        assert await run(journal, site) is UploadState.DONE
        assert {one.state for one in journal.progress().sessions} == {SessionState.DONE}
        made = journal.receipt()
    rows = practice.on_loop(
        lambda store: [(row.status, row.project, row.prevent_auto_commit) for row in store.state.rows]
    )
    assert rows == [("READY", "DEMO", True)] * 2
    assert digests(practice.folder / "prearchive") == digests(study_folder)
    assert made is not None
    assert made.verdict == "COMPLETE"
    assert {line.proof for line in made.lines} == {"file-name token"}
    assert made.not_proven


async def test_a_project_that_archives_by_itself_takes_an_upload_to_the_archive(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    def archive_by_itself(store: Store) -> None:
        store.state.projects["DEMO"].prearchive_code = 5

    practice.on_loop(archive_by_itself)
    with new_journal(plan_for(study_folder)) as journal:
        assert await run(journal, site) is UploadState.DONE
    assert archived(practice) == digests(study_folder)


@pytest.mark.parametrize("destination", Destination)
@pytest.mark.parametrize("tree", ["dicom-and-parrec-side-by-side", "parrec-only", "pet-ct-one-session"])
async def test_real_trees_arrive_file_for_file(
    practice: Practice,
    site: Site,
    shared_data: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    tree: str,
    destination: Destination,
) -> None:
    folder = shared_data / "trees" / "good" / tree
    with new_journal(plan_for(folder, destination)) as journal:
        assert await run(journal, site) is UploadState.DONE
        made = await receipt.verify(journal, site)
    assert made.verdict == "COMPLETE"
    arrived = archived(practice) + digests(practice.folder / "prearchive")
    assert sorted(arrived) == digests(folder)


async def test_what_the_server_has_is_not_sent_again(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    plan = plan_for(study_folder)
    with new_journal(plan) as first:
        await run(first, site)
        assert await run(first, site) is UploadState.DONE  # a finished upload is left as it is
    with new_journal(plan) as second:
        assert await run(second, site) is UploadState.DONE
        assert sum("on the server already" in text for text in texts(second)) == 2
    assert archived(practice) == digests(study_folder)
    assert practice.on_loop(lambda store: len(store.state.sessions)) == 2


async def test_a_second_copy_in_the_prearchive_is_left_alone(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    with new_journal(plan_for(study_folder)) as journal:
        await run(journal, site)
        path = next(path for path, _, _ in journal.fates())
        label = journal.progress().sessions[0].session_label
    size = (study_folder / path).stat().st_size
    stream = parts.ZipStream([parts.Item(1, LocalSource(study_folder), path, size, -1)])
    data = b"".join(stream.pieces())

    async def body() -> AsyncIterator[bytes]:
        yield data

    await site.import_zip("DEMO", "Person_01", label, body(), len(data))
    with new_journal(plan_for(study_folder)) as journal:
        assert await run(journal, site) is UploadState.DONE
        assert any("is left there" in text for text in texts(journal))
    assert practice.on_loop(lambda store: len(store.state.rows)) == 1
    assert archived(practice) == digests(study_folder)


async def test_a_session_archived_by_hand_in_mid_upload_is_completed(
    practice: Practice,
    login: Login,
    study_folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parts, "MAX_FILES", 3)
    archived_by_hand: list[str] = []

    class Interfering(Site):
        """Archives the first session after a part of one of its series, as a colleague might."""

        async def import_zip(
            self,
            project: str,
            subject: str,
            session: str,
            body: AsyncIterable[bytes],
            size_bytes: int,
            *,
            query: Mapping[str, str] | None = None,
        ) -> ImportAnswer:
            answer = await super().import_zip(project, subject, session, body, size_bytes, query=query)
            if len(archived_by_hand) == 1:
                with suppress(SiteProblem):  # other parts may be arriving
                    await self.build(answer.uris[0])
                    await self.archive(answer.uris[0])
            archived_by_hand.append(session)
            return answer

    async with await Interfering.connect(login) as site:
        with new_journal(plan_for(study_folder)) as journal:
            state = await run(journal, site)
            if state is UploadState.INCOMPLETE:  # a file that arrives while a session is archived can get lost
                state = await run(journal, site)
            assert state is UploadState.DONE, explained(journal)
    assert archived(practice) == digests(study_folder)


async def test_a_file_added_later_completes_the_archived_session(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal, tmp_path: Path
) -> None:
    series = sorted(path for path in study_folder.glob("*/*") if path.is_dir())[1]
    kept = tmp_path / "kept"
    shutil.move(series, kept)
    with new_journal(plan_for(study_folder)) as journal:
        assert await run(journal, site) is UploadState.DONE
    shutil.move(kept, series)
    with new_journal(plan_for(study_folder)) as journal:
        state = await run(journal, site)
        assert state is UploadState.DONE, texts(journal)
    assert archived(practice) == digests(study_folder)


async def test_a_file_that_changed_is_left_out_and_named(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    with new_journal(plan_for(study_folder)) as journal:
        path, _, _ = next(journal.fates())
        with (study_folder / path).open("ab") as file:
            file.write(b"x")
        assert await run(journal, site) is UploadState.INCOMPLETE
        assert [(one, fate) for one, fate, remark in journal.fates() if remark] == [(path, Fate.NOT_SENT)]
        states = [session.state for session in journal.progress().sessions]
        assert states == [SessionState.INCOMPLETE, SessionState.DONE]
        finding = journal.progress().sessions[0].finding
        assert finding is not None
        assert finding.code == "upload.incomplete"
        made = journal.receipt()
    assert made is not None
    assert made.verdict == "INCOMPLETE 1"
    assert len(archived(practice)) == len(digests(study_folder)) - 1


async def test_a_file_that_changes_while_its_part_travels_is_left_out(
    practice: Practice, login: Login, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    class Touching(Site):
        """Touches a file of the first part just before it is read."""

        path: Path

        async def import_zip(
            self,
            project: str,
            subject: str,
            session: str,
            body: AsyncIterable[bytes],
            size_bytes: int,
            *,
            query: Mapping[str, str] | None = None,
        ) -> ImportAnswer:
            os.utime(self.path, ns=(1, 1))
            return await super().import_zip(project, subject, session, body, size_bytes, query=query)

    async with await Touching.connect(login) as site:
        with new_journal(plan_for(study_folder)) as journal:
            path = [path for path, _, _ in journal.fates()][1]
            site.path = study_folder / path
            assert await run(journal, site) is UploadState.INCOMPLETE
            assert [one for one, fate, _ in journal.fates() if fate is not Fate.STORED] == [path]
    assert len(archived(practice)) == len(digests(study_folder)) - 1


async def test_files_the_server_cannot_read_are_found_one_by_one(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    with new_journal(plan_for(study_folder)) as journal:
        spoilt = [path for path, _, _ in journal.fates()][:9:4]
        for path in spoilt:
            file = study_folder / path
            before = file.stat()
            file.write_bytes(b"x" * before.st_size)
            os.utime(file, ns=(before.st_mtime_ns, before.st_mtime_ns))
        assert await run(journal, site) is UploadState.INCOMPLETE
        assert [path for path, fate, _ in journal.fates() if fate is Fate.REFUSED] == spoilt
        assert all(fate in {Fate.STORED, Fate.REFUSED} for _, fate, _ in journal.fates())
        remarks = {remark for _, fate, remark in journal.fates() if fate is Fate.REFUSED}
        assert all(remarks)
    assert len(archived(practice)) == len(digests(study_folder)) - len(spoilt)


async def test_a_series_the_site_drops_is_named(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    contents = json.dumps({"mode": "blacklist", "enabled": "true", "list": ".*localizer.*"})
    entry = Config("seriesImportFilter", "config", "DEMO", contents, "enabled", "owner", 0.0, 1)
    practice.on_loop(lambda store: store.state.configs.append(entry))
    with new_journal(plan_for(study_folder)) as journal:
        assert await run(journal, site) is UploadState.INCOMPLETE
        made = journal.receipt()
        assert made is not None
        dropped = [line for line in made.lines if not line.files_stored]
        assert [line.series_description for line in dropped] == ["localizer"]
        assert "kept nothing" in dropped[0].remark
        assert "kept nothing" in receipt.as_text(made)


async def test_a_label_taken_by_another_study_is_a_clash_that_leaves_all_in_the_prearchive(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    plan = plan_for(study_folder)
    first, second = plan.sessions
    other = edit(edit(plan, second.key, is_included=False), first.key, session_label="taken")
    with new_journal(other) as journal:
        assert await run(journal, site) is UploadState.DONE
    clash = edit(edit(plan, first.key, is_included=False), second.key, session_label="taken")
    with new_journal(clash) as journal:
        assert await run(journal, site) is UploadState.INCOMPLETE
        (session,) = journal.progress().sessions
        assert session.state is SessionState.FAILED
        assert session.finding is not None
        assert session.finding.code == "archive.clash"
        assert session.uri.startswith("/data/prearchive/projects/DEMO/")
        made = journal.receipt()
        assert made is not None
        assert made.verdict == "COMPLETE"  # every file is on the server
        assert all("prearchive" in place for place in made.places)


async def test_a_script_of_the_site_makes_names_the_proof(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    practice.anonymize()
    with new_journal(plan_for(study_folder)) as journal:
        assert await run(journal, site) is UploadState.DONE
        made = journal.receipt()
    assert made is not None
    assert made.verdict == "COMPLETE"
    assert {line.proof for line in made.lines} == {"file-name token"}
    assert "script" in made.not_proven[0]


class StrayingSite(Site):
    """A site that does not find the project of an import, and files it as unassigned (wire contract 5.7 step 2)."""

    async def import_zip(
        self,
        project: str,
        subject: str,
        session: str,
        body: AsyncIterable[bytes],
        size_bytes: int,
        *,
        query: Mapping[str, str] | None = None,
    ) -> ImportAnswer:
        return await super().import_zip(f"NO_{project}", subject, session, body, size_bytes, query=query)


async def test_images_that_land_elsewhere_are_found_at_once(
    practice: Practice, login: Login, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    async with await StrayingSite.connect(login) as site:
        with new_journal(plan_for(study_folder)) as journal:
            assert await run(journal, site) is UploadState.INCOMPLETE
            for session in journal.progress().sessions:
                assert session.state is SessionState.FAILED
                assert session.finding is not None
                assert session.finding.code == "upload.rerouted"
                assert session.finding.where == session.uri
                assert "/projects/Unassigned/" in session.uri


class LeavingServer(Site):
    """A connection to a practice server that goes away in the middle of the second part."""

    practice: Practice
    parts_before = 1

    async def import_zip(
        self,
        project: str,
        subject: str,
        session: str,
        body: AsyncIterable[bytes],
        size_bytes: int,
        *,
        query: Mapping[str, str] | None = None,
    ) -> ImportAnswer:
        if self.parts_before == 0:
            self.practice.stop()
        self.parts_before -= 1
        return await super().import_zip(project, subject, session, body, size_bytes, query=query)


async def test_a_server_that_goes_away_is_waited_for_then_the_upload_can_be_resumed(
    practice: Practice, login: Login, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    clock = Clock()
    with new_journal(plan_for(study_folder)) as journal:
        async with await LeavingServer.connect(login) as site:
            assert isinstance(site, LeavingServer)
            site.practice = practice
            state = await engine.run(journal, site, clock=clock, sleep=clock.sleep)
            assert state is UploadState.FAILED
        finding = journal.progress().finding
        assert finding is not None
        assert finding.code == "upload.server_gone"
        assert sum("Trying again in" in text for text in texts(journal)) > 10
        assert max(clock.waits) <= 40
        practice.start()
        async with await Site.connect(login) as site:
            assert await run(journal, site) is UploadState.DONE
    assert archived(practice) == digests(study_folder)


async def test_cancelling_says_what_stays_on_the_server(
    practice: Practice, login: Login, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    class Cancelling(Site):
        """Asks for a cancel after the first part, as a person would from the wizard."""

        path: Path

        async def import_zip(
            self,
            project: str,
            subject: str,
            session: str,
            body: AsyncIterable[bytes],
            size_bytes: int,
            *,
            query: Mapping[str, str] | None = None,
        ) -> ImportAnswer:
            answer = await super().import_zip(project, subject, session, body, size_bytes, query=query)
            with Journal.open(self.path) as wizard:
                wizard.request(Request.CANCEL)
            return answer

    async with await Cancelling.connect(login) as site:
        assert isinstance(site, Cancelling)
        with new_journal(plan_for(study_folder)) as journal:
            site.path = journal.path
            assert await run(journal, site) is UploadState.CANCELLED
            progress = journal.progress()
            assert {one.state for one in progress.sessions} <= {SessionState.CANCELLED, SessionState.DONE}
            assert any(one.finding and one.finding.code == "upload.cancelled" for one in progress.sessions)
            assert texts(journal)[-1] == "Cancelled"
            assert journal.receipt() is not None
            assert await run(journal, site) is UploadState.CANCELLED


async def test_a_paused_upload_waits_until_it_may_go_on(
    practice: Practice, login: Login, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    seen: list[UploadState] = []

    class Pausing(Site):
        """Asks for a pause with the first part, and to go on when the upload says that it is paused."""

        path: Path

        async def import_zip(
            self,
            project: str,
            subject: str,
            session: str,
            body: AsyncIterable[bytes],
            size_bytes: int,
            *,
            query: Mapping[str, str] | None = None,
        ) -> ImportAnswer:
            if not seen:
                with Journal.open(self.path) as wizard:
                    wizard.request(Request.PAUSE)
                    while wizard.progress().state is not UploadState.PAUSED:
                        await short_sleep(1)
                    seen.append(wizard.progress().state)
                    wizard.request(Request.GO_ON)
            return await super().import_zip(project, subject, session, body, size_bytes, query=query)

    async with await Pausing.connect(login) as site:
        assert isinstance(site, Pausing)
        with new_journal(plan_for(study_folder)) as journal:
            site.path = journal.path
            assert await run(journal, site) is UploadState.DONE
            assert seen == [UploadState.PAUSED]
            assert "Going on" in texts(journal)
    assert archived(practice) == digests(study_folder)


async def test_many_parts_travel_at_once_and_all_arrive(
    practice: Practice,
    site: Site,
    study_folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parts, "MAX_FILES", 1)
    with new_journal(plan_for(study_folder)) as journal:
        assert await run(journal, site) is UploadState.DONE
    assert archived(practice) == digests(study_folder)
    assert practice.on_loop(lambda store: len(store.state.sessions)) == 2


async def test_files_lost_on_the_server_are_sent_once_more(
    practice: Practice, login: Login, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    lost: list[str] = []

    class Forgetful(Site):
        """Loses one file between its arrival and the first build."""

        async def build(self, uri: str) -> None:
            if not lost:
                folder = practice.folder / uri.removeprefix("/data/").replace("prearchive/projects", "prearchive")
                victim = next(folder.rglob("*.dcm"))
                victim.unlink()
                lost.append(victim.name)
            await super().build(uri)

    async with await Forgetful.connect(login) as site:
        with new_journal(plan_for(study_folder)) as journal:
            assert await run(journal, site) is UploadState.DONE
            assert any("sending them again" in text for text in texts(journal))
    assert archived(practice) == digests(study_folder)


async def test_lost_answers_are_looked_up(
    practice: Practice, login: Login, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    lost: list[str] = []

    def lose(what: str) -> None:
        if what not in lost:
            lost.append(what)
            raise Retry(Finding("site.proxy_timeout", "The proxy did not wait", "It answered 504", ()), status=504)

    class BehindImpatientProxy(Site):
        """Does everything, and the first answer to each kind of request gets lost on the way."""

        async def import_zip(
            self,
            project: str,
            subject: str,
            session: str,
            body: AsyncIterable[bytes],
            size_bytes: int,
            *,
            query: Mapping[str, str] | None = None,
        ) -> ImportAnswer:
            answer = await super().import_zip(project, subject, session, body, size_bytes, query=query)
            lose("import")
            return answer

        async def build(self, uri: str) -> None:
            await super().build(uri)
            lose("build")

        async def archive(self, uri: str, *, overwrite: str = "", subject: str = "", session: str = "") -> str:
            place = await super().archive(uri, overwrite=overwrite, subject=subject, session=session)
            lose("archive")
            return place

    async with await BehindImpatientProxy.connect(login) as site:
        with new_journal(plan_for(study_folder)) as journal:
            state = await run(journal, site)
            assert state is UploadState.DONE, explained(journal)
    assert lost == ["import", "build", "archive"]
    assert archived(practice) == digests(study_folder)
    assert practice.on_loop(lambda store: store.state.rows) == []


async def test_a_receipt_made_later_finds_what_is_gone(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    def lose_a_session(store: Store) -> None:
        del store.state.sessions[next(iter(store.state.sessions))]

    with new_journal(plan_for(study_folder)) as journal:
        assert await run(journal, site) is UploadState.DONE
        first = journal.receipt()
        second = await receipt.verify(journal, site)
        assert second.verdict == "COMPLETE"
        practice.on_loop(lose_a_session)
        made = await receipt.verify(journal, site)
        assert made.verdict == "INCOMPLETE 16"
        assert [line.files_stored for line in made.lines[:5]] == [0] * 5
        assert journal.receipt() == made
        assert journal.earlier_receipts() == (first, second)


@pytest.mark.parametrize("only", ["import", "build", "archive", "prearchive"])
async def test_a_site_that_forgets_sessions_twice_in_a_row_does_not_end_an_upload(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal, only: str
) -> None:
    practice.server.faults.add(Fault(Kind.EXPIRED_LOGIN, only=only, nth=2, times=4))
    with new_journal(plan_for(study_folder)) as journal:
        assert await run(journal, site) is UploadState.DONE, explained(journal)
    assert practice.server.faults.hits(Kind.EXPIRED_LOGIN) >= 2
    assert archived(practice) == digests(study_folder)


async def test_a_receipt_tells_whether_scripts_and_filters_were_changed_since(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    def add_a_filter(store: Store) -> None:
        contents = '{"mode": "blacklist", "enabled": "true", "list": "scout"}'
        store.state.configs.append(Config("seriesImportFilter", "config", "DEMO", contents, "enabled", "o", 0.0, 1))

    names = [f"{owner}_{kind}_sha256" for kind in ("script", "filter") for owner in ("site", "project")]
    with new_journal(plan_for(study_folder)) as journal:
        assert await run(journal, site) is UploadState.DONE
        before = await receipt.verify(journal, site)
        practice.anonymize()
        practice.on_loop(add_a_filter)
        after = await receipt.verify(journal, site)
    assert [before.site_facts[name] for name in names] == ["", "", "", ""]
    assert [len(str(after.site_facts[name])) for name in names] == [64, 0, 0, 64]


async def test_a_folder_that_is_away_stops_the_upload_until_it_is_back(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    with new_journal(plan_for(study_folder)) as journal:
        away = study_folder.rename(study_folder.with_name("away"))
        assert await run(journal, site) is UploadState.FAILED
        finding = journal.progress().finding
        assert finding is not None
        assert finding.code == "upload.no_source"
        away.rename(study_folder)
        assert await run(journal, site) is UploadState.DONE
    assert archived(practice) == digests(study_folder)


async def test_two_runs_of_one_upload_exclude_each_other(
    site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    with new_journal(plan_for(study_folder)) as journal, UploadLock(journal.path):
        with pytest.raises(Problem, match=r"upload\.running"):
            await run(journal, site)
        assert journal.progress().state is UploadState.PLANNED
