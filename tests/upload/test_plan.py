from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from upload.builders import finding, pair, plan_of, series, survey
from xnat_wizard.dicom.layout import Layout
from xnat_wizard.dicom.model import OtherFile, OtherKind
from xnat_wizard.findings import Problem, Severity
from xnat_wizard.upload.model import Destination, Plan
from xnat_wizard.upload.plan import check, edit, load, save, session_modality, with_destination


def labels(plan: Plan) -> list[tuple[str, str]]:
    return [(session.subject_label, session.session_label) for session in plan.sessions]


def test_each_study_of_a_subject_folder_is_one_session_numbered_by_date() -> None:
    plan = plan_of(
        survey(
            series("s1/b", study="1.9", date="20240301"),
            series("s1/a", study="1.5", date="20240105"),
            series("s1/a", study="1.5", date="20240105", number="2"),
            series("s2/a", study="1.7"),
        )
    )
    assert labels(plan) == [("s1", "s1_MR1"), ("s1", "s1_MR2"), ("s2", "s2_MR1")]
    assert [session.study_instance_uid for session in plan.sessions] == ["1.5", "1.9", "1.7"]
    assert len(plan.sessions[0].series) == 2


def test_pet_and_ct_of_one_study_are_one_pet_session() -> None:
    plan = plan_of(survey(series("s/ct", modality="CT"), series("s/pt", modality="PT", number="2")))
    assert labels(plan) == [("s", "s_PET1")]


def test_a_visit_of_another_modality_is_counted_by_itself() -> None:
    plan = plan_of(survey(series("s/a", study="1"), series("s/b", study="2", modality="CT", date="20240202")))
    assert labels(plan) == [("s", "s_MR1"), ("s", "s_CT1")]


@pytest.mark.parametrize(
    ("modalities", "session"),
    [(["SR", "MR"], "MR"), (["MR", "PT"], "PETMR"), (["SC"], "SC"), ([""], "OT"), (["RTPLAN"], "RT")],
)
def test_the_session_takes_the_leading_modality(modalities: list[str], session: str) -> None:
    assert session_modality(modalities) == session


def test_folder_names_become_labels_that_xnat_keeps() -> None:
    plan = plan_of(survey(series("Müller A/t1"), series("m_ller_a/t1", study="1.4")))
    assert labels(plan) == [("M_ller_A_2", "M_ller_A_2_MR1"), ("m_ller_a", "m_ller_a_MR1")]
    assert any(found.code == "plan.label_changed" and found.where == "Müller A" for found in check(plan))


def test_pairs_join_the_first_session_of_their_subject() -> None:
    late, early = series("s/b", study="2", date="20240202"), series("s/a", study="1")
    plan = plan_of(survey(late, early, pair("s/philips")))
    assert [len(session.pairs) for session in plan.sessions] == [1, 0]
    assert plan.sessions[0].study_instance_uid == "1"


def test_pairs_alone_make_a_session_of_their_own() -> None:
    plan = plan_of(survey(pair("p/scan")), destination=Destination.PREARCHIVE)
    assert labels(plan) == [("p", "p_MR1")]
    assert plan.sessions[0].file_count == 2
    assert [found.code for found in check(plan)] == ["plan.parrec_to_archive"]


def test_held_series_stay_out_and_the_rest_goes() -> None:
    stop = finding("structure.bad", Severity.STOP)
    plan = plan_of(survey(series("s/a"), series("s/b", number="2", held_by=("structure.bad",)), findings=[stop]))
    (session,) = plan.included
    assert [one.series_number for one in session.series] == ["1"]
    assert [one.series_number for one in session.left_out] == ["2"]
    assert session.held_by == ("structure.bad",)


def test_a_session_held_by_questions_waits_for_a_yes() -> None:
    found = survey(series("s/a", held_by=("structure.odd",)), findings=[finding("structure.odd", Severity.ASK)])
    plan = plan_of(found)
    (session,) = plan.sessions
    assert not session.is_included
    assert not session.is_blocked
    assert session.series
    accepted = plan_of(found, accepted=frozenset({session.key}))
    assert accepted.sessions[0].is_included
    assert edit(plan, session.key, is_included=True).included


