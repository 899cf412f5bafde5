"""Nothing is CONFIRMED that was not looked at, and nothing is offered for what may be another person's."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from troubleshoot.rule_cases.scene import C, L, diagnose, images, log_of, scene, unassigned_row, waiting
from troubleshoot.stage import write_study
from troubleshoot.values import a_row, facts, local_of, told
from xnat_wizard.troubleshoot.case import Case, Way
from xnat_wizard.troubleshoot.facts import Facts, Match, Message, ProjectFacts, Sent
from xnat_wizard.troubleshoot.local_facts import SentFate, SentFile, ZipFacts
from xnat_wizard.troubleshoot.model import Certainty, Diagnosis, Role, Standing, StepKind, Verdict
from xnat_wizard.troubleshoot.registry import all_rules, rule
from xnat_wizard.troubleshoot.runner import Search
from xnat_wizard.troubleshoot.verdict import verdict_of
from xnat_wizard.xnat.inquiries.values import ImportEvent, ProjectName, SiteFacts

ACTS = {StepKind.ONE_CLICK, StepKind.CONFIRM}


def only(said: tuple[Diagnosis, ...]) -> Diagnosis:
    assert len(said) == 1, [one.says for one in said]
    return said[0]


def titled(known: Facts) -> Facts:
    """Return the facts with a title typed in the place of an ID."""
    named = ProjectName("DEMO", "Demo study", "demo")
    project = ProjectFacts("Demo study", Match.TITLE, "DEMO", (named,), (named,), Role.ADMIN)
    return known.adding(project=project)


def test_a_label_in_unassigned_confirms_no_title_and_moves_nobodys_session() -> None:
    there = waiting(images(), unassigned_row(study_instance_uid="9.9"), certainty=L, has_identity=False)
    alike = titled(scene(Role.ADMIN, images(), there))
    for cause_id in ("LOC-12", "ROU-01"):
        one = only(diagnose(cause_id, alike))
        assert one.certainty is L, cause_id
        assert not {step.kind for step in one.next_steps} & ACTS, cause_id
    seen = titled(scene(Role.ADMIN, images(), waiting(images(), unassigned_row())))
    for cause_id in ("LOC-12", "ROU-01"):
        one = only(diagnose(cause_id, seen))
        assert one.certainty is C, cause_id
        assert "F6" in {step.action for step in one.next_steps}, cause_id


def test_another_ones_session_that_moves_proves_nothing_of_a_time_out() -> None:
    moving = waiting((), a_row(status="RECEIVING", study_instance_uid=""), certainty=Certainty.POSSIBLE,
                     has_identity=False)  # fmt: skip
    known = scene(Role.MEMBER, images(), moving, sent=Sent(messages=(Message("504", 504),)), moving=(moving.place.uri,))
    assert only(diagnose("NET-02", known)).certainty is Certainty.POSSIBLE
    verdict, says = verdict_of(known)
    assert verdict is Verdict.MOVING
    assert "nothing is lost" not in says
    ours = scene(Role.MEMBER, images(), waiting((), a_row(status="RECEIVING")), moving=(a_row().uri,))
    assert "nothing is lost" in verdict_of(ours)[1]


@pytest.mark.parametrize("standing", [Standing.FAILED, Standing.NOT_ALLOWED, Standing.NOT_ASKED])
def test_a_session_is_not_called_deleted_where_the_archive_was_not_searched(standing: Standing) -> None:
    record: dict[str, Any] = {
        "known": {"/data/experiments/XNAT_E1": told(None, Standing.ABSENT)},
        "earlier": {a_row().uri: told(None, Standing.ABSENT)},
        "sent": Sent(is_known=True, uris=("/data/experiments/XNAT_E1", a_row().uri)),
    }
    searched = scene(Role.OWNER, images(), **record)
    assert only(diagnose("HSK-02", searched)).certainty is C
    assert diagnose("HSK-01", searched)
    unsearched = searched.adding(by_uid=told((), standing))
    assert diagnose("HSK-02", unsearched) == ()
    assert diagnose("HSK-01", unsearched) == ()


def test_an_archive_that_python_cannot_open_is_not_called_cut() -> None:
    odd = ZipFacts("scan.zip", is_readable=False, reason="compression type 9 (deflate64)")
    assert diagnose("NET-07", scene(Role.MEMBER, images(), local=replace(local_of(images()), zip=odd))) == ()


@pytest.mark.parametrize(
    ("standing", "why"),
    [
        (Standing.ABSENT, "This account may not read that event."),
        (Standing.NOT_ALLOWED, "This account may not read that event."),
        (Standing.FAILED, "The site could not be asked about that event."),
    ],
)
def test_an_event_that_was_not_told_is_not_checkable(standing: Standing, why: str) -> None:
    event: ImportEvent | None = None
    known = scene(Role.MEMBER, images(), case=Case(project="DEMO", event_key="k"), event=told(event, standing))
    one = only(diagnose("NET-14", known))
    assert (one.certainty, one.why) == (Certainty.NOT_CHECKABLE, why)
    assert diagnose("NET-14", known.adding(case=Case(project="DEMO"))) == ()
    assert diagnose("NET-14", known.adding(event=told(ImportEvent("k", has_succeeded=True, message="")))) == ()


def test_an_archive_without_project_is_not_imported_from_the_cache_blindly() -> None:
    from xnat_wizard.xnat.inquiries.values import CachedFile

    parked = told((CachedFile("up1", "scan.zip", 10, "/data/user/cache/resources/up1/files/scan.zip"),))
    known = scene(Role.MEMBER, images(), cache=parked, project=ProjectFacts("", Match.NONE_TYPED), case=Case())
    assert {step.kind for step in only(diagnose("NET-15", known)).next_steps} == {StepKind.BY_HAND}
    assert diagnose("NET-15", scene(Role.MEMBER, images(), cache=told(()))) == ()


@pytest.mark.parametrize(
    ("changes", "cause_id"),
    [
        ({"project": ProjectFacts("", Match.NONE_TYPED), "case": Case()}, "ROU-07"),
        ({"sent": Sent(verified=("1.2.7.1.1",))}, "MRG-06"),
        ({"site": told(SiteFacts("", "")), "sent": Sent(site_url="https://other.example")}, "VIS-04"),
        ({"site": None, "sent": Sent(site_url="https://other.example")}, "VIS-04"),
        ({"sent": Sent(files=(SentFile("a", SentFate.REFUSED, "context"),))}, "NET-12"),
    ],
)
def test_without_the_facts_for_it_nothing_is_said(changes: dict[str, Any], cause_id: str) -> None:
    assert diagnose(cause_id, scene(Role.MEMBER, images(), **changes)) == ()


async def test_without_a_login_no_rule_says_anything_of_the_site(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", {"t1": 2})
    async with Search(Case(source=study, project="DEMO", session="S01"), None) as search:
        report = await search.result()
    assert report.verdict is Verdict.VOID
    assert not [one for one in report.diagnoses if one.certainty is C], [one.says for one in report.diagnoses]


# -- verdicts ----------------------------------------------------------------------------------------


def test_the_verdict_counts_what_was_dropped_beside_what_is_gone() -> None:
    from troubleshoot.rule_cases.scene import archived
    from xnat_wizard.troubleshoot.facts import Drop

    whole = images(4)
    drop = Drop(whole[3].path, "ROU-12", is_certain=True, because="the site's filter")
    sent = log_of(whole)
    known = scene(Role.MEMBER, whole, archived(whole[:2]), sent=sent, drops=(drop,))
    assert verdict_of(known)[1] == "2 of 4 objects are there, 1 are not, 1 were dropped on purpose."


def test_without_files_a_place_is_named_as_surely_as_it_is_known() -> None:
    from troubleshoot.rule_cases.scene import archived

    sure = scene(Role.MEMBER, (), archived(), case=Case(study_instance_uid="1.2.7"))
    assert verdict_of(sure)[1].startswith("It is in archive/DEMO/E1")
    vague = scene(Role.MEMBER, (), archived(certainty=L, has_identity=False), case=Case(study_instance_uid="1.2.7"))
    assert verdict_of(vague)[1].startswith("It may be in archive/DEMO/E1")
    nowhere = scene(Role.MEMBER, (), case=Case(study_instance_uid="1.2.7"))
    assert verdict_of(nowhere)[1] == "It is not in any place that member may look at."


def test_objects_of_which_some_could_not_be_read_are_not_proven() -> None:
    from troubleshoot.rule_cases.scene import archived

    first, second = images(2), images(2, series="2", study="1.2.8", start=5)
    closed = waiting((), a_row(study_instance_uid="1.2.8"), study="1.2.8", standing=Standing.FAILED)
    known = scene(Role.MEMBER, [*first, *second], archived(first), closed)
    assert verdict_of(known) == (
        Verdict.NOT_PROVEN,
        "2 of 4 objects are there; of 2 nothing can be proven.",
    )


# -- what is left ------------------------------------------------------------------------------------


def test_a_cause_has_one_rule() -> None:
    assert all_rules()
    with pytest.raises(ValueError, match="has a rule already"):

        @rule("LOC-01")
        def again(_: Facts) -> tuple[Diagnosis, ...]:
            return ()


def test_what_is_known_of_nothing_is_a_guests() -> None:
    assert Facts(Case(), facts().now).role is Role.GUEST
    assert Way.C_STORE.is_http is False
