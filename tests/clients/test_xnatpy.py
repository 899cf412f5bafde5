"""The real xnatpy (PyPI `xnat`), unmodified, works with the practice server: it builds its classes from its schemas."""

import gc
import importlib
import time
import zipfile
from collections.abc import Callable, Iterator
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from practice.images import series, zipped
from support import Practice

# The submodule is asked for: without xnatpy, `import xnat` finds the folder of our own tests of that name.
pytest.importorskip("xnat.session", reason="xnatpy is not installed: make clients")
xnat: Any = importlib.import_module("xnat")

HERE = {"project": "DEMO", "subject": "S1", "experiment": "S1_MR1", "import_handler": "DICOM-zip"}


@pytest.fixture
def files() -> dict[str, bytes]:
    """Give three images by name."""
    return series(3)


@pytest.fixture
def archive_file(tmp_path: Path, files: dict[str, bytes]) -> Path:
    """Give them as a zip."""
    path = tmp_path / "study.zip"
    path.write_bytes(zipped(files))
    return path


@pytest.fixture
def site(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Log in as the owner of DEMO."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with xnat.connect(practice.url, user="owner", password="owner", loglevel="ERROR") as connection:
        yield connection
    gc.collect()  # xnatpy keeps a list of all listings, those of other connections too, and asks them when it deletes


@pytest.fixture
def archived(site: Any, archive_file: Path) -> Any:
    """Give a session that was imported straight into the archive."""
    return site.services.import_(str(archive_file), destination="/archive", content_type="application/zip", **HERE)


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.01)


def prearchived(site: Any, project: str) -> list[Any]:
    """Return the sessions as they are now; xnatpy keeps what it has seen."""
    site.prearchive.clearcache()
    found: list[Any] = site.prearchive.sessions(project=project, allow_receiving=True)
    return found


