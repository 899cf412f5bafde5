"""XNAT's words for data: element types, field shortcuts and xpaths, XML documents, dates (wire contract 0.6, 4)."""

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from xnat_wizard.practice.http import Refusal

SUBJECT_TYPE = "xnat:subjectData"
XNAT = "{http://nrg.wustl.edu/xnat}"
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"

# Modality stem -> the words of the schema's element names: xnat:mrSessionData is written <xnat:MRSession>.
_STEMS = {
    "mr": "MR", "pet": "PET", "ct": "CT", "petmr": "PETMR", "cr": "CR", "dx": "DX", "mg": "MG", "us": "US", "nm": "NM",
    "rt": "RT",
    "xa": "XA", "rf": "RF", "sc": "SC", "sr": "SR", "sm": "SM", "seg": "Seg",
    "eeg": "EEG", "meg": "MEG", "ecg": "ECG",
    "es": "ES", "op": "OP", "opt": "OPT", "xc": "XC", "xcv": "XCV", "gm": "GM", "gmv": "GMV", "io": "IO", "hd": "HD",
    "epi": "EPI", "eps": "EPS", "rtImage": "RTImage",
    "esv": "ESV", "dx3DCraniofacial": "DX3DCraniofacial", "voiceAudio": "VoiceAudio", "otherDicom": "OtherDicom",
}  # fmt: skip
SESSION_ELEMENTS = {f"xnat:{stem}SessionData": f"xnat:{word}Session" for stem, word in _STEMS.items()}
SCAN_ELEMENTS = {f"xnat:{stem}ScanData": f"xnat:{word}Scan" for stem, word in _STEMS.items()}
_ELEMENT_TYPES = {element: xsi_type for xsi_type, element in {**SESSION_ELEMENTS, **SCAN_ELEMENTS}.items()}

DEMOGRAPHICS = ("gender", "handedness", "age", "dob", "yob", "education", "race", "ethnicity", "height", "weight")
SUBJECT_SHORTCUTS = frozenset({*DEMOGRAPHICS, "group", "src", "pi_firstname", "pi_lastname"})
SESSION_SHORTCUTS = frozenset(
    {
        "date", "time", "note", "modality", "UID", "scanner", "operator", "acquisition_site", "visit_id", "duration",
        "delay", "age",
        "dcmAccessionNumber", "dcmPatientId", "dcmPatientName", "session_type", "stabilization", "investigator",
        "study_id",
    }
)  # fmt: skip
SCAN_SHORTCUTS = frozenset(
    {
        "type", "quality", "note", "series_description", "UID", "modality", "frames", "scanner", "startTime",
        "scanTime",
        "condition", "documentation", "coil", "fieldStrength", "validation_status", "operator", "requestedScans",
    }
)  # fmt: skip
_BASES = {
    "session": ("xnat:imageSessionData", "xnat:subjectAssessorData", "xnat:experimentData"),
    "scan": ("xnat:imageScanData",),
    "subject": (SUBJECT_TYPE,),
}
_SHORTCUTS = {"session": SESSION_SHORTCUTS, "scan": SCAN_SHORTCUTS, "subject": SUBJECT_SHORTCUTS}
_RECORDS = frozenset({"scans", "experiments", "resources", "sharing", "assessors", "reconstructions", "file", "fields"})
_PREDICATE = re.compile(r"\[[^\]]*\]")
_US_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_LABEL = re.compile(r"[A-Za-z0-9_-]+")


@dataclass
class Document:
    """What an XML item says: its type, its attributes, and its fields by their last name."""

    xsi_type: str
    attributes: dict[str, str]
    fields: dict[str, str] = field(default_factory=dict)


def is_good_label(label: str) -> bool:
    """Apply the label rule of 4.1."""
    return bool(_LABEL.fullmatch(label))


def check_label(label: str) -> None:
    """Fail as XNAT does on a label with other characters: with the generic 500 page (4.1)."""
    if not is_good_label(label):
        raise Refusal(500)


def own_fields(kind: str, xsi_type: str, given: Mapping[str, str]) -> dict[str, str]:
    """Pick the fields of a record ("subject", "session", "scan") from a call's parameters.

    A shortcut counts, and so does an xpath that starts with the record's type or one it is made from; an xpath of
    another type is passed over in silence (4.4). Values are escaped on the way in (0.6).
    """
    roots = {xsi_type, *_BASES[kind]}
    picked: dict[str, str] = {}
    for key, value in given.items():
        name = field_name(key)
        if (key in _SHORTCUTS[kind]) or (
            "/" in key and key.partition("/")[0] in roots and name not in {"ID", "label", "project"}
        ):
            picked[name] = html.escape(in_schema(name, value))
    return picked


def field_name(key: str) -> str:
    """Return the record's own name of a shortcut or an xpath: "xnat:mrSessionData/date" is "date"."""
    plain = _PREDICATE.sub("", key)
    root, slash, path = plain.partition("/")
    if not slash:
        return root
    return {"scanner/model": "scanner_model", "scanner/manufacturer": "scanner_manufacturer"}.get(
        path, path.rpartition("/")[2]
    )


def in_schema(name: str, value: str) -> str:
    """Return a value as the schema keeps it; dates given as MM/DD/YYYY become ISO.

    Raises:
        Refusal: 400, it is no date.
    """
    if name not in {"date", "dob"} or not value:
        return value
    if american := _US_DATE.fullmatch(value):
        month, day, year = (int(part) for part in american.groups())
        return f"{year:04d}-{month:02d}-{day:02d}"
    if not _ISO_DATE.fullmatch(value):
        raise Refusal(400, f"cvc-datatype-valid.1.2.1: '{value}' is not a valid value for 'date'.")
    return value


def read_document(body: bytes) -> Document:
    """Read an XML item.

    Raises:
        Refusal: 400, it is no XML or breaks the schema.
    """
    try:
        root = ET.fromstring(body)  # noqa: S314  entities expand to nothing that leaves this process
    except ET.ParseError as error:
        raise Refusal(400, f"Invalid XML: {error}") from error
    element = root.tag.replace(XNAT, "xnat:")
    known = {"xnat:Subject": SUBJECT_TYPE, "xnat:Project": "xnat:projectData", **_ELEMENT_TYPES}
    xsi_type = root.get(XSI_TYPE) or known.get(element, element)
    attributes = {key: value for key, value in root.attrib.items() if not key.startswith("{")}
    document = Document(xsi_type, attributes)
    for child in _leaves(root):
        name = child.tag.replace(XNAT, "")
        text = (child.text or "").strip()
        if text:
            document.fields[name] = in_schema(name, text)
    return document


def _leaves(root: ET.Element) -> Iterable[ET.Element]:
    """Give the elements that hold values of the record itself, not of records inside it."""
    for child in root:
        name = child.tag.replace(XNAT, "")
        if name in _RECORDS:
            if len(child):
                raise Refusal(501, f"The practice server does not read {name} inside another document.")
            continue
        if len(child):
            yield from _leaves(child)
        else:
            yield child
