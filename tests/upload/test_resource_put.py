"""Result folders into resources of the real practice server: every level, every source, every trouble."""

import asyncio
import os
import tarfile
import zipfile
from itertools import count
from pathlib import Path
from threading import Event

import pytest

from support import Practice
from upload.resources import RESULT, Run, codes, on_disk, target, write
from xnat_wizard.practice.faults import parse
from xnat_wizard.practice.store import Store
from xnat_wizard.upload.patience import GiveUpError
from xnat_wizard.upload.resource_transfer import local_tree, sending
from xnat_wizard.upload.resource_transfer.comparing import Comparing
from xnat_wizard.upload.resource_transfer.journal import Journal
from xnat_wizard.upload.resource_transfer.model import Existing, Outcome, Tally, Verdict, Wishes
from xnat_wizard.xnat.resources import Address, Details
from xnat_wizard.xnat.site import Site

CREATE = Wishes(creates=True)
LEVELS = [
    Address("DEMO"),
    Address("DEMO", "p020"),
    Address("DEMO", "p020", "p020-mri"),
    Address("DEMO", "p020", "p020-mri", "3"),
]


@pytest.fixture
def run(site: Site, tmp_path: Path) -> Run:
    return Run(site, tmp_path / "journal")


@pytest.fixture
def result(tmp_path: Path) -> Path:
    return write(tmp_path / "result")


def counts(outcome: Outcome) -> tuple[int, int, int, int]:
    tally = outcome.tally
    return tally.moved, tally.there, tally.left, tally.failed


@pytest.mark.parametrize("address", LEVELS, ids=lambda address: address.level)
async def test_a_folder_arrives_with_its_sub_folders_at_every_level(
    run: Run, result: Path, practice: Practice, address: Address
) -> None:
    (outcome,) = await run.put(target(result, address), wishes=CREATE)
    assert (outcome.verdict, counts(outcome), outcome.proof) == (Verdict.DONE, (6, 0, 0, 0), "MD5")
    assert on_disk(practice, "qBOLD") == RESULT
    (again,) = await run.put(target(result, address))
    assert (again.verdict, counts(again), again.tally.travelled_bytes) == (Verdict.DONE, (0, 6, 0, 0), 0)


async def test_what_is_noted_of_the_files_is_kept(run: Run, result: Path, site: Site) -> None:
    wishes = Wishes(details=Details("NIFTI", "QBOLD", "a,b"))
    await run.put(target(result), wishes=wishes)
    holder = await site.resources.find(Address("DEMO"))
    assert holder is not None
    (folder,) = await site.resources.folders(holder)
    assert (folder.label, folder.format, folder.content, folder.tags) == ("qBOLD", "NIFTI", "QBOLD", "a,b")
    assert (folder.file_count, folder.size_bytes) == (6, sum(map(len, RESULT.values())))


async def test_a_file_arrives_as_it_is_whatever_its_name(run: Run, tmp_path: Path, practice: Practice) -> None:
    names = ["map.nii.gz", "100% #1 + a;b&c=d?.txt", "Größe.json", "a%20b.txt"]
    write(tmp_path / "files", {name: name.encode() for name in names})
    for name in names:
        (outcome,) = await run.put(target(tmp_path / "files" / name))
        assert outcome.verdict is Verdict.DONE, outcome.findings
    assert on_disk(practice, "qBOLD") == {name: name.encode() for name in names}


def pack(folder: Path, path: Path) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in RESULT:
                archive.write(folder / name, name)
    else:
        with tarfile.open(path, "w" if path.suffix == ".tar" else "w:gz") as bundle:
            bundle.add(folder, ".")
    return path


