"""What to say when somebody leaves while an upload runs."""

from pathlib import Path

from xnat_wizard.upload import worker


def parting_words(journal_path: Path | None) -> str:
    """Say that the upload of this journal goes on by itself; "" when none runs."""
    if journal_path is None or not journal_path.is_file() or not worker.is_running(journal_path):
        return ""
    return f"The upload goes on by itself. Its journal and receipt: {journal_path.parent}"
