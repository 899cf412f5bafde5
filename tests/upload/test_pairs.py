"""PAR/REC pairs beside DICOM: in which scan they lie, large ones in the prearchive, and none for anybody else."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from convert.images import write_dicom, write_pair
from support import Practice
from upload import builders
from upload.runs import run, texts
from xnat_wizard.dicom.model import ParRecPair, Series
from xnat_wizard.practice.store import Config, Store
from xnat_wizard.upload import pair_scans, places, receipt
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Plan, UploadState
from xnat_wizard.upload.pair_scans import Acquisition, KnownScan, Place, choose
from xnat_wizard.upload.plan import draft
from xnat_wizard.xnat.model import RemoteFile
from xnat_wizard.xnat.scans import ScanDraft
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


def lying(practice: Practice) -> dict[str, list[str]]:
    """Return which files lie in the resource PARREC of each scan of the archive; those of a session under ""."""

    def look(store: Store) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for session in store.state.sessions.values():
            holders = {"": session.resources, **{scan.id: scan.resources for scan in session.scans.values()}}
            for scan_id, resources in holders.items():
                if "PARREC" in resources:
                    found.setdefault(scan_id, []).extend(resources["PARREC"].files)
        return {scan_id: sorted(names) for scan_id, names in found.items()}

    return practice.on_loop(look)


def said_of(practice: Practice, scan_id: str) -> dict[str, str]:
    """Return what the archive says of a scan."""

    def look(store: Store) -> dict[str, str]:
        (scan,) = (one.scans[scan_id] for one in store.state.sessions.values() if scan_id in one.scans)
        wanted = ("type", "series_description", "note", "quality")
        return {"xsi_type": scan.xsi_type, **{name: scan.fields.get(name, "") for name in wanted}}

    return practice.on_loop(look)


async def test_each_pair_gets_a_scan_that_says_what_it_is(
    practice: Practice, site: Site, tmp_path: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    write_pair(tmp_path / "S1" / "a", "t1", protocol="WIP T1 3D SENSE", number=4)
    write_pair(tmp_path / "S1" / "b", "rest", protocol="rest", number=5)
    with new_journal(plan_for(tmp_path)) as journal:
        assert await run(journal, site) is UploadState.DONE
        made = await receipt.verify(journal, site)
    assert lying(practice) == {"4": ["t1.PAR", "t1.REC"], "5": ["rest.PAR", "rest.REC"]}
    assert said_of(practice, "4") == {
        "xsi_type": "xnat:mrScanData",
        "type": "WIP T1 3D SENSE",
        "series_description": "WIP T1 3D SENSE",
        "note": "PAR/REC V4.2, not DICOM",
        "quality": "",
    }
    assert {(line.scan_id, line.files_stored, line.proof) for line in made.lines} == {("4", 2, "MD5"), ("5", 2, "MD5")}
    assert made.verdict == "COMPLETE"


async def test_a_pair_joins_the_dicom_scan_of_its_acquisition_and_no_other(
    practice: Practice, site: Site, tmp_path: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    write_dicom(tmp_path / "S1" / "d1", number=401, description="T1 3D")
    write_dicom(tmp_path / "S1" / "d2", number=5, description="another protocol")
    write_pair(tmp_path / "S1" / "p1", "t1", protocol="WIP T1 3D SENSE", number=4)
    write_pair(tmp_path / "S1" / "p2", "rest", protocol="rest", number=5)
    with new_journal(plan_for(tmp_path)) as journal:
        assert await run(journal, site) is UploadState.DONE
        made = await receipt.verify(journal, site)
    assert lying(practice) == {"401": ["t1.PAR", "t1.REC"], "5-PAR2": ["rest.PAR", "rest.REC"]}
    assert said_of(practice, "401")["note"] == ""
    assert {line.scan_id for line in made.lines if line.modality == "PAR/REC"} == {"401", "5-PAR2"}
    assert made.verdict == "COMPLETE"


async def test_pairs_of_one_name_in_two_folders_are_told_apart_by_their_bytes(
    practice: Practice, site: Site, tmp_path: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    write_pair(tmp_path / "S1" / "a", "scan", protocol="t1", number=1)
    write_pair(tmp_path / "S1" / "b", "scan", protocol="t2", number=2)
    with new_journal(plan_for(tmp_path)) as journal:
        assert await run(journal, site) is UploadState.DONE
    with new_journal(plan_for(tmp_path)) as again:
        assert await run(again, site) is UploadState.DONE
        assert any("4 of 4 files are on the server already" in text for text in texts(again))
        made = await receipt.verify(again, site)
    assert lying(practice) == {"1": ["scan.PAR", "scan.REC"], "2": ["scan.PAR", "scan.REC"]}
    assert {(line.series_description, line.scan_id) for line in made.lines} == {("t1", "1"), ("t2", "2")}


async def test_a_scan_that_an_interrupted_run_left_empty_is_found_again(
    practice: Practice, site: Site, tmp_path: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    write_pair(tmp_path / "S1" / "a", "scan", protocol="", number=3)
    plan = plan_for(tmp_path)
    (planned,) = plan.included
    there = await site.ensure_session("DEMO", planned.subject_label, planned.session_label, "xnat:mrSessionData")
    await site.describe_scan(there.id, ScanDraft("3", type="scan", series_description="scan"))
    with new_journal(plan) as journal:
        assert await run(journal, site) is UploadState.DONE
    assert lying(practice) == {"3": ["scan.PAR", "scan.REC"]}


async def test_pairs_of_an_older_journal_are_completed_and_verified_where_they_lie(
    practice: Practice, site: Site, tmp_path: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    write_pair(tmp_path / "S1" / "a", "old", protocol="t1", number=1)
    write_pair(tmp_path / "S1" / "b", "half", protocol="t2", number=2)
    plan = plan_for(tmp_path)
    (planned,) = plan.included
    there = await site.ensure_session("DEMO", planned.subject_label, planned.session_label, "xnat:mrSessionData")
    for name in ("a/old.PAR", "a/old.REC", "b/half.PAR"):
        await site.put_file(there.id, "PARREC", name, tmp_path / "S1" / name)
    with new_journal(plan) as journal:
        assert await run(journal, site) is UploadState.DONE
        assert any("3 of 4 files are on the server already" in text for text in texts(journal))
        made = await receipt.verify(journal, site)
    assert lying(practice) == {"": ["a/old.PAR", "a/old.REC", "b/half.PAR", "b/half.REC"]}
    assert {(line.scan_id, line.files_stored) for line in made.lines} == {("", 2)}
    assert made.verdict == "COMPLETE"


async def test_pairs_beside_dicom_that_stays_in_the_prearchive_lie_in_its_session_resource(
    practice: Practice, site: Site, tmp_path: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    write_dicom(tmp_path / "S1" / "d1", number=401, description="t1")
    write_pair(tmp_path / "S1" / "p1", "t1", protocol="t1", number=4)
    with new_journal(plan_for(tmp_path, Destination.PREARCHIVE)) as journal:
        assert await run(journal, site) is UploadState.DONE
        (session,) = journal.records.sessions()
        assert {file.name for file in await site.prearchive_resource_files(session.uri, "PARREC")} == {
            "p1/t1.PAR",
            "p1/t1.REC",
        }
        await site.archive(session.uri)
        made = await receipt.verify(journal, site)
    assert made.verdict == "COMPLETE"
    assert lying(practice) == {"": ["p1/t1.PAR", "p1/t1.REC"]}


def acquisition(
    number: str = "7", protocol: str = "T2 SENSE", *, name: str = "T2.PAR", md5: str = "aa", reconstruction: str = "1"
) -> Acquisition:
    return Acquisition(number, reconstruction, protocol, "V4.2", file(name, md5=md5), "T2.REC", 20)


def file(name: str, size_bytes: int = 10, md5: str = "") -> RemoteFile:
    return RemoteFile(name, size_bytes, "", "PARREC", md5)


@pytest.mark.parametrize(
    ("pair", "scans", "taken", "wanted"),
    [
        (acquisition(), [], [], Place("7", is_new=True)),
        (acquisition(), [KnownScan("7", ("T2", "T2"))], [], Place("7", is_new=False)),
        (acquisition(), [KnownScan("701", ("WIP T2", ""))], [], Place("701", is_new=False)),
        (acquisition(), [KnownScan("702", ("T2", ""))], [], Place("7", is_new=True)),
        (acquisition(reconstruction="2"), [KnownScan("702", ("T2", ""))], [], Place("702", is_new=False)),
        (acquisition(), [KnownScan("7-MR1", ("t2", ""))], [], Place("7-MR1", is_new=False)),
        (acquisition(protocol="T1 & T2"), [KnownScan("7", ("T1 &amp; T2", ""))], [], Place("7", is_new=False)),
        (acquisition(), [KnownScan("7", ("T2*", ""))], [], Place("7-PAR2", is_new=True)),
        (acquisition(), [KnownScan("7", ("T2", ""))], ["7"], Place("7-PAR2", is_new=True)),
        (acquisition(), [KnownScan("7", ("T1", "")), KnownScan("7-par2", ("", ""))], [], Place("7-PAR3", is_new=True)),
        (acquisition(), [KnownScan("7", ("T2", ""), (file("x.PAR"),))], [], Place("7-PAR2", is_new=True)),
        (acquisition(), [KnownScan("9", ("", ""), (file("T2.PAR", md5="aa"),))], [], Place("9", is_new=False)),
        (acquisition(), [KnownScan("9", ("", ""), (file("T2.PAR", md5="bb"),))], [], Place("7", is_new=True)),
        (acquisition(), [KnownScan("9", ("", ""), (file("T2.PAR", 11),))], [], Place("7", is_new=True)),
        (acquisition(), [KnownScan("9", ("", ""), (file("T2.REC", 20),))], [], Place("9", is_new=False)),
        (acquisition("", ""), [], [], Place("PAR1", is_new=True)),
        (acquisition("", ""), [KnownScan("PAR1", ("", ""))], [], Place("PAR2", is_new=True)),
        (acquisition("../7"), [], [], Place("7", is_new=True)),
    ],
)
def test_one_rule_says_which_scan_a_pair_goes_into(
    pair: Acquisition, scans: list[KnownScan], taken: list[str], wanted: Place
) -> None:
    assert choose(pair, scans, taken) == wanted


async def test_the_scans_of_a_session_are_listed_with_the_pairs_in_them(
    practice: Practice, site: Site, tmp_path: Path
) -> None:
    there = await site.ensure_session("DEMO", "S1", "S1_MR1", "xnat:mrSessionData")
    assert await site.describe_scan(there.id, ScanDraft("4", type="t1", series_description="t1 3D"))
    par = write_pair(tmp_path)
    await site.put_file(there.id, "PARREC", par.name, par, scan_id="4")
    (known,) = await pair_scans.look(site, there.id)
    assert (known.id, known.names) == ("4", ("t1 3D", "t1"))
    assert [(one.name, one.md5) for one in known.pair_files] == [
        (par.name, hashlib.md5(par.read_bytes()).hexdigest())  # noqa: S324  compared, not trusted
    ]


def sessions(*items: Series | ParRecPair) -> list[tuple[str, str, int, list[str]]]:
    """Return label, day, number of series and pairs of each session of a plan."""
    plan = draft(builders.survey(*items), site_url="x", project="P", destination=Destination.ARCHIVE)
    return [
        (one.session_label, one.study_date, len(one.series), [pair.folder for pair in one.pairs])
        for one in plan.sessions
    ]


def on_day(folder: str, day: str, session: str = "") -> ParRecPair:
    return replace(builders.pair(folder), study_date=day, session_folder=session)


def test_pairs_of_another_day_are_another_session() -> None:
    assert sessions(
        on_day("s/b", "20250301"), on_day("s/a", "20250102"), on_day("s/c", ""), on_day("s/d", "20250301")
    ) == [
        ("s_MR1", "20250102", 0, ["s/a", "s/c"]),
        ("s_MR2", "20250301", 0, ["s/b", "s/d"]),
    ]


def test_pairs_join_the_dicom_of_their_day_else_the_first() -> None:
    studies = [
        builders.series("s/x", study="1.1", date="20240101"),
        builders.series("s/y", study="1.2", date="20250301"),
    ]
    assert sessions(*studies, on_day("s/b", "20250301")) == [
        ("s_MR1", "20240101", 1, []),
        ("s_MR2", "20250301", 1, ["s/b"]),
    ]
    assert sessions(studies[0], on_day("s/a", "20230101"), on_day("s/b", "20250301"), on_day("s/c", "")) == [
        ("s_MR1", "20240101", 1, ["s/a", "s/c"]),
        ("s_MR2", "20250301", 0, ["s/b"]),
    ]


def test_a_session_folder_keeps_its_pairs_whatever_their_day() -> None:
    assert sessions(on_day("s/v1/a", "20250102", "v1"), on_day("s/v1/b", "20250301", "v1")) == [
        ("s_v1", "20250102", 0, ["s/v1/a", "s/v1/b"]),
    ]


def test_the_keys_of_sessions_of_one_day_are_those_of_earlier_plans() -> None:
    before = draft(builders.survey(builders.pair("s/a")), site_url="x", project="P", destination=Destination.ARCHIVE)
    now = draft(builders.survey(on_day("s/a", "20250102")), site_url="x", project="P", destination=Destination.ARCHIVE)
    assert [one.key for one in before.sessions] == [one.key for one in now.sessions]
