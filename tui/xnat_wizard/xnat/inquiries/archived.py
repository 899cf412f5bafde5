"""Questions about the archive (Q15, Q16, Q18 to Q20)."""

import asyncio

from xnat_wizard.xnat.answers import Answer, cell, id_of
from xnat_wizard.xnat.catalogue import uids_in
from xnat_wizard.xnat.errors import Refused
from xnat_wizard.xnat.files import files_of
from xnat_wizard.xnat.inquiries.asking import Asker, rows_said
from xnat_wizard.xnat.inquiries.values import Experiment, ScanFact, StoredObject
from xnat_wizard.xnat.tables import Row as Cells
from xnat_wizard.xnat.tables import TooMuchError
from xnat_wizard.xnat.told import Standing, Told
from xnat_wizard.xnat.uris import encoded, path_of

_JSON = {"format": "json"}
_COLUMNS = "ID,label,project,subject_label,date,UID,insert_date,insert_user,xsiType"
_DEEP = "xnat:imageSessionData/UID"
_START_BYTES = 132
_ENOUGH_BYTES = 4 * 1024 * 1024


async def by_uid(asker: Asker, study_instance_uid: str) -> Told[tuple[Experiment, ...]]:
    """Ask for the experiments of a study, in all projects we read (Q15).

    A site that does not know the filter answers with everything; only rows whose UID is the one asked for count. One
    that does not tell UIDs either is asked again in the older way.
    """

    def read(answer: Answer) -> tuple[Experiment, ...]:
        return tuple(_experiment(row) for row in answer.rows())

    def said(found: tuple[Experiment, ...]) -> str:
        count = sum(one.study_instance_uid == study_instance_uid for one in found)
        return f"{rows_said(found)}, {count} with this UID"

    path = "/data/experiments"
    query = {"studyInstanceUID": study_instance_uid, "columns": _COLUMNS, **_JSON}
    told = await asker.ask_many("Q15", path, query, read=read, words=said)
    evidence = told.evidence
    if (told.value and not any(one.study_instance_uid for one in told.value)) or told.standing is Standing.FAILED:
        query = {"xsiType": "xnat:imageSessionData", "columns": f"ID,label,project,date,{_DEEP}", **_JSON}
        told = await asker.ask_many("Q15", path, query, read=read, words=said)
        evidence += told.evidence
    return Told(
        tuple(one for one in told.value if one.study_instance_uid == study_instance_uid), told.standing, evidence
    )


async def of_project(asker: Asker, project: str) -> Told[tuple[Experiment, ...]]:
    """Ask for the imaging sessions that a project shows (Q16), those shared into it included."""

    def read(answer: Answer) -> tuple[Experiment, ...]:
        found = (_experiment(row, seen_in=project) for row in answer.rows())
        return tuple(one for one in found if one.xsi_type.endswith("SessionData") or not one.xsi_type)

    path = path_of("data", "projects", project, "experiments")
    return await asker.ask_many("Q16", path, {"columns": _COLUMNS, **_JSON}, read=read)


async def one(asker: Asker, uri: str) -> Told[Experiment | None]:
    """Ask for one experiment (Q20) by its ID, or by its URI; with its state of quarantine where that is told."""
    path = encoded(uri) if uri.startswith("/") else path_of("data", "experiments", uri)

    def read(answer: Answer) -> Experiment | None:
        item = answer.item()
        match answer.json():
            case {"items": [{"meta": {"status": str(status)}}, *_]}:
                pass
            case _:
                status = ""
        fields = item.fields
        return Experiment(
            id=id_of(fields) or uri.rpartition("/")[2],
            label=cell(fields, "label"),
            project=cell(fields, "project"),
            xsi_type=item.xsi_type,
            date=cell(fields, "date"),
            study_instance_uid=cell(fields, "UID"),
            status=status,
        )

    def said(found: Experiment | None) -> str:
        return f"label={found.label} project={found.project} status={found.status or '?'}" if found else "nothing"

    empty: Experiment | None = None
    return await asker.ask("Q20", path, _JSON, read=read, empty=empty, words=said, is_free=True)


async def status(asker: Asker, experiment_id: str) -> Told[str]:
    """Ask for an experiment's state (Q20): "active", "quarantine", "locked"."""
    path = path_of("data", "experiments", experiment_id, "status")
    return await asker.ask(
        "Q20", path, read=lambda answer: answer.bare, empty="", words=lambda text: text or "nothing", is_free=True
    )


