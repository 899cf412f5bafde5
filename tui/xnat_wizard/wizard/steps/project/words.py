"""What a project's settings mean for an upload, in words."""

from xnat_wizard.findings import Finding
from xnat_wizard.xnat.model import Accessibility, Project, Role, UploadSettings

ACCESSIBILITY_WORDS = {
    Accessibility.PRIVATE: "private    only people whom the owner adds see that it exists",
    Accessibility.PROTECTED: "protected  everybody with an account sees its title; members see data",
    Accessibility.PUBLIC: "public     everybody with an account can read all its data",
}


def archives_word(prearchive_code: str) -> str:
    """Return one or two words for the list: who archives."""
    if not prearchive_code.isdigit():
        return "unknown"
    return "by itself" if int(prearchive_code) >= 4 else "by hand"


def settings_lines(settings: UploadSettings) -> tuple[str, ...]:
    """Return one sentence for each setting that changes an upload."""
    lines = []
    if settings.archives_by_itself:
        over = " Files that are already there are replaced." if settings.prearchive_code == "5" else ""
        lines.append(f"Archive: by itself, as soon as a session is whole; nobody looks at it before.{over}")
    elif settings.prearchive_code.isdigit():
        lines.append("Archive: by hand; sessions wait in the prearchive until somebody has looked at them.")
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
    return "Anonymization: off. Names in the image headers arrive as they are."


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
