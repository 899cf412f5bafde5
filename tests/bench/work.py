"""What runs in a fresh process of its own: `python -m bench.work NAME ARGUMENTS` prints one JSON object.

Each function measures the seconds of the work itself, without the start of the interpreter and its imports.
"""

import asyncio
import functools
import hashlib
import importlib
import inspect
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

Outcome = dict[str, Any]

READERS = 32
SLOW_OPEN_S = 0.001
HEAD_BYTES = 8192


def survey(folder: str) -> Outcome:
    """Survey a tree as the program does."""
    from xnat_wizard.dicom.survey import survey as survey_of

    began = time.perf_counter()
    found = survey_of(Path(folder))
    seconds = time.perf_counter() - began
    facts = (
        (
            one.path,
            one.sop_class_uid,
            one.sop_instance_uid,
            series.study_instance_uid,
            series.series_instance_uid,
            series.series_number,
            series.series_description,
            str(int(one.instance_number)),
        )
        for series in found.series
        for one in series.instances
    )
    return {"seconds": seconds, "digest": _digest(facts), "files": found.file_count}


def dcmread(folder: str) -> Outcome:
    """Read the same facts with pydicom, file after file, in the way its documentation shows."""
    import pydicom

    began = time.perf_counter()
    facts = []
    for path in _files(folder):
        one = pydicom.dcmread(path, stop_before_pixels=True)
        facts.append(
            (
                os.path.relpath(path, folder),
                str(one.SOPClassUID),
                str(one.SOPInstanceUID),
                str(one.StudyInstanceUID),
                str(one.SeriesInstanceUID),
                str(int(one.SeriesNumber)),
                str(one.SeriesDescription),
                str(int(one.InstanceNumber)),
            )
        )
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "digest": _digest(facts), "files": len(facts)}


def slow_survey(folder: str) -> Outcome:
    """Survey a tree whose files take a millisecond to open."""
    from xnat_wizard.dicom import source
    from xnat_wizard.dicom.opened import FolderFile

    def open_slowly(path: str) -> Any:
        time.sleep(SLOW_OPEN_S)
        return FolderFile(path)

    setattr(source, "FolderFile", open_slowly)  # noqa: B010  mypy would forbid the plain assignment, rightly
    return survey(folder)


def slow_raw(folder: str) -> Outcome:
    """Open each file of such a tree and read its beginning, 32 at a time, and understand nothing."""
    from concurrent.futures import ThreadPoolExecutor

    def read(path: str) -> int:
        time.sleep(SLOW_OPEN_S)
        descriptor = os.open(path, os.O_RDONLY)
        try:
            return len(os.pread(descriptor, HEAD_BYTES, 0))
        finally:
            os.close(descriptor)

    began = time.perf_counter()
    with ThreadPoolExecutor(READERS) as pool:
        count = sum(1 for _ in pool.map(read, _files(folder)))
    return {"seconds": time.perf_counter() - began, "files": count}


def prepare(folder: str, place: str, site_url: str, destination: str) -> Outcome:
    """Survey and plan, write the journal, and tell what a server has at the end; each step timed."""
    from xnat_wizard.dicom.survey import survey as survey_of
    from xnat_wizard.upload import plan as planning
    from xnat_wizard.upload.journal import Journal
    from xnat_wizard.upload.model import Destination

    at = [time.perf_counter()]
    found = survey_of(Path(folder))
    at.append(time.perf_counter())
    plan = planning.draft(found, site_url=site_url, project="DEMO", destination=Destination(destination))
    planning.check(plan)
    at.append(time.perf_counter())
    planning.save(plan, Path(place) / "plan.json")
    planning.load(Path(place) / "plan.json")
    at.append(time.perf_counter())
    journal = Journal.create(Path(place) / "journal", plan)
    journal.close()
    at.append(time.perf_counter())
    (Path(place) / "study.json").write_text(json.dumps(_claims(plan)), encoding="utf-8")
    names = ("survey", "plan", "plan file", "journal")
    return {name: after - before for name, before, after in zip(names, at, at[1:], strict=False)}


