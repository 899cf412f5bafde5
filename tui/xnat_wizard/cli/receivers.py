"""By which route images travel, and to which DICOM receiver: as it was said, or as the site shows it."""

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from xnat_wizard.cli.talk import explain, say
from xnat_wizard.findings import Finding, Problem, Severity, by_weight

if TYPE_CHECKING:
    from xnat_wizard.upload.cstore.peer import Peer
    from xnat_wizard.upload.model import Plan, Route
    from xnat_wizard.xnat.site import Site

ROUTES = ("import", "gradual", "c-store")
SCHEMES = ("comments", "study-comments", "history", "names")
OF_HTTP = frozenset({"forecast.size_unknown"})  # says nothing of DICOM


def add_route_to(parser: argparse.ArgumentParser) -> None:
    """Add to a command by which route images travel, and what the route by DICOM needs."""
    parser.add_argument(
        "--route",
        default="",
        metavar="ROUTE",
        help="how images travel: import (many files a request, the usual way), gradual (a request a file: slower, for "
        "sites that take no zips), c-store (to the site's DICOM receiver; identification is written into the copies)",
    )
    add_receiver_to(parser)


def add_receiver_to(parser: argparse.ArgumentParser) -> None:
    """Add to a command which DICOM receiver is meant, and how it is spoken to."""
    parser.add_argument("--receiver", default="", metavar="HOST:PORT", help="default: the only one that the site shows")
    parser.add_argument(
        "--ae-title", default="", metavar="TITLE", help="the receiver's AE title (default: as the site shows it, XNAT)"
    )
    parser.add_argument("--calling", default="", metavar="TITLE", help="our AE title (default: XNATWIZARD)")
    parser.add_argument(
        "--identify",
        choices=SCHEMES,
        help="where project, subject and session are written in the copies: into Patient Comments (default), Study "
        "Comments, Additional Patient History, or `names`: Study Description, Patient's Name, Patient ID. What stands "
        "there is replaced in the copy",
    )
    parser.add_argument(
        "--associations", type=int, choices=range(1, 17), metavar="N", help="to the receiver: 1 to 16, usually 4"
    )
    parser.add_argument(
        "--with",
        dest="sender",
        choices=("own", "dcmsend"),
        help="what sends: this program (default), or DCMTK's dcmsend, for which copies with the identification are "
        "written beside the journal, about 100 MB at a time, and deleted",
    )


def routed(plan: "Plan", options: argparse.Namespace, route: "Route | None" = None) -> "Plan":
    """Return a plan by the route that was asked for, and to the receiver that was; else as the plan says.

    Raises:
        Problem: what was asked for cannot be, or does not go together.
    """
    from xnat_wizard.upload.model import Route

    route = route or (_route(options.route) if options.route else plan.route)
    if route is not Route.DICOM:
        if any((options.receiver, options.ae_title, options.calling, options.identify, options.sender)):
            raise Problem(_of_other_route(route))
        return replace(plan, route=route)
    peer = _peer(options, plan.receiver)
    most = max(plan.options.most_connections, options.associations or 0)
    return replace(plan, route=route, receiver=peer, options=replace(plan.options, most_connections=most))


def _route(text: str) -> "Route":
    from xnat_wizard.upload.model import Route

    if text in ROUTES:
        return Route(text)
    raise Problem(
        Finding(
            "terminal.bad_route",
            f"`{text}` is no route",
            f"Images travel by one of: {', '.join(ROUTES)}",
            ("Give one of these with --route, or leave it out",),
        )
    )


def _of_other_route(route: "Route") -> Finding:
    return Finding(
        "terminal.options",
        f"A DICOM receiver, or how it is spoken to, was given for the route {route}",
        "Only the route c-store goes to a DICOM receiver",
        ("Add --route c-store", "Or leave out --receiver, --ae-title, --calling, --identify and --with"),
    )


# -- the receiver ------------------------------------------------------------------------------------