def test_login_is_refused_with_a_wrong_password(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(xnat.exceptions.XNATLoginFailedError, match="Authentication failed"):
        xnat.connect(practice.url, user="owner", password="wrong", loglevel="CRITICAL")


def test_an_alias_token_logs_in_too(practice: Practice, site: Any) -> None:
    token = site.services.issue_token()
    with xnat.connect(practice.url, user=token.alias, password=token.secret, loglevel="ERROR") as again:
        assert list(again.projects.keys()) == ["DEMO"]


def test_it_knows_the_version_and_the_types(site: Any) -> None:
    assert site.xnat_version == "1.9.3"
    for name in ("ProjectData", "SubjectData", "MrSessionData", "PetSessionData", "CtSessionData", "MrScanData"):
        assert hasattr(site.classes, name)
    assert "xnat:mrSessionData" in site.inspect.datatypes()
    assert site.inspect.datafields("xnat:mrSessionData") == []


def test_projects_are_listed_and_created(site: Any) -> None:
    assert [project.id for project in site.projects] == ["DEMO"]
    made = site.classes.ProjectData(parent=site, id_="NEW", name="New one")
    assert (made.id, made.name) == ("NEW", "New one")
    assert set(site.projects.keys()) == {"DEMO", "NEW"}
    assert site.projects["New one"].id == "NEW"
    made.description = "what it is about"
    assert made.description == "what it is about"
    assert {user.login for user in site.projects["DEMO"].users.values()} == {"owner", "member"}


def test_a_zip_goes_into_the_prearchive_and_on_into_the_archive(
    site: Any, archive_file: Path, files: dict[str, bytes]
) -> None:
    waiting = site.services.import_(
        str(archive_file), destination="/prearchive/projects/DEMO", content_type="application/zip", **HERE
    )
    assert (waiting.project, waiting.subject, waiting.label, waiting.status) == ("DEMO", "S1", "S1_MR1", "READY")
    (scan,) = waiting.scans
    assert scan.series_description == "series 1"
    assert {file.name: file.size for file in scan.files} == {name: len(data) for name, data in files.items()}
    assert scan.read_dicom().PatientName == "Subject^One"
    assert [session.label for session in site.prearchive.find(project="DEMO", subject="S1")] == ["S1_MR1"]
    archived = waiting.archive(overwrite="none")
    assert (type(archived).__name__, archived.label, archived.modality) == ("MrSessionData", "S1_MR1", "MR")
    assert site.prearchive.sessions(project="DEMO") == []


def test_the_prearchive_moves_rebuilds_and_deletes(site: Any, archive_file: Path) -> None:
    site.classes.ProjectData(parent=site, id_="OTHER", name="Other")
    waiting = site.services.import_(
        str(archive_file), destination="/prearchive/projects/DEMO", content_type="application/zip", **HERE
    )
    waiting.rebuild()  # the three of them are queued, whatever xnatpy's `asynchronous` says (wire contract 6.6)
    wait_until(lambda: waiting.fulldata["status"] == "READY")
    waiting.move("OTHER")
    wait_until(lambda: [session.status for session in prearchived(site, "OTHER")] == ["READY"])
    (moved,) = prearchived(site, "OTHER")
    moved.delete()
    wait_until(lambda: prearchived(site, "OTHER") == [])


def test_a_folder_is_zipped_and_imported(site: Any, tmp_path: Path, files: dict[str, bytes]) -> None:
    folder = tmp_path / "series"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    session = site.services.import_dir(str(folder), destination="/archive", **HERE)
    assert {file.id for file in session.scans["1"].files} == set(files)


def test_subjects_sessions_and_scans_are_read_made_changed_and_deleted(site: Any, archived: Any) -> None:
    project = site.projects["DEMO"]
    session = project.subjects["S1"].experiments["S1_MR1"]
    assert (session.id, session.date.isoformat(), session.subject.label) == (archived.id, "2001-02-03", "S1")
    (scan,) = session.scans
    assert (scan.id, scan.type, scan.quality, scan.frames) == ("1", "series 1", "usable", 3)
    scan.quality = "questionable"
    assert scan.quality == "questionable"
    subject = site.classes.SubjectData(parent=project, label="S2")
    subject.demographics.gender = "female"
    assert subject.demographics.gender == "female"
    made = site.classes.PetSessionData(parent=subject, label="S2_PET1")
    project.clearcache()
    assert {one.label for one in project.experiments} == {"S1_MR1", "S2_PET1"}
    made.delete()
    project.clearcache()
    assert {one.label for one in project.experiments} == {"S1_MR1"}


def test_images_come_back_as_they_were(site: Any, archived: Any, tmp_path: Path, files: dict[str, bytes]) -> None:
    scan = archived.scans["1"]
    for file in scan.resources["DICOM"].files:
        assert file.digest == md5(files[file.id]).hexdigest()  # noqa: S324  XNAT's own digest
    scan.download(str(tmp_path / "scan.zip"), verbose=False)
    with zipfile.ZipFile(tmp_path / "scan.zip") as packed:
        got = {Path(name).name: packed.read(name) for name in packed.namelist()}
    assert got == files
    archived.download_dir(str(tmp_path), verbose=False)
    assert {path.name: path.read_bytes() for path in tmp_path.rglob("i*.dcm")} == files
    assert scan.read_dicom().SeriesDescription == "series 1"
    assert {line["tag1"] for line in scan.dicom_dump()} >= {"(0010,0010)"}


def test_resources_are_made_filled_and_fetched(site: Any, archived: Any, tmp_path: Path) -> None:
    source = tmp_path / "notes"
    (source / "deep").mkdir(parents=True)
    (source / "one.txt").write_text("one")
    (source / "deep" / "two.txt").write_text("two")
    resource = archived.create_resource("NOTES")
    resource.upload(str(source / "one.txt"), "first.txt")
    resource.upload_data(b"by hand", "hand.txt")
    resource.upload_dir(str(source))
    resource.clearcache()
    assert {file.path for file in resource.files} == {"first.txt", "hand.txt", "one.txt", "deep/two.txt"}
    assert (resource.file_count, resource.file_size) == (4, 3 + 7 + 3 + 3)
    resource.files["hand.txt"].download(str(tmp_path / "back"), verbose=False)
    assert (tmp_path / "back").read_bytes() == b"by hand"
    target = tmp_path / "all"
    target.mkdir()
    resource.download_dir(str(target), verbose=False)
    assert {path.name for path in target.rglob("*.txt")} == {"first.txt", "hand.txt", "one.txt", "two.txt"}
    resource.files["first.txt"].delete()
    resource.clearcache()
    assert "first.txt" not in {file.path for file in resource.files}
    assert resource.id  # xnatpy looks it up again after the deletion, and must have it by then
    resource.delete()
    archived.clearcache()
    assert [one.label for one in archived.resources] == []


def test_project_and_subject_have_resources_too(site: Any, tmp_path: Path) -> None:
    project = site.projects["DEMO"]
    subject = site.classes.SubjectData(parent=project, label="S3")
    for owner in (project, subject):
        resource = owner.create_resource("DOCS")
        resource.upload_data(b"text", "a.txt")
        assert [file.path for file in resource.files] == ["a.txt"]
