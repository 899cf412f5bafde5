"""The wizard itself, opened by `xnat-wizard` alone."""

import argparse
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from xnat_wizard.cli.talk import Exit, explain
from xnat_wizard.findings import Finding

if TYPE_CHECKING:
    from xnat_wizard.preferences import Preferences
    from xnat_wizard.wizard.choices import Choices

PICTURES_VARIABLE = "XNAT_WIZARD_PICTURES"


def add_options_to(parser: argparse.ArgumentParser) -> None:
    """Add to the program what changes the wizard."""
    parser.add_argument("--ca-file", default="", help="certificate authority of the site, if it is a private one")
    parser.add_argument(
        "--lines", action="store_true", help="ask and tell line by line, without screens: for screen readers"
    )
    parser.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal, which selects text")


def open_from(options: argparse.Namespace) -> int:
    """Open the wizard with what the command line knows of the login."""
    if options.lines:
        from xnat_wizard.cli.lines import converse

        return converse(options)
    from xnat_wizard.wizard.choices import Choices

    choices = Choices(address=options.site, username=options.user, ca_file=options.ca_file)
    return open_wizard(lambda: choices, has_mouse=not options.no_mouse)


def open_wizard(choices: "Callable[[], Choices]", *, has_mouse: bool = True) -> int:
    """Open the wizard on what was chosen already, where there is a terminal or a browser."""
    if not (_is_in_browser() or _is_on_terminal()):
        explain(
            Finding(
                code="terminal.none",
                what="The wizard needs a terminal, and this is none",
                why="Standard input or standard error is not a terminal, or TERM is `dumb`.",
                todo=(
                    "Log in with `ssh -t` and start `xnat-wizard` there",
                    "Or answer its questions line by line: `xnat-wizard --lines`, which any terminal can show",
                    "Or work without a terminal: `xnat-wizard survey`, `plan` and `upload`",
                ),
            )
        )
        return Exit.USAGE
    from xnat_wizard.wizard.app import WizardApp

    app = WizardApp(choices())
    prefer_pictures(app.preferences)
    app.run(mouse=has_mouse and app.preferences.has_mouse)
    return app.return_code or Exit.DONE


def prefer_pictures(preferences: "Preferences") -> None:
    """Let the pictures be drawn as the settings file has it; the environment says more, and of one run."""
    if preferences.pictures != "auto":
        os.environ.setdefault(PICTURES_VARIABLE, preferences.pictures)


def _is_on_terminal() -> bool:
    return os.environ.get("TERM", "dumb") != "dumb" and sys.stdin.isatty() and sys.stderr.isatty()


def _is_in_browser() -> bool:
    """Tell whether `serve` has started this program: Textual's web driver speaks through pipes."""
    return os.environ.get("TEXTUAL_DRIVER", "").endswith(":WebDriver")
