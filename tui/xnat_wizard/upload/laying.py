"""A file under a second name without its bytes being written again, where the file system can do that."""

import os
import shutil
from pathlib import Path


def lay(file: Path, target: Path) -> None:
    """Give a file a second name; a copy of it where there are no links, as on most memory sticks and some shares.

    Raises:
        OSError: it cannot be read, or the disk refuses; what is in the place already stays.
    """
    try:
        os.link(file, target)
    except FileExistsError:
        raise
    except OSError:
        with file.open("rb") as there, target.open("xb") as copy:
            shutil.copyfileobj(there, copy, 1 << 20)
