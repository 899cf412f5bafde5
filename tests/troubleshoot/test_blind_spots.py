"""Every role is told what it could not see, and who can (missing data 3.9); and which project and role it has."""

import asyncio

import pytest

from troubleshoot.values import facts, project, told
from xnat_wizard.findings import Finding
from xnat_wizard.troubleshoot.blind_spots import blind_spots
from xnat_wizard.troubleshoot.facts import Facts, Match
from xnat_wizard.troubleshoot.model import Role, Standing
from xnat_wizard.troubleshoot.resolve import folded, resolve, role_in
from xnat_wizard.troubleshoot.times import age_s, site_time
from xnat_wizard.xnat.answers import Answer
from xnat_wizard.xnat.errors import Refused
from xnat_wizard.xnat.inquiries.archived import is_readable
from xnat_wizard.xnat.inquiries.asking import PARALLEL, Asker
from xnat_wizard.xnat.inquiries.values import ProjectName, WhoAmI

ADMIN = WhoAmI("admin", roles=("Administrator",))
ALL_DATA = WhoAmI("data", groups=("ALL_DATA_ACCESS",))


def as_role(role: Role) -> Facts:
    who = {Role.ADMIN: ADMIN, Role.ALL_DATA: ALL_DATA, Role.GUEST: WhoAmI("guest")}.get(role, WhoAmI("anna"))
    return facts(who=told(who), project=project("DEMO", role=role))


@pytest.mark.parametrize(
    ("role", "seen", "unseen"),
    [
        (Role.COLLABORATOR, ("prearchive of project DEMO", "Unassigned", "quarantine", "does not belong"), ()),
        (Role.MEMBER, ("Unassigned", "quarantine", "does not belong", "other accounts", "logs"), ("prearchive of",)),
        (Role.OWNER, ("Unassigned", "does not belong", "logs"), ("quarantine",)),
        (Role.ALL_DATA, ("logs", "acting on"), ("does not belong",)),
        (Role.ADMIN, ("working folders",), ("Unassigned", "logs of")),
        (Role.GUEST, ("not public",), ("Unassigned",)),
    ],
)
def test_each_role_has_its_blind_spots(role: Role, seen: tuple[str, ...], unseen: tuple[str, ...]) -> None:
    places = " | ".join(spot.place for spot in blind_spots(as_role(role)))
    assert all(text in places for text in seen), places
    assert not any(text in places for text in unseen), places


def test_every_blind_spot_names_somebody_who_can() -> None:
    for role in (Role.COLLABORATOR, Role.MEMBER, Role.OWNER):
        for spot in blind_spots(as_role(role)):
            assert not role.may(spot.who), spot


def test_what_failed_just_now_is_a_blind_spot_too() -> None:
    failed = facts(rows=told((), Standing.FAILED))
    assert "the prearchive" in [spot.place for spot in blind_spots(failed)]


NAMES = [ProjectName("NEURO01", "Neuro pilot", "NPilot"), ProjectName("sub-1", "One", "One")]


@pytest.mark.parametrize(
    ("typed", "match", "meant"),
    [
        ("NEURO01", Match.EXACT, "NEURO01"),
        ("neuro01", Match.FOLDED, "NEURO01"),
        ("NEURO-O1", Match.FOLDED, "NEURO01"),
        ("NEUR0 01", Match.FOLDED, "NEURO01"),
        ("neuro pilot", Match.TITLE, "NEURO01"),
        ("npilot", Match.RUNNING_TITLE, "NEURO01"),
        ("sub-01", Match.FOLDED, "sub-1"),
        ("sub-10", Match.NONE, ""),
        ("", Match.NONE_TYPED, ""),
    ],
)
def test_a_typed_project_is_understood(typed: str, match: Match, meant: str) -> None:
    found = resolve(typed, NAMES, WhoAmI("anna", groups=("NEURO01_member",)))
    assert (found.match, found.id) == (match, meant)