def test_a_session_that_must_not_go_cannot_be_included() -> None:
    found = survey(series("s/a", held_by=("structure.bad",)), findings=[finding("structure.bad", Severity.STOP)])
    (session,) = plan_of(found, accepted=frozenset({"x"})).sessions
    assert session.is_blocked
    with pytest.raises(Problem, match=r"plan\.blocked"):
        edit(plan_of(found), session.key, is_included=True)


def test_labels_are_edited_one_session_at_a_time() -> None:
    plan = plan_of(survey(series("s/a"), series("t/a", study="1.4")))
    first, second = plan.sessions
    edited = edit(plan, first.key, subject_label="p01", session_label="p01_a")
    assert labels(edited) == [("p01", "p01_a"), ("t", "t_MR1")]
    assert edited.sessions[1] is second


@pytest.mark.parametrize(
    ("label", "code"),
    [("", "label.empty"), ("a b", "label.illegal"), ("x" * 65, "label.illegal"), ("T_mr1", "label.taken")],
)
def test_illegal_session_labels_are_refused_with_the_reason(label: str, code: str) -> None:
    plan = plan_of(survey(series("s/a"), series("t/a", study="1.4")))
    with pytest.raises(Problem) as problem:
        edit(plan, plan.sessions[0].key, session_label=label)
    assert problem.value.finding.code == code


def test_an_unknown_session_is_refused() -> None:
    with pytest.raises(Problem, match=r"plan\.no_session"):
        edit(plan_of(survey(series("s/a"))), "nothing", is_included=False)


def test_a_plan_without_a_session_says_so() -> None:
    plan = plan_of(survey(series("s/a")))
    assert check(plan) == ()
    assert [found.code for found in check(edit(plan, plan.sessions[0].key, is_included=False))] == ["plan.empty"]


def test_two_folders_with_one_subject_label_are_worth_a_note() -> None:
    plan = plan_of(survey(series("s/a"), series("t/a", study="1.4")))
    plan = edit(plan, plan.sessions[1].key, subject_label="S")
    assert "plan.shared_subject" in [found.code for found in check(plan)]


def test_what_is_no_image_is_counted() -> None:
    others = [OtherFile("s/x.txt", 1, OtherKind.NOT_DICOM, "no"), OtherFile("s/y.txt", 1, OtherKind.NOT_DICOM, "no")]
    assert plan_of(survey(series("s/a"), others=others)).not_sent == ("2 files: not DICOM",)


def test_keys_stay_the_same_when_the_plan_is_drafted_again() -> None:
    found = survey(series("s/a"), series("t/a", study="1.4"))
    again = survey(series("t/a", study="1.4"), series("s/a"), series("u/a", study="1.8"))
    keys = {session.subject_folder: session.key for session in plan_of(again).sessions}
    assert all(keys[session.subject_folder] == session.key for session in plan_of(found).sessions)


paths = st.text(st.characters(exclude_categories=()), min_size=1, max_size=12).map(
    lambda text: text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape").replace("/", "_") + "/scan"
)


@settings(max_examples=40)
@given(folders=st.lists(paths, min_size=1, max_size=4, unique=True), has_pair=st.booleans())
def test_a_saved_plan_reads_back_equal(
    tmp_path_factory: pytest.TempPathFactory, folders: list[str], *, has_pair: bool
) -> None:
    items = [series(folder, study=f"1.{index}") for index, folder in enumerate(folders)]
    plan = plan_of(survey(*items, *([pair(folders[0])] if has_pair else [])))
    path = tmp_path_factory.mktemp("plan") / "plan.json"
    save(plan, path)
    assert load(path) == plan
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_plan_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    for text in ("", "[]", "{}", '{"format": "other", "version": 1}'):
        path.write_text(text)
        with pytest.raises(Problem, match=r"plan\.unreadable"):
            load(path)


def test_a_plan_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    save(with_destination(plan_of(survey(series("s/a"))), Destination.PREARCHIVE), path)
    path.write_text(path.read_text().replace('"version": 1', '"version": 99'))
    with pytest.raises(Problem, match=r"plan\.newer"):
        load(path)


def test_session_labels_stay_distinct_when_subjects_look_like_sessions() -> None:
    long = "x" * 64
    plan = plan_of(survey(series(f"{long}/a"), series(f"{long}/b", study="1.4", date="20250101")))
    session_labels = [session.session_label for session in plan.sessions]
    assert len(set(session_labels)) == 2
    assert all(len(label) == 64 for label in session_labels)
    assert [label[-4:] for label in session_labels] == ["_MR1", "_MR2"]


