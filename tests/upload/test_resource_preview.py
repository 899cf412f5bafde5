"""What a person is shown before results are moved: proposed patterns, and how each target stands."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support import Practice
from upload.resources import Run, target, write
from xnat_wizard.upload.resource_transfer.model import Target, Wishes
from xnat_wizard.upload.resource_transfer.previewing import Preview, Seen, State
from xnat_wizard.upload.resource_transfer.proposing import names_in, propose, session_pattern
from xnat_wizard.upload.resource_transfer.targets import Request
from xnat_wizard.xnat.resources import Address
from xnat_wizard.xnat.site import Site

SUBJECTS = ("p020", "p021", "p02")
SESSIONS = (("p020", "p020-mri"), ("p021", "p021-mri"), ("p02", "other"))


@pytest.mark.parametrize(
    ("path", "names", "pattern", "fits"),
    [
        ("/r", ("erc-wp1-p020", "erc-wp1-p021", "notes.txt"), "/r/erc-wp1-{subject}", 2),
        ("/r", ("erc-wp1-p020.zip", "erc-wp1-p021.zip"), "/r/erc-wp1-{subject}.zip", 2),
        ("/r/erc-wp1-p020", ("maps", "p020.log"), "/r/erc-wp1-{subject}", 1),
        ("/r", ("p020",), "/r/{subject}", 1),
        ("/r", ("erc-wp1-x1", "erc-wp1-x2"), "/r/erc-wp1-{subject}", 2),
        ("/r", ("maps", "logs"), "", 0),
        ("/r", ("p0201", "p0202"), "/r/{subject}", 2),  # not of p020
        ("/r", ("{p020}", "{p021}"), "", 0),
        ("/r", (), "", 0),
    ],
)
def test_a_pattern_is_proposed_from_names_and_subjects(
    path: str, names: tuple[str, ...], pattern: str, fits: int
) -> None:
    proposal = propose(Path(path), names, SUBJECTS, SESSIONS)
    assert (proposal.path, proposal.fits, proposal.session) == (pattern, fits, "{subject}-mri")


def test_a_session_is_proposed_only_where_labels_hold_their_subjects() -> None:
    assert session_pattern((("a", "1"), ("b", "2"))) == ""
    assert session_pattern((("", "x"),)) == ""


def test_names_of_a_folder_that_is_not_there_are_none(tmp_path: Path) -> None:
    write(tmp_path / "r", {"b/x": b"1", ".hidden": b"2", "a": b"3"})
    assert names_in(tmp_path / "r") == ("a", "b")
    assert names_in(tmp_path / "missing") == ()


@pytest.fixture
async def preview(site: Site) -> AsyncIterator[Preview]:
    one = Preview(site, "DEMO")
    yield one
    one.close()


@pytest.fixture
def run(site: Site, tmp_path: Path) -> Run:
    return Run(site, tmp_path / "journal")


def at(subject: str) -> Address:
    return Address("DEMO", "", f"{subject}-mri")


async def make(run: Run, folder: Path, *subjects: str) -> None:
    for one in subjects:
        await run.put(target(folder, Address("DEMO", one, f"{one}-mri"), "NOTES"), wishes=Wishes(creates=True))


async def seen(preview: Preview, *targets: Target, creates: bool = False) -> dict[str, Seen]:
    found = {}
    async for one in preview.put(targets, keeps_archive=False, creates=creates):
        found[one.target.path.name] = one
    return found


async def test_each_target_stands_as_it_is(run: Run, preview: Preview, tmp_path: Path) -> None:
    folders = {name: write(tmp_path / name, {"a": b"1", "b/c": b"22"}) for name in ("p1", "p2", "p3", "p4", "p5")}
    (tmp_path / "empty").mkdir()
    await make(run, folders["p1"], "p1", "p2", "p3", "p4")
    await run.put(target(folders["p2"], at("p2")), target(folders["p3"], at("p3")))
    (folders["p2"] / "new").write_bytes(b"333")
    (folders["p4"] / "a").write_bytes(b"long")
    await run.put(target(folders["p4"], at("p4")))
    (folders["p4"] / "a").write_bytes(b"other!")
    found = await seen(
        preview,
        *(target(folder, at(name)) for name, folder in folders.items()),
        target(tmp_path / "empty", at("p1")),
        target(tmp_path / "missing", at("p1"), "other"),
    )
    assert {name: one.state for name, one in found.items()} == {
        "p1": State.AMBIGUOUS,  # the empty folder would go to the same place
        "p2": State.PARTLY,
        "p3": State.EXISTS,
        "p4": State.DIFFERS,
        "p5": State.NO_HOLDER,
        "empty": State.EMPTY,
        "missing": State.EMPTY,
    }
    assert (found["p2"].files, found["p2"].size_bytes, found["p2"].equal) == (3, 6, 2)
    assert found["p4"].other == 1
    assert found["missing"].finding
    assert found["missing"].finding.code == "resource.no_source"


async def test_a_session_that_is_made_is_told_so(preview: Preview, tmp_path: Path) -> None:
    folder = write(tmp_path / "p1", {"a": b"1"})
    place = Address("DEMO", "p1", "p1-mri")
    assert (await seen(preview, target(folder, place), creates=True))["p1"].state is State.MADE
    assert (await seen(preview, target(folder, place)))["p1"].state is State.NO_HOLDER


async def test_capitals_are_told(run: Run, preview: Preview, tmp_path: Path) -> None:
    folder = write(tmp_path / "p1", {"a": b"1"})
    await make(run, folder, "p1")
    one = (await seen(preview, target(folder, Address("DEMO", "", "P1-MRI"))))["p1"]
    assert one.state is State.NO_HOLDER
    assert one.finding
    assert one.finding.todo[0] == "Write it with the same capitals as there: p1-mri"


async def test_a_session_of_another_subject_is_ambiguous(run: Run, preview: Preview, tmp_path: Path) -> None:
    folder = write(tmp_path / "p1", {"a": b"1"})
    await make(run, folder, "p1", "p2")
    one = (await seen(preview, target(folder, Address("DEMO", "p2", "p1-mri"))))["p1"]
    assert (one.state, one.finding.code if one.finding else "") == (State.AMBIGUOUS, "label.other_subject")


async def test_what_is_to_be_saved_stands_as_it_is(run: Run, preview: Preview, tmp_path: Path) -> None:
    folder = write(tmp_path / "p1", {"a": b"1", "b/c": b"22"})
    await make(run, folder, "p1", "p2")
    request = Request.parse(f"{tmp_path}/to/{{subject}}", project="DEMO", session="{subject}-mri", label="NOTES")
    targets = await preview.targets_to_get(request)
    first = [one async for one in preview.get(targets)]
    assert {one.state for one in first} == {State.NEW}
    assert {(one.files, one.size_bytes) for one in first} == {(2, 3)}
    write(tmp_path / "to" / "p1", {"a": b"1", "b/c": b"22"})
    write(tmp_path / "to" / "p2", {"a": b"1111"})
    second = {one.target.subject: one.state async for one in preview.get(targets)}
    assert second == {"p1": State.EXISTS, "p2": State.DIFFERS}
    request = Request.parse(f"{tmp_path}/to/{{subject}}", project="DEMO", session="{subject}-mri", label="none")
    assert {one.state async for one in preview.get(await preview.targets_to_get(request))} == {State.EMPTY}


async def test_what_is_new_on_the_site_is_seen_after_forgetting(
    run: Run, preview: Preview, practice: Practice, tmp_path: Path
) -> None:
    folder = write(tmp_path / "p1", {"a": b"1"})
    assert (await seen(preview, target(folder, at("p1"))))["p1"].state is State.NO_HOLDER
    await make(run, folder, "p1")
    assert (await seen(preview, target(folder, at("p1"))))["p1"].state is State.NO_HOLDER
    preview.forget()
    assert (await seen(preview, target(folder, at("p1"))))["p1"].state is State.NEW
    assert practice
