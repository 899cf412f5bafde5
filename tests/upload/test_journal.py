import sqlite3
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upload.builders import finding, pair, plan_of, series, survey
from xnat_wizard.findings import Problem, Severity
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.journal_schema import (
    SESSION_MOVES,
    UPLOAD_MOVES,
    IllegalMoveError,
    check_session_move,
    check_upload_move,
)
from xnat_wizard.upload.lock import UploadLock, is_held
from xnat_wizard.upload.model import (
    Compression,
    Fate,
    Options,
    Receipt,
    ReceiptLine,
    Request,
    SessionState,
    UploadState,
)
from xnat_wizard.upload.plan import edit
from xnat_wizard.upload.records import CheckedFile


@pytest.fixture
def journal(tmp_path: Path) -> "Journal":
    plan = plan_of(survey(series("s/a", count=3), series("t/a", study="1.4"), pair("t/philips")))
    return Journal.create(tmp_path / "upload", plan)


def test_a_new_journal_is_for_one_person_only(journal: Journal) -> None:
    journal.records.add_event("x")
    assert stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in journal.path.parent.iterdir()} == {0o600}


def test_a_folder_holds_one_upload(journal: Journal) -> None:
    with pytest.raises(FileExistsError):
        Journal.create(journal.path.parent, journal.plan())


def test_the_plan_reads_back_with_what_is_included(tmp_path: Path) -> None:
    weird = "s\udcff[/b]/a"
    plan = plan_of(survey(series(weird), series("t/a", study="1.4"), pair("t/philips")))
    with Journal.create(tmp_path / "all", plan) as journal:
        assert journal.plan() == plan
        assert next(journal.fates()) == (f"{weird}/0.dcm", Fate.NOT_SENT, "")
    fewer = edit(plan, plan.sessions[0].key, is_included=False)
    with Journal.create(tmp_path / "fewer", fewer) as journal:
        assert journal.plan().sessions == fewer.included
        assert journal.not_sent == ("2 files: of sessions that were not included",)


def test_the_plan_reads_back_with_the_layout_of_its_folders(tmp_path: Path) -> None:
    plan = replace(plan_of(survey(series("s/a"))), layout="{subject}/{session}/{series}")
    with Journal.create(tmp_path / "upload", plan) as journal:
        assert journal.plan() == plan


def test_images_held_back_by_findings_are_counted(tmp_path: Path) -> None:
    found = [finding("structure.x", Severity.STOP)]
    plan = plan_of(survey(series("s/a"), series("s/b", number="2", held_by=("structure.x",)), findings=found))
    with Journal.create(tmp_path / "held", plan) as journal:
        assert journal.not_sent == ("2 files: held back by findings",)


def test_progress_counts_parts(journal: Journal) -> None:
    before = journal.progress()
    assert (before.state, before.project, before.started_s) == (UploadState.PLANNED, "DEMO", None)
    assert [(one.files_total, one.files_sent) for one in before.sessions] == [(3, 0), (4, 0)]
    (part,) = journal.records.parts(1)
    files = journal.records.files_of_part(part.id)
    journal.records.record_fates(part.id, Fate.SENT, [file.id for file in files[:2]])
    journal.records.record_fates(part.id, Fate.REFUSED, [files[2].id], "no")
    journal.records.note_bytes(part.id, 25)
    first = journal.progress().sessions[0]
    assert (first.files_sent, first.bytes_sent, first.bytes_total) == (2, 25, 30)
    journal.records.record_checked(1, [CheckedFile(files[0].id, Fate.STORED, "MD5", "4", "")])
    first = journal.progress().sessions[0]
    assert (first.files_sent, first.files_stored, first.bytes_sent) == (2, 1, 20)
    assert journal.records.count_fates(1) == {Fate.STORED: 1, Fate.SENT: 1, Fate.REFUSED: 1}


@pytest.mark.parametrize("answer", [Fate.SENT, Fate.REFUSED, Fate.NOT_SENT])
def test_a_file_that_is_sent_again_counts_as_stored_no_more(journal: Journal, answer: Fate) -> None:
    (part,) = journal.records.parts(1)
    first, second, third = (file.id for file in journal.records.files_of_part(part.id))
    journal.records.record_checked(1, [CheckedFile(one, Fate.STORED, "MD5", "4", "") for one in (first, second)])
    assert journal.progress().sessions[0].files_stored == 2
    journal.records.record_fates(part.id, answer, [first, third])
    assert journal.progress().sessions[0].files_stored == 1
    assert journal.records.count_fates(1) == {Fate.STORED: 1, answer: 2}


