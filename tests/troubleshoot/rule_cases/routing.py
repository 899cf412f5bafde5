"""ROU-01 to ROU-20: causes of routing."""

from dataclasses import replace
from typing import Any

from troubleshoot.rule_cases.scene import (
    UNASSIGNED_URI,
    C,
    L,
    P,
    archived,
    held,
    images,
    log_of,
    not_yet,
    scene,
    shows,
    unassigned_row,
    waiting,
)
from troubleshoot.values import a_row, an_experiment, policies, project, told
from xnat_wizard.troubleshoot.case import Case, Way
from xnat_wizard.troubleshoot.facts import Drop, Facts, Forecast
from xnat_wizard.troubleshoot.local_facts import LocalObject, Message, Sent
from xnat_wizard.troubleshoot.model import Role, Standing
from xnat_wizard.xnat.inquiries.values import Experiment, Filter, ProjectRights, Receiver, ScanFact, Script


def _forecast(objects: list[LocalObject], target: str, because: str, **known: object) -> Forecast:
    plain = Forecast("1.2.7", tuple(one.path for one in objects), target, True, "E1", "S1", because)  # noqa: FBT003  is_certain
    return replace(plain, **known)  # type: ignore[arg-type]  # names of fields


def _rights(role: Role, **known: Any) -> object:
    return replace(project("DEMO", "OTHER", role=role), rights=ProjectRights("DEMO", **known))


# -- ROU-01 to ROU-05 --------------------------------------------------------------------------------


@shows("ROU-01", C)
def our_record_names_unassigned(role: Role) -> Facts:
    return scene(role, images(), sent=Sent(is_known=True, uris=(UNASSIGNED_URI,)))


@shows("ROU-01", L)
def nothing_in_the_images_names_a_project(role: Role) -> Facts:
    astray = _forecast(images(), "", "nothing matched")
    return scene(role, images(), waiting(images(), unassigned_row()), forecasts=(astray,))


@not_yet("ROU-01")
def it_went_astray_once_and_is_home_now(role: Role) -> Facts:
    sent = Sent(is_known=True, uris=(UNASSIGNED_URI,))
    return scene(role, images(), waiting(images()), sent=sent)


@shows("ROU-02", L)
def the_comment_has_a_dot(role: Role) -> Facts:
    whole = images(patient_comments="Project:.My Study")
    astray = _forecast(whole, "", "nothing matched")
    case = Case(project="DEMO", way=Way.C_STORE)
    return scene(role, whole, waiting(whole, unassigned_row()), case=case, forecasts=(astray,))


@not_yet("ROU-02")
def the_comment_is_well_formed(role: Role) -> Facts:
    whole = images(patient_comments="Project:NOPE")
    astray = _forecast(whole, "", "nothing matched", candidates=(("PatientComments", "NOPE"),))
    return scene(role, whole, case=Case(project="DEMO", way=Way.C_STORE), forecasts=(astray,))


@shows("ROU-03", L)
def the_study_description_is_a_project(role: Role) -> Facts:
    return scene(role, images(), forecasts=(_forecast(images(), "OTHER", "StudyDescription"),))


@shows("ROU-03", C)
def the_study_description_is_a_project_and_it_is_there(role: Role) -> Facts:
    there = waiting(images(), a_row(project="OTHER"))
    return scene(role, images(), there, forecasts=(_forecast(images(), "OTHER", "StudyDescription"),))


@not_yet("ROU-03")
def the_study_description_was_meant_to_be_the_project(role: Role) -> Facts:
    return scene(role, images(), forecasts=(_forecast(images(), "DEMO", "StudyDescription"),))


@shows("ROU-04", L)
def a_rule_of_the_site_sorts_it_elsewhere(role: Role) -> Facts:
    known = policies(rules={"projectRules": "(0008,0080):(.*)"})
    return scene(role, images(), policies=known, forecasts=(_forecast(images(), "OTHER", "the site's rule"),))


@shows("ROU-04", C)
def a_rule_of_the_site_sorted_it_elsewhere_and_it_is_there(role: Role) -> Facts:
    known = policies(rules={"projectRules": "(0008,0080):(.*)"})
    forecasts = (_forecast(images(), "OTHER", "the site's rule"),)
    return scene(role, images(), waiting(images(), a_row(project="OTHER")), policies=known, forecasts=forecasts)


