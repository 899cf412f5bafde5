"""A program that reads: every line of `--json` is one object with a type, and stdout holds nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import NewPlan
from cli.program import Ended, call, until
from cli.test_vocabulary import LEAVES
from support import Practice
from xnat_wizard.practice.faults import parse
from xnat_wizard.upload.model import Destination

SEEN: set[str] = set()
SPEAKING = {words for words, parser in LEAVES.items() if "--json" in parser.options}


class Reader:
    """What somebody writes in an afternoon to use the program from their own."""

    def __init__(self, ended: Ended) -> None:
        self.code = ended.code
        self.objects: list[dict[str, Any]] = []
        for line in ended.data.splitlines():
            one = json.loads(line)
            assert isinstance(one, dict), line
            assert isinstance(one.get("type"), str), line
            assert one["type"].replace("_", "").isalpha(), line
            self.objects.append(one)
            if one["type"] == "finding":
                assert {"code", "severity", "what", "why", "todo", "where"} <= set(one)

    def one(self, kind: str) -> dict[str, Any]:
        """Return the last object of a type."""
        return [one for one in self.objects if one["type"] == kind][-1]


def read(words: str, *arguments: str | Path, text: str = "") -> Reader:
    """Run a command with `--json` and read what it says."""
    SEEN.add(words)
    ended = call(*words.split(), *arguments, "--json", text=text)
    reader = Reader(ended)
    assert "Traceback" not in ended.talk
    assert "program.fault" not in ended.data, ended.data
    assert reader.objects or ended.code == 0, f"{words}: {ended.talk}"
    return reader


@pytest.fixture(autouse=True)
def person(account: None, practice: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Log in by the environment, at the practice server, in an empty home."""
    monkeypatch.setenv("XNAT_HOST", practice.url)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_from_survey_to_receipt(study_folder: Path, practice: Practice, tmp_path: Path) -> None:
    assert read("survey", study_folder).one("survey")["files"] == 32
    plan = tmp_path / "made.plan.json"
    assert (
        read("plan", study_folder, "--project", "DEMO", "--to", "archive", "--output", plan).one("plan")["files"] == 32
    )
    upload = read("upload", plan)
    assert (upload.code, upload.one("upload")["state"]) == (0, "done")
    assert upload.one("receipt")["verdict"] == "COMPLETE"
    name = upload.one("started")["upload"]
    assert read("attach", name).one("upload")["files_stored"] == 32
    assert read("status").one("upload")["upload"] == name
    assert len([one for one in read("status", name).objects if one["type"] == "session"]) == 2
    assert read("verify", name).one("receipt")["verdict"] == "COMPLETE"
    assert len(read("verify", name, "--list-stored").objects) == 32
    for words in ("pause", "cancel", "resume"):
        over = read(words, name)
        assert over.code == 1
        assert over.one("finding")["code"] in {"upload.not_running", "upload.over"}
    assert read("completion", "uploads").one("upload")["upload"] == name
    assert read("report", "--dry-run").code == 0


def test_an_upload_that_is_cancelled(new_plan: NewPlan, practice: Practice) -> None:
    practice.server.faults.add(parse("latency:seconds=20,only=import"))
    name = read("upload", new_plan(), "--detach").one("started")["upload"]
    until(lambda: bool(read("status", name).one("upload")["is_running"]))
    assert read("pause", name).one("upload")["state"] in {"paused", "running"}  # a request may take its time
    cancelled = read("cancel", name, "--yes")
    assert cancelled.one("upload")["state"] == "cancelled"
    assert cancelled.one("session")["upload"] == name


def test_shards_and_their_summary(new_plan: NewPlan) -> None:
    plan = new_plan()
    assert read("upload", plan, "--shard", "1/2").code == 0
    told = read("upload", plan, "--summary")
    assert (told.code, told.one("summary")["missing"]) == (3, ["2/2"])


def test_what_is_on_the_site(new_plan: NewPlan, tmp_path: Path) -> None:
    assert read("upload", new_plan(Destination.PREARCHIVE)).code == 0
    waiting = read("prearchive list", "--project", "DEMO").objects
    labels = [one["session"] for one in waiting if "session" in one]
    assert labels, waiting
    for words in ("show", "rebuild", "delete", "archive"):
        extra = () if words == "show" else ("--dry-run",)
        assert read(f"prearchive {words}", labels[0], "--project", "DEMO", *extra).code in {0, 1}
    read("prearchive move", labels[0], "--project", "DEMO", "--to", "OTHER", "--dry-run")
    after = read("prearchive list", "--project", "DEMO").objects
    assert [one.get("uri") for one in after] == [one.get("uri") for one in waiting], "nothing was changed"
    assert read("project list").code == 0
    assert read("project show", "DEMO").code == 0
    assert read("project create", "NEW1", "--title", "New", "--dry-run").code == 0
    results = tmp_path / "results"
    results.mkdir()
    (results / "volumes.csv").write_text("a,b\n")
    there = ("--project", "DEMO", "--resource", "STATS")
    assert read("resource put", results, *there).code == 0
    assert read("resource list", *there, "--files").code == 0
    assert read("resource get", tmp_path / "back", *there).code == 0


def test_finding_out_what_is_wrong(practice: Practice) -> None:
    read("check", practice.url)
    read("troubleshoot", "--project", "DEMO", "--session", "NOBODY")


def test_sending_by_dicom_that_cannot_go(study_folder: Path) -> None:
    gone = read("send", study_folder, "--project", "DEMO", "--receiver", "127.0.0.1:9", "--no-login")
    assert (gone.code, gone.one("finding")["code"]) == (4, "cstore.unreachable")


def test_converting_and_rules(study_folder: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    made = call("convert", study_folder, "--rules-template", rules)
    assert made.code == 0, made.talk
    read("convert", study_folder, "--to", tmp_path / "nifti", "--dry-run")
    read("rules test", study_folder, "--rules", rules)


def test_logins_settings_and_help(practice: Practice) -> None:
    assert read("settings").one("settings")["path"]
    assert read("settings check").code == 0
    read("login", "--list")
    read("logout", practice.url, "--dry-run")
    read("help", "upload")


def test_what_goes_wrong_is_an_object_too(tmp_path: Path) -> None:
    for words, arguments in (
        ("upload", (tmp_path / "none.json",)),
        ("attach", ("nobody",)),
        ("status", ("nobody",)),
        ("verify", ("nobody",)),
        ("survey", (tmp_path / "nowhere",)),
    ):
        told = read(words, *arguments)
        assert told.code != 0
        assert told.one("finding")["todo"]


def test_every_command_that_speaks_was_read() -> None:
    if len(SEEN) < 5:
        pytest.skip("this test sums up those before it")
    assert set() == SPEAKING - SEEN
