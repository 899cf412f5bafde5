"""What the folder step says."""

from pathlib import Path

from xnat_wizard.amounts import count_text
from xnat_wizard.dicom.layout import HOUSE, NAMES, Layout
from xnat_wizard.dicom.model import Survey
from xnat_wizard.findings import Finding, Severity
from xnat_wizard.wizard.steps.folder.chooser import is_archive_name

CHOOSE = "Choose the folder with one folder per subject in it, then press Enter."
CHOOSE_ANY = "Choose the folder or archive with the images in it, then press Enter."  # by another layout than ours
FOUND = "This was found; nothing is sent yet. Enter looks at an image, Next goes on."


def source_name(path: Path) -> str:
    """Return the name of a source for a heading; of a folder inside an archive the archive, too."""
    archive = next((place for place, part in enumerate(path.parts) if is_archive_name(part)), len(path.parts) - 1)
    return "/".join(path.parts[archive:]) or str(path)


def kind_of(path: Path) -> str:
    """Return what a source is called: "archive" or "folder"."""
    return "archive" if any(is_archive_name(part) for part in path.parts) else "folder"


def layout_words(layout: Layout) -> str:
    """Return a layout in short: "subject > series > files", or the pattern that a person wrote."""
    if not layout.pattern:
        return "by the headers alone"
    return layout.words.replace(" folder", "") if layout.pattern in NAMES.values() else layout.pattern


def layout_line(layout: Layout) -> str:
    """Return the line that names another layout than the house rule; "" for the house rule."""
    return "" if layout == HOUSE else f"Layout: {layout_words(layout)}"


def findings_words(findings: tuple[Finding, ...]) -> str:
    """Return how many findings there are of each weight."""
    if not findings:
        return "No findings: every file can be sent."
    words = {Severity.STOP: "STOP", Severity.ASK: "ask (goes after your yes in the plan)", Severity.NOTE: "note"}
    counts = {severity: sum(1 for finding in findings if finding.severity is severity) for severity in words}
    found = ", ".join(f"{counts[severity]} {words[severity]}" for severity in words if counts[severity])
    return f"{found}. Enter explains"


def nothing_to_send(survey: Survey) -> Finding:
    """Say why one cannot go on from here."""
    if not survey.series and not survey.pairs:
        why = f"{count_text(survey.file_count, 'file')}, none of them a DICOM image or a whole PAR/REC pair."
    else:
        why = "Each series is held back by a finding marked STOP."
    kind = kind_of(survey.source)
    return Finding(
        code="folder.nothing_to_send",
        what=f"There is nothing in this {kind} that can be sent",
        why=why,
        todo=(
            "Read the findings below the list: each says what to do.",
            "Choose another folder, for example the one above or below."
            if kind == "folder"
            else "Choose another archive, or the folder that it was made of.",
        ),
        where=str(survey.source),
    )
