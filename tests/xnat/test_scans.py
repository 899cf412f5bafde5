"""Scans that are made or described without DICOM: what they say already stays."""

import pytest

from support import Practice
from xnat_wizard.practice.store import Store
from xnat_wizard.xnat.errors import Refused
from xnat_wizard.xnat.model import Session
from xnat_wizard.xnat.resources import Address
from xnat_wizard.xnat.scans import ScanDraft
from xnat_wizard.xnat.site import Site


@pytest.fixture
async def session(owner: Site) -> Session:
    return await owner.ensure_session("DEMO", "S5", "S5_MR1", "xnat:mrSessionData")


def said_of(practice: Practice, scan_id: str) -> dict[str, str]:
    """Return what the archive says of a scan."""

    def look(store: Store) -> dict[str, str]:
        (found,) = store.state.sessions.values()
        return {"xsiType": found.scans[scan_id].xsi_type, **found.scans[scan_id].fields}

    return {name: text for name, text in practice.on_loop(look).items() if text}


async def test_a_scan_is_made_once_and_says_what_it_is(practice: Practice, owner: Site, session: Session) -> None:
    draft = ScanDraft("7-PAR2", type="T2*\tSENSE", series_description="Ä & ü" * 100, note="raw")
    assert await owner.describe_scan(session.id, draft) is True
    assert await owner.describe_scan(session.id, draft) is False
    told = said_of(practice, "7-PAR2")
    assert (told["xsiType"], told["type"], told["note"]) == ("xnat:mrScanData", "T2* SENSE", "raw")
    assert len(told["series_description"]) <= 255


async def test_only_what_is_missing_is_added(practice: Practice, owner: Site, session: Session) -> None:
    await owner.describe_scan(session.id, ScanDraft("4", "xnat:ctScanData", type="by hand"))
    assert not await owner.describe_scan(session.id, ScanDraft("4", type="T1", series_description="t1", note="seen"))
    assert said_of(practice, "4") == {
        "xsiType": "xnat:ctScanData",
        "type": "by hand",
        "series_description": "t1",
        "note": "seen",
    }


async def test_a_note_follows_one_of_ours_once_and_no_other(practice: Practice, owner: Site, session: Session) -> None:
    ours = "PAR/REC V4, not DICOM"
    await owner.describe_scan(session.id, ScanDraft("4", note=ours))
    for _ in range(2):
        await owner.describe_scan(session.id, ScanDraft("4", note="gap", own_note=ours))
        assert said_of(practice, "4")["note"] == f"{ours}. gap"
    await owner.describe_scan(session.id, ScanDraft("5", note="by hand"))
    await owner.describe_scan(session.id, ScanDraft("5", note="gap", own_note=ours))
    assert said_of(practice, "5")["note"] == "by hand"


async def test_no_scan_is_made_in_a_session_that_is_not_there(owner: Site) -> None:
    with pytest.raises(Refused) as refused:
        await owner.describe_scan("XNAT_E99999", ScanDraft("4"))
    assert refused.value.status == 404


async def test_a_scan_of_a_session_of_two_modalities_has_a_type_that_xnat_knows(
    practice: Practice, owner: Site
) -> None:
    await owner.resources.create(Address("DEMO", "S6", "S6_PETMR1", "3"), "xnat:petmrSessionData")
    assert said_of(practice, "3")["xsiType"] == "xnat:mrScanData"
