"""De-identified on the way, over every route: no planted name arrives, pixels do, and the receipt is proved."""

import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import md5
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from dicom.images import write_pair
from support import Practice
from upload.clocks import short_sleep
from upload.conftest import PlanFor
from upload.dicom_sends import as_admin, peer_of, storescp
from upload.processes import kill, until, wait_for_end
from upload.runs import explained, run
from xnat_wizard.upload import receipt as receipts
from xnat_wizard.upload import worker
from xnat_wizard.upload.cstore import alone
from xnat_wizard.upload.cstore.peer import Scheme
from xnat_wizard.upload.deidentify.choice import Deidentification, Keep, Sealed
from xnat_wizard.upload.deidentify.holding import HeldBackError
from xnat_wizard.upload.deidentify.veil import Veil
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Fate, Plan, Route, UploadState
from xnat_wizard.upload.plan import check
from xnat_wizard.xnat.model import Login
from xnat_wizard.xnat.site import Site

NewJournal = Callable[..., Journal]
PLANTED = "Musterfrau^Erika"
WORDS = (b"Musterfrau", b"Erika", b"Sankt Beispiel", b"P-4711", b"19630217", b"Doktor^Seltsam", b"SERIAL-99")
SECRET_ID = "P-4711"


@pytest.fixture
def planted(study_folder: Path) -> Path:
    """Give a study with names in every corner of its headers."""
    for path in _files(study_folder):
        one = pydicom.dcmread(path)
        one.PatientName, one.PatientID, one.PatientBirthDate = PLANTED, SECRET_ID, "19630217"
        one.InstitutionName, one.OperatorsName, one.DeviceSerialNumber = "Sankt Beispiel", "Doktor^Seltsam", "SERIAL-99"
        one.StudyDescription = "Knie von Erika Musterfrau"
        inner = Dataset()
        inner.PatientID, inner.PatientName = SECRET_ID, PLANTED
        item = Dataset()
        item.ReferencedSOPInstanceUID, item.ReferencedSOPClassUID = one.SOPInstanceUID, one.SOPClassUID
        item.RequestedProcedureDescription = PLANTED
        item.ReferencedPatientSequence = [inner]
        one.ReferencedImageSequence = [item]
        one.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", b"Musterfrau Erika ")
        one.file_meta.SourceApplicationEntityTitle = "Musterfrau"
        one.save_as(path)
    return study_folder


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in {".PAR", ".REC"})


def veiled(plan: Plan, *keep: Keep, route: Route = Route.IMPORT, **values: object) -> Plan:
    return replace(plan, deidentification=Deidentification.of(keep), route=route, **values)  # type: ignore[arg-type]


def assert_clean(practice: Practice, place: str, count: int, *, is_free_of: tuple[bytes, ...] = WORDS) -> list[Dataset]:
    found = list((practice.folder / place).rglob("*.dcm"))
    assert len(found) == count
    for path in found:
        data = path.read_bytes()
        assert [word for word in is_free_of if word in data] == []
    headers: list[Dataset] = [pydicom.dcmread(path) for path in found]
    assert {one.PatientIdentityRemoved for one in headers} == {"YES"}
    return headers


def pixels(headers: list[Dataset]) -> list[str]:
    return sorted(md5(one.PixelData).hexdigest() for one in headers)  # noqa: S324  compared, not trusted


def read(folder: Path) -> list[Dataset]:
    return [pydicom.dcmread(path) for path in _files(folder)]


def state_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("route", [Route.IMPORT, Route.GRADUAL])
@pytest.mark.parametrize("keep", [(), tuple(one for one in Keep if one is not Keep.DATES)])
async def test_nothing_that_tells_who_it_is_arrives_and_everything_is_proved_by_its_bytes(
    practice: Practice,
    site: Site,
    plan_for: PlanFor,
    new_journal: NewJournal,
    planted: Path,
    route: Route,
    keep: tuple[Keep, ...],
) -> None:
    before = state_of(planted)
    plan = veiled(plan_for(planted), *keep, route=route)
    count = sum(one.file_count for one in plan.included)
    journal = new_journal(plan)
    assert await run(journal, site) is UploadState.DONE, explained(journal)
    receipt = journal.receipt()
    assert receipt is not None
    assert (receipt.verdict, {line.proof for line in receipt.lines}) == ("COMPLETE", {"MD5"}), explained(journal)
    free = tuple(one for one in WORDS if one != b"SERIAL-99") if Keep.DEVICE in keep else WORDS
    there = assert_clean(practice, "archive", count, is_free_of=free)
    assert pixels(there) == pixels(read(planted))
    assert state_of(planted) == before
    assert {str(one.PatientName) for one in there} == {one.subject_label for one in plan.included}
    here = {pydicom.dcmread(path).SOPInstanceUID for path in _files(planted)}
    assert not here & {one.SOPInstanceUID for one in there}
    assert {one.ReferencedImageSequence[0].ReferencedSOPInstanceUID for one in there} == {
        one.SOPInstanceUID for one in there
    }
    made = await receipts.verify(journal, site, has_pixel_check=True)
    assert made.verdict == "COMPLETE"