@pytest.mark.parametrize("name", ["r.zip", "r.tar", "r.tgz", "R.TAR.GZ"])
async def test_an_archive_is_unpacked_by_the_site(
    run: Run, result: Path, tmp_path: Path, practice: Practice, name: str
) -> None:
    path = pack(result, tmp_path / name)
    (outcome,) = await run.put(target(path))
    assert (outcome.verdict, counts(outcome), outcome.proof) == (Verdict.DONE, (6, 0, 0, 0), "MD5"), outcome.findings
    assert on_disk(practice, "qBOLD") == RESULT
    assert outcome.tally.travelled_bytes == path.stat().st_size  # in one piece, as it is
    (again,) = await run.put(target(path))
    assert counts(again) == (0, 6, 0, 0)


@pytest.mark.parametrize("name", ["r.zip", "r.tar.gz"])
async def test_only_what_is_missing_of_an_archive_is_sent(
    run: Run, result: Path, tmp_path: Path, practice: Practice, name: str
) -> None:
    await run.put(target(result / "maps"), target(write(tmp_path / "part", {"maps/R2prime.nii": b"x"}), label="part"))
    write(tmp_path / "some", {name: RESULT[name] for name in ("maps/R2prime.nii", ".hidden")})
    await run.put(target(tmp_path / "some", label="half"))
    (outcome,) = await run.put(target(pack(result, tmp_path / name), label="half"))
    assert counts(outcome) == (4, 2, 0, 0)
    assert outcome.tally.travelled_bytes < 5000
    assert on_disk(practice, "half") == RESULT


