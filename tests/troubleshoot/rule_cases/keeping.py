"""HSK-01 to HSK-13: causes in the keeping of a site."""

from dataclasses import replace

from troubleshoot.rule_cases.scene import (
    UNASSIGNED_URI,
    C,
    L,
    P,
    archived,
    files_of,
    images,
    log_of,
    not_yet,
    scene,
    shows,
    waiting,
)
from troubleshoot.values import a_row, an_experiment, told
from xnat_wizard.troubleshoot.facts import Facts
from xnat_wizard.troubleshoot.local_facts import Sent
from xnat_wizard.troubleshoot.model import Role, Standing
from xnat_wizard.xnat.inquiries.values import Experiment, Row

URI = "/data/experiments/XNAT_E1"
OURS = Sent(is_known=True, project="DEMO", session="E1", uris=(a_row().uri,), started="2025-03-04T09:00:00+01:00")
NO_ROW: Row | None = None
NO_SESSION: Experiment | None = None
GONE = {a_row().uri: told(NO_ROW, Standing.ABSENT)}
DELETED = {URI: told(NO_SESSION, Standing.ABSENT)}
ARCHIVED = replace(OURS, uris=(URI,))
HOURS = "2025-03-04 21:00:00.0"
NOW_ISH = "2025-03-05 09:58:00.0"


# -- HSK-01, HSK-02, HSK-03 --------------------------------------------------------------------------


@shows("HSK-01", L)
def our_row_is_gone_and_nothing_is_anywhere(role: Role) -> Facts:
    return scene(role, images(), sent=OURS, earlier=GONE)


@shows("HSK-01", L)
def the_list_without_our_row_is_empty(role: Role) -> Facts:
    return scene(role, images(), sent=OURS, earlier={a_row().uri: told(NO_ROW)})


@not_yet("HSK-01")
def the_project_of_our_row_is_not_ours_any_more(role: Role) -> Facts:
    below = Role.MEMBER if role is Role.ADMIN else role
    uri = a_row(project="CLOSED").uri
    return scene(below, images(), sent=replace(OURS, uris=(uri,)), earlier={uri: told(NO_ROW)})


@not_yet("HSK-01")
def our_row_is_gone_and_the_study_is_archived(role: Role) -> Facts:
    return scene(role, images(), archived(images()), sent=OURS, earlier=GONE)


@not_yet("HSK-01")
def our_row_is_gone_and_a_session_of_the_label_is_archived(role: Role) -> Facts:
    listed = {"DEMO": told((an_experiment(study_instance_uid="9.9"),))}
    return scene(role, images(), sent=OURS, earlier=GONE, in_projects=listed)


@not_yet("HSK-01")
def our_row_is_gone_and_another_one_moves(role: Role) -> Facts:
    return scene(role, images(), sent=OURS, earlier=GONE, moving=("/data/prearchive/projects/DEMO/2/E1",))


@not_yet("HSK-01")
def our_row_is_in_unassigned_where_we_may_not_look(role: Role) -> Facts:
    below = Role.MEMBER if role is Role.ADMIN else role
    return scene(below, images(), sent=OURS, earlier={UNASSIGNED_URI: told(NO_ROW, Standing.ABSENT)})


@shows("HSK-02", L)
def our_session_answers_404(role: Role) -> Facts:
    return scene(role, images(), sent=ARCHIVED, known=DELETED)


@not_yet("HSK-02")
def our_session_answers_404_and_the_study_is_archived(role: Role) -> Facts:
    there = archived(images(), an_experiment(id="XNAT_E9"))
    return scene(role, images(), there, sent=ARCHIVED, known=DELETED)


@not_yet("HSK-02")
def our_session_answers_404_and_the_site_moves(role: Role) -> Facts:
    return scene(role, images(), sent=ARCHIVED, known=DELETED, moving=("/data/prearchive/projects/DEMO/2/E1",))


@not_yet("HSK-02")
def our_session_is_refused_to_us(role: Role) -> Facts:
    return scene(role, images(), sent=ARCHIVED, known={URI: told(NO_SESSION, Standing.NOT_ALLOWED)})


@shows("HSK-03", C)
def our_row_stands_in_another_project(role: Role) -> Facts:
    there = waiting(images(), a_row(project="OTHER"))
    return scene(role, images(), there, sent=OURS, earlier=GONE)


@not_yet("HSK-03")
def our_row_has_come_home(role: Role) -> Facts:
    sent = replace(OURS, uris=(UNASSIGNED_URI,))
    earlier = {UNASSIGNED_URI: told(NO_ROW, Standing.ABSENT)}
    return scene(role, images(), waiting(images()), sent=sent, earlier=earlier)


# -- HSK-04 to HSK-06 --------------------------------------------------------------------------------


