"""What the practice server does not do: each answers 501 with a sentence, none pretends."""

import pytest

from practice.calling import Caller

IMPORT = "/data/services/import"
SESSION = "/data/projects/DEMO/subjects/S1/experiments/E1"

ABSENT = [
    # whole families
    ("GET", "/xapi/nothing/of/the/kind", {}),
    ("GET", "/data/nothing/of/the/kind", {}),
    ("GET", "/app/template/Page.vm", {}),
    ("POST", "/data/search", {}),
    ("GET", "/xapi/dicom/1", {}),
    ("GET", "/xapi/processors/site/enabled/summary", {}),
    ("GET", "/data/services/audit/xnat:mrSessionData/E1", {}),
    ("GET", "/data/user/owner", {}),
    # import
    *((("POST", IMPORT, {"import-handler": name})) for name in ("XAR", "inbox", "automation")),
    *(
        ("POST", IMPORT, {"import-handler": "DICOM-zip", name: "x"})
        for name in ("Direct-Archive-Overwrite", "Anon-Script", "Transfer-Syntax-UID", "Sender-ID", "Sender-AE-Title")
    ),
    ("POST", IMPORT, {"import-handler": "SI", "prearc-importer": "ECAT"}),
    # archive
    ("POST", "/data/services/archive", {"src": "/prearchive/projects/DEMO/1/2", "dest": "/archive/projects/DEMO"}),
    ("PUT", SESSION, {"xsiType": "xnat:qcManualAssessorData"}),
    # lists
    ("GET", "/data/projects", {"users": "true"}),
    ("GET", "/data/projects", {"permissions": "activate"}),
]


@pytest.mark.parametrize(("method", "path", "params"), ABSENT, ids=str)
def test_what_is_absent_says_so(as_admin: Caller, method: str, path: str, params: dict[str, str]) -> None:
    headers = {"Content-Type": "application/zip"} if path == IMPORT else {}
    answer = as_admin.call(method, path, params, body=b"PK" if path == IMPORT else None, headers=headers)
    assert answer.status == 501
    assert "The practice server " in answer.text
