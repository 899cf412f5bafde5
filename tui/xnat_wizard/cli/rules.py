"""`rules put`, `get`, `show` and `test`: naming rules that a project keeps for everybody who uploads to it."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from xnat_wizard.cli.access import add_site_to, login_once, site_of
from xnat_wizard.cli.source import LAYOUT_HELP
from xnat_wizard.cli.talk import Exit, explain, put, put_mapping, put_object, say
from xnat_wizard.findings import Finding, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xnat_wizard.convert.model import Item
    from xnat_wizard.convert.rules import Rules

OF_PROJECT = "project"  # what stands for the project's own rules where a file of rules is asked for
RULES_HELP = (
    "rules that name series by their headers; `project` for those that the project keeps (./project for a file)"
)


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the program's."""
    rules = commands.add_parser(
        "rules", help="naming rules for `convert`, kept in a project for all; and a test of them"
    )
    acts = rules.add_subparsers(title="commands", metavar="COMMAND", required=True)

    send = acts.add_parser("put", help="let a project keep a file of rules; one that cannot be used is refused")
    send.add_argument("file", type=Path, help="the rules, as TOML")
    send.add_argument(
        "--existing",
        choices=("fail", "replace"),
        default="fail",
        help="other rules that are there: leave them and say so (default), or replace",
    )
    _add_project_to(send)
    send.set_defaults(run=_put)

    save = acts.add_parser("get", help="save the rules of a project as a file")
    save.add_argument("file", type=Path, help="a new file")
    _add_project_to(save)
    save.set_defaults(run=_get)

    show = acts.add_parser("show", help="print the rules of a project")
    _add_project_to(show)
    show.set_defaults(run=_show)

    test = acts.add_parser("test", help="say which rule takes which series of a source, and why the others do not")
    test.add_argument("source", type=Path, help="folder, zip or tar file; it is only read")
    test.add_argument("--rules", default=OF_PROJECT, metavar="FILE.toml", help=f"{RULES_HELP}; these by default")
    test.add_argument("--project", default="", metavar="ID", help="whose rules are tested")
    test.add_argument("--layout", default="subject-series", help=LAYOUT_HELP)
    test.add_argument("--subject", action="append", default=[], metavar="NAME", help="only this one; repeatable")
    test.add_argument("--series", action="append", default=[], metavar="NUMBER|NAME", help="only these; repeatable")
    test.add_argument("--bids", action="store_true", help="name the images as in a BIDS dataset")
    test.add_argument("--json", action="store_true", help="one JSON object a line")
    add_site_to(test)
    test.set_defaults(run=_test)


def read_rules(name: str, options: argparse.Namespace) -> "Rules":
    """Read a file of rules, or those of the project that the options name.

    Raises:
        Problem: `convert.rules_bad`, `convert.rules_absent`, `terminal.options`; the site cannot be asked.
    """
    from xnat_wizard.convert.rules import parse, read

    word, colon, project = name.partition(":")
    if word != OF_PROJECT or (colon and not project):
        return read(Path(name))
    from xnat_wizard.upload.project_rules import place

    project = project or options.project
    return parse(_text_of_project(project, options), place(project))


def show_tests(
    rules: "Rules", offered: "Sequence[Item]", items: "Sequence[Item]", *, is_bids: bool, is_json: bool
) -> Exit:
    """Print for every kind of images in every series which rule takes it and why the others do not."""
    from xnat_wizard.convert import tester

    tests = tester.ask(rules, items, offered=offered, is_bids=is_bids)
    for test in tests:
        taker = test.taken_by
        if is_json:
            put_object(
                "match",
                series=test.item.name,
                images_of=test.kind,
                images=test.traits.images,
                rule=taker.name if taker else "",
                bids=str(taker.bids or "") if taker else "",
                path=test.path,
                held_by=list(test.item.held_by) if test.held else [],
                not_matched=[{"rule": rule.name, "why": why} for rule, why in test.why_not],
            )
            continue
        goal = f"{taker.name}  {taker.bids or ''}".rstrip() if taker else "no rule"
        put(f"{test.item.name}  [{test.kind}]  {test.traits.images} images  -> {goal}")
        if test.path:
            put(f"    called {test.path}")
        if test.held:
            put(f"    not converted: {test.held.why}")
        for rule, why in test.why_not:
            put(f"    not {rule.name}: {why}")
    for name in tester.unused(rules, tests):
        say(f'No series here fits the rule "{name}".')
    return Exit.DONE if any(test.taken_by for test in tests) else Exit.FAILED


def _add_project_to(command: argparse.ArgumentParser) -> None:
    command.add_argument("--project", required=True, metavar="ID", help="project ID")
    add_site_to(command)


def _put(options: argparse.Namespace) -> int:
    import asyncio

    from xnat_wizard.convert.rules import parse, read_text
    from xnat_wizard.upload import project_rules
    from xnat_wizard.xnat.site import Site

    text = read_text(options.file)
    count = len(parse(text, str(options.file)).rules)  # before anybody logs in

    async def save() -> bool:
        async with await Site.connect(login_once(site_of(options), options)) as site:
            return await project_rules.save(site, options.project, text, is_replacing=options.existing == "replace")

    is_new = asyncio.run(save())
    done = "keeps now" if is_new else "keeps already, without a difference,"
    say(f"{options.project} {done} {count} rule{'' if count == 1 else 's'} in {project_rules.place(options.project)}.")
    say(f"Everybody may use them: xnat-wizard convert SOURCE --rules {OF_PROJECT} --project {options.project}")
    return Exit.DONE


def _get(options: argparse.Namespace) -> int:
    text = _text_of_project(options.project, options)
    with options.file.open("x", encoding="utf-8", newline="") as file:
        file.write(text)
    say(f"The rules of {options.project} are in {options.file}.")
    return Exit.DONE


def _show(options: argparse.Namespace) -> int:
    text = _text_of_project(options.project, options)
    for line in text.splitlines():
        put(line)
    return Exit.DONE


def _test(options: argparse.Namespace) -> int:
    from xnat_wizard.convert import selection
    from xnat_wizard.dicom.layout import Layout
    from xnat_wizard.dicom.source import open_source
    from xnat_wizard.dicom.survey import survey

    rules = read_rules(options.rules, options)
    found = survey(options.source, Layout.parse(options.layout))
    with open_source(found.source) as source:
        offer = selection.offer(found, source)
        for finding in offer.findings:
            if options.json:
                put_mapping(finding.as_dict())
            explain(finding)
        chosen = selection.choose(offer.items, options.subject, options.series)
        return show_tests(rules, offer.items, chosen, is_bids=options.bids, is_json=options.json)


def _text_of_project(project: str, options: argparse.Namespace) -> str:
    """Return the text of the rules that a project keeps.

    Raises:
        Problem: `convert.rules_absent`, `terminal.options`; the site cannot be asked.
    """
    import asyncio

    from xnat_wizard.upload import project_rules
    from xnat_wizard.xnat.site import Site

    if not project:
        raise Problem(
            Finding(
                "terminal.options",
                "No project is named",
                f"`--rules {OF_PROJECT}` means the rules that a project keeps",
                ("Name the project: --project ID", "Or give a file: --rules FILE.toml"),
            )
        )

    async def load() -> str:
        async with await Site.connect(login_once(site_of(options), options)) as site:
            return await project_rules.text_at(site, project)

    return asyncio.run(load())