def test_loose_files_get_the_name_of_the_source() -> None:
    plan = plan_of(replace(survey(replace(series("x"), subject_folder="")), source=Path("/data/study 7")))
    assert labels(plan) == [("study_7", "study_7_MR1")]


def test_session_folders_name_the_sessions() -> None:
    before = replace(series("S1"), session_folder="before op", subject_folder="S1")
    after = replace(series("S1", study="1.2.4", date="20240301"), session_folder="S1_after", subject_folder="S1")
    other = replace(series("S2", study="1.2.5"), session_folder="before op", subject_folder="S2")
    beside = replace(pair("S1"), session_folder="S1_after", subject_folder="S1")
    alone = replace(pair("S2"), session_folder="third", subject_folder="S2")
    found = replace(survey(before, after, other, beside, alone), layout=Layout.parse("subject-session-series"))
    plan = plan_of(found)
    assert [(one.session_label, one.session_folder, len(one.pairs)) for one in plan.sessions] == [
        ("S1_before_op", "before op", 0),
        ("S1_after", "S1_after", 1),
        ("S2_before_op", "before op", 0),
        ("S2_third", "third", 1),
    ]
    assert len({one.key for one in plan.sessions}) == 4
    assert plan.layout == "{subject}/{session}/{series}"


def test_two_studies_of_one_session_folder_are_numbered() -> None:
    one = replace(series("S1"), session_folder="x")
    two = replace(series("S1", study="1.2.4", date="20240102"), session_folder="x")
    assert [session.session_label for session in plan_of(survey(one, two)).sessions] == ["S1_x", "S1_x_2"]


def test_the_layout_is_kept_in_the_file_of_a_plan(tmp_path: Path) -> None:
    plan = plan_of(replace(survey(series("S1/a")), layout=Layout.parse("{subject}/*")))
    save(plan, tmp_path / "plan.json")
    assert load(tmp_path / "plan.json") == plan
    assert '"layout": "{subject}/*"' in (tmp_path / "plan.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"s1_MR1"', '"s1 MR1"', "XNAT would make `s1_MR1` of `s1 MR1`"),
        ('"subject_label": "s2"', '"subject_label": ""', "XNAT would make `subject` of ``"),
        ('"s2_MR1"', '"S1_mr1"', "`S1_mr1` stands above already"),
        ('"s2_MR1"', "77", "a label stands in quotes"),
        ('"is_included": true', '"is_included": "yes"', "true or false"),
    ],
)
def test_mistakes_of_an_edit_by_hand_are_named_with_their_line(tmp_path: Path, old: str, new: str, why: str) -> None:
    path = tmp_path / "plan.json"
    save(plan_of(survey(series("s1/a"), series("s2/a", study="1.4"))), path)
    text = path.read_text().replace(old, new, 1)
    path.write_text(text)
    with pytest.raises(Problem, match=r"plan\.bad_edit") as problem:
        load(path)
    line = next(number for number, line in enumerate(text.splitlines(), start=1) if line.endswith(f"{new},"))
    assert problem.value.finding.where == f"{path}:{line}"
    assert why in problem.value.finding.why


def test_labels_edited_by_hand_are_taken_even_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    save(plan_of(survey(series("s1/a"))), path)
    path.write_text(path.read_text().replace('"s1_MR1"', '"baseline"'), encoding="utf-8-sig")
    assert labels(load(path)) == [("s1", "baseline")]
    path.write_text(path.read_text(encoding="utf-8-sig").replace('"baseline",', '"baseline"'))
    with pytest.raises(Problem, match=r"plan\.unreadable") as problem:
        load(path)
    assert problem.value.finding.where == f"{path}:13"


def test_what_must_not_go_is_not_included_by_hand(tmp_path: Path) -> None:
    stop = finding("structure.bad", Severity.STOP)
    path = tmp_path / "plan.json"
    save(plan_of(survey(series("s/a", held_by=("structure.bad",)), findings=[stop])), path)
    assert not load(path).included
    path.write_text(path.read_text().replace('"is_included": false', '"is_included": true'))
    with pytest.raises(Problem, match=r"plan\.bad_edit") as problem:
        load(path)
    assert "s cannot be sent: structure.bad" in problem.value.finding.why
