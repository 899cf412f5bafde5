"""`plan` with a rule for labels, and the table it writes."""

import csv
from pathlib import Path

import pytest

from support import Practice
from xnat_wizard.cli import main
from xnat_wizard.upload.plan import load


def plan(study: Path, output: Path, *options: str | Path) -> int:
    where = ["--site", "http://127.0.0.1:1", "--project", "DEMO", "--output", str(output)]
    return main(["plan", str(study), *where, *map(str, options)])


def labels(path: Path) -> list[tuple[str, str]]:
    return [(session.subject_label, session.session_label) for session in load(path).sessions]


def test_patterns_name_what_the_plan_file_holds(
    study_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "plan.json"
    assert plan(study_folder, output, "--subjects", "S {n:03}", "--sessions", "{subject}_{study_date}") == 0
    told = capsys.readouterr()
    assert [subject for subject, _ in labels(output)] == ["S_001", "S_002"]
    assert [session[:8] for _, session in labels(output)] == ["S_001_20", "S_002_20"]
    assert "`S 001` becomes subject `S_001`" in told.err
    assert "plan.label_changed" not in told.err
    assert "[x] S_001" in told.out


def test_a_table_is_written_filled_in_and_taken(study_folder: Path, tmp_path: Path) -> None:
    output, table = tmp_path / "plan.json", tmp_path / "labels.csv"
    assert plan(study_folder, output, "--labels-template", table) == 0
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows, start=1):
        row["subject_label"], row["session_label"] = f"sub-{number}", f"sub-{number}_ses-1"
    with table.open("w", encoding="utf-16", newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    assert plan(study_folder, output, "--labels", table) == 0
    assert labels(output) == [("sub-1", "sub-1_ses-1"), ("sub-2", "sub-2_ses-1")]
    assert plan(study_folder, output, "--labels-template", table) == 1, "a table that is there is not written over"


def test_two_rules_and_bad_patterns_are_refused(
    study_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "plan.json"
    assert plan(study_folder, output, "--labels", "x.csv", "--subjects", "{folder}") != 0
    assert "from a table or from patterns" in capsys.readouterr().err
    assert plan(study_folder, output, "--subjects", "{nobody}") != 0
    assert "It knows no {nobody}" in capsys.readouterr().err
    assert not output.exists()


def test_the_forecast_of_the_site_is_told(
    practice: Practice, study_folder: Path, tmp_path: Path, account: None, capsys: pytest.CaptureFixture[str]
) -> None:
    def forecast(project: str) -> tuple[int, str]:
        where = ["--site", practice.url, "--project", project, "--output", str(tmp_path / "plan.json")]
        code = main(["plan", str(study_folder), *where, "--forecast"])
        return code, capsys.readouterr().err

    code, told = forecast("DEMO")
    assert (code, "The site has none of these sessions yet" in told) == (0, True)
    practice.on_loop(lambda store: setattr(store.state.projects["DEMO"], "quarantine_code", 1))
    code, told = forecast("DEMO")
    assert (code, "keeps archived sessions in quarantine" in told) == (0, True)
    code, told = forecast("demo")
    assert (code, "`demo` is no ID of a project" in told) == (1, True)
