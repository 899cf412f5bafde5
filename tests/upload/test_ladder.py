"""What a server or proxy refuses, and the way round it: against a real practice server with faults."""

from collections.abc import AsyncIterable, Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import Practice
from upload.clocks import short_sleep
from upload.runs import digests, run, texts
from xnat_wizard.findings import Finding
from xnat_wizard.practice.faults import Fault, Kind
from xnat_wizard.upload import engine, packing, parts
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.ladder import Ladder, Way
from xnat_wizard.upload.local import LocalSource
from xnat_wizard.upload.model import Compression, Fate, Options, Plan, UploadState
from xnat_wizard.upload.parts import Item, ZipStream
from xnat_wizard.upload.records import FileRow
from xnat_wizard.xnat.errors import Refused
from xnat_wizard.xnat.model import ImportAnswer, Login
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]


def row(number: int, size_bytes: int) -> FileRow:
    return FileRow(number, 1, f"{number}.dcm", size_bytes, -1, "", "", Fate.NOT_SENT, "", "")


@given(st.lists(st.integers(0, 10**6), max_size=50), st.lists(st.integers(1, 10**7), max_size=5))
def test_groups_keep_every_file_in_order_and_within_what_was_learnt(sizes: list[int], refused: list[int]) -> None:
    ladder = Ladder()
    files = [row(number, size) for number, size in enumerate(sizes)]
    limits = []
    for size in refused:
        ladder.too_large(size)
        limits.append(ladder.limit_bytes)
    assert limits == sorted(limits, reverse=True)
    groups = ladder.groups(files)
    assert [file for group in groups for file in group] == files
    for group in groups:
        total = sum(file.size_bytes for file in group)
        assert len(group) == 1 or not ladder.limit_bytes or total <= ladder.limit_bytes


def test_bare_files_are_preferred_after_several_that_no_zip_could_bring() -> None:
    ladder = Ladder()
    files = [row(number, 1) for number in range(3)]
    for _ in range(3):
        assert len(ladder.groups(files)) == 1
        ladder.accepted(Way.BARE, was_refused=True)
    assert [len(group) for group in ladder.groups(files)] == [1, 1, 1]
    ladder.accepted(Way.ZIP, was_refused=False)
    assert len(ladder.groups(files)) == 1


