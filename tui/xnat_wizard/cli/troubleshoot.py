"""`troubleshoot`: finds out where data went that cannot be found, says what to do, and does it after a yes."""

import argparse
import itertools
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xnat_wizard.cli.access import add_login_to, login_for
from xnat_wizard.cli.talk import Exit, ask, explain, put, put_mapping, put_object, say
from xnat_wizard.findings import Finding, Problem, printable

if TYPE_CHECKING:
    from xnat_wizard.troubleshoot.case import Case
    from xnat_wizard.troubleshoot.facts import Facts
    from xnat_wizard.troubleshoot.letters import Letter
    from xnat_wizard.troubleshoot.model import NextStep, Report
    from xnat_wizard.troubleshoot.runner import Search
    from xnat_wizard.xnat.model import Login
    from xnat_wizard.xnat.site import Site

_FATES = {"unverifiable": "could not be looked up", "acknowledged but absent": "taken by the site and not found there"}
_LOOK_S = 0.5  # how often the line of progress is renewed


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the program's."""
    find = commands.add_parser(
        "troubleshoot",
        help="find out where data went that cannot be found",
        description="Search archive, prearchive and unassigned data for what was sent, compare file by file, and say "
        "what happened, how sure that is, and what to do. It only reads, unless --fix is given.",
    )
    find.add_argument(
        "what",
        nargs="*",
        help="what is known: a folder or archive, a receipt, a journal, a log of storescu or dcmsend, a Study Instance "
        "UID, a session label",
    )
    find.add_argument("--site", default=argparse.SUPPRESS, metavar="ADDRESS", help="the site to search")
    find.add_argument("--project", default="", metavar="P", help="the project as it was given to the sender")
    find.add_argument("--subject", default="", metavar="LABEL", help="the subject's label that was sent")
    find.add_argument("--session", default="", metavar="LABEL", help="the session's label that was sent")
    find.add_argument(
        "--when", default="", metavar="TIME", help='"yesterday evening", "3 days", a date, or two with .. between'
    )
    find.add_argument(
        "--way", default="", metavar="WAY", help="zip, gradual, si, web, c-store, desktop or direct, if it is known"
    )
    find.add_argument("--error", default="", metavar="TEXT", help="what the sending program said")
    find.add_argument("--receiver", default="", metavar="HOST:PORT", help="of a C-STORE")
    find.add_argument("--ae-title", default="", metavar="AET", help="the AE title that was called")
    find.add_argument("--calling", default="", metavar="AET", help="the AE title that called")
    find.add_argument("--wait", action="store_true", help="wait for a server that is still working, and look again")
    find.add_argument("--details", action="store_true", help="show numbers of causes, and what was asked and answered")
    find.add_argument("--files", action="store_true", help="list every file and its fate")
    find.add_argument("--letters", type=Path, metavar="FOLDER", help="write the letters to who can help")
    find.add_argument("--with-labels", action="store_true", help="labels and header texts may stand in the letters")
    find.add_argument("--fix", action="store_true", help="offer what can be done; each act is previewed and asked for")
    find.add_argument(
        "--yes", action="store_true", help="do not ask: do every act of --fix that the site finds harmless"
    )
    find.add_argument("--list", action="store_true", help="list the causes that are looked for, and search nothing")
    find.add_argument("--json", action="store_true", help="one JSON object a line")
    add_login_to(find)
    find.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    import asyncio

    if options.list:
        return _list(is_json=options.json)
    case = _case(options)
    address = options.site or _address_in(case)
    if not address:
        raise Problem(_no_site())
    return asyncio.run(_search(case, login_for(address, options), options))


def _list(*, is_json: bool) -> Exit:
    from xnat_wizard.troubleshoot.catalogue import CAUSES, FAMILIES

    for cause in sorted(CAUSES, key=lambda one: (tuple(FAMILIES).index(one.family), one.id)):
        if is_json:
            put_object("cause", id=cause.id, title=cause.title, family=FAMILIES[cause.family])
        else:
            put(f"{cause.id}  {cause.title}")
    return Exit.DONE


