"""Cancels an upload without asking its site: what was sent stays there, and a receipt says what is known."""

from xnat_wizard.upload import outcomes, receipt
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Route, SessionState, UploadState


def cancel_unasked(journal: Journal) -> None:
    """Cancel every session that is not done; the caller holds the lock of the upload."""
    records = journal.records
    is_by_dicom = journal.route is Route.DICOM
    begun = {session.key for session in journal.progress().sessions if session.bytes_sent}
    for session in records.sessions():
        if session.state not in {SessionState.DONE, SessionState.CANCELLED}:
            counts = records.count_fates(session.id)
            finding = outcomes.cancelled(counts, session, has_begun=session.key in begun, is_by_dicom=is_by_dicom)
            records.move_session(session.id, SessionState.CANCELLED, finding=finding)
    records.add_event("Cancelled")
    records.note_trouble("")
    records.note_connections(0)
    records.move_upload(UploadState.CANCELLED)
    receipt.keep_if_possible(journal, receipt.compose_unasked(journal))
