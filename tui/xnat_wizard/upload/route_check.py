"""What the route of a plan forbids, and what it costs. Only values; nothing is asked."""

from dataclasses import replace

from xnat_wizard.findings import Finding, Severity
from xnat_wizard.upload import estimate
from xnat_wizard.upload.cstore import identification
from xnat_wizard.upload.cstore.peer import no_receiver
from xnat_wizard.upload.model import Plan, Route


def about_route(plan: Plan) -> list[Finding]:
    """Say what the route forbids, and what it costs."""
    if plan.route is Route.GRADUAL:
        return [_one_by_one(plan)]
    if plan.route is not Route.DICOM:
        return []
    findings = [no_receiver()] if plan.receiver is None else []
    if plan.receiver is not None:
        labels = ((one.subject_label, one.session_label) for one in plan.included)
        findings.extend(identification.check(plan.receiver.scheme, plan.project, labels))
    pairs = sum(len(session.pairs) for session in plan.included)
    if pairs:
        findings.append(
            Finding(
                "plan.pairs_over_http",
                f"{pairs} PAR/REC pairs do not go by DICOM: they are put into their sessions over HTTP",
                "DICOM carries DICOM objects only",
                ("Nothing to do: the upload does both. Without a login they stay behind",),
                severity=Severity.NOTE,
            )
        )
    return findings


def _one_by_one(plan: Plan) -> Finding:
    requests = estimate.requests_of(plan)
    together = estimate.requests_of(replace(plan, route=Route.IMPORT))
    return Finding(
        "plan.gradual",
        f"Each file travels in a request of its own: {requests:,} instead of {together:,}",
        "That is the route gradual: slower, and right where a site takes no zips",
        ("Choose the route import unless this site needs single files",),
        severity=Severity.NOTE,
    )