@pytest.mark.parametrize("scheme", Scheme)
async def test_by_dicom_the_identification_is_written_into_the_clean_copy(
    practice: Practice, site: Site, plan_for: PlanFor, new_journal: NewJournal, planted: Path, scheme: Scheme
) -> None:
    plan = veiled(plan_for(planted, Destination.PREARCHIVE), route=Route.DICOM, receiver=peer_of(practice, scheme))
    journal = new_journal(plan)
    assert await run(journal, site) is UploadState.DONE, explained(journal)
    receipt = journal.receipt()
    assert receipt is not None
    assert receipt.verdict == "COMPLETE"
    there = assert_clean(practice, "prearchive", sum(one.file_count for one in plan.included))
    assert pixels(there) == pixels(read(planted))


async def test_an_image_called_like_half_a_pair_is_deidentified_as_an_image(
    practice: Practice, site: Site, plan_for: PlanFor, new_journal: NewJournal, planted: Path
) -> None:
    for path, ending in zip(list(_files(planted)), (".rec", ".par"), strict=False):
        path.rename(path.with_suffix(ending))
    plan = veiled(plan_for(planted))
    journal = new_journal(plan)
    assert await run(journal, site) is UploadState.DONE, explained(journal)
    assert_clean(practice, "archive", sum(one.file_count for one in plan.included))


def test_an_image_in_the_place_of_a_rec_is_not_opened(planted: Path) -> None:
    image = next(_files(planted))
    shutil.copy(image, planted / "scan.REC")
    sealed = Sealed.fresh(Deidentification())
    veil = Veil(planted, sealed, {"scan.REC": "S1"}, frozenset({"scan.REC"}))
    with veil, pytest.raises(HeldBackError, match="a REC that holds a DICOM image"):
        veil.open("scan.REC")


async def test_dcmsend_sends_clean_copies(
    practice: Practice, plan_for: PlanFor, new_journal: NewJournal, planted: Path
) -> None:
    if not shutil.which("dcmsend"):
        pytest.skip("DCMTK: dcmsend is not installed")
    peer = replace(peer_of(practice), is_dcmsend=True)
    plan = veiled(plan_for(planted), route=Route.DICOM, receiver=peer)
    journal = new_journal(plan)
    async with await as_admin(practice) as site:
        assert await run(journal, site) is UploadState.DONE, explained(journal)
    assert_clean(practice, "archive", sum(one.file_count for one in plan.included))


async def test_a_file_that_cannot_be_deidentified_is_left_out_with_a_reason_and_never_sent_as_it_is(
    practice: Practice, site: Site, plan_for: PlanFor, new_journal: NewJournal, planted: Path
) -> None:
    first, second, *_ = _files(planted)
    for path, change in ((first, _written_on), (second, _too_deep)):
        one = pydicom.dcmread(path)
        change(one)
        one.save_as(path)
    journal = new_journal(veiled(plan_for(planted)))
    assert await run(journal, site) is UploadState.INCOMPLETE
    left = {path: remark for path, fate, remark in journal.fates() if fate is Fate.NOT_SENT}
    assert {path.rpartition("/")[2] for path in left} == {first.name, second.name}
    assert any("writing may stand in its picture" in remark for remark in left.values())
    assert any("cannot be de-identified" in remark for remark in left.values())
    assert_clean(practice, "archive", sum(1 for _ in _files(planted)) - 2)
    made = await receipts.verify(journal, site)
    assert made.verdict == "INCOMPLETE 2"


def _written_on(one: Dataset) -> None:
    one.BurnedInAnnotation = "YES"


def _too_deep(one: Dataset) -> None:
    inner = Dataset()
    for _ in range(40):
        outer = Dataset()
        outer.ReferencedImageSequence = [inner]
        inner = outer
    one.ReferencedImageSequence = [inner]


