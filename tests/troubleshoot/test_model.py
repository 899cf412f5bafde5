import json
import re

import pytest

from xnat_wizard.troubleshoot.catalogue import BY_ID, CAUSES
from xnat_wizard.troubleshoot.facts import Facts
from xnat_wizard.troubleshoot.model import (
    Certainty,
    Covers,
    Diagnosis,
    Evidence,
    Fate,
    Ledger,
    LedgerLine,
    NextStep,
    PlaceKind,
    Report,
    Role,
    StepKind,
    Verdict,
)
from xnat_wizard.troubleshoot.registry import Rule, judge, rule

DIAGNOSIS = Diagnosis(
    "ROU-01",
    Certainty.CONFIRMED,
    "Your study is in the prearchive, and no project was found for it.",
    "XNAT knows no project NEUR01.",
    where="prearchive/Unassigned/20250304_101500123/sub-007_mr1",
    evidence=(Evidence("Q34", "receipt", "/Unassigned/", "2025-03-04T10:20:00+01:00"),),
    covers=Covers(("1.2.3",), 4, 512),
    next_steps=(
        NextStep(StepKind.ONE_CLICK, "Move it to NEURO01.", "F6", Role.MEMBER, "T1", "/data/x", {"project": "NEURO01"}),
    ),
    prevent="Choose the project from the list.",
)


def test_a_diagnosis_reads_as_what_why_and_do() -> None:
    assert DIAGNOSIS.as_text().splitlines() == [
        "CONFIRMED: Your study is in the prearchive, and no project was found for it.",
        "      why:   XNAT knows no project NEUR01.",
        "      where: prearchive/Unassigned/20250304_101500123/sub-007_mr1",
        "      do:    Move it to NEURO01.",
    ]


def test_its_number_and_evidence_come_with_details_only() -> None:
    text = DIAGNOSIS.as_text(has_details=True)
    assert "ROU-01" in text
    assert "Q34: receipt -> /Unassigned/" in text
    assert "ROU-01" not in DIAGNOSIS.as_text()


def test_a_report_is_json_with_every_part_of_a_diagnosis() -> None:
    report = Report(Verdict.INCOMPLETE, "512 of 512 wait.", (DIAGNOSIS,), Ledger((LedgerLine("a", Fate.ARRIVED),)))
    read = json.loads(json.dumps(report.as_dict(has_files=True)))
    assert read["diagnoses"][0]["next"][0]["arguments"] == {"project": "NEURO01"}
    assert read["diagnoses"][0]["covers"] == {"studies": ["1.2.3"], "series": 4, "objects": 512}
    assert read["totals"]["arrived"] == 1
    assert read["files"][0]["path"] == "a"


def test_text_of_a_server_cannot_steer_the_terminal() -> None:
    wild = Diagnosis("ROU-01", Certainty.LIKELY, "\x1b[2J\nlost", "x\x07")
    assert all(line.isprintable() for line in wild.as_text().split("\n"))
    assert len(wild.as_text().split("\n")) == 2


def test_whoever_sees_all_data_acts_on_none_of_it() -> None:
    assert Role.ALL_DATA.may(Role.COLLABORATOR)
    assert not Role.ALL_DATA.may(Role.MEMBER)
    assert not Role.OWNER.may(Role.ALL_DATA)
    assert Role.ADMIN.may(Role.ALL_DATA)
    assert Role.OWNER.may(Role.MEMBER)
    assert not Role.COLLABORATOR.may(Role.MEMBER)


def test_the_catalogue_has_98_causes_each_with_its_family_and_templates() -> None:
    assert len(CAUSES) == len(BY_ID) == 98
    families = {family: sum(cause.family == family for cause in CAUSES) for family in ("LOC", "NET", "ROU", "MRG")}
    assert families == {"LOC": 18, "NET": 17, "ROU": 20, "MRG": 17}
    assert all(re.fullmatch(r"T[1-8]", name) for cause in CAUSES for name in cause.templates)
    assert all(cause.title.isascii() for cause in CAUSES)


def test_outcomes_are_read_as_a_person_says_them() -> None:
    assert LedgerLine("a", Fate.ARRIVED, place=PlaceKind.UNASSIGNED).outcome == "in unassigned"
    assert LedgerLine("a", Fate.ARRIVED, place=PlaceKind.ARCHIVE, merged_into="E1").outcome == "merged into E1"
    assert LedgerLine("a", Fate.DROPPED).outcome == "dropped on purpose"


def test_a_rule_that_crashes_is_a_result(nothing_known: Facts) -> None:
    def good(_: Facts) -> list[Diagnosis]:
        return [DIAGNOSIS]

    def bad(_: Facts) -> list[Diagnosis]:
        raise KeyError("patient name")

    said, crashes = judge(nothing_known, [Rule(("LOC-01",), bad), Rule(("ROU-01",), good)])
    assert said == (DIAGNOSIS,)
    assert [(crash.name, crash.error) for crash in crashes] == [("LOC-01 bad", "KeyError")]


def test_a_rule_needs_a_number_of_the_catalogue() -> None:
    with pytest.raises(ValueError, match="LOC-99"):
        rule("LOC-99")
