"""What there is to say about a target that was saved, in words."""

from collections.abc import Mapping, Sequence

from xnat_wizard.findings import Finding
from xnat_wizard.upload.resource_transfer.model import Target, note, some

_AGAIN = "Get it again: what is here is not sent twice"


def missing(target: Target) -> Finding:
    """Say that there is no such resource, or nothing in it."""
    return Finding(
        "resource.missing",
        f"There is no resource of this name with files in it: {target}",
        "The site lists no file there",
        ("See which there are: xnat-wizard resource list", "Look for typing errors; capitals count"),
        where=str(target),
        shareable="A resource is not there, or is empty.",
    )


def differs(target: Target, names: Sequence[str]) -> Finding:
    """Say that other files of the same names are here, so nothing was saved."""
    return Finding(
        "resource.differs",
        f"{_count(names)} of the same name here already, and not equal: {some(names)}",
        "Size or MD5 is another one than there. Nothing of this target was saved",
        (
            "Choose another folder",
            "Let those here stay, and save the others: --existing skip",
            "Or replace those here: --existing replace",
        ),
        where=str(target.path),
        shareable=f"{len(names):,} files of the same names are here, and differ.",
    )


def kept(target: Target, names: Sequence[str]) -> Finding:
    """Say that other files of the same names stay as they are."""
    return note(
        "resource.kept",
        f"{_count(names)} of the same name differ{'s' * (len(names) == 1)} from there, and stay: {some(names)}",
        "`--existing skip` was given",
        ("Replace them, if those there are right: --existing replace",),
        where=str(target.path),
    )


def not_saved(target: Target, reasons: Mapping[str, str]) -> Finding:
    """Say that files were not saved."""
    names = list(reasons)
    return Finding(
        "resource.not_saved",
        f"{_count(names)} {'was' if len(names) == 1 else 'were'} not saved: {some(names)}",
        f"Of the first: {reasons[names[0]]}",
        (_AGAIN, "Or download them with a browser"),
        where=str(target),
        shareable=f"{len(names):,} files of the site were not saved.",
    )


def disk(target: Target, error: OSError) -> Finding:
    """Say that the folder cannot be used."""
    return Finding(
        "resource.not_saved",
        f"Nothing could be saved in `{target.path}`",
        f"The system says: {error.strerror or type(error).__name__}",
        ("Look whether the folder may be written and the disk has room: df .", "Or choose another folder"),
        where=str(target.path),
        shareable="A folder for files of the site cannot be used.",
    )


def _count(names: Sequence[str]) -> str:
    return f"{len(names):,} file{'s' * (len(names) != 1)}"
