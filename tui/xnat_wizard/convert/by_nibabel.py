"""The second way, for PAR/REC alone: nibabel reads geometry and scaling, this module writes image and sidecar.

Values are Philips' floating point values, FP = DV / (RS * SS), as dcm2niix writes them. Sources: the PAR files' own
"PIXEL VALUES"; nibabel `parrec.PARRECHeader`, which reads V4, V4.1 and V4.2.
"""

import importlib
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xnat_wizard.amounts import whole_number
from xnat_wizard.convert import outputs, par
from xnat_wizard.convert.model import (
    CONVERTER_FAILED,
    CONVERTER_MISSING,
    CONVERTER_WARNED,
    NO_GRADIENTS,
    WAY_UNFIT,
    Conversion,
    Item,
)
from xnat_wizard.dicom.opened import FolderFile
from xnat_wizard.findings import Finding, Problem, Severity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MARKS = {"M": "", "P": "_ph", "R": "_real", "I": "_imaginary", "DERIVED": "_map"}
_READ_VERSIONS = frozenset({"V4", "V4.1", "V4.2"})


def version() -> str:
    """Return the version of nibabel.

    Raises:
        Problem: `convert.converter_missing`.
    """
    from importlib import metadata

    try:
        return metadata.version("nibabel")
    except metadata.PackageNotFoundError:
        raise Problem(_missing()) from None


def convert(item: Item, staged: Path, folder: Path) -> Conversion:
    """Convert one PAR/REC pair that was laid out.

    Memory holds the whole REC and one scaled copy of it.

    Raises:
        Problem: `convert.way_unfit`, `convert.converter_missing`, `convert.converter_failed`.
        OSError: a file cannot be read or written.
    """
    if item.pair is None or item.version not in _READ_VERSIONS:
        raise Problem(_unfit(item))
    version()
    parrec = _library("nibabel.parrec")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            with staged.open(encoding="latin-1") as text:
                header = parrec.PARRECHeader.from_fileobj(text, permit_truncated=False, strict_sort=True)
            _write(header, staged, folder)
        except (parrec.PARRECError, ValueError, KeyError, IndexError) as error:
            raise Problem(_failed(item, error)) from None
    remarks = dict.fromkeys(str(warning.message).split("\n")[0] for warning in said)
    findings = [_warned(item, tuple(remarks))] if remarks else []
    if any(float(value) > 0 for value in header.image_defs["diffusion_b_factor"]):
        findings.append(_no_gradients(item))
    return Conversion(outputs.gather(item, folder), tuple(findings))


def _library(name: str) -> Any:
    """Import a part of nibabel, most of whose functions have no types."""
    return importlib.import_module(name)


