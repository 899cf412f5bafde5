"""A zip with the files' own names, made while they are read: for resources, whose names are what people look for.

Like the zips of images (`parts.ZipStream`): stored entries, CRC and sizes in the local header, a length that is known
before the first byte. Their entries are numbers, these are names: they are UTF-8, and the headers say so. Nothing is
deflated: results are mostly packed already (.nii.gz, .png).

Files up to about 1 MB are read once, longer ones twice: the CRC has to be known before the first byte leaves.
Memory: two pieces of about 1 MB.

Source: PKWARE APPNOTE 4.4.4 bit 11, appendix D.
"""

import hashlib
from collections.abc import Iterator, Sequence

from xnat_wizard.upload import zip_format
from xnat_wizard.upload.deflating import crc32
from xnat_wizard.upload.parts import READ_WHOLE_BYTES, Item, SourceChangedError, read_pieces
from xnat_wizard.upload.zip_format import STORED, Entry

_UTF8 = b"\x00\x08"  # the flags, little endian
_LOCAL_FLAGS, _CENTRAL_FLAGS = 6, 8  # where they stand


def length(files: Sequence[tuple[str, int]]) -> int:
    """Return how long the zip of files of these names and sizes is."""
    return zip_format.length([_entry(name, size_bytes) for name, size_bytes in files])


class NamedZip:
    """The zip of some files; iterate once.

    Afterwards `md5` holds the digest of every file, by its number. Stops with `SourceChangedError` when a file is not
    what was looked at; `failure` keeps that error.
    """

    def __init__(self, files: Sequence[tuple[str, Item]]) -> None:
        self._files = tuple(files)
        self.md5: dict[int, str] = {}
        self.files_read = 0
        self.failure: SourceChangedError | None = None

    @property
    def size_bytes(self) -> int:
        """Return the exact length."""
        return length([(name, item.size_bytes) for name, item in self._files])

    def pieces(self) -> Iterator[bytes]:
        """Give it in pieces of up to about 1 MB."""
        waiting: list[bytes] = []
        waiting_bytes = 0
        try:
            for piece in self._raw():
                waiting.append(piece)
                waiting_bytes += len(piece)
                if waiting_bytes >= READ_WHOLE_BYTES // 2:
                    yield b"".join(waiting)
                    waiting, waiting_bytes = [], 0
        except SourceChangedError as failure:
            self.failure = failure
            raise
        if waiting:
            yield b"".join(waiting)

    def _raw(self) -> Iterator[bytes]:
        central = bytearray()
        offset = 0
        for name, item in self._files:
            entry = _entry(name, item.size_bytes)
            if item.size_bytes <= READ_WHOLE_BYTES:
                data = b"".join(read_pieces(item))
                entry = entry._replace(crc=crc32(data))
                self.md5[item.file_id] = hashlib.md5(data, usedforsecurity=False).hexdigest()
                header = _flagged(zip_format.local_header(entry), _LOCAL_FLAGS)
                yield header
                yield data
            else:
                entry = entry._replace(crc=_crc_of(item))
                header = _flagged(zip_format.local_header(entry), _LOCAL_FLAGS)
                yield header
                yield from self._long(item, entry.crc)
            self.files_read += 1
            central += _flagged(zip_format.central_header(entry, offset), _CENTRAL_FLAGS)
            offset += len(header) + entry.size_bytes
        yield bytes(central) + zip_format.end(len(self._files), len(central), offset)

    def _long(self, item: Item, crc: int) -> Iterator[bytes]:
        md5, found = hashlib.md5(usedforsecurity=False), 0
        for piece in read_pieces(item):
            md5.update(piece)
            found = crc32(piece, found)
            yield piece
        if found != crc:
            raise SourceChangedError(item.file_id, "the file changed while it was sent")
        self.md5[item.file_id] = md5.hexdigest()


def _entry(name: str, size_bytes: int) -> Entry:
    return Entry(name.encode("utf-8", "surrogateescape"), STORED, 0, size_bytes, size_bytes)


def _flagged(header: bytes, at: int) -> bytes:
    return header[:at] + _UTF8 + header[at + len(_UTF8) :]


def _crc_of(item: Item) -> int:
    crc = 0
    for piece in read_pieces(item):
        crc = crc32(piece, crc)
    return crc
