"""Good input to begin with: images, PAR headers, archives, plans and journals, made here or taken from real ones."""

import gzip
import io
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from dicom.images import BIG, DEFLATED, EXPLICIT, IMPLICIT, as_bytes, header, with_pixels, write_pair
from upload.builders import finding, pair, plan_of, series, survey
from xnat_wizard.convert.model import Traits
from xnat_wizard.findings import Severity
from xnat_wizard.upload import receipt
from xnat_wizard.upload.cstore.peer import Peer
from xnat_wizard.upload.deidentify.choice import Deidentification, Keep
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Fate, Plan, Request, Route, SessionState, UploadState
from xnat_wizard.upload.plan_file import save
from xnat_wizard.upload.records import CheckedFile

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"  # real files, where they are there
_BEGINNING = 40_000
_MOST_REAL = 150
SETTINGS = b"""site = "https://xnat.example.org"
connections = 4
[sites."https://xnat.example.org"]
user = "anna"
project = "DEMO"
[keys]
"wizard.next" = "f3"
"""
RULES = b"""[dataset]
name = "Study"
[[rule]]
name = "T1w"
match = { description = "*mprage*", images = "100-", echo = 1 }
bids = "anat/T1w"
[[rule]]
name = "rest"
match = { protocol = ["*rest*", "/^rs[-_]fmri/"], image_type = ["M", "!P"] }
bids = "func/task-rest_bold"
sidecar = { Instructions = "Look" }
intended_for = ["func/*"]
file = "rest"
"""
TRAITS = Traits("t1_mprage", "rs_fmri", ("ORIGINAL", "M"), 1, 160, "MR", "dicom")


def images() -> list[bytes]:
    """Return DICOM files of every coding."""
    made = [as_bytes(with_pixels(header(series=3)), syntax) for syntax in (EXPLICIT, IMPLICIT, BIG, DEFLATED)]
    made.append(made[1][132 + 100 :])
    return made + _real("dicom", lambda path: path.stat().st_size < 1 << 20)


def pars() -> list[bytes]:
    """Return PAR headers."""
    folder = _scratch()
    write_pair(folder)
    made = [path.read_bytes() for path in folder.rglob("*.[Pp][Aa][Rr]")]
    shutil.rmtree(folder)
    return made + _real("parrec", lambda path: path.suffix.upper() == ".PAR")


def archives() -> list[bytes]:
    """Return zip and tar files of one image."""
    image = as_bytes(with_pixels(header()))
    made = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as file:
            file.writestr("s1/a/1.dcm", image)
            with file.open("s1/a/2.dcm", "w", force_zip64=True) as member:
                member.write(image[:300])
        made.append(buffer.getvalue())
    for kind in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=kind) as tar:
            for name in ("s1/a/1.dcm", "s1/" + "long" * 40 + "/ü.dcm"):
                one = tarfile.TarInfo(name)
                one.size = len(image)
                one.pax_headers = {"comment": "x", "mtime": "1.5"} if kind == tarfile.PAX_FORMAT else {}
                tar.addfile(one, io.BytesIO(image))
            link = tarfile.TarInfo("s1/link")
            link.type, link.linkname = tarfile.LNKTYPE, "s1/a/1.dcm"
            tar.addfile(link)
        made += [buffer.getvalue(), gzip.compress(buffer.getvalue(), mtime=0)]
    return made


def plan() -> Plan:
    """Return a plan with everything in it."""
    found = survey(
        series("s\udcff/a", count=2),
        series("t/a", study="1.4", held_by=("structure.x",)),
        pair("t/philips"),
        findings=[finding("structure.x", Severity.ASK)],
    )
    return replace(
        plan_of(found),
        route=Route.DICOM,
        receiver=Peer("xnat.example.org", 8104),
        deidentification=Deidentification.of([Keep.PATIENT]),
        not_sent=("2 files: not DICOM",),
    )


def plans(folder: Path) -> list[bytes]:
    """Return plan files."""
    made = []
    for one in (plan(), plan_of(survey(series("s/a")))):
        save(one, folder / "seed.json")
        made.append((folder / "seed.json").read_bytes())
    return made


def journals(folder: Path) -> list[bytes]:
    """Return a journal in the middle of an upload, with a receipt."""
    with Journal.create(folder / "seed", plan()) as journal:
        records = journal.records
        records.move_upload(UploadState.RUNNING)
        session = records.sessions()[0]
        records.move_session(session.id, SessionState.SENDING, uri="/data/prearchive/projects/P/1/s")
        one = next(iter(records.files(session.id)))
        records.record_checked(session.id, [CheckedFile(one.id, Fate.STORED, "MD5", "4", "")])
        records.move_session(session.id, SessionState.FAILED, finding=finding("x.y", Severity.STOP))
        records.add_event("something")
        records.keep_receipt(receipt.compose_unasked(journal))
        records.keep_receipt(receipt.compose_unasked(journal))
        journal.request(Request.PAUSE)
        path = journal.path
    data = path.read_bytes()
    shutil.rmtree(path.parent)
    return [data]


def look_through(journal: Journal) -> None:
    """Read all that a journal can be asked."""
    journal.changed()
    journal.progress()
    journal.events()
    journal.receipt()
    journal.earlier_receipts()
    list(journal.fates())
    list(journal.file_facts())
    list(journal.series_facts())
    _ = journal.source, journal.site_url, journal.not_sent, journal.route, journal.receiver
    journal.plan()
    journal.options()
    journal.subjects()
    journal.records.take_requests()
    for session in journal.records.sessions():
        list(journal.records.files(session.id))
        list(journal.records.series_lines(session.id))
        journal.records.count_fates(session.id)


def _real(name: str, is_wanted: Callable[[Path], bool]) -> list[bytes]:
    found = sorted(path for path in (REAL / name).rglob("*") if path.is_file() and is_wanted(path))
    step = max(1, len(found) // _MOST_REAL)
    return [path.read_bytes()[:_BEGINNING] for path in found[::step]]


def _scratch() -> Path:
    return Path(tempfile.mkdtemp(prefix="xnat-wizard-fuzz-"))
