"""URIs that parameters carry: `dest` of an import, `src` of the prearchive services (the wire contract 5.5, 6.6)."""

from dataclasses import dataclass
from urllib.parse import unquote


@dataclass(frozen=True)
class Destination:
    """Where an import is to go."""

    is_archive: bool
    project: str = ""
    subject: str = ""
    session: str = ""
    timestamp: str = ""
    folder: str = ""


def segments_of(uri: str) -> list[str]:
    """Return the segments of a URI without /data or /REST, percent-decoded."""
    parts = [unquote(part) for part in uri.strip().strip("/").split("/")]
    return parts[1:] if parts[0] in {"data", "REST"} else parts


def is_plain(segment: str) -> bool:
    """Tell whether a segment names something in its folder, and nothing outside it."""
    return segment not in {"", ".", ".."} and "/" not in segment and "\0" not in segment


def parse_destination(uri: str) -> Destination:
    """Read a `dest`.

    Raises:
        ValueError: it has none of the known forms.
    """
    parts = segments_of(uri)
    if not all(is_plain(part) for part in parts):
        raise ValueError(f"no destination: {uri}")
    root, rest = parts[0], parts[1:]
    if root == "prearchive" and not rest:
        return Destination(is_archive=False)
    if root == "prearchive" and rest[0] == "projects" and len(rest) in {2, 4}:
        timestamp, folder = rest[2:] or ("", "")
        return Destination(is_archive=False, project=rest[1], timestamp=timestamp, folder=folder)
    names = rest[::2]
    is_known = names == ["projects", "subjects", "experiments"][: len(names)] and len(rest) == 2 * len(names)
    if root == "archive" and is_known and all(rest):
        project, subject, session = (*rest[1::2], "", "", "")[:3]
        return Destination(is_archive=True, project=project, subject=subject, session=session)
    raise ValueError(f"no destination: {uri}")


def parse_prearchive_uri(uri: str) -> tuple[str, str, str] | None:
    """Return project, timestamp and folder of a session in the prearchive; None when it is no such URI."""
    parts = segments_of(uri)
    if len(parts) == 5 and all(is_plain(part) for part in parts) and parts[:2] == ["prearchive", "projects"]:
        return parts[2], parts[3], parts[4]
    return None