@shows("ROU-04", P)
def a_rule_of_the_site_cannot_be_worked_out(role: Role) -> Facts:
    known = policies(rules={"projectRules": "?"})
    open_ = _forecast(images(), "", "nothing matched", unsimulated=("the site's rule for the project: too odd",))
    return scene(role, images(), policies=known, forecasts=(open_,))


@not_yet("ROU-04")
def a_rule_of_the_site_sorts_it_home(role: Role) -> Facts:
    known = policies(rules={"projectRules": "(0008,0080):(.*)"})
    return scene(role, images(), policies=known, forecasts=(_forecast(images(), "DEMO", "the site's rule"),))


@shows("ROU-05", L)
def the_receiver_has_processing_of_its_own(role: Role) -> Facts:
    odd = Receiver("XNAT", 8104, is_enabled=True, has_custom_processing=True)
    case = Case(project="DEMO", way=Way.C_STORE)
    return scene(role, images(), case=case, policies=policies(receivers=[odd]), sent=log_of(images()))


@shows("ROU-05", C)
def a_rule_of_the_receiver_sorted_it_elsewhere(role: Role) -> Facts:
    odd = Receiver("XNAT", 8104, is_enabled=True, has_routing=True)
    case = Case(project="DEMO", way=Way.C_STORE)
    there = waiting(images(), a_row(project="OTHER"))
    forecasts = (_forecast(images(), "OTHER", "the receiver's rule"),)
    return scene(role, images(), there, case=case, policies=policies(receivers=[odd]), forecasts=forecasts)


@not_yet("ROU-05")
def the_receiver_was_never_reached(role: Role) -> Facts:
    odd = Receiver("XNAT", 8104, is_enabled=True, has_custom_processing=True)
    case = Case(project="DEMO", way=Way.C_STORE)
    return scene(role, images(), case=case, policies=policies(receivers=[odd]), sent=log_of((), images()))


# -- ROU-06 to ROU-09 --------------------------------------------------------------------------------


def _below_admin(role: Role) -> Role:
    """Return a role that does not see Unassigned."""
    return Role.OWNER if role is Role.ADMIN else role


def _divided(role: Role, sent: Sent, *, moving: tuple[str, ...] = ()) -> Facts:
    ours, theirs = images(), images(series="2", start=10)
    forecasts = (_forecast(ours, "DEMO", "PatientComments"), _forecast(theirs, "", "nothing matched"))
    places = (waiting(ours), waiting(theirs, unassigned_row()))
    return scene(role, [*ours, *theirs], *places, forecasts=forecasts, sent=sent, moving=moving)


@shows("ROU-06", L)
def two_series_name_two_targets(role: Role) -> Facts:
    return _divided(role, log_of([*images(), *images(series="2", start=10)]))


@shows("ROU-06", L)
def two_series_name_two_targets_and_there_is_no_log(role: Role) -> Facts:
    return _divided(role, Sent())


@not_yet("ROU-06")
def the_log_says_that_the_second_series_was_never_sent(role: Role) -> Facts:
    return _divided(_below_admin(role), log_of(images()))


@not_yet("ROU-06")
def the_log_says_that_the_second_series_was_refused(role: Role) -> Facts:
    return _divided(_below_admin(role), log_of(images(), images(series="2", start=10)))


@not_yet("ROU-06")
def the_second_series_is_on_its_way(role: Role) -> Facts:
    return _divided(role, Sent(), moving=(a_row().uri,))


@shows("ROU-07", C)
def the_answer_names_another_project(role: Role) -> Facts:
    uri = a_row(project="OTHER").uri
    return scene(role, images(), sent=Sent(is_known=True, project="DEMO", uris=(uri,)))


@not_yet("ROU-07")
def the_answer_names_the_project(role: Role) -> Facts:
    return scene(role, images(), sent=Sent(is_known=True, project="DEMO", uris=(a_row().uri,)))


def _as_collaborator(role: Role) -> Role:
    return Role.COLLABORATOR if role is Role.MEMBER else role


@shows("ROU-08", C)
def a_collaborators_upload_waits(role: Role) -> Facts:
    return scene(_as_collaborator(role), images(), waiting(images()))


