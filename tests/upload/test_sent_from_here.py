"""What this machine knows of a session in the prearchive that was not sent whole."""

from collections.abc import Callable
from pathlib import Path

from xnat_wizard.upload import uploads
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Fate, Plan
from xnat_wizard.upload.sent_from_here import shortfall

URI = "/data/prearchive/projects/DEMO/20260101_000000000/S1"


def test_a_session_that_was_not_sent_whole_is_known_by_its_place(
    study_folder: Path, plan_for: Callable[..., Plan]
) -> None:
    path = uploads.begin(plan_for(study_folder))
    with Journal.open(path) as journal:
        session = journal.records.sessions()[0]
        total = journal.progress().sessions[0].files_total
        site = journal.site_url
        journal.records.set_uri(session.id, URI)
        part = journal.records.parts_to_send(session.id)[0]
        files = [file.id for file in journal.records.files_of_part(part.id)]
        journal.records.record_fates(part.id, Fate.SENT, files[:1])
    found = shortfall(URI, site)
    assert found is not None
    assert (found.upload, found.files_planned, found.files_sent) == (path.parent.name, total, 1)
    assert found.words() == f"Upload {path.parent.name} has sent 1 of {total} files of it: the rest was not sent"
    assert shortfall(URI, "https://other.example.org") is None
    assert shortfall(f"{URI}x", site) is None


def test_a_session_that_was_sent_whole_has_no_shortfall(study_folder: Path, plan_for: Callable[..., Plan]) -> None:
    path = uploads.begin(plan_for(study_folder))
    with Journal.open(path) as journal:
        session = journal.records.sessions()[0]
        journal.records.set_uri(session.id, URI)
        for part in journal.records.parts_to_send(session.id):
            files = [file.id for file in journal.records.files_of_part(part.id)]
            journal.records.record_fates(part.id, Fate.SENT, files)
        assert shortfall(URI, journal.site_url) is None
