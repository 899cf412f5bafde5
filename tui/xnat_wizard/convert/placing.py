"""The output folder: every file arrives whole by a rename, the image last; work is done in a hidden folder beside.

So an image that is there has all its files. A run that was killed leaves its hidden folder, which the next run clears.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from xnat_wizard.convert.model import EXISTS, TARGET_IN_SOURCE, TARGET_REFUSED, Existing
from xnat_wizard.findings import Finding, Problem

_WORK = ".convert-"
_LOCK = "lock"
IMAGE = ".nii.gz"
_SIDES = (".json", ".bval", ".bvec")


@contextlib.contextmanager
def working_folder(target: Path, source: str) -> Iterator[Path]:
    """Make the output folder if it is not there, and a working folder in it that is gone at the end.

    Raises:
        Problem: `convert.target_in_source`, `convert.target_refused`.
    """
    inside = Path(os.path.realpath(target))
    if Path(os.path.realpath(source)) in (inside, *inside.parents):
        raise Problem(_in_source(target))
    try:
        target.mkdir(parents=True, exist_ok=True)
        _clear_left(target)
        work = Path(tempfile.mkdtemp(prefix=_WORK, dir=target))
    except OSError as error:
        raise Problem(_refused(target, error)) from None
    try:
        with (work / _LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def stand_in_the_way(target: Path, paths: Sequence[str]) -> tuple[str, ...]:
    """Return which images, given without ending, are there already."""
    return tuple(path for path in paths if (target / f"{path}{IMAGE}").exists())


def files_of(target: Path, path: str) -> tuple[str, ...]:
    """Return the files of an image that is there, given without ending, the image first."""
    return (f"{path}{IMAGE}", *(f"{path}{ending}" for ending in _SIDES if (target / f"{path}{ending}").exists()))


def refuse(paths: Sequence[str]) -> Finding:
    """Say that outputs are there already."""
    return Finding(
        EXISTS,
        f"{len(paths)} output{'s are' if len(paths) > 1 else ' is'} there already, so the series is left as it is",
        "Nothing is overwritten unless asked for",
        (f"Keep what is there: --existing {Existing.SKIP}", f"Make it anew: --existing {Existing.REPLACE}"),
        where=", ".join(f"{path}{IMAGE}" for path in paths[:4]),
    )


def place(target: Path, path: str, image: Path, sides: Sequence[Path]) -> tuple[str, ...]:
    """Move an image and what belongs to it into the output folder; return the files below it, the image first.

    Args:
        target: the output folder, on the same file system as the working folder.
        path: where the image goes, without ending.
        image: compressed.
        sides: sidecar and gradients; what an older image had of these goes.

    Raises:
        OSError: the disk refuses.
    """
    end = target / path
    end.parent.mkdir(parents=True, exist_ok=True)
    placed = []
    for ending in _SIDES:
        side = next((one for one in sides if one.suffix == ending), None)
        there = end.with_name(end.name + ending)
        if side is None:
            there.unlink(missing_ok=True)
        else:
            side.replace(there)
            placed.append(f"{path}{ending}")
    image.replace(end.with_name(end.name + IMAGE))
    return (f"{path}{IMAGE}", *placed)


def write_whole(path: Path, text: str) -> None:
    """Write a small text file by a rename."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=_WORK, delete=False, encoding="utf-8") as file:
        try:
            file.write(text)
            file.flush()
            Path(file.name).chmod(0o666 & ~_umask())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _clear_left(target: Path) -> None:
    """Remove the working folders of runs that were killed: nobody holds their lock any more."""
    for left in target.glob(f"{_WORK}*/{_LOCK}"):
        try:
            with left.open("rb+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # another run is at work there
            continue
        shutil.rmtree(left.parent, ignore_errors=True)


def _in_source(target: Path) -> Finding:
    return Finding(
        TARGET_IN_SOURCE,
        "The output folder lies inside the source",
        "Converted images there would be taken for part of the source the next time",
        ("Give a folder elsewhere: --to FOLDER",),
        where=str(target),
    )


def _refused(target: Path, error: OSError) -> Finding:
    return Finding(
        TARGET_REFUSED,
        "The output folder cannot be written",
        f"The system says: {error.strerror}",
        ("Give another folder: --to FOLDER", f"See who may write there: ls -ld {target.parent}"),
        where=str(target),
    )