@shows("ROU-08", L)
def a_session_of_the_label_waits(role: Role) -> Facts:
    there = waiting((), a_row(study_instance_uid="9.9"), certainty=L, has_identity=False)
    return scene(_as_collaborator(role), images(), there, case=Case(project="DEMO", session="E1"))


@not_yet("ROU-08")
def a_members_upload_waits(role: Role) -> Facts:
    return scene(Role.MEMBER, images(), waiting(images()))


@shows("ROU-09", C)
def the_request_used_the_other_names(role: Role) -> Facts:
    sent = Sent(is_known=True, way=Way.GRADUAL, parameters={"project": "DEMO"})
    return scene(role, images(), case=Case(project="DEMO", way=Way.GRADUAL), sent=sent)


@not_yet("ROU-09")
def the_request_used_both_names(role: Role) -> Facts:
    sent = Sent(is_known=True, way=Way.GRADUAL, parameters={"project": "DEMO", "PROJECT_ID": "DEMO"})
    return scene(role, images(), case=Case(project="DEMO", way=Way.GRADUAL), sent=sent)


# -- ROU-10 to ROU-15 --------------------------------------------------------------------------------


@shows("ROU-10", C)
def it_is_ready_and_nobody_archives_it(role: Role) -> Facts:
    return scene(role, images(), waiting(images()), project=_rights(role, prearchive_code="0"))


@shows("ROU-10", L)
def something_like_it_is_ready(role: Role) -> Facts:
    return scene(role, images(), waiting((), a_row(study_instance_uid=""), certainty=L, has_identity=False))


@not_yet("ROU-10")
def it_is_archived(role: Role) -> Facts:
    return scene(role, images(), waiting(images()), archived(images()))


@shows("ROU-11", C)
def the_wish_was_spelled_wrong(role: Role) -> Facts:
    case = Case(project="DEMO", archive_wish="autoArchive=true&action=commit")
    return scene(role, images(), waiting(images()), case=case)


@not_yet("ROU-11")
def nobody_wished_for_the_archive(role: Role) -> Facts:
    return scene(role, images(), waiting(images()))


def _filtered(role: Role, cause: str, owner: str, **changes: Any) -> Facts:
    kept, dropped = images(), images(series="2", start=10, series_description="localizer")
    known = policies(filters=[Filter(owner, "blacklist", "localizer")])
    drops = tuple(Drop(one.path, cause, is_certain=True, because=f"the {owner}'s filter: localizer") for one in dropped)
    plain: dict[str, Any] = {"policies": known, "drops": drops, "sent": log_of([*kept, *dropped])}
    there = (archived(kept),) if "moving" not in changes else ()
    return scene(role, [*kept, *dropped], *there, **{**plain, **changes})


@shows("ROU-12", C)
def the_sites_filter_explains_all(role: Role) -> Facts:
    return _filtered(role, "ROU-12", "site")


@shows("ROU-12", L)
def the_sites_filter_explains_a_part(role: Role) -> Facts:
    kept, dropped, gone = images(), images(series="2", start=10), images(series="3", start=20)
    drops = tuple(Drop(one.path, "ROU-12", is_certain=True, because="localizer") for one in dropped)
    sent = log_of([*kept, *dropped, *gone])
    return scene(role, [*kept, *dropped, *gone], archived(kept), policies=policies(), drops=drops, sent=sent)


@not_yet("ROU-12")
def nothing_was_found_at_all(role: Role) -> Facts:
    kept, dropped = images(), images(series="2", start=10)
    drops = tuple(Drop(one.path, "ROU-12", is_certain=True, because="localizer") for one in dropped)
    return scene(role, [*kept, *dropped], policies=policies(), drops=drops)


@shows("ROU-13", C)
def the_projects_filter_explains_all(role: Role) -> Facts:
    return _filtered(role, "ROU-13", "project")


@not_yet("ROU-13")
def the_filter_is_the_sites(role: Role) -> Facts:
    return _filtered(role, "ROU-12", "site")


@shows("ROU-14", L)
def a_script_rejects_what_is_missing(role: Role) -> Facts:
    known = policies(scripts=[Script("site", is_on=True, text='(0008,0060) = "MR" ? reject')])
    return _filtered(role, "ROU-14", "site", policies=known)