def _case(options: argparse.Namespace) -> "Case":
    """Put together what is known.

    Raises:
        Problem: `case.*` for words that cannot be read.
    """
    from datetime import UTC, datetime

    from xnat_wizard.troubleshoot.case import case_from, way_of
    from xnat_wizard.troubleshoot.window import read_window

    window = read_window(options.when, now=datetime.now(UTC).astimezone()) if options.when else None
    case = case_from([_journal_of(word) for word in options.what], now_window=window)
    receiver = None
    if options.receiver:
        host, _, port = options.receiver.rpartition(":")
        if not host or not port.isdigit():
            raise Problem(_bad_receiver(options.receiver))
        receiver = (host, int(port), options.ae_title)
    return replace(
        case,
        project=options.project,
        subject=options.subject or case.subject,
        session=options.session or case.session,
        way=way_of(options.way) if options.way else case.way,
        error_text=options.error,
        receiver=receiver,
        calling_ae=options.calling,
    )


def _journal_of(word: str) -> str:
    """Return the folder of an upload where its ID was given, else the word as it is."""
    from xnat_wizard.settings import uploads_dir
    from xnat_wizard.upload.journal import FILE_NAME

    if not word or "/" in word or word in {".", ".."} or Path(word).exists():
        return word
    try:
        folder = uploads_dir() / word
    except Problem:  # a home that cannot be used keeps nobody from searching the site
        return word
    return str(folder) if (folder / FILE_NAME).is_file() else word


def _address_in(case: "Case") -> str:
    """Return the site that a record of the case names."""
    from xnat_wizard.troubleshoot.records import read_records

    return read_records(case).site_url if case.journal or case.receipt else ""


async def _search(case: "Case", login: "Login", options: argparse.Namespace) -> Exit:
    from xnat_wizard.troubleshoot.runner import Search
    from xnat_wizard.troubleshoot.writing import letters_for
    from xnat_wizard.xnat.site import Site

    async with await Site.connect(login) as site, Search(case, site, is_patient=options.wait) as search:
        async with _progress(search):
            report = await search.result()
        facts = search.facts
        _show(report, facts, options)
        letters = letters_for(facts, report, with_labels=options.with_labels)
        if options.letters:
            _save(letters, options.letters, is_json=options.json)
        elif letters and not options.json:
            are = "1 letter is" if len(letters) == 1 else f"{len(letters)} letters are"
            say(f"{are} ready for those who can help: --letters FOLDER writes them.")
        if options.fix:
            await _fix(site, report, facts, options)
    return _exit_of(report)


def _exit_of(report: "Report") -> Exit:
    from xnat_wizard.troubleshoot.model import Verdict

    if report.verdict in {Verdict.COMPLETE, Verdict.BY_COUNT, Verdict.ON_PURPOSE}:
        return Exit.DONE
    return Exit.INCOMPLETE if report.verdict in {Verdict.INCOMPLETE, Verdict.MOVING} else Exit.FAILED


@asynccontextmanager
async def _progress(search: "Search") -> AsyncIterator[None]:
    """Say each step of a search as it begins."""
    import asyncio

    async def tell() -> None:
        shown = ""
        while True:
            says = search.snapshot().says
            if says != shown:
                say(f"{says}...")
                shown = says
            await asyncio.sleep(_LOOK_S)

    task = asyncio.create_task(tell())
    try:
        yield
    finally:
        task.cancel()


def _show(report: "Report", facts: "Facts", options: argparse.Namespace) -> None:
    from xnat_wizard.troubleshoot.by_series import per_series

    if options.json:
        put_mapping(report.as_dict(has_files=options.files))
        for series in per_series(facts):
            put_mapping(series.as_dict())
        return
    put(f"{report.verdict}: {report.verdict_says}")
    for one in report.diagnoses:
        head, _, rest = one.as_text(has_details=options.details).partition("\n")
        is_said = one.says == report.verdict_says  # the first line has it
        put(rest if is_said else f"\n{head}\n{rest}")
    totals = {fate: count for fate, count in report.ledger.totals.items() if count}
    if totals:
        put("")
        put("Files: " + ", ".join(f"{count} {_FATES.get(fate, fate)}" for fate, count in totals.items()))
        for series in per_series(facts):
            put(f"  {printable(series.as_text())}")
    if options.files:
        for file in report.ledger.lines:
            line = f"{file.outcome:24}  {file.path}" + (f"  ({file.remark})" if file.remark else "")
            put(printable(line))
    if report.blind_spots and (options.details or _exit_of(report) is not Exit.DONE):
        put("")
        put("Could not look at:")
        for spot in report.blind_spots:
            put(printable(f"  {spot.place}: {spot.why}; {spot.who.words} can"))


