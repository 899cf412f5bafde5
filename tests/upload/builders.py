"""Values for the tests of this room: surveys, plans and files, as small as they can be."""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from xnat_wizard.dicom.model import Instance, OtherFile, ParRecPair, Series, Survey
from xnat_wizard.findings import Finding, Severity
from xnat_wizard.upload.model import Destination, Plan
from xnat_wizard.upload.plan import draft

MR = "1.2.840.10008.5.1.4.1.1.4"


def instance(path: str, number: int = 1, *, size_bytes: int = 10) -> Instance:
    return Instance(
        path,
        size_bytes,
        0,
        MR,
        f"1.2.3.{zlib.crc32(path.encode('utf-8', 'surrogatepass'))}.{number}",
        "1.2.840.10008.1.2.1",
        str(number),
    )


def series(
    folder: str,
    *,
    study: str = "1.2.3",
    number: str = "1",
    modality: str = "MR",
    date: str = "20240101",
    count: int = 2,
    held_by: tuple[str, ...] = (),
) -> Series:
    subject = folder.split("/", maxsplit=1)[0]
    return Series(
        key=f"{folder}|{study}|{number}",
        subject_folder=subject,
        folders=(folder,),
        study_instance_uid=study,
        series_instance_uid=f"{study}.{number}",
        series_number=number,
        series_description=f"series {number}",
        modality=modality,
        study_date=date,
        study_time="101500",
        study_description="head",
        patient_id="p1",
        patient_name="Doe^Jane",
        manufacturer="none",
        instances=tuple(instance(f"{folder}/{index}.dcm", index) for index in range(count)),
        held_by=held_by,
    )


def pair(folder: str, name: str = "scan", *, held_by: tuple[str, ...] = ()) -> ParRecPair:
    subject = folder.split("/", maxsplit=1)[0]
    return ParRecPair(subject, folder, f"{folder}/{name}.PAR", f"{folder}/{name}.REC", 3, 5, "V4.2", "T1", held_by)


def survey(
    *items: Series | ParRecPair,
    findings: Sequence[Finding] = (),
    others: Sequence[OtherFile] = (),
    source: str = "/data",
) -> Survey:
    return Survey(
        source=Path(source),
        series=tuple(item for item in items if isinstance(item, Series)),
        pairs=tuple(item for item in items if isinstance(item, ParRecPair)),
        others=tuple(others),
        findings=tuple(findings),
        folder_count=1,
    )


def finding(code: str, severity: Severity) -> Finding:
    return Finding(code, "something", "for a reason", ("do this",), severity=severity)


def plan_of(
    found: Survey, *, destination: Destination = Destination.ARCHIVE, accepted: frozenset[str] = frozenset()
) -> Plan:
    return draft(found, site_url="http://x", project="DEMO", destination=destination, accepted=accepted)


def plan_of_files(folder: Path, sizes: dict[str, list[int]]) -> Plan:
    """Write files of those sizes, one series a folder, and plan them as they are on disk."""
    found = []
    for number, (place, lengths) in enumerate(sizes.items(), start=1):
        (folder / place).mkdir(parents=True)
        instances = []
        for index, length in enumerate(lengths):
            path = folder / place / f"{index}.dcm"
            path.write_bytes(bytes((index + step) % 251 for step in range(length)))
            status = path.stat()
            instances.append(
                replace(instance(f"{place}/{index}.dcm", index), size_bytes=length, mtime_ns=status.st_mtime_ns)
            )
        found.append(replace(series(place, number=str(number)), instances=tuple(instances)))
    return plan_of(replace(survey(*found), source=folder))
