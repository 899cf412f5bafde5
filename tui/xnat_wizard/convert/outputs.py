"""Take stock of what a converter left in its working folder, and tell which images of the series each output holds.

Both ways name their outputs alike: `s`, then what tells several outputs of one series apart, as dcm2niix does.
"""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from xnat_wizard.convert.model import Item, Output, Traits

_ECHO = re.compile(r"_e(\d+)")
_LETTERS = (("_ph", "P"), ("_real", "R"), ("_imaginary", "I"))
_DERIVED = re.compile(r"_ADC|_map|_Tilt|_Eq", re.IGNORECASE)


def gather(item: Item, folder: Path) -> tuple[Output, ...]:
    """Return every image that lies in a converter's folder, the plainest name first."""
    outputs = []
    for nifti in sorted(folder.glob("s*.nii"), key=lambda path: (len(path.stem), path.stem)):
        suffix = nifti.stem[1:]
        sidecar = nifti.with_suffix(".json")
        gradients = tuple(path for ending in (".bval", ".bvec") if (path := nifti.with_suffix(ending)).is_file())
        outputs.append(Output(suffix, nifti, sidecar, gradients, _traits(item, suffix, read(sidecar))))
    return tuple(outputs)


def read(sidecar: Path) -> dict[str, Any]:
    """Return the fields of a sidecar; none when it is not there or no JSON object."""
    try:
        fields = json.loads(sidecar.read_text(encoding="utf-8", errors="replace"), strict=False)
    except (OSError, ValueError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _traits(item: Item, suffix: str, fields: dict[str, Any]) -> Traits:
    """Return the traits of one output: those of the images it was made of, as far as name and sidecar tell."""
    letter = next((letter for mark, letter in _LETTERS if mark in suffix), "")
    echo = int(hit[1]) if (hit := _ECHO.search(suffix)) else _whole(fields.get("EchoNumber"))
    told = fields.get("ImageType")
    said = {str(word) for word in told} if item.series and isinstance(told, list) else set()
    nearest = max(item.variants, key=lambda kind: _likeness(kind, letter, echo, said))
    words = nearest.image_type
    if letter and letter not in words:
        words = (*words, letter)
    if _DERIVED.search(suffix):
        words = ("DERIVED", *words[1:], suffix.strip("_").upper())
    return replace(
        nearest, image_type=words, echo=echo if echo in {kind.echo for kind in item.variants} else nearest.echo
    )


def _likeness(kind: Traits, letter: str, echo: int | None, said: set[str]) -> tuple[bool, bool, bool, bool]:
    """Rank a kind of images by how well it fits what the converter says of an output; it adds words to Image Type."""
    is_plain = not {"P", "R", "I", "PHASE", "REAL", "IMAGINARY"} & set(kind.image_type)
    is_of_letter = letter in kind.image_type if letter else is_plain
    return (set(kind.image_type) <= said, is_of_letter, echo == kind.echo, "M" in kind.image_type)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
