"""`check`: is the way to the site free? From the name service to the DICOM receiver, with a page for IT."""

import argparse
import contextlib
import os
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from xnat_wizard.cli.access import add_login_to, login_for
from xnat_wizard.cli.talk import Exit, explain, put, put_mapping, put_object, say
from xnat_wizard.findings import Finding, Problem

if TYPE_CHECKING:
    from xnat_wizard.troubleshoot.check import Check, DicomPeer, Question
    from xnat_wizard.xnat.model import Login

_TITLE = 24  # columns of a check's title
_STATE = 8


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the program's."""
    check = commands.add_parser("check", help="look at the connection to a site, step by step, and say what is wrong")
    check.add_argument(
        "address", nargs="?", default="", help="address of the site (default: --site, XNAT_HOST, the setting `site`)"
    )
    check.add_argument("--project", default="", metavar="P", help="look at the account's rights in this project")
    check.add_argument("--dicom", default="", metavar="HOST:PORT", help="look at a DICOM receiver as well")
    check.add_argument("--ae-title", default="XNAT", metavar="AET", help="the receiver's AE title (default: XNAT)")
    check.add_argument("--calling", default="XNATWIZARD", metavar="AET", help="our own AE title (default: XNATWIZARD)")
    check.add_argument(
        "--idle", type=float, default=6.0, metavar="S", help="watch an idle connection so long (default: 6)"
    )
    check.add_argument("--list", action="store_true", help="list the checks, and make none")
    check.add_argument("--details", action="store_true", help="show what was asked and answered")
    check.add_argument("--json", action="store_true", help="one JSON object a line")
    check.add_argument("--page", type=Path, metavar="FILE", help="write a page for the IT department, without secrets")
    add_login_to(check)
    check.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.list:
        return _list(is_json=options.json)
    from xnat_wizard.troubleshoot.check import Question

    address = options.address or options.site
    if not address:
        explain(_no_address())
        return Exit.USAGE
    peer = _peer(options)
    login = _login(address, options)
    question = Question(
        address,
        login=login,
        project=options.project,
        dicom=peer,
        ca_file=options.ca_file or (login.ca_file if login else ""),
        idle_s=max(0.0, options.idle),
    )
    found: list[Check] = []
    import asyncio

    try:
        asyncio.run(_look(question, options, found))
    except KeyboardInterrupt:
        say(f"Stopped after {len(found)} checks; what is above stands.")
        _finish(question, options, found)
        return Exit.STOPPED
    code = _exit_of(found)
    _finish(question, options, found, code=code)
    return code


async def _look(question: "Question", options: argparse.Namespace, found: "list[Check]") -> None:
    from xnat_wizard.troubleshoot.check import Check, run_checks

    try:
        async with contextlib.aclosing(run_checks(question)) as checks:
            async for event in checks:
                if isinstance(event, Check):
                    found.append(event)
                    _show(event, is_json=options.json, is_whole=options.details)
                elif event.seconds:
                    say(f"Still at it: {event.title} ({event.seconds:.0f} s; Ctrl+C stops)")
    finally:
        if not options.json:
            _show_skipped(found)


def _list(*, is_json: bool) -> Exit:
    from xnat_wizard.troubleshoot.check import PROBES

    for probe in PROBES:
        what = (probe.look.__doc__ or "").partition("\n")[0].rstrip(".")
        if is_json:
            put_object("probe", name=probe.name, title=probe.title, what=what, needs=list(probe.needs))
        else:
            put(_row(probe.name, probe.title, what, first=17))
    return Exit.DONE


def _show(check: "Check", *, is_json: bool, is_whole: bool) -> None:
    from xnat_wizard.troubleshoot.check import State

    if is_json:
        put_mapping(check.as_dict())
        return
    if check.state is State.SKIPPED:
        return  # told at the end, together
    put(_row(str(check.state), check.title, check.said))
    lead = " " * _STATE
    if check.finding is not None and check.state in {State.FAIL, State.WARN}:
        put(_wrapped(f"{lead}why: {check.finding.why}", lead + " " * 5))
        for step in check.finding.todo:
            put(_wrapped(f"{lead}do:  {step}", lead + " " * 5))
    if is_whole:
        for line in check.evidence:
            put(_wrapped(f"{lead}-    {line}", lead + " " * 5))


