"""LOC-01 to LOC-18: causes on this machine."""

from dataclasses import replace
from pathlib import Path

from troubleshoot.rule_cases.scene import (
    UNASSIGNED_URI,
    C,
    L,
    archived,
    files_of,
    images,
    log_of,
    not_yet,
    other,
    scene,
    shows,
    unassigned_row,
    waiting,
)
from troubleshoot.values import a_row, an_experiment, local_of
from xnat_wizard.dicom.model import OtherKind, ParRecPair
from xnat_wizard.troubleshoot.case import Case, Way
from xnat_wizard.troubleshoot.facts import Facts, Match, ProjectFacts
from xnat_wizard.troubleshoot.local_facts import Message, Sent, SentFate, SentFile, Sibling, ZipFacts
from xnat_wizard.troubleshoot.model import Role
from xnat_wizard.xnat.inquiries.values import ProjectName, ScanFact

SR = "1.2.840.10008.5.1.4.1.1.88.11"
JPEG = "1.2.840.10008.1.2.4.70"
STOPPED = "Import: unable to read DICOM object .DS_Store"
STRAY = other("S01/1/002.DS_Store", OtherKind.JUNK)


def _said(text: str, names: str = "", **known: object) -> Sent:
    return Sent(messages=(Message(text, 400, names=names),), **known)  # type: ignore[arg-type]  # names of fields


def _meaning(role: Role, match: Match, typed: str, *, labels: tuple[str, ...] = ()) -> ProjectFacts:
    names = (ProjectName("DEMO", "Neuro pilot", "NPilot"),)
    return ProjectFacts(typed, match, "DEMO", names, names, role=role, labels=labels)


# -- LOC-01, LOC-02, LOC-03 --------------------------------------------------------------------------


@shows("LOC-01", C)
def the_error_names_a_file_that_is_no_image(role: Role) -> Facts:
    whole = images(4)
    strays = [other("S01/1/.DS_Store", OtherKind.JUNK)]
    return scene(role, whole, archived(whole[:2]), others=strays, sent=_said(STOPPED, ".DS_Store"))


@shows("LOC-01", C)
def the_import_stopped_and_nothing_is_missing(role: Role) -> Facts:
    strays = [other("S01/1/.DS_Store", OtherKind.JUNK)]
    return scene(role, images(), archived(images()), others=strays, sent=_said(STOPPED, ".DS_Store"))


@not_yet("LOC-01")
def no_image_lies_there_and_no_import_stopped(role: Role) -> Facts:
    return scene(role, images(), archived(images()), others=[STRAY])


@not_yet("LOC-01")
def the_named_file_is_a_broken_image(role: Role) -> Facts:
    broken = [other("S01/1/009.dcm", OtherKind.UNREADABLE, "it is empty")]
    said = _said("unable to read DICOM object 009.dcm", "009.dcm")
    return scene(role, images(), archived(images()), others=broken, sent=said)


@shows("LOC-02", C)
def a_dicomdir_was_refused(role: Role) -> Facts:
    said = _said("unable to read DICOM object DICOMDIR", "DICOMDIR")
    return scene(role, images(), others=[other("DICOMDIR", OtherKind.DICOMDIR)], sent=said)


@not_yet("LOC-02")
def a_dicomdir_lies_there_and_nobody_minded(role: Role) -> Facts:
    return scene(role, images(), archived(images()), others=[other("DICOMDIR", OtherKind.DICOMDIR)])


@shows("LOC-03", C)
def a_file_lacks_its_study_uid(role: Role) -> Facts:
    return scene(role, images(), others=[other("x.dcm", OtherKind.INCOMPLETE, "it has no Study Instance UID")])


@shows("LOC-03", L)
def a_session_of_our_label_failed_without_uid(role: Role) -> Facts:
    row = a_row(status="ERROR", study_instance_uid="")
    case = Case(project="DEMO", session="E1")
    return scene(role, (), waiting((), row, has_identity=False), case=case)


@not_yet("LOC-03")
def somebody_elses_session_failed_without_uid(role: Role) -> Facts:
    row = a_row(status="ERROR", study_instance_uid="", label="X9", folder="X9", subject="X")
    case = Case(project="DEMO", session="E1")
    return scene(role, images(), waiting((), row, certainty=L, has_identity=False), case=case)


# -- LOC-04, LOC-05, LOC-06 --------------------------------------------------------------------------


@shows("LOC-04", C)
def a_report_is_kept_apart(role: Role) -> Facts:
    report = images(1, series="9", sop_class_uid=SR)
    aside = files_of(report, resource="secondary")
    return scene(role, [*images(), *report], archived(images(), files=aside))


@not_yet("LOC-04")
def a_report_is_among_the_images(role: Role) -> Facts:
    whole = [*images(), *images(1, series="9", sop_class_uid=SR)]
    return scene(role, whole, archived(whole))


@shows("LOC-05", C)
def one_of_two_studies_is_there(role: Role) -> Facts:
    return scene(role, [*images(), *images(2, series="2", study="1.2.8")], archived(images()))


