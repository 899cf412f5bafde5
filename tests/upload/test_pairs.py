"""PAR/REC pairs beside DICOM: large ones in the prearchive, and none for anybody else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from support import Practice
from upload.runs import run
from xnat_wizard.practice.store import Config, Store
from xnat_wizard.upload import places
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Plan, UploadState
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]


@pytest.fixture
def folder(shared_data: Path) -> Path:
    return shared_data / "trees" / "good" / "dicom-and-parrec-side-by-side"


async def test_large_files_are_proved_by_name_and_size_in_the_prearchive(
    practice: Practice,
    site: Site,
    folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places, "READ_BACK_BYTES", 10)
    with new_journal(plan_for(folder, Destination.PREARCHIVE)) as journal:
        assert await run(journal, site) is UploadState.DONE
        made = journal.receipt()
    assert made is not None
    assert {line.proof for line in made.lines if line.modality == "PAR/REC"} == {"name and size"}


async def test_pairs_do_not_join_a_session_of_somebody_else(
    practice: Practice, site: Site, folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    def drop_all(store: Store) -> None:
        contents = '{"mode": "whitelist", "enabled": "true", "list": "nothing"}'
        store.state.configs.append(Config("seriesImportFilter", "config", "DEMO", contents, "enabled", "o", 0.0, 1))

    plan = plan_for(folder)
    (first,) = (one for one in plan.included if one.pairs and one.series)
    await site.ensure_session("DEMO", "somebody", first.session_label, "xnat:mrSessionData")
    practice.on_loop(drop_all)
    with new_journal(replace(plan, sessions=(first,))) as journal:
        assert await run(journal, site) is UploadState.INCOMPLETE
    (there,) = practice.on_loop(lambda store: list(store.state.sessions.values()))
    assert there.resources == {}
