"""`verify`: the receipt again, later; and which local files are safely stored."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.conftest import NewPlan
from cli.program import call
from support import Practice
from xnat_wizard.upload.model import Destination

Uploads = Callable[[], list[Path]]

pytestmark = pytest.mark.usefixtures("account")


def lose_a_file(practice: Practice) -> None:
    """Let the site lose one file of the archive."""

    def act(store: object) -> None:
        session = next(iter(practice.server.store.state.sessions.values()))
        scan = next(iter(session.scans.values()))
        resource = next(iter(scan.resources.values()))
        del resource.files[next(iter(resource.files))]

    practice.on_loop(act)


def images(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*") if path.is_file()}


def test_what_is_stored_is_listed_byte_for_byte(new_plan: NewPlan, study_folder: Path) -> None:
    odd = next(path for path in sorted(study_folder.rglob("*")) if path.is_file())
    odd.rename(odd.with_name(os.fsdecode(b"\xff\x1b[31m.dcm")))
    assert call("upload", new_plan()).code == 0
    listed = call("verify", "--list-stored")
    assert listed.code == 0, listed.talk
    assert set(listed.data.splitlines()) == images(study_folder)
    assert "\x1b" not in listed.talk
    with_null = call("verify", "--list-stored", "--null")
    assert set(with_null.data.split("\0")) - {""} == images(study_folder)


def test_a_later_look_keeps_the_receipt_before_it_and_can_compare_pixels(
    new_plan: NewPlan, practice: Practice, uploads: Uploads
) -> None:
    practice.anonymize()
    assert call("upload", new_plan()).code == 0
    again = call("verify", "--pixels")
    assert again.code == 0, again.talk
    assert "Pixel check: " in again.data
    assert "their pixels are equal" in " ".join(again.data.split())
    assert "Earlier: " in again.data
    (folder,) = uploads()
    (aside,) = folder.glob("receipt-*.json")
    assert json.loads(aside.read_text())["verdict"] == "COMPLETE"


def test_a_file_that_changed_or_has_a_line_break_in_its_name_is_not_listed(
    new_plan: NewPlan, study_folder: Path
) -> None:
    first, second, *_ = sorted(path for path in study_folder.rglob("*") if path.is_file())
    first = first.rename(first.with_name("a\nb.dcm"))
    assert call("upload", new_plan()).code == 0
    second.write_bytes(second.read_bytes() + b"more")
    listed = call("verify", "--list-stored")
    assert listed.code == 0
    assert set(listed.data.splitlines()) == images(study_folder) - {str(first), str(second)}
    assert "1 files, it has changed since it was sent" in listed.talk
    assert "--null" in listed.talk


def test_what_the_site_lost_since_is_found_and_no_file_is_called_safe(
    new_plan: NewPlan, practice: Practice, uploads: Uploads
) -> None:
    assert call("upload", new_plan()).code == 0
    (folder,) = uploads()
    assert json.loads((folder / "receipt.json").read_text())["verdict"] == "COMPLETE"
    lose_a_file(practice)
    again = call("verify", folder / "receipt.json")
    assert again.code == 3, again.talk
    assert "Verdict: INCOMPLETE 1" in again.data
    made = json.loads((folder / "receipt.json").read_text())
    assert made["verdict"] == "INCOMPLETE 1"
    assert [len(one["missing"]) for session in made["sessions"] for one in session["series"]].count(1) == 1
    refused = call("verify", "--list-stored", folder.name)
    assert refused.data == ""
    assert refused.code == 3
    assert "No file is called safely stored" in refused.talk


def test_a_receipt_that_was_copied_away_finds_its_upload(new_plan: NewPlan, uploads: Uploads, tmp_path: Path) -> None:
    assert call("upload", new_plan(Destination.PREARCHIVE)).code == 0
    copy = tmp_path / "kept.json"
    copy.write_bytes((uploads()[0] / "receipt.json").read_bytes())
    ended = call("verify", copy, "--json")
    assert ended.code == 0, ended.talk
    (made,) = ended.objects()
    assert (made["type"], made["verdict"], made["upload"]) == ("receipt", "COMPLETE", uploads()[0].name)
    copy.write_text("{}")
    assert call("verify", copy).code == 1


def test_the_local_copy_may_be_gone(new_plan: NewPlan, study_folder: Path) -> None:
    assert call("upload", new_plan()).code == 0
    study_folder.rename(study_folder.with_name("elsewhere"))
    again = call("verify")
    assert again.code == 0, again.talk
    listed = call("verify", "--list-stored")
    assert (listed.code, listed.data) == (0, "")
    assert "32 files, it is not here any more" in listed.talk