async def scans(asker: Asker, experiment_id: str) -> Told[tuple[ScanFact, ...]]:
    """Ask for the scans of an experiment (Q18)."""

    def read(answer: Answer) -> tuple[ScanFact, ...]:
        return tuple(
            ScanFact(
                row["ID"],
                row.get("UID", ""),
                row.get("series_description", ""),
                row.get("type", ""),
                row.get("xsiType", ""),
                row.get("frames", ""),
            )
            for row in answer.rows()
            if row.get("ID")
        )

    path = path_of("data", "experiments", experiment_id, "scans")
    query = {"columns": "ID,UID,series_description,type,frames,xsiType", **_JSON}
    return await asker.ask_many("Q18", path, query, read=read, is_free=True)


async def scan_files(asker: Asker, experiment_id: str, scan_id: str) -> Told[tuple[StoredObject, ...]]:
    """Ask for the files of a scan, over all its resources (Q19): names, sizes and digests from the list of files, the
    SOP Instance UIDs from the catalogue of each resource.
    """  # noqa: D205  one sentence, too long for one line
    place = path_of("data", "experiments", experiment_id, "scans", scan_id)

    def read(answer: Answer) -> tuple[StoredObject, ...]:
        return tuple(
            StoredObject(scan_id, file.collection, file.name, file.size_bytes, file.uri, md5=file.md5)
            for file in files_of(answer.rows())
        )

    files = await asker.ask_many("Q19", place + "/files", _JSON, read=read, is_free=True)
    labels = tuple(dict.fromkeys(file.resource for file in files.value if file.resource))
    catalogues = await asyncio.gather(*(_catalogue(asker, place, label) for label in labels))
    uids = {(label, name): uid for label, told in zip(labels, catalogues, strict=True) for name, uid in told.value}
    known = tuple(
        StoredObject(
            file.scan_id,
            file.resource,
            file.name,
            file.size_bytes,
            file.uri,
            uids.get((file.resource, file.name), ""),
            file.md5,
        )
        for file in files.value
    )
    evidence = (*files.evidence, *(piece for told in catalogues for piece in told.evidence))
    return Told(known, files.standing, evidence)


async def is_readable(asker: Asker, uri: str) -> Told[bool]:
    """Ask for the first bytes of a file: whether the server has more of it than its name (missing data 3.7)."""

    def read(answer: Answer) -> bool:
        return bool(answer.body)

    told = await asker.ask(
        "Q19",
        encoded(uri),
        read=read,
        empty=False,
        words=lambda has_bytes: "bytes" if has_bytes else "nothing",
        ok=frozenset({200, 206}),
        is_free=True,
        headers={"Range": f"bytes=0-{_START_BYTES - 1}"},
        limit_bytes=_ENOUGH_BYTES,
    )
    if told.standing is Standing.FAILED and told.evidence[0].got.endswith("site.too_long"):  # so it is there
        return Told(True, Standing.ANSWERED, told.evidence)  # noqa: FBT003  the answer itself
    return told


async def _catalogue(asker: Asker, place: str, label: str) -> Told[tuple[tuple[str, str], ...]]:
    """Ask for name and SOP Instance UID of each file of a resource."""

    def read(answer: Answer) -> tuple[tuple[str, str], ...]:
        try:
            return uids_in(answer.body)
        except ValueError:
            raise Refused(answer.unclear("a catalogue"), status=answer.status) from None
        except TooMuchError:
            raise Refused(answer.too_much(), status=answer.status) from None

    path = path_of("resources", label)
    return await asker.ask_many("Q19", place + path, {"format": "xml"}, read=read, is_free=True)


def _experiment(row: Cells, *, seen_in: str = "") -> Experiment:
    return Experiment(
        id=id_of(row),
        label=row.get("label", ""),
        project=cell(row, "project") or seen_in,
        subject_label=row.get("subject_label", ""),
        xsi_type=row.get("xsiType", ""),
        date=row.get("date", ""),
        insert_date=row.get("insert_date", ""),
        insert_user=row.get("insert_user", ""),
        study_instance_uid=cell(row, "UID", "uid", _DEEP.lower(), _DEEP),
        seen_in=seen_in,
    )
