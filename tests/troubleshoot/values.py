"""Facts as small as they can be, for the tests that ask nobody."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from troubleshoot.conftest import NOW
from xnat_wizard.dicom.model import Instance, OtherFile, OtherKind, ParRecPair, Series, Survey
from xnat_wizard.troubleshoot.case import Case, Way
from xnat_wizard.troubleshoot.facts import (
    Candidate,
    Contents,
    Facts,
    Local,
    LocalObject,
    Match,
    Place,
    Policies,
    ProjectFacts,
    Sent,
)
from xnat_wizard.troubleshoot.model import Certainty, PlaceKind, Role, Standing, Told
from xnat_wizard.upload.tokens import token_of
from xnat_wizard.xnat.inquiries.values import (
    Experiment,
    Filter,
    ProjectName,
    Receiver,
    Row,
    ScanFact,
    Script,
    SiteFacts,
    StoredObject,
    WhoAmI,
)

MR = "1.2.840.10008.5.1.4.1.1.4"
EXPLICIT = "1.2.840.10008.1.2.1"
STUDY = "1.2.7"


def told(value: object, standing: Standing = Standing.ANSWERED) -> Told:  # type: ignore[type-arg]  # of anything
    """Return an answer without evidence."""
    return Told(value, standing)


def an_object(path: str, number: int, *, series: str = "1", study: str = STUDY, **changes: object) -> LocalObject:
    """Return one object."""
    uid = f"{study}.{series}.{number}"
    plain = LocalObject(
        path=path,
        size_bytes=1000,
        sop_class_uid=MR,
        sop_instance_uid=uid,
        transfer_syntax_uid=EXPLICIT,
        instance_number=str(number),
        study_instance_uid=study,
        series_key=f"{study}|{series}",
        series_instance_uid=f"{study}.{series}",
        series_number=series,
        series_description=f"series {series}",
        modality="MR",
        study_date="20250304",
        study_time="101500",
        study_description="HEAD",
        accession_number="",
        patient_id="P1",
        patient_name="Doe^Jane",
        token=token_of(MR, uid),
        order=number,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # names of fields


def local_of(
    objects: Iterable[LocalObject], others: Iterable[OtherFile] = (), pairs: Iterable[ParRecPair] = ()
) -> Local:
    """Return a source that holds these objects and other files."""
    objects = tuple(objects)
    found: dict[str, list[LocalObject]] = {}
    for one in objects:
        found.setdefault(one.series_key, []).append(one)
    series = tuple(_series(key, mine) for key, mine in found.items())
    survey = Survey(Path("/data"), series, tuple(pairs), tuple(others), (), 1)
    return Local(survey, objects, tuple(others))


def _series(key: str, objects: list[LocalObject]) -> Series:
    first = objects[0]
    return Series(
        key=key,
        subject_folder="S01",
        folders=("S01/1",),
        study_instance_uid=first.study_instance_uid,
        series_instance_uid=first.series_instance_uid,
        series_number=first.series_number,
        series_description=first.series_description,
        modality=first.modality,
        study_date=first.study_date,
        study_time=first.study_time,
        study_description=first.study_description,
        patient_id=first.patient_id,
        patient_name=first.patient_name,
        manufacturer="",
        instances=tuple(
            Instance(
                one.path,
                one.size_bytes,
                0,
                one.sop_class_uid,
                one.sop_instance_uid,
                one.transfer_syntax_uid,
                one.instance_number,
            )
            for one in objects
        ),
    )


def an_other(path: str, kind: OtherKind = OtherKind.NOT_DICOM) -> OtherFile:
    """Return a file that is not sent."""
    return OtherFile(path, 10, kind, "it is no image")


def a_row(**changes: object) -> Row:
    """Return a row that waits in DEMO."""
    plain = Row(
        "DEMO", "20250305_090000000", "E1", "E1", "S1", STUDY, "READY", last_modified="2025-03-05 09:00:00.0",
        uploaded="2025-03-05 09:00:00.0",
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]  # names of fields


def an_experiment(**changes: object) -> Experiment:
    """Return an experiment of DEMO."""
    plain = Experiment("XNAT_E1", "E1", "DEMO", "S1", "xnat:mrSessionData", "2025-03-04", study_instance_uid=STUDY)
    return replace(plain, **changes)  # type: ignore[arg-type]  # names of fields


def a_place(kind: PlaceKind = PlaceKind.ARCHIVE, uri: str = "/data/experiments/XNAT_E1") -> Place:
    """Return a place in DEMO."""
    experiment = an_experiment() if kind is PlaceKind.ARCHIVE else None
    row = a_row() if kind is not PlaceKind.ARCHIVE else None
    return Place(kind, uri, "DEMO", "E1", "S1", STUDY, experiment=experiment, row=row)


def a_hit(place: Place) -> Candidate:
    """Return a place that is the study's for sure."""
    return Candidate(STUDY, place, 100, Certainty.CONFIRMED, ("study UID",), has_identity=True)


def stored(name: str, *, scan: str = "1", uid: str = "", size: int = 1000) -> StoredObject:
    """Return a file on the server."""
    return StoredObject(scan, "DICOM", name, size, f"/data/experiments/XNAT_E1/scans/{scan}/files/{name}", uid)


def contents_of(uri: str, files: Iterable[StoredObject], scans: Iterable[ScanFact] = ()) -> Contents:
    """Return the contents of a place."""
    return Contents(uri, Standing.ANSWERED, tuple(scans) or (ScanFact("1"),), tuple(files))


def policies(
    *, filters: Iterable[Filter] = (), scripts: Iterable[Script] = (), rules: Mapping[str, str] | None = None,
    receivers: Iterable[Receiver] = (),
) -> Policies:  # fmt: skip
    """Return what changes or drops what arrives: nothing, unless it is said."""
    return Policies(told(tuple(filters)), told(tuple(scripts)), told(rules or {}), told(tuple(receivers)), told(()))


def project(*visible: str, typed: str = "DEMO", role: Role = Role.MEMBER) -> ProjectFacts:
    """Return what became of a typed project."""
    names = tuple(ProjectName(one, f"title of {one}", one) for one in visible)
    match = Match.EXACT if typed in visible else Match.NONE
    return ProjectFacts(typed, match, typed if typed in visible else "", visible=names, role=role)


def facts(local: Local | None = None, **changes: object) -> Facts:
    """Return the facts of a member of DEMO who sent a zip; nothing was found yet."""
    plain = Facts(
        Case(project="DEMO", way=Way.ZIP),
        NOW,
        local=local,
        who=told(WhoAmI("member", groups=("DEMO_member",), editable=("DEMO",))),
        site=told(SiteFacts("http://x", "1.9.3")),
        project=project("DEMO"),
        rows=told(()),
        sent=Sent(),
    )
    return plain.adding(**changes)
