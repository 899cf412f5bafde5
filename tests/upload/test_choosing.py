"""Series, pairs and subjects that a person leaves out of a plan, and takes in again."""

from hypothesis import given
from hypothesis import strategies as st

from upload.builders import finding, pair, plan_of, series, survey
from xnat_wizard.findings import Severity
from xnat_wizard.upload.choosing import items_of, left_by_choice, twins, with_items, with_subject
from xnat_wizard.upload.model import Plan
from xnat_wizard.upload.plan import check

STUDY = survey(
    series("s/t1"),
    series("s/t2", number="10"),
    series("s/loc", number="2"),
    series("s/held", number="3", held_by=("x.ask",)),
    pair("s/philips"),
    series("t/t1", study="9"),
    findings=[finding("x.ask", Severity.ASK)],
)


def going(plan: Plan) -> list[str]:
    session = plan.sessions[0]
    return [one.series_number for one in session.series] + [one.par_path for one in session.pairs]


def test_items_stand_by_number_with_what_is_held() -> None:
    items = items_of(plan_of(STUDY).sessions[0])
    numbers = [getattr(item.thing, "series_number", "pair") for item in items]
    assert numbers == ["1", "2", "3", "10", "pair"]
    assert [item.is_held for item in items] == [False, False, True, False, False]


def test_a_series_is_left_out_and_taken_in_again() -> None:
    plan = plan_of(STUDY)
    session = plan.sessions[0]
    less = with_items(plan, session.key, [items_of(session)[0].id])
    assert going(less) == ["1"]
    assert less.sessions[0].file_count == 2
    assert len(left_by_choice(less.sessions[0])) == 3
    assert "2 files: held back by findings" in less.kept_back
    assert "6 files: of series that were left out by choice" in less.kept_back
    again = with_items(less, session.key, [item.id for item in items_of(session)])
    assert set(going(again)) == set(going(plan))
    assert not left_by_choice(again.sessions[0])


def test_what_is_held_does_not_go_by_this_way() -> None:
    plan = plan_of(STUDY)
    session = plan.sessions[0]
    assert "3" not in going(with_items(plan, session.key, [item.id for item in items_of(session)]))


def test_without_any_series_the_session_stays_behind() -> None:
    plan = plan_of(STUDY)
    none = with_items(plan, plan.sessions[0].key, [])
    assert not none.sessions[0].is_included
    assert going(none) == going(plan)


@given(st.sets(st.integers(0, 4)))
def test_nothing_is_lost_by_choosing(chosen: set[int]) -> None:
    plan = plan_of(STUDY)
    items = items_of(plan.sessions[0])
    changed = with_items(plan, plan.sessions[0].key, [items[place].id for place in chosen])
    assert {item.id for item in items_of(changed.sessions[0])} == {item.id for item in items}
    assert changed.sessions[1:] == plan.sessions[1:]


def test_a_subject_goes_and_stays_as_a_whole() -> None:
    plan = plan_of(
        survey(series("s/a", study="1"), series("s/b", study="2", date="20240202"), series("t/a", study="3"))
    )
    without = with_subject(plan, plan.sessions[1].key)
    assert [one.is_included for one in without.sessions] == [False, False, True]
    assert with_subject(without, plan.sessions[0].key) == plan


def test_the_same_study_twice_is_said() -> None:
    plan = plan_of(survey(series("s/a", study="1"), series("t/a", study="1"), series("u/a", study="2")))
    assert {key: [one.subject_label for one in other] for key, other in twins(plan).items()} == {
        plan.sessions[0].key: ["t"],
        plan.sessions[1].key: ["s"],
    }
    assert "plan.same_study" in {one.code for one in check(plan)}
    assert "plan.same_study" not in {one.code for one in check(with_subject(plan, plan.sessions[1].key))}
