"""`report`: a bundle for a ticket that holds no name, whatever was planted where."""

import io
import json
import stat
import zipfile
from pathlib import Path

import pytest

from cli.conftest import NewPlan
from cli.program import Ended, call
from support import Practice
from troubleshoot.check_sites import end_lingering
from xnat_wizard.cli.access import keep_login
from xnat_wizard.findings import Finding
from xnat_wizard.logins import stored_logins
from xnat_wizard.settings import Secret, log_dir
from xnat_wizard.upload.journal import FILE_NAME, Journal
from xnat_wizard.upload.model import Destination, SessionState, UploadState
from xnat_wizard.upload.worker import LOG_NAME
from xnat_wizard.xnat.model import Login

PLANTED = (
    "Muster", "Annegret", "Mustermann", "Geheimprojekt", "19800131", "1980-01-31", "4711-0815", "klinik-intern",
    "hansen", "Schmidt", "98765432", "owner", "kopfscan", "hippocampusstudie", "oberarzt",
)  # fmt: skip
SITE = "xnat.klinik-intern.example"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a home folder without any login in it, named like a person."""
    home = tmp_path / "hansen"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    return home


@pytest.fixture
def planted(
    practice: Practice,
    study_folder: Path,
    new_plan: NewPlan,
    own_home: Path,
    account: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """Give an upload whose every text names somebody, and logs and settings that do."""
    source = study_folder.with_name("Hippocampusstudie_Oberarzt_Schmidt")
    study_folder.rename(source)
    (source / "Person_01").rename(source / "Mustermann_Annegret_19800131")
    (source / "Mustermann_Annegret_19800131" / "notes Annegret.txt").write_text("x")
    plan = new_plan(Destination.PREARCHIVE, source)
    done = call("upload", plan)
    assert done.code == 0, done.talk
    (folder,) = (own_home / "state" / "uploads").glob("*")
    keep_login(Login(practice.url, "owner", Secret("owner")))
    monkeypatch.delenv("XNAT_PASS")
    (secret,) = (one.secret.reveal() for one in stored_logins())
    with Journal.open(folder / FILE_NAME) as journal:
        for text in (
            "Annegret Mustermann, born 1980-01-31, was refused at https://xnat.klinik-intern.example/x",
            'XNAT answered 500 to POST /data/projects/Geheimprojekt/subjects/4711-0815: "Frau Muster is not known"',
            f"{source}/Mustermann_Annegret_19800131/im1.dcm of patient 98765432 by hansen@klinik-intern.example",
            f"token {secret}",
        ):
            journal.records.add_event(text)
        journal.records.note_trouble("Schmidt does not answer")
        session = journal.records.sessions()[0]
        why = Finding(
            "site.silent", "Schmidt is away", f"{SITE} said: Muster", (), where=str(source), shareable="A site is away"
        )
        database = journal.records._database
        database.execute("UPDATE upload SET state = ?, finding = ?", (str(UploadState.FAILED), _json(why)))
        database.execute(
            "UPDATE session SET state = ?, finding = ? WHERE id = ?", (str(SessionState.FAILED), _json(why), session.id)
        )
        database.execute("UPDATE file SET remark = 'there as Annegret.dcm' WHERE id = 1")
        database.execute("UPDATE series SET modality = 'Muster', description = 'Kopfscan' WHERE id = 1")
    head = "2026-11-24 14:32:32,101 77 INFO xnat_wizard.upload.worker started for"
    log = f"{head} Annegret\n{source}: Muster\ntoken {secret}\n"
    (folder / LOG_NAME).write_text(log)
    (log_dir() / "wizard.log").write_text(log)
    (own_home / "config").mkdir(exist_ok=True)
    (own_home / "config" / "settings.toml").write_text(
        f'user = "hansen"\nproject = "Geheimprojekt"\n[sites."https://{SITE}"]\nproject = "Geheimprojekt"\n'
    )
    return folder


def _json(finding: Finding) -> str:
    fields = {
        name: getattr(finding, name) for name in ("code", "what", "why", "todo", "where", "severity", "shareable")
    }
    return json.dumps(fields)


def texts(path: Path) -> dict[str, str]:
    """Return the files of a bundle."""
    with zipfile.ZipFile(path) as archive:
        return {name.partition("/")[2]: archive.read(name).decode() for name in archive.namelist()}


def check_clean(*found: str) -> None:
    secrets = [text for one in stored_logins() for text in (one.alias, one.secret.reveal())]
    for text in found:
        for name in (*PLANTED, *secrets):
            assert name.casefold() not in text.casefold(), name


def report(*arguments: str | Path) -> Ended:
    return call("report", *arguments)


def test_nothing_that_names_somebody_is_in_the_bundle(planted: Path, home: Path) -> None:
    ended = report()
    assert ended.code == 0, ended.talk
    path = home / "xnat-wizard-report.zip"
    assert ended.data == "xnat-wizard-report.zip\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = texts(path)
    assert set(found) == {
        "about.txt", "versions.json", "settings.json", "upload-1.json", "upload-1-events.txt", "upload-1-worker.log",
        "wizard.log",
    }  # fmt: skip
    check_clean(*found.values(), path.read_bytes().decode("latin-1"))
    upload = json.loads(found["upload-1.json"])
    assert (upload["state"], upload["finding"]["code"], upload["finding"]["said"]) == (
        "failed",
        "site.silent",
        "A site is away",
    )
    assert upload["files_total"] == 32
    assert [one["session"] for one in upload["sessions"]] == ["session-1", "session-2"]
    assert upload["series"][0]["modality"] == "another"
    assert "session-1: all 16 files are in the prearchive" in found["upload-1-events.txt"]
    assert "POST /data/projects/*/subjects/*" in found["upload-1-events.txt"]
    assert "INFO xnat_wizard.upload.worker started for" in found["upload-1-worker.log"]
    settings = json.loads(found["settings.json"])
    assert (settings["values"]["project"]["value"], settings["profiles"]) == (True, 1)


def test_what_is_shown_is_what_is_written_and_the_same_each_time(planted: Path, home: Path) -> None:
    listed = report("--dry-run")
    assert "upload-1-events.txt" in listed.data
    shown = report("--show")
    assert list(home.iterdir()) == []
    check_clean(listed.data, shown.data)
    for name in ("one.zip", "two.zip"):
        assert report("--output", name, planted.name).code == 0
    assert (home / "one.zip").read_bytes() == (home / "two.zip").read_bytes()
    for text in texts(home / "one.zip").values():
        assert text.rstrip("\n") in shown.data
    objects = report("--show", "--json").objects()
    assert {one["name"]: one["text"] for one in objects} == texts(home / "one.zip")


def test_a_file_that_is_there_is_never_replaced(home: Path) -> None:
    (home / "mine.zip").write_text("mine")
    ended = report("--output", "mine.zip", "--json")
    assert (ended.code, [one["code"] for one in ended.objects()]) == (1, ["report.is_there"])
    assert (home / "mine.zip").read_text() == "mine"


def test_without_an_upload_it_tells_of_the_machine(home: Path) -> None:
    ended = report("--json")
    assert ended.code == 0, ended.talk
    assert set(texts(home / "xnat-wizard-report.zip")) == {"about.txt", "versions.json", "settings.json"}
    assert report("20200101-000000-NONE").code == 1


def test_a_journal_that_cannot_be_read_is_told_by_its_code(own_home: Path, home: Path) -> None:
    broken = own_home / "state" / "uploads" / "19990101-000000-Muster"
    broken.mkdir(parents=True)
    (broken / FILE_NAME).write_text("Annegret")
    ended = report("--all", "--output", "all.zip")
    assert ended.code == 0, ended.talk
    found = texts(home / "all.zip")
    assert json.loads(found["upload-1.json"])["finding"]["code"] == "journal.unreadable"
    check_clean(*found.values())


def test_with_a_site_the_connection_is_looked_at(practice: Practice, planted: Path, home: Path) -> None:
    ended = report("--site", practice.url, "--output", "site.zip")
    end_lingering(practice)
    assert ended.code == 0, ended.talk
    found = texts(home / "site.zip")
    checks = [json.loads(line) for line in found["check.jsonl"].splitlines()]
    assert {one["name"]: one["state"] for one in checks}["login"] == "ok"
    check_clean(*found.values())
    assert "127.0.0.1" not in found["check.jsonl"]


def test_a_secret_that_would_slip_through_stops_it(planted: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XNAT_USER", "owner")
    monkeypatch.setenv("XNAT_PASS", "prearchive")  # a password that is one of our own words
    ended = report("--json")
    assert (ended.code, [one["code"] for one in ended.objects()]) == (1, ["report.secret"])
    assert list(home.iterdir()) == []


def test_the_bundle_opens_as_a_zip_of_private_files(home: Path) -> None:
    assert report().code == 0
    with zipfile.ZipFile(io.BytesIO((home / "xnat-wizard-report.zip").read_bytes())) as archive:
        assert archive.testzip() is None
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o600}
