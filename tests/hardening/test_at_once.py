"""Two commands at once on one plan, two people on one study, a home that cannot be written, and terminals that go."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from cli import program
from support import Practice
from upload.clocks import short_sleep
from upload.runs import archived, digests, explained, run
from xnat_wizard.findings import Problem
from xnat_wizard.practice.faults import Fault, Kind
from xnat_wizard.settings import Secret
from xnat_wizard.upload import engine
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Plan, Route, UploadState
from xnat_wizard.xnat.model import Login
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]


@pytest.fixture
def env(practice: Practice) -> dict[str, str]:
    return {"XNAT_HOST": practice.url, "XNAT_USER": "owner", "XNAT_PASS": "owner"}


@pytest.fixture
def plan_file(practice: Practice, study_folder: Path, tmp_path: Path) -> Path:
    """Give the plan of the study, as a file."""
    path = tmp_path / "study.plan.json"
    words = ("--site", practice.url, "--project", "DEMO", "--to", "archive", "--output", path)
    assert program.run("plan", study_folder, *words).code == 0
    return path


def held_up(practice: Practice) -> None:
    """Let each request that sends images take its time."""
    practice.server.faults.replace([Fault(Kind.LATENCY, seconds=0.5, only="import")])


def begun(plan: Path, env: dict[str, str]) -> "subprocess.Popen[str]":
    """Begin a command that runs a plan."""
    words = [program.PROGRAM, "upload", str(plan)]
    return subprocess.Popen(words, env={**os.environ, **env}, stdout=-1, stderr=-1, text=True, start_new_session=True)


def test_two_commands_on_one_plan_do_not_disturb_each_other(
    practice: Practice, study_folder: Path, plan_file: Path, env: dict[str, str]
) -> None:
    held_up(practice)
    both = [begun(plan_file, env), begun(plan_file, env)]
    said = [one.communicate(timeout=program.PATIENCE_S)[1] for one in both]
    codes = sorted(one.returncode for one in both)
    practice.server.faults.clear()
    assert codes[0] == 0, said
    for one, words in zip(both, said, strict=True):
        assert one.returncode == 0 or "The upload is running already" in words, words
        assert "a fault in this program" not in words
    assert program.run("upload", plan_file, env=env).code == 0
    assert archived(practice) == digests(study_folder)
    labels = practice.on_loop(lambda store: [one.label for one in store.state.sessions.values()])
    assert len(labels) == len(set(labels)) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_command_that_gets_a_signal_says_what_to_do_and_the_next_goes_on(
    practice: Practice, study_folder: Path, plan_file: Path, env: dict[str, str], own_home: Path, number: signal.Signals
) -> None:
    held_up(practice)
    command = begun(plan_file, env)
    uploads = own_home / "state" / "uploads"
    program.until(lambda: any(is_sending(path) for path in uploads.glob("*/journal.sqlite")))
    command.send_signal(number)
    _, said = command.communicate(timeout=program.PATIENCE_S)
    if number is signal.SIGHUP:  # the terminal may go; the upload goes on
        assert command.returncode == 0, said
    else:
        assert "Go on with it: `xnat-wizard resume" in said
        assert command.returncode == 130
    practice.server.faults.clear()
    assert program.run("upload", plan_file, env=env).code == 0
    assert archived(practice) == digests(study_folder)


def is_sending(path: Path) -> bool:
    """Tell whether the upload of a journal has begun to send."""
    with suppress(Problem), Journal.open(path) as journal:  # it may just be made
        return journal.progress().state is UploadState.RUNNING
    return False


@pytest.mark.parametrize("home", ["a file", "a folder that is one of a file's"])
def test_a_home_that_cannot_be_written_is_told_before_anything_is_sent(
    practice: Practice, plan_file: Path, env: dict[str, str], tmp_path: Path, home: str
) -> None:
    place = tmp_path / "home"
    place.write_text("")
    place = place if home == "a file" else place / "below"
    done = program.run("upload", plan_file, env=env | {"XNAT_WIZARD_HOME": str(place)})
    assert done.code == 1
    assert "a fault in this program" not in done.talk, done.talk
    assert "do:" in done.talk
    assert practice.on_loop(lambda store: store.state.rows) == []


ROUTES = [(Route.IMPORT, Route.IMPORT), (Route.IMPORT, Route.GRADUAL), (Route.GRADUAL, Route.GRADUAL)]


@pytest.mark.parametrize("routes", ROUTES, ids="-".join)
async def test_two_people_upload_the_same_study_to_the_same_project_at_once(
    practice: Practice,
    login: Login,
    study_folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    routes: tuple[Route, Route],
) -> None:
    plan = plan_for(study_folder)
    logins = (login, Login(practice.url, "member", Secret("member")))
    with new_journal(replace(plan, route=routes[0])) as one, new_journal(replace(plan, route=routes[1])) as two:
        async with await Site.connect(logins[0]) as first, await Site.connect(logins[1]) as second:
            await asyncio.gather(engine.run(one, first, sleep=short_sleep), engine.run(two, second, sleep=short_sleep))
            for journal, site in ((one, first), (two, second)):  # who was overtaken goes on, and finds all there
                findings = [each.finding for each in journal.progress().sessions if each.finding]
                assert all(each.what and each.why and each.todo for each in findings)
                assert await run(journal, site) is UploadState.DONE, explained(journal)
                made = journal.receipt()
                assert made is not None
                assert made.verdict == "COMPLETE"
    assert archived(practice) == digests(study_folder)
