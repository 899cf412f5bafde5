"""What a project's settings mean for an upload, in words."""

from xnat_wizard.amounts import whole_number
from xnat_wizard.findings import Finding, printable
from xnat_wizard.xnat.model import Accessibility, Project, Role, UploadSettings
from xnat_wizard.xnat.scripts import Scripts

ACCESSIBILITY_WORDS = {
    Accessibility.PRIVATE: "private    only people whom the owner adds see that it exists",
    Accessibility.PROTECTED: "protected  everybody with an account sees its title; members see data",
    Accessibility.PUBLIC: "public     everybody with an account can read all its data",
}


RIGHTS = {
    Role.ADMIN: "You administer the site: everything is allowed.",
    Role.OWNER: "You are owner here: upload, archive, change settings.",
    Role.MEMBER: "You are member here: upload, and archive what waits.",
    Role.COLLABORATOR: "You are collaborator here: look only. An owner can make you a member.",
    Role.NONE: "You have no role here: look only. An owner can make you a member.",
}


def rights_line(project: Project) -> str:
    """Return what the person may do in a project."""
    return RIGHTS[project.role]


def archives_word(prearchive_code: str) -> str:
    """Return one or two words for the list: who archives."""
    code = whole_number(prearchive_code)
    if code is None:
        return "unknown"
    return "by itself" if code >= 4 else "by hand"


def settings_lines(settings: UploadSettings) -> tuple[str, ...]:
    """Return one sentence for each setting that changes an upload."""
    lines = []
    if settings.archives_by_itself:
        over = " Files that are already there are replaced." if settings.prearchive_code == "5" else ""
        lines.append(f"Archive: by itself, when whole; nobody looks before.{over}")
    elif whole_number(settings.prearchive_code) is not None:
        lines.append("Archive: by hand; sessions wait in the prearchive.")
    else:
        lines.append("Archive: your account may not read whether sessions are archived by themselves.")
    if settings.quarantine_code == "1":
        lines.append("Quarantine: archived sessions stay in quarantine until an owner releases them.")
    lines.append(_script_line(settings))
    if settings.has_site_filter or settings.has_project_filter:
        place = "site" if settings.has_site_filter else "project"
        lines.append(f"Filter: this {place} drops some series on arrival; the receipt shows which.")
    return tuple(lines)


def _script_line(settings: UploadSettings) -> str:
    site, project = settings.is_site_script_on, settings.is_project_script_on
    if site is None and project is None:
        return "Anonymization: your account may not read whether a script is on."
    if site and project:
        return "Anonymization: on, for the site (on arrival) and for the project (on archiving)."
    if site:
        return "Anonymization: on for the site, when images arrive; off for the project."
    if project:
        return "Anonymization: on for the project, when sessions are archived; off for the site."
    return "Anonymization: off; names in the headers stay."


def details_text(project: Project, settings: UploadSettings | None, scripts: Scripts | None) -> str:
    """Return what is known of a project, as lines; the texts of the scripts stand at the end where they are given."""
    facts = (
        ("Title", project.name),
        ("Running title", project.running_title),
        ("Investigator", project.principal_investigator),
        ("Who can see it", _accessibility_words(project.accessibility)),
        ("Description", project.description),
    )
    lines = [f"{name}: {printable(value)}" for name, value in facts if value]
    lines += ["", rights_line(project)]
    if settings is not None:
        lines += ["", "What happens to an upload", *(f"  {line}" for line in settings_lines(settings))]
        if settings.file_name_template:
            lines.append(f"  Files are named {printable(settings.file_name_template)}.")
    return "\n".join([*lines, *([] if scripts is None else script_lines(scripts))])


def script_lines(scripts: Scripts) -> list[str]:
    """Return the texts of the scripts, each below a line that says whose it is and whether it is on."""
    lines: list[str] = []
    for whose, moment, text, is_on in (
        ("site", "when images arrive", scripts.site, scripts.is_site_on),
        ("project", "when sessions are archived", scripts.project, scripts.is_project_on),
    ):
        state = {True: "on", False: "off", None: "not known whether on or off"}[is_on]
        lines += ["", f"The script of the {whose} ({moment}; {state})"]
        lines += [f"  {printable(line)}" for line in text.splitlines()] or ["  There is none, or you may not read it."]
    return lines


def _accessibility_words(accessibility: str) -> str:
    if accessibility not in {str(kind) for kind in Accessibility}:
        return ""
    return " ".join(ACCESSIBILITY_WORDS[Accessibility(accessibility)].split())


def no_create_right() -> Finding:
    """Return why this person makes no projects on this site."""
    return Finding(
        code="project.not_allowed",
        what="On this site only administrators create projects",
        why="The site's settings say so: uiAllowNonAdminProjectCreation is off, and you are no administrator.",
        todo=(
            "Ask the site's administrator to create the project and to make you its owner.",
            "Or ask an owner of a project that is there to make you a member.",
        ),
        shareable="The site lets only administrators create projects.",
    )


def _role_words(project: Project) -> str:
    return "no role" if project.role is Role.NONE else f"the role {project.role}"


def no_upload_right(project: Project) -> Finding:
    """Return why nothing can be sent to a project that can be seen."""
    return Finding(
        code="project.no_upload_right",
        what=f"You can see the project {project.id}, but may not upload into it",
        why=f"You have {_role_words(project)} there; uploading takes the role member or owner.",
        todo=(
            f"Ask an owner of {project.id} to make you a member.",
            "Or choose another project.",
            "Or make a new project of your own.",
        ),
        where=project.id,
    )