@shows("HSK-04", C)
def the_uploader_never_came_back(role: Role) -> Facts:
    row = a_row(status="RECEIVING", prevent_auto_commit="true", source="uploader", last_modified=HOURS)
    return scene(role, images(), waiting((), row, has_document=False))


@not_yet("HSK-04")
def the_uploader_is_at_it(role: Role) -> Facts:
    row = a_row(status="RECEIVING", prevent_auto_commit="true", source="uploader", last_modified=NOW_ISH)
    return scene(role, images(), waiting((), row, has_document=False), moving=(row.uri,))


@shows("HSK-05", L)
def it_counts_as_arriving_since_yesterday(role: Role) -> Facts:
    row = a_row(status="RECEIVING", last_modified=HOURS)
    return scene(role, images(), waiting((), row, has_document=False))


@shows("HSK-05", P)
def it_should_have_been_built_some_minutes_ago(role: Role) -> Facts:
    row = a_row(status="RECEIVING", last_modified="2025-03-05 09:45:00.0")
    return scene(role, images(), waiting((), row, has_document=False))


@not_yet("HSK-05")
def it_arrives(role: Role) -> Facts:
    row = a_row(status="RECEIVING", last_modified=NOW_ISH)
    return scene(role, images(), waiting((), row, has_document=False))


@shows("HSK-06", L)
def the_queue_stands_still(role: Role) -> Facts:
    row = a_row(status="QUEUED_BUILDING", last_modified=HOURS)
    return scene(role, images(), waiting((), row))


@not_yet("HSK-06")
def it_was_archived_meanwhile(role: Role) -> Facts:
    row = a_row(status="ARCHIVING", last_modified=HOURS)
    return scene(role, images(), waiting((), row), archived(images()))


# -- HSK-07 to HSK-10 --------------------------------------------------------------------------------


@shows("HSK-07", L)
def it_could_not_be_built(role: Role) -> Facts:
    return scene(role, images(), waiting((), a_row(status="ERROR"), has_document=False, log="no XML"))


@not_yet("HSK-07")
def it_was_built_and_failed_later(role: Role) -> Facts:
    return scene(role, images(), waiting((), a_row(status="ERROR"), log="no room"))


@shows("HSK-08", C)
def it_could_not_be_archived(role: Role) -> Facts:
    return scene(role, images(), waiting((), a_row(status="ERROR"), log="no room"))


@not_yet("HSK-08")
def it_is_ready(role: Role) -> Facts:
    return scene(role, images(), waiting(images()))


@shows("HSK-09", L)
def the_row_is_there_and_its_files_are_not(role: Role) -> Facts:
    return scene(role, images(), waiting((), a_row(), standing=Standing.ABSENT, has_document=False))


@not_yet("HSK-09")
def the_row_and_its_files_are_there(role: Role) -> Facts:
    return scene(role, images(), waiting(images()))


@shows("HSK-10", C)
def a_listed_file_is_not_given(role: Role) -> Facts:
    return scene(role, images(), archived(images(), unreadable=(f"{URI}/scans/1/files/001.dcm",)))


@not_yet("HSK-10")
def every_file_is_given(role: Role) -> Facts:
    return scene(role, images(), archived(images()))


# -- HSK-11, HSK-12, HSK-13 --------------------------------------------------------------------------


@shows("HSK-11", P)
def a_series_without_modality_is_no_scan(role: Role) -> Facts:
    odd = images(series="2", start=10, modality="")
    return scene(role, [*images(), *odd], archived(images()), sent=log_of([*images(), *odd]))


@not_yet("HSK-11")
def an_ordinary_series_is_no_scan(role: Role) -> Facts:
    plain = images(series="2", start=10)
    return scene(role, [*images(), *plain], archived(images()), sent=log_of([*images(), *plain]))


def _late(role: Role, minute: int) -> Facts:
    whole = images(4)
    at = f"2025-03-05T09:{minute:02}:00+01:00"
    record = log_of(whole)
    files = tuple(
        replace(one, at=at if place >= 3 else "2025-03-05T08:00:00+01:00") for place, one in enumerate(record.files)
    )
    there = archived(files=files_of(whole[:3]), experiment=an_experiment(insert_date="2025-03-05 09:00:00"))
    return scene(role, whole, there, sent=replace(record, files=files))


@shows("HSK-12", L)
def the_last_file_came_right_after_archiving(role: Role) -> Facts:
    return _late(role, 2)


@not_yet("HSK-12")
def the_last_file_came_long_after(role: Role) -> Facts:
    return _late(role, 45)


@shows("HSK-13", P)
def it_waited_for_months(role: Role) -> Facts:
    return scene(role, images(), sent=replace(OURS, started="2024-12-01T09:00:00+01:00"), earlier=GONE)


@not_yet("HSK-13")
def it_waited_for_a_day(role: Role) -> Facts:
    return scene(role, images(), sent=OURS, earlier=GONE)
