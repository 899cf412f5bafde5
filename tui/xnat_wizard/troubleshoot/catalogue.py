"""The catalogue of causes: number, title, how often, and what each role can establish at best.

Sources: missing data 2.5 to 2.10 (titles, priors), 2.11 (roles, offers, templates).
"""

from dataclasses import dataclass

FAMILIES = {
    "LOC": "on this machine",
    "NET": "on the way",
    "ROU": "routing at the site",
    "MRG": "merge, split, overwrite",
    "VIS": "seeing it",
    "HSK": "housekeeping at the site",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause of the catalogue."""

    id: str
    title: str
    prior: str  # "H" frequent, "M" occasional, "L" rare
    member: str  # the best certainty a member reaches: "C", "L", "P", "N"; with conditions as the text has them
    owner: str
    admin: str
    offer: str  # "F6 : M(receipt)"; "" when nothing is offered
    templates: tuple[str, ...]

    @property
    def family(self) -> str:
        """Return the family, "ROU"."""
        return self.id[:3]

    @property
    def prior_weight(self) -> int:
        """Return the place in a list sorted by frequency: 0 is the most frequent."""
        return "HML".index(self.prior)


CAUSES: tuple[Cause, ...] = (
    Cause("LOC-01", "Non-DICOM files in the folder", "H", "C", "C", "C", "F16 : M", ()),
    Cause("LOC-02", "DICOMDIR or object without SOP Class/Instance UID", "H", "C", "C", "C", "F16 : M", ()),
    Cause("LOC-03", "Missing StudyInstanceUID or SeriesInstanceUID", "L", "C", "C", "C", "", ("T3",)),
    Cause("LOC-04", "DICOM without image data", "M", "C", "C", "C", "", ("T6",)),
    Cause("LOC-05", "Several studies in one folder or zip", "H", "C", "C", "C", "F3 : M", ("T5",)),
    Cause(
        "LOC-06",
        "One study spread over folders; only part was selected; wrong depth",
        "H",
        "C",
        "C",
        "C",
        "F16 : M",
        (),
    ),
    Cause("LOC-07", "Duplicate files", "M", "C", "C", "C", "", ()),
    Cause("LOC-08", "Damaged, empty or not-really-there files", "M", "C", "C", "C", "F16 : M", ()),
    Cause("LOC-09", "Compressed or unusual transfer syntax", "M", "C", "C", "C", "F16 : M", ()),
    Cause("LOC-10", "Wrong anonymised identifiers", "H", "L", "L", "C", "F3 : M", ("T5",)),
    Cause("LOC-11", "Illegal characters in labels", "H", "C", "C", "C", "F3 : M", ()),
    Cause("LOC-12", "Project ID, title and running title confused", "H", "L", "L", "C", "F6 : M(receipt)", ("T1",)),
    Cause("LOC-13", "Case and look-alikes", "H", "L", "L", "C", "F6 : M(receipt)", ("T1",)),
    Cause("LOC-14", "Archive file the server cannot open", "M", "C", "C", "C", "", ()),
    Cause("LOC-15", "Wrong folder or swapped arguments", "M", "L", "C", "C", "F6 : M", ("T1", "T2")),
    Cause("LOC-16", "Client skips by file name", "M", "L", "L", "L", "F16 : M", ()),
    Cause("LOC-17", "Not DICOM at all", "M", "C", "C", "C", "", ()),
    Cause("LOC-18", "Series numbers used twice or absent", "M", "C", "C", "C", "", ("T5",)),
    Cause("NET-01", "Nothing was sent", "H", "L", "L", "C", "upload : M", ()),
    Cause("NET-02", "Time-out on the way, server continues", "H", "C", "C", "C", "F2/F3 : M", ()),
    Cause("NET-03", "Sign-in expired, or quietly a guest", "M", "C", "C", "C", "sign-in", ()),
    Cause("NET-04", "Size limit", "M", "C", "C", "C", "split", ("T7",)),
    Cause("NET-05", "Server disk full", "M", "P", "P", "C", "F16 : M", ("T6",)),
    Cause("NET-06", "TLS, certificate, redirect", "M", "C", "C", "C", "url", ()),
    Cause("NET-07", "Truncated body or zip", "M", "C", "C", "C", "F16 : M", ()),
    Cause("NET-08", "Wrong host, port or AE title", "M", "C", "C", "C", "F16 : M", ("T7",)),
    Cause("NET-09", "Association rejected", "M", "C", "C", "C", "", ("T7",)),
    Cause("NET-10", "Firewall, VPN, NAT", "M", "C", "C", "C", "", ("T7",)),
    Cause(
        "NET-11", "Presentation context refused (SOP class or syntax)", "M", "L", "L", "C", "F16 : M(https)", ("T6",)
    ),
    Cause("NET-12", "Single objects failed, sender went on", "M", "C", "C", "C", "F16 : M", ("T6",)),
    Cause("NET-13", "Receiver off", "L", "L", "L", "C", "", ("T7",)),
    Cause("NET-14", 'Only "submitted"', "H", "C(own)", "N", "C", "F13 : M", ()),
    Cause("NET-15", "Parked in the user cache", "M", "C(own)", "N", "C", "F13 : M", ()),
    Cause("NET-16", "Two senders at once", "L", "C", "C", "C", "F16 : M", ()),
    Cause("NET-17", "Restart or maintenance in the middle", "M", "L", "L", "C", "F7 : M", ("T3",)),
    Cause("ROU-01", "No project matched - Unassigned", "H", "L(C with receipt)", "L", "C", "F6 : M(receipt)", ("T1",)),
    Cause("ROU-02", "Comment text malformed", "H", "L", "L", "C", "F6 : M(receipt)", ("T1",)),
    Cause(
        "ROU-03",
        "StudyDescription or AccessionNumber accidentally equals a project",
        "M",
        "P/L",
        "P/L",
        "C",
        "F6 : M(both)",
        ("T2",),
    ),
    Cause("ROU-04", "Site routing expression wins", "M", "L", "L", "C", "", ("T2",)),
    Cause("ROU-05", "Receiver-specific rules or custom processing", "M", "L", "L", "C", "", ("T6",)),
    Cause("ROU-06", "Header differs between series - study divided", "M", "L", "L", "C", "F4 : M", ("T1",)),
    Cause(
        "ROU-07",
        "Project parameter ignored (unknown or not readable)",
        "H",
        "C(receipt)",
        "C",
        "C",
        "F6 : M",
        ("T1", "T4"),
    ),
    Cause("ROU-08", "Upload accepted although I am only a collaborator", "M", "C", "C", "C", "", ("T4",)),
    Cause("ROU-09", "Wrong parameter names for the handler", "M", "C", "C", "C", "F6 : M", ("T1",)),
    Cause("ROU-10", "Waits in prearchive for a human", "H", "C", "C", "C", "F3 : M", ()),
    Cause("ROU-11", "Archive wish not understood", "M", "C", "C", "C", "F3 : M", ()),
    Cause("ROU-12", "Series import filter of the site", "H", "C", "C", "C", "", ("T6",)),
    Cause("ROU-14", "Anonymisation script rejects", "M", "L", "L", "C", "", ("T6",)),
    Cause("ROU-15", "Script changes ids or UIDs", "H", "L/C", "C", "C", "", ()),
    Cause("ROU-16", "Quarantine", "M", "L", "C", "C", "F12 : O", ("T4",)),
    Cause("ROU-17", "Direct-archive limbo", "M", "C", "C", "C", "F14 : M", ("T3",)),
    Cause("ROU-18", "Human chose the wrong project", "M", "C", "C", "C", "F6 : M", ("T5",)),
    Cause("ROU-19", "Right after a server restart", "L", "P", "L", "C", "F4 : M", ("T1",)),
    Cause("ROU-20", "Uploaded from inside another session", "L", "C", "C", "C", "", ("T5",)),
    Cause("MRG-01", "Session label already in the project - CONFLICT", "H", "C", "C", "C", "F4/F3 : M", ("T5",)),
    Cause("MRG-02", "Label belongs to another subject", "M", "C", "C", "C", "F3 : M", ("T5",)),
    Cause("MRG-03", "Label taken by an experiment shared into the project", "L", "C", "C", "C", "F3 : M", ("T5",)),
    Cause("MRG-04", "Same study already archived under another label or project", "H", "C/N", "C/N", "C", "", ("T5",)),
    Cause("MRG-05", "Merged quietly into an existing session", "H", "C", "C", "C", "", ("T5",)),
    Cause("MRG-06", "Overwritten", "M", "L", "C", "C", "", ("T8",)),
    Cause("MRG-07", "Duplicate SOP UIDs replaced or refused", "M", "C", "C", "C", "", ("T5",)),
    Cause("MRG-08", "Split in time", "H", "C", "C", "C", "F4 : M", ("T5",)),
    Cause("MRG-09", "Split by label", "M", "C", "C", "C", "F3/F4 : M", ()),
    Cause("MRG-10", "PET/MR separated", "L", "C", "C", "C", "", ()),
    Cause("MRG-11", "Modality mismatch", "M", "C", "C", "C", "", ("T5",)),
    Cause("MRG-12", "Scan renamed on merge", "M", "C", "C", "C", "", ("T5",)),
    Cause("MRG-13", "UID differs from existing session", "M", "C", "C", "C", "F3 : M", ("T5",)),
    Cause("MRG-14", "Attached to wrong or new subject", "M", "C", "C", "C", "edit : M", ("T5",)),
    Cause("MRG-15", "Two studies in one prearchive folder", "L", "C", "C", "C", "", ("T3",)),
    Cause("MRG-16", "Name template too simple", "L", "C", "C", "C", "", ("T6",)),
    Cause("MRG-17", "Existing session is busy", "L", "C", "C", "C", "F4 : M (after wait)", ("T3",)),
    Cause("VIS-01", "Wrong account or guest", "H", "C", "C", "C", "sign-in", ()),
    Cause("VIS-02", "Not a member / private project", "H", "C", "C", "C", "F11", ("T4",)),
    Cause("VIS-03", "Only collaborator", "M", "C", "C", "C", "", ("T4",)),
    Cause("VIS-04", "Wrong site", "M", "C", "C", "C", "url", ()),
    Cause("VIS-05", "Looking in archive while it is in prearchive", "H", "C", "C", "C", "F3 : M", ()),
    Cause("VIS-06", "Shared / primary project mix-up", "M", "C", "C", "C", "", ("T5",)),
    Cause("VIS-07", "Data-type rights / custom group", "L", "P", "C", "C", "", ("T4",)),
    Cause("VIS-08", "Cached rights or listings", "M", "C", "C", "C", "F11 : any", ()),
    Cause("VIS-09", '"Recent" list limits', "M", "C", "C", "C", "", ()),
    Cause("VIS-10", "Counts misread", "H", "C", "C", "C", "F10 : M", ()),
    Cause("VIS-11", "Date confusion", "M", "C", "C", "C", "", ()),
    Cause("VIS-12", "Renamed after archive", "M", "C", "C", "C", "", ()),
    Cause("VIS-13", '"Archive" button hidden', "L", "L", "C", "C", "F3 : M", ("T5",)),
    Cause("HSK-01", "Deleted from prearchive", "M", "L", "L", "C", "", ("T8",)),
    Cause("HSK-02", "Deleted from archive", "M", "L", "C", "C", "", ("T8",)),
    Cause("HSK-03", "Moved by somebody", "M", "C/N", "C", "C", "F6 : M", ("T2",)),
    Cause("HSK-04", "RECEIVING for ever - uploader never committed", "H", "C", "C", "C", "F1,F16,F2 : M", ("T3",)),
    Cause("HSK-05", "RECEIVING with lock", "M", "L", "L", "C", "F7 : M", ("T3",)),
    Cause("HSK-06", "QUEUED_... / BUILDING / ARCHIVING unchanged", "M", "L", "L", "C", "F7/F8 : M", ("T3",)),
    Cause("HSK-07", "ERROR at build", "M", "L", "L", "C", "F1 : M", ("T3",)),
    Cause("HSK-08", "ERROR at archive", "M", "C", "C", "C", "per text", ("T3",)),
    Cause("HSK-09", "List and disk disagree", "L", "L", "L", "C", "", ("T3",)),
    Cause("HSK-10", "Catalog stale", "M", "C", "C", "C", "F10 : M", ()),
    Cause("HSK-11", "Series present as files but not as scan", "L", "P", "P", "C", "", ("T6",)),
    Cause("HSK-12", "Late file swallowed while archiving", "L", "L", "L", "L", "F16 : M", ()),
    Cause("HSK-13", "Site retention", "L", "P", "P", "C", "", ("T8",)),
    Cause("ROU-13", "Series import filter of the project", "H", "C", "C", "C", "filter : O", ("T6",)),
)
BY_ID = {cause.id: cause for cause in CAUSES}
