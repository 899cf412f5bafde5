"""The line of keys at the bottom of a screen: Textual's footer, laid out anew only when other keys work than before.

Textual lays the footer out at every move of the focus, a dozen widgets with two styles each: more than all the rest of
a key press costs. Here it stays while its words are the same.
"""

from textual.app import ComposeResult
from textual.widgets import Footer

Shown = tuple[tuple[str, str, str, bool, str], ...]


class KeyLine(Footer):
    """The keys that work now, each a button for the mouse; one row."""

    def __init__(self, *, show_command_palette: bool = True) -> None:
        super().__init__(compact=True, show_command_palette=show_command_palette)
        self._shown: Shown | None = None

    def compose(self) -> ComposeResult:
        """Lay out a key after the other, each in its final looks: a later change would be styled once more."""
        self._shown = self._keys()
        for key in super().compose():
            key.add_class("-compact", update=False)
            yield key

    async def recompose(self) -> None:
        """Lay the keys out again, where others are to be seen than those on screen."""
        if self.is_attached and self._shown != self._keys():
            await super().recompose()

    def _keys(self) -> Shown | None:
        """Return what is to be seen; `None` as long as the screen does not know its keys yet."""
        if not self._bindings_ready:
            return None
        palette = self.app.COMMAND_PALETTE_BINDING if self.show_command_palette else ""
        return tuple(
            (
                active.binding.action,
                self.app.get_key_display(active.binding),
                active.binding.description,
                active.enabled,
                active.tooltip,
            )
            for key, active in self.screen.active_bindings.items()
            if active.binding.show or key == palette
        )
