"""The files of a BIDS dataset that stand for the whole: description, README, participants; and IntendedFor on demand.

What is there already is kept: a description and a README are written once, participants are only added.
Source: BIDS 1.10, "Modality agnostic files", "Fieldmap data".
"""

import fnmatch
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from xnat_wizard.convert import outputs
from xnat_wizard.convert.placing import IMAGE, write_whole

BIDS_VERSION = "1.10.0"
_DESCRIPTION = "dataset_description.json"
_PARTICIPANTS = "participants.tsv"
_FIELDS = {"authors": "Authors", "license": "License", "acknowledgements": "Acknowledgements", "funding": "Funding"}


def write(target: Path, told: Mapping[str, object], software: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Write description and README where there are none; return their names.

    Args:
        target: the dataset.
        told: `[dataset]` of the rules.
        software: names and versions of the programs that made the images.
    """
    written = []
    if not (target / _DESCRIPTION).exists():
        fields: dict[str, object] = {
            "Name": told.get("name") or target.resolve().name,
            "BIDSVersion": BIDS_VERSION,
            "DatasetType": "raw",
            **{_FIELDS[key]: value for key, value in told.items() if key in _FIELDS},
            "GeneratedBy": [{"Name": name, "Version": version} for name, version in software],
        }
        write_whole(target / _DESCRIPTION, json.dumps(fields, indent=2, ensure_ascii=False) + "\n")
        written.append(_DESCRIPTION)
    if not any(target.glob("README*")):
        name = told.get("name") or target.resolve().name
        made = "\n".join(f"- {program} {version}" for program, version in software)
        text = (
            f"# {name}\n\nThe images of this dataset were converted from DICOM or PAR/REC to NIfTI and laid out by the "
            f"Brain Imaging Data Structure {BIDS_VERSION} with\n\n{made}\n\n"
            "What the subjects did, how they were chosen and what was measured is to be told here by those who know.\n"
        )
        write_whole(target / "README.md", text)
        written.append("README.md")
    return tuple(written)


def add_participants(target: Path, subjects: Iterable[str]) -> bool:
    """Add subjects to the table of participants, given without `sub-`; return whether it changed.

    Columns and rows that are there stay as they are; the others of a new row are "n/a".
    """
    path = target / _PARTICIPANTS
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else ["participant_id"]
    head = lines[0].split("\t")
    at = head.index("participant_id") if "participant_id" in head else 0
    known = {cells[at] for line in lines[1:] if len(cells := line.split("\t")) > at}
    new = sorted({f"sub-{subject}" for subject in subjects} - known)
    if not new:
        return False
    lines += ["\t".join(name if column == at else "n/a" for column in range(len(head))) for name in new]
    write_whole(path, "\n".join(lines) + "\n")
    return True


def intend(target: Path, path: str, patterns: Iterable[str]) -> int:
    """Say in the sidecar of a field map which images of its session it is for; return how many.

    Args:
        target: the dataset.
        path: of the field map, below it, without ending.
        patterns: of names without subject and session, such as `func/*`; `func/task-rest*_bold`.
    """
    session = target / path
    session = session.parent.parent
    wanted = tuple(patterns)
    found = []
    for image in sorted(session.glob(f"*/*{IMAGE}")):
        words = [word for word in image.name.removesuffix(IMAGE).split("_") if not word.startswith(("sub-", "ses-"))]
        short = f"{image.parent.name}/{'_'.join(words)}"
        if image.parent.name != "fmap" and any(fnmatch.fnmatchcase(short, pattern) for pattern in wanted):
            found.append(f"bids::{image.relative_to(target).as_posix()}")
    sidecar = target / f"{path}.json"
    fields = outputs.read(sidecar)
    if found and fields.get("IntendedFor") != found:
        write_whole(sidecar, json.dumps({**fields, "IntendedFor": found}, indent=2, ensure_ascii=False) + "\n")
    return len(found)
