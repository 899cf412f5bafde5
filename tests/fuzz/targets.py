"""What is fed with bad input, one class a reader: where its good input comes from, and what may come of bad one."""

import json
import os
import random
import sqlite3
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from fuzz import mutation, seeds
from xnat_wizard import login_sources, logins
from xnat_wizard.convert import rules
from xnat_wizard.dicom import parrec
from xnat_wizard.dicom.header import UnreadableDicom, read_header
from xnat_wizard.dicom.opened import FolderFile
from xnat_wizard.dicom.survey import survey
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.preferences import reading
from xnat_wizard.upload import label_table, plan_file, receipt
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination
from xnat_wizard.upload.plan import draft
from xnat_wizard.xnat import answers
from xnat_wizard.xnat.errors import SiteProblem


class Target(ABC):
    """A reader of files that others wrote."""

    name: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seeds = self.good()

    @abstractmethod
    def good(self) -> list[bytes]:
        """Return input that is as it should be."""

    @abstractmethod
    def feed(self, data: bytes) -> None:
        """Read it; an exception that nobody expects comes out."""

    def bad(self, rng: random.Random) -> bytes:
        """Make input that is not as it should be."""
        return mutation.turned(rng.choice(self.seeds), rng, self.seeds)

    def file(self, name: str, data: bytes) -> Path:
        """Write a file for this person only."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(data)
        return path


class JsonTarget(Target):
    """A reader of JSON: half of the time the text is turned, half of the time its values."""

    def bad(self, rng: random.Random) -> bytes:
        if rng.random() < 0.3:
            return super().bad(rng)
        made = mutation.other_values(json.loads(rng.choice(self.seeds)), rng)
        return json.dumps(made, indent=rng.choice((None, 1))).encode()


def told(finding: Finding) -> None:
    """Check that a refusal says what happened, why, and what to do, and that a terminal can show it."""
    assert finding.what, finding.code
    assert finding.why, finding.code
    assert finding.todo, finding.code
    assert all(line.isprintable() for line in finding.as_text().splitlines()), finding.code


class Header(Target):
    name = "header"

    def good(self) -> list[bytes]:
        return seeds.images()

    def feed(self, data: bytes) -> None:
        try:
            read_header(self.file("x", data))
        except UnreadableDicom as error:
            if not (error.reason and error.reason.isprintable()):
                raise


class ParRec(Target):
    name = "parrec"

    def good(self) -> list[bytes]:
        return seeds.pars()

    def feed(self, data: bytes) -> None:
        with FolderFile(str(self.file("x.PAR", data))) as file:
            try:
                par = parrec.read_open_par(file)
            except (parrec.NoPar, parrec.BrokenPar):
                return
        assert par.image_count
        assert str(par.rec_size_bytes).strip("-").isdigit()


class Folder(Target):
    """A whole folder is surveyed and planned, one image of it, one PAR and one archive being bad."""

    name = "folder"

    def good(self) -> list[bytes]:
        return [*seeds.images(), *seeds.pars(), *seeds.archives()]

    def feed(self, data: bytes) -> None:
        for name in ("study/s1/a/x.dcm", "study/s1/a/y", "study/s1/b/x.PAR"):
            self.file(name, data)
        self.file("study/s1/b/x.REC", b"1234")
        found = survey(self.folder / "study")
        for finding in found.findings:
            told(finding)
        plan = draft(found, site_url="http://x", project="P", destination=Destination.ARCHIVE)
        try:
            plan_file.save(plan, self.folder / "plan.json")
            plan_file.load(self.folder / "plan.json")
        except Problem as problem:
            raise AssertionError(f"our own plan is refused: {problem}") from None


class Archive(Target):
    name = "archive"

    def good(self) -> list[bytes]:
        return seeds.archives()

    def feed(self, data: bytes) -> None:
        try:
            found = survey(self.file("x.zip", data))
        except Problem as problem:
            told(problem.finding)
            return
        for finding in found.findings:
            told(finding)


class PlanFile(JsonTarget):
    name = "plan"

    def good(self) -> list[bytes]:
        return seeds.plans(self.folder)

    def feed(self, data: bytes) -> None:
        try:
            plan = plan_file.load(self.file("plan.json", data))
        except Problem as problem:
            told(problem.finding)
            return
        plan_file.save(plan, self.folder / "again.json")
        assert plan_file.load(self.folder / "again.json") == plan or "NaN" in str(data)
        for name in ("journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"):
            (self.folder / "upload" / name).unlink(missing_ok=True)
        with Journal.create(self.folder / "upload", plan) as journal:
            journal.plan()
            journal.progress()


class Labels(Target):
    name = "labels"

    def good(self) -> list[bytes]:
        head = "subject_folder,session_folder,patient_id,subject_label,session_label\n"
        rows = head + 's1,a,"p,1",S1,S1_MR1\ns2,,,"S""2",\n'
        return [rows.encode(), rows.replace(",", ";").encode("utf-16"), rows.replace(",", "\t").encode("cp1252")]

    def feed(self, data: bytes) -> None:
        try:
            table = label_table.read_table(self.file("labels.csv", data))
        except Problem as problem:
            told(problem.finding)
            return
        for finding in table.findings:
            told(finding)


class Settings(Target):
    name = "settings"

    def good(self) -> list[bytes]:
        return [seeds.SETTINGS, b'[keys]\n"wizard.next" = "f3"\n', b"connections = 4\n"]

    def feed(self, data: bytes) -> None:
        os.environ["XNAT_WIZARD_HOME"] = str(self.folder)
        path = reading.settings_file()
        self.file(str(path.relative_to(self.folder)), data)
        found = reading.resolve("https://xnat.example.org")
        for finding in found.findings:
            told(finding)
        for name in found.values:
            assert found.origin_words(name).isprintable()


class Rules(Target):
    name = "rules"

    def good(self) -> list[bytes]:
        return [seeds.RULES]

    def feed(self, data: bytes) -> None:
        try:
            read = rules.read(self.file("rules.toml", data))
        except Problem as problem:
            told(problem.finding)
            return
        for verdict in rules.judge(read, seeds.TRAITS):
            assert isinstance(verdict.why_not, str)


class Logins(JsonTarget):
    """Stored logins, the sites that were used, .netrc and pyxnat's file, all from the same text."""

    name = "logins"

    def good(self) -> list[bytes]:
        login = {"url": "https://x.org", "username": "u", "alias": "a", "secret": "s", "expires_s": 2e9, "ca_file": ""}
        stored = {"format": 1, "logins": [login], "sites": [{**login, "used_s": 1e9}]}
        return [
            json.dumps(one).encode()
            for one in (stored, {"server": "https://x.org", "user": "u", "password": "p", "verify": True})
        ]

    def bad(self, rng: random.Random) -> bytes:
        if rng.random() < 0.2:
            return mutation.turned(
                b'machine x.org login "u" password p\nmacdef m\nls\n\ndefault login a\n', rng, self.seeds
            )
        return super().bad(rng)

    def feed(self, data: bytes) -> None:
        os.environ["XNAT_WIZARD_HOME"] = os.environ["HOME"] = str(self.folder)
        for name in ("state/logins.json", "state/sites.json", ".netrc", ".xnat.cfg"):
            self.file(name, data)
        offers, troubles = login_sources.offers()
        for finding in troubles:
            told(finding)
        for offer in offers:
            assert login_sources.source_words(offer)
            offer.fits("https://x.org")
        for site in logins.recent_sites():
            assert isinstance(site.used_s, float | int)


