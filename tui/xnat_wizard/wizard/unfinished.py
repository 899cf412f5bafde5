"""The question whether to show an upload that an earlier start of the wizard left running or unfinished."""

from xnat_wizard.upload.uploads import Unfinished


def question(left: Unfinished) -> str:
    """Return what to ask about it."""
    runs = "is running" if left.is_running else "did not end"
    return f"An upload to {left.plan.project} {runs}. Show it?"


def detail(left: Unfinished) -> str:
    """Return what is known of it, in a sentence or two."""
    now = left.progress
    counts = f"{now.files_sent} of {now.files_total} files were sent, from {left.plan.source}."
    return counts if left.is_running else f"{counts} It can be resumed; nothing is sent twice."
