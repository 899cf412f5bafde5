"""Which file on the server is which local file.

A file is told by the token in its name (wire contract 5.7 step 7), which survives scripts that rewrite headers; its
bytes are proved by MD5 where the archive keeps one. Numbers alone prove least.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import NamedTuple

from xnat_wizard.upload.model import Fate
from xnat_wizard.upload.pair_matching import match_pairs
from xnat_wizard.upload.places import StoredFile
from xnat_wizard.upload.records import NOT_READ, OTHER_BYTES, CheckedFile, FileRow
from xnat_wizard.upload.tokens import study_in

ABSENT = "the server answered for it and does not list it"
_ANSWERED = frozenset({Fate.SENT, Fate.STORED, Fate.MISSING})


class Matched(NamedTuple):
    """What the comparison said of every local file."""

    checked: list[CheckedFile]
    archived: frozenset[int]  # the numbers of those that were found in the archive


def match(
    files: Iterable[FileRow],
    stored: Iterable[StoredFile],
    *,
    study_instance_uid: str,
    numbers: dict[int, str],
    md5_of: Callable[[FileRow], str],
    size_of: Callable[[FileRow], int] = attrgetter("size_bytes"),
) -> Matched:
    """Find each local file among those on the server, in the archive before the prearchive.

    A file that is not found is MISSING if it was answered for, and keeps its fate otherwise.

    Args:
        files: the session's files; those of PAR/REC pairs have a name.
        stored: everything the server has of the session.
        study_instance_uid: of the session, as the files have it.
        numbers: the Series Number by series, for the comparison of mere numbers.
        md5_of: gives a file's MD5, reading it when it has not been read yet; "" when it cannot.
        size_of: gives how many bytes of a file travel.
    """
    here = list(files)
    by_token: dict[str, list[StoredFile]] = defaultdict(list)
    halves: list[StoredFile] = []
    for one in sorted(stored, key=lambda one: one.is_archived):
        if one.is_pair or not one.scan_id:
            halves.append(one)
        elif study_in(one.name) in {study_instance_uid, ""} or not study_instance_uid:
            by_token[one.token].append(one)
    found: dict[int, tuple[StoredFile, str]] = {}
    remarks: dict[int, str] = {}  # of those whose digest there is not the one here
    unmatched: dict[str, list[FileRow]] = defaultdict(list)
    of_pairs = match_pairs([file for file in here if file.name], halves, md5_of)
    for file in here:
        there = of_pairs.get(file.id) if file.name else _of_token(by_token, file, size_of)
        if there is None:
            number = "" if file.name else numbers.get(file.series_id, "")
            unmatched[number].append(file)  # series of one number share their scans; pairs have no token or count
        else:
            mine = md5_of(file) if there.md5 else ""
            is_equal = bool(mine) and there.md5 == mine
            found[file.id] = there, "MD5" if is_equal else "name and size" if file.name else "file-name token"
            if there.md5 and not is_equal:
                remarks[file.id] = OTHER_BYTES if mine else NOT_READ
    left = [one for some in by_token.values() for one in some]  # what was matched has left the lists
    checked = [
        CheckedFile(key, Fate.STORED, proof, there.scan_id, remarks.get(key, ""))
        for key, (there, proof) in found.items()
    ]
    archived = {key for key, (there, _) in found.items() if there.is_archived}
    for number, some_files in unmatched.items():
        for file, there, proof in _by_other_means(some_files, _in_scans(number, left), md5_of):
            checked.append(_found(file, there, proof, md5_of) if there else _absent(file))
            if there and there.is_archived:
                archived.add(file.id)
    return Matched(checked, frozenset(archived))


def _of_token(
    by_token: dict[str, list[StoredFile]], file: FileRow, size_of: Callable[[FileRow], int]
) -> StoredFile | None:
    candidates = by_token.get(file.token)
    if not candidates:
        return None
    there = candidates[-1]
    is_sure = there.is_archived or file.fate in _ANSWERED
    if not is_sure and (file.remark or there.size_bytes < size_of(file)):
        return None  # what a cut connection, a full disk or a change while sending left; sending it again replaces it
    return candidates.pop()


def _in_scans(number: str, left: list[StoredFile]) -> list[StoredFile]:
    """Return what is left in the scans of a Series Number: XNAT calls the second scan of one number `4-MR2`."""
    return [one for one in left if number and (one.scan_id == number or one.scan_id.startswith(f"{number}-"))]


def _by_other_means(
    files: list[FileRow], stored: list[StoredFile], md5_of: Callable[[FileRow], str]
) -> list[tuple[FileRow, StoredFile | None, str]]:
    """Match files whose names on the server hold no token of ours: by MD5, else by their number in the scans."""
    pool = {one.md5: one for one in stored if one.md5}
    matched: list[tuple[FileRow, StoredFile | None, str]] = []
    rest: list[FileRow] = []
    for file in files:
        there = pool.pop(md5_of(file), None) if pool and not file.name else None
        if there is None:
            rest.append(file)
        else:
            matched.append((file, there, "MD5"))
    was_sent = all(file.fate in _ANSWERED for file in rest)
    others = [one for one in stored if one.may_count and not study_in(one.name)]  # template names: other instances
    if rest and was_sent and len(others) == len(files) == len(rest):
        return [(file, there, "count") for file, there in zip(rest, others, strict=True)]
    return matched + [(file, None, "") for file in rest]


def _found(file: FileRow, there: StoredFile, proof: str, md5_of: Callable[[FileRow], str]) -> CheckedFile:
    is_other = proof == "count" and bool(there.md5) and bool(md5_of(file))  # by MD5 it would have been found
    return CheckedFile(file.id, Fate.STORED, proof, there.scan_id, OTHER_BYTES if is_other else "")


def _absent(file: FileRow) -> CheckedFile:
    if file.fate in _ANSWERED:
        return CheckedFile(file.id, Fate.MISSING, "", "", ABSENT)
    return CheckedFile(file.id, file.fate, "", "", file.remark)
