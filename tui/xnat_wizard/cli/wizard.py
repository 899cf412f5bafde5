"""The wizard itself, opened by `xnat-wizard` alone."""

import argparse
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from xnat_wizard.cli.talk import Exit, explain
from xnat_wizard.findings import Finding

if TYPE_CHECKING:
    from xnat_wizard.wizard.choices import Choices


def open_from(options: argparse.Namespace) -> int:
    """Open the wizard with what the command line knows of the login."""
    from xnat_wizard.wizard.choices import Choices

    return open_wizard(lambda: Choices(address=options.site, username=options.user))


def open_wizard(choices: "Callable[[], Choices]") -> int:
    """Open the wizard on what was chosen already, where there is a terminal."""
    if os.environ.get("TERM", "dumb") == "dumb" or not (sys.stdin.isatty() and sys.stderr.isatty()):
        explain(
            Finding(
                code="terminal.none",
                what="The wizard needs a terminal, and this is none",
                why="Standard input or standard error is not a terminal, or TERM is `dumb`.",
                todo=(
                    "Log in with `ssh -t` and start `xnat-wizard` there",
                    "Or work without a terminal: `xnat-wizard survey`, `plan` and `upload`",
                ),
            )
        )
        return Exit.USAGE
    from xnat_wizard.wizard.app import WizardApp

    app = WizardApp(choices())
    app.run(mouse=True)
    return app.return_code or Exit.DONE
