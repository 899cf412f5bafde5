"""Say what a file that is no DICOM image is, by its name and its first bytes."""

import zlib
from pathlib import PurePosixPath

from xnat_wizard.dicom.model import OtherKind

_LITTER_FILES = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r", "autorun.inf"})
_LITTER_FOLDERS = frozenset(
    {"@eadir", "__macosx", "#recycle", "$recycle.bin", "system volume information", "lost+found", "@recycle"}
)
_IMAGE_SUFFIXES = frozenset({".dcm", ".ima", ".dicom", ".dic"})
_OFFICE_MARKS = (b"[Content_Types].xml", b"mimetype", b"_rels/.rels")
_ARCHIVES = (  # first bytes, word for a person
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)


def is_litter_folder(name: str) -> bool:
    """Tell whether a folder is hidden or belongs to a desktop or a NAS; two leading dots are somebody's odd name."""
    return (name.startswith(".") and not name.startswith("..")) or name.casefold() in _LITTER_FOLDERS


def is_litter_file(name: str) -> bool:
    """Tell whether a file is what desktops, editors and copying programs leave behind."""
    is_hidden = name.startswith(".") and not name.startswith("..")
    return is_hidden or name.startswith("~$") or name.endswith("~") or name.casefold() in _LITTER_FILES


def kind_of(name: str, head: bytes, size_bytes: int) -> tuple[OtherKind, str]:
    """Return what the file is and one sentence about it; `head` are its first bytes (600 or more of a longer file)."""
    suffix = PurePosixPath(name).suffix.casefold()
    is_named_like_image = suffix in _IMAGE_SUFFIXES
    if size_bytes == 0:
        is_lost = is_named_like_image or suffix in {"", ".part"} or suffix[1:].isdigit()
        return (OtherKind.UNREADABLE if is_lost else OtherKind.NOT_DICOM), "it is empty: 0 bytes"
    archive = _archive(name, head)
    if archive:
        return OtherKind.ARCHIVE, archive
    if is_named_like_image:
        return OtherKind.UNREADABLE, f'it is named "{suffix}", but what it holds is not DICOM'
    return OtherKind.NOT_DICOM, _plain_kind(suffix)


def _archive(name: str, head: bytes) -> str:
    lower = name.casefold()
    if lower.endswith((".nii.gz", ".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".jar")):
        return ""
    for mark, word in _ARCHIVES:
        if head.startswith(mark):
            if word == "zip" and any(office in head[:600] for office in _OFFICE_MARKS):
                return ""
            if word == "gzip" and _inflated(head)[128:132] == b"DICM":
                return "it is one DICOM file packed with gzip"
            return f"it is a {word} archive"
    if head[257:262] == b"ustar":
        return "it is a tar archive"
    return ""


def _inflated(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(head, 512)
    except zlib.error:
        return b""


def _plain_kind(suffix: str) -> str:
    if suffix in {".nii", ".gz", ".hdr", ".img"}:
        return "it is a converted image (NIfTI or Analyze), not DICOM"
    return "it is not DICOM"
