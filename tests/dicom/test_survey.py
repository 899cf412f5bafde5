"""The survey as a whole: each file once, stable, stoppable, and honest about sources it cannot read."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dicom.images import on_disk, write_image, write_pair, write_series
from xnat_wizard.dicom.model import OtherKind, Survey
from xnat_wizard.dicom.survey import SurveyRun, SurveyStopped, survey
from xnat_wizard.findings import Problem, Severity


def paths_of(found: Survey) -> list[str]:
    paths = [instance.path for series in found.series for instance in series.instances]
    paths += [path for pair in found.pairs for path in (pair.par_path, pair.rec_path)]
    return sorted(paths + [other.path for other in found.others])


def kinds(found: Survey) -> dict[str, OtherKind]:
    return {other.path: other.kind for other in found.others}


def test_a_good_study_has_series_in_order_and_no_findings(tmp_path: Path) -> None:
    write_series(tmp_path / "S2" / "t1", study=2, patient="B", count=3)
    write_series(tmp_path / "S1" / "flair", study=1, series=10)
    write_series(tmp_path / "S1" / "t1", study=1, series=2)
    found = survey(tmp_path)
    assert found.findings == ()
    assert [(series.subject_folder, series.series_number) for series in found.series] == [
        ("S1", "2"),
        ("S1", "10"),
        ("S2", "2") if found.series[2].series_number == "2" else ("S2", "1"),
    ]
    first = found.series[0]
    assert first.folders == ("S1/t1",)
    assert [instance.path for instance in first.instances] == ["S1/t1/0001.dcm", "S1/t1/0002.dcm"]
    assert first.size_bytes == sum((tmp_path / instance.path).stat().st_size for instance in first.instances)
    assert first.instances[0].mtime_ns == (tmp_path / "S1/t1/0001.dcm").stat().st_mtime_ns
    assert found.subject_folders == ("S1", "S2")
    assert found.folder_count == 6
    assert found.file_count == 7


def test_two_surveys_are_equal(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "a", count=5)
    write_pair(tmp_path / "S1" / "b")
    (tmp_path / "S1" / "b" / "notes.txt").write_text("x", encoding="ascii")
    assert survey(tmp_path) == survey(tmp_path)


KINDS = ["image", "same image", "text", "empty", "litter", "zip", "cut", "par", "link", "loop", "dangling", "hidden"]


def place(root: Path, folder: Path, kind: str, number: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number}.dcm"
    if kind in {"image", "same image"}:
        write_image(path, image=number if kind == "image" else 1, study=1 + len(folder.parts) % 3)
    elif kind == "cut":
        path.write_bytes(write_image(path, image=number).read_bytes()[:-5])
    elif kind == "par":
        write_pair(folder, str(number), images=number % 3 + 1)
    elif kind in {"link", "loop", "dangling"}:
        path.symlink_to({"link": "1.dcm", "loop": str(root), "dangling": "nowhere"}[kind])
    else:
        name = {"litter": ".DS_Store", "zip": f"{number}.zip", "hidden": f".{number}.swp"}.get(kind, f"{number}.txt")
        (folder / name).write_bytes({"zip": b"PK\x03\x04" + bytes(40), "empty": b""}.get(kind, b"text"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.lists(
        st.tuples(st.sampled_from(["", "a", "a/b", "a/c", "a/b/d", "e/f", "a/.g/h"]), st.sampled_from(KINDS))
    )
)
def test_every_file_is_in_exactly_one_place(tmp_path: Path, files: list[tuple[str, str]]) -> None:
    root = tmp_path / "source"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for number, (folder, kind) in enumerate(files, 1):
        place(root, root / folder, kind, number)
    if not files:
        with pytest.raises(Problem):
            survey(root)
        return
    found = survey(root)
    assert paths_of(found) == on_disk(root)
    assert found.file_count == len(on_disk(root))
    for finding in found.findings:
        assert finding.what
        assert finding.why
        assert finding.todo
        assert finding.where
        assert finding.as_text().encode("utf-8")
    assert found.findings == survey(root).findings


async def test_a_run_gives_the_same_and_leaves_no_thread(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "t1", count=3)
    async with SurveyRun(tmp_path) as run:
        found = await run.result()
        progress = run.snapshot()
    assert found == survey(tmp_path)
    assert (progress.files_seen, progress.instances_found, progress.folders_read) == (3, 3, 3)
    assert progress.bytes_found == found.series[0].size_bytes
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("survey")]


async def test_a_stopped_run_says_so(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "t1", count=3)
    run = SurveyRun(tmp_path)
    run._gathering.stop.set()
    async with run:
        with pytest.raises(SurveyStopped):
            await run.result()


async def test_leaving_early_stops_the_run_and_its_threads(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "t1", count=30)
    async with SurveyRun(tmp_path) as run:
        progress = run.snapshot()
    assert progress.files_seen <= 30
    assert run._gathering.stop.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("survey")]


def test_where_opening_is_slow_many_readers_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for series in range(1, 4):
        write_series(tmp_path / "S1" / f"t{series}", series=series, count=70)
    one_reader = survey(tmp_path)
    monkeypatch.setattr("xnat_wizard.dicom.reading._SLOW_OPEN_S", 0.0)
    assert survey(tmp_path) == one_reader
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("survey")]


async def test_a_run_does_not_use_the_default_pool(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "t1", count=1)
    loop = asyncio.get_running_loop()
    async with SurveyRun(tmp_path) as run:
        await run.result()
    assert getattr(loop, "_default_executor", None) is None


def code_of(source: Path) -> str:
    with pytest.raises(Problem) as caught:
        survey(source)
    finding = caught.value.finding
    assert finding.todo
    assert finding.why
    return finding.code


def test_sources_that_cannot_be_surveyed_are_problems(tmp_path: Path) -> None:
    assert code_of(tmp_path / "nothing") == "survey.no_such_folder"
    (tmp_path / "file.txt").write_text("x", encoding="ascii")
    assert code_of(tmp_path / "file.txt") == "survey.not_a_folder"
    (tmp_path / "study.7z").write_bytes(b"7z\xbc\xaf\x27\x1c")
    assert code_of(tmp_path / "study.7z") == "survey.archive"
    (tmp_path / "empty" / "er").mkdir(parents=True)
    assert code_of(tmp_path / "empty") == "survey.empty"


def test_a_source_that_is_not_there_or_empty_is_called_what_it_is(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    (tmp_path / "unpacked.zip").mkdir()
    for name, what in (
        ("gone.zip", 'There is no archive "'),
        ("gone", 'There is no folder "'),
        ("empty.zip", 'The archive "'),
        ("unpacked.zip", 'The folder "'),
    ):
        with pytest.raises(Problem) as caught:
            survey(tmp_path / name)
        assert caught.value.finding.what.startswith(what)


def test_a_folder_without_images_says_what_is_there_instead(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("x", encoding="ascii")
    found = survey(tmp_path)
    assert [finding.code for finding in found.findings] == ["survey.no_images", "structure.not_dicom"]
    assert found.findings[0].severity is Severity.STOP
    assert "1 not DICOM" in found.findings[0].what


def test_a_pipe_is_named_and_never_opened(tmp_path: Path) -> None:
    write_series(tmp_path / "S1" / "t1")
    os.mkfifo(tmp_path / "S1" / "t1" / "pipe.dcm")
    assert kinds(survey(tmp_path)) == {"S1/t1/pipe.dcm": OtherKind.NOT_DICOM}


def test_links_are_named_and_send_nothing_twice(tmp_path: Path) -> None:
    source, outside = tmp_path / "source", tmp_path / "outside"
    write_series(source / "S1" / "t1")
    write_series(outside / "t2", series=2)
    write_image(source / "S1" / ".store" / "object", image=9)
    (source / "S1" / "t1" / "annexed.dcm").symlink_to("../.store/object")
    (source / "S1" / "t1" / "again.dcm").symlink_to("0001.dcm")
    (source / "S1" / "t2").symlink_to(outside / "t2")
    (source / "S1" / "gone.dcm").symlink_to("nothing")
    (source / "S2").symlink_to("S1")
    found = survey(source)
    assert found.file_count == len(on_disk(source)) == 8
    assert [instance.path for instance in found.series[0].instances] == [
        "S1/t1/0001.dcm",
        "S1/t1/0002.dcm",
        "S1/t1/annexed.dcm",  # its target lies in a hidden folder, where nothing is read
    ]
    codes = Counter(finding.code for finding in found.findings)
    assert codes["structure.link_outside"] == codes["structure.link_broken"] == 1
    assert {finding.where for finding in found.findings if finding.code == "structure.link_skipped"} == {".", "S1/t1"}


AS_NOBODY = """
import json, os, sys
from pathlib import Path
from xnat_wizard.dicom.survey import survey
from xnat_wizard.findings import Problem
if os.getuid() == 0:  # after the imports: Python itself may lie where only root can read
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    found = survey(Path(sys.argv[1]))
except Problem as problem:
    print(json.dumps([problem.finding.code]))
