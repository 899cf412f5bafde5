"""Choosing a source: a tree that shows folders and archives only, and completion for a typed path."""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import DirectoryTree, Input
from textual.widgets.directory_tree import DirEntry
from textual.widgets.tree import TreeNode

from xnat_wizard.wizard.steps.folder.help import HELP, PATH_HELP, TREE_HELP
from xnat_wizard.wizard.widgets.field import Field
from xnat_wizard.wizard.widgets.paths import path_of, path_text
from xnat_wizard.wizard.widgets.plain import cut, plain

ARCHIVE_ENDINGS = (".zip", ".tar", ".tgz", ".tar.gz")  # of files that are read as if they were folders
LOOK_LIMIT = 2000  # names read for one completion; a folder of a million files must not stop the typing


def is_archive_name(name: str) -> bool:
    """Tell whether a file of this name can be read as a source."""
    return name.casefold().endswith(ARCHIVE_ENDINGS)


def folder_text(path: Path) -> str:
    """Return a source as one would type it: with `~` for the home, and a slash at the end of a folder."""
    text = path_text(path).removesuffix("/.")
    is_file = is_archive_name(path.name) and not os.path.isdir(path)  # noqa: PTH112  as above
    return text if is_file or text.endswith("/") else f"{text}/"


def candidates(text: str) -> list[str]:
    """Return the names of the folders (with a slash) and archives that a typed path may go on to, sorted."""
    folder, _, begun = text.rpartition("/")
    where = Path(os.path.expanduser(folder or ("/" if text.startswith("/") else ".")))  # noqa: PTH111  as above
    names = []
    try:
        with os.scandir(where) as entries:
            for _, entry in zip(range(LOOK_LIMIT), entries, strict=False):
                is_wanted = entry.name.startswith(begun) and (begun.startswith(".") or not entry.name.startswith("."))
                if not is_wanted or not entry.name.isprintable():
                    continue
                if entry.is_dir():
                    names.append(f"{entry.name}/")
                elif is_archive_name(entry.name):
                    names.append(entry.name)
    except OSError:
        return []
    return sorted(names)


def folder_begun(text: str) -> Path | None:
    """Return the folder in which a typed path has arrived; `None` before the first slash, or where there is none."""
    folder, slash, _ = text.strip().rpartition("/")
    path = path_of(f"{folder}/") if slash else None
    return path if path is not None and os.path.isdir(path) else None  # noqa: PTH112  no error where one may not look


def complete(text: str) -> str | None:
    """Return the text completed to the first folder or archive that begins so; `None` when there is none."""
    begun = text.rpartition("/")[2]
    names = [name for name in candidates(text) if name.rstrip("/") != begun] if begun else []
    return f"{text[: len(text) - len(begun)]}{names[0]}" if names else None


def extended(text: str) -> str | None:
    """Return the text with what all folders and archives that begin so have in common; `None` when that is no more."""
    begun = text.rpartition("/")[2]
    names = candidates(text) if begun else []
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


class FolderSuggester(Suggester):
    """Completes a typed path to folders and archives; Right takes what is suggested."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """Look on the disk, in a thread: a network drive may take its time."""
        return await asyncio.to_thread(complete, value)


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
        self.input = PathInput(value, id="path", compact=True, suggester=FolderSuggester(), select_on_focus=False)
        self.input.cursor_blink = False


class FolderTree(DirectoryTree):
    """The folders and archives of a disk. Space or Right opens a folder, Left closes it or goes up, Enter takes one."""

    HELP = f"{TREE_HELP}\n{HELP}"
    ICON_NODE = "+ "
    ICON_NODE_EXPANDED = "- "
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "open", "Open", show=False, id="folder.open"),
        Binding("left", "shut", "Shut", show=False, id="folder.shut"),
        Binding("backspace", "up", "Up", show=False, id="folder.up"),
    ]

    class Taken(Message):
        """Enter was pressed on a folder or an archive."""

        def __init__(self, path: Path) -> None:
            super().__init__()
            self.path = path

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Keep folders and archives; leave out the hidden ones."""
        return [
            path
            for path in paths
            if not path.name.startswith(".") and (is_archive_name(path.name) or self._safe_is_dir(path))
        ]

    def render_label(self, node: TreeNode[DirEntry], base_style: Style, style: Style) -> Text:
        """Draw the name as it is: no picture signs, no markup."""
        path = node.data.path if node.data else Path()
        name = folder_text(path) if node.is_root else path.name
        icon = self.ICON_NODE_EXPANDED if node.is_expanded else self.ICON_NODE if node.allow_expand else "  "
        return Text.assemble((icon, base_style), (plain(name), style))

    def action_open(self) -> None:
        """Open the folder under the cursor, or go to the first one in it."""
        node = self.cursor_node
        if node is not None and node.allow_expand and not node.is_expanded:
            node.expand()
        else:
            self.action_cursor_down()

    def action_shut(self) -> None:
        """Close the folder under the cursor; when it is closed, go to the one around it."""
        node = self.cursor_node
        if node is None:
            return
        if node.is_expanded and not node.is_root:
            node.collapse()
        elif node.parent is not None:
            self.move_cursor(node.parent)
        else:
            self.action_up()

    def action_up(self) -> None:
        """Show the folder around the whole tree."""
        above = Path(self.path).parent
        if above != Path(self.path):
            self.path = above

    def action_select_cursor(self) -> None:
        """Take what is under the cursor."""
        node = self.cursor_node
        if node is not None and node.data is not None:
            self.post_message(self.Taken(node.data.path))
