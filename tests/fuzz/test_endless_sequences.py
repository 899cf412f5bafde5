"""Headers of millions of empty items: read soon and in little memory, or refused; never sent with a name in them."""

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from dicom.images import BIG, DEFLATED, EXPLICIT, IMPLICIT, as_bytes, header, with_pixels
from xnat_wizard.dicom import elements, window
from xnat_wizard.dicom.header import UnreadableDicom, read_header
from xnat_wizard.dicom.opened import FolderFile
from xnat_wizard.upload.deidentify import header as deidentify
from xnat_wizard.upload.deidentify.choice import Deidentification
from xnat_wizard.upload.deidentify.header import Deidentifier
from xnat_wizard.upload.deidentify.holding import HeldBackError
from xnat_wizard.upload.deidentify.pseudonyms import Pseudonyms

ENDLESS = 0xFFFFFFFF


class Writer:
    """Writes items and sequences in one coding."""

    def __init__(self, syntax: str, *, has_lengths: bool) -> None:
        self.order, self.is_implicit, self.has_lengths = ">" if syntax == BIG else "<", syntax == IMPLICIT, has_lengths

    def tag(self, group: int, element: int, length: int) -> bytes:
        return struct.pack(f"{self.order}HHL", group, element, length)

    def item(self, body: bytes = b"") -> bytes:
        if self.has_lengths:
            return self.tag(0xFFFE, 0xE000, len(body)) + body
        return self.tag(0xFFFE, 0xE000, ENDLESS) + body + self.tag(0xFFFE, 0xE00D, 0)

    def sequence(self, body: bytes) -> bytes:
        length = len(body) if self.has_lengths else ENDLESS
        head = self.tag(0x0018, 0x9117, length)
        if not self.is_implicit:
            head = head[:4] + b"SQ\0\0" + head[4:]
        return head + body + (b"" if self.has_lengths else self.tag(0xFFFE, 0xE0DD, 0))

    def put_in(self, data: bytes, inside: bytes) -> bytes:
        at = data.index(struct.pack(f"{self.order}HH", 0x0020, 0x000D))
        return data[:at] + self.sequence(inside) + data[at:]


def image(writer: Writer, syntax: str, count: int, layers: int) -> bytes:
    inside = writer.item() * count
    for _ in range(layers):
        inside = writer.item(writer.sequence(inside))
    return writer.put_in(as_bytes(with_pixels(header()), syntax), inside)


def veil(path: Path) -> bytes:
    with FolderFile(str(path)) as file:
        return Deidentifier(Deidentification(), Pseudonyms(b"k" * 32)).veil(file, "S1").head


CODINGS = pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
LENGTHS = pytest.mark.parametrize("has_lengths", [False, True], ids=["without lengths", "with lengths"])
LAYERS = pytest.mark.parametrize("layers", [0, 5], ids=["flat", "nested"])


@CODINGS
@LENGTHS
@LAYERS
def test_too_many_items_are_held_back(  # the limits are tried with few, since the real ones take seconds
    tmp_path: Path,
    syntax: str,
    has_lengths: bool,  # noqa: FBT001  a table's column
    layers: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(image(Writer(syntax, has_lengths=has_lengths), syntax, 1000, layers))
    assert read_header(path) is not None
    assert b"S1" in veil(path)
    monkeypatch.setattr(deidentify, "MOST_ELEMENTS", 1000)
    with pytest.raises(HeldBackError, match="too many"):
        veil(path)
    monkeypatch.setattr(elements, "_MOST_INNER_STEPS", 1000)
    if has_lengths:
        assert read_header(path) is not None, "stepped over as one"
    else:
        with pytest.raises(UnreadableDicom, match="more items than an image can have"):
            read_header(path)


def test_elements_count_in_whatever_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, writer = tmp_path / "x.dcm", Writer(EXPLICIT, has_lengths=True)
    few = b"".join(struct.pack("<HH2sH", 0x0018, 0x1000 + at, b"LO", 0) for at in range(300))
    path.write_bytes(writer.put_in(as_bytes(with_pixels(header()), EXPLICIT), writer.item(few)))
    assert veil(path)
    monkeypatch.setattr(deidentify, "MOST_ELEMENTS", 300)
    with pytest.raises(HeldBackError, match="too many"):
        veil(path)


def test_the_pixels_of_an_icon_are_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, writer = tmp_path / "x.dcm", Writer(EXPLICIT, has_lengths=False)
    fragment = writer.tag(0xFFFE, 0xE000, 4) + b"\xfe\xff\x00\xe0"
    icon = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, ENDLESS) + fragment * 500 + writer.tag(0xFFFE, 0xE0DD, 0)
    inside = writer.item(icon) + writer.item() * 400
    path.write_bytes(writer.put_in(as_bytes(with_pixels(header()), EXPLICIT), inside))
    monkeypatch.setattr(deidentify, "MOST_ELEMENTS", 500)
    assert veil(path), "fragments are no elements"
    monkeypatch.setattr(deidentify, "MOST_ELEMENTS", 400)
    with pytest.raises(HeldBackError, match="too many"):
        veil(path)


def deflated(inside: bytes) -> bytes:
    plain = as_bytes(header(), DEFLATED)
    begin = 132 + 12 + struct.unpack_from("<L", plain, 140)[0]
    body = zlib.decompressobj(-15).decompress(plain[begin:])
    pack = zlib.compressobj(1, zlib.DEFLATED, -15)
    return plain[:begin] + pack.compress(Writer(EXPLICIT, has_lengths=False).put_in(body, inside)) + pack.flush()


def test_a_deflated_bomb_is_held_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, writer = tmp_path / "x.dcm", Writer(EXPLICIT, has_lengths=False)
    path.write_bytes(deflated(writer.item() * 100_000))
    assert path.stat().st_size < 20_000
    assert read_header(path) is not None
    monkeypatch.setattr(deidentify, "MOST_ELEMENTS", 50_000)
    with pytest.raises(HeldBackError, match="too many"):
        veil(path)
    monkeypatch.setattr(deidentify, "MOST_HEADER_BYTES", 1 << 20)
    with pytest.raises(HeldBackError, match="too large"):
        veil(path)
    monkeypatch.setattr(window, "_MOST_INFLATED", 1 << 20)
    with pytest.raises(UnreadableDicom, match="larger than 1,048,576 bytes"):
        read_header(path)
    with pytest.raises(HeldBackError):
        veil(path)


MEASURED = """
import sys, time
from pathlib import Path
from fuzz.test_endless_sequences import veil
from xnat_wizard.dicom.header import UnreadableDicom, read_header
from xnat_wizard.upload.deidentify.holding import HeldBackError
for read in (read_header, veil):
    before_s = time.process_time()
    try:
        read(Path(sys.argv[1]))
    except (UnreadableDicom, HeldBackError) as error:
        print(type(error).__name__, file=sys.stderr)
    assert time.process_time() - before_s < 10
print(next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM:")))
"""


@pytest.mark.parametrize(
    ("syntax", "count", "said"), [(EXPLICIT, 100_000, []), (IMPLICIT, 4_100_000, ["UnreadableDicom", "HeldBackError"])]
)
def test_real_limits_hold_in_time_and_memory(tmp_path: Path, syntax: str, count: int, said: list[str]) -> None:
    writer = Writer(syntax, has_lengths=False)
    item = writer.item() if count < 1_000_000 else writer.tag(0xFFFE, 0xE000, 0)
    path = tmp_path / "x.dcm"
    path.write_bytes(writer.put_in(as_bytes(with_pixels(header()), syntax), item * count))
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, path],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    assert done.stderr.split() == said
    assert int(done.stdout) < 500