def _write(header: Any, staged: Path, folder: Path) -> None:
    """Write an image for each echo and image type, each with its sidecar."""
    import numpy as np

    order = header.get_sorted_slice_indices()
    shape = header.get_data_shape()
    raw = np.fromfile(staged.with_suffix(".REC"), dtype=header.get_data_dtype())
    stored = raw.reshape(header.get_rec_shape(), order="F")[..., order]
    slices = shape[2]
    volumes = stored.reshape((*shape[:3], -1), order="F")
    slope, inter = (values.reshape((slices, -1), order="F") for values in header.get_data_scaling("fp"))
    with FolderFile(str(staged)) as file:
        table = par.read_table(file)
    echoes = header.image_defs["echo number"][order][::slices]
    types = header.image_defs["image_type_mr"][order][::slices]
    kinds = [(int(echo), int(kind)) for echo, kind in zip(echoes, types, strict=True)]
    has_echoes = len(set(echoes.tolist())) > 1
    for kind in dict.fromkeys(kinds):
        chosen = [at for at, other in enumerate(kinds) if other == kind]
        letter = par.TYPES.get(str(kind[1]), "DERIVED")
        name = f"s{f'_e{kind[0]}' if has_echoes else ''}{_MARKS[letter]}"
        image = volumes[..., chosen]
        if len(chosen) == 1:
            image = image[..., 0]
        _save(image, (slope[:, chosen], inter[:, chosen]), header, len(kinds), folder / f"{name}.nii")
        rows = [at for at in range(len(order)) if kinds[at // slices] == kind]
        fields = _fields(table, header, int(order[rows[0]]), letter)
        (folder / f"{name}.json").write_text(json.dumps(fields, indent=2), encoding="utf-8")


def _save(
    image: "NDArray[Any]",
    scaling: "tuple[NDArray[np.float64], NDArray[np.float64]]",
    header: Any,
    volume_count: int,
    path: Path,
) -> None:
    """Write values as stored with one scale, or as floats where slices are scaled differently."""
    import numpy as np

    nibabel = _library("nibabel")
    slope, inter = scaling
    is_even = bool(np.ptp(slope) < 1e-9 and np.ptp(inter) < 1e-9)
    if not is_even:
        spread = (1, 1, slope.shape[0], *slope.shape[1:][: image.ndim - 3])
        image = (image * slope.reshape(spread) + inter.reshape(spread)).astype(np.float32)
    written = nibabel.Nifti1Image(image, header.get_affine(origin="scanner"))
    written.set_qform(written.affine, code=1)
    written.set_sform(written.affine, code=1)
    written.header.set_xyzt_units("mm", "sec")
    zooms = header.get_zooms()
    written.header.set_zooms((*zooms[:3], *((zooms[3],) if image.ndim > 3 and volume_count > 1 else ())))
    if is_even:
        written.header.set_slope_inter(float(slope.flat[0]), float(inter.flat[0]))
    nibabel.save(written, path)


def _fields(table: par.ParTable, header: Any, row: int, letter: str) -> dict[str, object]:
    """Return the sidecar of an image; times are in seconds, as BIDS has them. Nothing in it tells who was scanned."""
    definitions = header.image_defs
    echo_time_s = float(definitions["echo_time"][row]) / 1000
    fields: dict[str, object] = {
        "Modality": "MR",
        "Manufacturer": "Philips",
        "ProtocolName": table.line("Protocol name"),
        "ScanningTechnique": table.line("Technique"),
        "SeriesNumber": _number_or_text(table.acquisition),
        "ImageType": list(par.image_type(letter)),
        "FlipAngle": float(definitions["image_flip_angle"][row]),
        "ConversionSoftware": "nibabel",
        "ConversionSoftwareVersion": version(),
    }
    if echo_time_s > 0:
        fields["EchoTime"] = round(echo_time_s, 6)
    if table.repetition_s:
        fields["RepetitionTime"] = table.repetition_s
    return fields


def _missing() -> Finding:
    return Finding(
        CONVERTER_MISSING,
        "The library nibabel is not installed",
        "The second way of converting PAR/REC needs it",
        ("Install it: pip install 'xnat-wizard[convert]'", "Or use the first way: --with dcm2niix"),
    )


def _unfit(item: Item) -> Finding:
    what = f"PAR files of {item.version}" if item.pair else "DICOM"
    return Finding(
        WAY_UNFIT,
        f"nibabel does not convert {what}",
        "It reads PAR/REC of V4, V4.1 and V4.2",
        ("Use the first way: --with dcm2niix",),
        where=item.name,
    )


def _failed(item: Item, error: Exception) -> Finding:
    return Finding(
        CONVERTER_FAILED,
        "nibabel did not convert a series",
        f"{type(error).__name__}: {error}",
        ("Use the first way: --with dcm2niix", "See whether its files are whole: xnat-wizard survey SOURCE"),
        where=item.name,
    )


def _warned(item: Item, remarks: tuple[str, ...]) -> Finding:
    return Finding(
        CONVERTER_WARNED,
        "nibabel has remarks about a series",
        "; ".join(remarks),
        ("Look at the converted images before they are used",),
        where=item.name,
        severity=Severity.NOTE,
    )


def _no_gradients(item: Item) -> Finding:
    return Finding(
        NO_GRADIENTS,
        "The image has no gradient table",
        "This way does not write the .bval and .bvec files of diffusion images, and keeps trace volumes in",
        ("Use the first way for diffusion: --with dcm2niix",),
        where=item.name,
        severity=Severity.NOTE,
    )


def _number_or_text(text: str) -> int | str:
    number = whole_number(text)
    return text if number is None else number
