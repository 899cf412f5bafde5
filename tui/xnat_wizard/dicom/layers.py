"""Check the depth of folders against the layout, subject > series > files by the house rule.

Also what more or fewer layers mean.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from xnat_wizard.dicom.faults import FaultList
from xnat_wizard.dicom.gather import Batch, Gathered
from xnat_wizard.dicom.layout import HOUSE
from xnat_wizard.dicom.structure import (
    LAYER_ABOVE,
    LAYER_BELOW,
    LOOSE_FILES,
    MEDIUM,
    MISFIT,
    SERIES_LAYER_MISSING,
    SUBJECT_CHOSEN,
)


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that holds images of one series."""

    folder: str
    series: str  # whatever tells series apart
    names: tuple[str, ...]  # of its files


def check_layers(found: Gathered, pair_places: Iterable[Place]) -> dict[str, str]:
    """Note what is wrong with the depth of folders; return the code that holds back each folder."""
    places = [_place(batch) for batch in found.batches.values()]
    places += pair_places
    held: dict[str, str] = {}
    is_house = found.layout == HOUSE
    if is_house and _is_one_subject(found, places):
        for place in places:
            held[place.folder] = SUBJECT_CHOSEN
            found.faults.add(SUBJECT_CHOSEN, "", place.folder)
        return held
    deep: dict[str, list[Place]] = defaultdict(list)
    for place in places:
        position = found.layout.position(place.folder, "")
        if position.misfit:
            code = (SERIES_LAYER_MISSING if place.folder else LOOSE_FILES) if is_house else MISFIT
            held[place.folder] = code
            for name in place.names:
                found.faults.add(code, place.folder, name, "" if is_house else position.misfit)
        else:
            deep[position.branch].append(place)
    if not found.layout.names_series:
        return held
    for branch, inside in deep.items():
        if any(place.folder != branch for place in inside):
            held |= _judge_branch(branch, inside, found)
    return held


def _place(batch: Batch) -> Place:
    names = tuple(instance.path.rpartition("/")[2] for instance in batch.instances)
    return Place(batch.folder, batch.first.study_instance_uid + batch.first.series_instance_uid, names)


def _is_one_subject(found: Gathered, places: list[Place]) -> bool:
    """Tell whether the source is one subject: all images lie one folder deep, and a study spans several folders."""
    if len(places) < 2 or any(place.folder.count("/") or not place.folder for place in places):
        return False
    folders_of_study: dict[str, set[str]] = defaultdict(set)
    for batch in found.batches.values():
        folders_of_study[batch.first.study_instance_uid].add(batch.folder)
    return any(len(folders) > 1 for folders in folders_of_study.values())


def _judge_branch(branch: str, inside: list[Place], found: Gathered) -> dict[str, str]:
    """Judge a folder in a subject folder that has folders in it: a session, a series in parts, or a medium."""
    above, _, name = branch.rpartition("/")
    below = {place.folder[len(branch) + 1 :].partition("/")[0] for place in inside}
    is_one_series = len({place.series for place in inside}) == 1
    if "" in below or (is_one_series and len(below) > 1):
        _note_parts(found.faults, branch, below)
        return {}
    if any(medium == above or medium.startswith(branch) for medium in found.media):
        found.faults.add(MEDIUM, above, name, f"{len(inside)} folders")
        return {}
    found.faults.add(LAYER_ABOVE, above, name, f"holds {', '.join(sorted(below)[:4])}")
    return {place.folder: LAYER_ABOVE for place in inside}


def _note_parts(faults: FaultList, branch: str, below: set[str]) -> None:
    for part in sorted(below - {""}):
        faults.add(LAYER_BELOW, branch, part)
