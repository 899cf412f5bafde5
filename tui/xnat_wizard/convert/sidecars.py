"""The JSON beside an image: what the converter says, without what tells who was scanned, with what BIDS asks for."""

from collections.abc import Mapping

from xnat_wizard.convert import outputs
from xnat_wizard.convert.bids_names import BidsName
from xnat_wizard.convert.model import Item, Output
from xnat_wizard.convert.rules import Rule

_PERSONAL_STARTS = ("Patient", "Referring", "Performing", "Operator", "Other")
_PERSONAL = frozenset(
    [
        "AccessionNumber",
        "StudyID",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "AcquisitionDateTime",
        "AcquisitionDate",
        "StudyDate",
        "SeriesDate",
        "ImageComments",
        "RequestingPhysician",
        "PhysiciansOfRecord",
        "IssuerOfPatientID",
    ]
)
_NOT_PERSONAL = frozenset({"PatientPosition"})
_PAR_DESCRIPTIONS = frozenset({"ImageMRSERIES", "Image MRSERIES"})  # the PAR's "Series Type", no description


def fields_of(item: Item, output: Output, *, keep_details: bool) -> dict[str, object]:
    """Return the fields for the sidecar of an output."""
    told = outputs.read(output.sidecar)
    fields = {key: value for key, value in told.items() if value != "None" and (keep_details or not is_personal(key))}
    if item.pair:
        if fields.get("SeriesDescription") in _PAR_DESCRIPTIONS:
            del fields["SeriesDescription"]
        if output.volume_step_s is not None:
            fields["RepetitionTime"] = output.volume_step_s  # BIDS means the time from volume to volume
        elif output.repetition_s is not None:
            fields.setdefault("RepetitionTime", output.repetition_s)
        if output.traits.protocol:
            fields["ProtocolName"] = output.traits.protocol
    if output.traits.image_type:
        fields.setdefault("ImageType", list(output.traits.image_type))
    if output.traits.echo is not None:
        fields.setdefault("EchoNumber", output.traits.echo)
    return fields


def is_personal(key: str) -> bool:
    """Tell whether a field may say who was scanned, or when."""
    return key in _PERSONAL or (key.startswith(_PERSONAL_STARTS) and key not in _NOT_PERSONAL)


def for_bids(fields: Mapping[str, object], name: BidsName, rule: Rule) -> dict[str, object]:
    """Add what the place in the dataset and the rule say."""
    added = {"TaskName": name.value("task")} if name.value("task") else {}
    return {**fields, **added, **rule.sidecar}


def missing(fields: Mapping[str, object], name: BidsName) -> tuple[str, ...]:
    """Return which fields BIDS requires of an image that its sidecar does not have.

    Source: BIDS 1.10, "Magnetic Resonance Imaging": task imaging data, fieldmap data.
    """
    required: dict[str, tuple[str, ...]] = {
        "bold": ("RepetitionTime", "TaskName"),
        "phasediff": ("EchoTime1", "EchoTime2"),
        "phase1": ("EchoTime",),
        "phase2": ("EchoTime",),
        "fieldmap": ("Units",),
    }
    return tuple(key for key in required.get(name.suffix, ()) if key not in fields)