async def test_an_archive_can_be_kept_and_a_folder_become_one(
    run: Run, result: Path, tmp_path: Path, practice: Practice
) -> None:
    keeping = Wishes(keeps_archive=True)
    path = pack(result, tmp_path / "r.tar.gz")
    kept, made = await run.put(target(path, label="kept"), target(result, label="made"), wishes=keeping)
    assert on_disk(practice, "kept") == {"r.tar.gz": path.read_bytes()}
    assert (kept.proof, made.proof) == ("MD5", "MD5")
    (whole,) = on_disk(practice, "made").items()
    assert whole[0] == "result.zip"
    (tmp_path / "back.zip").write_bytes(whole[1])
    with zipfile.ZipFile(tmp_path / "back.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == RESULT
    (again,) = await run.put(target(result, label="made"), wishes=keeping)
    assert counts(again) == (0, 1, 0, 0)


async def test_a_file_that_differs_is_a_finding_stays_or_is_replaced(
    run: Run, result: Path, practice: Practice
) -> None:
    await run.put(target(write(result.parent / "old", {"maps/T2s/echo1.nii.gz": b"ONE", "only-there": b"t"})))
    before = on_disk(practice, "qBOLD")
    (failed,) = await run.put(target(result))
    assert (failed.verdict, codes(failed)) == (Verdict.FAILED, ["resource.differs"])
    assert on_disk(practice, "qBOLD") == before
    (skipped,) = await run.put(target(result), wishes=Wishes(existing=Existing.SKIP))
    assert (skipped.verdict, counts(skipped), codes(skipped)) == (Verdict.DONE, (5, 0, 1, 0), ["resource.kept"])
    assert on_disk(practice, "qBOLD") == RESULT | before
    (replaced,) = await run.put(target(result), wishes=Wishes(existing=Existing.REPLACE))
    assert (replaced.verdict, counts(replaced)) == (Verdict.DONE, (1, 5, 0, 0))
    assert on_disk(practice, "qBOLD") == RESULT | {"only-there": b"t"}


async def test_a_dry_run_reads_everything_and_changes_nothing(run: Run, result: Path, practice: Practice) -> None:
    dry = Wishes(is_dry=True, creates=True)
    (outcome,) = await run.put(target(result, Address("DEMO", "new", "new-mri")), wishes=dry)
    assert (outcome.verdict, codes(outcome)) == (Verdict.PLANNED, ["resource.no_holder"])
    assert outcome.tally.to_move == 6
    assert practice.on_loop(lambda store: store.subject("DEMO", "new")) is None
    (unread,) = await run.put(target(damaged(result, result.parent / "d.zip")), wishes=dry)
    assert (unread.verdict, codes(unread)) == (Verdict.FAILED, ["resource.refused"])
    assert "checksum" in unread.findings[0].why
    assert on_disk(practice, "qBOLD") == {}


def damaged(folder: Path, path: Path) -> Path:
    """Write an archive, one file of which is damaged."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in RESULT:
            archive.write(folder / name, name)
    path.write_bytes(path.read_bytes().replace(b"two", b"tvo"))
    return path


async def test_of_a_damaged_archive_all_arrives_that_is_whole(run: Run, result: Path, practice: Practice) -> None:
    (outcome,) = await run.put(target(damaged(result, result.parent / "d.zip")))
    assert (outcome.verdict, codes(outcome), counts(outcome)) == (
        Verdict.INCOMPLETE,
        ["resource.refused"],
        (5, 0, 0, 1),
    )
    assert on_disk(practice, "qBOLD") == {name: RESULT[name] for name in RESULT if "echo2" not in name}


@pytest.mark.parametrize("is_archive", [False, True])
async def test_a_200_that_stored_nothing_is_no_success(
    run: Run, result: Path, practice: Practice, *, is_archive: bool
) -> None:
    practice.on_loop(lambda store: store.state.projects["DEMO"].members.update(owner="collaborator"))
    path = pack(result, result.parent / "r.tar.gz") if is_archive else result
    (outcome,) = await run.put(target(path))
    assert (outcome.verdict, codes(outcome)) == (Verdict.FAILED, ["resource.not_stored"])
    assert "may change data" in outcome.findings[0].todo[0]
    assert counts(outcome) == (0, 0, 0, 6)


async def test_duplicates_that_the_site_answers_with_200_are_noticed(
    run: Run, result: Path, practice: Practice
) -> None:
    """Somebody else is quicker: what was not there when it was looked is there, and another one."""
    await run.put(target(write(result.parent / "other", {"maps/T2s/echo1.nii.gz": b"ONE"})))
    holder = await run.site.resources.find(Address("DEMO"))
    assert holder is not None
    with local_tree.look(result, Event()) as tree, Journal(run.home) as journal:
        tools = run.transfer(journal, Wishes())._tools
        tools.tallies[target(result)] = Tally()
        late = sending.Sending(tools, target(result), "key", tree, holder, Comparing(tools, "key", tree))
        await late.send(tree.files, [])
        tools.executor.shutdown()
    assert [finding.code for finding in late.findings] == ["resource.differs"]
    assert (tools.tallies[target(result)].moved, tools.tallies[target(result)].failed) == (5, 1)
    assert on_disk(practice, "qBOLD") == RESULT | {"maps/T2s/echo1.nii.gz": b"ONE"}


async def test_a_file_that_no_list_shows_is_found_by_refreshing_the_catalogue(
    run: Run, result: Path, practice: Practice
) -> None:
    """A site that stopped between file and catalogue calls the file a duplicate, and does not list it."""
    await run.put(target(result))
    practice.on_loop(lambda store: store.state.projects["DEMO"].resources["qBOLD"].files.pop(".hidden"))
    practice.server.faults.add(parse("status:code=403,only=files"))
    holder = await run.site.resources.find(Address("DEMO"))
    assert holder is not None
    with local_tree.look(result, Event()) as tree, Journal(run.home) as journal:
        tools = run.transfer(journal, Wishes())._tools
        tools.tallies[target(result)] = Tally()
        late = sending.Sending(tools, target(result), "key", tree, holder, Comparing(tools, "key", tree))
        late._taken_by_others.add(".hidden")  # the practice server goes by its catalogue alone
        await late.send([file for file in tree.files if file.name == ".hidden"], [])
        tools.executor.shutdown()
    assert (late.findings, tools.tallies[target(result)].moved) == ([], 1)


async def test_a_site_that_stays_away_ends_the_run_and_the_next_one_goes_on(
    run: Run, result: Path, practice: Practice
) -> None:
    hours = count()
    run.clock = lambda: next(hours) * 30.0
    await run.put(target(result, label="before"))
    practice.stop()
    with pytest.raises(GiveUpError, match=r"upload\.server_gone"):
        await run.put(target(result))
    practice.start()
    (outcome,) = await run.put(target(result))
    assert (outcome.verdict, on_disk(practice, "qBOLD")) == (Verdict.DONE, RESULT)


async def test_a_run_that_is_given_up_stops_reading(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "long.nii"
    with path.open("wb") as file:
        file.truncate(200 << 30)  # holes: hours of reading
    holder = await run.site.resources.find(Address("DEMO"))
    assert holder is not None
    with Journal(run.home) as journal:
        transfer = run.transfer(journal, Wishes(is_dry=True))
        outcomes = transfer.put([target(path)])
        waiting = asyncio.create_task(anext(outcomes))
        while not any(tally.to_move for tally in transfer._tools.tallies.values()):  # noqa: ASYNC110  nothing tells
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        transfer._tools.executor.shutdown()  # comes back only when nobody reads any more


async def test_without_digests_the_size_counts_or_every_byte(run: Run, result: Path, practice: Practice) -> None:
    practice.on_loop(lambda store: store.state.preferences.update(checksums=False))
    (sent,) = await run.put(target(result))
    assert (sent.verdict, sent.proof, codes(sent)) == (Verdict.DONE, "size", ["resource.by_size"])
    (read,) = await run.put(target(result), wishes=Wishes(verifies_bytes=True))
    assert (read.verdict, read.proof, codes(read)) == (Verdict.DONE, "MD5", [])
    stored = next((practice.folder / "archive").rglob("echo1.nii.gz"))
    stored.write_bytes(b"0ne")
    (wrong,) = await run.put(target(result), wishes=Wishes(verifies_bytes=True))
    assert (wrong.verdict, codes(wrong)) == (Verdict.INCOMPLETE, ["resource.differs"])


async def test_what_cannot_be_sent_is_said_and_the_rest_arrives(run: Run, result: Path, practice: Practice) -> None:
    (result / "loop").symlink_to("maps")
    (result / "out").symlink_to("/etc/hostname")
    (result / "same.nii").symlink_to("maps/R2prime.nii")
    (result / "empty" / "deep").mkdir(parents=True)
    (result / os.fsdecode(b"b\xe4d.txt")).write_bytes(b"latin")
    (result / "line\nbreak").write_bytes(b"x")
    (result / "back\\slash").write_bytes(b"x")
    os.mkfifo(result / "pipe")
    (outcome,) = await run.put(target(result))
    assert outcome.verdict is Verdict.INCOMPLETE
    assert codes(outcome) == ["resource.unreadable", "resource.left_out", "resource.left_out"]
    assert counts(outcome) == (7, 0, 0, 3)
    assert on_disk(practice, "qBOLD") == RESULT | {"same.nii": RESULT["maps/R2prime.nii"]}


async def test_a_file_in_the_place_of_a_folder_is_said_before_the_site_fails(
    run: Run, result: Path, practice: Practice
) -> None:
    await run.put(target(write(result.parent / "old", {"maps": b"a file", ".hidden/x": b"x"})))
    (outcome,) = await run.put(target(result))
    assert (outcome.verdict, codes(outcome), counts(outcome)) == (
        Verdict.INCOMPLETE,
        ["resource.in_the_way"],
        (2, 0, 0, 4),
    )


async def test_one_that_fails_does_not_stop_the_others(run: Run, result: Path, practice: Practice) -> None:
    empty = write(result.parent / "empty", {})
    empty.mkdir()
    damaged = result.parent / "damaged.zip"
    damaged.write_bytes(b"PK\x03\x04 and no more")
    outcomes = await run.put(
        target(result / "none", label="a"),
        target(result / ("x" * 300), label="f"),
        target(result, Address("DEMO", "", "none-mri"), label="b"),
        target(empty, label="c"),
        target(damaged, label="d"),
        target(result, Address("NOPE"), label="e"),
        target(result, label="qBOLD"),
    )
    assert [codes(one)[:1] for one in outcomes] == [
        ["resource.no_source"],
        ["resource.unreadable"],
        ["resource.no_holder"],
        ["resource.nothing"],
        ["survey.archive_damaged"],
        ["project.not_found"],
        [],
    ]
    assert [one.verdict for one in outcomes] == [Verdict.FAILED] * 6 + [Verdict.DONE]
    assert on_disk(practice, "qBOLD") == RESULT


async def test_a_session_of_another_subject_is_not_touched(run: Run, result: Path) -> None:
    await run.put(target(result, Address("DEMO", "s1", "m1")), wishes=CREATE)
    (outcome,) = await run.put(target(result, Address("DEMO", "s2", "m1"), label="x"), wishes=CREATE)
    assert codes(outcome) == ["label.other_subject"]


@pytest.mark.parametrize("fault", ["cut-request:at=300000", "lost-answer", "status:code=502", "status:code=500"])
async def test_a_cut_run_is_taken_up_after_asking_what_arrived(
    run: Run, result: Path, practice: Practice, fault: str
) -> None:
    practice.server.faults.add(parse(f"{fault}{',' if ':' in fault else ':'}only=files,times=2"))
    (outcome,) = await run.put(target(result))
    assert (outcome.verdict, counts(outcome)) == (Verdict.DONE, (6, 0, 0, 0)), outcome.findings
    assert on_disk(practice, "qBOLD") == RESULT


async def test_a_proxy_that_takes_small_bodies_only_gets_smaller_runs(
    run: Run, tmp_path: Path, practice: Practice
) -> None:
    files = {f"{number}.bin": bytes([number]) * 40_000 for number in range(9)} | {"big.bin": b"b" * 200_000}
    practice.server.faults.add(parse("body-limit:at=100000,only=files"))
    (outcome,) = await run.put(target(write(tmp_path / "many", files)))
    assert (outcome.verdict, codes(outcome)) == (Verdict.INCOMPLETE, ["resource.refused"])
    assert counts(outcome) == (9, 0, 0, 1)
    assert "413" in outcome.findings[0].why
    assert on_disk(practice, "qBOLD") == {name: files[name] for name in files if name != "big.bin"}


async def test_what_was_cut_in_an_earlier_run_is_replaced_and_what_others_put_is_not(
    run: Run, result: Path, practice: Practice
) -> None:
    practice.server.faults.add(parse("status:code=403,only=files,moment=after"))
    (cut,) = await run.put(target(result))
    assert (cut.verdict, codes(cut)) == (Verdict.DONE, [])  # refused by a proxy, and there all the same
    practice.server.faults.clear()
    stored = next((practice.folder / "archive").rglob("echo1.nii.gz"))
    stored.write_bytes(b"on")  # as a site leaves it that ran out of space

    def shrink(store: Store) -> None:
        entry = store.state.projects["DEMO"].resources["qBOLD"].files["maps/T2s/echo1.nii.gz"]
        entry.size, entry.md5 = 2, ""

    practice.on_loop(shrink)
    (other,) = await run.put(target(result))
    assert codes(other) == ["resource.differs"]
    with local_tree.look(result, Event()) as tree, Journal(run.home) as journal:
        journal.begin(f"{run.site.info.url} DEMO / qBOLD", tree.files)
    (own,) = await run.put(target(result))
    assert (own.verdict, counts(own)) == (Verdict.DONE, (1, 5, 0, 0))
    assert on_disk(practice, "qBOLD") == RESULT


async def test_many_files_travel_in_few_requests(
    run: Run, tmp_path: Path, practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "MOST_FILES", 40)
    files = {f"{number % 7}/{number}.txt": str(number).encode() for number in range(300)}
    practice.server.faults.add(parse("latency:seconds=0,only=files"))
    (outcome,) = await run.put(target(write(tmp_path / "many", files)))
    assert outcome.tally.moved == 300
    assert on_disk(practice, "qBOLD") == files
    assert practice.server.faults.listing()[0]["seen"] == 8