def _show_skipped(found: "list[Check]") -> None:
    """Show what was skipped, a row for each reason."""
    from xnat_wizard.troubleshoot.check import State

    reasons: dict[str, list[str]] = {}
    for check in found:
        if check.state is State.SKIPPED:
            reasons.setdefault(check.said, []).append(check.title)
    for reason, titles in reasons.items():
        head = titles[0] if len(titles) == 1 else f"{len(titles)} checks"
        put(_row(str(State.SKIPPED), head, reason if len(titles) == 1 else f"{reason}: {', '.join(titles)}"))


def _row(mark: str, title: str, said: str, *, first: int = _STATE) -> str:
    head = f"{mark:<{first}}{title:<{_TITLE}}"
    return _wrapped(head + said, " " * (first + _TITLE))


def _wrapped(text: str, indent: str) -> str:
    width = min(100, max(60, shutil.get_terminal_size((80, 24)).columns))
    lines = textwrap.wrap(
        text, width, subsequent_indent=indent, break_on_hyphens=False, drop_whitespace=True, replace_whitespace=False
    )
    return "\n".join(line.rstrip() for line in lines)


def _finish(
    question: "Question", options: argparse.Namespace, found: "list[Check]", *, code: int | None = None
) -> None:
    from xnat_wizard.troubleshoot.check import State

    counts = {state: sum(check.state is state for check in found) for state in State}
    if options.json:
        put_object(
            "summary",
            **{str(state).lower(): count for state, count in counts.items()},
            is_complete=code is not None,
            code=code,
        )
    else:
        words = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        say(f"{words or 'Nothing was checked'}.")
    if options.page is not None:
        from datetime import UTC, datetime

        from xnat_wizard.troubleshoot.check.page import page
        from xnat_wizard.troubleshoot.letters import save

        save(page(question, found, now=datetime.now(UTC)), options.page)
        say(f"The page for the IT department is in {options.page}")
    elif counts[State.FAIL] and not options.json:
        say("A page for the IT department: the same command with `--page FILE`.")


def _exit_of(found: "list[Check]") -> Exit:
    from xnat_wizard.troubleshoot.check import State

    failed = [check for check in found if check.state is State.FAIL]
    if any(check.is_way for check in failed):
        return Exit.NO_CONNECTION
    return Exit.FAILED if failed else Exit.DONE


def _peer(options: argparse.Namespace) -> "DicomPeer | None":
    from xnat_wizard.troubleshoot.check import DicomPeer

    if not options.dicom:
        return None
    try:
        parts = urlsplit(f"//{options.dicom.removeprefix('dicom://')}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    title = parts.username or options.ae_title if host else options.ae_title
    is_title = all(
        0 < len(one.strip()) <= 16 and one.isascii() and one.isprintable() for one in (title, options.calling)
    )
    if not host or not port or not is_title:
        raise Problem(
            Finding(
                "terminal.bad_peer",
                f"`{options.dicom}` with title `{title}` and calling title `{options.calling}` names no DICOM receiver",
                "It takes a host and a port, and two AE titles of at most 16 plain characters",
                ("Write it as `--dicom HOST:PORT --ae-title TITLE --calling TITLE`",),
            )
        )
    return DicomPeer(host, port, title, options.calling)


def _login(address: str, options: argparse.Namespace) -> "Login | None":
    """Return the account to check with, `None` without one; asks for a password only when a user is named."""
    from xnat_wizard.login_sources import best_offer

    is_named = bool(options.user or os.environ.get("XNAT_USER"))
    if not is_named and sys.stdin.isatty() and best_offer(address, "")[0] is None:
        return None
    try:
        return login_for(address, options)
    except Problem as problem:
        if problem.finding.code != "login.missing":
            explain(problem.finding)
        return None


def _no_address() -> Finding:
    return Finding(
        "terminal.no_address",
        "No address was given",
        "Neither the command, nor `--site`, nor XNAT_HOST, nor the setting `site` names a site",
        (
            "Write it behind the command: `xnat-wizard check xnat.example.org`",
            "Or keep it for every command: `xnat-wizard settings set site xnat.example.org`",
        ),
    )
