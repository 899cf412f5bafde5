"""What comes by DICOM: the receiver's answers, where images go, and how receivers are defined."""

import io
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import UID, JPEGLosslessSV1

from practice.arriving import rows_of
from practice.calling import Caller
from practice.images import instance, series
from practice.sending import RECEIVERS, as_dataset, association, define, made, port_of, rejection, rows, send
from support import Practice
from xnat_wizard.practice.server import PracticeServer

COMMENT = "Project:DEMO Subject:S01 Session:S01_MR1"


def stored(practice: Practice) -> list[Path]:
    return sorted((practice.folder / "prearchive").rglob("*.dcm"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# -- images ------------------------------------------------------------------------------------------


def test_an_echo_is_answered(practice: Practice) -> None:
    with association(port_of(practice)) as link:
        assert link.send_c_echo().Status == 0x0000


def test_an_image_goes_where_its_comment_says_and_is_kept_as_it_came(practice: Practice, as_owner: Caller) -> None:
    sent = as_dataset(instance(PatientComments=COMMENT))
    with association(port_of(practice), sent, calling="SCANNER") as link:
        assert link.send_c_store(sent).Status == 0x0000
    (row,) = rows_of(as_owner)
    assert (row["project"], row["subject"], row["name"], row["status"]) == ("DEMO", "S01", "S01_MR1", "RECEIVING")
    (file,) = stored(practice)
    assert file.name.startswith("1.2.1-1-1-")
    got = pydicom.dcmread(file)
    assert got == sent
    assert got.file_meta.SourceApplicationEntityTitle == "SCANNER"
    assert rows(practice)[0].uploader == "admin"


@pytest.mark.parametrize("element", ["StudyDescription", "AccessionNumber"])
def test_an_image_goes_to_the_project_that_an_element_names(practice: Practice, as_owner: Caller, element: str) -> None:
    assert send(port_of(practice), instance(**{element: "DEMO"})) == [0]  # type: ignore[arg-type]  # any element
    (row,) = rows_of(as_owner)
    assert (row["subject"], row["name"]) == ("Subject_One", "S_1")


def test_what_names_no_project_is_unassigned_and_hidden_from_most(
    practice: Practice, as_admin: Caller, as_owner: Caller
) -> None:
    assert send(port_of(practice), instance(PatientComments="Project:demo", StudyDescription="none")) == [0]
    assert [row["project"] for row in rows_of(as_admin, "Unassigned")] == ["Unassigned"]
    assert as_owner.get("/data/prearchive/projects/Unassigned", format="json").status == 403
    assert as_owner.get("/data/prearchive", format="json").rows == []


def test_the_images_of_a_study_meet_and_are_built_like_an_import(practice: Practice, as_owner: Caller) -> None:
    files = list(series(4, StudyDescription="DEMO").values())
    port = port_of(practice)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda file: send(port, file), files)) == [[0]] * 4
    (row,) = rows_of(as_owner)
    assert as_owner.call("POST", f"/data{row['url']}", {"action": "build"}).status == 200
    scans = as_owner.get(f"/data{row['url']}/scans", format="json").rows
    assert [scan["ID"] for scan in scans] == ["1"]
    assert len(stored(practice)) == 4


def test_compressed_images_and_private_classes_are_taken(practice: Practice) -> None:
    compressed, private = as_dataset(instance(PatientComments=COMMENT)), instance(SOPClassUID="1.3.46.670589.5.0.7")
    compressed.PixelData = encapsulate([b"\xff\xd8\xff\xd9"])
    compressed["PixelData"].is_undefined_length = True
    compressed.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    unknown = as_dataset(instance(number=2, SOPClassUID="1.2.276.0.99.1"))
    with association(port_of(practice), compressed, as_dataset(private), unknown) as link:
        assert [link.send_c_store(one).Status for one in (compressed, as_dataset(private), unknown)] == [0, 0, 0]
    syntaxes = {pydicom.dcmread(file).file_meta.TransferSyntaxUID for file in stored(practice)}
    assert UID(JPEGLosslessSV1) in syntaxes
    assert len(stored(practice)) == 3


def test_other_services_are_not_offered(practice: Practice) -> None:
    find = as_dataset(instance())
    find.SOPClassUID = UID("1.2.840.10008.5.1.4.1.2.2.1")
    with association(port_of(practice), find) as link:
        assert [context.abstract_syntax for context in link.rejected_contexts] == [find.SOPClassUID]


