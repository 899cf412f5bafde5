"""Lay the files of one series into a working folder: links into a folder source, copies out of an archive.

The converters see only these files, under plain names, so that neither a neighbour in the folder nor a strange name
or letter case of a partner misleads them. The originals are only read.
"""

from pathlib import Path

from xnat_wizard.convert.model import Item
from xnat_wizard.dicom.source import Source

_PIECE = 1 << 20


def stage(source: Source, item: Item, folder: Path) -> Path:
    """Lay out the files of a series below a new folder; return what a converter is given: a folder, or the PAR.

    Raises:
        OSError: a file cannot be read, or the disk is full.
    """
    folder.mkdir()
    if item.pair:
        par = folder / "series.PAR"
        _lay(source, item.pair.par_path, par)
        _lay(source, item.pair.rec_path, folder / "series.REC")
        return par
    if item.series:
        for number, instance in enumerate(item.series.instances):
            _lay(source, instance.path, folder / f"{number:06d}.dcm")
    return folder


def _lay(source: Source, path: str, target: Path) -> None:
    if not source.is_archive:
        target.symlink_to(f"{source.root}/{path}")
        return
    with source.open(path) as file, target.open("wb") as copy:
        for start in range(0, file.size_bytes, _PIECE):
            copy.write(file.read_at(start, min(_PIECE, file.size_bytes - start)))
