"""One conversion that is watched and stopped; a dataset that grows; programs that are ended."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from convert.images import write_pair
from convert.ways import need, offered
from xnat_wizard.convert import children, run
from xnat_wizard.convert.conversion import Conversion, Validating
from xnat_wizard.convert.model import Existing, Placed, Way
from xnat_wizard.convert.rules import parse
from xnat_wizard.convert.run import Order
from xnat_wizard.convert.validator import program, validate
from xnat_wizard.dicom.walk import Stopped

RULES = parse("""
[[rule]]
name = "T1w"
match = { description = "t1*" }
bids = "anat/T1w"
""")


def below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def convert(source: Path, order: Order) -> list[Placed]:
    """Convert all of a source."""
    with offered(source) as (opened, offer):
        return list(Conversion(opened, offer.items, offer.items, order).run(checks=False).placed)


def test_a_conversion_that_is_stopped_keeps_what_lies_in_its_place_and_goes_on_later(tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    for number in range(1, 5):
        write_pair(tmp_path / "in" / "p-01" / str(number), protocol="t1", number=number)
    order = Order(tmp_path / "out", rules=RULES, is_bids=True, existing=Existing.SKIP)
    with offered(tmp_path / "in") as (opened, offer):
        conversion = Conversion(opened, offer.items, offer.items, order)

        def tell(said: object) -> None:
            if isinstance(said, Placed):
                conversion.stop()

        result = conversion.run(tell)
        assert (result.is_stopped, result.new_count, result.validation) == (True, 1, None)
        assert conversion.snapshot().current == ""
        assert below(tmp_path / "out") == [
            "README.md",
            "dataset_description.json",
            "participants.tsv",
            "sub-p01/anat/sub-p01_run-1_T1w.json",
            "sub-p01/anat/sub-p01_run-1_T1w.nii.gz",
        ]
        steps: list[object] = []
        rest = Conversion(opened, offer.items, offer.items, order)
        result = rest.run(steps.append)
    assert (result.is_stopped, result.new_count, result.there_count) == (False, 3, 1)
    assert [one.number for one in steps if isinstance(one, run.Started)] == [1, 2, 3, 4]
    assert sum(isinstance(one, Validating) for one in steps) == 1
    now = rest.snapshot()
    assert (now.series_done, now.series_total, now.images_new, now.images_there, now.current) == (4, 4, 3, 1, "")
    assert result.validation
    assert result.validation.has_judged == bool(program())


def test_a_converter_at_work_is_ended_when_somebody_says_stop(tmp_path: Path) -> None:
    started = tmp_path / "started"
    stop = Event()
    script = f"import pathlib, time; pathlib.Path({str(started)!r}).touch(); time.sleep(600)"
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(children.run, [sys.executable, "-c", script], stop)
        pause = Event()
        while not started.exists():
            pause.wait(0.01)
        stop.set()
        with pytest.raises(Stopped):
            running.result(30)


def test_what_a_program_says_on_its_error_line_is_kept_apart_on_demand() -> None:
    script = "import sys; print('data'); print('talk', file=sys.stderr); sys.exit(3)"
    done = children.run([sys.executable, "-c", script], None, keeps_errors_apart=True)
    assert (done.code, done.said.split()) == (3, [b"data"])
    both = children.run([sys.executable, "-u", "-c", script], Event())
    assert (both.code, sorted(both.said.split())) == (3, [b"data", b"talk"])


def test_participants_that_somebody_described_stay_when_a_subject_joins(tmp_path: Path) -> None:
    need(Way.DCM2NIIX)
    write_pair(tmp_path / "in" / "p-02" / "a", protocol="t1", number=1)
    order = Order(tmp_path / "out", rules=RULES, is_bids=True, existing=Existing.SKIP)
    convert(tmp_path / "in", order)
    (tmp_path / "out" / "participants.tsv").write_text("participant_id\tage\nsub-p02\t30\n")
    (tmp_path / "out" / "README.md").write_text("Told by those who know")
    write_pair(tmp_path / "more" / "p-01" / "a", protocol="t1", number=1)
    placed = convert(tmp_path / "more", order)
    assert [one.path for one in placed] == ["sub-p01/anat/sub-p01_T1w.nii.gz"]
    table = (tmp_path / "out" / "participants.tsv").read_text()
    assert table == "participant_id\tage\nsub-p02\t30\nsub-p01\tn/a\n"
    assert (tmp_path / "out" / "README.md").read_text() == "Told by those who know"
    if program():
        assert validate(tmp_path / "out").is_valid