def test_what_a_filter_or_a_script_drops_is_a_success(practice: Practice, as_admin: Caller) -> None:
    settings = {"sitewideSeriesImportFilter": "^series 1", "enableSitewideSeriesImportFilter": True}
    assert as_admin.call("POST", "/xapi/siteConfig", data=settings).status == 200
    assert send(port_of(practice), instance(StudyDescription="DEMO")) == [0]
    settings = {"enableSitewideSeriesImportFilter": False, "enableSitewideAnonymizationScript": True}
    script = 'version "6.1"\n(0008,0060) = "MR" ? reject'
    assert (
        as_admin.call("POST", "/xapi/siteConfig", data={**settings, "sitewideAnonymizationScript": script}).status
        == 200
    )
    assert send(port_of(practice), instance(StudyDescription="DEMO")) == [0]
    assert rows(practice) == []
    assert stored(practice) == []


def test_a_receiver_may_keep_the_script_away(practice: Practice, as_admin: Caller) -> None:
    practice.anonymize()
    made(as_admin, aeTitle="RAW", port=port_of(practice), anonymizationEnabled=False)
    assert send(port_of(practice), instance("1", StudyDescription="DEMO")) == [0]
    assert send(port_of(practice), instance("2", StudyDescription="DEMO"), called="RAW") == [0]
    assert {(row.tag, row.prevent_anon) for row in rows(practice)} == {("1.2.1", False), ("1.2.2", True)}
    names = {str(pydicom.dcmread(file).PatientID) for file in stored(practice)}
    assert names == {"S_1", "S.1"}


def test_what_is_no_object_is_not_understood(practice: Practice) -> None:
    bad = as_dataset(instance())
    with association(port_of(practice), bad) as link:
        from pynetdicom.dimse_primitives import C_STORE

        request = C_STORE()
        request.MessageID = 1
        request.AffectedSOPClassUID = bad.SOPClassUID
        request.AffectedSOPInstanceUID = bad.SOPInstanceUID
        request.Priority = 0
        request.DataSet = io.BytesIO(b"this is no data set at all")
        context = next(one for one in link.accepted_contexts if one.abstract_syntax == bad.SOPClassUID)
        assert context.context_id
        link._reactor_checkpoint.clear()
        link.dimse.send_msg(request, context.context_id)
        _, answer = link.dimse.get_msg(block=True)
        link._reactor_checkpoint.set()
    assert isinstance(answer, C_STORE)
    assert answer.Status == 0xC000
    assert rows(practice) == []


def test_a_receiver_may_send_straight_into_the_archive(practice: Practice, as_admin: Caller, as_owner: Caller) -> None:
    made(as_admin, aeTitle="DIRECT", port=port_of(practice), directArchive=True)
    assert send(port_of(practice), *series(2, PatientComments=COMMENT).values(), called="DIRECT") == [0, 0]
    assert rows(practice) == []
    path = "/xapi/direct-archive/DEMO/1.2.1/S01_MR1"
    assert as_owner.get(path).json()["status"] == "RECEIVING"
    assert as_owner.call("POST", path).status == 200
    until = time.monotonic() + 10
    while not as_owner.get("/data/projects/DEMO/experiments", format="json").rows and time.monotonic() < until:
        pass
    session = "/data/projects/DEMO/subjects/S01/experiments/S01_MR1"
    assert len(as_owner.get(f"{session}/scans/1/resources/DICOM/files", format="json").rows) == 2


def test_the_servers_own_trouble_has_a_status_of_its_own(practice: Practice) -> None:
    practice.on_loop(lambda store: store.state.preferences.update(receivedFileUser="nobody"))
    assert send(port_of(practice), instance(StudyDescription="DEMO")) == [0xA700]
    assert stored(practice) == []


# -- ports -------------------------------------------------------------------------------------------


def test_ports_open_and_close_with_their_receivers(practice: Practice, as_admin: Caller) -> None:
    port, moved = free_port(), free_port()
    path = f"{RECEIVERS}/{made(as_admin, aeTitle='OTHER', port=port)}"
    assert send(port, instance(StudyDescription="DEMO"), called="OTHER") == [0]
    assert rejection(port, called="XNAT") == 7
    assert as_admin.call("PUT", path, data={"port": moved}).status == 200
    assert (listens(port), listens(moved)) == (False, True)
    as_admin.put(f"{path}/enabled/false")
    assert not listens(moved)
    as_admin.put(f"{path}/enabled/true")
    assert listens(moved)
    as_admin.delete(path)
    assert not listens(moved)
    assert listens(port_of(practice))


