"""Reads the catalogue of a resource, an XML document, without ever holding more of it than its entries.

Sources: wire contract 7.2; missing data Q19.
"""

from xml.parsers import expat

from xnat_wizard.xnat.tables import KEPT_LIMIT, WINDOW, Allowance

_DEEPEST = 50  # a catalogue in catalogues
_LONGEST_TAG = 1024 * 1024


def uids_in(document: bytes) -> tuple[tuple[str, str], ...]:
    """Return the path and the SOP Instance UID of each entry, "" where it says none.

    Raises:
        ValueError: it is no XML, or of a form that no catalogue has.
        TooMuchError: the entries would fill the memory.
    """
    parser = expat.ParserCreate(namespace_separator="}")
    allowance = Allowance(KEPT_LIMIT // 2)  # the document is in memory as well
    found: list[tuple[str, str]] = []
    depth = 0

    def begin(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise ValueError
        if name.rpartition("}")[2] == "entry":
            entry = (attributes.get("URI") or attributes.get("ID") or "", attributes.get("UID", ""))
            allowance.use(entry, *entry)
            found.append(entry)

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*_: object) -> None:
        raise ValueError  # an entity can stand for a text that never ends

    parser.StartElementHandler, parser.EndElementHandler, parser.EntityDeclHandler = begin, end, refuse
    try:
        for start in range(0, len(document), WINDOW):
            parser.Parse(document[start : start + WINDOW], False)  # noqa: FBT003  there is more
            if start - parser.CurrentByteIndex > _LONGEST_TAG:
                raise ValueError
        parser.Parse(b"", True)  # noqa: FBT003  the end
    except expat.ExpatError:
        raise ValueError from None
    return tuple(found)
