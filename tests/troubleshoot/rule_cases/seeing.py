"""VIS-01 to VIS-13: it is there, and is not seen."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from troubleshoot.rule_cases.scene import (
    C,
    L,
    P,
    archived,
    files_of,
    images,
    not_yet,
    scene,
    shows,
    waiting,
)
from troubleshoot.values import a_row, an_experiment, project, told
from xnat_wizard.troubleshoot.case import Case
from xnat_wizard.troubleshoot.facts import Facts, Match, ProjectFacts
from xnat_wizard.troubleshoot.local_facts import Sent
from xnat_wizard.troubleshoot.model import Role, Standing
from xnat_wizard.troubleshoot.window import Window
from xnat_wizard.xnat.inquiries.values import Experiment, ProjectName, ProjectRights, SiteFacts, WhoAmI

HERE = timezone(timedelta(hours=1))
TODAY = Window(datetime(2025, 3, 5, tzinfo=HERE), datetime(2025, 3, 5, 23, tzinfo=HERE))
URI = "/data/experiments/XNAT_E1"
NO_BUTTON = told(SiteFacts("http://x", "1.9.3", {"uiPrearchiveHideArchiveBtn": "true"}))


def _below_admin(role: Role) -> Role:
    return Role.OWNER if role is Role.ADMIN else role


@shows("VIS-01", C)
def nobody_is_logged_in(role: Role) -> Facts:
    return scene(role, images(), who=told(WhoAmI("guest")))


@shows("VIS-01", C)
def somebody_else_sent_it(role: Role) -> Facts:
    return scene(role, images(), sent=Sent(is_known=True, account="anna"))


@not_yet("VIS-01")
def somebody_else_sent_it_and_it_is_seen(role: Role) -> Facts:
    return scene(role, images(), archived(images()), sent=Sent(is_known=True, account="anna"))


@shows("VIS-02", C)
def the_project_is_not_among_ours(role: Role) -> Facts:
    return scene(_below_admin(role), images(), typed="NOPE")


@shows("VIS-02", C)
def the_project_shows_its_title_only(role: Role) -> Facts:
    names = (ProjectName("DEMO", "x", "x"),)
    closed = ProjectFacts("DEMO", Match.EXACT, "DEMO", names, names, role=Role.GUEST)
    return scene(_below_admin(role), images(), project=closed)


@not_yet("VIS-02")
def the_project_is_ours(role: Role) -> Facts:
    return scene(role, images())


@shows("VIS-03", C)
def we_may_only_read(_: Role) -> Facts:
    return scene(Role.COLLABORATOR, images(), waiting(images()))


@not_yet("VIS-03")
def we_may_write(_: Role) -> Facts:
    return scene(Role.MEMBER, images(), waiting(images()))


@shows("VIS-04", C)
def it_was_sent_to_another_site(role: Role) -> Facts:
    return scene(role, images(), sent=Sent(is_known=True, site_url="https://test.example.org/xnat"))


@not_yet("VIS-04")
def the_address_is_the_same_with_its_port(role: Role) -> Facts:
    return scene(role, images(), sent=Sent(is_known=True, site_url="http://x:80/"))


@shows("VIS-05", C)
def it_waits_in_the_prearchive(role: Role) -> Facts:
    return scene(role, images(), waiting(images()))


@not_yet("VIS-05")
def it_is_in_the_archive_too(role: Role) -> Facts:
    return scene(role, images(), waiting(images()), archived(images()))


@shows("VIS-06", C)
def it_belongs_to_another_project(role: Role) -> Facts:
    return scene(role, images(), archived(images(), an_experiment(project="OTHER", seen_in="DEMO")))


@not_yet("VIS-06")
def it_belongs_to_the_project(role: Role) -> Facts:
    return scene(role, images(), archived(images(), an_experiment(seen_in="DEMO")))


def _closed_session(role: Role, quarantine: str) -> Facts:
    empty: Experiment | None = None
    meant = replace(project("DEMO", role=role), rights=ProjectRights("DEMO", quarantine_code=quarantine))
    known = {URI: told(empty, Standing.NOT_ALLOWED)}
    return scene(role, images(), project=meant, known=known, sent=Sent(is_known=True, uris=(URI,)))


@shows("VIS-07", P)
def our_session_may_not_be_opened(role: Role) -> Facts:
    return _closed_session(_below_admin(role), "0")


@not_yet("VIS-07")
def our_session_may_be_in_quarantine(role: Role) -> Facts:
    return _closed_session(role, "1")


@shows("VIS-08", C)
def it_opens_and_is_not_in_the_list(role: Role) -> Facts:
    one: Experiment | None = an_experiment()
    return scene(role, images(), known={URI: told(one)})


@not_yet("VIS-08")
def it_opens_and_is_in_the_list(role: Role) -> Facts:
    one: Experiment | None = an_experiment()
    return scene(role, images(), archived(images()), known={URI: told(one)})


@shows("VIS-09", C)
def it_came_three_months_ago(role: Role) -> Facts:
    return scene(role, images(), archived(images(), an_experiment(insert_date="2024-12-01 09:00:00")))


@not_yet("VIS-09")
def it_came_yesterday(role: Role) -> Facts:
    return scene(role, images(), archived(images(), an_experiment(insert_date="2025-03-04 09:00:00")))


@shows("VIS-10", C)
def one_image_stands_in_another_resource(role: Role) -> Facts:
    whole = images()
    return scene(role, whole, archived(whole[:2], files=files_of(whole[2:], resource="secondary")))


@not_yet("VIS-10")
def the_count_is_that_of_the_images(role: Role) -> Facts:
    return scene(role, images(), archived(images()))


@shows("VIS-11", C)
def it_came_today_and_is_listed_in_january(role: Role) -> Facts:
    one = an_experiment(date="2025-01-07", insert_date="2025-03-05 09:00:00")
    return scene(role, images(), archived(images(), one), case=Case(project="DEMO", window=TODAY))


@not_yet("VIS-11")
def it_came_today_and_is_listed_today(role: Role) -> Facts:
    one = an_experiment(date="2025-03-05", insert_date="2025-03-05 09:00:00")
    return scene(role, images(), archived(images(), one), case=Case(project="DEMO", window=TODAY))


@shows("VIS-12", C)
def our_session_has_another_label_now(role: Role) -> Facts:
    sent = Sent(is_known=True, uris=(URI,), session="WAS")
    return scene(role, images(), archived(images()), sent=sent)


@not_yet("VIS-12")
def our_session_has_its_label(role: Role) -> Facts:
    return scene(role, images(), archived(images()), sent=Sent(is_known=True, uris=(URI,), session="E1"))


@shows("VIS-13", L)
def the_page_has_no_button(role: Role) -> Facts:
    return scene(role, images(), waiting(images()), site=NO_BUTTON)


@not_yet("VIS-13")
def the_page_has_no_button_and_nothing_is_ready(role: Role) -> Facts:
    return scene(role, images(), waiting((), a_row(status="ERROR")), site=NO_BUTTON)
