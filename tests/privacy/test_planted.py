"""Known secrets and names are planted, everything is run, everything is searched."""

import os
import re
import sqlite3
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from terminal import Terminal

from cli.program import OnTerminal, run, until
from privacy.planting import NOWHERE, PASSWORD, PLANTED, TYPED_WRONG, Place, Seed, prepare, sow
from privacy.watching import MARK, Watch
from support import Practice
from xnat_wizard.practice.faults import parse

COPY = "\x19"  # ctrl+y

FAULT = """
import asyncio, logging, sys, threading, warnings
WORDS = "Jersey-Lily-1888 Plantagenet Oppenheimer 19310817"


def thread():
    password = WORDS
    raise RuntimeError(WORDS)


async def task():
    password = WORDS
    raise RuntimeError(WORDS)


async def run(*_, **__):
    password = WORDS
    warnings.warn("a value: " + WORDS, UserWarning)
    logging.getLogger("pydicom").warning("a value: %s", WORDS)
    logging.getLogger("pynetdicom").error("a value: %s", WORDS)
    one = threading.Thread(target=thread)
    one.start()
    one.join()
    lost = asyncio.ensure_future(task())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del lost
    import gc
    gc.collect()
    raise RuntimeError(WORDS)


async def help_(self):
    password = WORDS
    raise RuntimeError(WORDS)


if "xnat_wizard.upload.worker" in sys.orig_argv:
    import xnat_wizard.upload.engine as engine
    engine.run = run
elif "--user=planted-fault" in sys.orig_argv:
    import xnat_wizard.wizard.app as app
    app.WizardApp.action_help = help_
elif "survey" in sys.orig_argv:
    import xnat_wizard.dicom.survey as surveying
    surveying.survey = lambda *_, **__: asyncio.run(run())
"""


@dataclass
class Harvest:
    """Everything that was found, by place."""

    found: dict[Place, list[bytes]]
    issued: tuple[Seed, ...]
    programs: set[str]

    def places_of(self, seed: Seed) -> set[Place]:
        """Return where it stands, in whatever case."""
        wanted = re.compile(re.escape(seed.text.encode()), re.IGNORECASE)
        return {place for place, texts in self.found.items() if any(wanted.search(text) for text in texts)}


class Runs:
    """The programs of the test, with their words kept."""

    def __init__(self, practice: Practice, folder: Path, watch: Watch, mark: str) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self._watch = watch
        self.found: dict[Place, list[bytes]] = {place: [] for place in Place}
        self.environment = {
            MARK: mark,
            "XNAT_WIZARD_HOME": str(self.home),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "HOME": str(folder),
            "TMPDIR": str(self.temporary),
            "XNAT_HOST": practice.url,
            "no_proxy": "127.0.0.1",
            "https_proxy": "http://someone:Prox-word-77@127.0.0.1:9",
        }

    def __call__(self, *words: str | Path, codes: tuple[int, ...] = (0,), text: str = "", **more: str) -> str:
        """Run a command of the account; return its data."""
        login = {} if text else {"XNAT_USER": "owner", "XNAT_PASS": PASSWORD}
        ended = run(*words, env={**self.environment, **login, **more}, text=text)
        assert ended.code in codes, (words, ended.code, ended.talk)
        self.found[Place.STDOUT].append(os.fsencode(ended.data))
        self.found[Place.STDERR].append(os.fsencode(ended.talk))
        return ended.data

    def collect(self) -> None:
        """Read all that is on disk now."""
        for path in self.home.rglob("*"):
            if path.is_file() and "practice" not in path.parts:
                self.found[_place_of(path)] += [os.fsencode(path.name), path.read_bytes()]
                if path.suffix == ".db" or path.name.endswith(".sqlite"):
                    self.found[_place_of(path)].append(_rows(path))
        self.found[Place.TEMPORARY] += [
            part
            for path in self.temporary.rglob("*")
            for part in (os.fsencode(path.name), path.read_bytes() if path.is_file() else b"")
        ]