def _peer(options: argparse.Namespace, like: "Peer | None") -> "Peer | None":
    """Return the receiver as it was given, what was not given as in `like`; `None` where nobody says which."""
    from xnat_wizard.upload.cstore.peer import address_of

    if options.receiver:
        host, port = address_of(options.receiver)
    elif like is not None:
        host, port = like.host, like.port
    else:
        return None
    return _spoken_to(options, like, host, port)


def _spoken_to(options: argparse.Namespace, like: "Peer | None", host: str, port: int) -> "Peer":
    from xnat_wizard.upload.cstore.dcmsend import missing
    from xnat_wizard.upload.cstore.peer import Peer, Scheme

    if options.sender == "dcmsend" and (absent := missing()):
        raise Problem(absent)
    peer = Peer(host, port) if like is None else replace(like, host=host, port=port)
    return replace(
        peer,
        ae_title=options.ae_title or peer.ae_title,
        calling=options.calling or peer.calling,
        scheme=Scheme(options.identify) if options.identify else peer.scheme,
        associations=options.associations or peer.associations,
        is_dcmsend=options.sender == "dcmsend" if options.sender else peer.is_dcmsend,
    )


async def _chosen(plan: "Plan", site: "Site", options: argparse.Namespace) -> "Peer":
    """Return the receiver of a plan, completed by what the site shows, or the only one that it shows.

    Raises:
        Problem: none was given, and the site does not show exactly one.
    """
    from xnat_wizard.upload.cstore.offered import offered, peer_at, words_of

    found = await offered(site)
    if plan.receiver is not None:
        is_title_open = bool(options.receiver) and not options.ae_title
        title = found.title_at(plan.receiver) if is_title_open else ""
        return replace(plan.receiver, ae_title=title or plan.receiver.ae_title)
    fitting = [one for one in found.on if options.ae_title in {one.ae_title, ""}]
    if len(fitting) == 1:
        say(f"The site's receiver: {words_of(fitting[0])}")
        at = peer_at(site.info.url, fitting[0])
        return _spoken_to(options, at, at.host, at.port)
    for one in found.receivers:
        say(words_of(one))
    raise Problem(unsaid("the receiver", found.why_not or f"the site has {len(fitting)} that fit"))


async def ready(plan: "Plan", site: "Site", options: argparse.Namespace) -> tuple["Plan", bool]:
    """Make sure of the receiver before anything is sent: choose it, echo it, say where the site will put the sessions.

    Returns the plan with its receiver, and whether nothing forbids to go on.

    Raises:
        Problem: the project or the receiver is not there.
    """
    from xnat_wizard.troubleshoot.before_sending import forecast
    from xnat_wizard.upload.cstore.echo import echo
    from xnat_wizard.upload.route_check import about_route

    await site.project(plan.project)
    peer = await _chosen(plan, site, options)
    is_news = plan.receiver is None
    plan = replace(plan, site_url=plan.site_url or site.info.url, receiver=peer)
    say(await echo(peer))
    said = [one for some in (await forecast(plan, site)).values() for one in some if one.code not in OF_HTTP]
    said += about_route(plan) if is_news else []
    for finding in by_weight(said):
        explain(finding)
    _say_where(plan, peer, said)
    return plan, all(finding.severity is not Severity.STOP for finding in said)


def _say_where(plan: "Plan", peer: "Peer", said: list[Finding]) -> None:
    """Say what XNAT will read in the images, and where it will put them by the rules that can be read."""
    from xnat_wizard.upload.cstore.identification import example

    if not plan.included:
        return
    first = plan.included[0]
    say(f"XNAT will read: {example(peer.scheme, plan.project, first.subject_label, first.session_label)}")
    elsewhere = {finding.where for finding in said if finding.code == "send.elsewhere"}
    there = sum(session.session_label not in elsewhere for session in plan.included)
    say(f"By the rules that can be read, {there} of {len(plan.included)} sessions go to project {plan.project}.")


def unsaid(what: str, why: str) -> Finding:
    """Say what a command needs to know."""
    return Finding(
        "send.unsaid",
        f"It was not said: {what}",
        f"{why[:1].upper()}{why[1:]}",
        ("See `xnat-wizard send --help`",),
    )
