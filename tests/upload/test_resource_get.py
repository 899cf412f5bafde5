"""Resources of the real practice server into folders: whole, private, compared, and never outside of the folder."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from support import Practice
from upload.resources import RESULT, Run, codes, contents, target, write
from xnat_wizard.findings import Problem
from xnat_wizard.practice.faults import parse
from xnat_wizard.practice.store import Entry, Store
from xnat_wizard.upload.resource_transfer.getting import place_of
from xnat_wizard.upload.resource_transfer.local_tree import bad_name
from xnat_wizard.upload.resource_transfer.model import Existing, Verdict, Wishes
from xnat_wizard.upload.resource_transfer.scratch import Scratch
from xnat_wizard.upload.resource_transfer.targets import Request, to_get
from xnat_wizard.xnat.downloads import PART
from xnat_wizard.xnat.resources import Address
from xnat_wizard.xnat.site import Site

REPLACE = Wishes(existing=Existing.REPLACE)


@pytest.fixture
async def run(site: Site, tmp_path: Path) -> Run:
    """Give runs on a site that has the result in a resource of the project."""
    run = Run(site, tmp_path / "journal")
    await run.put(target(write(tmp_path / "result")))
    return run


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out" / "p020"


def hostile(practice: Practice, *names: str) -> None:
    """Let the site list names that nobody could have sent."""

    def add(store: Store) -> None:
        files = store.state.projects["DEMO"].resources["qBOLD"].files
        files.update({name: Entry(name, 1, "9dd4e461268c8034f5c8564e155c67a6") for name in names})

    practice.on_loop(add)


async def test_what_was_sent_comes_back_the_same_for_this_person_only(run: Run, out: Path) -> None:
    (outcome,) = await run.get(target(out))
    assert (outcome.verdict, outcome.tally.moved, outcome.proof) == (Verdict.DONE, 6, "MD5")
    assert contents(out) == RESULT
    for path in (out.parent, out, *out.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    (again,) = await run.get(target(out))
    assert (again.verdict, again.tally.there, again.tally.travelled_bytes) == (Verdict.DONE, 6, 0)


async def test_a_dry_run_makes_not_even_the_folder(run: Run, out: Path) -> None:
    (outcome,) = await run.get(target(out), wishes=Wishes(is_dry=True))
    assert (outcome.verdict, outcome.tally.to_move) == (Verdict.PLANNED, 6)
    assert not out.parent.exists()


async def test_a_file_here_that_differs_is_a_finding_stays_or_is_replaced(run: Run, out: Path) -> None:
    write(out, {"maps/T2s/echo1.nii.gz": b"ONE", "mine": b"m"})
    (failed,) = await run.get(target(out))
    assert (failed.verdict, codes(failed)) == (Verdict.FAILED, ["resource.differs"])
    assert contents(out) == {"maps/T2s/echo1.nii.gz": b"ONE", "mine": b"m"}
    (skipped,) = await run.get(target(out), wishes=Wishes(existing=Existing.SKIP))
    assert (skipped.verdict, skipped.tally.left, codes(skipped)) == (Verdict.DONE, 1, ["resource.kept"])
    (replaced,) = await run.get(target(out), wishes=REPLACE)
    assert (replaced.verdict, replaced.tally.moved, replaced.tally.there) == (Verdict.DONE, 1, 5)
    assert contents(out) == RESULT | {"mine": b"m"}


async def test_no_part_of_a_file_stays_when_the_line_breaks(run: Run, out: Path, practice: Practice) -> None:
    practice.server.faults.add(parse("cut-answer:at=5000,path=R2prime,method=GET"))
    (outcome,) = await run.get(target(out))
    assert (outcome.verdict, codes(outcome)) == (Verdict.INCOMPLETE, ["resource.not_saved"])
    assert contents(out) == {name: RESULT[name] for name in RESULT if "R2prime" not in name}
    practice.server.faults.clear()
    (again,) = await run.get(target(out))
    assert (again.verdict, again.tally.moved) == (Verdict.DONE, 1)
    assert contents(out) == RESULT


async def test_what_a_killed_run_left_is_taken_away_and_what_runs_is_left_alone(run: Run, out: Path) -> None:
    write(out / f"{PART}killed", {"half.nii": b"h"})
    with Scratch(out) as other:
        assert not (out / f"{PART}killed").exists()
        await run.get(target(out))
        assert other.path.is_dir()
    assert contents(out) == RESULT
    assert list(out.glob(f"{PART}*")) == []


async def test_a_file_whose_bytes_are_not_those_of_the_list_is_not_saved(
    run: Run, out: Path, practice: Practice
) -> None:
    next((practice.folder / "archive").rglob("echo1.nii.gz")).write_bytes(b"ONE")
    (outcome,) = await run.get(target(out))
    assert (outcome.verdict, codes(outcome)) == (Verdict.INCOMPLETE, ["resource.not_saved"])
    assert "MD5" in outcome.findings[0].why
    assert "maps/T2s/echo1.nii.gz" not in contents(out)


async def test_names_of_the_site_never_lead_out_of_the_folder(run: Run, out: Path, practice: Practice) -> None:
    names = ["../evil", "/etc/evil", "a/../../evil", "nul\0l", "..", "a//b", "./dot", f"{PART}x", "x" * 300, "\ud800"]
    hostile(practice, *names)
    (outcome,) = await run.get(target(out))
    assert (outcome.verdict, outcome.tally.moved, outcome.tally.failed) == (Verdict.INCOMPLETE, 6, len(names))
    assert codes(outcome) == ["resource.not_saved"]
    assert contents(out.parent.parent / "out") == {f"p020/{name}": content for name, content in RESULT.items()}
    assert not (out.parent / "evil").exists()


async def test_links_that_lie_here_lead_nowhere(run: Run, out: Path, tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", {"echo1.nii.gz": b"mine"})
    (out / "maps").mkdir(parents=True)
    (out / "maps" / "T2s").symlink_to(outside)
    (out / ".hidden").symlink_to(outside / "echo1.nii.gz")
    (outcome,) = await run.get(target(out), wishes=REPLACE)
    assert (outcome.verdict, outcome.tally.failed) == (Verdict.INCOMPLETE, 2)
    assert contents(outside) == {"echo1.nii.gz": b"mine"}
    assert not (out / ".hidden").is_symlink()
    assert (out / ".hidden").read_bytes() == RESULT[".hidden"]


async def test_without_digests_every_byte_can_be_compared(run: Run, out: Path, practice: Practice) -> None:
    def forget(store: Store) -> None:
        for entry in store.state.projects["DEMO"].resources["qBOLD"].files.values():
            entry.md5 = ""

    practice.on_loop(forget)
    (first,) = await run.get(target(out))
    assert (first.verdict, first.proof, codes(first)) == (Verdict.DONE, "size", ["resource.by_size"])
    (out / ".hidden").write_bytes(b"H")
    (by_size,) = await run.get(target(out))
    assert (by_size.verdict, by_size.tally.there) == (Verdict.DONE, 6)
    (read,) = await run.get(target(out), wishes=Wishes(verifies_bytes=True))
    assert codes(read) == ["resource.differs"]


async def test_what_is_not_there_is_said(run: Run, out: Path) -> None:
    none, nobody = await run.get(target(out, label="T1"), target(out / "x", Address("DEMO", "nobody")))
    assert (codes(none), codes(nobody)) == (["resource.missing"], ["resource.no_holder"])
    assert not out.parent.exists()


async def test_every_session_that_fits_is_got_into_a_folder_of_its_subject(
    run: Run, site: Site, tmp_path: Path
) -> None:
    sources = [target(tmp_path / "result", Address("DEMO", one, f"{one}-mri"), subject=one) for one in ("p020", "p021")]
    await run.put(*sources, wishes=Wishes(creates=True))

    async def asked(folder: str, **named: str) -> list[tuple[str, Path]]:
        request = Request.parse(f"{tmp_path}/{folder}", project="DEMO", label="qBOLD", **named)
        return [(one.subject, one.path) for one in await to_get(request, site)]

    both = [("p020", tmp_path / "o" / "p020"), ("p021", tmp_path / "o" / "p021")]
    assert await asked("o", session="{subject}-mri") == both
    assert await asked("o/{subject}", subject="{subject}") == both
    assert await asked("o", session="{subject}-mri", subjects="p021,p022") == [
        ("p021", tmp_path / "o" / "p021"),
        ("p022", tmp_path / "o" / "p022"),
    ]
    assert await asked("o", session="p020-mri") == [("", tmp_path / "o")]
    with pytest.raises(Problem, match=r"resource\.no_match"):
        await asked("o", session="{subject}-pet")
    with pytest.raises(Problem, match=r"resource\.bad_pattern"):
        await asked("o/{subject}", session="p020-mri")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(["..", ".", "", "a", PART]), st.text(max_size=6)), max_size=6).map("/".join))
@example("../x")
@example("/x")
@example("a/../../x")
@example("\0")
@example("\ud800")
def test_no_name_leads_out_of_a_folder(tmp_path: Path, name: str) -> None:
    root = Path(os.path.realpath(tmp_path))
    place, reason = place_of(name, root)
    assert (place is None) == bool(reason)
    if place is not None:
        assert place != root
        assert Path(os.path.normpath(place)) == place
        assert place.is_relative_to(root)
        assert place.relative_to(root).as_posix() == name


NAMES = st.lists(
    st.text(st.characters(exclude_characters="/"), min_size=1, max_size=12).filter(
        lambda name: name not in {".", ".."}
    ),
    min_size=1,
    max_size=3,
).map("/".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=12, unique=True))
async def test_every_name_that_can_be_sent_comes_back_the_same(run: Run, tmp_path: Path, names: list[str]) -> None:
    """The law of names: sent in a zip or alone, listed, got again; what cannot be kept is said and not sent."""
    number = len(list(tmp_path.iterdir()))
    source, label = tmp_path / f"s{number}", f"L{number}"
    source.mkdir()
    for name in names:
        try:
            write(source, {name: name.encode("utf-8", "surrogatepass")})
        except (OSError, UnicodeEncodeError, ValueError):
            continue  # no name on this disk, or a file is in the place of its folder
    here = contents(source)
    good = {name: content for name, content in here.items() if not bad_name(name)}
    (sent,) = await run.put(target(source, label=label))
    assert sent.tally.failed == len(here) - len(good) or not good
    assert sent.tally.moved == len(good), sent.findings
    if good:
        (got,) = await run.get(target(tmp_path / f"o{number}", label=label))
        assert got.verdict is Verdict.DONE, got.findings
        assert contents(tmp_path / f"o{number}") == good
