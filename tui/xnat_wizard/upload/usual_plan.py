"""What the settings say of a new plan: where it ends, how it travels, how fast it may be."""

import contextlib
from dataclasses import replace

from xnat_wizard.findings import Problem
from xnat_wizard.preferences import resolve
from xnat_wizard.upload.cstore.peer import Peer, address_of
from xnat_wizard.upload.model import Compression, Destination, Options, Plan, Route
from xnat_wizard.upload.throttle import parse_rate


def as_settings_say(plan: Plan) -> Plan:
    """Return a new plan with what the settings say for its site; reads one small file."""
    said = resolve(plan.site_url)
    options = Options(
        parse_rate(said.text("limit_rate")), said.number("connections"), Compression(said.text("compression"))
    )
    route = Route(said.text("route"))
    peer = None
    if route is Route.DICOM and said.text("receiver"):
        with contextlib.suppress(Problem):  # a title that is none: the plan step asks for the receiver
            peer = Peer(*address_of(said.text("receiver")), calling=said.text("calling"))
    return replace(plan, destination=Destination(said.text("destination")), route=route, receiver=peer, options=options)
