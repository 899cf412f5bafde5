"""What each role can establish at best: the cases of all causes with the rights of each, beside missing data 2.11.

Where the two differ, the difference is named here with its reason; a difference that is not named fails.
"""

import pytest

from troubleshoot.rule_cases.scene import ROLES, all_cases, diagnose
from xnat_wizard.troubleshoot.catalogue import BY_ID, Cause
from xnat_wizard.troubleshoot.model import Certainty, Role

SUREST_FIRST = "CLPN-"
LETTER = {
    Certainty.CONFIRMED: "C",
    Certainty.LIKELY: "L",
    Certainty.POSSIBLE: "P",
    Certainty.NOT_CHECKABLE: "N",
}
CASES = [case for case in all_cases() if case.certainty is not None]

_LOGS = "only the server's logs or disk tell it, and XNAT has no question for them"
_GROUP = "the editor of groups is a page: there is no question for what a group may see"
_OWN = "it is the state of the uploader's own account: nobody but a collaborator is one"
LESS = {
    ("HSK-05", Role.ADMIN): _LOGS,
    ("HSK-11", Role.ADMIN): _LOGS,
    ("HSK-13", Role.ADMIN): _LOGS,
    ("ROU-19", Role.ADMIN): _LOGS,
    ("VIS-07", Role.OWNER): _GROUP,
    ("VIS-07", Role.ADMIN): _GROUP,
    ("ROU-08", Role.OWNER): _OWN,
    ("ROU-08", Role.ADMIN): _OWN,
}

_ENTRY = "the entry of the cause itself allows it"
_RECEIPT = "with an own record of where it went, which the table keeps for members"
_SENDER = "whoever sent it may be an owner as well: it is told to the sending account"
MORE = {
    ("LOC-10", Role.MEMBER): f"{_ENTRY}: confirmed by the UID",
    ("LOC-10", Role.OWNER): f"{_ENTRY}: confirmed by the UID",
    ("LOC-12", Role.MEMBER): _RECEIPT,
    ("LOC-12", Role.OWNER): _RECEIPT,
    ("LOC-15", Role.MEMBER): f"{_ENTRY}: the session that was swapped is seen, with its UID",
    ("MRG-06", Role.MEMBER): f"{_ENTRY}: receipt and catalogue disagree",
    ("NET-01", Role.MEMBER): f"{_ENTRY}: the log has no file that was sent",
    ("NET-01", Role.OWNER): f"{_ENTRY}: the log has no file that was sent",
    ("NET-05", Role.MEMBER): f"{_ENTRY}: the message names the full disk",
    ("NET-05", Role.OWNER): f"{_ENTRY}: the message names the full disk",
    ("NET-11", Role.MEMBER): f"{_ENTRY}: the log names the refused class",
    ("NET-11", Role.OWNER): f"{_ENTRY}: the log names the refused class",
    ("NET-13", Role.MEMBER): f"{_ENTRY}: the setting is told to everybody",
    ("NET-13", Role.OWNER): f"{_ENTRY}: the setting is told to everybody",
    ("NET-14", Role.OWNER): _SENDER,
    ("NET-15", Role.OWNER): _SENDER,
    ("ROU-01", Role.OWNER): _RECEIPT,
    ("ROU-03", Role.MEMBER): "the other project is one of ours, and has the study by its UID",
    ("ROU-03", Role.OWNER): "the other project is one of ours, and has the study by its UID",
    ("ROU-04", Role.MEMBER): f"{_ENTRY}: where the rule leads, the study is, by its UID",
    ("ROU-04", Role.OWNER): f"{_ENTRY}: where the rule leads, the study is, by its UID",
    ("ROU-05", Role.MEMBER): "where the receiver's rule leads, the study is, by its UID",
    ("ROU-05", Role.OWNER): "where the receiver's rule leads, the study is, by its UID",
    ("ROU-14", Role.MEMBER): f"{_ENTRY}: the session's log says that nothing was left",
    ("ROU-14", Role.OWNER): f"{_ENTRY}: the session's log says that nothing was left",
    ("ROU-19", Role.MEMBER): "our own records name both places",
}


def reached(cause_id: str, role: Role) -> str:
    """Return the letter of the surest diagnosis that a role gets; "-" for none."""
    said = [one for case in CASES if case.cause_id == cause_id for one in diagnose(cause_id, case.build(role))]
    return min((LETTER[one.certainty] for one in said), key=SUREST_FIRST.index, default="-")


def promised(cause: Cause, role: Role) -> str:
    """Return the letter of the table; the better one where it names two."""
    text = {Role.MEMBER: cause.member, Role.OWNER: cause.owner, Role.ADMIN: cause.admin}[role]
    return min((letter for letter in text.partition("(")[0].split("/")), key=SUREST_FIRST.index)


def promised_with_a_record(cause: Cause, role: Role) -> str:
    """Return the letter of the table for somebody who has the receipt: "L(C with receipt)"."""
    text = {Role.MEMBER: cause.member, Role.OWNER: cause.owner, Role.ADMIN: cause.admin}[role]
    return "C" if "C with receipt" in text else promised(cause, role)


@pytest.mark.parametrize("role", [Role.MEMBER, Role.OWNER, Role.ADMIN])
def test_each_role_establishes_what_the_table_says(role: Role) -> None:
    less, more = {}, {}
    for cause_id, cause in BY_ID.items():
        got, wanted = reached(cause_id, role), promised_with_a_record(cause, role)
        if SUREST_FIRST.index(got) > SUREST_FIRST.index(wanted):
            less[cause_id, role] = f"{got} for {wanted}"
        elif got != wanted:
            more[cause_id, role] = f"{got} for {wanted}"
    assert set(less) == {key for key in LESS if key[1] is role}, less
    assert set(more) == {key for key in MORE if key[1] is role}, more


def test_every_cause_is_told_to_somebody() -> None:
    assert [cause_id for cause_id in BY_ID if all(reached(cause_id, role) == "-" for role in ROLES)] == []


def test_a_collaborator_is_told_nothing_that_only_the_inside_of_the_prearchive_tells() -> None:
    inside = {"MRG-02", "MRG-11", "MRG-13", "MRG-15", "MRG-17", "HSK-07", "HSK-08", "HSK-09"}
    assert {cause_id for cause_id in BY_ID if reached(cause_id, Role.COLLABORATOR) == "-"} == inside


def test_a_collaborator_is_never_surer_than_a_member() -> None:
    surer = {
        cause_id
        for cause_id in BY_ID
        if SUREST_FIRST.index(reached(cause_id, Role.COLLABORATOR)) < SUREST_FIRST.index(reached(cause_id, Role.MEMBER))
    }
    assert surer == set()
