"""The style sheet of the app, each part of it parsed once.

There are more parts (one a kind of widget and screen) than Textual remembers, so that it would parse all of them again
at the first sight of every screen.
"""

from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.css.types import CSSLocation

Part = tuple[frozenset[tuple[str, str]], str, CSSLocation, bool, int, str]
_parsed: dict[Part, list[RuleSet]] = {}


class ParsedOnce(Stylesheet):
    """A style sheet that remembers every part for every theme; apps in one process share what they parsed."""

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        super().__init__(variables=variables)
        self._theme = frozenset((variables or {}).items())

    def set_variables(self, variables: dict[str, str]) -> None:
        """Take the colours of another theme."""
        super().set_variables(variables)
        self._theme = frozenset(variables.items())

    def reparse(self) -> None:
        """Read all parts with the colours that are now; where one is wrong, all stays as it was."""
        self.parse()

    def _parse_rules(
        self,
        css: str,
        read_from: CSSLocation,
        is_default_rules: bool = False,  # noqa: FBT001, FBT002  Textual's own signature
        tie_breaker: int = 0,
        scope: str = "",
    ) -> list[RuleSet]:
        part = (self._theme, css, read_from, is_default_rules, tie_breaker, scope)
        if part not in _parsed:
            _parsed[part] = super()._parse_rules(css, read_from, is_default_rules, tie_breaker, scope)
        return _parsed[part]