@shows("LOC-05", C)
def the_site_refused_several_studies(role: Role) -> Facts:
    whole = [*images(), *images(2, series="2", study="1.2.8")]
    return scene(role, whole, sent=_said("Upload included files for multiple imaging sessions."))


@not_yet("LOC-05")
def two_studies_are_both_there(role: Role) -> Facts:
    second = images(2, series="2", study="1.2.8")
    beside = an_experiment(id="XNAT_E2", label="E2", study_instance_uid="1.2.8")
    return scene(role, [*images(), *second], archived(images()), archived(second, beside, study="1.2.8"))


@shows("LOC-06", C)
def a_deeper_folder_is_not_in_the_log(role: Role) -> Facts:
    deep = [replace(one, path=f"S01/2/run1/{one.base_name}") for one in images(series="2", start=10)]
    return scene(role, [*images(), *deep], archived(images()), sent=log_of(images()))


@shows("LOC-06", C)
def more_of_the_study_lies_beside(role: Role) -> Facts:
    local = replace(local_of(images()), siblings=(Sibling(Path("/data/more"), "1.2.7", ("1.2.7.5.1",)),))
    return scene(role, images(), archived(images()), local=local)


@not_yet("LOC-06")
def what_lies_beside_is_there_too(role: Role) -> Facts:
    local = replace(local_of(images()), siblings=(Sibling(Path("/data/more"), "1.2.7", ("1.2.7.5.1",)),))
    more = images(1, series="5")
    return scene(role, images(), archived([*images(), *more]), local=local)


@not_yet("LOC-06")
def nothing_of_the_study_was_found(role: Role) -> Facts:
    local = replace(local_of(images()), siblings=(Sibling(Path("/data/more"), "1.2.7", ("1.2.7.5.1",)),))
    return scene(role, images(), local=local)


# -- LOC-07 to LOC-11 --------------------------------------------------------------------------------


@shows("LOC-07", C)
def a_file_is_there_twice(role: Role) -> Facts:
    return scene(role, images(), archived(images()), others=[other("copy.dcm", OtherKind.COPY)])


@not_yet("LOC-07")
def the_second_file_has_other_pixels(role: Role) -> Facts:
    return scene(role, images(), archived(images()), others=[other("other.dcm", OtherKind.CONFLICTING)])


@shows("LOC-08", C)
def a_file_is_empty(role: Role) -> Facts:
    return scene(role, images(), others=[other("x.dcm", OtherKind.UNREADABLE, "it is empty")])


@not_yet("LOC-08")
def all_files_can_be_read(role: Role) -> Facts:
    return scene(role, images(), others=[STRAY])


@shows("LOC-09", C)
def the_receiver_refused_a_syntax(role: Role) -> Facts:
    odd = images(series="2", start=10, transfer_syntax_uid=JPEG)
    sent = log_of(images(), odd, status="no presentation context", rejected_contexts=(("1.2.3", JPEG),))
    return scene(role, [*images(), *odd], archived(images()), sent=sent)


@shows("LOC-09", L)
def exactly_the_compressed_ones_are_missing(role: Role) -> Facts:
    odd = images(series="2", start=10, transfer_syntax_uid=JPEG)
    return scene(role, [*images(), *odd], archived(images()))


@not_yet("LOC-09")
def the_compressed_ones_were_never_sent(role: Role) -> Facts:
    odd = images(series="2", start=10, transfer_syntax_uid=JPEG)
    return scene(role, [*images(), *odd], archived(images()), sent=log_of(images()))


@shows("LOC-10", C)
def the_session_is_called_anonymous(role: Role) -> Facts:
    whole = images(patient_id="Anonymous")
    return scene(role, whole, waiting(whole, a_row(label="Anonymous_1")), case=Case(project="DEMO", session="E7"))


@shows("LOC-10", L)
def something_like_it_is_called_dicom_upload(role: Role) -> Facts:
    whole = images(patient_id="")
    there = archived((), an_experiment(label="dicom_upload"), certainty=L, has_identity=False)
    return scene(role, whole, there)


@not_yet("LOC-10")
def a_label_of_digits_is_no_placeholder(role: Role) -> Facts:
    return scene(role, images(patient_id="20250304"), waiting(images(), a_row(label="20250304")))


@shows("LOC-11", C)
def an_umlaut_became_a_line(role: Role) -> Facts:
    case = Case(project="DEMO", session="Müller-01")
    return scene(role, images(), archived(images(), an_experiment(label="M_ller-01")), case=case)


@not_yet("LOC-11")
def a_plain_label_stays(role: Role) -> Facts:
    return scene(role, images(), archived(images()), case=Case(project="DEMO", session="E1"))


# -- LOC-12 to LOC-18 --------------------------------------------------------------------------------


@shows("LOC-12", L)
def the_title_was_typed(role: Role) -> Facts:
    meant = _meaning(role, Match.TITLE, "Neuro pilot")
    return scene(role, images(), waiting(images(), unassigned_row()), project=meant)


