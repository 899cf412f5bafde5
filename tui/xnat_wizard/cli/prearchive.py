"""`prearchive list`, `show`, `move`, `archive`, `rebuild`, `delete`: what waits on the site, for many at once."""

import argparse
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from xnat_wizard.cli.access import add_site_to, login_for, site_of
from xnat_wizard.cli.manpage import add_page
from xnat_wizard.cli.prearchive_choosing import (
    STATUSES,
    Filter,
    Name,
    Seen,
    chosen,
    is_pattern,
    is_stuck,
    look,
    names_in,
)
from xnat_wizard.cli.talk import Exit, explain, put_mapping, put_object, say
from xnat_wizard.findings import Finding, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xnat_wizard.cli.prearchive_acts import Job
    from xnat_wizard.xnat.model import PrearchiveSession, Project
    from xnat_wizard.xnat.site import Site

_NAMING = (
    "A session is named as the first column of `prearchive list` shows it: PROJECT/SESSION, or by its address, or by "
    "its label alone with --project. A pattern in quotes means all that fit: 'DEMO/*_MR1'. `-` reads one name a line "
    "from stdin, or the JSON lines of `prearchive list --json`."
)
PROJECT_HELP = (
    "the project of names that say none",
    "only of this project, or of those that fit a pattern: '*' is all",
)
_LOOKED = (
    "Each session is looked at afterwards; nothing is called done that was not seen. Where only some could be done, "
    "the exit code is 3."
)


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the program's."""
    whole = commands.add_parser(
        "prearchive", help="list what waits in the prearchive; show, move, archive, rebuild or delete it"
    )
    acts = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_reading(acts)
    _add_archive(acts)
    move = add_page(
        acts,
        "move",
        words="move sessions into the prearchive of another project",
        about=f"Move sessions into the prearchive of another project; what has no project gets one so.\n\n{_NAMING}"
        f"\n\n{_LOOKED}",
        examples=(
            ("xnat-wizard prearchive move DEMO/P01_MR1 --to HIPPO", "move one session, after a yes"),
            ("xnat-wizard prearchive move 'Unassigned/*' --to HIPPO --dry-run", "say what would be moved"),
        ),
    )
    to = move.add_argument("--to", metavar="PROJECT", help="ID of the project (needed)")
    to.required = True  # set here: elsewhere `--to` is a setting, and may be said by the settings
    _add_act_to(move, _move)

    rebuild = add_page(
        acts,
        "rebuild",
        words="let the site build sessions from their files",
        about="Let the site build sessions: those that are still RECEIVING and whole, or that ended in ERROR or "
        "CONFLICT. A project that archives by itself may archive them then; that is said. It asks nothing: no file is "
        f"lost by it.\n\n{_NAMING}\n\n{_LOOKED}",
        examples=(
            ("xnat-wizard prearchive rebuild DEMO/P01_MR1", "build one session"),
            ("xnat-wizard prearchive rebuild 'DEMO/*' --status ERROR", "build all of a project that failed"),
        ),
    )
    _add_act_to(rebuild, _rebuild)

    delete = add_page(
        acts,
        "delete",
        words="delete sessions and their files from the prearchive",
        about="Delete sessions and their files from the prearchive. The files on your disk and what is in the archive "
        "stay. It counts what is in each, and asks for the number of sessions to be typed.\n\n"
        f"{_NAMING}\n\n{_LOOKED}",
        examples=(
            ("xnat-wizard prearchive delete DEMO/P01_MR1", "count its files, ask, delete it"),
            ("xnat-wizard prearchive delete 'DEMO/test*' --dry-run", "say what would be deleted"),
            (
                "xnat-wizard prearchive list --status ERROR --json | xnat-wizard prearchive delete - --yes",
                "delete what failed, without a question",
            ),
        ),
    )
    _add_act_to(delete, _delete)


