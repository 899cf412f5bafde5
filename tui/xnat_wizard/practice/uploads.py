"""Finds the file of an import call: the raw body, a part of a form, or a file of the user cache.

Source: the wire contract 5.3.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xnat_wizard.practice.destinations import is_plain, segments_of
from xnat_wizard.practice.http import Call, Refusal

_EXTENSIONS = {
    "application/zip": ".zip", "application/x-tar": ".tar", "application/x-gtar": ".tar.gz",
    "application/x-gzip": ".gzip", "application/octet-stream": "", "application/dicom": ".dcm",
    "application/xar": ".xar", "application/pdf": ".pdf",
    "text/plain": ".txt", "text/xml": ".xml", "text/csv": ".csv",
}  # fmt: skip
_IN_BODY = "In-body File posts must include the file directly as the body of the message"
_TOO_MANY = "Importer is limited to one uploaded resource at a time."


@dataclass(frozen=True)
class Source:
    """A file to import, not read yet."""

    name: str  # its end tells the format
    open: Callable[[], io.IOBase]
    is_cached: bool = False

    @property
    def base_name(self) -> str:
        """Return the name without folders."""
        return self.name.replace("\\", "/").rpartition("/")[2]


async def find_source(call: Call) -> Source | None:
    """Find the file of an import call; None when there is none.

    Raises:
        Refusal: 400, 404 or 406, as 5.9 has it.
    """
    if call.content_type.startswith("multipart/"):
        if call.is_true("inbody"):
            raise Refusal(406, f"{_IN_BODY} (not as part of multi-part form data).")
        return await _from_form(call)
    if call.param("src"):
        return _from_cache(call)
    is_body = call.is_true("inbody") or call.content_type in _EXTENSIONS
    return _from_body(call) if is_body else None


async def _from_form(call: Call) -> Source | None:
    files = await call.uploads()
    if call.has_param("reference"):
        raise Refusal(400, "The reference parameter is not supported by the import service")
    if call.param("src"):
        return _from_cache(call)
    if len(files) > 1:
        raise Refusal(400, _TOO_MANY)
    if not files:
        return None
    file = files[0]
    return Source(file.name, lambda: file.path.open("rb"))


def _from_body(call: Call) -> Source:
    size = call.request.content_length
    is_chunked = size is None and call.request.body_exists
    kind = call.content_type
    if (is_chunked and kind != "application/zip") or (not is_chunked and not size):
        told = -1 if is_chunked else 0
        why = f"the request entity size is {told} but the media type is not application/zip ({kind})."
        raise Refusal(400, f"{_IN_BODY}. In this case, {why}")
    name = call.parts.get("file", "") or "upload" + _EXTENSIONS.get(kind, ".unsupported")
    return Source(name, call.reader)


def _from_cache(call: Call) -> Source:
    parts = segments_of(call.param("src"))
    if parts[:3] != ["user", "cache", "resources"] or "files" not in parts or not all(is_plain(part) for part in parts):
        raise Refusal(400, "src uri is invalid.")
    at = parts.index("files")
    path = call.store.cache_folder(call.user.username).joinpath(*parts[3:at], *parts[at + 1 :])
    if not path.is_file():
        raise Refusal(404, "Unknown src file.")
    return Source(Path(path).name, lambda: path.open("rb"), is_cached=True)