@shows("LOC-12", C)
def the_title_was_typed_and_our_record_knows_where_it_is(role: Role) -> Facts:
    sent = Sent(is_known=True, uris=(UNASSIGNED_URI,))
    return scene(role, images(), project=_meaning(role, Match.TITLE, "Neuro pilot"), sent=sent)


@not_yet("LOC-12")
def the_title_was_typed_and_it_is_in_the_project(role: Role) -> Facts:
    return scene(role, images(), archived(images()), project=_meaning(role, Match.TITLE, "Neuro pilot"))


@shows("LOC-13", L)
def the_case_was_wrong(role: Role) -> Facts:
    meant = _meaning(role, Match.FOLDED, "demo")
    return scene(role, images(), waiting(images(), unassigned_row()), project=meant)


@shows("LOC-13", L)
def a_subject_looks_alike(role: Role) -> Facts:
    meant = _meaning(role, Match.EXACT, "DEMO", labels=("sub-01",))
    return scene(role, images(), project=meant, case=Case(project="DEMO", subject="sub-1"))


@not_yet("LOC-13")
def the_subject_itself_is_there(role: Role) -> Facts:
    meant = _meaning(role, Match.EXACT, "DEMO", labels=("sub-01", "sub-1"))
    return scene(role, images(), project=meant, case=Case(project="DEMO", subject="sub-1"))


@shows("LOC-14", C)
def the_archive_is_called_zip_in_capitals(role: Role) -> Facts:
    local = replace(local_of(images()), zip=ZipFacts("SCAN.ZIP", is_readable=True))
    return scene(role, images(), local=local, sent=_said("Unsupported format UNKNOWN"))


@shows("LOC-14", L)
def the_archive_has_a_password(role: Role) -> Facts:
    local = replace(local_of(()), zip=ZipFacts("scan.zip", is_readable=True, is_encrypted=True))
    return scene(role, (), local=local)


@not_yet("LOC-14")
def an_odd_archive_was_opened_all_the_same(role: Role) -> Facts:
    local = replace(local_of(images()), zip=ZipFacts("SCAN.ZIP", is_readable=True))
    return scene(role, images(), archived(images(2)), local=local)


@shows("LOC-15", L)
def subject_and_project_were_swapped(role: Role) -> Facts:
    sent = Sent(is_known=True, way=Way.C_STORE, arguments=("DEMO", "E1", "S1"))
    return scene(role, images(), sent=sent)


@shows("LOC-15", C)
def subject_and_project_were_swapped_and_a_subject_is_called_so(role: Role) -> Facts:
    sent = Sent(is_known=True, way=Way.C_STORE, arguments=("DEMO", "E1", "S1"))
    row = a_row(project="OTHER", subject="DEMO")
    return scene(role, images(), waiting(images(), row), sent=sent)


@not_yet("LOC-15")
def the_arguments_stand_right(role: Role) -> Facts:
    return scene(role, images(), sent=Sent(is_known=True, way=Way.C_STORE, arguments=("S1", "E1", "DEMO")))


@shows("LOC-16", L)
def the_desktop_client_left_out_names_like_documents(role: Role) -> Facts:
    odd = [replace(one, path=one.path.replace(".dcm", ".txt")) for one in images(2, series="2", start=10)]
    case = Case(project="DEMO", way=Way.DESKTOP)
    return scene(role, [*images(), *odd], archived(images()), case=case)


@not_yet("LOC-16")
def another_way_does_not_look_at_names(role: Role) -> Facts:
    odd = [replace(one, path=one.path.replace(".dcm", ".txt")) for one in images(2, series="2", start=10)]
    return scene(role, [*images(), *odd], archived(images()))


@shows("LOC-17", C)
def there_are_par_rec_pairs_only(role: Role) -> Facts:
    pair = ParRecPair("S01", "S01", "S01/a.par", "S01/a.rec", 1, 2, "V4.2", "")
    return scene(role, (), local=local_of((), pairs=[pair]))


@not_yet("LOC-17")
def the_pairs_are_stored_by_our_record(role: Role) -> Facts:
    pair = ParRecPair("S01", "S01", "S01/a.par", "S01/a.rec", 1, 2, "V4.2", "")
    sent = Sent(files=tuple(SentFile(path, SentFate.ACKNOWLEDGED, "stored") for path in (pair.par_path, pair.rec_path)))
    return scene(role, (), local=local_of((), pairs=[pair]), sent=sent)


@not_yet("LOC-17")
def there_is_nothing_but_a_broken_image(role: Role) -> Facts:
    return scene(role, (), others=[other("x.dcm", OtherKind.UNREADABLE)])


@shows("LOC-18", C)
def one_number_for_two_series(role: Role) -> Facts:
    second = images(series="4b", series_number="4")
    whole = [*images(series="4"), *second]
    scans = (ScanFact("4-MR1", "1.2.7.4"), ScanFact("4-MR2", "1.2.7.4b"))
    return scene(role, whole, archived(files=files_of(whole), scans=scans))


@not_yet("LOC-18")
def every_series_has_its_number(role: Role) -> Facts:
    return scene(role, images(), archived(images(), scans=(ScanFact("1", "1.2.7.1"),)))
