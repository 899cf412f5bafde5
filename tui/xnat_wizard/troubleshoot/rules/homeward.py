"""How a session that went astray gets into the project that is meant: the steps, and whom to ask.

Sources: missing data 2.2 (F1, F3, F6), 2.3 (T1, T4); 0.3 rule 7: in Unassigned only what our own records name.
"""

from xnat_wizard.troubleshoot.facts import Facts, Match
from xnat_wizard.troubleshoot.model import Covers, NextStep, Role, StepKind
from xnat_wizard.troubleshoot.rules.gaps import covering, letter

UNASSIGNED = "/prearchive/projects/Unassigned/"


def home_of(facts: Facts) -> str:
    """Return the ID of the project that is meant, as far as it is known."""
    if facts.project and facts.project.match is not Match.NONE:
        return facts.project.id
    return ""


def way_home(facts: Facts, uri: str, *, is_ours: bool) -> tuple[NextStep, ...]:
    """Return how a session of Unassigned gets into its project: build, move, archive; and the letter."""
    home = home_of(facts)
    to_admin = letter("Send the administrator this letter.", "T1")
    if not uri or not home:
        return (to_admin,)
    role = Role.MEMBER if is_ours else Role.ADMIN
    return (
        NextStep(StepKind.ONE_CLICK, "Let the site build it.", "F1", role, target=uri),
        NextStep(StepKind.ONE_CLICK, f"Move it to {home}.", "F6", role, target=uri, arguments={"project": home}),
        NextStep(StepKind.CONFIRM, "Then archive it there, after a check.", "F3", Role.MEMBER, target=uri),
        to_admin,
    )


def all_objects(facts: Facts, study: str = "") -> Covers:
    """Return all that is here, of one study or of all, as what a diagnosis explains."""
    objects = facts.local.objects if facts.local else ()
    return covering(one for one in objects if not study or one.study_instance_uid == study)
