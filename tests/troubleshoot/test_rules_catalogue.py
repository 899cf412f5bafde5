"""Every cause of the catalogue has a rule, facts that show it, and facts that look alike and do not."""

from collections.abc import Iterable

import pytest

from troubleshoot.rule_cases.scene import RuleCase, all_cases, diagnose
from xnat_wizard.troubleshoot.catalogue import BY_ID
from xnat_wizard.troubleshoot.fixes import can_do
from xnat_wizard.troubleshoot.model import Certainty, Diagnosis, Role, StepKind
from xnat_wizard.troubleshoot.registry import all_rules, judge

CASES = all_cases()
SHOWN = [case for case in CASES if case.certainty is not None]
NOT_SHOWN = [case for case in CASES if case.certainty is None]
NEVER = {"F5", "F9", "F15", "F17"}  # replace, delete, claim strangers' studies, scan the whole prearchive
ANSWERS = {StepKind.ONE_CLICK, StepKind.CONFIRM}


def names(cases: Iterable[RuleCase]) -> list[str]:
    return [str(case) for case in cases]


def assert_whole(one: Diagnosis) -> None:
    """Look whether a diagnosis says what, why and what to do, and nothing that the rules of the house forbid."""
    assert one.says.endswith("."), one.says
    assert one.why.strip(), one.cause_id
    assert one.next_steps, one.cause_id
    assert one.prevent.strip(), one.cause_id
    text = f"{one.says} {one.why}".lower()
    assert "not on the server" not in text
    assert "lost" not in text.replace("lost on the way", "").replace("had begun was lost", ""), text
    for step in one.next_steps:
        assert step.text.endswith("."), step
        assert step.action not in NEVER, step
        assert not {"overwrite", "delete"} & set(step.arguments), step
        if step.kind in ANSWERS:
            assert can_do(step), f"{one.cause_id}: a button that does nothing: {step}"


@pytest.mark.parametrize("case", SHOWN, ids=names(SHOWN))
def test_a_cause_is_told_as_surely_as_the_facts_allow(case: RuleCase) -> None:
    said = diagnose(case.cause_id, case.build(Role.MEMBER))
    assert said, f"{case} is not told"
    assert said[0].certainty is case.certainty, said[0].says
    for one in said:
        assert_whole(one)


@pytest.mark.parametrize("case", NOT_SHOWN, ids=names(NOT_SHOWN))
def test_what_looks_alike_is_not_told(case: RuleCase) -> None:
    for role in (Role.MEMBER, Role.ADMIN):
        assert [one.says for one in diagnose(case.cause_id, case.build(role))] == []


def test_every_cause_has_a_rule_and_a_case_for_and_against_it() -> None:
    ruled = {cause_id for rule in all_rules() for cause_id in rule.cause_ids}
    assert ruled == set(BY_ID)
    assert {case.cause_id for case in SHOWN} == set(BY_ID)
    assert {case.cause_id for case in NOT_SHOWN} == set(BY_ID)
    assert len(BY_ID) == 98


@pytest.mark.parametrize("role", [Role.COLLABORATOR, Role.MEMBER, Role.OWNER, Role.ADMIN])
def test_no_rule_breaks_on_the_facts_of_another_and_all_they_say_is_whole(role: Role) -> None:
    rules = all_rules()
    for case in CASES:
        said, crashes = judge(case.build(role), rules)
        assert not crashes, (case, crashes)
        for one in said:
            assert_whole(one)


def test_no_more_is_covered_than_is_here() -> None:
    rules = all_rules()
    for case in CASES:
        known = case.build(Role.MEMBER)
        for one in judge(known, rules)[0]:
            assert one.covers.objects <= known.ledger.count(), (case, one)


def test_what_is_sure_is_backed_by_something() -> None:
    for case in SHOWN:
        for one in diagnose(case.cause_id, case.build(Role.MEMBER)):
            assert one.certainty in {Certainty.CONFIRMED, Certainty.LIKELY, Certainty.POSSIBLE, Certainty.NOT_CHECKABLE}