def test_receivers_are_stopped_and_started_together(practice: Practice, as_admin: Caller) -> None:
    port = port_of(practice)
    assert as_admin.put(f"{RECEIVERS}/stop").json() == [{"left": "XNAT", "middle": port, "right": False}]
    assert not listens(port)
    assert practice.server.dicom_url == ""
    assert as_admin.put(f"{RECEIVERS}/start").json() == [{"left": "XNAT", "middle": port, "right": True}]
    assert listens(port)


def test_the_sites_switch_closes_all_ports(practice: Practice, as_admin: Caller, as_member: Caller) -> None:
    port = port_of(practice)
    assert as_admin.call("POST", "/xapi/siteConfig", data={"enableDicomReceiver": False}).status == 200
    assert not listens(port)
    assert as_admin.put(f"{RECEIVERS}/start").json() == []
    assert made(as_admin, aeTitle="LATER", port=port) == 2
    assert not listens(port)
    assert as_admin.call("POST", "/xapi/siteConfig", data={"enableDicomReceiver": True}).status == 200
    assert rejection(port, called="LATER") == 0
    assert as_member.put(f"{RECEIVERS}/stop").status == 403


def test_a_port_that_is_taken_is_an_error_and_the_receiver_is_kept(practice: Practice, as_admin: Caller) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        answer = define(as_admin, aeTitle="NEW", port=taken.getsockname()[1])
    assert answer.status == 500
    assert "does not listen" in answer.text
    assert len(as_admin.get(RECEIVERS).json()) == 2


def test_stopping_frees_ports_and_leaves_no_thread(practice: Practice) -> None:
    port = port_of(practice)
    idle = socket.create_connection(("127.0.0.1", port))
    with association(port) as link:
        assert link.is_established
        practice.stop()
        assert not [thread.name for thread in threading.enumerate() if "AcceptorThread" in thread.name]
        link.join(5)
        assert link.is_aborted
    idle.close()
    assert not listens(port)
    practice.start()
    assert port_of(practice) == port
    assert rejection(port) == 0


async def test_a_port_given_at_the_start_is_used_or_refused(tmp_path: Path) -> None:
    port = free_port()
    first = PracticeServer(tmp_path / "first", scp_port=port)
    await first.start()
    assert first.dicom_url == f"dicom://XNAT@127.0.0.1:{port}"
    second = PracticeServer(tmp_path / "second", scp_port=port)
    with pytest.raises(OSError, match="in use"):
        await second.start()
    await first.stop()
    assert not listens(second.port)


def test_the_command_tells_where_it_receives(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "xnat_wizard", "practice", "--folder", os.fspath(tmp_path), "--until-stdin-ends"]
    port = free_port()
    with subprocess.Popen(
        [*command, "--scp-port", str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin
        assert server.stdout
        assert server.stderr
        assert server.stdout.readline().startswith("http://127.0.0.1:")
        assert server.stdout.readline() == f"dicom://XNAT@127.0.0.1:{port}\n"
        assert send(port, instance()) == [0]
        server.stdin.close()
        assert f"DICOM receiver: dicom://XNAT@127.0.0.1:{port}" in server.stderr.read()
        assert server.wait(20) == 0


# -- real senders ------------------------------------------------------------------------------------


@pytest.fixture
def dcmtk() -> Callable[..., str]:
    """Give a function that runs one of DCMTK's programs."""

    def run(program: str, *arguments: str) -> str:
        if not shutil.which(program):
            pytest.skip(f"DCMTK: {program} is not installed")
        nodelay = {**os.environ, "TCP_NODELAY": "1"}
        done = subprocess.run([program, "-v", *arguments], capture_output=True, text=True, env=nodelay, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    return run


def test_dcmtk_echoscu(practice: Practice, dcmtk: Callable[..., str]) -> None:
    assert "Success" in dcmtk("echoscu", "-aec", "XNAT", "127.0.0.1", str(port_of(practice)))


@pytest.mark.parametrize("program", ["storescu", "dcmsend"])
def test_dcmtk_sends_a_study(practice: Practice, study_folder: Path, dcmtk: Callable[..., str], program: str) -> None:
    sent = [path for path in study_folder.rglob("*") if path.is_file() and pydicom.misc.is_dicom(path)]
    dcmtk(program, "-aec", "XNAT", "+sd", "+r", "127.0.0.1", str(port_of(practice)), os.fspath(study_folder))
    uids = {pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in sent}
    assert {pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in stored(practice)} == uids