@given(
    looked=st.lists(
        st.tuples(st.integers(0, 7), st.sampled_from(["1", "4"]), st.booleans()),
        max_size=8,
        unique_by=lambda one: one[0],
    )
)
def test_a_look_changes_the_files_that_it_names_and_no_others(
    tmp_path_factory: pytest.TempPathFactory, looked: list[tuple[int, str, bool]]
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    with Journal.create(folder / "upload", plan_of(survey(series("s/a", count=8), series("t/a", study="1.4")))) as made:
        session = made.records.sessions()[0]
        ids = [file.id for file in made.records.files(session.id)]
        checked = [
            CheckedFile(ids[place], Fate.STORED if is_there else Fate.MISSING, "", scan_id, "")
            for place, scan_id, is_there in looked
        ]
        made.records.record_checked(session.id, checked)
        found = {file.id: file.fate for one in made.records.sessions() for file in made.records.files(one.id)}
        facts = [fact.scan_id for fact in made.file_facts()]
    wanted = {one.id: one.fate for one in checked}
    assert found == {file_id: wanted.get(file_id, Fate.NOT_SENT) for file_id in found}
    scans = {ids[place]: scan_id for place, scan_id, _ in looked}
    assert facts[: len(ids)] == [scans.get(file_id, "") for file_id in ids]


def test_another_process_sees_that_something_changed(journal: Journal) -> None:
    with Journal.open(journal.path) as reader:
        assert reader.changed()
        assert not reader.changed()
        journal.records.add_event("one")
        assert reader.changed()
        assert not reader.changed()
        assert [event.text for event in reader.events()] == ["one"]
        assert reader.events(since_id=reader.events()[-1].id) == ()


def test_requests_are_taken_once_in_order(journal: Journal) -> None:
    with Journal.open(journal.path) as wizard:
        wizard.request(Request.PAUSE)
        wizard.request(Request.CANCEL)
    assert journal.records.take_requests() == (Request.PAUSE, Request.CANCEL)
    assert journal.records.take_requests() == ()


def test_states_move_with_their_reason(journal: Journal) -> None:
    why = finding("x.y", Severity.STOP)
    journal.records.move_upload(UploadState.RUNNING, now_s=5.0)
    journal.records.move_session(1, SessionState.FAILED, finding=why, uri="/data/prearchive/projects/DEMO/1/a")
    journal.records.move_upload(UploadState.FAILED, why, now_s=9.0)
    progress = journal.progress()
    assert (progress.state, progress.finding, progress.started_s, progress.ended_s) == (
        UploadState.FAILED,
        why,
        5.0,
        9.0,
    )
    assert progress.sessions[0].finding == why
    assert progress.sessions[0].uri.endswith("/1/a")
    journal.records.move_upload(UploadState.RUNNING, now_s=11.0)
    assert (journal.progress().finding, journal.progress().started_s, journal.progress().ended_s) == (None, 5.0, None)


def test_an_illegal_move_names_both_ends_and_changes_nothing(journal: Journal) -> None:
    with pytest.raises(IllegalMoveError, match="from planned to done"):
        journal.records.move_upload(UploadState.DONE)
    with pytest.raises(IllegalMoveError, match="from waiting to done"):
        journal.records.move_session(1, SessionState.DONE)
    assert journal.progress().state is UploadState.PLANNED
    assert journal.progress().sessions[0].state is SessionState.WAITING


@given(st.sampled_from(UploadState), st.sampled_from(UploadState))
def test_every_pair_of_upload_states_is_legal_or_refused(old: UploadState, new: UploadState) -> None:
    if new in UPLOAD_MOVES[old]:
        check_upload_move(old, new)
    else:
        with pytest.raises(IllegalMoveError, match=f"from {old} to {new}"):
            check_upload_move(old, new)


@given(st.sampled_from(SessionState), st.sampled_from(SessionState))
def test_every_pair_of_session_states_is_legal_or_refused(old: SessionState, new: SessionState) -> None:
    if new in SESSION_MOVES[old]:
        check_session_move(old, new)
    else:
        with pytest.raises(IllegalMoveError, match=f"from {old} to {new}"):
            check_session_move(old, new)


def test_an_interrupted_session_can_always_start_from_the_top() -> None:
    ended = {SessionState.DONE, SessionState.CANCELLED, SessionState.WAITING}
    assert all(SessionState.WAITING in SESSION_MOVES[state] for state in SessionState if state not in ended)


def test_the_receipt_is_kept(journal: Journal) -> None:
    assert journal.receipt() is None
    line = ReceiptLine("s", "s_MR1", "4", "t1 \udcff", "MR", 3, 3, 3, "MD5", "")
    receipt = Receipt("2024-01-01", "http://x", "1.9.3", "me", "DEMO", (line,), ("a: b",), "COMPLETE", (), ("1 file",))
    journal.records.keep_receipt(receipt)
    assert journal.receipt() == receipt
    later = replace(receipt, created="2024-01-02", verdict="INCOMPLETE 1")
    journal.records.keep_receipt(later)
    assert (journal.receipt(), journal.earlier_receipts()) == (later, (receipt,))


def test_names_in_a_resource_are_safe_and_distinct(tmp_path: Path) -> None:
    plan = plan_of(survey(pair("s/T1 a"), pair("s/t1 a"), pair("s", "x\udcff:y")))
    with Journal.create(tmp_path / "upload", plan) as journal:
        names = [file.name for file in journal.records.files(1)]
    assert names == [
        "T1 a/scan.PAR",
        "T1 a/scan.REC",
        "t1 a_2/scan.PAR",
        "t1 a_2/scan.REC",
        "x__y.PAR",
        "x__y.REC",
    ]


def test_what_is_no_journal_is_refused(tmp_path: Path, journal: Journal) -> None:
    with pytest.raises(FileNotFoundError):
        Journal.open(tmp_path / "none.sqlite")
    (tmp_path / "text.sqlite").write_text("this is a text and not a database, however long it may be")
    (tmp_path / "empty.sqlite").touch()
    for name in ("text.sqlite", "empty.sqlite"):
        with pytest.raises(Problem, match=r"journal\.unreadable"):
            Journal.open(tmp_path / name)
    journal.close()
    database = sqlite3.connect(journal.path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(Problem, match=r"journal\.newer"):
        Journal.open(journal.path)


def test_only_one_holds_the_lock(journal: Journal) -> None:
    assert not is_held(journal.path)
    with UploadLock(journal.path):
        assert is_held(journal.path)
        with pytest.raises(Problem, match=r"upload\.running"):
            UploadLock(journal.path)
    assert not is_held(journal.path)


def test_how_an_upload_travels_is_kept(journal: Journal) -> None:
    assert journal.options() == Options()
    wanted = Options(5_000_000, 12, Compression.NEVER)
    journal.set_options(wanted)
    assert journal.options() == wanted


def test_a_screen_reads_connections_retries_and_trouble(journal: Journal) -> None:
    records = journal.records
    records.note_connections(3)
    records.note_trouble("The site asks to slow down")
    records.note_trouble("The site asks to slow down")
    now = journal.progress()
    assert (now.connections, now.retries, now.trouble) == (3, 2, "The site asks to slow down")
    records.note_trouble("")
    assert (journal.progress().retries, journal.progress().trouble) == (2, "")


def test_a_journal_of_the_first_version_is_brought_up_to_date(journal: Journal) -> None:
    journal.records.add_event("from before")
    plan = journal.plan()
    journal.close()
    database = sqlite3.connect(journal.path)
    columns = [
        "limit_bytes_s",
        "most_connections",
        "compression",
        "connections",
        "retries",
        "trouble",
        "layout",
        "receiver",
        "route",
        "deidentification",
    ]
    for column in columns:
        database.execute(f"ALTER TABLE upload DROP COLUMN {column}")
    database.execute("ALTER TABLE file DROP COLUMN dicom_status")
    database.execute("ALTER TABLE file DROP COLUMN local_sop_instance_uid")
    database.execute("DROP INDEX file_of_series")
    database.execute("DROP TABLE earlier_receipt")
    database.execute("PRAGMA user_version = 1")
    database.commit()
    database.close()
    for _ in range(2):
        with Journal.open(journal.path) as old:
            assert old.options() == Options()
            assert old.plan() == plan
            assert [event.text for event in old.events()] == ["from before"]
            old.records.note_trouble("x")
    with Journal.open(journal.path) as old:
        assert old.progress().retries == 2


def test_a_mistake_of_the_program_is_not_blamed_on_the_journal(journal: Journal) -> None:
    with pytest.raises(AttributeError):
        journal.note_dicom_statuses(None)  # type: ignore[arg-type]  # the mistake
    journal.close()
    with pytest.raises(sqlite3.ProgrammingError):
        journal.progress()