def _save(letters: "Iterable[Letter]", folder: Path, *, is_json: bool) -> None:
    """Write the letters, one a file.

    Raises:
        OSError: the folder cannot be written.
    """
    from xnat_wizard.troubleshoot.letters import save

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for letter in letters:
        path = folder / f"letter-{letter.template}.txt"
        save(letter.as_text(), path)
        if is_json:
            put_object("letter", template=letter.template, subject=letter.subject, path=str(path))
        else:
            put(str(path))


async def _fix(site: "Site", report: "Report", facts: "Facts", options: argparse.Namespace) -> None:
    """Offer what can be done, the surest diagnosis first; the steps of one diagnosis follow each other.

    Raises:
        Problem: `terminal.needed` where nobody can be asked.
    """
    from xnat_wizard.troubleshoot.fixes import can_do

    seen: set[tuple[str, str]] = set()
    moved: dict[str, str] = {}  # where a session went by an earlier act
    for diagnosis in report.diagnoses:
        for step in diagnosis.next_steps:
            is_new = (step.action, step.target) not in seen
            seen.add((step.action, step.target))
            if step.action == "F16":
                if is_new and not moved:
                    _plan_missing(site, facts, options)
                break  # what follows is for when the files are there
            if not can_do(step) or not is_new:
                continue
            if not facts.role.may(step.role):
                say(f"{step.text}\n  This takes {step.role.words}; you are {facts.role.words}.")
                break
            if not await _act(site, step, moved, options):
                break  # the next steps of this diagnosis build on it


async def _act(site: "Site", step: "NextStep", moved: dict[str, str], options: argparse.Namespace) -> bool:
    from xnat_wizard.troubleshoot.fixes import apply, preview

    step = replace(step, target=moved.get(step.target, step.target))
    try:
        seen = await preview(site, step)
    except Problem as problem:
        explain(problem.finding)
        return False
    say(f"{step.text}\n  {seen.does} {seen.loses}")
    for finding in seen.findings:
        explain(finding)
    if not seen.is_possible:
        say("  The site would not do this now.")
        return False
    if not ask("Do it?", is_yes=options.yes):
        return False
    try:
        outcome = await apply(site, step)
    except Problem as problem:
        explain(problem.finding)
        return False
    if outcome.uri and outcome.uri != step.target:
        moved[step.target] = outcome.uri
    if options.json:
        put_object("fix", action=step.action, is_done=outcome.is_done, says=outcome.says, uri=outcome.uri)
    else:
        put(outcome.says)
    return outcome.is_done


def _plan_missing(site: "Site", facts: "Facts", options: argparse.Namespace) -> None:
    """Save a plan of what is missing: it is sent like every other one."""
    from xnat_wizard.troubleshoot.resending import plan_of_missing
    from xnat_wizard.upload.plan_file import save

    project = facts.project.id if facts.project else facts.case.project
    try:
        plan = plan_of_missing(facts, site_url=site.info.url, project=project)
    except Problem as problem:
        explain(problem.finding)
        return
    path = _free_name(Path.cwd() / "missing.plan.json")
    save(plan, path)
    count = sum(session.file_count for session in plan.sessions)
    if options.json:
        put_object("plan", path=str(path), files=count)
    else:
        put(f"The {count} files that are missing are planned. To send them:")
        put(f"xnat-wizard upload {path}")


def _free_name(path: Path) -> Path:
    """Return the path, or one beside it with a number, that is not there yet."""
    names = (path if number == 1 else path.with_name(f"missing-{number}.plan.json") for number in itertools.count(1))
    return next(one for one in names if not one.exists())


def _no_site() -> Finding:
    return Finding(
        "case.no_site",
        "It is not known which site to search",
        "No address was given, and no record names one",
        ("Give `--site ADDRESS`, or set XNAT_HOST",),
    )


def _bad_receiver(text: str) -> Finding:
    return Finding(
        "case.receiver",
        "The receiver cannot be read",
        f"`{text}` is not a host and a port",
        ("Write it as HOST:PORT, for example xnat.example.org:8104",),
    )
