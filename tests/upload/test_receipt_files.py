import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upload.builders import pair, plan_of, series, survey
from upload.test_receipt import LINE, RECEIPT
from xnat_wizard.upload import receipt, receipt_files
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Fate, Plan
from xnat_wizard.upload.records import CheckedFile

NewJournal = Callable[[Plan], Journal]
SOURCE = "/data/Grüße, \udcff"


class Tags(HTMLParser):
    """Reads a page as a browser does: its tags, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def one_stored(journal: Journal) -> None:
    """Let the look at the server have found the first file of the first session only."""
    session = journal.records.sessions()[0]
    journal.records.set_uri(session.id, "/data/experiments/E1")
    first = next(journal.records.files(session.id))
    journal.records.record_checked(session.id, [CheckedFile(first.id, Fate.STORED, "MD5", "7", "")])


def test_the_table_has_a_line_for_every_file_and_keeps_odd_paths(new_journal: NewJournal) -> None:
    with new_journal(plan_of(survey(series("a,\n\udcff/s1"), pair("b/raw"), source=SOURCE))) as journal:
        one_stored(journal)
        receipt_files.write(journal, RECEIPT)
        raw = (journal.path.parent / receipt_files.TABLE_NAME).read_bytes()
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8", "surrogateescape"), newline="")))
    assert [row["path"] for row in rows] == [
        "a,\n\udcff/s1/0.dcm",
        "a,\n\udcff/s1/1.dcm",
        "b/raw/scan.PAR",
        "b/raw/scan.REC",
    ]
    assert [row["fate"] for row in rows] == ["stored", "not sent", "not sent", "not sent"]
    assert (rows[0]["proof"], rows[0]["scan"], rows[0]["where"]) == ("MD5", "7", "/data/experiments/E1")
    assert all(row["sop_instance_uid"] for row in rows[:2])


def test_the_json_counts_each_series_and_its_digest_tells_a_change(new_journal: NewJournal) -> None:
    with new_journal(plan_of(survey(series("a/s1"), series("a/s2", number="2"), source=SOURCE))) as journal:
        one_stored(journal)
        receipt_files.write(journal, RECEIPT)
        made = json.loads((journal.path.parent / receipt_files.JSON_NAME).read_text())
    (session,) = made["sessions"]
    assert session["place"] == {"kind": "archive", "uri": "/data/experiments/E1"}
    first, second = session["series"]
    assert (first["local_files"], first["in_archive"], first["verdict"]) == (2, 1, "INCOMPLETE 1")
    assert (second["local_files"], second["in_archive"], len(second["missing"])) == (2, 0, 2)
    assert first["series_uid_local"] == "1.2.3.1"
    assert made["verdict"] == RECEIPT.verdict
    assert made["digest_of_receipt"] == receipt_files.digest_of(made)
    assert made["digest_of_receipt"] != receipt_files.digest_of({**made, "verdict": "COMPLETE"})


def test_an_earlier_receipt_stays_whole_beside_the_new_one(new_journal: NewJournal) -> None:
    receipts = [RECEIPT, replace(RECEIPT, created="2026-03-05T08:00:00+01:00", verdict="COMPLETE"), RECEIPT]
    with new_journal(plan_of(survey(series("a/s1")))) as journal:
        for one in receipts:
            journal.records.keep_receipt(one)
            receipt_files.write(journal, one)
        folder = journal.path.parent
        made = json.loads((folder / receipt_files.JSON_NAME).read_text())
        aside = [json.loads(path.read_text()) for path in sorted(folder.glob("receipt-*.json"))]
        modes = {path.stat().st_mode & 0o777 for path in folder.glob("receipt*")}
    assert made["earlier"] == [{"created": one.created, "verdict": one.verdict} for one in receipts[:2]]
    assert [(one["created"], one["verdict"]) for one in aside] == [(one.created, one.verdict) for one in receipts[:2]]
    assert all(one["digest_of_receipt"] == receipt_files.digest_of(one) for one in (*aside, made))
    assert modes == {0o600}


def test_what_is_no_receipt_is_replaced(new_journal: NewJournal) -> None:
    with new_journal(plan_of(survey(series("a/s1")))) as journal:
        (journal.path.parent / receipt_files.JSON_NAME).write_text("[1]")
        receipt_files.write(journal, RECEIPT)
        assert len(list(journal.path.parent.glob("receipt*.json"))) == 1


def test_copies_are_counted_with_their_series(new_journal: NewJournal) -> None:
    copied = replace(series("a/s1"), copies=3)
    with new_journal(plan_of(survey(copied, series("a/s2", number="2"), pair("b/raw")))) as journal:
        assert journal.plan().included[0].series[0].copies == 3
        made = receipt.compose_unasked(journal)
        receipt_files.write(journal, made)
        told = json.loads((journal.path.parent / receipt_files.JSON_NAME).read_text())
    assert [line.copies for line in made.lines] == [3, 0, 0]
    first = told["sessions"][0]["series"][0]
    assert (first["local_files"], first["distinct_objects"], first["copies"]) == (5, 2, 3)


def test_the_files_are_for_one_person_only(new_journal: NewJournal) -> None:
    with new_journal(plan_of(survey(series("a/s1")))) as journal:
        receipt_files.write(journal, RECEIPT)
        made = [path for path in journal.path.parent.iterdir() if path.name.startswith("receipt")]
    assert sorted(path.suffix for path in made) == [".csv", ".html", ".json"]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}


def test_the_page_reads_like_the_receipt() -> None:
    page = Tags(receipt_files.as_page(RECEIPT))
    for text in ("INCOMPLETE 182", "Subject sub-007, session sub-007_MR1", "t1_mprage", "6 x the server was full"):
        assert text in page.text
    assert "Copies" in page.text
    assert "all present (MD5)" in page.text
    assert "176 missing" in page.text
    assert not page.tags & {"script", "img", "link", "a", "iframe", "form"}


hostile = st.one_of(
    st.sampled_from(["<script>alert(1)</script>", '"><img src=x onerror=a>', "</style><script>", "&lt;b", "\x1b[31m"]),
    st.text(st.characters(exclude_categories=()), max_size=60),
)


@given(hostile, hostile, hostile)
def test_no_text_becomes_markup(label: str, series_name: str, remark: str) -> None:
    line = replace(LINE, session_label=label, series_description=series_name, remark=remark, scan_id=remark)
    odd = replace(
        RECEIPT, project=label, lines=(line,), not_sent=(remark,), not_proven=(series_name,), site_facts={label: remark}
    )
    page = receipt_files.as_page(odd)
    plain = Tags(receipt_files.as_page(RECEIPT))
    seen = Tags(page)
    assert seen.tags <= plain.tags
    assert seen.attributes <= plain.attributes
    assert "\x1b" not in page
    page.encode("utf-8")


def test_a_file_is_replaced_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "receipt.txt"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError), receipt_files.private_file(path, errors="strict") as file:
        file.write("half \udcff")
    assert path.read_text() == "old"
