"""`--help` of a command as a page: what it does, its options, examples that can be copied, how it ends."""

import argparse
import textwrap
from collections.abc import Iterable, Mapping

USUAL_EXITS: Mapping[int, str] = {
    0: "done",
    1: "failed; the last lines say why",
    2: "the command was not understood, or nobody could answer a question: nothing was changed",
    4: "no connection to the site",
    130: "stopped with Ctrl+C",
}
SOME_EXITS: Mapping[int, str] = {**USUAL_EXITS, 3: "done for some, not for all"}
_WIDTH = 78


def add_page(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    *,
    words: str,
    about: str,
    examples: Iterable[tuple[str, str]] = (),
    exits: Mapping[int, str] = USUAL_EXITS,
) -> argparse.ArgumentParser:
    """Add a command whose help is a page.

    Args:
        commands: those of the program, or of a command that has some.
        name: of the command.
        words: what stands in the list of commands.
        about: paragraphs, divided by an empty line.
        examples: command lines, each with what it does.
        exits: how it ends, by exit code.
    """
    lines = ["examples:"]
    for line, meaning in examples:
        lines += [f"  {line}", f"      {meaning}"]
    ends = ["exit codes:", *(f"  {code:<4} {meaning}" for code, meaning in sorted(exits.items()))]
    return commands.add_parser(
        name,
        help=words,
        description="\n\n".join(textwrap.fill(part, _WIDTH) for part in about.split("\n\n")),
        epilog="\n".join([*lines, "", *ends] if examples else ends),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
