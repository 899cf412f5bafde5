"""How a session that went astray gets into the project that is meant: the steps, and whom to ask.

Sources: missing data 2.2 (F1, F3, F6), 2.3 (T1, T4); 0.3 rule 7: in Unassigned only what our own records name.
"""

from xnat_wizard.troubleshoot.facts import Facts, Match
from xnat_wizard.troubleshoot.model import Covers, NextStep, Role, StepKind
from xnat_wizard.troubleshoot.rules.gaps import covering

UNASSIGNED = "/prearchive/projects/Unassigned/"


def home_of(facts: Facts) -> str:
    """Return the ID of the project that is meant, as far as it is known."""
    if facts.project and facts.project.match is not Match.NONE:
        return facts.project.id
    return ""


def ask_admin(text: str, template: str = "T1") -> NextStep:
    """Return the step that an administrator of the site has to take."""
    return NextStep(StepKind.ASK_ADMIN, text, role=Role.ADMIN, template=template)


def ask_owner(text: str, template: str = "T4") -> NextStep:
    """Return the step that an owner of a project has to take."""
    return NextStep(StepKind.ASK_OWNER, text, role=Role.OWNER, template=template)


def way_home(facts: Facts, uri: str, *, is_ours: bool) -> tuple[NextStep, ...]:
    """Return how a session of Unassigned gets into its project: build, move, archive; and the letter."""
    home = home_of(facts)
    letter = ask_admin("Send the administrator this letter.")
    if not uri or not home:
        return (letter,)
    role = Role.MEMBER if is_ours else Role.ADMIN
    return (
        NextStep(StepKind.ONE_CLICK, "Let the site build it.", "F1", role, target=uri),
        NextStep(StepKind.ONE_CLICK, f"Move it to {home}.", "F6", role, target=uri, arguments={"project": home}),
        NextStep(StepKind.CONFIRM, "Then archive it there, after a check.", "F3", Role.MEMBER, target=uri),
        letter,
    )


def all_objects(facts: Facts, study: str = "") -> Covers:
    """Return all that is here, of one study or of all, as what a diagnosis explains."""
    objects = facts.local.objects if facts.local else ()
    return covering(one for one in objects if not study or one.study_instance_uid == study)
