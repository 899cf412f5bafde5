"""Where the site puts an object, and what it drops, by the rules that can be read (missing data 3.6)."""

import pytest

from troubleshoot.values import an_object, facts, local_of, policies, project, told
from xnat_wizard.troubleshoot.case import Case, Way
from xnat_wizard.troubleshoot.facts import Facts, Forecast, LocalObject, Sent
from xnat_wizard.troubleshoot.forecast import cleaned, drops, forecast, has_unread_rejection
from xnat_wizard.troubleshoot.model import Role, Standing
from xnat_wizard.troubleshoot.routing_rules import NotEvaluated, evaluate, parse_rules, word_after
from xnat_wizard.xnat.inquiries.values import Filter, Receiver, Script, WhoAmI


def one_of(known: Facts) -> Forecast:
    (found,) = forecast(known)
    return found


def c_store(*objects: LocalObject, **changes: object) -> Facts:
    known = facts(local_of(objects), case=Case(way=Way.C_STORE, project="neuro01"), policies=policies())
    return known.adding(**changes)


COMMENTED = an_object("a", 1, patient_comments="Project:DEMO Subject:S9 Session:S9_MR1", study_description="HEAD")


def test_a_comment_names_project_and_labels() -> None:
    found = one_of(c_store(COMMENTED))
    assert (found.project, found.session, found.subject) == ("DEMO", "S9_MR1", "S9")
    assert found.because == "PatientComments"
    assert found.is_certain


def test_case_matters_for_a_project() -> None:
    found = one_of(c_store(an_object("a", 1, patient_comments="Project:demo")))
    assert found.project == ""
    assert not found.is_certain  # a project we cannot see may be called so
    admin = told(WhoAmI("admin", roles=("Administrator",)))
    assert one_of(c_store(an_object("a", 1, patient_comments="Project:demo"), who=admin)).is_certain


def test_the_description_of_a_study_may_be_a_project_by_accident() -> None:
    found = one_of(c_store(an_object("a", 1, study_description="DEMO")))
    assert (found.project, found.because) == ("DEMO", "StudyDescription")
    found = one_of(c_store(an_object("a", 1, study_description="", accession_number="DEMO")))
    assert found.because == "AccessionNumber"


def test_a_parameter_goes_before_the_header_and_is_not_heard_by_c_store() -> None:
    known = facts(local_of([COMMENTED]), project=project("DEMO", "OTHER", typed="OTHER"), policies=policies())
    assert one_of(known.adding(case=Case(way=Way.ZIP, project="OTHER"))).project == "OTHER"
    assert one_of(known.adding(case=Case(way=Way.C_STORE, project="OTHER"))).project == "DEMO"


def test_a_parameter_that_names_no_project_falls_through_to_the_header() -> None:
    found = one_of(facts(local_of([COMMENTED]), case=Case(way=Way.ZIP, project="DEMOO"), policies=policies()))
    assert found.project == "DEMO"
    assert found.candidates[0] == ("parameter", "DEMOO")


def test_the_gradual_handler_does_not_hear_the_other_names() -> None:
    lower = Sent(is_known=True, parameters={"project": "DEMO", "session": "X"})
    case = Case(way=Way.GRADUAL, project="DEMO")
    plain = an_object("a", 1, study_description="")
    assert one_of(facts(local_of([plain]), case=case, sent=lower, policies=policies())).project == ""
    upper = Sent(is_known=True, parameters={"PROJECT_ID": "DEMO", "EXPT_LABEL": "X"})
    found = one_of(facts(local_of([plain]), case=case, sent=upper, policies=policies()))
    assert (found.project, found.session) == ("DEMO", "X")


def test_a_rule_of_the_site_goes_before_the_comments() -> None:
    rules = {"projectRules": r"(0008,1030):(\w+)_.*", "sessionRules": "(0010,0020):P(.*) t:^ r:ses"}
    found = one_of(c_store(an_object("a", 1, study_description="DEMO_x", patient_comments="Project:Q"),
                           policies=policies(rules=rules)))  # fmt: skip
    assert (found.project, found.because, found.session) == ("DEMO", "the site's rule", "ses1")


def test_a_rule_that_is_not_understood_makes_nothing_certain() -> None:
    found = one_of(c_store(COMMENTED, policies=policies(rules={"projectRules": "(0018,0015):(.*)"})))
    assert not found.is_certain
    assert "(0018,0015)" in found.unsimulated[0]
    found = one_of(c_store(COMMENTED, policies=policies(rules={"projectRules": "nonsense"})))
    assert "nonsense" in found.unsimulated[0]


def test_rules_that_may_not_be_read_make_nothing_certain() -> None:
    unread = policies()
    denied = unread.__class__(
        unread.filters, unread.scripts, told({}, Standing.NOT_ALLOWED), unread.receivers, unread.processors
    )
    assert not one_of(c_store(COMMENTED, policies=denied)).is_certain