def _place_of(path: Path) -> Place:
    if path.suffix == ".log" or ".log." in path.name:
        return Place.LOGS
    if path.name == "logins.json":
        return Place.LOGINS
    if path.name.startswith(("receipt", "files")) and path.suffix in {".json", ".csv", ".txt", ".html"}:
        return Place.RECEIPTS
    if "journal" in path.name or path.suffix in {".db", ".sqlite"}:
        return Place.JOURNALS
    return Place.STATE


def _rows(path: Path) -> bytes:
    with sqlite3.connect(path) as database:
        return "\n".join(database.iterdump()).encode(errors="surrogateescape")


@pytest.fixture(scope="module")
def harvest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harvest]:
    """Run every command and the wizard on what is planted, with a cut, a fault and an unexpected end."""
    folder = tmp_path_factory.mktemp("planted")
    practice = Practice(folder / "practice")
    prepare(practice)
    study, mark = sow(folder), uuid.uuid4().hex
    try:
        with Watch(practice, mark) as watch:
            runs = Runs(practice, folder, watch, mark)
            _run_commands(practice, runs, study)
            _run_wizard(runs, study)
            _run_with_faults(runs, study)
            runs.collect()
        runs.found |= {place: [*runs.found[place], *texts] for place, texts in watch.seen.items()}
        stored = runs.home / "state" / "logins.json"
        kept = stored.read_text() if stored.exists() else ""
        issued = [Seed("alias", alias, _if_kept(alias in kept)) for alias in watch.tokens]
        issued += [Seed("token", secret, _if_kept(secret in kept)) for secret in watch.tokens.values()]
        issued += [Seed("session", one, NOWHERE) for one in watch.sessions]
        yield Harvest(runs.found, tuple(issued), watch.programs)
    finally:
        practice.close()


def _if_kept(is_kept: bool) -> frozenset[Place]:  # noqa: FBT001  one word
    return frozenset({Place.LOGINS}) if is_kept else NOWHERE


def _run_commands(practice: Practice, runs: Runs, study: Path) -> None:
    plan = runs.folder / "study.plan.json"
    runs("login", "--user", "owner", "--password-stdin", text=f"{TYPED_WRONG}\n", codes=(1,))
    runs("login", "--user", "owner", "--password-stdin", text=f"{PASSWORD}\n")
    typed = OnTerminal("login", "--dry-run", "--user", "owner", env={**runs.environment, "XNAT_HOST": practice.url})
    typed.until("Password of")
    typed.type(f"{PASSWORD}\r")
    assert typed.wait() == 0
    runs.found[Place.SCREEN].append(typed.seen)
    runs("login", "--list")
    runs("project", "list")
    runs("project", "show", "DEMO")
    runs("survey", study)
    runs("survey", study, "--json")
    runs("plan", study, "--project", "DEMO", "--output", plan, "--forecast")
    runs.found[Place.PLANS].append(plan.read_bytes())
    practice.server.faults.add(parse("cut-request:at=2000,only=import,times=1"))
    runs("upload", plan, "--detach")
    runs("attach", codes=(0, 3))
    runs("status")
    runs("verify", codes=(0, 3))
    runs("check", "--page", runs.folder / "page.txt", "--project", "DEMO")
    runs("prearchive", "list")
    runs("troubleshoot", study, "--project", "DEMO", "--letters", runs.folder / "letters", codes=(0, 1, 3))
    runs("resource", "put", "--project", "DEMO", "--resource", "R", study / "Zimmermann" / "parrec")
    runs("send", study, "--project", "DEMO", "--deidentify", codes=(0, 1, 3, 4))
    runs("convert", study, "--to", runs.folder / "nifti", codes=(0, 1, 3))
    for letter in [runs.folder / "page.txt", *(runs.folder / "letters").glob("*")]:
        runs.found[Place.LETTERS].append(letter.read_bytes())
    _report(runs)


def _report(runs: Runs) -> None:
    bundle = runs.folder / f"report-{uuid.uuid4().hex[:6]}.zip"
    runs("report", "--all", "--output", bundle)
    with zipfile.ZipFile(bundle) as archive:
        runs.found[Place.REPORT] += [
            part for name in archive.namelist() for part in (name.encode(), archive.read(name))
        ]


