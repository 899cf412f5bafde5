"""Faults of our own, as findings: a worker's door turns an unforeseen error into words."""

import logging
import traceback

from xnat_wizard.findings import Finding

log = logging.getLogger(__name__)


def fault(error: Exception) -> Finding:
    """Log a fault, without local variables and without the error's text, and return what to say about it."""
    kind = type(error).__name__
    log.error("wizard.fault kind=%s\n%s", kind, "".join(traceback.format_tb(error.__traceback__)))
    return Finding(
        code="wizard.fault",
        what="The wizard had a fault of its own here",
        why=f"An error that nobody foresaw ({kind}) ended this action. What was sent before is not touched.",
        todo=("Try it again.", "Report it with the wizard's log file, which holds no names and no passwords."),
    )
