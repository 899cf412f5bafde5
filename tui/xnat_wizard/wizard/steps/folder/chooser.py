"""Choosing a folder: a tree that shows folders only, and completion for a typed path."""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import DirectoryTree
from textual.widgets.directory_tree import DirEntry
from textual.widgets.tree import TreeNode

from xnat_wizard.wizard.widgets.plain import plain

LOOK_LIMIT = 2000  # names read for one completion; a folder of a million files must not stop the typing


def typed_path(text: str) -> Path:
    """Return the path that was typed, with `~` and relative parts made whole."""
    return Path(os.path.normpath(Path(os.path.expanduser(text.strip())).absolute()))  # noqa: PTH111  no error for ~nobody


def folder_text(path: Path) -> str:
    """Return a folder as one would type it: with `~` for the home, and a slash at the end."""
    home = Path.home()
    text = f"~/{path.relative_to(home)}" if home != Path("/") and path.is_relative_to(home) else str(path)
    text = text.removesuffix("/.")
    return text if text.endswith("/") else f"{text}/"


def complete(text: str) -> str | None:
    """Return the text completed to the first folder that begins so; `None` when there is none."""
    folder, _, begun = text.rpartition("/")
    where = Path(os.path.expanduser(folder or ("/" if text.startswith("/") else ".")))  # noqa: PTH111  as above
    names = []
    try:
        with os.scandir(where) as entries:
            for _, entry in zip(range(LOOK_LIMIT), entries, strict=False):
                is_wanted = entry.name.startswith(begun) and (begun.startswith(".") or not entry.name.startswith("."))
                if is_wanted and entry.name != begun and entry.name.isprintable() and entry.is_dir():
                    names.append(entry.name)
    except OSError:
        return None
    return f"{text[: len(text) - len(begun)]}{min(names)}/" if names and begun else None


class FolderSuggester(Suggester):
    """Completes a typed path to folders; Right takes what is suggested."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """Look on the disk, in a thread: a network drive may take its time."""
        return await asyncio.to_thread(complete, value)


class FolderTree(DirectoryTree):
    """The folders of a disk. Space or Right opens one, Left closes it or goes up, Enter takes it."""

    ICON_NODE = "+ "
    ICON_NODE_EXPANDED = "- "
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "open", "Open", show=False, id="folder.open"),
        Binding("left", "shut", "Shut", show=False, id="folder.shut"),
        Binding("backspace", "up", "Up", show=False, id="folder.up"),
    ]

    class Taken(Message):
        """Enter was pressed on a folder."""

        def __init__(self, path: Path) -> None:
            super().__init__()
            self.path = path

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Keep folders; leave out the hidden ones."""
        return [path for path in paths if not path.name.startswith(".") and self._safe_is_dir(path)]

    def render_label(self, node: TreeNode[DirEntry], base_style: Style, style: Style) -> Text:
        """Draw the name as it is: no picture signs, no markup."""
        path = node.data.path if node.data else Path()
        name = folder_text(path) if node.is_root else path.name
        icon = self.ICON_NODE_EXPANDED if node.is_expanded else self.ICON_NODE
        return Text.assemble((icon, base_style), (plain(name), style))

    def action_open(self) -> None:
        """Open the folder under the cursor, or go to the first one in it."""
        node = self.cursor_node
        if node is not None and not node.is_expanded:
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
        """Take the folder under the cursor."""
        node = self.cursor_node
        if node is not None and node.data is not None:
            self.post_message(self.Taken(node.data.path))
