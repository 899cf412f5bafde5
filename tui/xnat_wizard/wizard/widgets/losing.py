"""What somebody who leaves would lose: the work put into a plan that was not uploaded."""

from pathlib import Path

from xnat_wizard.dicom.model import Survey
from xnat_wizard.upload import plan as planning
from xnat_wizard.upload.model import Plan


def plan_loss(plan: Plan | None, survey: Survey | None, journal_path: Path | None = None) -> str:
    """Say that changes of a plan would be lost; "" where there are none, or an upload's journal keeps them."""
    if plan is None or survey is None or journal_path is not None:
        return ""
    drafted = planning.draft(survey, site_url=plan.site_url, project=plan.project, destination=plan.destination)
    if plan.sessions == drafted.sessions:
        return ""
    return f"The plan for {plan.project} was not uploaded; what you changed in it is lost."
