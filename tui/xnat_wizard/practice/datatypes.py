"""Which data type a session or a scan gets, and which objects are primary images.

Sources: the wire contract 4.3; missing-data 1.2 item B3.
"""

from collections.abc import Iterable

_SESSIONS = {
    "MR": "mr", "PT": "pet", "CT": "ct", "CR": "cr", "DX": "dx", "MG": "mg", "US": "us", "NM": "nm", "XA": "xa",
    "RF": "rf", "OP": "op", "ES": "es", "EPS": "eps", "ECG": "ecg", "HD": "hd", "IO": "io", "DX3D": "dx3DCraniofacial",
    "GM": "gm", "GMV": "gmv", "SM": "sm", "XC": "xc", "XCV": "xcv", "ESV": "esv", "MEG": "meg", "EEG": "eeg",
    "OPT": "opt",
    "RTIMAGE": "rt", "RTDOSE": "rt", "RTPLAN": "rt", "RTSTRUCT": "rt", "RTRECORD": "rt", "SR": "sr",
}  # fmt: skip
_SCANS = {
    **{modality: name for modality, name in _SESSIONS.items() if name != "rt"},
    "RTIMAGE": "rtImage",
    "SEG": "seg",
}

# The modality that names the session is the first of these that was found.
_RANK = ("PT", "MR", "CT", "XA", "RF", "MG", "DX", "CR", "NM", "US", "ES", "OP", "SM", "GM", "XC", "RTIMAGE", "RTDOSE",
         "RTPLAN", "RTSTRUCT", "ECG", "HD", "IO", "EEG", "MEG", "SR")  # fmt: skip

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_SECONDARY_CAPTURE = f"{_STORAGE}7"
# Below the storage root: secondary capture, presentation states, waveforms, raw data and registrations (66),
# segmentations, surfaces, real-world values, reports and key objects (88), encapsulated documents (104), RT objects.
_SECONDARY = ("7", "11", "9", "66", "67", "68", "77.1.5", "78", "79", "88", "104", "481", "130")
_PRIMARY_EXCEPTIONS = ("77.1.5.1", "77.1.5.2", "77.1.5.4", "481.1", "130")  # ophthalmic images, RT images, legacy PET
_CSA_NON_IMAGE = "1.3.12.2.1107.5.9.1"


def is_primary(sop_class_uid: str) -> bool:
    """Tell whether an object belongs to the scan's resource "DICOM"; all others go to "secondary"."""
    if sop_class_uid == _CSA_NON_IMAGE:
        return False
    if not sop_class_uid.startswith(_STORAGE):
        return True
    kind = sop_class_uid.removeprefix(_STORAGE)
    if _is_below(kind, _PRIMARY_EXCEPTIONS):
        return True
    return not _is_below(kind, _SECONDARY)


def scan_type(modality: str, sop_class_uids: Iterable[str]) -> str:
    """Return the data type of a scan."""
    if all(uid == _SECONDARY_CAPTURE or uid.startswith(f"{_SECONDARY_CAPTURE}.") for uid in sop_class_uids):
        return "xnat:scScanData"
    return f"xnat:{_SCANS.get(modality, 'otherDicom')}ScanData"


def session_type(modalities: Iterable[str]) -> tuple[str, str]:
    """Return the data type and the leading modality of a session.

    PET and MR together are one type; PET and CT are a PET session.
    """
    found = set(modalities)
    lead = next((modality for modality in _RANK if modality in found), "")
    if {"PT", "MR"} <= found:
        return "xnat:petmrSessionData", "PT"
    if not lead:
        return "xnat:otherDicomSessionData", min(found, default="OT")
    return f"xnat:{_SESSIONS[lead]}SessionData", lead


def _is_below(kind: str, roots: Iterable[str]) -> bool:
    return any(kind == root or kind.startswith(root + ".") for root in roots)
