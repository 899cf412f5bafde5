"""An upload that was de-identified on its way is looked for under the UIDs that the site has."""

from dataclasses import replace
from pathlib import Path

from xnat_wizard.dicom.survey import survey
from xnat_wizard.troubleshoot.case import Case
from xnat_wizard.troubleshoot.records import read_records
from xnat_wizard.upload import receipt as receipts
from xnat_wizard.upload.deidentify.choice import Deidentification
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination
from xnat_wizard.upload.plan import draft


def test_journal_and_receipt_lead_from_uids_here_to_those_sent(study_folder: Path, tmp_path: Path) -> None:
    plan = draft(survey(study_folder), site_url="http://x", project="DEMO", destination=Destination.ARCHIVE)
    with Journal.create(tmp_path / "upload", replace(plan, deidentification=Deidentification())) as journal:
        receipts.keep(journal, receipts.compose_unasked(journal))
        path = journal.path
    here = {one.sop_instance_uid for session in plan.sessions for series in session.series for one in series.instances}
    studies = {session.study_instance_uid for session in plan.sessions}
    for case in (Case(journal=path), Case(receipt=path.with_name("receipt.json"))):
        sent = read_records(case)
        assert {one.sop_instance_uid for one in sent.files} == here
        assert set(sent.stored_uids) == here
        assert set(sent.stored_study_uids) == studies
        renamed = {*sent.stored_uids.values(), *sent.stored_study_uids.values()}
        assert all(uid.startswith("2.25.") for uid in renamed)