async def test_a_file_that_changed_since_the_survey_is_left_out(
    practice: Practice, site: Site, plan_for: PlanFor, new_journal: NewJournal, planted: Path
) -> None:
    plan = veiled(plan_for(planted))
    first = next(_files(planted))
    first.write_bytes(first.read_bytes() + b"\0\0")
    journal = new_journal(plan)
    assert await run(journal, site) is UploadState.INCOMPLETE
    assert [remark for _, fate, remark in journal.fates() if fate is Fate.NOT_SENT] != []
    assert_clean(practice, "archive", sum(1 for _ in _files(planted)) - 1)


@pytest.mark.parametrize("kind", ["zip", "gztar"])
async def test_an_archive_is_deidentified_without_being_unpacked(
    practice: Practice, site: Site, plan_for: PlanFor, new_journal: NewJournal, planted: Path, kind: str
) -> None:
    packed = Path(shutil.make_archive(str(planted.with_name("packed")), kind, planted))
    plan = veiled(plan_for(packed))
    journal = new_journal(plan)
    assert await run(journal, site) is UploadState.DONE, explained(journal)
    there = assert_clean(practice, "archive", sum(1 for _ in _files(planted)))
    assert pixels(there) == pixels(read(planted))


async def test_without_a_login_the_receiver_gets_clean_copies(
    practice: Practice, plan_for: PlanFor, new_journal: NewJournal, planted: Path, tmp_path: Path
) -> None:
    with storescp(tmp_path / "received", "--fork", "+xa", "+B") as port:
        peer = replace(peer_of(practice), host="127.0.0.1", port=port)
        journal = new_journal(veiled(plan_for(planted), route=Route.DICOM, receiver=peer))
        assert await alone.run(journal, sleep=short_sleep) is UploadState.INCOMPLETE, explained(journal)
    received = [path.read_bytes() for path in (tmp_path / "received").iterdir()]
    assert len(received) == sum(1 for _ in _files(planted))
    assert [word for word in WORDS if any(word in data for data in received)] == []


async def test_another_upload_has_other_uids(
    practice: Practice, site: Site, plan_for: PlanFor, new_journal: NewJournal, planted: Path
) -> None:
    plan = veiled(plan_for(planted, Destination.PREARCHIVE))
    uids = []
    for journal in (new_journal(plan), new_journal(plan)):
        uids.append({fact.sop_instance_uid for fact in journal.file_facts()})
        sealed = Sealed.decoded(journal.deidentification)
        assert sealed is not None
        assert sealed.key.hex() not in repr(journal.plan()) + repr(sealed)
    assert not uids[0] & uids[1]


async def test_pairs_go_blanked_under_names_that_say_nothing(
    practice: Practice, site: Site, plan_for: PlanFor, new_journal: NewJournal, planted: Path
) -> None:
    subject = next(path for path in planted.iterdir() if path.is_dir())
    write_pair(subject / "Musterfrau", "Erika_5_1")
    par = next(subject.rglob("*.PAR"))
    plan = veiled(plan_for(planted))
    assert any("Of 1 PAR/REC pair the PAR header is blanked" in one.why for one in check(plan))
    journal = new_journal(plan)
    assert await run(journal, site) is UploadState.DONE, explained(journal)
    receipt = journal.receipt()
    assert receipt is not None
    assert receipt.verdict == "COMPLETE"
    stored = [path for path in (practice.folder / "archive").rglob("*") if path.suffix in {".PAR", ".REC"}]
    assert sorted(path.name for path in stored) == ["0001.PAR", "0001.REC"]
    (there,) = (path.read_bytes() for path in stored if path.suffix == ".PAR")
    assert len(there) == par.stat().st_size
    assert there != par.read_bytes()


def test_a_worker_that_is_killed_in_the_middle_goes_on_with_the_same_uids(
    practice: Practice, login: Login, plan_for: PlanFor, new_journal: NewJournal, planted: Path
) -> None:
    journal = new_journal(veiled(plan_for(planted), route=Route.GRADUAL))
    count = journal.progress().files_total
    worker.start(journal.path, login)
    until(lambda: journal.progress().files_sent >= 2)
    kill(journal, signal.SIGKILL)
    worker.start(journal.path, login)
    assert wait_for_end(journal) is UploadState.DONE, explained(journal)
    receipt = journal.receipt()
    assert receipt is not None, explained(journal)
    assert receipt.verdict == "COMPLETE", explained(journal)
    assert_clean(practice, "archive", count)
