"""The rules of the house that no linter knows."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from slow import SLOW

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "tui" / "xnat_wizard"
MODULES = sorted(PACKAGE.rglob("*.py"))


def imported_by(statement: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter holds after the statement."""
    code = f"{statement}\nimport sys\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_command_line_imports_nothing_heavy() -> None:
    heavy = {"textual", "rich", "pydicom", "pyxnat", "aiohttp", "numpy", "PIL", "asyncio", "sqlite3", "ssl"}
    assert imported_by("import xnat_wizard.cli") & heavy == set()


@pytest.mark.parametrize("room", ["upload.engine", "xnat.site", "dicom.survey", "practice.server"])
def test_the_core_works_without_a_screen(room: str) -> None:
    assert imported_by(f"import xnat_wizard.{room}") & {"textual", "rich"} == set()


def test_the_source_root_is_no_package() -> None:
    done = subprocess.run([sys.executable, "-c", "import tui.xnat_wizard"], capture_output=True, cwd="/", check=False)
    assert done.returncode != 0


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_is_one_room(module: Path) -> None:
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_literal_is_one_cell_a_character(module: Path) -> None:
    from rich.cells import cell_len

    tree = ast.parse(module.read_text(encoding="utf-8"))
    literals = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    wide = [text for text in literals if text.isprintable() and cell_len(text) != len(text)]
    assert wide == []


def test_the_top_level_is_what_was_agreed() -> None:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    top = {line.split("/")[0] for line in done.stdout.splitlines()}
    agreed = {"tui", "tests", "assets", "pyproject.toml", "README.md", "Makefile"}
    assert {name for name in top if not name.startswith(".")} == agreed


def test_nothing_tells_where_it_was_made() -> None:
    told = [path for path in MODULES if str(ROOT) in path.read_text(encoding="utf-8")]
    assert told == []


@pytest.mark.parametrize("test", SLOW)
def test_what_is_called_slow_is_there(test: str) -> None:
    file, _, function = test.partition("::")
    if test.endswith("/"):
        assert list((ROOT / test).glob("test_*.py"))
        return
    assert f"def {function}" in (ROOT / file).read_text(encoding="utf-8")