class JournalFile(Target):
    """A journal that another program, a cut line or a bad disk has changed: as bytes, or value by value."""

    name = "journal"

    def good(self) -> list[bytes]:
        return seeds.journals(self.folder)

    def bad(self, rng: random.Random) -> bytes:
        if rng.random() < 0.3:
            return super().bad(rng)
        path = self.file("draft.sqlite", self.seeds[0])
        database = sqlite3.connect(path, isolation_level=None)
        tables: dict[str, list[str]] = {}
        for table, column in database.execute(
            "SELECT m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p"
        ):
            tables.setdefault(table, []).append(column)
        for _ in range(rng.choice((1, 1, 2))):
            table = rng.choice([name for name in tables if not name.startswith("sqlite")])
            column = rng.choice(tables[table])
            value = rng.choice(mutation.WRONG_VALUES)
            (old,) = database.execute(f"SELECT {column} FROM {table}").fetchone() or ("",)  # noqa: S608  a test's words
            if isinstance(old, str) and old[:2] in {'{"', "[", '["'} and rng.random() < 0.8:
                value = self.other_json(old, rng)
            elif isinstance(value, list | dict):
                value = json.dumps(value)
            elif isinstance(value, str):
                value = value.replace("\udcff", "?")
            elif isinstance(value, int) and value > 1 << 62:
                value = 1 << 62
            try:
                database.execute(f"UPDATE OR IGNORE {table} SET {column} = ?", (value,))  # noqa: S608  a test's words
            except sqlite3.Error:
                database.execute(f"DELETE FROM {table}")  # noqa: S608  a test's words
        database.close()
        return path.read_bytes()

    @staticmethod
    def other_json(text: str, rng: random.Random) -> str:
        """Return another JSON text; one that is none by now is turned."""
        try:
            return json.dumps(mutation.other_values(json.loads(text), rng))
        except (ValueError, RecursionError):
            return text[: rng.randrange(len(text))]

    def feed(self, data: bytes) -> None:
        for end in ("-wal", "-shm"):
            (self.folder / f"journal.sqlite{end}").unlink(missing_ok=True)
        path = self.file("journal.sqlite", data)
        try:
            with Journal.open(path) as journal:
                seeds.look_through(journal)
                receipt.as_text(receipt.compose_unasked(journal))
        except Problem as problem:
            told(problem.finding)


class Answers(JsonTarget):
    """Bodies of answers."""

    name = "answers"

    def good(self) -> list[bytes]:
        table = {"ResultSet": {"Result": [{"ID": "x", "label": "a", "Size": "5"}], "totalRecords": "1"}}
        item = {"items": [{"data_fields": {"ID": "x", "label": "y"}, "meta": {"xsi:type": "xnat:mrSessionData"}}]}
        return [json.dumps(one).encode() for one in (table, item)]

    def feed(self, data: bytes) -> None:
        answer = answers.Answer("GET", "/data/x", 200, data, "application/json")
        for read in (answer.rows, answer.item, answer.json):
            try:
                read()
            except SiteProblem as problem:
                told(problem.finding)
        assert all(isinstance(uri, str) for uri in answer.uris())
        assert isinstance(answer.message, str)
        assert isinstance(answer.is_login_page, bool)


TARGETS: dict[str, type[Target]] = {
    one.name: one
    for one in (Header, ParRec, Folder, Archive, PlanFile, Labels, Settings, Rules, Logins, JournalFile, Answers)
}