def test_two_that_fit_are_not_chosen_between() -> None:
    names = [ProjectName("a-1", "x", "x"), ProjectName("A_1", "y", "y")]
    found = resolve("a1", names, WhoAmI("anna"))
    assert (found.match, found.id, len(found.alikes)) == (Match.FOLDED, "", 2)


def test_what_differs_in_digits_is_no_look_alike() -> None:
    assert folded("sub-100") != folded("sub-10")
    assert folded("P10") != folded("P1")
    assert folded("sub-007") == folded("SUB_7")


def test_roles_come_from_groups_then_from_what_may_be_edited() -> None:
    assert role_in("P", WhoAmI("a", groups=("P_owner",)), is_visible=True) is Role.OWNER
    assert role_in("P", WhoAmI("a", editable=("P",)), is_visible=True) is Role.MEMBER
    assert role_in("P", WhoAmI("a"), is_visible=True) is Role.COLLABORATOR
    assert role_in("P", WhoAmI("a"), is_visible=False) is Role.GUEST
    assert role_in("P", ADMIN, is_visible=False) is Role.ADMIN
    assert role_in("P", ALL_DATA, is_visible=False) is Role.ALL_DATA


def test_times_of_lists_are_read_in_our_zone_and_by_our_clock() -> None:
    known = facts(offset_s=60.0)
    read = site_time("2025-03-05 10:00:00.123", known)
    assert read is not None
    assert read.isoformat() == "2025-03-05T09:59:00.123000+01:00"
    assert site_time("", known) is None
    assert site_time("soon", known) is None
    assert age_s("2025-03-05 09:00:00", facts()) == 3600


class CountingHttp:
    """Stands in for a client of a site: answers late, and counts how many ask at once."""

    ahead_s = None

    def __init__(self) -> None:
        self.now = self.most = 0

    async def call(self, method: str, path: str, *_: object, **__: object) -> Answer:
        self.now += 1
        self.most = max(self.most, self.now)
        for _step in range(5):
            await asyncio.sleep(0)
        self.now -= 1
        return Answer(method, path, 200, b"x")


async def test_no_more_than_four_questions_are_open_at_once_and_their_order_is_that_of_asking() -> None:
    http = CountingHttp()
    asker = Asker(http, budget=100)  # type: ignore[arg-type]  # the stand-in has what is used

    async def ask(number: int) -> None:
        await asker.ask("Q1", f"/{number}", read=lambda answer: answer.text, empty="", words=str)

    await asyncio.gather(*(ask(number) for number in range(20)))
    assert http.most == PARALLEL
    assert [one.asked for one in asker.asked] == [f"GET /{number}" for number in range(20)]


async def test_an_answer_that_breaks_its_reader_is_an_answer() -> None:
    asker = Asker(CountingHttp())  # type: ignore[arg-type]  # likewise
    told_ = await asker.ask("Q1", "/x", read=lambda answer: {"a": "b"}[answer.text], empty="", words=str)
    assert told_.standing is Standing.FAILED
    assert told_.evidence[0].got == "could not be read: KeyError"


class RefusingHttp(CountingHttp):
    """Stands in for a client of a site: refuses every answer for a reason of its own."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code

    async def call(self, method: str, path: str, *_: object, **__: object) -> Answer:
        raise Refused(Finding(self.code, f"{method} {path}", "", ()), status=200)


@pytest.mark.parametrize(("code", "is_there"), [("site.too_long", True), ("site.page", False)])
async def test_a_file_longer_than_wanted_is_there_and_a_page_in_its_place_is_not(code: str, is_there: bool) -> None:  # noqa: FBT001  of the table
    told_ = await is_readable(Asker(RefusingHttp(code)), "/data/experiments/E/files/a.dcm")  # type: ignore[arg-type]  # likewise
    assert told_.value is is_there
    assert told_.is_known is is_there
