"""Decode DICOM texts with the file's Specific Character Set, without pydicom's 280 ms of import.

Sources: DICOM PS3.5 section 6.1 (character repertoires), PS3.3 section C.12.1.1.2; proved equal to pydicom's
`charset.decode_bytes` by tests.
"""

import codecs
import re

DEFAULT_CODEC = "latin-1"  # what pydicom takes for ISO-IR 6: every byte means something

_CODEC_OF_TERM = {
    "": DEFAULT_CODEC,
    "ISO_IR 6": DEFAULT_CODEC,
    "ISO_IR 13": "shift_jis",
    "ISO_IR 192": "utf-8",
    "GB18030": "gb18030",
    "GBK": "gbk",
    "ISO 2022 GBK": "gbk",
    "ISO 2022 58": "gb2312",
    "ISO 2022 IR 6": DEFAULT_CODEC,
    "ISO 2022 IR 13": "shift_jis",
    "ISO 2022 IR 58": "gb2312",
    "ISO 2022 IR 87": "iso2022_jp",
    "ISO 2022 IR 149": "euc_kr",
    "ISO 2022 IR 159": "iso2022_jp_2",
}
_PARTS_OF_8859 = {100: 1, 101: 2, 109: 3, 110: 4, 126: 7, 127: 6, 138: 8, 144: 5, 148: 9, 166: 11}
for _number, _part in _PARTS_OF_8859.items():
    _CODEC_OF_TERM[f"ISO_IR {_number}"] = _CODEC_OF_TERM[f"ISO 2022 IR {_number}"] = f"iso8859_{_part}"

_STAND_ALONE = {"ISO_IR 192", "GBK", "GB18030"}
_CODEC_OF_ESCAPE = {
    b"\x1b(B": DEFAULT_CODEC,
    b"\x1b-A": "iso8859_1",
    b"\x1b)I": "shift_jis",
    b"\x1b(J": "shift_jis",
    b"\x1b$B": "iso2022_jp",
    b"\x1b-B": "iso8859_2",
    b"\x1b-C": "iso8859_3",
    b"\x1b-D": "iso8859_4",
    b"\x1b-F": "iso8859_7",
    b"\x1b-G": "iso8859_6",
    b"\x1b-H": "iso8859_8",
    b"\x1b-L": "iso8859_5",
    b"\x1b-M": "iso8859_9",
    b"\x1b-T": "iso8859_11",
    b"\x1b$)C": "euc_kr",
    b"\x1b$(D": "iso2022_jp_2",
    b"\x1b$)A": "gb2312",
}
_KEEPS_ESCAPES = {"iso2022_jp", "iso2022_jp_2"}  # Python's codecs read the escapes themselves
_BACK_TO_FIRST = re.compile(rb"[\t\n\f\r]")
_FRAGMENTS = re.compile(rb"^[^\x1b]+|\x1b[^\x1b]*")


def codecs_of(value: bytes) -> tuple[str, ...]:
    """Return Python's codecs for a value of Specific Character Set (0008,0005), the first one first."""
    terms = [term.strip("\0 ") for term in value.decode(DEFAULT_CODEC).split("\\")]
    names = [_codec_of(term) for term in terms]
    if terms[0] in _STAND_ALONE:
        return (names[0],)
    return (names[0], *(name for term, name in zip(terms[1:], names[1:], strict=True) if term not in _STAND_ALONE))


def _codec_of(term: str) -> str:
    known = _CODEC_OF_TERM.get(term)
    if known is not None:
        return known
    if re.match(r"ISO[^_]IR", term):
        return _CODEC_OF_TERM.get("ISO_IR" + term[6:], DEFAULT_CODEC)
    if re.match(r"ISO.2022.IR.", term):
        return _CODEC_OF_TERM.get("ISO 2022 IR " + term[12:], DEFAULT_CODEC)
    try:
        b"x".decode(term)  # a Python codec by its own name, as pydicom takes it; "hex" and the like are no text
        return codecs.lookup(term).name
    except (LookupError, ValueError):
        return DEFAULT_CODEC


def decode(value: bytes, names: tuple[str, ...]) -> str:
    """Decode a text; bytes that make no sense become replacement characters."""
    if b"\x1b" not in value:
        return _replaced(value, names[0])
    return "".join(_decode_fragment(fragment, names) for fragment in _FRAGMENTS.findall(value))


def _decode_fragment(fragment: bytes, names: tuple[str, ...]) -> str:
    escape = fragment[: 4 if fragment.startswith((b"\x1b$(", b"\x1b$)")) else 3]
    codec = _CODEC_OF_ESCAPE.get(escape, "")
    is_announced = codec == DEFAULT_CODEC or codec in names or (codec == "iso8859_1" and DEFAULT_CODEC in names)
    if not fragment.startswith(b"\x1b") or not is_announced:
        return _replaced(fragment, names[0])
    try:
        if codec in _KEEPS_ESCAPES:
            return fragment.decode(codec)
        rest = fragment[len(escape) :]
        end = _BACK_TO_FIRST.search(rest)
        at = end.start() if end else len(rest)
        return rest[:at].decode(codec) + rest[at:].decode(names[0])
    except UnicodeError:
        return _replaced(fragment, names[0])


def _replaced(value: bytes, codec: str) -> str:
    try:
        return value.decode(codec, errors="replace")
    except (UnicodeError, LookupError):  # codecs like "idna" replace nothing
        return value.decode(DEFAULT_CODEC)
