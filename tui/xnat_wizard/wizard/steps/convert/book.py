"""Which rules are used: where they come from, their text, and what they are understood as."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from xnat_wizard.amounts import count_text
from xnat_wizard.convert import rules as rule_book
from xnat_wizard.convert.rules import Rules
from xnat_wizard.findings import Finding
from xnat_wizard.upload import project_rules
from xnat_wizard.wizard.choices import ConvertDraft
from xnat_wizard.wizard.steps.convert.example import EXAMPLE
from xnat_wizard.wizard.widgets.paths import path_of
from xnat_wizard.wizard.widgets.pick import Way
from xnat_wizard.xnat.site import Site

NO_RULES = Rules((), {})
SOURCES = (
    Way("file", "A file", "Rules on this computer"),
    Way("project", "The project's", "Kept there for everybody"),
    Way("example", "The example", "What brain studies have"),
    Way("copy", "A copy to edit", "The rules in use as a file"),
    Way("template", "A file to fill in", "A rule for each series here"),
    Way("none", "No rules", "Plain names"),
)
WRITTEN = """\
The rules are in this file:
{}

Edit it in another terminal. It is read again when it is saved.
"""


@dataclass(frozen=True, slots=True)
class Book:
    """Rules with their text."""

    name: str  # where they come from, in words
    text: str
    rules: Rules

    @property
    def words(self) -> str:
        """Return name and size."""
        return f"{self.name}: {count_text(len(self.rules.rules), 'rule')}" if self.text else self.name


async def read(draft: ConvertDraft, site: Site, project: str) -> Book:
    """Read the rules that a person has chosen.

    Raises:
        Problem: convert.rules_bad, convert.rules_absent, and what the site refuses.
    """
    chosen = draft.rules_from
    if not chosen:
        chosen = "example" if await project_rules.text_of(site, project) is None else "project"
    match chosen:
        case "file":
            path = path_of(draft.rules_path)
            text = await asyncio.to_thread(rule_book.read_text, path)
            return Book(f"The file {path.name}", text, rule_book.parse(text, str(path)))
        case "project":
            kept = await project_rules.load(site, project)
            return Book(f"The rules of project {project}", kept.text, kept.rules)
        case "example":
            return Book("The built-in example", EXAMPLE, rule_book.parse(EXAMPLE))
        case _:
            return Book("No rules: plain names by number and description", "", NO_RULES)


def changed_ns(draft: ConvertDraft) -> int:
    """Return when the file of rules was changed; 0 where there is none, or rules come from elsewhere. Blocks."""
    if draft.rules_from != "file":
        return 0
    try:
        return os.stat(path_of(draft.rules_path)).st_mtime_ns  # noqa: PTH116  no error for a path that cannot be
    except (OSError, ValueError):
        return 0


def write_new(text: str, project: str) -> Path:
    """Write rules into a new file in the home folder; nothing is overwritten. Blocks.

    Raises:
        OSError: the folder cannot be written.
    """
    name = "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in project) or "project"
    number = 1
    while True:
        path = Path.home() / f"{name}-rules{f'-{number}' if number > 1 else ''}.toml"
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            number += 1
        else:
            return path


def is_toml(name: str) -> bool:
    """Tell whether a file may hold rules."""
    return name.casefold().endswith(".toml")


def not_written(error: OSError) -> Finding:
    """Say that a file of rules could not be written."""
    return Finding(
        "convert.target_refused",
        "The file of rules was not written",
        f"The system says: {error.strerror or type(error).__name__}",
        ("Look whether the home folder may be written and the disk has room: df -h ~",),
        where=str(error.filename or ""),
    )
