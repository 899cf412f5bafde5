"""`--lines`: the wizard's checks as plain questions and lines, for screen readers and for terminals that only print.

Login, project and its settings, survey and findings, plan and forecast, and, if wanted, the start of the upload.
Nothing moves the cursor; a line is whole when it is printed. What is asked has a number to type or a default.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xnat_wizard.cli import access
from xnat_wizard.cli.talk import Exit, explain, put, say
from xnat_wizard.findings import Finding, Problem, Severity, by_weight

if TYPE_CHECKING:
    from xnat_wizard.dicom.layout import Layout
    from xnat_wizard.dicom.model import Survey
    from xnat_wizard.upload.model import Plan, PlannedSession
    from xnat_wizard.xnat.model import Project
    from xnat_wizard.xnat.site import Site

MOST_LISTED = 20  # so many projects are read out at most
SPEAK_EVERY_S = 5.0
YES = frozenset({"y", "yes"})


def converse(options: argparse.Namespace) -> int:
    """Ask and tell, from the login to the start of an upload; every question may be the last."""
    say("XNAT Wizard, line by line. Ctrl+C ends it at any question; nothing is sent before the last yes.")
    with asyncio.Runner() as runner:
        site = _log_in(runner, options)
        try:
            return _Talk(runner, site).walk()
        finally:
            runner.run(site.close())


def prompt(question: str, default: str = "") -> str:
    """Ask for a line; return it without blanks around it, or the default for an empty one.

    Raises:
        Problem: `terminal.needed` when there is nobody to answer any more.
    """
    say(f"{question} [{default}]: " if default else f"{question}: ", end="")
    line = sys.stdin.readline()
    if not line:
        raise Problem(
            Finding(
                "terminal.needed",
                "There is nobody to answer",
                "Standard input has ended at a question",
                ("Start it where questions can be answered", "Or use `xnat-wizard plan` and `upload`"),
            )
        )
    return line.strip() or default


def agree(question: str, *, is_yes: bool = False) -> bool:
    """Ask for yes or no; an empty line is `is_yes`."""
    answer = prompt(f"{question} (yes or no)", "yes" if is_yes else "no")
    return answer.casefold() in YES


def choose(question: str, names: Sequence[str], *, default: int = 0) -> int:
    """Ask for one of several, by number; return its place from 0. What is no number of one is asked again."""
    for number, name in enumerate(names, start=1):
        say(f"{number}: {name}")
    while True:
        answer = prompt(f"{question}, 1 to {len(names)}", str(default) if default else "")
        if answer.isdecimal() and 1 <= int(answer) <= len(names):
            return int(answer) - 1
        say(f"`{answer}` is none of these numbers.")


def _log_in(runner: asyncio.Runner, options: argparse.Namespace) -> "Site":
    from xnat_wizard.xnat.site import Site

    say("\nStep 1 of 5: log in.")
    address = options.site or prompt("Address of the XNAT site")
    while True:
        login = access.login_for(address, options)
        say(f"Logging in to {address}...")
        try:
            site = runner.run(Site.connect(login))
        except Problem as problem:
            explain(problem.finding)
            if not (sys.stdin.isatty() and agree("Try again?", is_yes=True)):
                raise Problem(problem.finding) from None
            address = prompt("Address of the XNAT site", address)
        else:
            version = f"XNAT {site.info.version}" if site.info.version else "an XNAT"
            say(f"You are {site.identity.username} at {site.info.url}, {version}.")
            return site


class _Talk:
    """The conversation after the login."""

    def __init__(self, runner: asyncio.Runner, site: "Site") -> None:
        self._runner = runner
        self._site = site

    def walk(self) -> int:
        """Go through the steps; return how the program ends."""
        project = self._project()
        survey = self._survey()
        plan = self._plan(project, survey)
        while True:
            plan = _edited(plan)
            if self._is_welcome(plan):
                break
            if not agree("Change the plan?", is_yes=True):
                return self._end_without(plan)
        if not agree(f"Start the upload of {_amount(plan.included)} now?"):
            return self._end_without(plan)
        return self._upload(plan)

    @staticmethod
    def _end_without(plan: "Plan") -> int:
        """Offer the plan as a file, since nothing was sent."""
        from xnat_wizard.upload.plan import save

        if plan.included and agree("Nothing was sent. Save the plan as a file, to send it later?"):
            path = Path(prompt("File", "xnat-upload.plan.json")).expanduser()
            save(plan, path)
            say(f"Saved. Send it with: xnat-wizard upload {path}")
        else:
            say("Nothing was sent.")
        return Exit.DONE

    # -- project -------------------------------------------------------------------------------------------------

    def _project(self) -> "Project":
        say("\nStep 2 of 5: project.")
        projects = tuple(one for one in self._runner.run(self._site.projects()) if one.may_upload)
        if not projects:
            raise Problem(_no_project())
        project = self._pick(projects)
        self._tell_settings(project)
        return project

    def _pick(self, projects: "tuple[Project, ...]") -> "Project":
        while True:
            found = projects
            if len(projects) > MOST_LISTED:
                part = prompt(
                    f"You may upload into {len(projects)} projects. Type a part of the ID or title"
                ).casefold()
                found = tuple(one for one in projects if part in f"{one.id} {one.name}".casefold())
            if not found:
                say("No project is like that.")
            elif len(found) > MOST_LISTED:
                say(f"{len(found)} projects are like that; type more of it.")
            elif len(found) == 1:
                say(f"Project {found[0].id}, {found[0].name}; you are {found[0].role}.")
                return found[0]
            else:
                names = [f"{one.id}, {one.name}; you are {one.role}" for one in found]
                return found[choose("Which project", names)]

    def _tell_settings(self, project: "Project") -> None:
        from xnat_wizard.xnat.project_words import settings_lines

        say(f"What the settings of {project.id} do to an upload:")
        for line in settings_lines(self._runner.run(self._site.upload_settings(project.id))):
            say(line)

    # -- folder --------------------------------------------------------------------------------------------------

    def _survey(self) -> "Survey":
        from xnat_wizard.dicom.layout import NAMES, Layout

        say("\nStep 3 of 5: folder. It is only read. It holds a folder for each subject, or is a zip or tar file.")
        while True:
            path = prompt("Path of the folder")
            if not path:
                continue
            layout = Layout.parse(list(NAMES)[choose("How are its folders nested", _layout_names(), default=1)])
            try:
                found = self._runner.run(_surveyed(Path(path).expanduser(), layout))
            except Problem as problem:
                explain(problem.finding)
                continue
            _tell_survey(found)
            if found.series or found.pairs:
                return found
            say("Nothing in it can be sent.")

    # -- plan ----------------------------------------------------------------------------------------------------

    def _plan(self, project: "Project", survey: "Survey") -> "Plan":
        from xnat_wizard.upload.model import Destination
        from xnat_wizard.upload.plan import draft
        from xnat_wizard.upload.usual_plan import as_settings_say

        say("\nStep 4 of 5: plan. Nothing is sent yet.")
        places = (Destination.PREARCHIVE, Destination.ARCHIVE)
        names = (
            "to the prearchive, where they wait until you archive them",
            "on into the archive, once all is counted",
        )
        url = self._site.info.url
        usual = as_settings_say(draft(survey, site_url=url, project=project.id, destination=places[0]))
        at = choose("Where shall the sessions end", names, default=1 + places.index(usual.destination))
        return replace(usual, destination=places[at])

    def _is_welcome(self, plan: "Plan") -> bool:
        """Tell what is wrong with the plan and what the site will do; return whether it may be sent as it is."""
        from xnat_wizard.upload.plan import check, forecast

        findings = check(plan)
        if not any(finding.severity is Severity.STOP for finding in findings):
            say("Asking the site what it will do with it...")
            said = self._runner.run(forecast(plan, self._site))
            findings = (*findings, *(finding for some in said.values() for finding in some))
        for finding in by_weight(findings):
            say("")
            explain(finding)
        is_stopped = any(finding.severity is Severity.STOP for finding in findings)
        say("\nIt cannot be sent as it is." if is_stopped else "\nIt can be sent as it is.")
        return not is_stopped

    # -- upload --------------------------------------------------------------------------------------------------

    def _upload(self, plan: "Plan") -> int:
        from xnat_wizard.upload import logout, uploads, worker

        say("\nStep 5 of 5: upload.")
        path = uploads.unfinished(plan)
        if path is not None:
            say("Going on with an earlier upload of the same: what the server has is not sent again.")
        path = path or uploads.begin(plan)
        if risk := logout.risk():
            explain(risk)
        if not worker.is_running(path):
            worker.start(path, self._runner.run(self._site.worker_login()))
        put(path.parent.name)
        say("It runs by itself now, and goes on when this terminal is closed.")
        if agree("Wait here for the receipt?", is_yes=True):
            return _watch(path)
        say(f"Watch it: xnat-wizard attach {path.parent.name}")
        return Exit.DONE


def _watch(path: Path) -> int:
    """Say in lines what an upload does, until it has ended; give its receipt."""
    from xnat_wizard.cli.following import LOOK_EVERY_S, Follower, report
    from xnat_wizard.upload.journal import Journal
    from xnat_wizard.upload.worker import is_running

    with Journal.open(path) as journal:
        follower = Follower(journal, is_json=False, has_bar=False)
        try:
            while is_running(path):
                follower.look()
                time.sleep(LOOK_EVERY_S)
            follower.look()
        except KeyboardInterrupt:
            say(f"The upload goes on. Watch it again: xnat-wizard attach {path.parent.name}")
            return Exit.STOPPED
        return report(journal, is_json=False)


def _layout_names() -> list[str]:
    from xnat_wizard.dicom.layout import NAMES, Layout

    return [Layout.parse(name).words for name in NAMES]


async def _surveyed(source: Path, layout: "Layout") -> "Survey":
    """Survey a folder, and say now and then how far it is."""
    from xnat_wizard.dicom.survey import SurveyRun

    say(f"Reading {source}... Ctrl+C stops; nothing on the disk is changed.")
    said_s = time.monotonic()
    async with SurveyRun(source, layout) as run:
        result = asyncio.ensure_future(run.result())
        while not result.done():
            await asyncio.wait({result}, timeout=1.0)
            if not result.done() and time.monotonic() - said_s >= SPEAK_EVERY_S:
                said_s = time.monotonic()
                now = run.snapshot()
                say(f"{now.folders_read:,} folders read, {now.files_seen:,} files seen.")
        return result.result()


def _tell_survey(found: "Survey") -> None:
    subjects = found.subject_folders
    say(f"{len(subjects)} subject folders, {len(found.series)} series, {found.file_count:,} files.")
    counts = {weight: sum(1 for one in found.findings if one.severity is weight) for weight in Severity}
    if not found.findings:
        say("No findings: every file can be sent.")
    elif agree(
        f"Findings: {counts[Severity.STOP]} that stop something, {counts[Severity.ASK]} that ask for your yes, "
        f"{counts[Severity.NOTE]} worth knowing. Read them?",
        is_yes=bool(counts[Severity.STOP] + counts[Severity.ASK]),
    ):
        for number, finding in enumerate(found.findings, start=1):
            say(f"\nFinding {number} of {len(found.findings)}, {finding.code}")
            explain(finding)
    if found.series and agree("Read out every series?"):
        for series in found.series:
            held = ", held: " + ", ".join(series.held_by) if series.held_by else ""
            name = series.series_description or "no description"
            say(f"{series.subject_folder}, series {series.series_number}, {name}, {len(series.instances)} files{held}")


def _edited(plan: "Plan") -> "Plan":
    """Read the plan out, and change sessions as long as a number is typed."""
    while True:
        for number, session in enumerate(plan.sessions, start=1):
            say(f"{number}: {_session_words(session)}")
        answer = prompt("Number of a session to change, or Enter to go on")
        if not answer:
            return plan
        if not (answer.isdecimal() and 1 <= int(answer) <= len(plan.sessions)):
            say(f"`{answer}` is none of these numbers.")
            continue
        try:
            plan = _changed(plan, plan.sessions[int(answer) - 1])
        except Problem as problem:
            explain(problem.finding)


def _changed(plan: "Plan", session: "PlannedSession") -> "Plan":
    from xnat_wizard.upload.plan import edit

    subject = prompt("Subject label", session.subject_label)
    label = prompt("Session label", session.session_label)
    if session.is_blocked:
        is_included = session.is_included
        say("It cannot be sent: findings stop it.")
    else:
        is_included = agree("Send it?", is_yes=session.is_included)
    changed = edit(plan, session.key, is_included=is_included)
    if subject != session.subject_label:
        changed = edit(changed, session.key, subject_label=subject)
    return edit(changed, session.key, session_label=label) if label != session.session_label else changed


def _session_words(session: "PlannedSession") -> str:
    state = "will be sent" if session.is_included else "stays here"
    held = f", because of {', '.join(session.held_by)}" if session.held_by and not session.is_included else ""
    return (
        f"subject {session.subject_label}, session {session.session_label}, {_amount((session,))}, "
        f"from folder {session.subject_folder}: {state}{held}"
    )


def _amount(sessions: "Sequence[PlannedSession]") -> str:
    from xnat_wizard.amounts import bytes_text, count_text

    files = sum(session.file_count for session in sessions)
    size = bytes_text(sum(session.size_bytes for session in sessions))
    many = f"{count_text(len(sessions), 'session')}, " if len(sessions) != 1 else ""
    return f"{many}{count_text(files, 'file')}, {size}"


def _no_project() -> Finding:
    return Finding(
        "project.none",
        "There is no project that you may upload into",
        "Your account is member or owner of none",
        ("Ask an owner to make you a member", "Or make a project: `xnat-wizard`, without --lines"),
    )
