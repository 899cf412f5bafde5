"""Convert one series by the chosen way, in a working folder that its caller clears away."""

from dataclasses import replace
from pathlib import Path
from threading import Event

from xnat_wizard.convert import by_dcm2niix, by_nibabel, par, staging
from xnat_wizard.convert.model import CONVERTER_FAILED, ORIENTATIONS_VARY, Conversion, Item, Way
from xnat_wizard.dicom.opened import FolderFile
from xnat_wizard.dicom.source import Source
from xnat_wizard.findings import Finding, Problem


def convert(
    source: Source, item: Item, way: Way, work: Path, *, keep_details: bool = False, stop: Event | None = None
) -> Conversion:
    """Convert one series below `work`, an empty folder; the originals are only read.

    Raises:
        Problem: this series cannot be converted; the finding says why.
        Stopped: `stop` was set while the converter worked; nibabel finishes its series first.
    """
    made = work / "made"
    try:
        staged = staging.stage(source, item, work / "staged")
        made.mkdir()
        table = _check_pair(item, staged) if item.pair else None
        if way is Way.NIBABEL:
            done = by_nibabel.convert(item, staged, made)
        else:
            done = by_dcm2niix.convert(item, staged, made, keep_details=keep_details, stop=stop)
        if table is None:
            return done
        timed = [
            replace(output, volume_step_s=table.volume_step_s, repetition_s=table.repetition_s)
            for output in done.outputs
        ]
        return replace(done, outputs=tuple(timed))
    except OSError as error:
        raise Problem(_system(item, error)) from None


def _check_pair(item: Item, staged: Path) -> par.ParTable:
    """Return its table of images.

    Slices of several directions are refused: dcm2niix would stack them as if they were one volume.
    """
    with FolderFile(str(staged)) as file:
        table = par.read_table(file)
    if table.has_several_orientations:
        raise Problem(
            Finding(
                ORIENTATIONS_VARY,
                "A series is not converted, because its slices lie in several directions",
                "It is a localizer: a NIfTI image has one direction, so most slices would get a false place",
                ("Leave it out; it is kept raw as PAR/REC",),
                where=item.name,
            )
        )
    return table


def _system(item: Item, error: OSError) -> Finding:
    return Finding(
        CONVERTER_FAILED,
        "A series cannot be converted",
        f"The system says: {error.strerror or error}",
        ("Look whether its files can be read, and whether the disk of the output folder is full: df -h",),
        where=item.name,
    )
