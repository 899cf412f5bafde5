"""The data-type schemas: `/xapi/schemas`, from which xnatpy builds its classes.

A real site serves the XSD files that it is made of; its `xnat.xsd` alone has 180 kB. Here stands a small one, made of
the table below: the types that the practice server keeps, each extending what it extends in XNAT, with the elements
and attributes that are kept, under XNAT's names. What it leaves out (assessors, reconstructions, custom fields,
protocols, parameters of a scan, maker and model of a scanner) the practice server does not keep in XNAT's form.

Paths and answers follow XNAT's published `SchemaApi`: a JSON list of names, an XML document for a name, 404 with the
name of the missing file. The wire contract is silent on them.
"""

from collections.abc import Iterator
from functools import cache
from xml.sax.saxutils import quoteattr

from aiohttp import web

from xnat_wizard.practice import fields
from xnat_wizard.practice.http import Call, Refusal, Route, json_answer, text

_NAMES = ("xdat", "xnat")
_XNAT = "http://nrg.wustl.edu/xnat"
_XDAT = "http://nrg.wustl.edu/xdat"
_STRING = "xs:string"

# Type: what it extends; what people know it by; elements; attributes.
# `name` is a string, `name:type` something else, a "*" behind it may repeat, `list/name` stands inside another element.
_TYPES: dict[str, tuple[str, str, str, str]] = {
    "projectData": (
        "",
        "",
        "name description keywords aliases/alias* resources/resource:xnat:abstractResource* PI:xnat:investigatorData",
        "ID secondary_ID active:xs:boolean",
    ),
    "investigatorData": ("", "", "title firstname lastname institution department email phone", "ID"),
    "projectParticipant": ("", "project", "", "label project subject_ID group"),
    "abstractDemographicData": ("", "", "", ""),
    "demographicData": (
        "xnat:abstractDemographicData",
        "",
        """dob:xs:date yob:xs:integer age:xs:integer gender handedness education:xs:integer race ethnicity
        weight:xs:float height:xs:float""",
        "",
    ),
    "subjectData": (
        "",
        "label",
        """sharing/share:xnat:projectParticipant* resources/resource:xnat:abstractResource*
        investigator:xnat:investigatorData demographics:xnat:abstractDemographicData
        experiments/experiment:xnat:subjectAssessorData*""",
        "ID project group label src",
    ),
    "experimentData": (
        "",
        "label",
        """sharing/share:xnat:projectParticipant* date:xs:date time:xs:time duration delay:xs:integer note
        investigator:xnat:investigatorData resources/resource:xnat:abstractResource* acquisition_site""",
        "ID project visit_id label",
    ),
    "subjectAssessorData": ("xnat:experimentData", "", "subject_ID age:xs:float", ""),
    "imageSessionData": (
        "xnat:subjectAssessorData",
        "",
        "scanner operator scans/scan:xnat:imageScanData* dcmAccessionNumber dcmPatientId dcmPatientName",
        "session_type modality UID study_id",
    ),
    "imageScanData": (
        "",
        "",
        """image_session_ID note quality condition series_description documentation scanner modality
        frames:xs:integer operator startTime:xs:time file:xnat:abstractResource*""",
        "ID type UID",
    ),
    "abstractResource": ("", "label", "note tags", "label file_count:xs:integer file_size:xs:integer"),
    "resource": ("xnat:abstractResource", "", "", "URI format description content"),
    "resourceCatalog": ("xnat:resource", "", "", ""),
}
_OWN = {
    "mrSessionData": "coil fieldStrength marker stabilization",
    "mrScanData": "coil fieldStrength marker stabilization",
    "petSessionData": "stabilization",
}
_ROOTS = {"Project": "projectData", "Subject": "subjectData", "Investigator": "investigatorData",
          "ResourceCatalog": "resourceCatalog"}  # fmt: skip


@cache
def document(name: str) -> str:
    """Return a schema; `xdat` holds no types here, since nothing of it is served."""
    namespace = {"xnat": _XNAT, "xdat": _XDAT}[name]
    head = (
        f'<xs:schema targetNamespace="{namespace}" xmlns:xnat="{_XNAT}" xmlns:xdat="{_XDAT}" '
        'xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified" attributeFormDefault="unqualified">'
    )
    body = "\n".join(_xnat()) if name == "xnat" else ""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}\n{body}\n</xs:schema>\n'


def _xnat() -> Iterator[str]:
    kinds = {**fields.SESSION_ELEMENTS, **fields.SCAN_ELEMENTS}
    roots = _ROOTS | {element.removeprefix("xnat:"): kind.removeprefix("xnat:") for kind, element in kinds.items()}
    for element, kind in roots.items():
        yield f'<xs:element name="{element}" type="xnat:{kind}"/>'
    for kind, described in _TYPES.items():
        yield _type(kind, *described)
    for kind in kinds:
        name = kind.removeprefix("xnat:")
        base = "xnat:imageSessionData" if kind in fields.SESSION_ELEMENTS else "xnat:imageScanData"
        yield _type(name, base, "", _OWN.get(name, ""), "")


def _type(name: str, base: str, identifier: str, elements: str, attributes: str) -> str:
    known_by = f"<xdat:element displayIdentifiers={quoteattr(identifier)}/>" if identifier else ""
    note = f"<xs:annotation><xs:appinfo>{known_by}</xs:appinfo></xs:annotation>" if known_by else ""
    inner = "".join(_element(one) for one in elements.split())
    body = f"<xs:sequence>{inner}</xs:sequence>" if inner else ""
    for one in attributes.split():
        label, _, kind = one.partition(":")
        body += f'<xs:attribute name="{label}" type="{kind or _STRING}"/>'
    if base:
        body = f'<xs:complexContent><xs:extension base="{base}">{body}</xs:extension></xs:complexContent>'
    return f'<xs:complexType name="{name}">{note}{body}</xs:complexType>'


def _element(written: str) -> str:
    outer, slash, inner = written.partition("/")
    if slash:
        return (
            f'<xs:element name="{outer}" minOccurs="0"><xs:complexType><xs:sequence>{_element(inner)}'
            "</xs:sequence></xs:complexType></xs:element>"
        )
    name, _, kind = written.removesuffix("*").partition(":")
    often = ' maxOccurs="unbounded"' if written.endswith("*") else ""
    return f'<xs:element name="{name}" type="{kind or _STRING}" minOccurs="0"{often}/>'


async def list_schemas(call: Call) -> web.StreamResponse:
    """GET /xapi/schemas: the names."""
    _need_login(call)
    return json_answer(list(_NAMES))


async def read_schema(call: Call) -> web.StreamResponse:
    """GET /xapi/schemas/{name}, or with the folder before the name."""
    _need_login(call)
    name = call.part("schema")
    folder = call.parts.get("folder", name)
    if name != folder or name not in _NAMES:
        file = f"classpath:schemas/{folder}/{name}.xsd"
        raise Refusal(404, f"Unable to find requested file or resource: {file}")
    return text(document(name), content_type="application/xml")


def _need_login(call: Call) -> None:
    if call.is_guest:
        raise Refusal(401)


ROUTES = (
    Route("GET", "/xapi/schemas", list_schemas),
    Route("GET", "/xapi/schemas/{schema}", read_schema),
    Route("GET", "/xapi/schemas/{folder}/{schema}", read_schema),
)