def test_the_receivers_rule_is_for_c_store_to_it() -> None:
    receiver = Receiver("XNAT", 8104, is_enabled=True, has_routing=True, project_routing="(0010,0020):(P1)")
    known = c_store(COMMENTED, project=project("DEMO", "P1"), policies=policies(receivers=[receiver]))
    assert one_of(known).project == "P1"
    assert one_of(known.adding(case=Case(way=Way.ZIP))).project == "DEMO"


def test_a_study_whose_headers_differ_is_divided() -> None:
    found = forecast(c_store(COMMENTED, an_object("b", 2), an_object("c", 3)))
    assert [(one.project, one.paths) for one in found] == [("DEMO", ("a",)), ("", ("b", "c"))]


def test_without_any_session_it_is_called_an_upload() -> None:
    assert one_of(c_store(an_object("a", 1, patient_id=""))).session == "dicom_upload"


@pytest.mark.parametrize(
    ("text", "way", "label"),
    [("Müller-1.2", Way.ZIP, "M_ller-1_2"), ("sub-007", Way.SI, "sub_007"), ("Doe^Jane", Way.C_STORE, "Doe_Jane")],
)
def test_labels_are_cleaned_as_the_site_does_it(text: str, way: Way, label: str) -> None:
    assert cleaned(text, way) == label


@pytest.mark.parametrize(
    ("comment", "word"),
    [
        ("Project:DEMO Subject:S", "DEMO"),
        ("hello; project : DEMO,x", "DEMO"),
        ("Project:My.Study", ""),
        ("Project: X", "X"),
        ("NoProject:A", ""),
        ("Project:A Project:B", "A"),
        ("x Project:A Project:B", "B"),
        ("", ""),
        ("Project:", ""),
    ],
)
def test_comments_are_read_as_the_site_reads_them(comment: str, word: str) -> None:
    assert word_after("Project", comment) == word


def test_a_rule_that_has_no_group_gives_all_that_matched() -> None:
    assert evaluate(parse_rules("(0010,0020):P1"), an_object("a", 1)) == "P1"
    assert evaluate(parse_rules("(0010,0020):(.)(.):2"), an_object("a", 1)) == "1"
    assert evaluate(parse_rules("(0010,0020):X"), an_object("a", 1)) == ""
    with pytest.raises(NotEvaluated):
        parse_rules("(0010,0020):[")


# -- what is dropped ---------------------------------------------------------------------------------

SITE = Filter("site", "blacklist", "local\nphoenix")
NAMED = [
    an_object("1", 1, series_description="Localizer"),
    an_object("2", 1, series="2", series_description="t1"),
    an_object("3", 1, series="3", series_description="", modality="SR"),
]


def dropped(known: Facts) -> dict[str, str]:
    return {one.path: one.cause_id for one in drops(known, forecast(known))}


def test_a_blacklist_searches_without_regard_to_case() -> None:
    assert dropped(facts(local_of(NAMED), policies=policies(filters=[SITE]))) == {"1": "ROU-12"}


def test_a_whitelist_drops_what_has_no_description() -> None:
    only = Filter("site", "whitelist", "t1")
    assert dropped(facts(local_of(NAMED), policies=policies(filters=[only]))) == {"1": "ROU-12", "3": "ROU-12"}


def test_the_projects_filter_is_for_the_project_only() -> None:
    mine = policies(filters=[Filter("project", "blacklist", "t1")])
    assert dropped(facts(local_of(NAMED), policies=mine)) == {"2": "ROU-13"}
    assert dropped(facts(local_of(NAMED), policies=mine, case=Case(way=Way.ZIP, project="X"))) == {}


def test_a_script_may_reject() -> None:
    script = Script("site", True, 'version "6.1" // reject all\n(0008,0060) = "SR" ? reject\n')  # noqa: FBT003  as told
    assert dropped(facts(local_of(NAMED), policies=policies(scripts=[script]))) == {"3": "ROU-14"}
    off = Script("site", False, "reject")  # noqa: FBT003  as told
    assert dropped(facts(local_of(NAMED), policies=policies(scripts=[off]))) == {}


def test_a_rejection_that_is_not_understood_is_named() -> None:
    odd = Script("site", True, "isMatch[(0008,0060), x] ? reject")  # noqa: FBT003  as told
    known = facts(local_of(NAMED), policies=policies(scripts=[odd]))
    assert dropped(known) == {}
    assert has_unread_rejection(known) == ("isMatch[(0008,0060), x] ? reject",)


def test_a_role_is_no_part_of_it() -> None:
    known = facts(local_of(NAMED), policies=policies(filters=[SITE]), project=project("DEMO", role=Role.OWNER))
    assert dropped(known) == {"1": "ROU-12"}
