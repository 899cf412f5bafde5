"""The attributes of a local object that rules, filters and scripts of a site look at, by tag."""

from xnat_wizard.troubleshoot.local_facts import LocalObject

NAMES = {
    0x00080016: "sop_class_uid",
    0x00080018: "sop_instance_uid",
    0x00080020: "study_date",
    0x00080030: "study_time",
    0x00080050: "accession_number",
    0x00080060: "modality",
    0x0008103E: "series_description",
    0x00081030: "study_description",
    0x00100010: "patient_name",
    0x00100020: "patient_id",
    0x001021B0: "patient_history",
    0x00104000: "patient_comments",
    0x0020000D: "study_instance_uid",
    0x0020000E: "series_instance_uid",
    0x00200011: "series_number",
    0x00200013: "instance_number",
    0x00324000: "study_comments",
}


def value_of(one: LocalObject, tag: int) -> str | None:
    """Return an attribute's text, "" when the object has none; `None` for one that was not read."""
    name = NAMES.get(tag)
    return None if name is None else str(getattr(one, name))


def tag_of(group: str, element: str) -> int:
    """Return the number of a tag written in hexadecimal."""
    return int(group + element, 16)
