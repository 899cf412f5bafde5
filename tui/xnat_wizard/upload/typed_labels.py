"""What is wrong with labels that somebody types."""

from xnat_wizard.findings import Finding
from xnat_wizard.upload.labels import clean_label, is_legal


def label_problem(subject: str, label: str) -> Finding | None:
    """Return what is wrong with labels typed for archiving, None when nothing is."""
    for kind, text in (("subject label", subject), ("session label", label)):
        if not text:
            return Finding("label.empty", f"The {kind} is empty", "XNAT needs one", (f"Type a {kind}",))
        if not is_legal(text):
            why = "XNAT takes letters without accents, digits, `_` and `-`, at most 64 characters"
            return Finding(
                "label.illegal", f"XNAT would change the {kind} `{text}`", why, (f"Take `{clean_label(text)}` instead",)
            )
    return None
