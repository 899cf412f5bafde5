"""The letters: what each asks for, what all begin with, and what none of them tells."""

import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from xnat_wizard.troubleshoot import letters
from xnat_wizard.troubleshoot.letters import Letter, LetterFacts, Place, SeriesLoss
from xnat_wizard.troubleshoot.model import Evidence

UID = "1.2.840.113619.2.55.3.604688119.971.1583145600.467"
FACTS = LetterFacts(
    site_url="https://xnat.example.org",
    version="1.9.3",
    account="anna",
    now=datetime(2026, 3, 4, 10, 30, tzinfo=UTC),
    way="DICOM (C-STORE)",
    sent_at="2026-03-03 17:05 +01:00",
    host="mri-console",
    sender="MRC40417",
    project="BRAIN2",
    study_instance_uids=(UID,),
    series_count=7,
    object_count=1043,
    subject_label="Müller_Erika",
    session_label="Müller_Erika_MR1",
    private=("Müller^Erika", "19610524"),
    checked=(
        Evidence("Q7", "GET /data/prearchive?format=json", "3 rows, none of Müller_Erika", "2026-03-04T10:29:58+00:00"),
        Evidence("Q15", f"GET /data/experiments?studyInstanceUID={UID}", "0 rows", "2026-03-04T10:29:59+00:00"),
    ),
)
PLACE = Place("BRAIN2", "20260303_170512", "Müller_Erika_MR1")
HEADER = "Müller^Erika 19610524"
ALL: dict[str, Callable[[LetterFacts], Letter]] = {
    "T1": lambda facts: letters.unassigned(facts, received="2026-03-03 17:06", header_text=HEADER),
    "T2": lambda facts: letters.other_project(facts, header_text=HEADER),
    "T3": lambda facts: letters.stuck(
        facts, PLACE, status="BUILDING", last_modified="2026-03-03 17:20", tried="a rebuild", answer="409 locked"
    ),
    "T4": lambda facts: letters.rights(facts, role="a collaborator"),
    "T5": lambda facts: letters.conflict(
        facts,
        PLACE,
        message="label Müller_Erika_MR1 belongs to another subject",
        existing="XNAT_E00012, subject S07, inserted by bert on 2026-01-02",
        is_same_study=False,
        overlap=(0, 1043),
        proposal="keep mine under another label",
    ),
    "T6": lambda facts: letters.dropped(
        facts,
        [SeriesLoss("12", "dti_ep2d", "MR Image Storage", 30), SeriesLoss("3", "t1_mprage", "MR Image Storage", 2)],
        acknowledged=1043,
        is_explained=False,
        around="2026-03-03 17:06",
    ),
    "T7": lambda facts: letters.network(
        facts, to="xnat.example.org:8104", happened=["TCP refused"], wish="Please allow this connection."
    ),
    "T8": lambda facts: letters.deleted(facts, experiment="XNAT_E00042", existed_on="2026-02-01"),
}


@pytest.mark.parametrize("template", ALL)
def test_no_letter_names_a_patient_by_itself(template: str) -> None:
    text = ALL[template](FACTS).as_text()
    for told in ("Muller", "M?ller", "Erika", "19610524"):
        assert told not in text


@pytest.mark.parametrize("template", ALL)
def test_each_letter_has_a_subject_and_the_common_facts(template: str) -> None:
    letter = ALL[template](FACTS)
    assert letter.template == template
    assert letter.as_text().startswith(f"Subject: {letter.subject}\n\nHello,\n\n")
    assert len(letter.subject) <= 78
    for fact in (
        "XNAT: https://xnat.example.org (version 1.9.3)",
        "Account: anna",
        "Time now: 2026-03-04T10:30:00+00:00",
        "from mri-console as MRC40417 to project BRAIN2",
        f"Study: StudyInstanceUID {UID}",
        "Count: 7 series, 1043 objects",
        "Q7: GET /data/prearchive?format=json",
    ):
        assert fact in " ".join(letter.body.split()), fact


