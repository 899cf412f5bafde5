"""Who may do what with a project (wire contract 0.8).

role          sees it   reads data   edits data   deletes, settings, members
owner         yes       yes          yes          yes
member        yes       yes          yes          no
collaborator  yes       yes          no           no
anybody       protected and public
                        public only  no           no
site admin, ALL_DATA_ADMIN: everything; ALL_DATA_ACCESS: reads everything
"""

from xnat_wizard.practice.http import Call, Refusal
from xnat_wizard.practice.store import Project, User

ROLES = ("owner", "member", "collaborator")
DISPLAY_NAMES = {"owner": "Owners", "member": "Members", "collaborator": "Collaborators"}
NOT_FOUND = "Unable to find the specified experiment."  # sic, for projects too (2.2)


def is_admin(user: User) -> bool:
    """Say whether the user administers the site."""
    return "Administrator" in user.roles


def edits_all_data(user: User) -> bool:
    """Say whether the user may change everything."""
    return is_admin(user) or "ALL_DATA_ADMIN" in user.groups


def reads_all_data(user: User) -> bool:
    """Say whether the user may read everything, Unassigned prearchive data included."""
    return edits_all_data(user) or "ALL_DATA_ACCESS" in user.groups


def role(user: User, project: Project) -> str:
    """Return owner, member, collaborator or ""."""
    return project.members.get(user.username, "")


def can_see(user: User, project: Project) -> bool:
    """Say whether the project exists for the user; its data may still be hidden."""
    return can_read(user, project) or project.accessibility == "protected"


def can_read(user: User, project: Project) -> bool:
    """Say whether the user reads the project's data."""
    return reads_all_data(user) or bool(role(user, project)) or project.accessibility == "public"


def can_edit(user: User, project: Project) -> bool:
    """Say whether the user makes and changes data."""
    return edits_all_data(user) or role(user, project) in {"owner", "member"}


def can_delete(user: User, project: Project) -> bool:
    """Say whether the user has the owner's right: deleting, settings, members."""
    return is_admin(user) or role(user, project) == "owner"


def visible_project(call: Call, id_or_alias: str, message: str = NOT_FOUND) -> Project:
    """Find a project that the caller may see.

    Raises:
        Refusal: 404, unknown or invisible.
    """
    project = call.store.project(id_or_alias)
    if project is None or not can_see(call.user, project):
        raise Refusal(404, message)
    return project


def readable_project(call: Call, id_or_alias: str, message: str = NOT_FOUND) -> Project:
    """Find a project whose data the caller may read.

    Raises:
        Refusal: 404, unknown, invisible or merely protected.
    """
    project = call.store.project(id_or_alias)
    if project is None or not can_read(call.user, project):
        raise Refusal(404, message)
    return project


def need_admin(call: Call, message: str = "") -> None:
    """Refuse callers who do not administer the site.

    Raises:
        Refusal: 403.
    """
    if not is_admin(call.user):
        raise Refusal(403, message)
