"""What the palette offers: every action of the screen by name, and the themes."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from textual.app import App, SystemCommand
from textual.binding import ActiveBinding
from textual.screen import ModalScreen, Screen

from xnat_wizard.wizard.choices import Answer
from xnat_wizard.wizard.theme import ANSI_THEME, WIZARD_CONTRAST_DARK, WIZARD_CONTRAST_LIGHT, WIZARD_DARK, WIZARD_LIGHT
from xnat_wizard.wizard.widgets.helping import actions
from xnat_wizard.wizard.widgets.step import StepScreen

EVERYWHERE = {"wizard.quit", "wizard.copy", "wizard.help", "wizard.next", "wizard.back", "wizard.refresh"}
THEME_WORDS = {
    WIZARD_DARK.name: "Dark",
    WIZARD_LIGHT.name: "Light",
    WIZARD_CONTRAST_DARK.name: "Dark, high contrast",
    WIZARD_CONTRAST_LIGHT.name: "Light, high contrast",
    ANSI_THEME: "The terminal's own colours",
}


def commands(
    app: App[None], screen: Screen[Any], step: StepScreen[Answer] | None, show_help: Callable[[], None]
) -> Iterable[SystemCommand]:
    """Yield the actions of the screen that was there when the palette was asked for, each once."""
    if step is not None and not isinstance(screen, ModalScreen):
        yield from _of_step(app, step)
    else:
        for active in actions(screen):
            if active.binding.id not in EVERYWHERE:
                yield _command(app, active)
        yield SystemCommand("Help", "What can be done here, and with which keys", show_help)


def _of_step(app: App[None], step: StepScreen[Answer]) -> Iterable[SystemCommand]:
    named = set()
    for title, explanation, call in step.commands():
        named |= {title.casefold(), getattr(call, "__name__", "").removeprefix("action_")}
        yield SystemCommand(title, explanation, call)
    if step.has_next:
        yield SystemCommand("Next", "Go on to the next step", step.action_next)
    yield SystemCommand("Back", "One step back; what you typed is kept", step.action_back)
    if step.has_refresh:
        yield SystemCommand("Refresh", "Ask again", step.action_refresh_content)
    yield SystemCommand("Help", "Show or hide help for where you are", step.action_toggle_help)
    for active in actions(step):
        names = {active.binding.description.casefold(), active.binding.action.partition("(")[0].rpartition(".")[2]}
        if active.binding.id not in EVERYWHERE and not names & named:
            named |= names
            yield _command(app, active)


def _command(app: App[None], active: ActiveBinding) -> SystemCommand:
    binding = active.binding
    return SystemCommand(binding.description, binding.tooltip, partial(app.run_action, binding.action, active.node))


def themes(names: Iterable[str], choose: Callable[[str], None]) -> list[tuple[str, Callable[[], None], str]]:
    """Return the themes as commands of a palette: name, what to call, what to type into the settings file."""
    return [(THEME_WORDS[name], partial(choose, name), f'theme = "{name}"') for name in names]
