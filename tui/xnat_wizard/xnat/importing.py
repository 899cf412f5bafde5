"""Sending images: one archive of DICOM files a request, or one bare object (wire contract 5)."""

from collections.abc import AsyncIterable, Mapping

from xnat_wizard.xnat.errors import Refused
from xnat_wizard.xnat.http import WORK_S, Http, Upload
from xnat_wizard.xnat.model import ImportAnswer

IMPORT = "/data/services/import"


async def import_zip(
    http: Http,
    project: str,
    subject: str,
    session: str,
    body: AsyncIterable[bytes],
    size_bytes: int,
    *,
    query: Mapping[str, str] | None = None,
) -> ImportAnswer:
    """Send one zip of DICOM files into the prearchive; it is stored, not built, when this returns.

    The names that XNAT gives do not depend on ours, and the row waits for a build or commit (5.5, 6.8). An empty
    answer means that every object was rejected. An iterator as body cannot be sent again after a lost login.

    Raises:
        SiteProblem: of the kind that fits; what was stored before stays stored.
    """
    parameters = {
        "import-handler": "DICOM-zip",
        **_labels(project, subject, session),
        "Ignore-Unparsable": "false",
        **(query or {}),
    }
    return await _send(http, parameters, Upload(body, size_bytes, "application/zip"))


async def import_object(
    http: Http, project: str, subject: str, session: str, body: AsyncIterable[bytes], size_bytes: int
) -> ImportAnswer:
    """Send one DICOM object bare, for servers and proxies that refuse zips; else as `import_zip`.

    Without server-made names two objects of one scan that travel at once would collide (trap 23 of 10.3). This handler
    knows the upper-case names of the labels only (5.5).

    Raises:
        SiteProblem: of the kind that fits.
    """
    parameters = {"import-handler": "gradual-DICOM", "inbody": "true", **_labels(project, subject, session)}
    return await _send(http, parameters, Upload(body, size_bytes, "application/dicom"))


def _labels(project: str, subject: str, session: str) -> dict[str, str]:
    return {
        "PROJECT_ID": project,
        "SUBJECT_ID": subject,
        "EXPT_LABEL": session,
        "rename": "true",
        "prevent_auto_commit": "true",
        "SOURCE": "uploader",
    }


async def _send(http: Http, parameters: Mapping[str, str], upload: Upload) -> ImportAnswer:
    answer = await http.call("POST", IMPORT, parameters, upload=upload, headers={"Accept": "*/*"}, answer_s=WORK_S)
    uris = answer.uris()
    if answer.text and not uris:
        raise Refused(answer.unclear("a list of URIs"), status=answer.status)
    return ImportAnswer(uris)
