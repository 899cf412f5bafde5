"""Other people meddle with an upload: what is said of it stays true, and nothing of theirs is harmed.

`python -m hardening` prints the same as a table, with the words that the person reads.
"""

from collections import Counter
from pathlib import Path

import pytest

from hardening import others
from hardening.meeting import run_meeting
from hardening.others import Act, Meeting, Moment, meetings
from xnat_wizard.practice.sample import write_study
from xnat_wizard.upload import parts
from xnat_wizard.upload.model import Route

Told = tuple[str, frozenset[str], str, str]  # the state, the code, the receipt's verdict; the state in the end


def told(state: str, codes: str = "-", verdict: str = "none", after: str = "done") -> Told:
    return state, frozenset(codes.split()), verdict, after


WELL = told("done", verdict="COMPLETE")
LACKS = "INCOMPLETE 14"
GONE = told("incomplete", "upload.gone", LACKS)
NO_LOGIN = told("failed", "login.refused login.disabled")  # XNAT tells an account that is disabled in one of two ways
NO_TOKEN = told("failed", "login.expired_token")
NO_PROJECT = told("incomplete", "project.not_found", LACKS, "failed")  # nobody can give it back
STRAYED = told("incomplete", "upload.rerouted", LACKS)
COUNTED = told("incomplete", "rights.destination", "NOT PROVEN")  # and then not seen any more
FORBIDDEN = told("incomplete", "rights.destination", LACKS)
# Which of two sessions is the first to meet it is a matter of moments.
STRAYED_OR_FORBIDDEN = told("incomplete", "upload.rerouted rights.destination", LACKS)
OTHER_SUBJECT = told("incomplete", "archive.other_subject", LACKS)
WAITS_FOR_OTHER = told("incomplete", "prearchive.other_subject", LACKS, "incomplete")  # theirs now: it is not touched

EXPECTED: dict[Act, tuple[Told, ...]] = {  # by moment
    others.archives_it: (WELL,) * 4,
    others.archives_it_elsewhere: (WELL, OTHER_SUBJECT, OTHER_SUBJECT, OTHER_SUBJECT),
    others.deletes_it: (WELL, WELL, WELL, GONE),
    others.moves_it: (WELL, WELL, WELL, GONE),
    others.edits_its_labels: (WELL, WAITS_FOR_OTHER, OTHER_SUBJECT, OTHER_SUBJECT),
    others.deletes_the_project: (
        told("incomplete", "upload.rerouted", LACKS, "failed"),
        NO_PROJECT,
        NO_PROJECT,
        NO_PROJECT,
        NO_PROJECT,
    ),
    others.lets_us_only_read: (STRAYED_OR_FORBIDDEN, FORBIDDEN, FORBIDDEN, COUNTED, COUNTED),
    others.removes_us: (STRAYED_OR_FORBIDDEN, FORBIDDEN, FORBIDDEN, COUNTED, COUNTED),
    others.disables_our_account: (NO_LOGIN,) * 5,
    others.changes_our_password: (NO_LOGIN,) * 5,
    others.withdraws_our_token: (NO_TOKEN,) * 5,
    others.switches_the_script_on: (WELL,) * 4,
    others.sends_the_same: (WELL,) * 5,
    others.sends_the_same_elsewhere: (WELL,) * 5,
    others.deletes_it_from_the_archive: (GONE,),
    others.renames_it_in_the_archive: (WELL,),  # found by its study, and counted there
    others.moves_it_in_the_archive: (GONE,),
}
# An acknowledgement names no place, and what this account does not see may be unassigned, which only administrators see
# (wire contract 6.1): so it is not sent again by itself, and the words say how it is sent anew.
UNSEEN = told("incomplete", "cstore.not_found", LACKS, "incomplete")
RELABELLED = told("incomplete", "cstore.elsewhere", LACKS, "incomplete")
UNREADABLE = told("incomplete", "rights.read", LACKS, "failed")

EXPECTED_BY_DICOM: dict[Act, tuple[Told, ...]] = {  # by moment
    others.archives_it: (WELL,) * 5,
    others.archives_it_elsewhere: (WELL, OTHER_SUBJECT, OTHER_SUBJECT, OTHER_SUBJECT, OTHER_SUBJECT),
    others.deletes_it: (WELL, UNSEEN, WELL, WELL, GONE),
    others.moves_it: (WELL, UNSEEN, WELL, WELL, GONE),
    others.edits_its_labels: (WELL, RELABELLED, WAITS_FOR_OTHER, OTHER_SUBJECT, OTHER_SUBJECT),
    others.lets_us_only_read: (FORBIDDEN, FORBIDDEN, FORBIDDEN, COUNTED),
    others.deletes_the_project: (UNREADABLE, UNREADABLE, NO_PROJECT),
    others.sends_the_same: (WELL,) * 4,
    others.deletes_it_from_the_archive: (GONE,),
    others.renames_it_in_the_archive: (WELL,),
}
BY_ROUTE = {Route.IMPORT: EXPECTED, Route.DICOM: EXPECTED_BY_DICOM}
MEETINGS = tuple(meetings())


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MAX_FILES", 3)


@pytest.fixture(scope="session")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a study of two people."""
    return write_study(tmp_path_factory.mktemp("two") / "study", subjects=2, slices=3)


@pytest.mark.parametrize("meeting", MEETINGS, ids=str)
async def test_it_is_told_as_it_is_and_ends_well(meeting: Meeting, two: Path, tmp_path: Path) -> None:
    row = await run_meeting(meeting, two, tmp_path)
    assert row.is_good, row
    moments = [one.moment for one in MEETINGS if (one.act, one.route) == (meeting.act, meeting.route)]
    state, codes, verdict, after = BY_ROUTE[meeting.route][meeting.act][moments.index(meeting.moment)]
    said = row.said.code if row.said else "-"
    assert (row.state, row.verdict, row.after) == (state, verdict, after), row
    assert said in codes, row


ONE_BY_ONE = (others.archives_it, others.deletes_it, others.moves_it, others.lets_us_only_read, others.sends_the_same)


@pytest.mark.parametrize("act", ONE_BY_ONE, ids=lambda act: act.__name__)
async def test_so_it_is_where_files_travel_one_by_one(act: Act, two: Path, tmp_path: Path) -> None:
    row = await run_meeting(Meeting(act, Moment.SENDING, Route.GRADUAL), two, tmp_path)
    assert row.is_good, row
    assert row.after == "done", row


def test_every_meeting_has_its_row() -> None:
    rows = {(act, route): len(rows) for route, acts in BY_ROUTE.items() for act, rows in acts.items()}
    assert rows == Counter((one.act, one.route) for one in MEETINGS)
