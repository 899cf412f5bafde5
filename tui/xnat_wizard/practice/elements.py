"""The data types as XNAT's search lists them: `/data/search/elements`, which xnatpy reads when it connects.

The practice server has no search: the list of types is whole, but no field of any type can be searched, and says so by
being empty. Searching itself answers 501. Columns follow XNAT's published `SearchElementListResource` and
`SearchElementResource`; the wire contract is silent on them.
"""

from collections import Counter

from aiohttp import web

from xnat_wizard.practice import fields, rights
from xnat_wizard.practice.http import Call, Refusal, Route, table

_COLUMNS = ("ELEMENT_NAME", "SINGULAR", "PLURAL", "SECURED", "COUNT")
_FIELD_COLUMNS = ("FIELD_ID", "HEADER", "SUMMARY", "TYPE", "REQUIRES_VALUE", "DESC", "ELEMENT_NAME", "SRC")
_WORDS = {"xnat:projectData": "Project", fields.SUBJECT_TYPE: "Subject"} | {
    kind: f"{element.removeprefix('xnat:').removesuffix('Session')} Session"
    for kind, element in fields.SESSION_ELEMENTS.items()
}


async def list_elements(call: Call) -> web.StreamResponse:
    """GET: the types with their counts; `used` leaves out those of which there is none."""
    counts = _counts(call)
    rows = [
        {"ELEMENT_NAME": kind, "SINGULAR": word, "PLURAL": f"{word}s", "SECURED": True, "COUNT": counts[kind]}
        for kind, word in _WORDS.items()
        if counts[kind] or not call.has_param("used")
    ]
    return table(call, rows, columns=_COLUMNS, title="Data-Types")


def _counts(call: Call) -> Counter[str]:
    """Count everything, or with `readable` what the caller may read."""
    state = call.store.state
    seen = {
        project.id
        for project in state.projects.values()
        if not call.has_param("readable") or rights.can_read(call.user, project)
    }
    subjects = sum(subject.project in seen for subject in state.subjects.values())
    counts = Counter(session.xsi_type for session in state.sessions.values() if session.project in seen)
    return counts + Counter({"xnat:projectData": len(seen), fields.SUBJECT_TYPE: subjects})


async def list_fields(call: Call) -> web.StreamResponse:
    """GET of one type: the fields that can be searched; none."""
    kind = call.part("element")
    if kind not in _WORDS:
        raise Refusal(404)
    return table(call, [], columns=_FIELD_COLUMNS, title="Search Fields", element_name=kind)


ROUTES = (
    Route("GET", "/data/search/elements", list_elements),
    Route("GET", "/data/search/elements/{element}", list_fields),
)
