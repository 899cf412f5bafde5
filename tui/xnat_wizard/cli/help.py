"""`help`: the manual in the terminal, by topic."""

import argparse
import os
import shlex
import shutil
import subprocess
import sys

from xnat_wizard.cli.talk import Exit, explain, put, put_mapping, put_object
from xnat_wizard.findings import Finding
from xnat_wizard.settings import child_environment

_USUAL_PAGER = "less -R"


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the program's."""
    manual = commands.add_parser("help", help="show the manual: a page, a command, a finding, a setting")
    manual.add_argument(
        "topic", nargs="*", help="a page, a command, a step, a code such as XW-012, a setting (default: list them)"
    )
    manual.add_argument("--no-pager", action="store_true", help="print at once, also on a terminal")
    manual.add_argument("--json", action="store_true", help="one JSON object a line")
    manual.set_defaults(run=_help)


def _help(options: argparse.Namespace) -> int:
    from xnat_wizard.manual.pages import INDEX
    from xnat_wizard.manual.terminal import WIDTH, rendered
    from xnat_wizard.manual.topics import find

    topic = " ".join(options.topic)
    found = find(topic or INDEX)
    if found is None:
        finding = _unknown(topic or INDEX)
        if options.json:
            put_mapping(finding.as_dict())
        explain(finding)
        return Exit.USAGE
    if options.json:
        put_object("page", topic=found.topic, page=found.page, text=found.text)
        return Exit.DONE
    is_terminal = sys.stdout.isatty()
    width = min(WIDTH, shutil.get_terminal_size().columns - 1) if is_terminal else WIDTH
    is_styled = is_terminal and os.environ.get("TERM", "dumb") != "dumb" and "NO_COLOR" not in os.environ
    lines = rendered(found.text, found.page, width=width, is_styled=is_styled)
    is_long = is_terminal and len(lines) >= shutil.get_terminal_size().lines - 1
    if is_long and not options.no_pager and _in_pager("\n".join(lines) + "\n"):
        return Exit.DONE
    if is_styled:
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
    else:
        put("\n".join(lines))
    return Exit.DONE


def _in_pager(text: str) -> bool:
    """Show a text in the pager that the person likes; tells whether there was one."""
    command = shlex.split(os.environ.get("PAGER") or _USUAL_PAGER)
    program = shutil.which(command[0]) if command else None
    if program is None:
        return False
    environment = {**child_environment(), "LESS": os.environ.get("LESS", "-R")}
    subprocess.run([program, *command[1:]], input=text, text=True, env=environment, check=False)
    return True


def _unknown(topic: str) -> Finding:
    from xnat_wizard.manual.topics import near, pages_about

    todo = [f"For `{name}`: xnat-wizard help {name}" for name in near(topic)]
    pages = pages_about(topic)
    if pages:
        todo.append(f"Pages in which the word stands: {', '.join(pages[:8])}")
    todo.append("For all topics: xnat-wizard help")
    return Finding(
        "help.unknown",
        f"The manual has no topic `{topic}`",
        "Topics are pages, commands, steps, codes of findings, settings, keys and options",
        tuple(todo),
    )
