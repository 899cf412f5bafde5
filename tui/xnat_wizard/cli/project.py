"""`project list`, `show` and `create`: the projects of a site, and what their settings do to an upload."""

import argparse
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from xnat_wizard.cli.access import add_site_to, login_for, site_of
from xnat_wizard.cli.manpage import add_page
from xnat_wizard.cli.tables import columns
from xnat_wizard.cli.talk import Exit, ask, put, put_object, say
from xnat_wizard.findings import Finding, Problem

if TYPE_CHECKING:
    from xnat_wizard.xnat.model import Project, ProjectDraft, SeriesFilterText, UploadSettings
    from xnat_wizard.xnat.site import Site

_ACCESS = ("private", "protected", "public")


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the program's."""
    whole = commands.add_parser(
        "project", help="list the projects of a site, show what one does to an upload, or make one"
    )
    acts = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    show_all = add_page(
        acts,
        "list",
        words="list the projects that you have to do with",
        about="List the projects that you have a role in or may see: ID, your role, who can see it, whether sessions "
        "are archived by themselves or by hand, title.",
        examples=(
            ("xnat-wizard project list", "all that you may see"),
            ("xnat-wizard project list --mine --search hippo", "of those you have a role in, the ones with that word"),
        ),
    )
    show_all.add_argument(
        "--search", default="", metavar="WORD", help="only with this word in ID, title, description or investigator"
    )
    show_all.add_argument("--mine", action="store_true", help="only those you are owner, member or collaborator of")
    show_all.add_argument("--json", action="store_true", help="one JSON object a line")
    add_site_to(show_all)
    show_all.set_defaults(run=_list)

    show = add_page(
        acts,
        "show",
        words="show a project: your role and rights, and the settings that change an upload",
        about="Show a project: title, who can see it, what you may do in it, and in words what its settings and those "
        "of the site do to an upload: anonymization, series filters, prearchive or archive.",
        examples=(
            ("xnat-wizard project show HIPPO", "in words"),
            (
                "xnat-wizard project show HIPPO --scripts",
                "with the anonymization scripts and series filters as they stand",
            ),
        ),
    )
    show.add_argument("id", metavar="ID", help="ID of the project")
    show.add_argument("--scripts", action="store_true", help="print the scripts and the series filters, too")
    show.add_argument("--json", action="store_true", help="one JSON object a line")
    add_site_to(show)
    show.set_defaults(run=_show)

    create = add_page(
        acts,
        "create",
        words="make a project; you become its owner",
        about="Make a project; you become its owner. The ID is part of every address and can never be changed: "
        "letters A to Z, digits, - and _. ID, title and running title must differ from those of every other project, "
        "capital letters or not; that is checked first, also against aliases. The new project is read back.",
        examples=(
            ("xnat-wizard project create HIPPO --title 'Hippocampus in ageing'", "after a yes"),
            ("xnat-wizard project create HIPPO --dry-run", "check the ID only"),
        ),
    )
    create.add_argument("id", metavar="ID", help="ID of the project")
    create.add_argument("--title", default="", help="full title (default: the ID)")
    create.add_argument("--running-title", default="", metavar="TITLE", help="short title, at most 24 characters")
    create.add_argument("--description", default="", metavar="TEXT", help="what it is about")
    create.add_argument("--keywords", default="", metavar="WORDS", help="words, divided by blanks")
    create.add_argument(
        "--access",
        choices=_ACCESS,
        default="private",
        help="private (default): only whom you add sees it; protected: all accounts see its title; public: all "
        "accounts read its data",
    )
    create.add_argument("--yes", action="store_true", help="do not ask")
    create.add_argument("--dry-run", action="store_true", help="check everything, make nothing")
    create.add_argument("--json", action="store_true", help="one JSON object a line")
    add_site_to(create)
    create.set_defaults(run=_create)


def _run(options: argparse.Namespace, work: "Callable[[Site], Awaitable[Exit]]") -> Exit:
    import asyncio

    from xnat_wizard.xnat.site import Site

    login = login_for(site_of(options), options)

    async def logged_in() -> Exit:
        async with await Site.connect(login) as site:
            return await work(site)

    return asyncio.run(logged_in())


# -- list and show ---------------------------------------------------------------------------------


def _list(options: argparse.Namespace) -> int:
    async def work(site: "Site") -> Exit:
        projects = await site.projects()
        mine = _mine(site)
        found = [one for one in projects if _fits(one, options.search) and (not options.mine or one.id in mine)]
        if options.json:
            for one in found:
                put_object("project", **project_facts(one))
        elif found:
            _put_table(found)
        say(f"{len(found)} of {len(projects)} projects.")
        return Exit.DONE

    return _run(options, work)


def _mine(site: "Site") -> frozenset[str]:
    """Return the projects in which the account itself has a role: a site administrator has one everywhere."""
    return frozenset(
        group.removesuffix(f"_{role}")
        for group in site.identity.groups
        for role in ("owner", "member", "collaborator")
        if group.endswith(f"_{role}")
    )


def _fits(project: "Project", word: str) -> bool:
    texts = (
        project.id,
        project.name,
        project.running_title,
        project.description,
        project.principal_investigator,
    )
    return not word or any(word.casefold() in text.casefold() for text in texts)


def _put_table(projects: "list[Project]") -> None:
    from xnat_wizard.xnat.project_words import archives_word

    rows = [
        (one.id, str(one.role), one.accessibility or "-", f"archives {archives_word(one.prearchive_code)}", one.name)
        for one in projects
    ]
    for line in columns(rows):
        put(line)


