"""Which file on the server is which half of a local PAR/REC pair, in whatever scan it lies.

Pairs exported from one scanner often share names and sizes, so a digest decides before an order does.
"""

from collections.abc import Callable, Iterable, Sequence

from xnat_wizard.upload.model import Fate
from xnat_wizard.upload.places import StoredFile
from xnat_wizard.upload.records import FileRow

_ANSWERED = frozenset({Fate.SENT, Fate.STORED, Fate.MISSING})


def match_pairs(
    files: Sequence[FileRow], stored: Iterable[StoredFile], md5_of: Callable[[FileRow], str]
) -> dict[int, StoredFile]:
    """Find the halves of pairs on the server, in the archive before the prearchive; no stored file counts twice.

    Equal digests come first. After that a name and a size are enough where the site keeps no digest, in the session's
    own resource, where names are unique, and for a file that was answered for; another pair's file is not taken for
    one that was never sent.

    Args:
        files: local halves of pairs.
        stored: files on the server that may be halves of pairs.
        md5_of: gives a file's MD5; "" when it cannot be read.
    """
    left = sorted(stored, key=lambda one: not one.is_archived)
    found: dict[int, StoredFile] = {}
    for is_sure in (True, False):
        for file in files:
            if file.id in found:
                continue
            named = [one for one in left if _is_named(one, file)]
            there = next((one for one in named if _is_equal(one, file, md5_of) or _will_do(one, file, is_sure)), None)
            if there is not None:
                found[file.id] = there
                left.remove(there)
    return found


def scan_name(name: str) -> str:
    """Return what a file is called in the resource of a scan, where it needs no folder to be unique."""
    return name.rpartition("/")[2]


def clean_name(name: str) -> str:
    """Return a file's name, or its path, without what a URL or a file system stumbles over."""
    return "".join(letter if letter.isprintable() and letter not in '\\:*?"<>|#%' else "_" for letter in name)


def _is_named(one: StoredFile, file: FileRow) -> bool:
    name = scan_name(file.name) if one.scan_id else file.name
    return one.name == name and one.size_bytes == file.size_bytes


def _is_equal(one: StoredFile, file: FileRow, md5_of: Callable[[FileRow], str]) -> bool:
    return bool(one.md5) and one.md5 == md5_of(file)


def _will_do(one: StoredFile, file: FileRow, is_sure: bool) -> bool:  # noqa: FBT001  the pass itself
    return not is_sure and (not one.md5 or not one.scan_id or file.fate in _ANSWERED)
