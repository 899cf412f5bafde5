"""Files that are spoilt, vanish or grow while a resource is sent, and on the way by DICOM that takes names out.

What was spoilt is named and is not there under its name; the others arrive; a second run ends it.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from hardening.spoiling import SPOILING, Spoil, cut_short, grow, vanish
from support import Practice
from upload.clocks import Clock
from upload.dicom_sends import peer_of
from upload.resources import Run, on_disk, target, write
from upload.runs import explained
from xnat_wizard.upload import engine
from xnat_wizard.upload.cstore import batch
from xnat_wizard.upload.deidentify.choice import Deidentification
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Fate, Plan, Route, UploadState
from xnat_wizard.upload.resource_transfer import sending
from xnat_wizard.upload.resource_transfer.model import Verdict
from xnat_wizard.xnat.answers import Answer
from xnat_wizard.xnat.http import Http, Upload
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]

FILES = {name: name.encode() * 300_000 for name in ("1.bin", "2.bin", "3.bin", "4.bin")}
SPOILT = "3.bin"


@pytest.fixture
def run(site: Site, tmp_path: Path) -> Run:
    return Run(site, tmp_path / "journal")


class Cut:
    """A body that does something after its first piece."""

    def __init__(self, upload: Upload, act: Callable[[], None]) -> None:
        self._pieces, self._act = upload.pieces, act

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._pieces:
            yield piece
            self._act()


@pytest.fixture
def on_body(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """Do what is put into this list, once, when the first body of a request has begun to leave."""
    waiting: list[Callable[[], None]] = []
    send = Http.send

    def once() -> None:
        if waiting:
            waiting.pop()()

    @wraps(send)
    async def cut(self: Http, *args: Any, upload: Upload | None = None, **words: Any) -> Answer:
        body = replace(upload, pieces=Cut(upload, once)) if upload else None
        return await send(self, *args, upload=body, **words)

    monkeypatch.setattr(Http, "send", cut)
    return waiting


@pytest.mark.parametrize("way", ["alone", "together"])
@pytest.mark.parametrize("spoil", SPOILING, ids=lambda spoil: spoil.__name__)
async def test_a_file_of_a_resource_that_is_spoilt_is_named_and_the_others_arrive(
    run: Run,
    practice: Practice,
    tmp_path: Path,
    on_body: list[Callable[[], None]],
    monkeypatch: pytest.MonkeyPatch,
    spoil: Spoil,
    way: str,
) -> None:
    if way == "alone":
        monkeypatch.setattr(sending, "MOST_FILES", 1)
    folder = write(tmp_path / "result", FILES)
    on_body.append(lambda: spoil(folder / SPOILT))
    (outcome,) = await run.put(target(folder))
    assert outcome.verdict is Verdict.INCOMPLETE, outcome
    assert any(SPOILT in finding.as_text() for finding in outcome.findings), outcome.findings
    assert all(finding.what and finding.why and finding.todo for finding in outcome.findings)
    others = {name: data for name, data in FILES.items() if name != SPOILT}
    assert on_disk(practice, "qBOLD") == others
    shutil.rmtree(folder)
    write(folder, FILES)
    (again,) = await run.put(target(folder))
    assert again.verdict is Verdict.DONE, again.findings
    assert on_disk(practice, "qBOLD") == FILES


@pytest.mark.parametrize("way", ["alone", "together"])
@pytest.mark.parametrize("spoil", [vanish, cut_short, grow], ids=lambda spoil: spoil.__name__)
async def test_a_file_that_is_spoilt_while_it_leaves_itself_is_never_called_done_as_another(
    run: Run,
    practice: Practice,
    tmp_path: Path,
    on_body: list[Callable[[], None]],
    monkeypatch: pytest.MonkeyPatch,
    spoil: Spoil,
    way: str,
) -> None:
    if way == "alone":
        monkeypatch.setattr(sending, "MOST_FILES", 1)
    files = {"0.bin": b"0123456789abcdef" * 500_000, **FILES}  # several pieces
    folder = write(tmp_path / "result", files)
    on_body.append(lambda: spoil(folder / "0.bin"))
    (outcome,) = await run.put(target(folder))
    there = on_disk(practice, "qBOLD")
    assert there.get("0.bin", files["0.bin"]) == files["0.bin"]  # as it was surveyed, or not at all
    if outcome.verdict is Verdict.DONE:  # it was open already, and was read to its end as it was
        assert there == files
    else:
        assert any("0.bin" in finding.as_text() for finding in outcome.findings), outcome.findings
    assert {name: data for name, data in there.items() if name != "0.bin"} == FILES


@pytest.fixture
def by_three(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Callable[[], None]]]:
    """Send by DICOM three images at a time; do what is put into this list, once, when the first three have gone."""
    waiting: list[Callable[[], None]] = []
    send, count = batch.send, 0

    def counted(*args: Any, **words: Any) -> batch.Told:
        nonlocal count
        count += 1
        if count > 1 and waiting:
            waiting.pop()()
        return send(*args, **words)

    monkeypatch.setattr(batch, "send", counted)
    monkeypatch.setattr(batch, "MOST_FILES", 3)
    yield waiting
    assert not waiting


@pytest.mark.parametrize("is_deidentified", [True, False], ids=["names taken out", "as it is"])
@pytest.mark.parametrize("spoil", SPOILING, ids=lambda spoil: spoil.__name__)
async def test_by_dicom_a_spoilt_file_is_named_the_rest_arrives_and_a_resume_ends_it(
    practice: Practice,
    site: Site,
    study_folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    by_three: list[Callable[[], None]],
    spoil: Spoil,
    is_deidentified: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    receiver = peer_of(practice, associations=1, connect_s=2, idle_s=2, answer_s=2)
    plan = replace(
        plan_for(study_folder),
        route=Route.DICOM,
        receiver=receiver,
        deidentification=Deidentification.of(frozenset()) if is_deidentified else None,
    )
    last = plan.included[-1].series[-1].instances[-1].path
    kept = (study_folder / last).read_bytes()
    times = (study_folder / last).stat()
    by_three.append(lambda: spoil(study_folder / last))
    with new_journal(plan) as journal:
        clock = Clock()
        assert await engine.run(journal, site, clock=clock, sleep=clock.sleep) is UploadState.INCOMPLETE
        fates = {path: (fate, remark) for path, fate, remark in journal.fates()}
        fate, remark = fates.pop(last)
        assert fate is Fate.NOT_SENT
        assert remark
        assert {fate for fate, _ in fates.values()} == {Fate.STORED}, explained(journal)
        made = journal.receipt()
        assert made is not None
        assert made.verdict == "INCOMPLETE 1"
        await asyncio.to_thread(restore, study_folder / last, kept, times.st_mtime_ns)
        assert await engine.run(journal, site, clock=clock, sleep=clock.sleep) is UploadState.DONE, explained(journal)
        made = journal.receipt()
        assert made is not None
        assert made.verdict == "COMPLETE"


def restore(path: Path, data: bytes, mtime_ns: int) -> None:
    """Put a file back as it was."""
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    path.write_bytes(data)
    os.utime(path, ns=(mtime_ns, mtime_ns))
