"""NET-01 to NET-17: causes on the way."""

from dataclasses import replace

from troubleshoot.rule_cases.scene import (
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
from troubleshoot.values import a_row, local_of, policies, told
from xnat_wizard.troubleshoot.case import Case, Way
from xnat_wizard.troubleshoot.facts import Facts, Network
from xnat_wizard.troubleshoot.local_facts import Message, Sent, ZipFacts
from xnat_wizard.troubleshoot.model import Certainty, Role, Standing
from xnat_wizard.xnat.inquiries.values import CachedFile, ImportEvent, Receiver, SiteFacts, WhoAmI

N = Certainty.NOT_CHECKABLE
BY_DICOM = Case(project="DEMO", way=Way.C_STORE, receiver=("x", 8104, "XNAT"), calling_ae="SCANNER")
LISTED = Receiver("XNAT", 8104, is_enabled=True)
PRIVATE = "1.2.840.113619.4.26"
PARKED = CachedFile("up1", "scan.zip", 10, "/data/user/cache/resources/up1/files/scan.zip")


def _said(text: str, status: int = 0) -> Sent:
    return Sent(messages=(Message(text, status),))


def _moving(role: Role, status: str = "RECEIVING") -> Facts:
    row = a_row(status=status)
    return scene(role, images(), waiting((), row), sent=_said("504 Gateway Time-out", 504), moving=(row.uri,))


# -- NET-01 to NET-04 --------------------------------------------------------------------------------


@shows("NET-01", L)
def there_is_no_trace(role: Role) -> Facts:
    return scene(role, images())


@shows("NET-01", C)
def the_log_has_no_file_that_was_taken(role: Role) -> Facts:
    return scene(role, images(), sent=log_of((), images()))


@not_yet("NET-01")
def the_person_saw_an_error(role: Role) -> Facts:
    return scene(role, images(), sent=_said("500 Internal Server Error", 500))


@not_yet("NET-01")
def an_upload_is_parked(role: Role) -> Facts:
    return scene(role, images(), cache=told((PARKED,)))


@shows("NET-02", C)
def the_proxy_gave_up_and_the_row_moves(role: Role) -> Facts:
    return _moving(role)


@shows("NET-02", P)
def the_proxy_gave_up_and_nothing_is_seen(role: Role) -> Facts:
    return scene(role, images(), sent=_said("504 Gateway Time-out", 504))


@not_yet("NET-02")
def nobody_gave_up(role: Role) -> Facts:
    return scene(role, images(), archived(images()))


@shows("NET-03", C)
def the_site_takes_us_for_a_guest(role: Role) -> Facts:
    return scene(role, images(), who=told(WhoAmI("guest")))


@shows("NET-03", C)
def the_login_ran_out_while_sending(role: Role) -> Facts:
    return scene(role, images(), sent=_said("401 Unauthorized", 401))


@not_yet("NET-03")
def the_account_is_known(role: Role) -> Facts:
    return scene(role, images())


@shows("NET-04", C)
def the_proxy_answered_413(role: Role) -> Facts:
    return scene(role, images(), sent=_said("413 Request Entity Too Large", 413))


@not_yet("NET-04")
def a_number_413_is_no_answer(role: Role) -> Facts:
    return scene(role, images(), sent=_said("stored 413 files"))


# -- NET-05 to NET-07 --------------------------------------------------------------------------------


@shows("NET-05", C)
def no_space_was_left(role: Role) -> Facts:
    return scene(role, images(), sent=_said("IOException: No space left on device", 500))


@shows("NET-05", L)
def the_end_is_missing_and_the_last_file_is_short(role: Role) -> Facts:
    whole = images(4)
    files = (*files_of(whole[:1]), *files_of(whole[1:2], size_bytes=300))
    return scene(role, whole, archived(files=files), sent=Sent(is_known=True, uris=("/data/experiments/XNAT_E1",)))


@not_yet("NET-05")
def the_end_is_missing_and_still_comes(role: Role) -> Facts:
    whole = images(4)
    files = (*files_of(whole[:1]), *files_of(whole[1:2], size_bytes=300))
    return scene(role, whole, archived(files=files), moving=("/data/experiments/XNAT_E1",))


@shows("NET-06", C)
def the_certificate_is_not_trusted(role: Role) -> Facts:
    return scene(role, images(), sent=_said("certificate verify failed: unable to get local issuer"))


@shows("NET-06", C)
def the_address_leads_elsewhere(role: Role) -> Facts:
    return scene(role, images(), sent=_said("XNAT answered 302 to POST /data/services/import", 302))


@not_yet("NET-06")
def lossless_holds_the_letters_of_ssl(role: Role) -> Facts:
    return scene(role, images(), sent=_said("JPEG lossless is stored as it came"))


@shows("NET-07", C)
def the_archive_on_disk_is_cut(role: Role) -> Facts:
    cut = ZipFacts("scan.zip", is_readable=False, reason="it has no end", is_broken=True)
    local = replace(local_of(images()), zip=cut)
    return scene(role, images(), local=local)


@shows("NET-07", L)
def the_end_is_missing_from_the_middle_of_a_series(role: Role) -> Facts:
    return scene(role, images(4), archived(images(4)[:2]))


@shows("NET-07", P)
def the_last_series_is_missing(role: Role) -> Facts:
    return scene(role, [*images(), *images(series="2", start=10)], archived(images()))


@not_yet("NET-07")
def the_end_is_still_arriving(role: Role) -> Facts:
    return scene(role, images(4), archived(images(4)[:2]), moving=("/data/experiments/XNAT_E1",))


@not_yet("NET-07")
def the_log_says_that_the_end_was_not_sent(role: Role) -> Facts:
    return scene(role, images(4), archived(images(4)[:2]), sent=log_of(images(4)[:2]))


# -- NET-08 to NET-13 --------------------------------------------------------------------------------


@shows("NET-08", C)
def the_port_is_no_receivers(role: Role) -> Facts:
    case = replace(BY_DICOM, receiver=("x", 4242, "ORTHANC"))
    return scene(role, images(), case=case, policies=policies(receivers=[LISTED]))


@shows("NET-08", P)
def the_host_is_not_the_sites(role: Role) -> Facts:
    case = replace(BY_DICOM, receiver=("pacs", 8104, "XNAT"))
    return scene(role, images(), case=case, policies=policies(receivers=[LISTED]))


@not_yet("NET-08")
def the_receiver_is_the_sites(role: Role) -> Facts:
    return scene(role, images(), case=BY_DICOM, policies=policies(receivers=[LISTED]))


@not_yet("NET-08")
def the_images_are_there_whatever_the_port(role: Role) -> Facts:
    case = replace(BY_DICOM, receiver=("x", 4242, "ORTHANC"))
    return scene(role, images(), archived(images()), case=case, policies=policies(receivers=[LISTED]))


@shows("NET-09", C)
def the_association_was_rejected(role: Role) -> Facts:
    sent = Sent(is_known=True, association_error="rejected: calling AE title not recognized")
    return scene(role, images(), case=BY_DICOM, sent=sent)


@shows("NET-09", L)
def the_caller_is_not_on_the_list(role: Role) -> Facts:
    strict = replace(LISTED, has_whitelist=True, whitelist=("OTHER",))
    return scene(role, images(), case=BY_DICOM, policies=policies(receivers=[strict]))


@not_yet("NET-09")
def the_caller_is_on_the_list(role: Role) -> Facts:
    strict = replace(LISTED, has_whitelist=True, whitelist=("SCANNER@10.0.0.1",))
    return scene(role, images(), case=BY_DICOM, policies=policies(receivers=[strict]))


@shows("NET-10", C)
def the_port_does_not_answer_and_the_page_does(role: Role) -> Facts:
    network = Network(web_connects=True, dicom_connects=False, dicom_error="timed out")
    return scene(role, images(), case=BY_DICOM, network=network)


@not_yet("NET-10")
def the_port_answers(role: Role) -> Facts:
    return scene(role, images(), case=BY_DICOM, network=Network(web_connects=True, dicom_connects=True, echo=True))


@shows("NET-11", C)
def the_log_says_that_a_class_was_refused(role: Role) -> Facts:
    odd = images(series="2", start=10, sop_class_uid=PRIVATE)
    sent = log_of(images(), odd, status="no presentation context")
    return scene(role, [*images(), *odd], archived(images()), case=BY_DICOM, sent=sent)


@shows("NET-11", L)
def exactly_one_class_is_missing(role: Role) -> Facts:
    odd = images(series="2", start=10, sop_class_uid=PRIVATE)
    return scene(role, [*images(), *odd], archived(images()), case=BY_DICOM)


@not_yet("NET-11")
def a_class_is_missing_that_the_log_never_sent(role: Role) -> Facts:
    odd = images(series="2", start=10, sop_class_uid=PRIVATE)
    return scene(role, [*images(), *odd], archived(images()), case=BY_DICOM, sent=log_of(images()))


@shows("NET-12", C)
def the_log_has_a_bad_status(role: Role) -> Facts:
    whole = images(4)
    return scene(role, whole, archived([whole[0], *whole[2:]]), sent=log_of([whole[0], *whole[2:]], [whole[1]]))


@shows("NET-12", L)
def images_are_missing_here_and_there(role: Role) -> Facts:
    whole = images(5)
    sent = Sent(is_known=True, uris=("/data/experiments/XNAT_E1",))
    return scene(role, whole, archived([whole[0], whole[2], whole[4]]), sent=sent)


@not_yet("NET-12")
def all_that_was_sent_is_there(role: Role) -> Facts:
    return scene(role, images(), archived(images()), sent=log_of(images()))


@shows("NET-13", C)
def the_sites_receivers_are_off(role: Role) -> Facts:
    site = told(SiteFacts("http://x", "1.9.3", {"enableDicomReceiver": "false"}))
    return scene(role, images(), case=BY_DICOM, site=site)


@shows("NET-13", L)
def nothing_listens_on_the_port(role: Role) -> Facts:
    network = Network(web_connects=True, dicom_connects=False, dicom_error="refused")
    return scene(role, images(), case=BY_DICOM, network=network)


@not_yet("NET-13")
def the_receiver_is_on(role: Role) -> Facts:
    return scene(role, images(), case=BY_DICOM, policies=policies(receivers=[LISTED]))


# -- NET-14 to NET-17 --------------------------------------------------------------------------------


@shows("NET-14", C)
def the_import_failed_later(role: Role) -> Facts:
    case = Case(project="DEMO", event_key="k")
    return scene(role, images(), case=case, event=told(ImportEvent("k", has_succeeded=False, message="bad zip")))


@shows("NET-14", N)
def another_account_sent_it(role: Role) -> Facts:
    case = Case(project="DEMO", event_key="k")
    return scene(role, images(), case=case, event=told(None, Standing.ABSENT))


@not_yet("NET-14")
def the_import_went_well(role: Role) -> Facts:
    return scene(role, images(), event=told(ImportEvent("k", has_succeeded=True, message="")))


@shows("NET-15", C)
def the_very_archive_is_parked(role: Role) -> Facts:
    local = replace(local_of(images()), zip=ZipFacts("scan.zip", is_readable=True))
    return scene(role, images(), local=local, cache=told((PARKED,)))


@shows("NET-15", L)
def some_archive_is_parked(role: Role) -> Facts:
    return scene(role, images(), cache=told((PARKED,)))


@not_yet("NET-15")
def an_archive_is_parked_and_all_is_there(role: Role) -> Facts:
    return scene(role, images(), archived(images()), cache=told((PARKED,)))


@shows("NET-16", C)
def two_sent_at_once(role: Role) -> Facts:
    said = _said("Concurrent file sends of the same data is not supported.", 400)
    return scene(role, images(), archived(images()), sent=said)


@not_yet("NET-16")
def one_sent(role: Role) -> Facts:
    return scene(role, images(), archived(images()))


@shows("NET-17", L)
def the_site_went_away_and_the_row_is_stuck(role: Role) -> Facts:
    row = a_row(status="QUEUED_BUILDING")
    return scene(role, images(), waiting((), row), sent=_said("503 Service Unavailable", 503))


@not_yet("NET-17")
def the_row_still_moves(role: Role) -> Facts:
    return _moving(role, "QUEUED_BUILDING")