else:
    print(json.dumps([
        [[other.path, other.reason] for other in found.others],
        [[finding.code, finding.where] for finding in found.findings],
        found.file_count,
    ]))
"""


def survey_as_nobody(source: Path) -> list[object]:
    """Survey in a process that may not read everything, also when the tests run as root."""
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, os.fspath(source)], capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
    answer: list[object] = json.loads(done.stdout)
    return answer


@pytest.fixture
def open_folder() -> Path:  # type: ignore[misc]  # a generator
    """Give a folder that other users can reach, unlike tmp_path."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        for path in folder.rglob("*"):
            path.chmod(0o755)


def test_what_may_not_be_read_is_named(open_folder: Path) -> None:
    write_series(open_folder / "S1" / "t1", count=3)
    write_series(open_folder / "S1" / "t2", series=2)
    (open_folder / "S1" / "t1" / "0002.dcm").chmod(0)
    (open_folder / "S1" / "t2").chmod(0)
    others, findings, count = survey_as_nobody(open_folder)
    assert others == [["S1/t1/0002.dcm", "there is no permission to read it"]]
    assert findings == [["structure.unreadable", "S1/t1"], ["survey.folder_unreadable", "S1/t2"]]
    assert count == 3


def test_a_source_that_may_not_be_read_is_a_problem(open_folder: Path) -> None:
    source = open_folder / "closed"
    write_series(source / "S1" / "t1")
    source.chmod(0)
    assert survey_as_nobody(source) == ["survey.no_permission"]
