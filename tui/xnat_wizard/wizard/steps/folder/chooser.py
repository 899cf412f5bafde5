"""Choosing a source: a tree that shows folders and archives only, and completion for a typed path."""

import asyncio
import os
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.widgets import Input

from xnat_wizard.wizard.steps.folder.help import HELP, PATH_HELP, TREE_HELP
from xnat_wizard.wizard.widgets.field import Field
from xnat_wizard.wizard.widgets.paths import BrowseTree, PathSuggester, candidates, folder_text, path_of, path_text
from xnat_wizard.wizard.widgets.plain import cut, plain

ARCHIVE_ENDINGS = (".zip", ".tar", ".tgz", ".tar.gz")  # of files that are read as if they were folders


def is_archive_name(name: str) -> bool:
    """Tell whether a file of this name can be read as a source."""
    return name.casefold().endswith(ARCHIVE_ENDINGS)


def source_text(path: Path) -> str:
    """Return a source as one would type it: with `~` for the home, and a slash at the end of a folder."""
    is_file = is_archive_name(path.name) and not os.path.isdir(path)  # noqa: PTH112  as below
    return path_text(path) if is_file else folder_text(path)


def folder_begun(text: str) -> Path | None:
    """Return the folder in which a typed path has arrived; `None` before the first slash, or where there is none."""
    folder, slash, _ = text.strip().rpartition("/")
    path = path_of(f"{folder}/") if slash else None
    return path if path is not None and os.path.isdir(path) else None  # noqa: PTH112  no error where one may not look


def extended(text: str) -> str | None:
    """Return the text with what all folders and archives that begin so have in common; `None` when that is no more."""
    begun = text.rpartition("/")[2]
    names = candidates(text, is_archive_name) if begun else []
    if not names:
        return None
    first, last = names[0], names[-1]  # sorted: what these two have in common, all have
    length = next(
        (place for place, pair in enumerate(zip(first, last, strict=False)) if len(set(pair)) > 1), len(first)
    )
    return f"{text[: len(text) - len(begun)]}{first[:length]}" if length > len(begun) else None


def candidates_line(text: str, names: list[str], width: int) -> str:
    """Return one line of at most `width` cells with what a typed path may go on to; "" where nothing is typed."""
    begun = text.rpartition("/")[2]
    if begun == text == "" or names in ([begun], [f"{begun}/"]):
        return ""
    if not names:
        return cut(f'Nothing here begins with "{begun}"', width) if begun else ""
    shown: list[str] = []
    for place, name in enumerate(names):
        more = f"  and {len(names) - place:,} more"
        if cell_len("  ".join([*shown, name])) + (len(more) if place < len(names) - 1 else 0) > width:
            return cut("  ".join(shown) + more if shown else name, width)
        shown.append(plain(name))
    return "  ".join(shown)


class PathInput(Input):
    """A typed path: Tab and Right complete it; Tab leaves it where nothing is to be completed."""

    HELP = f"{PATH_HELP}\n{HELP}"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", "Complete", show=False, id="path.complete", tooltip="Complete the path, or go on"),
    ]

    async def action_complete(self) -> None:
        """Add what all that begins so has in common; without any, the key goes on to the next field."""
        text = self.value
        more = await asyncio.to_thread(extended, text) if self.cursor_position == len(text) else None
        if more is None or self.value != text:
            raise SkipAction
        self.value = more
        self.cursor_position = len(more)


class PathField(Field):
    """The line for a typed path."""

    def __init__(self, value: str) -> None:
        super().__init__("Folder", id="unused", value=value)
        self.input = PathInput(
            value, id="path", compact=True, suggester=PathSuggester(is_archive_name), select_on_focus=False
        )
        self.input.cursor_blink = False


class FolderTree(BrowseTree):
    """The folders and archives of a disk. Space or Right opens a folder, Left closes it or goes up, Enter takes one."""

    HELP = f"{TREE_HELP}\n{HELP}"

    def __init__(self, path: Path) -> None:
        super().__init__(path, is_archive_name, id="folders")
