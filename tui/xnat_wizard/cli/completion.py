"""`completion`: prints what lets a shell complete commands, options, their values, files and upload IDs.

The scripts are made from the parsers themselves, so that they know every option that there is; only upload IDs are
asked for while completing.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from xnat_wizard.cli.talk import Exit, put, put_object

SHELLS = ("bash", "zsh", "fish")
MOST_CHOICES = 40
UPLOAD_NAMES = frozenset({"id", "upload"})  # of arguments that take the ID of an upload
HOW = {
    "bash": "xnat-wizard completion bash > ~/.local/share/bash-completion/completions/xnat-wizard",
    "zsh": "xnat-wizard completion zsh > ~/.zfunc/_xnat-wizard",
    "fish": "xnat-wizard completion fish > ~/.config/fish/completions/xnat-wizard.fish",
}


class Takes(Enum):
    """What stands behind an option, or as an argument."""

    NOTHING = "nothing"
    WORD = "word"  # nothing to propose
    CHOICE = "choice"
    FILE = "file"
    UPLOAD = "upload"  # an ID, or a file


@dataclass(frozen=True, slots=True)
class Option:
    """One option or argument."""

    flags: tuple[str, ...]  # none for an argument
    words: str
    takes: Takes
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """A command: what can be written there."""

    path: str  # "" for the program, "/resource/put"
    options: tuple[Option, ...]
    arguments: tuple[Option, ...]
    commands: dict[str, str] = field(default_factory=dict)  # name -> what it is for


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the program's."""
    completion = commands.add_parser(
        "completion",
        help="print what lets bash, zsh or fish complete commands",
        description="Prints a script for a shell, or the IDs of uploads, which the scripts ask for. Keep a script so:\n"
        + "\n".join(f"  {line}" for line in HOW.values())
        + "\nzsh needs `fpath+=(~/.zfunc)` before `compinit` in ~/.zshrc. A new shell knows it then.",
    )
    completion.add_argument("shell", choices=(*SHELLS, "uploads"), help="for which shell; `uploads` prints upload IDs")
    completion.add_argument("--json", action="store_true", help="one JSON object a line, with `uploads`")
    completion.set_defaults(run=_completion, has_settings=False)


def _completion(options: argparse.Namespace) -> int:
    from xnat_wizard.cli import completion_scripts as scripts

    if options.shell == "uploads":
        for name in upload_ids():
            if options.json:
                put_object("upload", upload=name)
            else:
                put(name)
        return Exit.DONE
    write = {"bash": scripts.bash, "zsh": scripts.zsh, "fish": scripts.fish}[options.shell]
    put(write(tuple(places())).rstrip("\n"))
    return Exit.DONE


def upload_ids() -> tuple[str, ...]:
    """Return the IDs of the uploads of this account, the newest first; none where there is no folder of them."""
    from xnat_wizard import settings
    from xnat_wizard.findings import Problem

    try:
        folders = [path for path in settings.uploads_dir().iterdir() if path.is_dir()]
    except (OSError, Problem):
        return ()
    return tuple(sorted((path.name for path in folders), reverse=True))


def places() -> Iterator[Place]:
    """Give every command of the program, the program itself first."""
    from xnat_wizard.cli import whole_parser

    yield from _walk(whole_parser(), "")


def _walk(parser: argparse.ArgumentParser, path: str) -> Iterator[Place]:
    below: dict[str, argparse.ArgumentParser] = {}
    words: dict[str, str] = {}
    options: list[Option] = []
    arguments: list[Option] = []
    for action in parser._actions:  # noqa: SLF001  argparse has no other way to list them
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  as above
            below |= action.choices
            words |= {one.dest: _line(one.help) for one in action._choices_actions}  # noqa: SLF001  as above
        elif action.help is not argparse.SUPPRESS:
            (options if action.option_strings else arguments).append(_option(action))
    yield Place(path, tuple(options), tuple(arguments), {name: words.get(name, "") for name in below})
    for name, one in below.items():
        yield from _walk(one, f"{path}/{name}")


def _option(action: argparse.Action) -> Option:
    choices = tuple(str(one) for one in action.choices or ())
    if action.nargs == 0:
        takes = Takes.NOTHING
    elif choices and len(choices) <= MOST_CHOICES:
        takes = Takes.CHOICE
    elif action.dest in UPLOAD_NAMES and not action.option_strings:
        takes = Takes.UPLOAD
    elif action.type is Path or action.dest == "ca_file":
        takes = Takes.FILE
    else:
        takes = Takes.WORD
    return Option(tuple(action.option_strings), _line(action.help), takes, choices if takes is Takes.CHOICE else ())


def _line(text: str | None) -> str:
    """Return the first words of a help text, on one line and without signs that shells read."""
    line = " ".join((text or "").replace("%(default)s", "").split())
    return "".join(sign for sign in line if sign.isalnum() or sign in " -,.;/()")[:70].strip()