@shows("ROU-14", C)
def the_log_says_that_nothing_was_left(role: Role) -> Facts:
    row = a_row(status="ERROR")
    return scene(role, images(), waiting((), row, log="Empty sessions cannot be archived."))


@shows("ROU-14", P)
def a_script_may_reject(role: Role) -> Facts:
    known = policies(scripts=[Script("site", is_on=True, text="isPrivate() ? reject")])
    sent = Sent(is_known=True, uris=("/data/experiments/XNAT_E1",))
    return scene(role, images(4), archived(images(4)[:2]), policies=known, sent=sent)


@not_yet("ROU-14")
def a_script_rejects_and_nothing_is_missing(role: Role) -> Facts:
    known = policies(scripts=[Script("site", is_on=True, text="isPrivate() ? reject")])
    return scene(role, images(), archived(images()), policies=known)


@shows("ROU-15", C)
def the_study_has_another_uid_there(role: Role) -> Facts:
    return scene(role, images(), archived(images(), an_experiment(study_instance_uid="9.9")))


@shows("ROU-15", L)
def something_like_the_study_has_another_uid(role: Role) -> Facts:
    there = archived((), an_experiment(study_instance_uid="9.9"), certainty=L, has_identity=False)
    return scene(role, images(), there)


@not_yet("ROU-15")
def the_study_has_its_uid(role: Role) -> Facts:
    return scene(role, images(), archived(images()))


# -- ROU-16 to ROU-20 --------------------------------------------------------------------------------


@shows("ROU-16", L)
def our_session_cannot_be_opened_and_the_project_quarantines(role: Role) -> Facts:
    uri = "/data/experiments/XNAT_E1"
    empty: Experiment | None = None
    there = archived(images(), status="quarantine")
    known = {uri: told(empty, Standing.NOT_ALLOWED)} if not role.may(Role.OWNER) else {}
    sent = Sent(is_known=True, uris=(uri,))
    return scene(role, images(), there, project=_rights(role, quarantine_code="1"), known=known, sent=sent)


@not_yet("ROU-16")
def the_session_is_active(role: Role) -> Facts:
    return scene(role, images(), archived(images(), status="active"), project=_rights(role, quarantine_code="1"))


@shows("ROU-17", C)
def direct_archive_holds_it(role: Role) -> Facts:
    return scene(role, images(), held())


@not_yet("ROU-17")
def direct_archive_holds_nothing(role: Role) -> Facts:
    return scene(role, images())


@shows("ROU-18", C)
def it_is_in_another_project(role: Role) -> Facts:
    return scene(role, images(), archived(images(), an_experiment(project="OTHER")))


@not_yet("ROU-18")
def it_is_shared_into_the_project(role: Role) -> Facts:
    return scene(role, images(), archived(images(), an_experiment(project="OTHER", seen_in="DEMO")))


@shows("ROU-19", L)
def our_records_name_both_places(role: Role) -> Facts:
    first, rest = images(), images(series="2", start=10)
    sent = Sent(is_known=True, uris=(UNASSIGNED_URI, a_row().uri))
    return scene(role, [*first, *rest], waiting(rest), waiting(first, unassigned_row()), sent=sent)


@shows("ROU-19", P)
def the_beginning_is_missing_and_the_site_was_away(role: Role) -> Facts:
    first, rest = images(), images(series="2", start=10)
    return scene(role, [*first, *rest], waiting(rest), sent=Sent(messages=(Message("503 Service Unavailable", 503),)))


@not_yet("ROU-19")
def the_beginning_is_missing_and_the_site_was_there(role: Role) -> Facts:
    first, rest = images(), images(series="2", start=10)
    return scene(role, [*first, *rest], waiting(rest))


@shows("ROU-20", C)
def it_went_into_the_session_whose_page_was_open(role: Role) -> Facts:
    there = archived(images(), an_experiment(study_instance_uid="9.9"), scans=(ScanFact("1", "1.2.7.1"),))
    return scene(role, images(), there, case=Case(project="DEMO", session="MINE", way=Way.WEB))


@not_yet("ROU-20")
def it_went_into_its_own_session(role: Role) -> Facts:
    there = archived(images(), scans=(ScanFact("1", "1.2.7.1"),))
    return scene(role, images(), there, case=Case(project="DEMO", way=Way.WEB))
