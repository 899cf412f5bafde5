"""The real pyxnat, unmodified, works with the practice server.

pyxnat 1.6.4 imports nibabel without declaring it, by way of its derivatives, which are left out here.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support import Practice


@pytest.fixture
def site(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Log in as the owner of DEMO."""
    interfaces = pytest.importorskip("pyxnat.core.interfaces")
    nothing = ModuleType("no_derivatives")
    nothing.__path__ = []
    monkeypatch.setattr(interfaces, "derivatives", nothing)
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    made = interfaces.Interface(server=practice.url, user="owner", password="owner")
    yield made
    made.disconnect()


def packed(folder: Path) -> Path:
    path = folder / "scan.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one.par", b"# a header")
        archive.writestr("deep/one.rec", b"rec" * 1000)
    return path


def test_projects_are_listed_and_created(site: Any) -> None:
    assert site.select.projects().get() == ["DEMO"]
    project = site.select.project("PYX")
    assert not project.exists()
    project.create()
    assert project.exists()
    assert sorted(site.select.projects().get()) == ["DEMO", "PYX"]
    assert project.prearchive_code() in range(6)
    assert "owner" in project.owners()


def test_a_zip_is_put_into_a_session_resource_and_a_file_got_back(site: Any, tmp_path: Path) -> None:
    session = site.select.project("DEMO").subject("S01").experiment("S01_MR1")
    session.create(experiments="xnat:mrSessionData")
    assert (session.exists(), session.label(), session.datatype()) == (True, "S01_MR1", "xnat:mrSessionData")
    resource = session.resource("PARREC")
    resource.put_zip(str(packed(tmp_path)), extract=True)
    assert sorted(file.size() for file in resource.files()) == ["10", "3000"]
    resource.file("deep/one.rec").get(str(tmp_path / "got"))
    assert (tmp_path / "got").read_bytes() == b"rec" * 1000
    target = tmp_path / "all"
    target.mkdir()
    assert len(resource.get(str(target), extract=True)) == 2


def test_a_single_file_with_a_blank_in_its_name_goes_and_comes(site: Any, tmp_path: Path) -> None:
    source = packed(tmp_path)
    file = site.select.project("DEMO").subject("S01").experiment("E").scan("1").resource("NII").file("a b.zip")
    file.insert(str(source), experiments="xnat:mrSessionData", scans="xnat:mrScanData")
    assert file.exists()
    assert file.attributes()["Size"] == str(source.stat().st_size)
    file.delete()
    assert not file.exists()


def test_attributes_are_set_and_read(site: Any) -> None:
    session = site.select.project("DEMO").subject("S01").experiment("E1")
    session.create()
    session.attrs.set("xnat:mrSessionData/note", "hello there")
    assert session.attrs.get("xnat:mrSessionData/note") == "hello there"
    session.delete()
    assert not session.exists()


def test_the_version_is_told(site: Any) -> None:
    assert site.version()["version"].startswith("1.")
