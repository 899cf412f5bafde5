"""The real curl works with the practice server: the way of the wiki's shell scripts."""

import json
import shutil
import subprocess
from collections.abc import Callable
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from practice.images import instance, series, zipped
from support import Practice

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")

Curl = Callable[..., str]


@pytest.fixture
def curl(practice: Practice, tmp_path: Path) -> Curl:
    """Give a function that runs curl with a cookie jar and returns what it prints; it fails on an error status."""
    jar = tmp_path / "jar"

    def run(path: str, *options: str, user: str = "owner:owner", status: int = 200) -> str:
        command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--cookie", str(jar), "--cookie-jar", str(jar)]
        command += ["--user", user] if user else []
        command += ["--write-out", "\n%{http_code}", *options, practice.url + path]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        body, _, code = done.stdout.rpartition("\n")
        assert int(code) == status, done.stdout
        return body

    return run


def rows(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["ResultSet"]["Result"]
    return found


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Give a zip of three images."""
    path = tmp_path / "study.zip"
    path.write_bytes(zipped(series(3)))
    return path


def test_login_gives_a_session_that_a_cookie_keeps(curl: Curl) -> None:
    session = curl("/data/JSESSION")
    assert len(session) == 32
    assert curl("/data/auth", user="") == "User 'owner' is logged in"
    assert curl("/data/JSESSION", "-X", "DELETE", user="") == ""
    curl("/data/auth", user="", status=401)


def test_form_login(curl: Curl) -> None:
    form = ["-d", "username=owner", "-d", "password=owner"]
    assert len(curl("/data/services/auth", "-X", "PUT", *form, user="")) == 32
    assert curl("/xapi/users/username", user="") == "owner"
    curl("/data/services/auth", "-d", "username=owner", "-d", "password=wrong", user="", status=401)


def test_projects_are_listed_and_created(curl: Curl) -> None:
    assert [row["ID"] for row in rows(curl("/data/projects?format=json"))] == ["DEMO"]
    curl("/data/projects/NEW?name=New%20one&secondary_ID=New", "-X", "PUT")
    assert "NEW" in curl("/data/projects?format=csv")
    assert curl("/REST/projects/NEW/accessibility")
    curl("/data/projects/NONE?format=json", status=404)


def test_a_zip_is_imported_built_and_archived(curl: Curl, study: Path) -> None:
    query = "import-handler=DICOM-zip&PROJECT_ID=DEMO&SUBJECT_ID=S1&EXPT_LABEL=E1&rename=true"
    kind = ["-H", "Content-Type: application/zip"]
    uri = curl(f"/data/services/import?{query}", *kind, "--data-binary", f"@{study}").strip()
    assert uri.startswith("/data/prearchive/projects/DEMO/")
    curl(f"{uri}?action=build", "-X", "POST")
    assert rows(curl(f"{uri}?format=json"))[0]["status"] == "READY"
    assert [row["ID"] for row in rows(curl(f"{uri}/scans?format=json"))] == ["1"]
    assert "/data/archive/projects/DEMO" in curl("/data/services/archive", "-d", f"src={uri}")
    assert [row["label"] for row in rows(curl("/data/projects/DEMO/experiments?format=json"))] == ["E1"]


def test_a_form_goes_straight_into_the_archive(curl: Curl, study: Path) -> None:
    form = ["-F", "import-handler=DICOM-zip", "-F", "dest=/archive/projects/DEMO/subjects/S1/experiments/E1"]
    uri = curl("/data/services/import", *form, "-F", f"image_archive=@{study}").strip()
    assert uri == "/data/archive/projects/DEMO/subjects/S1/experiments/E1"


def test_a_zip_from_a_pipe_has_no_length(curl: Curl, study: Path) -> None:
    query = "import-handler=DICOM-zip&PROJECT_ID=DEMO&SUBJECT_ID=S1&EXPT_LABEL=E1"
    options = [
        "-X",
        "POST",
        "-H",
        "Content-Type: application/zip",
        "-H",
        "Transfer-Encoding: chunked",
        "-T",
        str(study),
    ]
    assert curl(f"/data/services/import?{query}", *options).strip().endswith("/E1")


def test_one_object_a_call(curl: Curl, tmp_path: Path) -> None:
    (tmp_path / "one.dcm").write_bytes(instance())
    query = "import-handler=gradual-DICOM&PROJECT_ID=DEMO&SUBJECT_ID=S1&EXPT_LABEL=E1&rename=true&inbody=true"
    body = ["-H", "Content-Type: application/dicom", "--data-binary", f"@{tmp_path / 'one.dcm'}"]
    uri = curl(f"/data/services/import?{query}", *body).strip()
    assert curl(uri, "-X", "DELETE") == ""


def test_a_large_body_waits_for_the_servers_word(curl: Curl, tmp_path: Path) -> None:
    """Over a megabyte, curl sends `Expect: 100-continue` and asks before it sends."""
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(range(256)) * 8192)
    path = "/data/projects/DEMO/resources/RAW/files/large.bin"
    curl(f"{path}?inbody=true", "-X", "PUT", "-H", "Expect: 100-continue", "--data-binary", f"@{large}")
    curl(path, "-o", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == large.read_bytes()
    (row,) = rows(curl("/data/projects/DEMO/resources/RAW/files?format=json"))
    assert row["digest"] == md5(large.read_bytes()).hexdigest()  # noqa: S324  XNAT's own digest


def test_files_go_up_and_come_back_as_a_zip(curl: Curl, tmp_path: Path) -> None:
    import zipfile

    (tmp_path / "a b.txt").write_text("text")
    curl("/data/projects/DEMO/subjects/S1/experiments/E1?xsiType=xnat:mrSessionData", "-X", "PUT", status=201)
    place = "/data/projects/DEMO/subjects/S1/experiments/E1/resources/NOTES/files"
    curl(f"{place}/a%20b.txt", "-X", "PUT", "-F", f"file=@{tmp_path / 'a b.txt'}")
    curl(f"{place}?format=zip", "-o", str(tmp_path / "all.zip"))
    with zipfile.ZipFile(tmp_path / "all.zip") as packed:
        assert [packed.read(name) for name in packed.namelist()] == [b"text"]


def test_following_a_redirect_ends_on_the_login_page(curl: Curl) -> None:
    """What a script with -L and a browser's name gets that is not logged in (wire contract 0.5)."""
    page = curl("/data/projects", "-L", "-A", "Mozilla/5.0", user="")
    assert "<!-- BEGIN xnat-templates/screens/Login.vm -->" in page
