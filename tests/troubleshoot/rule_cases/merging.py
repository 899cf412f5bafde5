"""MRG-01 to MRG-17: causes of merging, splitting and overwriting."""

from collections.abc import Iterable
from dataclasses import replace

from troubleshoot.rule_cases.scene import (
    C,
    L,
    There,
    archived,
    files_of,
    images,
    log_of,
    not_yet,
    other,
    scene,
    shows,
    waiting,
)
from troubleshoot.values import STUDY, a_row, an_experiment, told
from xnat_wizard.dicom.model import OtherKind
from xnat_wizard.troubleshoot.case import Case
from xnat_wizard.troubleshoot.facts import Facts
from xnat_wizard.troubleshoot.local_facts import Message, Sent
from xnat_wizard.troubleshoot.model import Role
from xnat_wizard.xnat.inquiries.values import ScanFact, SiteFacts

FIRST = images()
SECOND = images(series="2", start=10)
OLD = an_experiment(insert_date="2025-03-01 09:00:00")


def _conflict(
    role: Role, codes: Iterable[tuple[str, str]], *, existing: There | None = None, status: str = "CONFLICT"
) -> Facts:
    row = a_row(status=status)
    there = existing or archived(FIRST)
    hits = () if there.place.study_instance_uid not in {STUDY, ""} else (there,)
    known = scene(role, [*FIRST, *SECOND], waiting(SECOND, row, codes=codes), *hits)
    return known.adding(in_projects={"DEMO": told((there.place.experiment,))})


def _free(role: Role) -> Facts:
    """Return a session that waits, and whose check has nothing to say."""
    return scene(role, FIRST, waiting(FIRST, codes=[("12", "WARN")]))


# -- MRG-01 to MRG-04 --------------------------------------------------------------------------------


@shows("MRG-01", C)
def the_label_is_taken_by_the_first_half(role: Role) -> Facts:
    return _conflict(role, [("1", "CONFLICT")])


@shows("MRG-01", C)
def the_label_is_taken_by_another_study(role: Role) -> Facts:
    return _conflict(role, [("1", "CONFLICT")], existing=archived((), an_experiment(study_instance_uid="9.9")))


@not_yet("MRG-01")
def the_label_is_free(role: Role) -> Facts:
    return _free(role)


@shows("MRG-02", C)
def the_label_is_another_subjects(role: Role) -> Facts:
    there = archived((), an_experiment(study_instance_uid="9.9", subject_label="S2"))
    return _conflict(role, [("4", "FAIL")], existing=there)


@not_yet("MRG-02")
def the_label_is_no_other_subjects(role: Role) -> Facts:
    return _free(role)


@shows("MRG-03", C)
def the_label_is_a_shared_sessions(role: Role) -> Facts:
    there = archived((), an_experiment(project="OTHER", seen_in="DEMO", study_instance_uid="9.9"))
    return _conflict(role, [("3", "FAIL"), ("1", "CONFLICT")], existing=there)


@not_yet("MRG-03")
def the_label_is_a_session_of_the_project(role: Role) -> Facts:
    return _conflict(role, [("1", "CONFLICT")])


@shows("MRG-04", C)
def the_study_is_archived_under_another_label(role: Role) -> Facts:
    case = Case(project="DEMO", session="E9")
    return scene(role, FIRST, archived(FIRST), case=case)


@not_yet("MRG-04")
def the_study_is_shared_into_the_project(role: Role) -> Facts:
    return scene(role, FIRST, archived(FIRST, an_experiment(project="OTHER", seen_in="DEMO")))


# -- MRG-05 to MRG-07 --------------------------------------------------------------------------------


@shows("MRG-05", C)
def the_images_are_in_a_session_that_is_older(role: Role) -> Facts:
    sent = Sent(is_known=True, started="2025-03-05T09:00:00+01:00")
    return scene(role, FIRST, archived(FIRST, OLD), sent=sent)


@shows("MRG-05", L)
def it_seems_older_and_has_images_of_others(role: Role) -> Facts:
    sent = Sent(is_known=True, started="2025-03-05T09:00:00+01:00")
    earlier = an_experiment(insert_date="2025-03-05 07:30:00")
    return scene(role, FIRST, archived([*FIRST, *SECOND], earlier), sent=sent)


@not_yet("MRG-05")
def a_site_of_another_zone_writes_an_earlier_hour(role: Role) -> Facts:
    sent = Sent(is_known=True, started="2025-03-05T09:00:00+01:00")
    return scene(role, FIRST, archived(FIRST, an_experiment(insert_date="2025-03-05 07:02:00")), sent=sent)


@not_yet("MRG-05")
def an_older_session_has_none_of_the_images(role: Role) -> Facts:
    sent = Sent(is_known=True, started="2025-03-05T09:00:00+01:00")
    return scene(role, FIRST, archived(SECOND, OLD), sent=sent)


@shows("MRG-06", C)
def others_stand_in_their_place(role: Role) -> Facts:
    sent = log_of(FIRST, verified=tuple(one.sop_instance_uid for one in FIRST))
    return scene(role, FIRST, archived(SECOND), sent=sent)


@shows("MRG-06", L)
def a_session_has_fewer_than_the_receipt_saw(role: Role) -> Facts:
    sent = log_of(FIRST, verified=tuple(one.sop_instance_uid for one in FIRST))
    return scene(role, FIRST, archived(FIRST[:2]), sent=sent)


@not_yet("MRG-06")
def the_receipt_tells_of_two_studies(role: Role) -> Facts:
    mine = images(2, series="2", study="1.2.8", start=10)
    beside = an_experiment(id="XNAT_E2", label="E2", study_instance_uid="1.2.8")
    sent = log_of([*FIRST, *mine], verified=tuple(one.sop_instance_uid for one in [*FIRST, *mine]))
    return scene(role, [*FIRST, *mine], archived(FIRST), archived(mine, beside, study="1.2.8"), sent=sent)


