"""What is in the wheel and in the sdist: all that the program needs, and nothing else."""

import hashlib
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

from package.building import ROOT, build


def contents(wheel: Path) -> dict[str, str]:
    """Return a digest of each file; of RECORD none, since it is a list of the others."""
    with zipfile.ZipFile(wheel) as packed:
        names = [name for name in packed.namelist() if not name.endswith("RECORD")]
        return {name: hashlib.sha256(packed.read(name)).hexdigest() for name in names}


def test_the_wheel_holds_the_program_and_nothing_else(wheel: Path, source: Path) -> None:
    names = set(contents(wheel))
    roots = {name.split("/")[0] for name in names}
    (about,) = roots - {"xnat_wizard"}
    assert about.endswith(".dist-info")
    package = source / "tui" / "xnat_wizard"
    ours = {f"xnat_wizard/{path.relative_to(package)}" for path in package.rglob("*") if path.is_file()}
    assert ours <= names
    more = names - ours - {name for name in names if name.startswith(about)}
    assert {Path(name).suffix for name in more} <= {".md", ".svg"}, "only the manual comes from elsewhere"
    assert not [name for name in names if "__pycache__" in name or "golden" in name or name.endswith((".pyc", ".dcm"))]
    assert wheel.stat().st_size < 5_000_000


def test_the_wheel_holds_the_manual_the_licence_and_the_marks(wheel: Path, source: Path) -> None:
    names = set(contents(wheel))
    pages = {path.relative_to(source / "assets" / "manual") for path in (source / "assets" / "manual").rglob("*.md")}
    assert pages
    assert not [str(page) for page in pages if not [name for name in names if name.endswith(f"/{page}")]]
    assert [name for name in names if ".dist-info/licenses/" in name and name.endswith("LICENSE.txt")]
    for name in ("py.typed", "wizard/wizard.tcss", "wizard/browser.html"):
        assert f"xnat_wizard/{name}" in names


def test_the_wheel_says_what_it_needs_and_that_it_is_typed(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        (name,) = [name for name in packed.namelist() if name.endswith(".dist-info/METADATA")]
        about = message_from_bytes(packed.read(name))
        (name,) = [name for name in packed.namelist() if name.endswith("entry_points.txt")]
        assert "xnat-wizard = xnat_wizard.cli:main" in packed.read(name).decode()
    assert about["Requires-Python"] == ">=3.11"
    assert about["License-Expression"] == "MIT"
    needed = [each for each in about.get_all("Requires-Dist") or [] if "extra ==" not in each]
    assert [each for each in needed if each.startswith("textual==")]
    for heavy in ("nibabel", "dcm2niix", "bids-validator-deno", "pytest", "pex"):
        assert not [each for each in needed if each.startswith(heavy)], f"{heavy} is for an extra"


def test_the_sdist_builds_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as packed:
        packed.extractall(tmp_path, filter="data")
    (unpacked,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    for name in ("tui", "tests", "assets", ".ci", "pyproject.toml", "README.md", "Makefile"):
        assert (unpacked / name).exists(), name
    assert not [path for path in unpacked.rglob("*") if path.name in {"__pycache__", ".venv", ".git", ".demo"}]
    into = tmp_path / "again"
    into.mkdir()
    assert contents(build("wheel", unpacked, into)) == contents(wheel)


def test_the_licence_is_the_one_of_the_project(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        (name,) = [name for name in packed.namelist() if name.endswith("LICENSE.txt")]
        assert packed.read(name) == (ROOT / "assets" / "LICENSE.txt").read_bytes()
