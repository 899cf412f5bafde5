"""What counts as the same study, and what only ranks (missing data 3.4)."""

from dataclasses import replace

import pytest

from troubleshoot.conftest import NOW
from troubleshoot.values import (
    STUDY,
    a_row,
    an_experiment,
    an_object,
    contents_of,
    facts,
    local_of,
    policies,
    stored,
    told,
)
from xnat_wizard.troubleshoot.case import Case
from xnat_wizard.troubleshoot.facts import Candidate, Facts, Sent
from xnat_wizard.troubleshoot.model import Certainty, PlaceKind
from xnat_wizard.troubleshoot.scoring import certainty_of, place_of_experiment, place_of_row, rank, score, studies_of
from xnat_wizard.troubleshoot.window import read_window
from xnat_wizard.xnat.inquiries.values import Experiment, Held, ScanFact, Script, SiteFacts

FIVE = [an_object(f"S01/1/{number}.dcm", number) for number in range(1, 6)]
BY_LABEL = Case(session="E1", subject="S1")


def best(known: Facts) -> Candidate:
    return rank(known, studies_of(known))[0]


def of(known: Facts, experiment: Experiment) -> Candidate:
    (study,) = studies_of(known)
    return score(known, study, place_of_experiment(experiment))


def test_the_study_uid_confirms_whatever_the_label() -> None:
    known = facts(local_of(FIVE), rows=told((a_row(label="x", folder="x", subject="y"),)))
    found = best(known)
    assert (found.certainty, found.has_identity, found.score >= 100) == (Certainty.CONFIRMED, True, True)
    assert "study UID" in found.reasons


def test_a_label_alone_is_never_found() -> None:
    known = facts(case=BY_LABEL, rows=told((a_row(study_instance_uid="9.9"),)))
    found = best(known)
    assert found.certainty is Certainty.POSSIBLE
    assert found.score == 45


def test_without_identity_no_number_of_facts_confirms() -> None:
    window = read_window("today", now=NOW)
    known = facts(
        local_of([replace(one, study_instance_uid="", series_instance_uid="") for one in FIVE]),
        case=replace(BY_LABEL, window=window),
        rows=told((a_row(study_instance_uid="", scan_date="2025-03-04 00:00:00.0", scan_time="10:15:30"),)),
    )
    found = best(known)
    assert found.score == 75
    assert found.certainty is Certainty.LIKELY
    assert certainty_of(80, has_identity=False) is Certainty.LIKELY


def test_another_study_uid_counts_against_it_unless_a_script_changes_uids() -> None:
    other = an_experiment(study_instance_uid="9.9")
    known = facts(local_of(FIVE), case=BY_LABEL)
    plain = of(known, other).score
    rewriting = {
        "enableSitewideAnonymizationScript": "true",
        "sitewideAnonymizationScript": "(0020,000D) := hashUID[x]",
    }
    hashed = of(known.adding(site=told(SiteFacts("http://x", "1", rewriting))), other).score
    assert hashed - plain == 60
    unread = known.adding(policies=policies(scripts=[Script("project", None, "")]))
    assert of(unread, other).score == hashed
    harmless = known.adding(policies=policies(scripts=[Script("site", True, "(0010,0010) := subject")]))  # noqa: FBT003  as the site says it
    assert of(harmless, other).score == plain


@pytest.mark.parametrize(
    ("files", "scans", "reason"),
    [
        ([stored("x", uid=f"{STUDY}.1.1")], [], "SOP Instance UIDs"),
        ([stored(f"a-1-1-{one.token}.dcm") for one in FIVE[:3]], [], "file names made from the original UIDs"),
        ([stored(f"{STUDY}-1-1-abc.dcm")], [], "file names made from the original UIDs"),
        ([], [ScanFact("4-MR1", f"{STUDY}.1")], "series UID"),
    ],
)
def test_what_is_inside_confirms_too(files: list[object], scans: list[ScanFact], reason: str) -> None:
    hidden = an_experiment(study_instance_uid="9.9", label="unknown")
    contents = contents_of(hidden.uri, files, scans)  # type: ignore[arg-type]  # of the table above
    known = facts(local_of(FIVE), contents={hidden.uri: contents})
    found = of(known, hidden)
    assert reason in found.reasons
    assert found.has_identity


