"""The catalogues of the manual are those of the program."""

import pytest

from manual import FOLDER, PAGES
from xnat_wizard.troubleshoot.catalogue import CAUSES
from xnat_wizard.xnat.error_catalogue import catalogue


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_what_the_program_has(name: str) -> None:
    assert (FOLDER / name).read_text("utf-8") == PAGES[name](), "`make manual` writes it anew"


def test_every_number_stands_in_the_manual() -> None:
    errors = (FOLDER / "errors.md").read_text("utf-8")
    assert {entry.number for entry in catalogue() if entry.number not in errors} == set()
    causes = (FOLDER / "missing-data.md").read_text("utf-8")
    assert {cause.id for cause in CAUSES if cause.id not in causes} == set()