def _claims(plan: Any) -> dict[str, Any]:
    from xnat_wizard.upload.tokens import token_of

    def name(session: Any, series: Any, one: Any) -> str:
        token = token_of(one.sop_class_uid, one.sop_instance_uid)
        return f"{session.study_instance_uid}-{series.series_number}-{one.instance_number}-{token}.dcm"

    return {
        session.session_label: {
            "subject": session.subject_label,
            "study_instance_uid": session.study_instance_uid,
            "scans": {
                series.series_number: [(name(session, series, one), one.size_bytes) for one in series.instances]
                for series in session.series
            },
        }
        for session in plan.included
    }


def upload(journal_path: str, url: str) -> Outcome:
    """Run an upload from its journal to its receipt; the login is not timed."""
    outcome = _run_engine(journal_path, url)
    if not outcome["verdict"].startswith("COMPLETE"):
        raise RuntimeError(f"{outcome['state']}: {outcome['verdict']}")
    return outcome


def _run_engine(journal_path: str, url: str) -> Outcome:
    from xnat_wizard.settings import Secret
    from xnat_wizard.upload import engine
    from xnat_wizard.upload.journal import Journal
    from xnat_wizard.xnat.model import Login
    from xnat_wizard.xnat.site import Site

    async def go() -> Outcome:
        site = await Site.connect(Login(url, "owner", Secret("owner")))
        with Journal.open(Path(journal_path)) as journal:
            began = time.perf_counter()
            state = await engine.run(journal, site)
            seconds = time.perf_counter() - began
            receipt = journal.receipt()
        await site.close()
        return {"seconds": seconds, "state": str(state), "verdict": receipt.verdict if receipt else ""}

    return asyncio.run(go())


def unproven(journal_path: str, url: str) -> Outcome:
    """Run an upload that neither notes what becomes of the files nor looks whether they arrived.

    There is no such switch: the notes, the looks and the receipt are taken out from outside.
    """
    from xnat_wizard.upload import looking, receipt, records, session_run
    from xnat_wizard.upload.model import Fate

    async def look(*_: Any, **__: Any) -> Any:
        return looking.Look((), is_in_archive=False, is_all_in_archive=False)

    def nothing(*_: Any, **__: Any) -> None: ...

    for name in ("record_fates", "record_checked", "record_md5", "record_all_to_be_sent", "note_bytes"):
        setattr(records.Records, name, nothing)
    setattr(records.Records, "count_fates", lambda *_: {Fate.STORED: 1})  # noqa: B010  mypy would forbid the plain assignment
    setattr(session_run, "look", look)  # noqa: B010
    composed = receipt.compose

    async def compose(*arguments: Any) -> Any:
        setattr(records.Records, "series_lines", lambda *_: iter(()))  # noqa: B010
        return await composed(*arguments)

    setattr(receipt, "compose", compose)  # noqa: B010
    setattr(receipt, "keep", nothing)  # noqa: B010
    return _run_engine(journal_path, url)


def shares(journal_path: str, url: str) -> Outcome:
    """Run an upload with a stop-watch round the journal and round each look at the server.

    The watches are put on from outside: on every method of `Records` and `Journal`, on `look`, `compose` and `keep`.
    """
    from xnat_wizard.upload import journal, looking, receipt, records, session_run

    spent = {"journal": 0.0, "look": 0.0}
    for kind in (records.Records, journal.Journal):
        _watch_methods(kind, spent)
    looked, composed, kept = looking.look, receipt.compose, receipt.keep

    async def look(*arguments: Any, **named: Any) -> Any:
        return await _watched(looked(*arguments, **named), spent)

    async def compose(*arguments: Any) -> Any:
        return await _watched(composed(*arguments), spent)

    def keep(*arguments: Any) -> None:
        began, journal_before = time.perf_counter(), spent["journal"]
        kept(*arguments)
        spent["look"] += time.perf_counter() - began - (spent["journal"] - journal_before)

    for module, name, watched in ((session_run, "look", look), (receipt, "compose", compose), (receipt, "keep", keep)):
        setattr(module, name, watched)
    return {**upload(journal_path, url), **spent}


async def _watched(work: Coroutine[Any, Any, Any], spent: dict[str, float]) -> Any:
    began, journal_before = time.perf_counter(), spent["journal"]
    try:
        return await work
    finally:  # what the journal took meanwhile is counted there
        spent["look"] += time.perf_counter() - began - (spent["journal"] - journal_before)


