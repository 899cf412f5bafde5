"""How every command is parsed and how its `--help` reads: description, options, settings, examples, exit codes.

The parser also keeps which options were given, so that the settings can say the others (`chosen`).
"""

import argparse
import re
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from xnat_wizard.cli.talk import EXITS

if TYPE_CHECKING:
    from xnat_wizard.preferences.table import Setting

WIDEST = 100
GIVEN = "given_"  # in front of an option's name: what was given, as ("--site", value)
LEAF = "parser_of_command"
METAVARS = {  # what stands for the value of an option, the same wherever it is
    "--site": "ADDRESS",
    "--user": "NAME",
    "--ca-file": "FILE.pem",
    "--project": "PROJECT",
    "--ae-title": "TITLE",
    "--calling": "TITLE",
    "--receiver": "HOST:PORT",
    "--limit-rate": "RATE",
    "--layout": "LAYOUT",
}


class CommandParser(argparse.ArgumentParser):
    """A parser of the program or of one command."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        settings.setdefault("formatter_class", PageFormatter)
        settings.setdefault("allow_abbrev", False)  # a script must not break when an option is added
        super().__init__(*arguments, **settings)
        self.register("action", None, _Store)
        self.register("action", "store", _Store)
        self.register("action", "parsers", _Commands)
        self.demanded: list[argparse.Action] = []  # options that are needed, and that the settings may say

    @property
    def words(self) -> str:
        """Return the command without the name of the program: "resource put"."""
        return self.prog.partition(" ")[2]

    @property
    def options(self) -> dict[str, argparse.Action]:
        """Return the options, by every name that they have."""
        return {name: action for action in self._actions for name in action.option_strings}

    @property
    def settings(self) -> "dict[str, tuple[argparse.Action, Setting]]":
        """Return the options whose value the settings may say."""
        from xnat_wizard.preferences.table import setting_of

        found = {option: (action, setting_of(option, self.words)) for option, action in self.options.items()}
        return {option: (action, setting) for option, (action, setting) in found.items() if setting is not None}

    def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
        """Add an argument; a required one that is a setting too is asked for only when the settings do not say it."""
        is_demanded = bool(settings.get("required")) and self._is_setting(names)
        if is_demanded:
            settings["required"] = False
        metavar = next((METAVARS[name] for name in names if name in METAVARS), None)
        if metavar and not settings.get("choices"):
            settings["metavar"] = metavar
        action = super().add_argument(*names, **settings)
        if is_demanded:
            self.demanded.append(action)
        return action

    def _is_setting(self, names: Sequence[str]) -> bool:
        from xnat_wizard.preferences.table import setting_of

        return any(setting_of(name, self.words) for name in names)

    def parse_known_args(  # type: ignore[override]  # the base has overloads for namespaces of other kinds
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, and keep which parser was the innermost."""
        found, rest = super().parse_known_args(args, namespace)
        if not hasattr(found, LEAF):
            setattr(found, LEAF, self)
        return found, rest

    def parse_args(  # type: ignore[override]  # the base has overloads for namespaces of other kinds
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Parse; what nobody knows ends with the usage of the command that it was given to."""
        found, rest = self.parse_known_args(args, namespace)
        if rest:
            getattr(found, LEAF, self)._refuse(rest, self.options)  # noqa: SLF001  a parser of this kind, too
        return found

    def _refuse(self, rest: Sequence[str], of_program: Iterable[str]) -> None:
        """End with what is not understood, and what may be meant."""
        meant = ""
        for one in rest:
            name = one.partition("=")[0]
            if name.startswith("-") and not meant:
                meant = _did_you_mean(name, self.options) or _did_you_mean(name, of_program, ", before the command")
        self.error(f"unrecognized arguments: {' '.join(rest)}{meant}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Say what may be meant before which words there are."""
        if action.choices is not None and value not in action.choices:
            words = [str(one) for one in action.choices]
            what = "no command" if isinstance(action, argparse._SubParsersAction) else "not possible"  # noqa: SLF001
            said = f"`{value}` is {what}{_did_you_mean(str(value), words)}\nthere are: {', '.join(words)}"
            raise argparse.ArgumentError(action, said)

    def format_help(self) -> str:
        """Return the page of the command."""
        self.epilog = self.epilog or self._end_of_page()
        return super().format_help()

    def _end_of_page(self) -> str:
        from xnat_wizard.cli.examples import EXAMPLES

        lines: list[str] = []
        for said in self._settings():
            lines += [] if lines else ["settings that say the same for every run (`xnat-wizard settings`):"]
            lines.append(f"  {said}")
        examples = EXAMPLES.get(self.words, ())
        if examples:
            lines += ["", "examples:"]
        for command, purpose in examples:
            lines += [f"  # {purpose}", f"  {command}"]
        lines += ["", "exit codes:", *(f"  {code:<4} {words}" for code, words in EXITS.items())]
        return "\n".join(lines).strip("\n")

    def _settings(self) -> list[str]:
        return [f"{option:<14} {setting.name}, {setting.variable}" for option, (_, setting) in self.settings.items()]


class PageFormatter(argparse.HelpFormatter):
    """Keeps lines that are indented, and wraps the others; no wider than a page is read well."""

    def __init__(self, prog: str) -> None:
        columns = shutil.get_terminal_size().columns - 2
        super().__init__(prog, max_help_position=28, width=max(40, min(WIDEST, columns)))

    def _format_usage(self, *arguments: Any) -> str:
        """Break also what argparse keeps together: options of which one can be given."""
        lines: list[str] = []
        for line in super()._format_usage(*arguments).split("\n"):
            lines += [line] if len(line) <= self._width else _broken(line, self._width)
        return "\n".join(lines)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines: list[str] = []
        for line in text.splitlines():
            is_kept = line.startswith("  ") or not line
            lines += [line] if is_kept and len(line) <= width else _wrapped(line, width)
        return "\n".join(indent + line for line in lines)


def _did_you_mean(word: str, known: Iterable[str], where: str = "") -> str:
    import difflib

    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean `{near[0]}`{where}?" if near else ""


def _broken(line: str, width: int) -> list[str]:
    """Breaks a line of the usage before its bars."""
    margin = " " * (len(line) - len(line.lstrip()) + 1)
    first, *others = line.split(" | ")
    lines = [first]
    for one in others:
        if len(f"{lines[-1]} | {one}") <= width:
            lines[-1] += f" | {one}"
        else:
            lines.append(f"{margin}| {one}")
    return lines


def _wrapped(line: str, width: int) -> list[str]:
    margin = " " * (len(line) - len(line.lstrip()))
    if line.startswith(f"{margin}xnat-wizard ") and margin:
        return _wrapped_command(line, width, margin)
    further = f"{margin}# " if line.startswith(f"{margin}# ") else margin + ("     " if margin else "")
    return textwrap.wrap(line, width, subsequent_indent=further, break_long_words=False)


def _wrapped_command(line: str, width: int, margin: str) -> list[str]:
    """Breaks a command line between words, as a shell takes it: it can be copied from the page."""
    first, *words = re.findall(r"(?:'[^']*'|\S)+", line)
    lines = [margin + first]
    for word in words:
        if len(f"{lines[-1]} {word} \\") <= width:
            lines[-1] += f" {word}"
        else:
            lines[-1] += " \\"
            lines.append(f"{margin}    {word}")
    return lines


class _Store(argparse._StoreAction):  # noqa: SLF001  what `add_argument` makes without an `action`
    """Keeps also that it was given: a value that is the usual one may have been given, too."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        super().__call__(parser, namespace, values, option_string)
        if option_string:
            setattr(namespace, GIVEN + self.dest, (option_string, values))


class _Commands(argparse._SubParsersAction):  # type: ignore[type-arg]  # noqa: SLF001  what `add_subparsers` makes
    """Gives every command a description: what the list of commands says of it."""

    def add_parser(self, name: str, **settings: Any) -> Any:
        said = str(settings.get("help") or "")
        settings.setdefault("description", f"{said[:1].upper()}{said[1:]}." if said else None)
        return super().add_parser(name, **settings)
