"""The half of the folder step in which a source is chosen: a typed path, what it may go on to, and a tree."""

import asyncio
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static, Tree

from xnat_wizard.dicom.layout import Layout
from xnat_wizard.wizard.choices import Choices
from xnat_wizard.wizard.steps.folder.chooser import (
    FolderTree,
    PathField,
    candidates_line,
    folder_begun,
    is_archive_name,
    source_text,
)
from xnat_wizard.wizard.steps.folder.words import layout_line
from xnat_wizard.wizard.widgets.field import Mark
from xnat_wizard.wizard.widgets.paths import candidates, nearest_folder, path_of
from xnat_wizard.wizard.widgets.plain import plain


class FolderChooser(Vertical):
    """Typed path and tree; posts `Entered` when the typed path is to be read, the tree posts `FolderTree.Taken`."""

    DEFAULT_CSS = """
    FolderChooser #candidates { height: 1; padding: 0 0 0 18; color: $text-muted; display: none; }
    """

    class Entered(Message):
        """Enter was pressed on the typed path."""

    class Typing(Message):
        """The path has changed."""

        def __init__(self, path: Path | None) -> None:
            super().__init__()
            self.path = path

    def __init__(self, choices: Choices) -> None:
        super().__init__(id="choose-folder")
        typed = choices.typed_folder
        self._hint = choices.folder_hint
        self._put: tuple[str, Path] | None = None  # what the path field was given, and the path it stands for
        self._start = path_of(typed) if typed else choices.source or Path.cwd()
        self._first = typed or self._path_text(self._start)

    def compose(self) -> ComposeResult:
        """Lay out path, candidates, layout, hint and tree."""
        yield PathField(self._first)
        yield Static("", id="candidates", markup=False)
        yield Static("", id="choose-layout", markup=False)
        if self._hint:
            yield Static(f"Sample study to try (F3): {source_text(Path(self._hint))}", classes="hint", markup=False)
        yield FolderTree(nearest_folder(self._start))

    @property
    def typed(self) -> Input:
        """Return the line of the path."""
        return self.query_one("#path", Input)

    @property
    def path(self) -> Path | None:
        """Return the path that is typed; `None` when the line is empty."""
        text = self.typed.value.strip()
        if self._put is not None and text == self._put[0].strip():
            return self._put[1]
        return path_of(text) if text else None

    def put(self, path: Path) -> None:
        """Put a path into the line."""
        self.typed.value = self._path_text(path)

    def _path_text(self, path: Path) -> str:
        """Return a path for the field, and keep it: a name that is no text cannot be read back from what is shown."""
        text = plain(source_text(path))
        self._put = (text, path)
        return text

    def begin(self) -> None:
        """Go to the line, behind what is typed."""
        self.typed.focus()
        self.typed.cursor_position = len(self.typed.value)

    def show_layout(self, layout: Layout) -> None:
        """Name another layout than the house rule."""
        line = self.query_one("#choose-layout", Static)
        line.update(layout_line(layout))
        line.display = bool(layout_line(layout))

    def warn(self, text: str) -> None:
        """Say under the line what is missing."""
        self.query_one(PathField).say(text, Mark.WARN)

    @on(Tree.NodeHighlighted, "#folders")
    def _moved_in_tree(self, event: Tree.NodeHighlighted[object]) -> None:
        path = getattr(event.node.data, "path", None)
        if isinstance(path, Path) and self.screen.focused is event.control:
            self.put(path)

    @on(Input.Submitted, "#path")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Entered())

    @on(Input.Changed, "#path")
    def _typing(self, event: Input.Changed) -> None:
        event.stop()
        self.query_one(PathField).say("")
        self.post_message(self.Typing(self.path))
        self.offer(event.value)

    @work(group="candidates", exclusive=True, exit_on_error=False)
    async def offer(self, text: str) -> None:
        """Show what a typed path may go on to; a network drive may take its time."""
        line = self.query_one("#candidates", Static)
        is_typed = self.typed.has_focus and not (self._put is not None and text == self._put[0])
        names = await asyncio.to_thread(candidates, text, is_archive_name) if is_typed else []
        folder = await asyncio.to_thread(folder_begun, text) if self.typed.has_focus else None
        tree = self.query_one(FolderTree)
        if folder is not None and folder != Path(tree.path):
            tree.path = folder  # what is typed is what is seen
        words = candidates_line(text, names, max(20, self.size.width - 18)) if is_typed else ""
        line.update(words)
        line.display = bool(words)