def _run_wizard(runs: Runs, study: Path) -> None:
    stored = runs.home / "state" / "logins.json"
    aside = stored.rename(stored.with_name("aside"))
    environment = {name: value for name, value in runs.environment.items() if name != "XNAT_HOST"}
    site = ("--site", runs.environment["XNAT_HOST"])
    with Terminal(*site, "--user", "owner", environment=environment) as terminal:
        terminal.wait_for("XNAT 1.9.3 answers")
        terminal.press(TYPED_WRONG, COPY, "enter")
        terminal.wait_for("refused")
        terminal.press("enter")
        terminal.rest()
        terminal.press("ctrl+u", PASSWORD, "enter")
        terminal.wait_for("What would you like to do?")
        terminal.press(COPY)
        terminal.rest()
        terminal.wait_for("copied.txt")
        terminal.press("escape")
        terminal.wait_for("Go on")
        terminal.rest(1)
        terminal.press("enter")
        terminal.wait_for("Geheimprojekt", timeout_s=30)
        terminal.press("enter")
        terminal.wait_for("[3 Folder]")
        terminal.wait_for("Choose the folder")
        terminal.rest(1)
        terminal.press("ctrl+u", str(study))
        terminal.wait_for(study.name)
        terminal.rest()
        terminal.press("enter")
        terminal.wait_for("1 subject")
        terminal.press("ctrl+q")
        terminal.rest()
        terminal.press("enter")
        terminal.rest(2)
        runs.found[Place.SCREEN].append(terminal.drawn)
    aside.rename(stored)


def _run_with_faults(runs: Runs, study: Path) -> None:
    broken = runs.folder / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(FAULT)
    plan = runs.folder / "second.plan.json"
    runs("plan", study, "--project", "DEMO", "--sessions", "{subject}_second", "--output", plan)
    name = runs("upload", plan, "--detach", PYTHONPATH=str(broken)).strip()
    log = runs.home / "state" / "uploads" / name / "worker.log"
    until(lambda: b"unexpected kind=RuntimeError" in log.read_bytes())
    assert b"sitecustomize.py" in log.read_bytes(), "it says where"
    runs("attach", name, codes=(1,))
    runs("survey", study, PYTHONPATH=str(broken), codes=(1,))
    assert any(b"fault in this program" in text for text in runs.found[Place.STDERR])
    environment = {**runs.environment, "PYTHONPATH": str(broken)}
    with Terminal("--user=planted-fault", environment=environment) as terminal:
        terminal.wait_for("Log in")
        terminal.press(PASSWORD, "f1")
        code = terminal.wait_for_end(30)
        runs.found[Place.SCREEN].append(terminal.drawn)
    assert code == 1
    assert b"fault of its own" in terminal.drawn
    _report(runs)


@pytest.mark.parametrize("seed", PLANTED, ids=lambda seed: seed.what)
def test_what_is_planted_stays_where_it_may_be(harvest: Harvest, seed: Seed) -> None:
    assert harvest.places_of(seed) - seed.may_be_in == set()


def test_what_the_site_hands_out_is_in_the_file_of_logins_at_most(harvest: Harvest) -> None:
    assert {seed.what for seed in harvest.issued} == {"alias", "token", "session"}
    astray = {(seed.what, place) for seed in harvest.issued for place in harvest.places_of(seed) - seed.may_be_in}
    assert astray == set()
    assert any(harvest.places_of(seed) == {Place.LOGINS} for seed in harvest.issued if seed.what == "token")


def test_the_search_would_find_something(harvest: Harvest) -> None:
    assert "xnat_wizard.upload.worker" in harvest.programs
    empty = {place for place, texts in harvest.found.items() if not any(texts)}
    assert empty <= {Place.TEMPORARY, Place.STATE}
    for what, place in (
        ("folder name", Place.JOURNALS),
        ("file name", Place.RECEIPTS),
        ("folder name", Place.STDOUT),
        ("project's title", Place.SCREEN),
    ):
        (seed,) = [one for one in PLANTED if one.what == what]
        assert place in harvest.places_of(seed), (what, place)
