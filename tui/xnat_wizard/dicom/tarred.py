"""Read the headers of a tar file, one after the other; nothing is unpacked.

Written down here and not left to Python's `tarfile`, which keeps 2 kB for each member, and reads a long name into
memory however long it says to be. Sources: POSIX.1-2001 pax (ustar and extended headers), GNU tar manual, appendix
"Basic Tar Format" (long names, base-256 numbers, sparse files).
"""

from collections.abc import Callable, Iterator

from xnat_wizard.amounts import whole_number
from xnat_wizard.dicom.members import MOST_MEMBERS, BadArchive, Kind, Member

BLOCK = 512
_LONGEST_NOTE = 1 << 20  # a long name or an extended header
_LARGEST = 1 << 62  # bytes of a member: no file system has such files, and no system call takes their ends
_KINDS = {b"0": Kind.FILE, b"\0": Kind.FILE, b"7": Kind.FILE, b"2": Kind.LINK, b"5": Kind.FOLDER}
_HARD_LINK = b"1"
_SPARSE = b"S"

ReadAt = Callable[[int, int], bytes]


def is_tar(head: bytes) -> bool:
    """Tell by its first block whether a file is a tar."""
    return len(head) >= BLOCK and any(head[:BLOCK]) and _sum_fits(head[:BLOCK])


def read_members(read_at: ReadAt) -> Iterator[Member]:
    """Give the members in order, each before anything behind its header is read.

    Hard links come as the file they stand for. A tar that was cut ends without complaint: who knows its length sees
    it. Bytes that are no header end it with an error, after what stands before them.

    Raises:
        BadArchive: there is no header where one should be, or there are too many.
        OSError: the bytes cannot be read.
    """
    position, count = 0, 0
    notes: dict[str, str] = {}
    common: dict[str, str] = {}
    seen: dict[str, Member] = {}
    while len(block := read_at(position, BLOCK)) == BLOCK and any(block):
        if not _sum_fits(block):
            raise BadArchive("it is damaged")
        position += BLOCK
        size_bytes, flag = _number(block[124:136]), block[156:157]
        if size_bytes >= _LARGEST:
            raise BadArchive("it is damaged")
        if flag in {b"L", b"K", b"x", b"g"}:
            _note(flag, _noted(read_at, position, size_bytes), common if flag == b"g" else notes)
            position += _rounded(size_bytes)
            continue
        member = _member(block, position, size_bytes, flag, common | notes, seen)
        is_linked = flag in {_HARD_LINK, b"2", b"3", b"4", b"5", b"6"}
        if not is_linked:
            position += _rounded(member.size_bytes if flag != _SPARSE else size_bytes)
        notes = {}
        count += 1
        if count > MOST_MEMBERS:
            raise BadArchive(f"it has more than {MOST_MEMBERS:,} members, and that is the limit", is_bomb=True)
        if member.kind is Kind.FILE:
            seen[member.name] = member
        yield member


def _member(
    block: bytes, position: int, size_bytes: int, flag: bytes, notes: dict[str, str], seen: dict[str, Member]
) -> Member:
    name = notes.get("path") or _path(block)
    target = notes.get("linkpath") or _text(block[157:257])
    if "size" in notes and (noted := whole_number(notes["size"])) is not None:
        size_bytes = noted
    if flag == _HARD_LINK:
        file = seen.get(target)
        if file is None:
            return Member(name, Kind.LINK, 0, position, target=target)
        return Member(name, Kind.FILE, file.size_bytes, file.offset, packed_bytes=0, trouble=file.trouble)
    kind = _KINDS.get(flag, Kind.SPECIAL)
    if kind is Kind.FILE and name.endswith("/"):
        kind = Kind.FOLDER  # as before POSIX
    if flag == _SPARSE or any(note.startswith("GNU.sparse.") for note in notes):
        return Member(name, Kind.FILE, size_bytes, position, trouble="it is stored with holes, which is not read here")
    is_empty = kind is not Kind.FILE
    return Member(name, kind, 0 if is_empty else size_bytes, position, target=target, packed_bytes=size_bytes)


def _sum_fits(block: bytes) -> bool:
    try:
        said = _number(block[148:156])
    except BadArchive:
        return False
    plain = sum(block) - sum(block[148:156]) + 8 * 32
    return said == plain


def _number(field: bytes) -> int:
    """Return a number: octal digits, or big endian behind a first bit that is set."""
    if field[0] & 0x80:
        return int.from_bytes(field, "big") & ((1 << (8 * len(field) - 1)) - 1)
    digits = field.split(b"\0")[0].strip(b" ")
    try:
        return int(digits or b"0", 8)
    except ValueError:
        raise BadArchive("it is damaged") from None


def _rounded(size_bytes: int) -> int:
    return -(-size_bytes // BLOCK) * BLOCK


def _text(field: bytes) -> str:
    return field.split(b"\0")[0].decode("utf-8", "surrogateescape")


def _path(block: bytes) -> str:
    name, prefix = _text(block[:100]), _text(block[345:500])
    is_posix = block[257:263] == b"ustar\0"
    return f"{prefix}/{name}" if prefix and is_posix else name


def _noted(read_at: ReadAt, position: int, size_bytes: int) -> bytes:
    if size_bytes > _LONGEST_NOTE:
        raise BadArchive(f"it has a name or note of {size_bytes:,} bytes", is_bomb=True)
    return read_at(position, size_bytes)


def _note(flag: bytes, data: bytes, notes: dict[str, str]) -> None:
    """Understand a header that says something about the next member, or about all of them."""
    if flag in {b"L", b"K"}:
        notes["path" if flag == b"L" else "linkpath"] = _text(data)
        return
    at = 0
    while at < len(data):
        length, _, _ = data[at : at + 20].partition(b" ")
        if not length.isdigit() or int(length) <= len(length) + 1:
            return
        record = data[at + len(length) + 1 : at + int(length)].rstrip(b"\n")
        key, _, value = record.partition(b"=")
        notes[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        at += int(length)
