"""Every broken tree of the real data, as a folder and as the archive it comes in, through the program itself."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.program import PROGRAM
from xnat_wizard.dicom.survey import survey

LONGEST_S = 30  # of a goal of 10: this machine may do other things
MOST_BYTES = 2 << 30  # of addresses, which is more than of memory
TREES = (
    "archives-inside",
    "dicomdir-and-deep-folders",
    "duplicate-instances",
    "empty-folders",
    "extra-layer-above-series",
    "extra-layer-below-series",
    "junk-files",
    "loose-files-at-top",
    "missing-and-bad-attributes",
    "odd-names",
    "parrec-pairs-broken",
    "series-layer-missing",
    "subject-folder-copied-under-another-id",
    "subject-ids-hard-for-xnat",
    "symlinks",
    "two-patients-in-one-series-folder",
    "two-series-in-one-folder",
    "unreadable-files",
    "wrong-patients-series-in-subject-folder",
)
MEASURED = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], capture_output=True)
sys.stdout.buffer.write(done.stdout + b"\\0" + done.stderr)
sys.stderr.write(f"{done.returncode} {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024}")
"""


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))


def run(*arguments: str | Path) -> tuple[int, str]:
    """Run the program with bounded memory; return its code and all that it wrote."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, PROGRAM, *map(str, arguments)],
        capture_output=True,
        timeout=LONGEST_S,
        check=True,
        preexec_fn=limited,
    )
    code, memory_mb = done.stderr.decode().split()
    assert int(memory_mb) < 500
    text = done.stdout.decode("utf-8")
    assert "Traceback" not in text
    assert all(sign.isprintable() or sign in "\n\0" for sign in text)
    return int(code), text


@pytest.mark.parametrize("name", TREES)
def test_a_broken_tree_is_surveyed_and_planned_in_words(
    malformed: Callable[[str], Path], shared_data: Path, tmp_path: Path, name: str
) -> None:
    packed = shared_data / "trees" / "malformed" / f"{name}.tar.gz"
    code, said = run("survey", "--all", malformed(name))
    assert code in {0, 1, 3}
    assert said.strip("\0\n")
    plan = tmp_path / "plan.json"
    code, said = run("plan", packed, "--site", "http://127.0.0.1:9", "--project", "P", "--output", plan, "--json")
    assert code in {0, 1, 3, 4}
    data = said.partition("\0")[0]
    assert all(json.loads(line)["type"] for line in data.splitlines())


def test_no_broken_tree_is_left_out(shared_data: Path) -> None:
    there = {path.name.removesuffix(".tar.gz") for path in (shared_data / "trees" / "malformed").glob("*.tar.gz")}
    assert there == set(TREES)


def test_every_broken_file_is_a_finding_or_an_image(shared_data: Path) -> None:
    folder = shared_data / "dicom" / "broken-or-odd"
    found = survey(folder)
    assert found.file_count == sum(path.is_file() for path in folder.rglob("*"))
    assert all(other.reason for other in found.others)
