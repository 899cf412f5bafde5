"""The settings of how a plan travels: a row each. A setting of another room is one more `Setting` in `SETTINGS`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from textual.screen import Screen

from xnat_wizard.amounts import count_text
from xnat_wizard.upload.cstore.identification import example, explained
from xnat_wizard.upload.cstore.offered import offered, peer_at, traits_of
from xnat_wizard.upload.cstore.peer import USUAL_PORT, Peer, Scheme
from xnat_wizard.upload.estimate import Speed, requests_of
from xnat_wizard.upload.model import Compression, Destination, Plan, Route
from xnat_wizard.upload.speed_choice import speed_of, with_speed
from xnat_wizard.upload.travel_words import NAMES, SENTENCES, SHORT, pace_text, receiver_text, time_text
from xnat_wizard.wizard.steps.plan.privacy_choice import PrivacyChoiceScreen, names_text
from xnat_wizard.wizard.steps.plan.receiver import ReceiverScreen
from xnat_wizard.wizard.steps.plan.words import DESTINATIONS
from xnat_wizard.wizard.widgets.pick import PickScreen, Way
from xnat_wizard.wizard.widgets.speed import SpeedScreen
from xnat_wizard.xnat.site import Site

T = TypeVar("T")
SpeedOf = Callable[[Route], Speed]

PLACES = {
    Scheme.COMMENTS: ("Patient Comments", "the usual place"),
    Scheme.STUDY_COMMENTS: ("Study Comments", "leaves Patient Comments alone"),
    Scheme.HISTORY: ("Patient History", "Additional Patient History"),
    Scheme.NAMES: ("Names and IDs", "study, patient's name, ID"),
}
ROUTES = (
    "Import sends many files in one HTTPS request: quick, and right nearly everywhere. Gradual sends one file in each "
    "request: slower, for a site or proxy that takes no zips. C-STORE sends by DICOM to a receiver of the site, as "
    "scanners do; the site's rules file the images, and they are looked for over HTTPS afterwards."
)
COMPRESSIONS = {
    Compression.AUTO: ("Automatic", "where the line is slow, and never to this machine"),
    Compression.MEASURED: ("Measured", "where the line is slow, even to this machine: a tunnel begins here"),
    Compression.NEVER: ("Never", "files travel as they are"),
}
_TYPED = "typed"


class Desk(Protocol):
    """What changing a setting needs: the site, and somebody to ask."""

    site: Site

    async def ask(self, screen: Screen[T]) -> T | None:
        """Show a screen and return what it gives."""
        ...


@dataclass(frozen=True, slots=True)
class Setting:
    """One row: what it is called, how it stands in a plan, what that means, and what changes it."""

    key: str
    name: str
    says: Callable[[Plan], str]
    explains: Callable[[Plan, SpeedOf], str]
    change: Callable[[Desk, Plan], Awaitable[Plan | None]]
    is_of: Callable[[Plan], bool] = lambda _: True  # whether the plan has it


def is_by_dicom(plan: Plan) -> bool:
    """Tell whether a plan goes to a DICOM receiver."""
    return plan.route is Route.DICOM


# -- where, and by which route ---------------------------------------------------------------------------------------


def _destination(plan: Plan, _: SpeedOf) -> str:
    return f"{DESTINATIONS[plan.destination].partition('  ')[2].strip().capitalize()}."


async def _choose_destination(desk: Desk, plan: Plan) -> Plan | None:
    ways = [Way(key, *_parted(words)) for key, words in DESTINATIONS.items()]
    key = await desk.ask(PickScreen("Where do sessions end?", "", ways))
    return replace(plan, destination=Destination(key)) if key else None


def _route(plan: Plan, reckoned: SpeedOf) -> str:
    files, size = sum(one.file_count for one in plan.included), sum(one.size_bytes for one in plan.included)
    sentence = SENTENCES[plan.route]
    words = f"{sentence[:1].upper()}{sentence[1:]}. {time_text(reckoned(plan.route), files, size)}"
    if plan.route is not Route.GRADUAL:
        return words
    usual = requests_of(replace(plan, route=Route.IMPORT))
    return f"{words}: {count_text(requests_of(plan), 'request')} instead of {usual:,}"


async def _choose_route(desk: Desk, plan: Plan) -> Plan | None:
    ways = [Way(route, NAMES[route], SHORT[route]) for route in Route]
    key = await desk.ask(PickScreen("By which route?", ROUTES, ways))
    return replace(plan, route=Route(key)) if key else None


# -- by DICOM --------------------------------------------------------------------------------------------------------


def _receiver(plan: Plan, _: SpeedOf) -> str:
    if plan.receiver is None:
        return "Enter shows the receivers of the site, or asks for host, port and AE title."
    return f"Its AE title is {plan.receiver.ae_title}, ours {plan.receiver.calling}. t asks whether it listens."


async def _choose_receiver(desk: Desk, plan: Plan) -> Plan | None:
    found = await offered(desk.site)
    key, why = _TYPED, found.why_not
    if found.receivers:
        ways = [
            Way(f"{place}", f"{one.ae_title} port {one.port}", traits_of(one))
            for place, one in enumerate(found.receivers)
        ]
        ways.append(Way(_TYPED, "Another", "type its host, port and AE title"))
        key = await desk.ask(PickScreen("Which receiver of the site?", "", ways)) or ""
    if not key:
        return None
    if key != _TYPED:
        return replace(plan, receiver=peer_at(desk.site.info.url, found.receivers[int(key)], plan.receiver))
    host = urlsplit(desk.site.info.url).hostname or ""
    peer = await desk.ask(ReceiverScreen(plan.receiver or Peer(host, USUAL_PORT), why))
    return replace(plan, receiver=peer) if peer else None


def _scheme(plan: Plan, _: SpeedOf) -> str:
    scheme = plan.receiver.scheme if plan.receiver else Scheme.COMMENTS
    first = next(iter(plan.included), None)
    if first is None:
        return f"Of each copy that travels: {explained(scheme)}."
    return f"XNAT reads in the copies: {example(scheme, plan.project, first.subject_label, first.session_label)}"


async def _choose_scheme(desk: Desk, plan: Plan) -> Plan | None:
    ways = [Way(scheme, *PLACES[scheme]) for scheme in Scheme]
    text = (
        "XNAT reads there which project, subject and session an image is of. What stands there is replaced in the copy."
    )
    key = await desk.ask(PickScreen("Where is the identification written?", text, ways))
    return replace(plan, receiver=replace(plan.receiver, scheme=Scheme(key))) if key and plan.receiver else None


# -- how fast --------------------------------------------------------------------------------------------------------


def _speed(plan: Plan, _: SpeedOf) -> str:
    if is_by_dicom(plan):
        return "A connection is an association with the receiver. The limit holds for all of them together."
    return "The limit holds for all connections together; their number grows while that makes it faster."


async def _choose_speed(desk: Desk, plan: Plan) -> Plan | None:
    chosen = await desk.ask(SpeedScreen(speed_of(plan)))
    return None if chosen is None else with_speed(plan, chosen)


def _compression(plan: Plan, _: SpeedOf) -> str:
    return f"{COMPRESSIONS[plan.options.compression][1].capitalize()}."


async def _choose_compression(desk: Desk, plan: Plan) -> Plan | None:
    ways = [Way(key, *words) for key, words in COMPRESSIONS.items()]
    key = await desk.ask(PickScreen("Are files compressed on their way?", "", ways))
    return replace(plan, options=replace(plan.options, compression=Compression(key))) if key else None


def _parted(words: str) -> tuple[str, str]:
    name, _, sentence = words.partition("  ")
    return name, sentence.strip()


def _names(plan: Plan, _: SpeedOf) -> str:
    if plan.deidentification is None:
        return "Images go as they are; scripts of site and project may change them there. Enter: de-identify here."
    return "Each image is de-identified on its way by DICOM PS3.15; the files here stay as they are."


async def _choose_names(desk: Desk, plan: Plan) -> Plan | None:
    return await desk.ask(PrivacyChoiceScreen(plan, desk.site))


SETTINGS: tuple[Setting, ...] = (
    Setting("destination", "Ends in", lambda plan: f"the {plan.destination}", _destination, _choose_destination),
    Setting("route", "Route", lambda plan: NAMES[plan.route], _route, _choose_route),
    Setting(
        "receiver", "Receiver", lambda plan: receiver_text(plan.receiver), _receiver, _choose_receiver, is_by_dicom
    ),
    Setting(
        "scheme",
        "Written into",
        lambda plan: PLACES[plan.receiver.scheme if plan.receiver else Scheme.COMMENTS][0],
        _scheme,
        _choose_scheme,
        lambda plan: is_by_dicom(plan) and plan.receiver is not None,
    ),
    Setting("speed", "Speed", pace_text, _speed, _choose_speed),
    Setting(
        "compression",
        "Compression",
        lambda plan: COMPRESSIONS[plan.options.compression][0],
        _compression,
        _choose_compression,
        lambda plan: plan.route is Route.IMPORT,  # one object a request travels as it is
    ),
    Setting("names", "Names", names_text, _names, _choose_names),
)
