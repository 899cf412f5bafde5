"""Which upload that was left is the same as a plan."""

import os
from collections.abc import Callable
from pathlib import Path

from xnat_wizard.upload import uploads
from xnat_wizard.upload.model import Plan

PlanFor = Callable[..., Plan]


def test_an_upload_that_was_left_is_found_by_its_plan(study_folder: Path, plan_for: PlanFor) -> None:
    path = uploads.begin(plan_for(study_folder))
    assert uploads.unfinished(plan_for(study_folder)) == path


def test_an_upload_of_files_that_changed_since_is_another_one(study_folder: Path, plan_for: PlanFor) -> None:
    uploads.begin(plan_for(study_folder))
    file = next(path for path in sorted(study_folder.rglob("*")) if path.is_file())
    os.utime(file, ns=(1, 1))  # mended, with as many bytes
    assert uploads.unfinished(plan_for(study_folder)) is None
