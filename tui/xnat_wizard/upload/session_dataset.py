"""The part of a BIDS dataset that belongs to one session, as a dataset of its own: valid without the rest."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from xnat_wizard.upload import laying

_WHOLE = ("dataset_description.json", "README.md", "README", "CHANGES", "LICENSE", ".bidsignore")
_PARTICIPANTS = ("participants.tsv", "participants.json")


def lay(dataset: Path, files: Sequence[str], folder: Path) -> None:
    """Lay files of a dataset, and what stands for the whole, into a new folder; images are links.

    Args:
        dataset: as the conversion left it.
        files: of one session, below the dataset.
        folder: on the same file system.

    Raises:
        OSError: a file cannot be read, or the disk refuses.
    """
    for name in dict.fromkeys(files):
        _link(dataset / name, folder / name)
    for name in _WHOLE:
        if (dataset / name).is_file():
            _link(dataset / name, folder / name)
    table, columns = (dataset / name for name in _PARTICIPANTS)
    if table.is_file():
        subjects = {PurePosixPath(name).parts[0] for name in files}
        head, *rows = table.read_text(encoding="utf-8").splitlines()
        own = [row for row in rows if subjects & set(row.split("\t"))]
        (folder / table.name).write_text("\n".join([head, *own]) + "\n", encoding="utf-8")
        if columns.is_file():
            _link(columns, folder / columns.name)


def _link(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    laying.lay(file, target)
