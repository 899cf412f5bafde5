"""What was converted, and raw pairs, in the archive: beside what an upload brought, and nothing twice."""

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from convert.images import write_dicom, write_pair
from convert.ways import need
from support import Practice
from upload.clocks import short_sleep
from upload.runs import run, texts
from xnat_wizard.convert import selection
from xnat_wizard.convert.conversion import Conversion
from xnat_wizard.convert.model import Way
from xnat_wizard.convert.rules import parse
from xnat_wizard.convert.run import Order
from xnat_wizard.convert.validator import program, validate
from xnat_wizard.dicom.layout import HOUSE
from xnat_wizard.dicom.source import open_source
from xnat_wizard.dicom.survey import survey
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.practice.faults import parse as parse_fault
from xnat_wizard.practice.store import Scan, Store
from xnat_wizard.upload import session_dataset
from xnat_wizard.upload.converted import Bringing, Tools, Wanted, sessions_of
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Plan, UploadState
from xnat_wizard.upload.resource_transfer.journal import Journal as TransferJournal
from xnat_wizard.upload.resource_transfer.model import Existing, Outcome
from xnat_wizard.xnat.resources import Address
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]
Brought = tuple[list[Outcome], list[Finding]]

RULES = parse("""
[[rule]]
name = "T1w"
match = { description = "*t1*" }
bids = "anat/T1w"
""")


@pytest.fixture(autouse=True)
def converter() -> None:
    need(Way.DCM2NIIX)


async def bring(
    site: Site, source: Path, output: Path, *, is_bids: bool = False, series: Sequence[str] = ()
) -> Brought:
    """Convert a source and bring it to the project DEMO."""
    found = survey(source, HOUSE)
    with open_source(found.source) as opened, TransferJournal(output.parent) as journal:
        offer = selection.offer(found, opened)
        chosen = selection.choose(offer.items, series=series)
        order = Order(output, rules=RULES if is_bids else None, is_bids=is_bids)
        result = Conversion(opened, offer.items, chosen, order).run(checks=False)
        wanted = Wanted(
            "DEMO",
            sessions_of(found, site_url=site.info.url, project="DEMO"),
            output,
            is_bids=is_bids,
            has_session_dataset=is_bids,
            existing=Existing.FAIL,
        )
        tools = Tools(journal, time.time, short_sleep, random.random, lambda _: None)
        said = [one async for one in Bringing(site, opened, wanted, tools).run(offer.items, chosen, result)]
    return [one for one in said if isinstance(one, Outcome)], [one for one in said if isinstance(one, Finding)]


def scans(practice: Practice) -> dict[str, tuple[dict[str, str], dict[str, list[str]]]]:
    """Return what the archive says of each scan, and the files of its resources."""

    def told(scan: Scan) -> tuple[dict[str, str], dict[str, list[str]]]:
        fields = {name: scan.fields.get(name, "") for name in ("type", "series_description", "note", "quality")}
        return fields, {label: sorted(one.files) for label, one in scan.resources.items() if label != "DICOM"}

    def look(store: Store) -> dict[str, tuple[dict[str, str], dict[str, list[str]]]]:
        return {key: told(scan) for one in store.state.sessions.values() for key, scan in one.scans.items()}

    return practice.on_loop(look)