@pytest.mark.parametrize("template", ALL)
def test_each_letter_is_plain_and_narrow(template: str) -> None:
    for facts in (FACTS, replace(FACTS, with_labels=True)):
        text = ALL[template](facts).as_text()
        assert text.isascii()
        assert text.endswith("\n")
        assert all(len(line) <= 72 or " " not in line.strip() for line in text.splitlines())


def test_labels_go_out_when_the_person_allows_it() -> None:
    allowed = replace(FACTS, with_labels=True)
    assert "Labels sent: subject Muller_Erika, session Muller_Erika_MR1" in letters.rights(allowed).body
    assert "BRAIN2/20260303_170512/Muller_Erika_MR1" in ALL["T3"](allowed).body
    assert '"Muller^Erika 19610524" does not equal a project ID' in " ".join(ALL["T1"](allowed).body.split())


def test_without_that_a_place_is_still_found() -> None:
    body = ALL["T3"](FACTS).body
    assert "BRAIN2/20260303_170512/(left out)" in body
    assert "Labels sent: (left out)" in body


def test_a_short_label_does_not_eat_other_words() -> None:
    facts = replace(FACTS, subject_label="1", session_label="MR", private=())
    body = letters.unassigned(facts).body
    assert UID.split(".")[1] in body
    assert "MRC40417" in body


def test_the_words_of_a_description_are_no_names() -> None:
    facts = replace(FACTS, private=("Please check the XNAT", "Test^XNAT"))
    body = letters.stuck(facts, PLACE, status="BUILDING", last_modified="today").body
    assert body.startswith("Hello,\n\nXNAT: https://")
    assert "Please check the queue" in " ".join(body.split())


def test_the_identifying_uid_survives_a_label_that_is_part_of_it() -> None:
    facts = replace(FACTS, subject_label="971", session_label="467")
    assert UID in letters.unassigned(facts).body


def test_a_name_is_left_out_however_the_server_spells_it() -> None:
    got = "M_ller_Erika_MR1, M%C3%BCller_Erika_MR1, Muller_Erika, mueller, ERIKA"
    facts = replace(FACTS, checked=(Evidence("Q7", "GET /x", got, "now"),))
    said = " ".join(letters.rights(facts).body.split()).partition("GET /x -> ")[2].partition(" (now)")[0]
    assert said == "(left out), (left out), (left out), mueller, (left out)"


def test_the_administrator_gets_the_call_that_moves_a_session() -> None:
    body = ALL["T1"](FACTS).body
    assert "?action=move&newProject=BRAIN2" in body


def test_the_facts_stand_before_the_request() -> None:
    body = ALL["T3"](FACTS).body
    assert body.startswith("Hello,\n\nXNAT: https://xnat.example.org (version 1.9.3)\nAccount: anna\n")
    assert body.index("Already checked by me:") < body.index("has status BUILDING")
    prose = body.partition("Session BRAIN2")[2]
    assert not any(line.startswith(" ") for line in prose.splitlines())


def test_what_was_dropped_is_listed_by_series_number() -> None:
    body = ALL["T6"](FACTS).body
    assert body.index("series 3, t1_mprage, MR Image Storage: 2") < body.index("series 12, dti_ep2d")
    assert "32 are not there" in body


def test_a_letter_with_almost_no_facts_says_no_empty_things() -> None:
    bare = LetterFacts(site_url="https://x", now=datetime(2026, 1, 1, tzinfo=UTC))
    for letter in (letters.unassigned(bare), letters.other_project(bare), letters.rights(bare, is_quarantined=True)):
        assert "()" not in letter.body
        assert "None" not in letter.body
        assert "  \n" not in letter.body


def test_a_saved_letter_is_for_one_person_even_in_the_place_of_an_open_file(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("old and much longer than the new one" * 50)
    path.chmod(0o644)
    letters.save(ALL["T4"](FACTS).as_text(), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text(encoding="ascii") == ALL["T4"](FACTS).as_text()


def test_a_link_in_the_place_of_a_letter_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("kept")
    (tmp_path / "letter.txt").symlink_to(target)
    with pytest.raises(OSError, match="letter"):
        letters.save("text", tmp_path / "letter.txt")
    assert target.read_text() == "kept"
