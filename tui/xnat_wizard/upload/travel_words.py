"""How images travel, in words: for the command line and the screens alike."""

from dataclasses import replace

from xnat_wizard.amounts import bytes_text, count_text
from xnat_wizard.upload.cstore.identification import explained
from xnat_wizard.upload.cstore.peer import Peer
from xnat_wizard.upload.estimate import Speed
from xnat_wizard.upload.model import Compression, Options, Plan, Route
from xnat_wizard.upload.speed_choice import speed_of

NAMES = {Route.IMPORT: "Import", Route.GRADUAL: "Gradual", Route.DICOM: "C-STORE"}
SENTENCES = {
    Route.IMPORT: "many files in one HTTPS request: quick, and right nearly everywhere",
    Route.GRADUAL: "one file in each HTTPS request: slower, for a site that takes no zips",
    Route.DICOM: "by DICOM to a receiver of the site, as scanners send",
}


SHORT = {
    Route.IMPORT: "many files a request",
    Route.GRADUAL: "one file a request",
    Route.DICOM: "by DICOM, as scanners send",
}


def route_text(plan: Plan) -> str:
    """Return the route in a few words: "Import, many files a request", "C-STORE to XNAT at host port 8104"."""
    if plan.route is not Route.DICOM:
        return f"{NAMES[plan.route]}, {SHORT[plan.route]}"
    return f"C-STORE to {receiver_text(plan.receiver)}"


def receiver_text(peer: Peer | None) -> str:
    """Return whom images go to by DICOM."""
    return f"{peer.ae_title} at {peer.host} port {peer.port}" if peer else "nobody yet"


def travel_text(plan: Plan) -> str:
    """Return the route of a plan as one sentence without its full stop."""
    if plan.route is not Route.DICOM:
        return f"{NAMES[plan.route]}: {SENTENCES[plan.route]}"
    if plan.receiver is None:
        return f"{route_text(plan)}: {SENTENCES[plan.route]}"
    return f"{route_text(plan)}: {explained(plan.receiver.scheme)}"


def pace_text(plan: Plan) -> str:
    """Return how fast a plan may be sent, over how many connections, and whether files are compressed."""
    if plan.route is not Route.DICOM or plan.receiver is None:
        return options_text(plan.options)
    return options_text(replace(speed_of(plan), compression=Compression.AUTO))  # which is of HTTP only


def options_text(options: Options) -> str:
    """Return how fast an upload may be, in words."""
    words = f"{_limit_text(options)}, at most {count_text(options.most_connections, 'connection')}"
    return words if options.compression is Compression.AUTO else f"{words}, compression: {options.compression}"


def time_text(speed: Speed, files: int, size_bytes: int) -> str:
    """Return how long it will take, and where that is from; "" where there is nothing to send."""
    if not files:
        return ""
    source = f"as in {count_text(speed.uploads, 'earlier upload')}" if speed.uploads else "(assumed)"
    return f"{about_text(speed.seconds(files, size_bytes))}, at {bytes_text(speed.bytes_s)}/s {source}"


def about_text(seconds: float) -> str:
    """Return a time as one says it beforehand."""
    if seconds < 60:
        return "Less than a minute"
    if seconds < 90 * 60:
        return f"About {count_text(round(seconds / 60), 'minute')}"
    return f"About {count_text(round(seconds / 3600), 'hour')}"


def _limit_text(options: Options) -> str:
    return f"at most {bytes_text(options.limit_bytes_s)}/s" if options.limit_bytes_s else "no limit"
