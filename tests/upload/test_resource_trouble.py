"""Results between this disk and a site while either is in trouble: what is told, what arrives, and what stays."""

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from support import Practice
from upload.resources import RESULT, Run, codes, contents, on_disk, target, write
from xnat_wizard.practice.faults import parse
from xnat_wizard.upload.parts import SourceChangedError
from xnat_wizard.upload.patience import GiveUpError
from xnat_wizard.upload.resource_transfer import local_tree
from xnat_wizard.upload.resource_transfer.journal import Journal
from xnat_wizard.upload.resource_transfer.model import Existing, Outcome, Verdict, Wishes
from xnat_wizard.upload.resource_transfer.named_zip import NamedZip
from xnat_wizard.upload.resource_transfer.previewing import Preview, State
from xnat_wizard.upload.resource_transfer.scratch import Scratch
from xnat_wizard.upload.resource_transfer.transfer import Transfer
from xnat_wizard.xnat.downloads import PART
from xnat_wizard.xnat.site import Site


class Meanwhile(list[str]):
    """What a run tells, and what somebody does once while it waits to try again."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._acts = [act]

    def append(self, text: str) -> None:
        super().append(text)
        if self._acts:
            self._acts.pop()()


@pytest.fixture
def run(site: Site, tmp_path: Path) -> Run:
    return Run(site, tmp_path / "journal")


@pytest.fixture
def result(tmp_path: Path) -> Path:
    return write(tmp_path / "result")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def counts(outcome: Outcome) -> tuple[int, int, int, int]:
    tally = outcome.tally
    return tally.moved, tally.there, tally.left, tally.failed


def whys(outcome: Outcome) -> str:
    return " ".join(finding.why for finding in outcome.findings)


# -- what lies here -----------------------------------------------------------------------------------


async def test_a_single_file_whose_name_no_site_can_keep_is_told_with_its_reason(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "back\\slash.nii"
    path.write_bytes(b"x")
    (outcome,) = await run.put(target(path))
    assert (outcome.verdict, codes(outcome)[0]) == (Verdict.FAILED, "resource.unreadable")
    assert "backslash" in whys(outcome)
    assert counts(outcome) == (0, 0, 0, 1)


async def test_of_a_tar_all_is_told_that_no_resource_can_hold(run: Run, tmp_path: Path, practice: Practice) -> None:
    path = tmp_path / "r.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("a.txt", "../out.txt", "b.txt"):
            entry = tarfile.TarInfo(name)
            entry.size = 2000
            archive.addfile(entry, io.BytesIO(name[:1].encode() * 2000))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "a.txt"
        archive.addfile(link)
    (outcome,) = await run.put(target(path))
    assert (outcome.verdict, codes(outcome)) == (Verdict.INCOMPLETE, ["resource.unreadable", "resource.left_out"])
    assert "out.txt" in outcome.findings[0].what
    assert on_disk(practice, "qBOLD") == {"a.txt": b"a" * 2000, "b.txt": b"b" * 2000}
    path.write_bytes(path.read_bytes()[: 512 + 2048 + 512 + 2048 + 1000])  # cut in b.txt
    (cut,) = await run.put(target(path, label="cut"))
    assert cut.verdict is Verdict.INCOMPLETE
    assert any("ends early" in finding.what for finding in cut.findings)
    assert on_disk(practice, "cut") == {"a.txt": b"a" * 2000}


AS_NOBODY = """
import hashlib, json, os, sys
from pathlib import Path
from threading import Event
from xnat_wizard.upload import parts
from xnat_wizard.upload.resource_transfer import local_tree
if os.getuid() == 0:  # after the imports: Python itself may lie where only root can read
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
tree = local_tree.look(Path(sys.argv[1]), Event())
digests = {}
for number, file in enumerate(tree.files):
    try:
        digests[file.name] = parts.digest(tree.item(number, file))
    except parts.SourceChangedError as change:
        digests[file.name] = change.reason