def _show(options: argparse.Namespace) -> int:
    async def work(site: "Site") -> Exit:
        from xnat_wizard.xnat.project_words import details_text, script_lines, settings_lines

        project = await site.project(options.id)
        settings = await site.upload_settings(project.id)
        scripts = await site.scripts(project.id) if options.scripts else None
        rules = await site.arrival_rules(project.id) if options.scripts else None
        if options.json:
            texts = {"site_script": scripts.site, "project_script": scripts.project} if scripts else {}
            put_object(
                "project",
                **project_facts(project),
                may_upload=project.may_upload,
                settings=settings_facts(settings),
                words=list(settings_lines(settings)),
                **texts,
            )
            return Exit.DONE
        for line in (project.id, *details_text(project, settings, None).splitlines()):
            put(line)
        for line in script_lines(scripts) if scripts else ():
            put(line)
        if rules is not None:
            _put_filter("site", rules.site_filter, "site" in rules.unread)
            _put_filter("project", rules.project_filter, "project" in rules.unread)
        return Exit.DONE

    return _run(options, work)


def _put_filter(whose: str, stored: "SeriesFilterText | None", is_unread: bool) -> None:  # noqa: FBT001  what is known
    put("")
    if stored is None:
        put(f"The series filter of the {whose}")
        put("  Your account may not read whether there is one." if is_unread else "  There is none that is on.")
        return
    put(f"The series filter of the {whose} ({stored.mode}; on)")
    for line in stored.lines.splitlines():
        put(f"  {line}")


def project_facts(project: "Project") -> dict[str, object]:
    """Return a project as one JSON object without its type."""
    return {
        "id": project.id,
        "title": project.name,
        "running_title": project.running_title,
        "description": project.description,
        "investigator": project.principal_investigator,
        "role": str(project.role),
        "access": project.accessibility,
        "prearchive_code": project.prearchive_code,
    }


def settings_facts(settings: "UploadSettings") -> dict[str, object]:
    """Return the settings that change an upload as one JSON object; null where the account may not read them."""
    return {
        "archives_by_itself": settings.archives_by_itself if settings.prearchive_code else None,
        "prearchive_code": settings.prearchive_code,
        "quarantine_code": settings.quarantine_code,
        "is_site_script_on": settings.is_site_script_on,
        "is_project_script_on": settings.is_project_script_on,
        "has_site_filter": settings.has_site_filter,
        "has_project_filter": settings.has_project_filter,
    }


# -- create ----------------------------------------------------------------------------------------


def _create(options: argparse.Namespace) -> int:
    from xnat_wizard.xnat.model import Accessibility, ProjectDraft

    draft = ProjectDraft(
        id=options.id.strip(),
        name=options.title.strip(),
        running_title=options.running_title.strip(),
        description=options.description.strip(),
        keywords=options.keywords.strip(),
        accessibility=Accessibility(options.access),
    )

    async def work(site: "Site") -> Exit:
        from xnat_wizard.xnat.project_words import ACCESSIBILITY_WORDS, no_create_right

        if await site.may_create_projects() is False:
            raise Problem(no_create_right())
        await _check(site, draft)
        if options.dry_run:
            _tell(
                draft.id,
                f"{draft.id} could be made on {site.info.url}: the names are free, as far as can be seen",
                options,
            )
            return Exit.DONE
        say(f"{draft.id}: {draft.name or 'the ID is its title'}. The ID cannot be changed later.")
        kind, _, meaning = ACCESSIBILITY_WORDS[draft.accessibility].partition(" ")
        say(f"It is {kind}: {meaning.strip()}.")
        if not ask(f"Make the project {draft.id} on {site.info.url}?", is_yes=options.yes):
            say("Nothing was changed.")
            return Exit.DONE
        project = await site.create_project(draft)
        if options.json:
            put_object("project", **project_facts(project), is_made=True)
        else:
            put(f"{project.id} was made; you are its {project.role}")
        return Exit.DONE

    return _run(options, work)


async def _check(site: "Site", draft: "ProjectDraft") -> None:
    """Check a draft against what is known of all projects, as the wizard does while it is typed.

    Raises:
        Problem: project.bad_draft.
    """
    from xnat_wizard.xnat import draft_checks as checks

    taken = checks.taken_names(await site.projects())
    for name in dict.fromkeys((draft.id, draft.name, draft.running_title)):
        if name.casefold() not in taken:
            owner = await checks.owner_of(site, name)
            if owner is not None:
                taken[name.casefold()] = owner
    wrong = [
        (field, check.text)
        for field, check in (
            ("ID", checks.check_id(draft, taken)),
            ("title", checks.check_name(draft, taken)),
            ("running title", checks.check_running_title(draft, taken)),
        )
        if check.is_wrong
    ]
    if not draft.id:
        wrong.insert(0, ("ID", "It is empty"))
    if wrong:
        fields = [field for field, _ in wrong]
        reasons = dict.fromkeys(text.rstrip(".") for _, text in wrong)  # ID and title may be the same, and taken
        raise Problem(
            Finding(
                "project.bad_draft",
                f"The project cannot be made with this {' and '.join(fields)}",
                "; ".join(
                    text
                    if len(reasons) == 1
                    else f"{' and '.join(one for one, said in wrong if said.rstrip('.') == text)}: {text}"
                    for text in reasons
                ),
                ("Choose another", "See which projects there are: `xnat-wizard project list`"),
                shareable="A name of a new project is taken, or has characters that XNAT does not take.",
            )
        )


def _tell(project_id: str, words: str, options: argparse.Namespace) -> None:
    if options.json:
        put_object("project", id=project_id, is_made=False, said=words)
    else:
        put(words)