def test_two_equal_tokens_are_not_enough() -> None:
    hidden = an_experiment(study_instance_uid="9.9")
    files = [stored(f"a-1-1-{one.token}.dcm") for one in FIVE[:2]]
    assert not of(facts(local_of(FIVE), contents={hidden.uri: contents_of(hidden.uri, files)}), hidden).has_identity


def test_a_uid_that_the_site_is_known_to_give_confirms() -> None:
    known = facts(local_of(FIVE), sent=Sent(stored_study_uids={STUDY: "9.9"}))
    assert of(known, an_experiment(study_instance_uid="9.9")).certainty is Certainty.CONFIRMED


@pytest.mark.parametrize(
    ("label", "points"), [("E1", 30), ("E1_2", 25), ("e1", 20), ("other", 0), ("M_ller-1_2", 30), ("sub_007", 30)]
)
def test_labels_rank(label: str, points: int) -> None:
    for session in ("E1", "Müller-1.2", "sub-007"):
        known = facts(case=Case(session=session))
        found = of(known, an_experiment(study_instance_uid="", label=label, subject_label=""))
        if found.score:
            assert found.score == points
            return
    assert points == 0


def test_series_and_their_descriptions_rank() -> None:
    place = an_experiment(study_instance_uid="", label="x", subject_label="", date="")
    scans = [ScanFact("1", series_description="SERIES 1"), ScanFact("2", series_description="other")]
    known = facts(local_of(FIVE), contents={place.uri: contents_of(place.uri, [stored("x")] * 5, scans)})
    assert of(known, place).score == round(25 / 2) + 10


def test_a_time_outside_of_the_window_counts_against_it() -> None:
    window = read_window("today", now=NOW)
    known = facts(case=Case(session="E1", window=window))
    (study,) = studies_of(known)
    inside = score(known, study, place_of_row(a_row(subject="")))
    outside = score(known, study, place_of_row(a_row(subject="", uploaded="2025-02-01 09:00:00.0")))
    assert inside.score - outside.score == 30


def test_two_that_are_close_are_both_shown_and_neither_is_likely() -> None:
    first, second = an_experiment(study_instance_uid=""), an_experiment(id="XNAT_E2", study_instance_uid="")
    known = facts(
        local_of([replace(one, study_instance_uid="") for one in FIVE]),
        case=replace(BY_LABEL, window=read_window("today", now=NOW)),
        in_projects={"DEMO": told(tuple(replace(one, insert_date="2025-03-05 09:00:00") for one in (first, second)))},
    )
    found = rank(known, studies_of(known))
    assert [one.certainty for one in found] == [Certainty.POSSIBLE] * 2
    assert all("similar to another" in one.reasons for one in found)
    single = known.adding(in_projects={"DEMO": told((replace(first, insert_date="2025-03-05 09:00:00"),))})
    assert best(single).certainty is Certainty.LIKELY


def test_one_place_does_not_exclude_another() -> None:
    known = facts(
        local_of(FIVE),
        rows=told((a_row(project="Unassigned"),)),
        by_uid=told((an_experiment(),)),
        held=told((Held("DEMO", "S1", "E1", "E1", STUDY, "RECEIVING"),)),
    )
    known = known.adding(candidates=rank(known, studies_of(known)))
    assert {one.place.kind for one in known.hits(STUDY)} == {
        PlaceKind.ARCHIVE,
        PlaceKind.UNASSIGNED,
        PlaceKind.DIRECT,
    }
    assert [one.place.kind for one in known.hits(STUDY, PlaceKind.DIRECT)] == [PlaceKind.DIRECT]
