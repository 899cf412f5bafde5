"""How fast a plan may be sent, as one choice: by DICOM the number of connections is that of associations."""

from dataclasses import replace

from xnat_wizard.upload.cstore.peer import MOST_ASSOCIATIONS
from xnat_wizard.upload.model import Options, Plan, Route


def speed_of(plan: Plan) -> Options:
    """Return how fast a plan may be sent, the connections counted that its images may use."""
    if plan.receiver is None or plan.route is not Route.DICOM:
        return plan.options
    return replace(plan.options, most_connections=min(plan.receiver.associations, plan.options.most_connections))


def with_speed(plan: Plan, speed: Options) -> Plan:
    """Return a plan that may be sent so fast; how many connections it would use over HTTP stays known."""
    if plan.receiver is None or plan.route is not Route.DICOM:
        return replace(plan, options=speed)
    peer = replace(plan.receiver, associations=min(speed.most_connections, MOST_ASSOCIATIONS))
    most = max(speed.most_connections, plan.options.most_connections)
    return replace(plan, receiver=peer, options=replace(speed, most_connections=most))
