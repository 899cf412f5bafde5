"""Writes the catalogues of the manual from the program: what a site can say, and why data cannot be found.

`make manual` renews them; a test fails when they are not those of the program.
"""

from collections.abc import Iterator
from pathlib import Path

from xnat_wizard.troubleshoot.catalogue import CAUSES, FAMILIES
from xnat_wizard.xnat.error_catalogue import catalogue

FOLDER = Path(__file__).resolve().parents[1] / "assets" / "manual"
_PRIORS = {"H": "frequent", "M": "occasional", "L": "rare"}


def errors() -> str:
    """Return the page of what a site can say."""
    return "\n".join(_errors()) + "\n"


def _errors() -> Iterator[str]:
    yield "# What a site can say, and what to do"
    yield ""
    yield "Every message of XNAT, of a server in front of it, or of the line to it has a number that is shown with it."
    for entry in catalogue():
        yield ""
        yield f"## {entry.number} - {entry.code}"
        yield ""
        yield f"Said: `{entry.said}`"
        yield ""
        yield f"{entry.cause.rstrip('.')}."
        yield ""
        yield from (f"- {step.rstrip('.')}." for step in entry.steps)


def causes() -> str:
    """Return the page of why data cannot be found."""
    return "\n".join(_causes()) + "\n"


def _causes() -> Iterator[str]:
    yield "# Why data cannot be found"
    yield ""
    yield "What `xnat-wizard troubleshoot` and the wizard's Troubleshoot look for. With `--details` each diagnosis"
    yield "names its number, what was asked, what was answered and when. `F` numbers are acts, `T` numbers letters;"
    yield "behind an act stands the least role that may do it: M member, O owner, A administrator."
    for family, words in FAMILIES.items():
        yield ""
        yield f"## {words.capitalize()}"
        yield ""
        yield "| number | cause | how often | offered | letter |"
        yield "|---|---|---|---|---|"
        for cause in sorted((one for one in CAUSES if one.family == family), key=lambda one: one.id):
            letters = ", ".join(cause.templates)
            yield f"| {cause.id} | {cause.title} | {_PRIORS[cause.prior]} | {cause.offer} | {letters} |"


PAGES = {"errors.md": errors, "missing-data.md": causes}


def write() -> None:
    """Write the pages."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), "utf-8")


if __name__ == "__main__":
    write()
