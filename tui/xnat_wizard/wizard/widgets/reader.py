"""The manual over a step: a page at a time, its links as a list, and the way back."""

import re
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Label, Markdown, Static

from xnat_wizard.manual.pages import INDEX, Page, Section, all_pages, linked_name, plain, sections
from xnat_wizard.wizard.widgets.pick import PickScreen, Way

MOST_WIDGETS = 250  # a page of more is read part by part: it would take a second to draw, on a busy server many
_LINK = re.compile(r"(?<!!)\[([^]]+)\]\(([^)]+)\)")
_IMAGE = re.compile(r"^!\[[^]]*\]\([^)]*\)\n\n?", re.MULTILINE)
_FENCE = re.compile(r"^(\s*```)(?:console\b.*|(\w+) .*)$", re.MULTILINE)  # its lexer drops indents; and marks
_PART = "#"  # between a page and the number of its part, in the keys of the list
_NO_PAGES = "The manual is not packed with this program. `xnat-wizard COMMAND --help` says what a command does."


class ManualScreen(ModalScreen[None]):
    """Shows a page of the manual; Enter lists where one can go from it, Backspace goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,f1", "close", "Close", id="manual.close", tooltip="Back to where you were"),
        Binding(
            "enter,o", "go_on", "Other pages", id="manual.pages", tooltip="Go to another page, or part of this one"
        ),
        Binding("backspace,left", "back", "Page before", id="manual.back", tooltip="Back to the page before"),
        Binding("i", "index", "Contents", id="manual.index", tooltip="All pages by subject"),
    ]
    AUTO_FOCUS = "#manual-scroll"
    DEFAULT_CSS = """
    ManualScreen { align: center middle; background: $background 60%; }
    ManualScreen > Vertical { width: 100%; height: 100%; background: $background; }
    ManualScreen.-wide > Vertical { width: 100; height: 96%; border: round $primary; padding: 0 2; }
    ManualScreen .manual--title { text-style: bold; height: 1; }
    ManualScreen .manual--foot { color: $text-muted; height: auto; }
    ManualScreen VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
    ManualScreen Markdown { padding: 0; margin: 0; }
    ManualScreen MarkdownFence > Label { padding: 0 1; }
    """

    def __init__(self, page: str = INDEX) -> None:
        super().__init__()
        self._trail: list[tuple[str, int | None]] = []  # page, and part of a long one
        self._at: tuple[str, int | None] = (page if page in all_pages() else INDEX, None)

    def compose(self) -> ComposeResult:
        """Lay out title, page, how to go on."""
        with Vertical():
            yield Label("", id="manual-title", markup=False, classes="manual--title")
            with VerticalScroll(id="manual-scroll", can_focus=True):
                yield Markdown("", id="manual-page", open_links=False)
            foot = "Page keys: read   Enter: other pages   Backspace: back   Escape: close"
            yield Static(foot, markup=False, classes="manual--foot")

    def on_mount(self) -> None:
        """Show the page that was asked for."""
        self.show()

    @property
    def page(self) -> str:
        """Return the name of the page that is shown."""
        return self._at[0]

    @work(group="manual", exclusive=True)
    async def show(self) -> None:
        """Draw the present page, from its beginning."""
        name, part = self._at
        page = all_pages().get(name)
        self.query_one("#manual-title", Label).update(f"Manual: {page.title if page else 'not here'}")
        await self.query_one("#manual-page", Markdown).update(shown_text(page, part) if page else _NO_PAGES)
        self.query_one("#manual-scroll", VerticalScroll).scroll_home(animate=False)

    def go(self, page: str, part: int | None = None) -> None:
        """Go to a page, or a part of it, and remember the way."""
        if page in all_pages() and (page, part) != self._at:
            self._trail.append(self._at)
            self._at = (page, part)
            self.show()

    @on(Markdown.LinkClicked)
    def follow(self, event: Markdown.LinkClicked) -> None:
        """Follow a link, where it leads to a page."""
        event.stop()
        self.go(linked_name(self.page, event.href))

    def action_go_on(self) -> None:
        """Ask where to go: parts of a long page, links of this page, then every other page."""
        self.ask_where()

    @work(group="manual-where", exclusive=True)
    async def ask_where(self) -> None:
        """Show the list, and go where the person wants."""
        page = all_pages().get(self.page)
        if page is None:
            return
        key = await self.app.push_screen_wait(PickScreen("Where to", "", ways_from(page), name_width=28))
        name, _, part = key.partition(_PART)
        if key:
            self.go(name, int(part) if part else None)

    def action_back(self) -> None:
        """Go back to the page before; from the first one, to where one was."""
        if self._trail:
            self._at = self._trail.pop()
            self.show()
        else:
            self.dismiss(None)

    def action_index(self) -> None:
        """Show the contents."""
        self.go(INDEX)

    def action_close(self) -> None:
        """Go back to where one was."""
        self.dismiss(None)


def is_long(page: Page) -> bool:
    """Tell whether a page is read part by part."""
    return widgets_of(page.text) > MOST_WIDGETS


def widgets_of(text: str) -> int:
    """Return about how many widgets a text is drawn with: three an item of a list, one a cell of a table."""
    return sum(
        3 if line.startswith("- ") else line.count("|") - 1 if line.startswith("|") else bool(line.strip())
        for line in text.splitlines()
    )


def parts_of(page: Page) -> tuple[Section, ...]:
    """Return the parts of a long page: those below which there are no others."""
    found = sections(page.text)
    return tuple(
        one for one, after in zip(found, (*found[1:], None), strict=True) if after is None or after.rank <= one.rank
    )


def shown_text(page: Page, part: int | None = None) -> str:
    """Return a page as the widget takes it: of a long one its beginning or one part, no pictures, plain fences."""
    text = page.text
    if part is not None:
        text = parts_of(page)[part].text
    elif is_long(page):
        begin = text.partition("\n## ")[0].rstrip()
        text = f"{begin}\n\n**Enter** lists its {len(parts_of(page)):,} parts: type some letters of the one you need.\n"
    return _FENCE.sub(lambda found: found[1] + (found[2] or "text"), _IMAGE.sub("", text))


def ways_from(page: Page) -> list[Way]:
    """Return where one can go from a page, the nearest first."""
    ways = {}
    if is_long(page):
        for place, part in enumerate(parts_of(page)):
            ways[f"{page.name}{_PART}{place}"] = Way(f"{page.name}{_PART}{place}", plain(part.title), "on this page")
    for words, target in _LINK.findall(page.text):
        name = linked_name(page.name, target)
        if name and name != page.name:
            ways.setdefault(name, Way(name, plain(words), all_pages()[name].title))
    for name, other in all_pages().items():
        if name != page.name:
            ways.setdefault(name, Way(name, name, other.title))
    return list(ways.values())