@shows("MRG-07", C)
def two_images_have_one_uid(role: Role) -> Facts:
    return scene(role, FIRST, archived(FIRST), others=[other("x.dcm", OtherKind.CONFLICTING)])


@shows("MRG-07", C)
def the_site_said_duplicate(role: Role) -> Facts:
    return scene(role, FIRST, sent=Sent(messages=(Message("Duplicate DCM UID cannot be merged", 409),)))


@not_yet("MRG-07")
def the_second_file_is_a_copy(role: Role) -> Facts:
    return scene(role, FIRST, archived(FIRST), others=[other("x.dcm", OtherKind.COPY)])


# -- MRG-08 to MRG-10 --------------------------------------------------------------------------------


@shows("MRG-08", C)
def one_half_is_archived_and_one_half_waits(role: Role) -> Facts:
    return scene(role, [*FIRST, *SECOND], archived(FIRST), waiting(SECOND))


@not_yet("MRG-08")
def all_of_it_came_twice(role: Role) -> Facts:
    return scene(role, FIRST, archived(FIRST), waiting(FIRST, a_row(status="CONFLICT")))


@shows("MRG-09", C)
def one_study_under_two_labels(role: Role) -> Facts:
    second = a_row(label="ANNA", folder="ANNA", timestamp="20250305_091500000")
    return scene(role, [*FIRST, *SECOND], waiting(FIRST), waiting(SECOND, second))


@not_yet("MRG-09")
def one_study_under_a_label_and_its_second(role: Role) -> Facts:
    second = a_row(label="E1_2", folder="E1_2", timestamp="20250305_091500000")
    return scene(role, [*FIRST, *SECOND], waiting(FIRST), waiting(SECOND, second))


@shows("MRG-10", C)
def a_pet_mr_study_became_two(role: Role) -> Facts:
    pet = an_experiment(id="XNAT_E2", label="E1_PET", xsi_type="xnat:petSessionData")
    return scene(role, [*FIRST, *SECOND], archived(FIRST), archived(SECOND, pet))


@not_yet("MRG-10")
def an_mr_study_is_one(role: Role) -> Facts:
    return scene(role, FIRST, archived(FIRST))


# -- MRG-11 to MRG-17 --------------------------------------------------------------------------------


@shows("MRG-11", C)
def the_one_there_is_of_another_modality(role: Role) -> Facts:
    return _conflict(role, [("19", "FAIL")])


@not_yet("MRG-11")
def only_the_uid_is_overridden(role: Role) -> Facts:
    return _conflict(role, [("19", "CONFLICT")])


@shows("MRG-12", C)
def the_scan_got_a_suffix(role: Role) -> Facts:
    there = archived(files=files_of(FIRST, "1-MR1"), scans=(ScanFact("1", "9.9"), ScanFact("1-MR1", "1.2.7.1")))
    return scene(role, FIRST, there)


@not_yet("MRG-12")
def the_number_is_used_twice_here(role: Role) -> Facts:
    twin = images(series="1b", series_number="1")
    there = archived(files=files_of([*FIRST, *twin]), scans=(ScanFact("1-MR1", "1.2.7.1"), ScanFact("1-MR2")))
    return scene(role, [*FIRST, *twin], there)


@shows("MRG-13", C)
def the_one_there_has_another_uid(role: Role) -> Facts:
    return _conflict(role, [("5", "CONFLICT")], existing=archived((), an_experiment(study_instance_uid="9.9")))


@not_yet("MRG-13")
def the_one_there_has_the_uid(role: Role) -> Facts:
    return _conflict(role, [("1", "CONFLICT")])


@shows("MRG-14", C)
def it_hangs_at_another_subject(role: Role) -> Facts:
    case = Case(project="DEMO", subject="S7")
    return scene(role, FIRST, archived(FIRST), case=case)


@not_yet("MRG-14")
def the_subject_was_cleaned(role: Role) -> Facts:
    case = Case(project="DEMO", subject="S-1.b")
    return scene(role, FIRST, archived(FIRST, an_experiment(subject_label="S_1_b")), case=case)


@shows("MRG-15", C)
def two_studies_stand_in_one_session(role: Role) -> Facts:
    return scene(role, [*FIRST, *images(2, series="2", study="1.2.8", start=10)], waiting(
        [*FIRST, *images(2, series="2", study="1.2.8")], a_row(status="ERROR"), log="more than one study found"
    ))  # fmt: skip


@not_yet("MRG-15")
def one_study_stands_in_one_session(role: Role) -> Facts:
    return _free(role)


@shows("MRG-16", C)
def each_series_has_one_file_left(role: Role) -> Facts:
    site = told(SiteFacts("http://x", "1.9.3", {"dicomFileNameTemplate": "${SeriesNumber}"}))
    return scene(role, [*FIRST, *SECOND], archived([FIRST[-1], SECOND[-1]]), site=site)


@not_yet("MRG-16")
def nothing_arrived_at_all(role: Role) -> Facts:
    site = told(SiteFacts("http://x", "1.9.3", {"dicomFileNameTemplate": "${SeriesNumber}"}))
    return scene(role, [*FIRST, *SECOND], site=site)


@shows("MRG-17", C)
def somebody_works_on_the_one_there(role: Role) -> Facts:
    return _conflict(role, [("10", "FAIL")])


@not_yet("MRG-17")
def nobody_works_on_it(role: Role) -> Facts:
    return replace(_free(role))
