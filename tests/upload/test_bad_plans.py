"""Plan files that are not as they were written: each is refused in three parts, and none breaks what comes after."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fuzz.mutation import WRONG_VALUES, other_values
from fuzz.seeds import plan
from upload.builders import pair, plan_of, series, survey
from xnat_wizard.dicom.model import ParRecPair
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.upload import plan_file
from xnat_wizard.upload.journal import Journal

CODES = {"plan.unreadable", "plan.bad_edit", "plan.newer", "cstore.bad_title", "deidentify.two_ways"}


def written(folder: Path) -> dict[str, Any]:
    plan_file.save(plan(), folder / "plan.json")
    raw: dict[str, Any] = json.loads((folder / "plan.json").read_bytes())
    return raw


def test_no_wrong_value_anywhere_in_a_plan_breaks_anything(tmp_path: Path) -> None:
    """Each place of the file holds each wrong value in turn, over the runs; what is accepted makes a journal."""
    raw, rng = written(tmp_path), random.Random(1)  # noqa: S311  no secret
    refusals: list[Finding] = []
    for number in range(300):
        path = tmp_path / "bad.json"
        path.write_text(json.dumps(other_values(raw, rng)))
        try:
            read = plan_file.load(path)
        except Problem as problem:
            refusals.append(problem.finding)
        else:
            with Journal.create(tmp_path / str(number), read) as journal:
                assert len(journal.plan().sessions) == len(read.included)
    assert len(refusals) > 100
    assert {finding.code for finding in refusals} <= CODES
    assert all(line.isprintable() for finding in refusals for line in finding.as_text().splitlines())


def of_session(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    return lambda raw: change(raw["sessions"][0])


@pytest.mark.parametrize(
    "change",
    [
        of_session(lambda one: one.update(series=["x"])),
        of_session(lambda one: one.update(held_by="ab")),
        of_session(lambda one: one.update(modality=5)),
        of_session(lambda one: one["series"][0]["instances"][0].update(path=5)),
        of_session(lambda one: one["series"][0]["instances"][0].update(size_bytes="x")),
        of_session(lambda one: one["series"][0]["instances"][0].update(size_bytes=1 << 70)),
        of_session(lambda one: one["series"][0]["instances"][0].update(path="\ud800")),
        lambda raw: raw["sessions"].append(raw["sessions"][0]),
        lambda raw: raw.update(sessions={"a": 1}),
        lambda raw: raw.update(source="a\0b"),
        lambda raw: raw.update(receiver=["x"]),
        lambda raw: raw.update(version="1"),
        lambda raw: raw.update(options=None),
    ],
)
def test_a_value_of_another_type_is_no_plan(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    raw = written(tmp_path)
    change(raw)
    (tmp_path / "plan.json").write_text(json.dumps(raw))
    with pytest.raises(Problem, match=r"plan\.unreadable"):
        plan_file.load(tmp_path / "plan.json")


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "1" * 5000, "[]", "null", '{"format": "xnat-wizard plan"}', '"\\ud800"']
)
def test_a_text_that_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(Problem, match=r"plan\.unreadable") as problem:
        plan_file.load(tmp_path / "plan.json")
    assert len(problem.value.finding.why) < 400


@pytest.mark.parametrize("is_included", [True, False])
def test_a_label_without_quotes_is_told_with_its_line(tmp_path: Path, *, is_included: bool) -> None:
    raw = written(tmp_path)
    raw["sessions"][0].update(is_included=is_included, subject_label=5)
    (tmp_path / "plan.json").write_text(json.dumps(raw, indent=1))
    with pytest.raises(Problem, match=r"plan\.bad_edit") as problem:
        plan_file.load(tmp_path / "plan.json")
    assert "a label stands in quotes" in problem.value.finding.why


def test_a_pair_whose_name_is_not_utf8_and_that_names_no_protocol_can_be_uploaded(tmp_path: Path) -> None:
    bare = pair("s", "x\udcff")
    bare = ParRecPair(bare.subject_folder, bare.folder, bare.par_path, bare.rec_path, 3, 5, "V4.2", "")
    with Journal.create(tmp_path / "upload", plan_of(survey(series("t/a"), bare))) as journal:
        assert "s/x\udcff.PAR" in {path for path, _, _ in journal.fates()}
        assert any(fact.description == "x\ufffd" for fact in journal.series_facts())


def test_the_wrong_values_are_of_every_type() -> None:
    assert {type(value) for value in WRONG_VALUES} == {type(None), bool, int, float, str, list, dict}


def test_a_pair_whose_ending_was_edited_into_stray_bytes_makes_a_journal(tmp_path: Path) -> None:
    raw = written(tmp_path)
    (whole,) = [session for session in raw["sessions"] if session["pairs"]]
    whole.update(is_included=True, is_blocked=False)
    whole["pairs"][0]["par_path"] = "t/x.P\udcff"
    (tmp_path / "plan.json").write_text(json.dumps(raw))
    with Journal.create(tmp_path / "upload", plan_file.load(tmp_path / "plan.json")) as journal:
        assert "t/x.P\udcff" in {path for path, _, _ in journal.fates()}
