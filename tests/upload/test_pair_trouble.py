"""PAR/REC pairs whose files vanish, change or are refused: each says why it is not there, and the others arrive."""

from collections.abc import Callable
from pathlib import Path

import pytest

from convert.images import write_dicom, write_pair
from support import Practice
from upload.clocks import short_sleep
from upload.runs import explained, run, texts
from xnat_wizard.practice.faults import parse
from xnat_wizard.practice.store import Store
from xnat_wizard.upload import engine
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Fate, Plan, UploadState
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]

BOTH = pytest.mark.parametrize("destination", Destination)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give one session of a series and two pairs."""
    source = tmp_path / "source"
    write_dicom(source / "S1" / "d1", number=401, description="t1")
    write_pair(source / "S1" / "p1", "t1", protocol="t1", number=4)
    write_pair(source / "S1" / "p2", "t2", protocol="t2", number=5)
    return source


def remarks(journal: Journal) -> dict[str, tuple[Fate, str]]:
    """Return fate and remark of what is not stored, by path."""
    return {path: (fate, remark) for path, fate, remark in journal.fates() if fate is not Fate.STORED}


@BOTH
@pytest.mark.parametrize("half", ["PAR", "REC"])
async def test_a_half_that_is_gone_is_named_and_comes_with_the_next_try(
    site: Site, folder: Path, plan_for: PlanFor, new_journal: NewJournal, destination: Destination, half: str
) -> None:
    path = folder / "S1" / "p1" / f"t1.{half}"
    with new_journal(plan_for(folder, destination)) as journal:
        away = path.rename(folder.parent / path.name)
        assert await run(journal, site) is UploadState.INCOMPLETE, explained(journal)
        assert remarks(journal) == {f"S1/p1/t1.{half}": (Fate.NOT_SENT, "the file is gone since the survey")}
        assert any("is left out: the file is gone" in text for text in texts(journal))
        away.rename(path)
        assert await run(journal, site) is UploadState.DONE, explained(journal)
        assert remarks(journal) == {}


@BOTH
async def test_a_file_that_changes_while_the_site_is_away_is_named_and_not_sent(
    practice: Practice,
    site: Site,
    folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    destination: Destination,
) -> None:
    path = folder / "S1" / "p1" / "t1.REC"
    practice.server.faults.add(parse("status:code=503,only=files,path=t1.REC,times=1"))
    with new_journal(plan_for(folder, destination)) as journal:

        async def meanwhile(seconds: float) -> None:
            if journal.progress().trouble:
                path.write_bytes(b"another")
            await short_sleep(seconds)

        assert await engine.run(journal, site, sleep=meanwhile) is UploadState.INCOMPLETE, explained(journal)
        (told,) = remarks(journal).values()
        assert told[0] is Fate.NOT_SENT, (told, texts(journal))
        assert "bytes at the survey" in told[1]


@BOTH
async def test_pairs_that_the_site_refuses_are_named_with_its_reason(
    practice: Practice,
    site: Site,
    folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    destination: Destination,
) -> None:
    practice.server.faults.add(parse("status:code=403,only=files,path=t1"))
    with new_journal(plan_for(folder, destination)) as journal:
        assert await run(journal, site) is UploadState.INCOMPLETE, explained(journal)
        assert {path: fate for path, (fate, _) in remarks(journal).items()} == {
            "S1/p1/t1.PAR": Fate.REFUSED,
            "S1/p1/t1.REC": Fate.REFUSED,
        }
        assert all(remark for _, remark in remarks(journal).values())
        practice.server.faults.clear()
        assert await run(journal, site) is UploadState.DONE, explained(journal)


async def test_a_half_that_the_prearchive_lost_is_sent_once_more(
    practice: Practice, site: Site, folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    lost: list[str] = []

    def lose(store: Store) -> None:
        files = store.state.rows[0].resources["PARREC"].files
        lost.extend(name for name in list(files) if name.endswith("t1.REC") and files.pop(name))

    practice.server.faults.add(parse("status:code=503,method=GET,path=resources/PARREC/files/.*t1.REC,times=1"))
    with new_journal(plan_for(folder, Destination.PREARCHIVE)) as journal:

        async def meanwhile(seconds: float) -> None:
            if journal.progress().trouble and not lost:
                practice.on_loop(lose)
                for path in (practice.folder / "prearchive").rglob("t1.REC"):
                    path.unlink()
            await short_sleep(seconds)

        assert await engine.run(journal, site, sleep=meanwhile) is UploadState.DONE, explained(journal)
        assert any("1 files did not arrive, sending them again" in text for text in texts(journal)), texts(journal)
    assert lost == ["p1/t1.REC"]
    (stored,) = (practice.folder / "prearchive").rglob("t1.REC")
    assert stored.read_bytes() == (folder / "S1" / "p1" / "t1.REC").read_bytes()
