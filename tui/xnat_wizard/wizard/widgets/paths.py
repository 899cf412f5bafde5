"""Typed paths: completion, and a screen over the others on which one is chosen from a tree."""

import asyncio
import os
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import DirectoryTree, Label, Static
from textual.widgets.directory_tree import DirEntry
from textual.widgets.tree import TreeNode

from xnat_wizard.wizard.widgets.plain import plain

LOOK_LIMIT = 2000  # names read for one completion; a folder of a million files must not stop the typing
Wanted = Callable[[str], bool]  # which files are offered, by name; folders always are


def path_of(text: str) -> Path:
    """Return the path that was typed, with `~` and relative parts made whole."""
    return Path(os.path.normpath(Path(os.path.expanduser(text.strip())).absolute()))  # noqa: PTH111  no error for ~nobody


def path_text(path: Path) -> str:
    """Return a path as one would type it, with `~` for the home."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if home != Path("/") and path.is_relative_to(home) else str(path)


def folder_text(path: Path) -> str:
    """Return a folder as one would type it, with a slash at its end."""
    text = path_text(path).removesuffix("/.")
    return text if text.endswith("/") else f"{text}/"


def nearest_folder(path: Path) -> Path:
    """Return the folder itself, or the nearest one above it that is there."""
    return next((one for one in (path, *path.parents) if os.path.isdir(one)), Path.cwd())  # noqa: PTH112  no error where one may not look


def candidates(text: str, wanted: Wanted) -> list[str]:
    """Return the names of the folders (with a slash) and wanted files that a typed path may go on to, sorted. Blocks.

    Hidden ones are among them only when the name begun is theirs.
    """
    folder, _, begun = text.rpartition("/")
    where = Path(os.path.expanduser(folder or ("/" if text.startswith("/") else ".")))  # noqa: PTH111  as above
    names = []
    try:
        with os.scandir(where) as entries:
            for entry in islice(entries, LOOK_LIMIT):
                is_meant = entry.name.startswith(begun) and (begun.startswith(".") or not entry.name.startswith("."))
                if not is_meant or not entry.name.isprintable():
                    continue
                if entry.is_dir():
                    names.append(f"{entry.name}/")
                elif wanted(entry.name):
                    names.append(entry.name)
    except OSError:
        return []
    return sorted(names)


def complete(text: str, wanted: Wanted) -> str | None:
    """Return the text completed to the first name that begins so; `None` when there is none. Blocks."""
    begun = text.rpartition("/")[2]
    names = [name for name in candidates(text, wanted) if name.rstrip("/") != begun] if begun else []
    return f"{text[: len(text) - len(begun)]}{names[0]}" if names else None


class PathSuggester(Suggester):
    """Completes a typed path; Right takes what is suggested."""

    def __init__(self, wanted: Wanted = lambda _: True) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._wanted = wanted

    async def get_suggestion(self, value: str) -> str | None:
        """Look on the disk, in a thread: a network drive may take its time."""
        return await asyncio.to_thread(complete, value, self._wanted)


class BrowseTree(DirectoryTree):
    """Folders, and the files that are wanted. Space or Right opens, Left closes or goes up, Enter takes."""

    ICON_NODE = "+ "
    ICON_NODE_EXPANDED = "- "
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "open", "Open", show=False, id="browse.open"),
        Binding("left", "shut", "Shut", show=False, id="browse.shut"),
        Binding("backspace", "up", "Up", show=False, id="browse.up"),
    ]

    class Taken(Message):
        """Enter was pressed on a folder or file."""

        def __init__(self, path: Path) -> None:
            super().__init__()
            self.path = path

    def __init__(self, path: Path, wanted: Wanted, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(path, id=id)
        self._wanted = wanted

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Keep folders and wanted files; leave out the hidden ones."""
        return [
            path
            for path in paths
            if not path.name.startswith(".") and (self._safe_is_dir(path) or self._wanted(path.name))
        ]

    def render_label(self, node: TreeNode[DirEntry], base_style: Style, style: Style) -> Text:
        """Draw the name as it is: no picture signs, no markup."""
        path = node.data.path if node.data else Path()
        icon = self.ICON_NODE_EXPANDED if node.is_expanded else self.ICON_NODE if node.allow_expand else "  "
        return Text.assemble((icon, base_style), (plain(folder_text(path) if node.is_root else path.name), style))

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
        if node is not None and node.is_expanded and not node.is_root:
            node.collapse()
        elif node is not None and node.parent is not None:
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


class BrowseScreen(ModalScreen[Path | None]):
    """Choose a folder or a file from a tree; gives its path, or `None` when nothing was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="browsing.back", tooltip="Choose nothing"),
    ]
    AUTO_FOCUS = "BrowseTree"
    DEFAULT_CSS = """
    BrowseScreen { align: center middle; background: $background 60%; }
    BrowseScreen > Vertical {
        width: 90%; max-width: 100; height: 90%; border: round $primary; padding: 0 1; background: $background;
    }
    BrowseScreen .browse--title { text-style: bold; height: auto; }
    BrowseScreen BrowseTree { height: 1fr; margin-top: 1; }
    BrowseScreen .browse--foot { color: $text-muted; height: auto; }
    """

    def __init__(self, title: str, start: Path, wanted: Wanted = lambda _: False) -> None:
        super().__init__()
        self._title = title
        self._start = nearest_folder(start)
        self._wanted = wanted

    def compose(self) -> ComposeResult:
        """Lay out title, tree, how to use it."""
        with Vertical():
            yield Label(self._title, markup=False, classes="browse--title")
            yield BrowseTree(self._start, self._wanted)
            yield Static("Right: open   Left: close, up   Enter: take   Escape: back", classes="browse--foot")

    @on(BrowseTree.Taken)
    def take(self, event: BrowseTree.Taken) -> None:
        """Give what was taken."""
        self.dismiss(event.path)

    def action_leave(self) -> None:
        """Give nothing."""
        self.dismiss(None)