async def test_a_raw_pair_that_an_upload_brought_is_not_sent_again(
    practice: Practice, site: Site, tmp_path: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    source = tmp_path / "in"
    write_dicom(source / "S1" / "d", number=401, description="t1")
    write_pair(source / "S1" / "p", "t1", protocol="WIP t1 SENSE", number=4)
    write_pair(source / "S1" / "q", "t1", protocol="rest", number=5)
    with new_journal(plan_for(source)) as journal:
        assert await run(journal, site) is UploadState.DONE
    outcomes, findings = await bring(site, source, tmp_path / "out")
    assert findings == []
    raw = {
        one.target.address.scan: (one.tally.moved, one.tally.there) for one in outcomes if "PARREC" in str(one.target)
    }
    assert raw == {"401": (0, 2), "5": (0, 2)}
    resources = {scan_id: files for scan_id, (_, files) in scans(practice).items()}
    assert resources["401"]["PARREC"] == resources["5"]["PARREC"] == ["t1.PAR", "t1.REC"]
    assert len(resources["401"]["NIFTI"]) == 4  # of the DICOM series and of its pair
    assert len(resources["5"]["NIFTI"]) == 2


async def test_an_upload_sends_no_raw_pair_that_a_conversion_brought(
    practice: Practice, site: Site, tmp_path: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    source = tmp_path / "in"
    write_pair(source / "S1" / "p", "a", protocol="t1", number=4)
    write_pair(source / "S1" / "q", "a", protocol="t2", number=4)
    await bring(site, source, tmp_path / "out")
    with new_journal(plan_for(source)) as journal:
        assert await run(journal, site) is UploadState.DONE
        assert any("4 of 4 files are on the server already" in text for text in texts(journal))
    assert {key: files["PARREC"] for key, (_, files) in scans(practice).items()} == {
        "4": ["a.PAR", "a.REC"],
        "4-PAR2": ["a.PAR", "a.REC"],
    }


async def test_new_scans_say_what_they_are_and_what_the_converter_remarked(
    practice: Practice, site: Site, tmp_path: Path
) -> None:
    source = tmp_path / "in"
    write_pair(source / "S1" / "p", "a", protocol="t1", number=4)
    write_dicom(source / "S1" / "d", number=2, description="T2 tse", EchoTime=90.0)
    outcomes, findings = await bring(site, source, tmp_path / "out")
    assert (findings, {str(one.verdict) for one in outcomes}) == ([], {"done"})
    told = {key: fields for key, (fields, _) in scans(practice).items()}
    assert (told["4"]["type"], told["4"]["series_description"], told["4"]["quality"]) == ("t1", "t1", "")
    assert told["4"]["note"].startswith("PAR/REC V4.2, not DICOM")
    assert told["2"]["type"] == "T2 tse"
    assert told["2"]["note"].startswith("Conversion: Patient Position (0018,5100) not specified")


async def test_a_scan_that_dicom_and_a_pair_share_is_not_called_no_dicom(
    practice: Practice, site: Site, tmp_path: Path
) -> None:
    source = tmp_path / "in"
    write_pair(source / "S1" / "p", "a", protocol="t1", number=4)
    write_dicom(source / "S1" / "d", number=401, description="t1")
    await bring(site, source, tmp_path / "out")
    (shared,) = scans(practice).items()
    assert (shared[0], sorted(shared[1][1])) == ("401", ["NIFTI", "PARREC"])
    assert shared[1][0]["note"].startswith("Conversion: ")


async def test_what_a_scan_says_already_stays(practice: Practice, site: Site, tmp_path: Path) -> None:
    source = tmp_path / "in"
    write_pair(source / "S1" / "p", "a", protocol="t1", number=4)
    await bring(site, source, tmp_path / "out")

    def edit(store: Store) -> None:
        (session,) = store.state.sessions.values()
        session.scans["4"].fields.update(note="moved head", quality="questionable", type="T1 of visit 2")

    practice.on_loop(edit)
    await bring(site, source, tmp_path / "again")
    assert scans(practice)["4"][0] == {
        "type": "T1 of visit 2",
        "series_description": "t1",
        "note": "moved head",
        "quality": "questionable",
    }


async def test_a_localizer_that_is_not_converted_goes_raw(practice: Practice, site: Site, tmp_path: Path) -> None:
    write_pair(tmp_path / "in" / "S1" / "p", "loc", protocol="survey", number=1, orientations=(1, 2))
    outcomes, _ = await bring(site, tmp_path / "in", tmp_path / "out")
    assert [(one.target.label, one.tally.moved) for one in outcomes] == [("PARREC", 2)]
    assert scans(practice)["1"][1] == {"PARREC": ["loc.PAR", "loc.REC"]}


async def test_each_session_gets_its_part_of_the_dataset_valid_by_itself(
    practice: Practice, site: Site, tmp_path: Path
) -> None:
    source = tmp_path / "in"
    write_pair(source / "S1" / "p", "a", protocol="t1", number=4)
    write_dicom(source / "S2" / "d", number=2, description="t1 mprage")
    outcomes, _ = await bring(site, source, tmp_path / "out", is_bids=True)
    wholes = [one.target for one in outcomes if one.target.address.level == "session"]
    assert [target.label for target in wholes] == ["BIDS", "BIDS"]
    holder = await site.resources.find(Address("DEMO", "S1", "S1_MR1"))
    assert holder
    files = {file.name: file for file in await site.resources.files(holder, "BIDS")}
    assert set(files) == {
        "README.md",
        "dataset_description.json",
        "participants.tsv",
        "sub-S1/anat/sub-S1_T1w.json",
        "sub-S1/anat/sub-S1_T1w.nii.gz",
    }
    assert await site.read_file(files["participants.tsv"].uri) == b"participant_id\nsub-S1\n"
    if program():
        part = tmp_path / "part"
        for file in files.values():
            (part / file.name).parent.mkdir(parents=True, exist_ok=True)
            (part / file.name).write_bytes(await site.read_file(file.uri))
        assert validate(part).is_valid


async def test_a_session_that_belongs_to_somebody_else_is_left_alone_and_the_others_go(
    practice: Practice, site: Site, tmp_path: Path
) -> None:
    source = tmp_path / "in"
    write_pair(source / "S1" / "p", "a", protocol="t1", number=4)
    write_pair(source / "S2" / "p", "a", protocol="t1", number=4)
    await site.ensure_session("DEMO", "somebody", "S1_MR1", "xnat:mrSessionData")
    outcomes, findings = await bring(site, source, tmp_path / "out")
    assert [finding.code for finding in findings] == ["label.other_subject"]
    assert {(one.target.address.session, str(one.verdict)) for one in outcomes} == {("S2_MR1", "done")}


async def test_a_site_that_is_busy_for_a_moment_is_asked_again(practice: Practice, site: Site, tmp_path: Path) -> None:
    write_pair(tmp_path / "in" / "S1" / "p", "a", protocol="t1", number=4)
    practice.server.faults.add(parse_fault("status:code=503,path=scans,times=2"))
    outcomes, findings = await bring(site, tmp_path / "in", tmp_path / "out")
    assert (findings, {str(one.verdict) for one in outcomes}) == ([], {"done"})


async def test_series_of_one_number_go_nowhere_and_are_named(practice: Practice, site: Site, tmp_path: Path) -> None:
    source = tmp_path / "in"
    write_dicom(source / "S1" / "d", number=2, description="t1")
    write_dicom(source / "S1" / "e", number=3, description="t2", SeriesNumber=2)
    write_dicom(source / "S1" / "f", number=4, description="t3")
    outcomes, findings = await bring(site, source, tmp_path / "out")
    assert [finding.code for finding in findings] == ["convert.no_scan"] * 2
    assert {one.target.address.scan for one in outcomes} == {"4"}
    assert set(scans(practice)) == {"4"}


async def test_a_login_that_ends_stops_the_whole_run(practice: Practice, site: Site, tmp_path: Path) -> None:
    write_pair(tmp_path / "in" / "S1" / "p", "a", protocol="t1", number=4)
    practice.server.faults.add(parse_fault("status:code=401,path=^/data/.*"))
    with pytest.raises(Problem):
        await bring(site, tmp_path / "in", tmp_path / "out")


async def test_a_session_without_images_gets_no_part_of_the_dataset(
    practice: Practice, site: Site, tmp_path: Path
) -> None:
    write_pair(tmp_path / "in" / "S1" / "p", "loc", protocol="survey", number=1, orientations=(1, 2))
    outcomes, _ = await bring(site, tmp_path / "in", tmp_path / "out", is_bids=True)
    assert [one.target.label for one in outcomes] == ["PARREC"]


def test_a_part_of_a_dataset_keeps_the_rows_of_its_subject(tmp_path: Path) -> None:
    dataset = tmp_path / "whole"
    (dataset / "sub-1").mkdir(parents=True)
    (dataset / "sub-1" / "x.nii.gz").write_bytes(b"x")
    (dataset / "participants.tsv").write_text("age\tparticipant_id\n30\tsub-1\n40\tsub-10\n")
    (dataset / "participants.json").write_text("{}")
    session_dataset.lay(dataset, ["sub-1/x.nii.gz"], tmp_path / "part")
    assert (tmp_path / "part" / "participants.tsv").read_text() == "age\tparticipant_id\n30\tsub-1\n"
    assert sorted(path.name for path in (tmp_path / "part").iterdir()) == [
        "participants.json",
        "participants.tsv",
        "sub-1",
    ]