def _add_reading(acts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    show_all = add_page(
        acts,
        "list",
        words="list what waits in the prearchive",
        about="List the sessions that wait in the prearchive of a project, or of all that you may edit: place, "
        "subject, status, what it means, how long ago it last changed, date of the scan.\n\n"
        f"Statuses are {', '.join(STATUSES)}; STUCK is none of XNAT's: nothing was heard of the session for longer "
        "than the site should need.\n\n"
        "Ages go by the site's clock. XNAT tells its times without a zone: where the site is in another zone than this "
        "machine, an age can be wrong by the difference.",
        examples=(
            ("xnat-wizard prearchive list", "all that you may edit"),
            ("xnat-wizard prearchive list --project DEMO", "all of one project"),
            (
                "xnat-wizard prearchive list --status READY --older-than 2h",
                "what is ready, and untouched for two hours",
            ),
            (
                "xnat-wizard prearchive list --status READY --json | xnat-wizard prearchive archive - --yes",
                "archive all that is ready",
            ),
        ),
    )
    _add_filter_to(show_all, is_list=True)
    show_all.add_argument(
        "--older-than", default="", metavar="AGE", help="only what nothing was heard of for so long: 90s, 30m, 2h, 3d"
    )
    show_all.add_argument("--json", action="store_true", help="one JSON object a line")
    add_site_to(show_all)
    show_all.set_defaults(run=_list)

    show = add_page(
        acts,
        "show",
        words="show sessions: scans, files, log, conflicts in plain words, what to do next",
        about="Show all that is known of sessions: scans with their files, what archiving would meet, the log of a "
        f"session that failed and what it means, and what to do next. It changes nothing.\n\n{_NAMING}",
        examples=(
            ("xnat-wizard prearchive show DEMO/P01_MR1", "one session"),
            ("xnat-wizard prearchive show DEMO/P01_MR1 --files", "with each file"),
        ),
    )
    show.add_argument("names", nargs="+", metavar="SESSION", help="which; - for stdin")
    _add_filter_to(show)
    show.add_argument("--files", action="store_true", help="list the files of each scan")
    show.add_argument("--json", action="store_true", help="one JSON object a line")
    add_site_to(show)
    show.set_defaults(run=_show)


def _add_archive(acts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    archive = add_page(
        acts,
        "archive",
        words="archive sessions, after asking the site what stands against it",
        about="Archive sessions. The site is asked first what stands against each: a session that is there already is "
        "merged into, which adds what is new and replaces nothing; anything worse leaves the session where it is, and "
        "is explained with the ways out.\n\n"
        "--overwrite append and delete mean the same for XNAT, one session at a time: files of the same images in the "
        "archive are replaced, and studies are no longer compared. That takes an owner of the project, is sent only "
        "where something stands against archiving, and wants the number of sessions typed.\n\n"
        f"{_NAMING}\n\n{_LOOKED}",
        examples=(
            ("xnat-wizard prearchive archive DEMO/P01_MR1", "check, ask, archive, look"),
            ("xnat-wizard prearchive archive 'DEMO/*' --status READY --yes", "all that is ready, without a question"),
            ("xnat-wizard prearchive archive 'DEMO/*' --dry-run", "say what would be archived, merged, or stay"),
            ("xnat-wizard prearchive archive DEMO/P01_MR1 --session-label P01_MR2", "under another label"),
        ),
    )
    archive.add_argument(
        "--overwrite",
        choices=("none", "append", "delete"),
        default="none",
        help="none (default): nothing that is there is replaced",
    )
    archive.add_argument("--subject-label", default="", metavar="LABEL", help="archive one session under this subject")
    archive.add_argument("--session-label", default="", metavar="LABEL", help="archive one session under this label")
    _add_act_to(archive, _archive)


def _add_filter_to(command: argparse.ArgumentParser, *, is_list: bool = False) -> None:
    command.add_argument("--project", default="", metavar="P", help=PROJECT_HELP[is_list])
    command.add_argument(
        "--status", default="", metavar="S", help="only with this status, or several with commas: READY,CONFLICT"
    )
    command.add_argument("--subject", default="", metavar="PATTERN", help="only of subjects that fit: 'P0*'")


def _add_act_to(command: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]) -> None:
    command.add_argument("names", nargs="+", metavar="SESSION", help="which; - for stdin")
    _add_filter_to(command)
    command.add_argument("--yes", action="store_true", help="do not ask")
    command.add_argument(
        "--dry-run", action="store_true", help="look at everything, say what would happen, change nothing"
    )
    command.add_argument("--json", action="store_true", help="one JSON object a line")
    add_site_to(command)
    command.set_defaults(run=run)


# -- reading ---------------------------------------------------------------------------------------


def _list(options: argparse.Namespace) -> int:
    wanted = Filter.of(options)

    async def work(site: "Site", _: "tuple[Name, ...]") -> Exit:
        from xnat_wizard.cli.prearchive_lines import put_rows, session_facts

        seen = await look(site, "" if is_pattern(options.project) else options.project)
        rows = [row for row in seen.rows if wanted.passes(row, seen)]
        if options.json:
            for row in rows:
                put_object("session", **session_facts(row, seen))
        else:
            put_rows(rows, seen)
        stuck = sum(is_stuck(seen.plight(row)[0]) for row in rows)
        others = f" of {len(seen.rows)}" if len(rows) < len(seen.rows) else ""
        say(f"{len(rows)}{others} {'session' if len(rows) == 1 and not others else 'sessions'}"
            + (f", {stuck} stuck" if stuck else "") + ".")  # fmt: skip
        return Exit.DONE

    return _run(options, work)


def _show(options: argparse.Namespace) -> int:
    wanted = Filter.of(options)

    async def work(site: "Site", names: "tuple[Name, ...]") -> Exit:
        from xnat_wizard.cli.talk import put

        seen, rows, missing = await _meant(site, names, wanted)
        for finding in missing:
            if options.json:
                put_mapping(finding.as_dict())
            explain(finding)
        for at, row in enumerate(rows):
            if at and not options.json:
                put("")
            await _show_one(site, row, seen, options)
        if not missing:
            return Exit.DONE
        return Exit.INCOMPLETE if rows else Exit.FAILED

    return _run(options, work)


async def _show_one(site: "Site", row: "PrearchiveSession", seen: Seen, options: argparse.Namespace) -> None:
    from dataclasses import replace

    from xnat_wizard.cli.prearchive_lines import put_details
    from xnat_wizard.xnat.waiting.details import look_into
    from xnat_wizard.xnat.waiting.words import ARCHIVABLE

    details = await look_into(site, row)
    if not details.log:
        details = replace(details, log=await site.prearchive_log(row.uri))
    is_archivable = row.plain_status in ARCHIVABLE and not row.is_locked and not row.is_unassigned
    verdicts = await site.validate_archive(row.uri) if is_archivable else ()
    files = {}
    if options.files:
        files = {one.scan.id: await site.prearchive_files(row.uri, one.scan.id) for one in details.scans}
    put_details(details, verdicts, files, seen, is_json=options.json)


# -- acting ----------------------------------------------------------------------------------------


def _move(options: argparse.Namespace) -> int:
    async def job(site: "Site") -> "Job":
        from xnat_wizard.cli.prearchive_acts import moving

        return moving(site, await _destination(site, options.to))

    return _act(options, job)


async def _destination(site: "Site", project_id: str) -> "Project":
    """Return the project that sessions are moved to.

    Raises:
        Problem: project.not_found, project.no_upload_right.
    """
    from xnat_wizard.xnat.project_words import no_upload_right

    project = next((one for one in await site.projects() if one.id == project_id), None)
    project = project or await site.project(project_id)
    if not project.may_upload:
        raise Problem(no_upload_right(project))
    return project


def _rebuild(options: argparse.Namespace) -> int:
    async def job(site: "Site") -> "Job":
        from xnat_wizard.cli.prearchive_acts import rebuilding

        return rebuilding(site)

    return _act(options, job)


def _delete(options: argparse.Namespace) -> int:
    async def job(site: "Site") -> "Job":
        from xnat_wizard.cli.prearchive_acts import deleting

        return deleting(site)

    return _act(options, job)


def _archive(options: argparse.Namespace) -> int:
    from xnat_wizard.upload.typed_labels import label_problem

    labels = (options.subject_label, options.session_label)
    if any(labels):
        wrong = label_problem(labels[0] or "any", labels[1] or "any")
        if wrong is not None:
            raise Problem(wrong)

    async def job(site: "Site") -> "Job":
        from xnat_wizard.cli.prearchive_acts import archiving

        return archiving(site, options.overwrite.replace("none", ""), labels)

    return _act(options, job, is_for_one=any(labels))


def _act(options: argparse.Namespace, make: "Callable[[Site], Awaitable[Job]]", *, is_for_one: bool = False) -> int:
    wanted = Filter.of(options)

    async def work(site: "Site", names: "tuple[Name, ...]") -> Exit:
        from xnat_wizard.cli.prearchive_acts import carry_out

        job = await make(site)
        seen, rows, missing = await _meant(site, names, wanted)
        if is_for_one and len(rows) > 1:
            raise Problem(_labels_of_many(rows))
        if not rows and not missing:
            say("Nothing fits.")
        return await carry_out(job, rows, missing, seen, options)

    return _run(options, work)


async def _meant(
    site: "Site", names: "tuple[Name, ...]", wanted: Filter
) -> "tuple[Seen, list[PrearchiveSession], list[Finding]]":
    """Look at the prearchive, and return the sessions that are meant and what was named that is not there."""
    homes = {name.project for name in names}
    (home,) = homes if len(homes) == 1 else ("",)
    seen = await look(site, "" if is_pattern(home) or home == "Unassigned" else home)
    rows, missing = chosen(seen, names, wanted)
    return seen, rows, missing


def _run(options: argparse.Namespace, work: "Callable[[Site, tuple[Name, ...]], Awaitable[Exit]]") -> Exit:
    import asyncio

    from xnat_wizard.xnat.site import Site

    login = login_for(site_of(options), options)
    names = names_in(
        getattr(options, "names", ()), options.project
    )  # after a password, which is the first line of stdin

    async def logged_in() -> Any:
        async with await Site.connect(login) as site:
            return await work(site, names)

    try:
        return Exit(asyncio.run(logged_in()))
    except KeyboardInterrupt:
        say("Stopped. What the site has begun it finishes: `xnat-wizard prearchive list` shows how things stand.")
        return Exit.STOPPED


def _labels_of_many(rows: "Sequence[PrearchiveSession]") -> Finding:
    return Finding(
        "terminal.labels_of_many",
        f"Labels were given for {len(rows)} sessions",
        "One label can be that of one session only",
        ("Name one session with --session-label and --subject-label",),
        shareable="Labels were given for several sessions.",
    )
