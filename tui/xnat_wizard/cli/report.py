"""`report`: a bundle for a ticket that holds states, counts, codes and events, and no names."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from xnat_wizard.cli.access import add_login_to
from xnat_wizard.cli.manpage import add_page
from xnat_wizard.cli.talk import Exit, explain, put, put_object, say
from xnat_wizard.findings import Finding, Problem

if TYPE_CHECKING:
    from xnat_wizard.troubleshoot.bundle.contents import File
    from xnat_wizard.troubleshoot.check import Check
    from xnat_wizard.xnat.model import Login

DEFAULT_OUTPUT = "xnat-wizard-report.zip"


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the program's."""
    report = add_page(
        commands,
        "report",
        words="make a report for a ticket: states, counts and codes, without names",
        about="Make a zip to go along with a ticket: versions, settings, what became of uploads (states, counts, "
        "codes, events), the logs, and with --site what looking at the connection finds. Nothing is sent anywhere.\n\n"
        "In it are no names and labels, no paths and file names, no UIDs, no users, sites and machines, no passwords "
        "and tokens, no images. The same name has the same placeholder in all files: subject-1, session-2. What this "
        "program does not know is taken for a name.\n\n"
        "Look at it before you send it: --show prints everything that would be in it. The file is readable by you "
        "only.",
        examples=(
            ("xnat-wizard report", "about the newest upload, into xnat-wizard-report.zip"),
            ("xnat-wizard report --show | less", "read all that would be in it"),
            ("xnat-wizard report 20260101-120000-DEMO --output ticket.zip", "about one upload"),
            ("xnat-wizard report --site xnat.example.org", "with a look at the connection"),
        ),
    )
    report.add_argument(
        "uploads",
        nargs="*",
        metavar="UPLOAD",
        help="the uploads' folder names, as `status` shows them (default: the newest)",
    )
    report.add_argument("--all", action="store_true", help="about all uploads of this account")
    report.add_argument(
        "--output", type=Path, default=Path(DEFAULT_OUTPUT), metavar="FILE.zip", help=f"default: {DEFAULT_OUTPUT}"
    )
    report.add_argument(
        "--site", default=argparse.SUPPRESS, metavar="ADDRESS", help="look at the connection to this site"
    )
    report.add_argument("--dry-run", action="store_true", help="list what would be in it; write nothing")
    report.add_argument("--show", action="store_true", help="print all that would be in it; write nothing")
    report.add_argument("--json", action="store_true", help="one JSON object a line")
    add_login_to(report)
    report.set_defaults(run=_report, has_settings=False)


def _report(options: argparse.Namespace) -> int:
    from xnat_wizard.troubleshoot.bundle import contents

    is_written = not (options.dry_run or options.show)
    if is_written and options.output.exists():
        raise Problem(_is_there(options.output))
    journals = _journals(options)
    address = getattr(options, "site", "") or ""
    checks, names = _checks(address, options) if address else ([], ())
    files = contents.gather(journals, checks=checks, site=address, names=names)
    for at, path in enumerate(journals, start=1):
        say(f"upload-{at} is {path.parent.name}")
    _tell(files, options)
    if not is_written:
        say("Nothing was written.")
        return Exit.DONE
    try:
        contents.write(contents.packed(files), options.output)
    except FileExistsError:
        raise Problem(_is_there(options.output)) from None
    if options.json:
        put_object("report", file=str(options.output), files=len(files))
    else:
        put(str(options.output))
    say("Look at it before you send it: `xnat-wizard report --show` prints what is in it.")
    return Exit.DONE


def _tell(files: "tuple[File, ...]", options: argparse.Namespace) -> None:
    """Print what is in the bundle: whole, or as a list."""
    for file in files:
        if options.json:
            text = {"text": file.text} if options.show else {}
            put_object("file", name=file.name, bytes=len(file.text.encode()), what=file.what, **text)
        elif options.show:
            put(f"==> {file.name}")
            put(file.text.rstrip("\n"))
        elif options.dry_run:
            put(f"{len(file.text.encode()):>9,}  {file.name:<24}  {file.what}")
        else:
            say(f"{len(file.text.encode()):>9,}  {file.name:<24}  {file.what}")


def _journals(options: argparse.Namespace) -> list[Path]:
    """Return the journals that are meant: none where there is no upload.

    Raises:
        Problem: `upload.unknown`.
    """
    from xnat_wizard.upload import uploads

    if options.uploads:
        return list(dict.fromkeys(uploads.find(name) for name in options.uploads))
    found = uploads.journals()
    return found if options.all else found[:1]


def _checks(address: str, options: argparse.Namespace) -> "tuple[list[Check], tuple[str, ...]]":
    """Look at the connection; return what was found, and what of it may name somebody."""
    import asyncio
    import contextlib

    from xnat_wizard.troubleshoot.check import Check, Question, run_checks

    login = _login(address, options)
    found: list[Check] = []

    async def look() -> None:
        question = Question(address, login=login, ca_file=options.ca_file or (login.ca_file if login else ""))
        async with contextlib.aclosing(run_checks(question)) as checks:
            async for event in checks:
                if isinstance(event, Check):
                    found.append(event)
                elif not event.seconds:
                    say(f"Looking: {event.title}")

    asyncio.run(look())
    return found, (options.user, login.username if login else "", options.ca_file)


def _login(address: str, options: argparse.Namespace) -> "Login | None":
    """Return the login that this machine knows; nobody is asked."""
    from xnat_wizard.cli.access import typed_login
    from xnat_wizard.login_sources import best_offer
    from xnat_wizard.xnat.model import Login

    if options.password_stdin:
        return typed_login(address, options)
    offer, troubles = best_offer(address, options.user)
    for trouble in troubles:
        explain(trouble)
    if offer is None:
        say("No login is known for it: what needs one is not looked at.")
        return None
    return Login(offer.address_for(address), offer.login_name, offer.secret, ca_file=options.ca_file or offer.ca_file)


def _is_there(path: Path) -> Finding:
    return Finding(
        "report.is_there",
        f"{path} is there already",
        "A report never replaces a file",
        ("Give another name: `--output ticket.zip`",),
        where=str(path),
        shareable="The file of a report is there already.",
    )
