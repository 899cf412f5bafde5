"""What Copy takes, and where it goes: the clipboard, where the terminal passes it on, and a file in any case.

A widget or screen that has something worth copying says so by `copyable_text()`: the finding under the cursor, an
address, a receipt, an error code, a path. Without it, the row under the cursor is taken, and at last the text of the
screen. A secret is never copied.
"""

import os
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import DataTable, Input, OptionList, Tree

from xnat_wizard import settings
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.wizard.widgets.findings import FindingList
from xnat_wizard.wizard.widgets.lines import LinesScreen
from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.wizard.widgets.rows import Rows

FILE_NAME = "copied.txt"
CLIPBOARD_LIMIT_BYTES = 50_000  # terminals drop longer ones; base64 makes it a third longer
TOO_LONG = "Too long for the clipboard. It is in this file:"
SECRET = "A password is not copied."  # noqa: S105  a sentence


@runtime_checkable
class Copyable(Protocol):
    """Something that knows what of it is worth copying."""

    def copyable_text(self) -> str:
        """Return it as plain lines; "" where there is nothing now."""
        ...


class Secretive(Exception):  # noqa: N818  what the person asked for, not a fault
    """The focus is in a password."""


def finding_lines(finding: Finding) -> str:
    """Return a finding as lines for a mail or a ticket, its code among them."""
    return f"{finding.as_text()}\n      code:  {finding.code}"


def chosen_text(screen: Screen[Any]) -> str:
    """Return what Copy takes on this screen: what is selected, else what the focus is on, else the screen's own.

    Raises:
        Secretive: the focus is in a password.
    """
    focused = screen.focused
    if isinstance(focused, Input) and focused.password:
        raise Secretive
    if selected := screen.get_selected_text():
        return selected
    if isinstance(focused, Input) and (typed := focused.selected_text or focused.value):
        return typed
    if focused is not None:
        for node in focused.ancestors_with_self:
            if text := _own_text(node):
                return text
        if text := _row_text(focused):
            return text
    return _own_text(screen) or screen_text(screen)


def _own_text(node: object) -> str:
    if isinstance(node, Screen):
        return node.copyable_text() if isinstance(node, Copyable) else ""
    if isinstance(node, FindingList):
        at = node.query_one(OptionList).highlighted
        return finding_lines(node.findings[at]) if at is not None and at < len(node.findings) else ""
    return node.copyable_text() if isinstance(node, Copyable) else ""


def _row_text(widget: Widget) -> str:
    match widget:
        case OptionList(highlighted_option=option) if option is not None:
            return str(option.prompt).removeprefix("[x] ").removeprefix("[ ] ").strip()
        case Rows(rows=rows, cursor=at) if at < len(rows):
            return "  ".join(plain(cell).strip() for cell in rows[at].cells if cell.strip())
        case DataTable() if widget.row_count:
            return "  ".join(str(cell).strip() for cell in widget.get_row_at(widget.cursor_row))
        case Tree(cursor_node=node) if node is not None:
            path = getattr(node.data, "path", None)
            return str(path) if path is not None else str(node.label)
    return ""


def screen_text(screen: Screen[Any]) -> str:
    """Return what stands on a screen, row by row."""
    rows = screen._compositor.render_strips()  # noqa: SLF001  Textual offers pictures of a screen, not its text
    return "\n".join(strip.text.rstrip() for strip in rows).strip("\n")


def keep(text: str) -> Path:
    """Write what is copied into the file that only this person can read; return its path.

    Raises:
        Problem: the state folder cannot be used.
        OSError: the file cannot be written.
    """
    path = settings.state_dir() / FILE_NAME
    descriptor = settings.open_private(path, os.O_WRONLY | os.O_TRUNC)
    with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as target:  # noqa: PTH123  a descriptor
        target.write(f"{text}\n")
    return path


class CopiedScreen(LinesScreen):
    """Say where a copy is; the path stands on a line of its own, and so does what was copied."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss", "Close", id="copied.close", tooltip="Back to where you were"),
    ]

    def __init__(self, text: str, *, is_on_clipboard: bool) -> None:
        try:
            path = str(keep(text))
        except (OSError, Problem):
            super().__init__("No file could be written. The text:", text)
        else:
            title = "Copied to the clipboard (if the terminal allows) and to:" if is_on_clipboard else TOO_LONG
            super().__init__(title, f"{path}\n\n{text}")


def fits_clipboard(text: str) -> bool:
    """Tell whether terminals take so much at once."""
    return len(text.encode(errors="replace")) <= CLIPBOARD_LIMIT_BYTES