print(json.dumps([digests, tree.unsendable, [[one.code, one.what, one.why] for one in tree.findings]]))
"""


def look_as_nobody(path: Path) -> str:
    """Look and read in a process that may not read everything, also when the tests run as root."""
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, os.fspath(path)], capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
    return done.stdout


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Give a folder that other users can reach, unlike tmp_path."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        for path in folder.rglob("*"):
            path.chmod(0o755)


def test_what_may_not_be_read_is_told_and_a_file_in_a_closed_folder_is_read(open_folder: Path) -> None:
    write(open_folder / "r", {"a": b"", "closed/b": b"b"})
    (open_folder / "r" / "closed").chmod(0o711)  # nobody may list it; who knows a name may read
    said = look_as_nobody(open_folder / "r")
    assert "closed" in said
    assert "the folder cannot be read: Permission denied" in said
    assert '"a": "d41d8cd98f00b204e9800998ecf8427e"' in said
    assert '{"b": "92eb5ffee6ae2fec3ad71c777531578f"}, 0, []' in look_as_nobody(open_folder / "r" / "closed" / "b")


def test_files_are_cut_into_runs_that_keep_every_limit_and_their_order(tmp_path: Path) -> None:
    sizes = [5, 1, 1, 1, 9, 9, 1, 4, 4, 4, 0]
    files = [local_tree.LocalFile(str(at), str(at), size, 0) for at, size in enumerate(sizes)]
    runs = list(local_tree.parts(files, most_bytes=8, most_files=3, alone_bytes=9))
    assert [one for some in runs for one in some] == files
    assert [[file.size_bytes for file in some] for some in runs] == [[5, 1, 1], [1], [9], [9], [1, 4], [4, 4, 0]]


def test_a_long_file_that_changes_between_its_two_readings_stops_the_zip(tmp_path: Path) -> None:
    path = tmp_path / "long.nii"
    path.write_bytes(b"\0" * 3_000_000)
    with local_tree.look(path, Event()) as tree:
        (file,) = tree.files
        packed = NamedZip([(file.name, tree.item(0, file))])
        pieces = packed.pieces()
        next(pieces)
        with path.open("r+b") as opened:
            opened.seek(-1, os.SEEK_END)
            opened.write(b"x")
        os.utime(path, ns=(file.mtime_ns, file.mtime_ns))  # as coarse clocks of a network drive leave it
        with pytest.raises(SourceChangedError, match="changed while"):
            list(pieces)
    assert packed.failure is not None
    assert not packed.md5


# -- on the way there ---------------------------------------------------------------------------------


async def test_a_site_that_refuses_file_after_file_is_not_asked_for_the_rest(
    run: Run, tmp_path: Path, practice: Practice
) -> None:
    files = {f"{number:02}.txt": bytes([number]) for number in range(40)}
    practice.server.faults.add(parse("status:code=422,only=files"))
    (outcome,) = await run.put(target(write(tmp_path / "many", files)))
    assert (outcome.verdict, counts(outcome)) == (Verdict.FAILED, (0, 0, 0, 40))
    assert codes(outcome) == ["resource.refused", "resource.stopped"]
    assert int(str(practice.server.faults.listing()[0]["seen"])) < 20


async def test_a_site_that_goes_away_in_the_middle_ends_the_run_and_the_next_one_goes_on(
    run: Run, result: Path, practice: Practice
) -> None:
    hours = iter(range(10_000))
    run.clock = lambda: next(hours) * 30.0
    run.told = Meanwhile(practice.stop)
    practice.server.faults.add(parse("status:code=503,only=files,times=1"))
    with pytest.raises(GiveUpError, match=r"upload\.server_gone"):
        await run.put(target(result))
    practice.start()
    (outcome,) = await run.put(target(result))
    assert (outcome.verdict, on_disk(practice, "qBOLD")) == (Verdict.DONE, RESULT)


async def test_what_somebody_deletes_there_meanwhile_is_sent_once_more(
    run: Run, result: Path, practice: Practice
) -> None:
    def lose() -> None:
        practice.on_loop(lambda store: store.state.projects["DEMO"].resources["qBOLD"].files.pop(".hidden"))

    run.told = Meanwhile(lose)
    practice.server.faults.add(parse("status:code=503,method=GET,path=qBOLD/files,nth=2,times=1"))
    (outcome,) = await run.put(target(result))
    assert (outcome.verdict, counts(outcome), codes(outcome)) == (Verdict.DONE, (6, 0, 0, 0), [])
    assert on_disk(practice, "qBOLD") == RESULT


async def test_a_file_that_changes_here_while_its_digest_is_wanted_is_told_and_the_others_are_compared(
    run: Run, result: Path, practice: Practice
) -> None:
    await run.put(target(result))
    with Journal(run.home) as journal:
        journal.end(f"{run.site.info.url} DEMO / qBOLD")  # no digest is known
    path = result / "maps" / "T2s" / "echo1.nii.gz"
    run.told = Meanwhile(lambda: path.write_bytes(b"ONE"))
    practice.server.faults.add(parse("status:code=503,method=GET,path=qBOLD/files,times=1"))
    (outcome,) = await run.put(target(result))
    assert (outcome.verdict, counts(outcome), codes(outcome)) == (
        Verdict.INCOMPLETE,
        (0, 5, 0, 1),
        ["resource.refused"],
    )
    assert "has changed meanwhile" in whys(outcome)


async def test_a_folder_that_changes_while_it_becomes_an_archive_is_told_by_its_name(
    run: Run, result: Path, practice: Practice
) -> None:
    run.told = Meanwhile(lambda: (result / ".hidden").write_bytes(b"longer"))
    practice.server.faults.add(parse("status:code=503,only=files,times=1"))
    (outcome,) = await run.put(target(result), wishes=Wishes(keeps_archive=True))
    assert (outcome.verdict, counts(outcome)) == (Verdict.FAILED, (0, 0, 0, 1))
    assert "resource.refused" in codes(outcome)
    assert "had 1 bytes" in whys(outcome)
    assert on_disk(practice, "qBOLD") == {}


async def test_an_archive_that_is_cut_while_it_travels_is_told(run: Run, tmp_path: Path, practice: Practice) -> None:
    path = tmp_path / "r.tar"
    with tarfile.open(path, "w") as archive:
        entry = tarfile.TarInfo("a.nii")
        entry.size = 2_000_000
        archive.addfile(entry, io.BytesIO(bytes(entry.size)))

    async def meanwhile(_: float) -> None:
        os.truncate(path, 600_000)

    with Journal(run.home) as journal:
        transfer = Transfer(run.site, journal, Wishes(), clock=lambda: 0.0, sleep=meanwhile, random=lambda: 0.5,
                            tell=run.told.append, limit_bytes_s=1000)  # fmt: skip
        (outcome,) = [one async for one in transfer.put([target(path)])]
    assert (outcome.verdict, counts(outcome)) == (Verdict.FAILED, (0, 0, 0, 1))
    assert "cut while it was read" in whys(outcome) or "bytes at the survey" in whys(outcome)


# -- on the way here ----------------------------------------------------------------------------------


async def test_a_folder_in_the_place_of_a_file_is_told_and_stays(run: Run, result: Path, out: Path) -> None:
    await run.put(target(result))
    (out / "empty.flag").mkdir(parents=True)
    for existing in Existing:
        (outcome,) = await run.get(target(out), wishes=Wishes(existing=existing))
        assert (outcome.verdict, codes(outcome)) == (Verdict.INCOMPLETE, ["resource.not_saved"])
        assert "a folder of this name" in whys(outcome)
    assert contents(out) == {name: RESULT[name] for name in RESULT if name != "empty.flag"}
    assert (out / "empty.flag").is_dir()


async def test_a_file_here_that_cannot_be_compared_does_not_keep_the_others_away(
    run: Run, result: Path, out: Path, practice: Practice
) -> None:
    practice.on_loop(lambda store: store.state.preferences.update(checksums=False))
    await run.put(target(result))
    write(out, {".hidden": b"h"})
    run.told = Meanwhile((out / ".hidden").unlink)
    practice.server.faults.add(parse("status:code=503,method=GET,path=files/.hidden,times=1"))
    (outcome,) = await run.get(target(out), wishes=Wishes(verifies_bytes=True))
    assert (outcome.verdict, counts(outcome)) == (Verdict.INCOMPLETE, (5, 0, 0, 1))
    assert codes(outcome)[0] == "resource.not_saved"
    assert "No such file" in whys(outcome)
    assert contents(out) == {name: RESULT[name] for name in RESULT if name != ".hidden"}


async def test_a_folder_that_becomes_a_link_meanwhile_leads_no_file_out(
    run: Run, result: Path, out: Path, tmp_path: Path, practice: Practice
) -> None:
    await run.put(target(result))
    away = tmp_path / "away"
    away.mkdir()
    run.told = Meanwhile(lambda: (out / "maps").symlink_to(away))
    practice.server.faults.add(parse("status:code=503,method=GET,path=files/maps,times=3"))
    (outcome,) = await run.get(target(out))
    assert (outcome.verdict, codes(outcome)) == (Verdict.INCOMPLETE, ["resource.not_saved"])
    assert "leads out of the folder" in whys(outcome)
    assert contents(away) == {}


async def test_a_disk_that_takes_no_more_is_told_and_leaves_no_folder(run: Run, result: Path, tmp_path: Path) -> None:
    await run.put(target(result))
    (tmp_path / "file").write_bytes(b"x")
    (outcome,) = await run.get(target(tmp_path / "file" / "out"))
    assert (outcome.verdict, counts(outcome), codes(outcome)) == (
        Verdict.FAILED,
        (0, 0, 0, 6),
        ["resource.not_saved"],
    )
    assert "Not a directory" in whys(outcome) or "File exists" in whys(outcome)


@pytest.mark.parametrize("is_replacing", [False, True])
def test_where_no_hard_links_are_whole_files_get_their_places_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_replacing: bool
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")  # as FAT and some network drives say

    monkeypatch.setattr(os, "link", no_links)
    with Scratch(tmp_path / "out") as scratch:
        for content in (b"one", b"two"):
            (scratch.path / "whole").write_bytes(content)
            if content == b"two" and not is_replacing:
                with pytest.raises(FileExistsError):
                    scratch.place(scratch.path / "whole", scratch.root / "a" / "b", is_replacing=False)
            else:
                scratch.place(scratch.path / "whole", scratch.root / "a" / "b", is_replacing=is_replacing)
    assert contents(tmp_path / "out") == {"a/b": b"two" if is_replacing else b"one"}


def test_a_whole_file_that_cannot_be_moved_leaves_no_empty_one_in_its_place(tmp_path: Path) -> None:
    with Scratch(tmp_path / "out") as scratch:
        folder = scratch.path / "folder"  # neither linked nor put into the place of a file
        folder.mkdir()
        with pytest.raises(OSError, match="Not a directory"):
            scratch.place(folder, scratch.root / "a", is_replacing=False)
        assert not (scratch.root / "a").exists()


def test_what_is_called_like_remains_and_is_no_folder_stays(tmp_path: Path) -> None:
    precious = write(tmp_path / "precious", {"a": b"1"})
    out = write(tmp_path / "out", {f"{PART}file": b"x"})
    (out / f"{PART}link").symlink_to(precious)
    Scratch(out).close()
    assert contents(out) == {f"{PART}file": b"x"}
    assert (out / f"{PART}link").is_symlink()
    assert contents(precious) == {"a": b"1"}


# -- looking beforehand -------------------------------------------------------------------------------


async def test_a_source_that_the_system_does_not_show_hides_no_other(
    run: Run, site: Site, result: Path, tmp_path: Path
) -> None:
    preview = Preview(site, "DEMO")
    odd = target(tmp_path / ("x" * 300), label="odd")
    found = {one.target: one async for one in preview.put([odd, target(result)], keeps_archive=False, creates=False)}
    preview.close()
    assert {one.label: seen.state for one, seen in found.items()} == {"odd": State.EMPTY, "qBOLD": State.NEW}
    finding = found[odd].finding
    assert finding
    assert (finding.code, "File name too long" in finding.why) == ("resource.unreadable", True)