def _watch_methods(kind: type, spent: dict[str, float]) -> None:
    depth = 0

    def watched(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def act(*arguments: Any, **named: Any) -> Any:
            nonlocal depth
            if depth:
                return method(*arguments, **named)
            depth += 1
            began = time.perf_counter()
            try:
                made = method(*arguments, **named)
                return iter(list(made)) if isinstance(made, Iterator) else made
            finally:
                spent["journal"] += time.perf_counter() - began
                depth -= 1

        return act

    for name, method in list(vars(kind).items()):
        if inspect.isfunction(method) and not name.startswith("__"):
            setattr(kind, name, watched(method))


def verify(journal_path: str, url: str) -> Outcome:
    """Compare an upload that has ended with the server once more."""
    from xnat_wizard.settings import Secret
    from xnat_wizard.upload import receipt
    from xnat_wizard.upload.journal import Journal
    from xnat_wizard.xnat.model import Login
    from xnat_wizard.xnat.site import Site

    async def go() -> Outcome:
        site = await Site.connect(Login(url, "owner", Secret("owner")))
        with Journal.open(Path(journal_path)) as journal:
            began = time.perf_counter()
            made = await receipt.verify(journal, site)
            seconds = time.perf_counter() - began
        await site.close()
        if not made.verdict.startswith("COMPLETE"):
            raise RuntimeError(made.verdict)
        return {"seconds": seconds}

    return asyncio.run(go())


def send_by_dicom(journal_path: str, port: str, associations: str) -> Outcome:
    """Send an upload by DICOM, without a login: from the journal to the last answer and the receipt."""
    from xnat_wizard.upload.cstore import alone
    from xnat_wizard.upload.cstore.peer import Peer
    from xnat_wizard.upload.journal import Journal

    importlib.import_module("pynetdicom.pdu")  # which the first association needs

    with Journal.open(Path(journal_path)) as journal:
        journal.set_receiver(Peer("127.0.0.1", int(port), associations=int(associations)).encoded())
        began = time.perf_counter()
        asyncio.run(alone.run(journal))
        seconds = time.perf_counter() - began
        return {"seconds": seconds, "sent": journal.dicom_statuses().get(0, 0)}


def xnatpy(folder: str, url: str) -> Outcome:
    """Upload one session with xnatpy, as its documentation shows."""
    xnat: Any = importlib.import_module("xnat")
    with xnat.connect(url, user="owner", password="owner", loglevel="ERROR") as site:
        site.services.import_dir(
            folder,
            destination="/archive",
            project="DEMO",
            subject="SUB0001",
            experiment="SUB0001_MR1",
            import_handler="DICOM-zip",
        )
    return {}


def pyxnat(folder: str, url: str) -> Outcome:
    """Upload one session with pyxnat, as its documentation shows: a scan a series, a zip a scan."""
    interfaces: Any = importlib.import_module("pyxnat.core.interfaces")
    derivatives = ModuleType("no_derivatives")  # its own need nibabel, which pyxnat 1.6.4 does not bring along
    derivatives.__path__ = []
    interfaces.derivatives = derivatives
    site = interfaces.Interface(server=url, user="owner", password="owner")
    session = site.select.project("DEMO").subject("SUB0001").experiment("SUB0001_MR1")
    session.create(experiments="xnat:mrSessionData")
    for number, series in enumerate(sorted(Path(folder).glob("*/*")), 1):
        scan = session.scan(str(number))
        scan.create(scans="xnat:mrScanData")
        scan.resource("DICOM").put_dir(str(series))
    site.disconnect()
    return {}


def _files(folder: str) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            yield f"{place}/{name}"


def _digest(facts: Iterable[tuple[str, ...]]) -> str:
    return hashlib.sha256("\n".join("|".join(one) for one in sorted(facts)).encode()).hexdigest()


WORKS: dict[str, Callable[..., Outcome]] = {
    work.__name__: work
    for work in (
        *(survey, dcmread, slow_survey, slow_raw, prepare, upload, unproven, verify, shares),
        *(send_by_dicom, xnatpy, pyxnat),
    )
}

if __name__ == "__main__":
    print(json.dumps(WORKS[sys.argv[1]](*sys.argv[2:])))
