"""One plan in many processes at once, as the tasks of a job array, and one summary over all."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.program import PATIENCE_S, PROGRAM, call
from support import Practice
from xnat_wizard.dicom.survey import survey
from xnat_wizard.practice.sample import write_study
from xnat_wizard.upload.journal import FILE_NAME, Journal
from xnat_wizard.upload.model import Destination
from xnat_wizard.upload.plan import draft, save

SUBJECTS, SESSIONS, SHARDS = 9, 11, 4  # some subjects came twice
NewPlan = Callable[[], Path]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("many") / "study", subjects=SUBJECTS, slices=1)


@pytest.fixture
def plan(practice: Practice, many: Path, tmp_path: Path) -> Path:
    """Give a plan on a disk that all machines see."""
    path = tmp_path / "many.plan.json"
    save(draft(survey(many), site_url=practice.url, project="DEMO", destination=Destination.ARCHIVE), path)
    return path


def subjects_there(practice: Practice) -> list[str]:
    return practice.on_loop(
        lambda store: sorted(one.label for one in store.state.subjects.values() if one.project == "DEMO")
    )


@pytest.mark.usefixtures("account")
def test_four_processes_at_once_send_every_session_once(
    plan: Path, practice: Practice, uploads: Callable[[], list[Path]]
) -> None:
    environment = {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in (("MIN", 0), ("MAX", 3), ("COUNT", 4))}
    processes = [
        subprocess.Popen(
            [PROGRAM, "upload", str(plan), "--shard-from-slurm"],
            env={**os.environ, **environment, "SLURM_ARRAY_TASK_ID": str(task)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for task in range(SHARDS)
    ]
    ends = [(process.communicate(timeout=PATIENCE_S), process.returncode) for process in processes]
    assert [code for _, code in ends] == [0] * SHARDS, ends
    assert len(uploads()) == SHARDS
    sent = []
    for folder in uploads():
        with Journal.open(folder / FILE_NAME) as journal:
            sent += [one.session_label for one in journal.progress().sessions]
    assert len(sent) == len(set(sent)) == SESSIONS
    assert len(subjects_there(practice)) == SUBJECTS
    told = call("upload", plan, "--summary")
    assert told.code == 0, told.talk
    assert told.data.splitlines()[-1].startswith(f"Verdict: COMPLETE   4 shards, {SESSIONS} sessions, ")
    objects = call("upload", plan, "--summary", "--json").objects()
    assert [one["type"] for one in objects] == ["shard"] * SHARDS + ["summary"]
    assert [one["shard"] for one in objects[:-1]] == ["1/4", "2/4", "3/4", "4/4"]
    assert objects[-1]["files_stored"] == objects[-1]["files_total"] > 0
    assert objects[-1]["missing"] == []


@pytest.mark.usefixtures("account")
def test_a_summary_of_some_names_the_missing_and_ends_so(plan: Path, uploads: Callable[[], list[Path]]) -> None:
    assert call("upload", plan, "--summary").code == 1
    first = call("upload", plan, "--shard", "2/3")
    assert first.code == 0, first.talk
    assert "Shard 2/3: 4 of 11 sessions" in first.talk
    told = call("upload", plan, "--summary")
    assert told.code == 3
    assert "Verdict: NOT FINISHED: 2 shards missing" in told.data
    assert "--shard 1/3" in told.talk
    assert "--shard 3/3" in told.talk
    other = call("upload", plan, "--shard", "1/2")
    assert other.code == 1
    assert "was split into 3 shards already" in other.talk
    assert len(uploads()) == 1


@pytest.mark.usefixtures("account")
def test_each_machine_may_have_a_home_of_its_own(plan: Path, tmp_path: Path) -> None:
    homes = tmp_path / "homes"
    for number in (1, 2):
        home = {"XNAT_WIZARD_HOME": str(homes / f"node{number}")}
        assert call("upload", plan, "--shard", f"{number}/2", env=home).code == 0
    assert call("upload", plan, "--summary").code == 1
    told = call("upload", plan, "--summary", "--from", homes)
    assert told.code == 0, told.talk
    assert "Verdict: COMPLETE   2 shards" in told.data


@pytest.mark.usefixtures("account")
def test_a_shard_without_a_subject_is_done_at_once(plan: Path, uploads: Callable[[], list[Path]]) -> None:
    ended = call("upload", plan, "--shard", "12/12")
    assert (ended.code, ended.data) == (0, "")
    assert "Shard 12/12: 0 of 11 sessions" in ended.talk
    assert uploads() == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [(("--shard", "0/4"), 2, "is no shard"), (("--shard-from-slurm",), 1, "Slurm does not say which shard this is")],
)
def test_what_is_no_shard_begins_nothing(
    plan: Path, uploads: Callable[[], list[Path]], arguments: tuple[str, ...], code: int, said: str
) -> None:
    ended = call("upload", plan, *arguments)
    assert ended.code == code
    assert said in ended.talk
    assert uploads() == []


def test_a_shard_and_a_summary_are_two_things(plan: Path) -> None:
    assert call("upload", plan, "--shard", "1/4", "--summary").code == 2
