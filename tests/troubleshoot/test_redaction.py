"""What leaves the house in a report: the words of this program, and placeholders."""

from importlib.metadata import PackageNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnat_wizard import logins, settings
from xnat_wizard.findings import Finding
from xnat_wizard.troubleshoot.bundle import machine
from xnat_wizard.troubleshoot.bundle.redaction import Redactor
from xnat_wizard.troubleshoot.bundle.vocabulary import vocabulary


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Every file is where it belongs", "Every file is where it belongs"),
        ("12 of 3456 files", "12 of 3456 files"),
        ("1234567 files", "1234567 files"),
        ("patient 1234567", "patient (number)"),
        ("XNAT answered 500 to GET /data/prearchive/projects/SECRET/2026/Anna_MR1 (XW-041)",
         "XNAT answered 500 to GET /data/prearchive/projects/*/*/* (XW-041)"),
        ("born 1980-01-31 or 31.01.1980", "word-1 (date) or (date)"),
        ("at 14:31:07 again", "at 14:31:07 again"),
        ("Anna Muster", "word-1 word-2"),
        ("the file of Anna was refused", "the file of word-1 was refused"),
        ("/home/anna/study is not there", "path-1 is not there"),
        ("mail anna@example.org", "mail mail-1"),
        ("see https://xnat.example.org/app", "see url-1"),
        ("1.3.12.2.1107.5.2 and 1.2.840.10008.5.1.4.1.1.4", "uid-1 and 1.2.840.10008.5.1.4.1.1.4"),
        ("10.1.2.3 and fe80::1:2", "host-1 and host-2"),
        ('The site refused the login of "white"', 'The site refused the login of "text-1"'),
        ("Go on: `xnat-wizard resume 20260101-DEMO`", "Go on: `xnat-wizard resume ...`"),
        ("12345678-1234-1234-1234-123456789abc", "token-1"),
        ("kind=TimeoutError at=worker.py:57 anna.py:3", "kind=TimeoutError at=worker.py:57 word-1"),
        ("P01_MR1 and Müller", "word-1 and word-2"),
    ],
)  # fmt: skip
def test_only_what_the_program_says_itself_passes(text: str, shown: str) -> None:
    assert Redactor().text(text) == shown


def test_a_known_name_has_one_placeholder_everywhere() -> None:
    redactor = Redactor()
    redactor.know("subject", ["White", "files"])
    redactor.know("session", ["White_MR1"])
    assert redactor.text("White_MR1: moved; WHITE has 3 files, and whiter") == (
        "session-1: moved; subject-1 has 3 subject-2, and word-1"
    )
    assert redactor.name("subject", "white") == "subject-1"
    assert redactor.text("İnan and white") == "word-2 and subject-1"


def test_a_word_that_is_ours_in_small_letters_is_a_name_in_capital_ones() -> None:
    assert "long" in vocabulary() or "short" in vocabulary()
    word = "long" if "long" in vocabulary() else "short"
    redactor = Redactor()
    assert redactor.text(f"the {word} one").startswith(f"the {word} ")
    assert word.capitalize() not in redactor.text(f"sent by {word.capitalize()}")


def test_names_are_no_words_of_ours() -> None:
    names = {
        "Mark",
        "Will",
        "Frank",
        "Grant",
        "Rose",
        "May",
        "April",
        "Anna",
        "Muster",
        "Hansen",
        "Young",
        "Long",
        "White",
    }
    assert names & vocabulary() == set()


def test_of_a_finding_the_words_for_strangers_are_taken() -> None:
    finding = Finding(
        "login.refused", 'Refused "anna"', "XNAT answered 401 to Anna", (), shareable="The site refused a login"
    )
    assert Redactor().finding(finding) == {
        "code": "login.refused",
        "severity": "stop",
        "said": "The site refused a login",
        "why": "XNAT answered 401 to word-1",
    }
    assert Redactor().finding(None) is None


@given(st.text(max_size=60), st.text(alphabet="abcdefghijklmnopqrstuvwxyzäöüß0123456789_-", min_size=4, max_size=20))
def test_a_known_name_never_passes(text: str, name: str) -> None:
    redactor = Redactor()
    redactor.know("subject", [name])
    for around in (f"{text} {name} {text}", f"({name})", f"/data/{name}/x", f'"{name}"', name.upper()):
        placeholders = {f"{kind}-{n}" for kind in ("subject", "word", "text", "path") for n in range(1, 60)}
        shown = redactor.text(around)
        assert name not in shown.split() or name in placeholders


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    shown = Redactor().text(text)
    assert shown.isascii()
    assert len(shown.splitlines()) <= len(text.splitlines())


def test_other_spellings_share_a_placeholder_and_nothing_has_none() -> None:
    redactor = Redactor()
    assert redactor.name("site", "") == ""
    placeholder = redactor.name("site", "https://xnat.klinik.example")
    redactor.same(placeholder, ["xnat.klinik.example", ""])
    assert redactor.text("xnat.klinik.example") == placeholder
    assert redactor.text("in /home/miller/lib/xnat_wizard/upload/engine.py") == "in xnat_wizard/upload/engine.py"
    assert "miller" not in redactor.text("in /home/miller/notes.py")


def test_a_machine_whose_package_is_not_installed_still_has_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(machine, "requires", unknown)
    monkeypatch.setattr(machine, "version", unknown)
    told = machine.versions()
    assert (told["xnat-wizard"], told["packages"]) == ("", {})


def test_a_store_of_logins_that_others_could_read_is_told_by_its_code() -> None:
    assert set(machine.logins()) == {"recent_sites", "kept", "expired", "sites"}
    stored = settings.state_dir() / logins.TOKENS_FILE
    stored.parent.mkdir(parents=True, exist_ok=True)
    stored.write_text("{}")
    stored.chmod(0o644)
    assert machine.logins()["finding"] == "login.store_open"
