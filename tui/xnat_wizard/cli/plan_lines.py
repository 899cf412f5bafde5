"""What `plan` prints: the sessions, and how they travel; as lines or as JSON."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xnat_wizard.upload import estimate
from xnat_wizard.upload.model import Plan, Route
from xnat_wizard.upload.travel_words import pace_text, time_text, travel_text


def travel_lines(plan: Plan) -> Iterator[str]:
    """Give how a plan travels, and how long that will take; reads journals of earlier uploads."""
    yield f"{travel_text(plan)}; {pace_text(plan)}."
    files, size_bytes = sum(one.file_count for one in plan.included), sum(one.size_bytes for one in plan.included)
    if files:
        yield f"{time_text(estimate.speed_to(plan.site_url, plan.route), files, size_bytes)}."


def as_objects(plan: Plan, output: Path) -> Iterator[dict[str, Any]]:
    """Give the sessions of a plan, then the plan as a whole, as JSON values."""
    for session in plan.sessions:
        yield {
            "type": "session",
            "is_included": session.is_included,
            "subject_label": session.subject_label,
            "session_label": session.session_label,
            "subject_folder": session.subject_folder,
            "files": session.file_count,
            "size_bytes": session.size_bytes,
            "held_by": list(session.held_by),
        }
    yield {
        "type": "plan",
        "output": str(output),
        "source": str(plan.source),
        "site": plan.site_url,
        "project": plan.project,
        "destination": str(plan.destination),
        "route": str(plan.route),
        "receiver": _receiver(plan),
        "limit_bytes_s": plan.options.limit_bytes_s,
        "sessions": len(plan.included),
        "files": sum(one.file_count for one in plan.included),
        "size_bytes": sum(one.size_bytes for one in plan.included),
        "requests": estimate.requests_of(plan),
    }


def _receiver(plan: Plan) -> dict[str, str | int] | None:
    peer = plan.receiver
    if peer is None or plan.route is not Route.DICOM:
        return None
    return {
        "host": peer.host,
        "port": peer.port,
        "ae_title": peer.ae_title,
        "calling": peer.calling,
        "identify": str(peer.scheme),
        "associations": peer.associations,
        "with": "dcmsend" if peer.is_dcmsend else "own",
    }
