"""Shards of a plan: never overlapping, together the whole, the same on every machine."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upload.builders import series
from xnat_wizard.findings import Problem
from xnat_wizard.upload import plan_file, uploads
from xnat_wizard.upload.journal import FILE_NAME
from xnat_wizard.upload.model import Destination, Options, Plan, PlannedSession, Route
from xnat_wizard.upload.shard_uploads import MISSING, NOTHING, begin, summary, taken_up
from xnat_wizard.upload.sharding import Shard, digest_of, from_slurm, marks, parse, part, split


def session(subject: str, visit: int, count: int, *, is_included: bool = True) -> PlannedSession:
    one = series(f"{subject}/{visit}", study=f"1.2.{visit}.{sum(map(ord, subject))}", count=count)
    return PlannedSession(
        f"{subject}-{visit}",
        subject,
        f"{subject}_v{visit}",
        subject,
        one.study_instance_uid,
        "20240101",
        "MR",
        (one,),
        (),
        is_included=is_included,
    )


def plan_of(*sessions: PlannedSession) -> Plan:
    return Plan(
        Path("study"), "https://x.example.org", "DEMO", Destination.ARCHIVE, tuple(sessions), ("2 files: not DICOM",)
    )


SUBJECTS = st.lists(
    st.tuples(
        st.sampled_from(["a", "A", "b", "c", "d", "e-1", "f", "g"]), st.integers(1, 4), st.integers(0, 9), st.booleans()
    ),
    unique_by=lambda one: (one[0], one[1]),
    max_size=24,
)


@given(SUBJECTS, st.integers(1, 12))
def test_shards_never_overlap_and_together_are_the_whole(
    given_sessions: list[tuple[str, int, int, bool]], count: int
) -> None:
    plan = plan_of(*(session(name, visit, files, is_included=yes) for name, visit, files, yes in given_sessions))
    shares = split(plan, count)
    assert len(shares) == count
    together = [one for share in shares for one in share.sessions]
    assert Counter(one.key for one in together) == Counter(one.key for one in plan.sessions)
    order = {one.key: at for at, one in enumerate(plan.sessions)}
    for share in shares:
        keys = [order[one.key] for one in share.sessions]
        assert keys == sorted(keys), "in the order of the plan"
        assert replace(share, sessions=plan.sessions, not_sent=plan.not_sent) == plan
    homes = {(one.subject_label.casefold(), at) for at, share in enumerate(shares) for one in share.sessions}
    assert len({subject for subject, _ in homes}) == len(homes), "XNAT's archive knows subjects without regard to case"
    assert [line for share in shares for line in share.not_sent] == list(plan.not_sent)
    assert [part(plan, Shard(at, count)) for at in range(1, count + 1)] == list(shares)
    assert split(replace(plan, options=Options(1000)), count)[0].sessions == shares[0].sessions


def test_shards_are_about_equal_in_bytes() -> None:
    plan = plan_of(*(session(f"s{at:03}", 1, 1 + at % 7) for at in range(300)))
    sizes = [sum(one.size_bytes for one in share.included) for share in split(plan, 8)]
    assert max(sizes) - min(sizes) <= max(one.size_bytes for one in plan.sessions)


def test_what_is_not_included_weighs_nothing() -> None:
    heavy = session("heavy", 1, 50, is_included=False)
    plan = plan_of(heavy, *(session(f"s{at}", 1, 2) for at in range(4)))
    assert [len(share.included) for share in split(plan, 2)] == [2, 2]


@pytest.mark.parametrize("text", ["", "0/3", "4/3", "1", "1/0", "a/b", "-1/3", "1/3/5", "1/99999"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(Problem) as told:
        parse(text)
    assert told.value.finding.code == "shard.bad"


def test_a_shard_is_read() -> None:
    assert parse(" 3 / 10 ") == Shard(3, 10)
    assert str(Shard(3, 10)) == "3/10"


def array(task: int, least: int, most: int, count: int, step: int = 1) -> dict[str, str]:
    names = {"ID": task, "MIN": least, "MAX": most, "COUNT": count, "STEP": step}
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in names.items()}


@pytest.mark.parametrize(
    ("environment", "shard"),
    [
        (array(0, 0, 9, 10), Shard(1, 10)),
        (array(9, 0, 9, 10), Shard(10, 10)),
        (array(3, 1, 10, 10), Shard(3, 10)),
        (array(30, 10, 100, 10, 10), Shard(3, 10)),
    ],
)
def test_slurm_says_the_shard(environment: dict[str, str], shard: Shard) -> None:
    assert from_slurm(environment) == shard


@pytest.mark.parametrize(
    "environment",
    [
        {},
        array(3, 3, 3, 1),  # one task run again: it would send the whole plan
        array(7, 3, 7, 2),  # `--array=3,7`
        array(12, 1, 10, 10),
        {**array(3, 1, 10, 10), "SLURM_ARRAY_TASK_MIN": ""},
        {**array(3, 1, 10, 10), "SLURM_ARRAY_TASK_COUNT": "ten"},
        {**array(3, 1, 10, 10), "SLURM_ARRAY_TASK_COUNT": "\N{SUPERSCRIPT TWO}"},
    ],
)
def test_where_slurm_does_not_say_it_nothing_is_guessed(environment: dict[str, str]) -> None:
    with pytest.raises(Problem) as told:
        from_slurm(environment)
    assert told.value.finding.code == "shard.no_array"
    assert "--shard 3/10" in told.value.finding.todo[1]


def test_a_digest_is_of_what_is_sent_and_not_of_how() -> None:
    plan = plan_of(session("a", 1, 2))
    assert digest_of(plan) == digest_of(replace(plan, options=Options(5000), route=Route.GRADUAL))
    assert digest_of(plan) != digest_of(replace(plan, project="OTHER"))
    assert digest_of(plan) != digest_of(plan_of(session("a", 1, 3)))


def test_a_plan_read_on_another_machine_is_split_the_same(tmp_path: Path) -> None:
    plan = plan_of(*(session(f"s{at}", 1, 1 + at % 3) for at in range(20)))
    plan_file.save(plan, tmp_path / "plan.json")
    again = plan_file.load(tmp_path / "plan.json")
    assert split(again, 3) == split(plan, 3)
    assert digest_of(again) == digest_of(plan)


# -- uploads of shards -----------------------------------------------------------------------------


def test_a_shard_is_found_again_by_the_plan_and_its_number() -> None:
    plan = plan_of(*(session(f"s{at}", 1, 2) for at in range(6)))
    known, shards = digest_of(plan), [Shard(at, 3) for at in (1, 2, 3)]
    paths = [begin(part(plan, shard), known, shard) for shard in shards]
    assert [path.parent.name.partition("-shard-")[2] for path in paths] == ["1-of-3", "2-of-3", "3-of-3"]
    for shard, path in zip(shards, paths, strict=True):
        assert taken_up(known, shard, Route.IMPORT) == path
    assert taken_up(known, Shard(2, 3), Route.GRADUAL) is None
    assert taken_up(digest_of(replace(plan, project="X")), Shard(2, 3), Route.IMPORT) is None
    uploads.cancel(paths[1])
    assert taken_up(known, Shard(2, 3), Route.IMPORT) is None


def test_another_split_of_the_same_plan_is_refused_until_it_is_cancelled() -> None:
    plan = plan_of(*(session(f"s{at}", 1, 2) for at in range(6)))
    known = digest_of(plan)
    path = begin(part(plan, Shard(2, 3)), known, Shard(2, 3))
    with pytest.raises(Problem) as told:
        taken_up(known, Shard(1, 2), Route.IMPORT)
    assert told.value.finding.code == "shard.other_split"
    assert "--shard 1/3" in told.value.finding.todo[0]
    uploads.cancel(path)
    assert taken_up(known, Shard(1, 2), Route.IMPORT) is None


def test_a_summary_names_what_is_missing(own_home: Path, tmp_path: Path) -> None:
    plan = plan_of(*(session(f"s{at}", 1, 2) for at in range(3)))
    assert summary(plan) is None
    begin(part(plan, Shard(1, 5)), digest_of(plan), Shard(1, 5))
    found = summary(plan)
    assert found is not None
    states = [one.state for one in found.shards]
    assert states == ["planned", MISSING, MISSING, NOTHING, NOTHING]
    assert found.verdict == "NOT FINISHED: 2 shards missing, 1 without a receipt"
    elsewhere = tmp_path / "homes" / "node2"
    elsewhere.mkdir(parents=True)
    (own_home / "state").rename(elsewhere / "state")
    assert summary(plan) is None
    for place in (elsewhere, elsewhere.parent, elsewhere / "state" / "uploads"):
        there = summary(plan, [place])
        assert there is not None
        assert [one.state for one in there.shards] == states


def test_a_mark_that_is_none_is_passed_over(own_home: Path) -> None:
    plan = plan_of(session("a", 1, 2), session("b", 1, 2))
    known = digest_of(plan)
    path = begin(part(plan, Shard(1, 2)), known, Shard(1, 2))
    right = json.loads((path.parent / "shard.json").read_text())
    numbers: tuple[object, ...] = ({"number": "a", "count": 2}, {"number": 3, "count": 2}, {"number": 1}, [1, 2], None)
    odd = [(f"odd{at}", json.dumps(right | {"shard": one})) for at, one in enumerate(numbers)]
    for name, text in (("x", "{"), ("y", '{"format": "other"}'), ("z", '{"format": "xnat-wizard shard"}'), *odd):
        folder = path.parents[1] / name
        folder.mkdir()
        (folder / "shard.json").write_text(text)
    assert [one.folder for one in marks([path.parents[1]], known)] == [path.parent]
    (path.parent / FILE_NAME).write_bytes(b"not a database")
    found = summary(plan)
    assert found is not None
    assert found.shards[0].state == "unreadable"
    assert found.missing == found.shards
