"""Labels for a whole plan: by folders, headers, patterns and tables."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from upload.builders import pair, plan_of, series, survey
from xnat_wizard.dicom.model import Series
from xnat_wizard.findings import Problem
from xnat_wizard.upload.label_pattern import FIELDS, Pattern
from xnat_wizard.upload.label_table import read_table
from xnat_wizard.upload.labelling import BY_FOLDER, BY_HEADER, ByPattern, Rule, relabel, write_template
from xnat_wizard.upload.labels import is_legal
from xnat_wizard.upload.model import Plan
from xnat_wizard.upload.plan import edit

Labels = list[tuple[str, str]]


def labels(plan: Plan) -> Labels:
    return [(session.subject_label, session.session_label) for session in plan.sessions]


def by(plan: Plan, rule: Rule) -> tuple[Labels, list[str]]:
    relabelled, findings = relabel(plan, rule)
    return labels(relabelled), [finding.code for finding in findings]


def of_patient(patient: str, folder: str, study: str, *, date: str = "20240101", modality: str = "MR") -> Series:
    return replace(
        series(folder, study=study, date=date, modality=modality), patient_id=patient, patient_name=f"{patient}^X"
    )


@pytest.fixture
def visits() -> Plan:
    """Give the plan of two patients in three folders; one has two visits and a PET/CT."""
    return plan_of(
        survey(
            of_patient("P-7", "anna_1/t1", "1.1", date="20240105"),
            of_patient("P-7", "anna_2/t1", "1.2", date="20240301"),
            of_patient("P-7", "anna_2/pt", "1.3", date="20240401", modality="PT"),
            replace(of_patient("P-7", "anna_2/ct", "1.3", date="20240401", modality="CT"), series_number="2"),
            of_patient("P-8", "bert/t1", "1.4"),
        )
    )


def test_headers_name_the_subject_over_several_folders(visits: Plan) -> None:
    made, codes = by(visits, BY_HEADER)
    assert made == [("P-7", "P-7_MR1"), ("P-7", "P-7_MR2"), ("P-7", "P-7_PET1"), ("P-8", "P-8_MR1")]
    assert codes == ["label.merged_folders"]


def test_folders_give_back_the_labels_of_a_new_plan(visits: Plan) -> None:
    assert relabel(relabel(visits, BY_HEADER)[0], BY_FOLDER) == (visits, ())


@pytest.mark.parametrize(
    ("subjects", "sessions", "made"),
    [
        ("{folder/[a-z]+/}", "", "anna/anna_MR1 anna/anna_MR2 anna/anna_PET1 bert/bert_MR1"),
        ("{folder/_(\\d)$/}", "", "1/1_MR1 2/2_MR1 2/2_PET1 bert/bert_MR1"),
        ("S{n:03}", "{subject}_v{n}", "S001/S001_v1 S002/S002_v1 S002/S002_v2 S003/S003_v1"),
        ("{patient_id}", "{subject}_v{n}", "P-7/P-7_v1 P-7/P-7_v2 P-7/P-7_v3 P-8/P-8_v1"),
        (
            "{patient_id[-1]}",
            "{patient_id[0:1]}{subject}_{study_date[0:4]}_{modality}{n}",
            "7/P7_2024_MR1 7/P7_2024_MR2 7/P7_2024_PET1 8/P8_2024_MR1",
        ),
    ],
)
def test_patterns_name_subjects_and_visits(visits: Plan, subjects: str, sessions: str, made: str) -> None:
    assert " ".join(map("/".join, by(visits, ByPattern.parse(subjects, sessions))[0])) == made


def test_a_session_without_a_value_keeps_its_labels_and_is_named() -> None:
    nobody = of_patient("", "x/t1", "1.5")
    two = survey(nobody, of_patient("P-8", "y/t1", "1.6"), replace(of_patient("P-9", "y/t2", "1.6"), series_number="2"))
    relabelled, findings = relabel(plan_of(two), BY_HEADER)
    assert labels(relabelled) == [("x", "x_MR1"), ("y", "y_MR1")]
    assert [finding.code for finding in findings] == ["label.no_value", "label.no_value"]
    assert [finding.why for finding in findings] == [
        "It has no patient_id: patient ID in the headers",
        "Its series have 2 different values of patient_id",
    ]


def test_what_xnat_would_change_is_said_and_persons_stay_apart() -> None:
    plan = plan_of(survey(of_patient("Müller", "a/t1", "1.1"), of_patient("M?ller", "b/t1", "1.2")))
    relabelled, findings = relabel(plan, BY_HEADER)
    assert labels(relabelled) == [("M_ller", "M_ller_MR1"), ("M_ller_2", "M_ller_2_MR1")]
    assert [finding.what for finding in findings] == [
        "`Müller` becomes subject `M_ller`",
        "`M?ller` becomes subject `M_ller_2`",
    ]


def test_equal_session_labels_are_numbered_and_said(visits: Plan) -> None:
    made, codes = by(visits, ByPattern.parse("{patient_id}", "{subject}"))
    assert [session for _, session in made] == ["P-7", "P-7_2", "P-7_3", "P-8"]
    assert codes.count("label.changed") == 2


def test_a_session_folder_names_the_session() -> None:
    one = replace(series("S1"), session_folder="before op")
    plan = plan_of(survey(one, replace(pair("S2"), session_folder="after")))
    assert by(plan, ByPattern.parse("X{folder}"))[0] == [("XS1", "XS1_before_op"), ("XS2", "XS2_after")]
    pattern = ByPattern.parse("{folder}", "{subject}-{session_folder[0:3]}")
    assert by(plan, pattern)[0] == [("S1", "S1-bef"), ("S2", "S2-aft")]


def test_a_folder_that_becomes_two_subjects_is_named() -> None:
    plan = plan_of(survey(of_patient("P1", "s/a", "1"), of_patient("P2", "s/b", "2", date="20240202")))
    assert by(plan, BY_HEADER)[1] == ["label.split_folder"]


def test_a_pattern_that_says_nothing_of_the_subject_names_the_session_after_it() -> None:
    made, codes = by(plan_of(survey(series("abc/x"))), ByPattern.parse("{folder}", "{subject[5:]}"))
    assert (made, codes) == ([("abc", "abc_MR1")], ["label.no_value"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "{",
        "}",
        "{}",
        "{nobody}",
        "{folder",
        "{folder[}",
        "{folder[]}",
        "{folder[a]}",
        "{folder/(/}",
        "{n[0]}",
        "{folder:02}",
        "{n:99}",
        "{folder[1:2:3]}",
        "{folder[9999999]}",
        "{subject}",
        "{n/1/}",
    ],
)
def test_what_is_no_pattern_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(Problem, match=r"label\.bad_pattern"):
        Pattern.parse(text, is_for_subjects=True)


def test_hand_edited_labels_are_what_a_table_starts_from(visits: Plan, tmp_path: Path) -> None:
    plan = edit(visits, visits.sessions[0].key, subject_label="first", session_label="first_MRI")
    write_template(plan, tmp_path / "labels.csv")
    assert (tmp_path / "labels.csv").stat().st_mode & 0o777 == 0o600
    table = read_table(tmp_path / "labels.csv")
    assert len(table.entries) == 4
    same, findings = relabel(plan, table)
    assert same == plan
    assert {finding.code for finding in findings} <= {"label.merged_folders", "label.split_folder"}
    with pytest.raises(Problem, match=r"label\.template_exists"):
        write_template(plan, tmp_path / "labels.csv")


def table_of(tmp_path: Path, text: str, encoding: str = "utf-8") -> Rule:
    path = tmp_path / "labels.csv"
    path.write_bytes(text.encode(encoding))
    return read_table(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_tables_of_all_spreadsheets_are_read(tmp_path: Path, sign: str, encoding: str) -> None:
    plan = plan_of(survey(series("Müller/x"), series("b,c;d/x", study="1.9", date="20240203")))
    text = sign.join(['"Subject folder"', "study date", "Subject", "session\r\n"])
    text += sign.join(["Müller", "2024-01-01", "S1", "S1 one\r\n"]) + sign.join(['"b,c;d"', "", "S2", "\r\n"])
    relabelled, findings = relabel(plan, table_of(tmp_path, text, encoding))
    assert sorted(labels(relabelled)) == [("S1", "S1_one"), ("S2", "S2_MR1")]
    assert [finding.what for finding in findings] == ["`S1 one` becomes session `S1_one`"]


def test_rows_without_session_and_sessions_without_row_are_findings(visits: Plan, tmp_path: Path) -> None:
    text = "patient_id,study_uid,subject,remark\nP-7,,A,\nP-8,1.4,,\n7,,X,\n,,Y,\n"
    relabelled, findings = relabel(visits, table_of(tmp_path, text))
    assert labels(relabelled)[0] == ("A", "A_MR1")
    assert labels(relabelled)[3] == ("bert", "bert_MR1")
    assert [(finding.code, finding.where) for finding in findings if finding.code != "label.merged_folders"] == [
        ("label.row_missing", "labels.csv:3"),
        ("label.row_unknown", "labels.csv:4"),
        ("label.row_unknown", "labels.csv:5"),
        ("label.ignored_column", "labels.csv"),
    ]


def test_rows_that_disagree_change_nothing_and_the_closer_row_counts(visits: Plan, tmp_path: Path) -> None:
    text = "folder,date,subject,session\nbert,,B,\nbert,,C,\nanna_2,,A,\nanna_2,20240401,A,A_pet\n"
    text += "anna_2,,A,\nanna_1,,anna_1,\n"
    made, codes = by(visits, table_of(tmp_path, text))
    assert made == [("anna_1", "anna_1_MR1"), ("A", "A_MR1"), ("A", "A_pet"), ("bert", "bert_MR1")]
    assert codes == ["label.row_twice", "label.row_twice"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "a,b\n1,2\n",
        "folder\nx\n",
        "subject\nx\n",
        "folder,subject folder,subject\nx,x,y\n",
        "\0\n",
        f"folder,subject\nx,{'y' * 200_000}",
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(tmp_path: Path, text: str) -> None:
    with pytest.raises(Problem, match=r"label\.bad_table"):
        table_of(tmp_path, text)


def test_a_spreadsheet_runs_nothing_of_the_template(tmp_path: Path) -> None:
    plan = plan_of(survey(of_patient("=1+1", "-x/a", "1.1"), of_patient("'@", "é\udcff/a", "1.2")))
    write_template(plan, tmp_path / "labels.csv")
    with (tmp_path / "labels.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))[1:]
    assert [(row[0], row[2]) for row in rows] == [("'-x", "'=1+1"), ("", "''@")]
    assert relabel(plan, read_table(tmp_path / "labels.csv")) == (plan, ())


# -- laws --------------------------------------------------------------------------------------------

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).map(lambda text: text.replace("/", "_"))
few = st.sampled_from(["", "a", "A", "ä", "b c", "x" * 70])


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    found = []
    for number in range(draw(st.integers(1, 6))):
        folder = draw(few | names) or "f"
        one = of_patient(draw(few | names), f"{folder}/t1", f"1.{draw(st.integers(0, 3))}", date=f"2024010{number}")
        found.append(replace(one, series_number=str(number), session_folder=draw(st.sampled_from(["", "", "v 1"]))))
    return plan_of(survey(*found))


fields = st.sampled_from([f"{{{name}}}" for name in FIELDS] + ["{folder[0:1]}", "{folder/(.)$/}", "{n:02}"])
patterns = st.lists(fields | st.sampled_from(["_", "é", "Sub-"]), min_size=1, max_size=3).map("".join)


@settings(max_examples=150)
@given(plan=plans(), subjects=patterns, sessions=patterns | st.just(""))
def test_labels_are_always_legal_distinct_and_nothing_else_changes(plan: Plan, subjects: str, sessions: str) -> None:
    try:
        rule = ByPattern.parse(subjects, sessions)
    except Problem:
        return
    relabelled, findings = relabel(plan, rule)
    assert all(is_legal(label) for pair in labels(relabelled) for label in pair)
    assert len({label.casefold() for _, label in labels(relabelled)}) == len(plan.sessions)
    assert len({label.casefold() for label, _ in labels(relabelled)}) == len({label for label, _ in labels(relabelled)})
    unlabelled = [replace(one, subject_label="", session_label="") for one in relabelled.sessions]
    assert unlabelled == [replace(one, subject_label="", session_label="") for one in plan.sessions]
    if not any(finding.code == "label.no_value" for finding in findings):
        assert relabel(relabelled, rule)[0] == relabelled


@settings(max_examples=100)
@given(plan=plans())
def test_folders_always_give_back_the_labels_of_a_new_plan(plan: Plan) -> None:
    assert relabel(relabel(plan, ByPattern.parse("S{n}"))[0], BY_FOLDER)[0] == plan


@settings(max_examples=60)
@given(plan=plans())
def test_an_unchanged_template_changes_nothing(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> None:
    path = tmp_path_factory.mktemp("table") / "labels.csv"
    write_template(plan, path)
    assert relabel(plan, read_table(path))[0] == plan