async def test_a_proxys_limit_is_learnt_once_and_kept_to(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    largest = max(path.stat().st_size for path in study_folder.rglob("*") if path.is_file())
    practice.server.faults.add(Fault(Kind.BODY_LIMIT, at=largest + 1000, only="import"))
    with new_journal(plan_for(study_folder)) as journal:
        assert await run(journal, site) is UploadState.DONE, texts(journal)
        told = [text for text in texts(journal) if "parts of at most" in text]
    assert digests(practice.folder / "archive") == digests(study_folder)
    assert 1 <= len(told) <= 3
    assert practice.server.faults.hits(Kind.BODY_LIMIT) <= 8


async def test_a_file_above_the_limit_gets_through_deflated(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    paths = [path for path in study_folder.rglob("*") if path.is_file()]
    source = LocalSource(study_folder)
    items = [Item(1, source, str(path.relative_to(study_folder)), path.stat().st_size, -1) for path in paths]
    limit = max(ZipStream([item], packing.squeeze([item])).size_bytes for item in items)
    assert max(item.size_bytes for item in items) > limit
    practice.server.faults.add(Fault(Kind.BODY_LIMIT, at=limit, only="import"))
    with new_journal(plan_for(study_folder)) as journal:
        state = await run(journal, site)
        fates = {fate for _, fate, _ in journal.fates()}
        assert state is UploadState.DONE, (fates, texts(journal))


class NoZips(Site):
    """Refuses zips, as a filter that looks into archives might."""

    zips = 0
    objects = 0

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
        self.zips += 1
        raise Refused(Finding("site.refused", "No archives", "A filter", ("Ask",)), status=400)

    async def import_object(
        self, project: str, subject: str, session: str, body: AsyncIterable[bytes], size_bytes: int
    ) -> ImportAnswer:
        self.objects += 1
        return await super().import_object(project, subject, session, body, size_bytes)


async def test_where_zips_are_refused_files_travel_bare(
    practice: Practice, login: Login, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    async with await NoZips.connect(login) as site:
        with new_journal(plan_for(study_folder)) as journal:
            assert await run(journal, site) is UploadState.DONE, texts(journal)
            count = journal.progress().files_total
        assert site.objects == count
        assert site.zips < count / 2
    assert digests(practice.folder / "archive") == digests(study_folder)


async def test_what_is_refused_alike_everywhere_stops_the_upload_early(
    practice: Practice,
    site: Site,
    study_folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parts, "MAX_FILES", 4)
    practice.server.faults.add(Fault(Kind.DISK_FULL, at=0, only="import"))
    with new_journal(plan_for(study_folder)) as journal:
        assert await run(journal, site) is UploadState.FAILED
        now = journal.progress()
        assert now.finding is not None
        assert now.finding.code == "upload.refused_alike"
        assert {fate for _, fate, _ in journal.fates()} == {Fate.NOT_SENT}
        assert practice.server.faults.hits(Kind.DISK_FULL) <= 3 * (
            1 + 6 + 6
        )  # a part, the files of it that are tried, and patience with the first of them
        practice.server.faults.clear()
        assert await run(journal, site) is UploadState.DONE, texts(journal)
    assert digests(practice.folder / "archive") == digests(study_folder)


async def test_trouble_is_shown_while_it_lasts_and_counted(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    practice.server.faults.add(Fault(Kind.STATUS, code=503, retry_after="1", only="import", times=3))
    practice.server.faults.add(Fault(Kind.STATUS, code=429, only="import", nth=3, times=2))
    practice.server.faults.add(Fault(Kind.GATEWAY_TIMEOUT, seconds=0, only="import", nth=5, times=1))
    seen: set[tuple[int, str]] = set()
    with new_journal(plan_for(study_folder)) as journal:

        async def sleep(seconds: float) -> None:
            seen.add((journal.progress().connections, journal.progress().trouble))
            await short_sleep(seconds)

        assert await engine.run(journal, site, sleep=sleep) is UploadState.DONE, texts(journal)
        now = journal.progress()
    assert now.retries >= 4
    assert (now.connections, now.trouble) == (0, "")
    assert "The site is not available at the moment" in {words for _, words in seen}
    assert any(count for count, _ in seen)
    assert digests(practice.folder / "archive") == digests(study_folder)


@pytest.mark.parametrize("kind", [Kind.CUT_REQUEST, Kind.LOST_ANSWER, Kind.EXPIRED_LOGIN])
async def test_deflated_parts_arrive_whole_whatever_happens_to_them(
    practice: Practice,
    site: Site,
    study_folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    monkeypatch: pytest.MonkeyPatch,
    kind: Kind,
) -> None:
    monkeypatch.setattr(parts, "MAX_FILES", 3)
    monkeypatch.setattr(packing, "MEASURE_S", 1e-9)
    monkeypatch.setattr(packing, "MEASURE_BYTES", 1)
    monkeypatch.setattr(packing, "SHARE", 1e9)
    practice.server.faults.add(Fault(kind, at=3000, only="import", nth=3, times=1))
    with new_journal(plan_for(study_folder)) as journal:
        journal.set_options(Options(compression=Compression.MEASURED))
        assert await run(journal, site) is UploadState.DONE, texts(journal)
        assert any("compressed on their way" in text for text in texts(journal))
        assert journal.progress().bytes_sent == journal.progress().bytes_total
    assert digests(practice.folder / "archive") == digests(study_folder)


async def test_the_limit_of_an_upload_is_kept(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await short_sleep(seconds)

    with new_journal(plan_for(study_folder)) as journal:
        journal.set_options(Options(limit_bytes_s=100_000))
        assert await engine.run(journal, site, sleep=sleep) is UploadState.DONE
        total = journal.progress().bytes_total
    assert sum(waits) > total / 100_000 / 2
