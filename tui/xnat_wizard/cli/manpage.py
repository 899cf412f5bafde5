"""A command whose `--help` is a page of its own: paragraphs, and examples that stand beside the command's code."""

import argparse
from collections.abc import Iterable

from xnat_wizard.cli.examples import EXAMPLES, Example


def add_page(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    *,
    words: str,
    about: str,
    examples: Iterable[Example],
) -> argparse.ArgumentParser:
    """Add a command with a page.

    Args:
        commands: those of the program, or of a command that has some.
        name: of the command.
        words: what stands in the list of commands.
        about: paragraphs, divided by an empty line.
        examples: command lines, each with what it is for.
    """
    page = commands.add_parser(name, help=words, description=about)
    EXAMPLES.setdefault(page.prog.partition(" ")[2], tuple(examples))
    return page
