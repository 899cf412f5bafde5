"""What a project says of itself: its fields by shortcut or xpath, its XML and its item (wire contract 2.2, 2.3)."""

import html
import re
from collections.abc import Mapping
from xml.etree import ElementTree as ET

from xnat_wizard.practice.answers import Item
from xnat_wizard.practice.store import Project
from xnat_wizard.practice.times import java_time

_ROOT = "xnat:projectData/"
_ALIAS = re.compile(r"alias|aliases/alias(\[\d+\])?(/alias)?")
_SHORTCUTS = {
    "PI/firstname": "pi_firstname",
    "PI/lastname": "pi_lastname",
    "fields/field[name=note]/field": "note",
    "fields/field/note": "note",
    "ID": "ID",
    "secondary_ID": "secondary_ID",
    "name": "name",
    "description": "description",
    "keywords": "keywords",
    "note": "note",
    "pi_firstname": "pi_firstname",
    "pi_lastname": "pi_lastname",
}


def field_of(key: str) -> str:
    """Return our name of a parameter: a shortcut, "alias", the rest of an xpath, or "" for what is no field."""
    name = key.removeprefix(_ROOT)
    if _ALIAS.fullmatch(name):
        return "alias"
    if name in _SHORTCUTS:
        return _SHORTCUTS[name]
    return name if key.startswith(_ROOT) else ""


def fields_of_parameters(params: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return fields and aliases from query or form; markup signs become entities (0.6)."""
    fields: dict[str, str] = {}
    aliases: list[str] = []
    for key, raw in params.items():
        name, value = field_of(key), html.escape(raw.strip())
        if name == "alias":
            aliases.append(value)
        elif name:
            fields[name] = value
    return fields, [alias for alias in aliases if alias]


def fields_of_xml(body: bytes) -> tuple[dict[str, str], list[str]]:
    """Return fields and aliases of an `xnat:Project` document.

    Raises:
        ValueError: it is no such document.
    """
    try:
        root = ET.fromstring(body)  # noqa: S314  the parser of Python 3.11 limits what entities grow to
    except ET.ParseError as error:
        raise ValueError(str(error)) from error
    if _local(root.tag).lower() not in {"project", "projectdata"}:
        raise ValueError(f"an xnat:Project is wanted, not {_local(root.tag)}")
    fields = {key: value.strip() for key, value in root.attrib.items() if key in {"ID", "secondary_ID"}}
    aliases: list[str] = []
    _read(root, "", fields, aliases)
    return fields, aliases


def _read(element: ET.Element, path: str, fields: dict[str, str], aliases: list[str]) -> None:
    for child in element:
        name = f"{path}{_local(child.tag)}"
        words = (child.text or "").strip()
        if name == "aliases/alias":
            if words:
                aliases.append(words)
        elif name == "fields/field":
            fields[child.get("name", name)] = words
        elif len(child):
            _read(child, f"{name}/", fields, aliases)
        elif words:
            fields[_SHORTCUTS.get(name, name)] = words


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def value_of(project: Project, name: str) -> object:
    """Return a project's field by our name; None when it has none."""
    known: dict[str, object] = {
        "ID": project.id,
        "secondary_ID": project.running_title,
        "name": project.name,
        "description": project.description,
        "keywords": project.keywords,
        "note": project.note,
        "alias": ",".join(project.aliases),
        "meta/insert_date": java_time(project.insert_date),
        "insert_date": java_time(project.insert_date),
        "meta/insert_user/login": project.insert_user,
        "insert_user": project.insert_user,
        "URI": f"/data/projects/{project.id}",
    }
    return known[name] if name in known else project.fields.get(name)


def set_fields(project: Project, fields: Mapping[str, str]) -> None:
    """Set fields by our names; the ID stays."""
    plain = {"secondary_ID": "running_title", "name": "name", "description": "description"}
    plain |= {"keywords": "keywords", "note": "note"}
    for name, value in fields.items():
        if name in plain:
            setattr(project, plain[name], value)
        elif name != "ID":
            project.fields[name] = value


def as_item(project: Project) -> Item:
    """Return the record that `GET /data/projects/{P}` shows."""
    fields = {
        "ID": project.id,
        "secondary_ID": project.running_title,
        "name": project.name,
        "description": project.description,
        "keywords": project.keywords,
        "active": "true",
    }
    person = {"firstname": "pi_firstname", "lastname": "pi_lastname"}
    investigator = {theirs: project.fields[ours] for theirs, ours in person.items() if project.fields.get(ours)}
    investigator |= {key[3:]: value for key, value in project.fields.items() if key.startswith("PI/")}
    others = {k: v for k, v in project.fields.items() if not k.startswith(("PI/", "pi_"))}
    children: dict[str, list[Item]] = {}
    if investigator:
        children["PI"] = [Item("xnat:investigatorData", "xnat:PI", dict(investigator))]
    if project.aliases:
        kind = "xnat:projectData_alias"
        children["aliases/alias"] = [Item(kind, "xnat:alias", {"alias": alias}) for alias in project.aliases]
    if project.note:
        note = {"name": "note", "field": project.note}
        children["fields/field"] = [Item("xnat:projectData_field", "xnat:field", note)]
    return Item("xnat:projectData", "xnat:Project", {**fields, **others}, children)
