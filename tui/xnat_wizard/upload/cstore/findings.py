"""Findings about sending by DICOM: who does not answer, what is not taken, and what cannot be found afterwards."""

from collections.abc import Mapping
from pathlib import Path

from xnat_wizard.findings import Finding, Severity
from xnat_wizard.upload.cstore.peer import Peer
from xnat_wizard.upload.cstore.wire import RejectedError
from xnat_wizard.upload.model import Fate
from xnat_wizard.upload.records import SessionRow
from xnat_wizard.xnat.model import PrearchiveSession

_CALLING, _CALLED = 3, 7  # reasons of a rejection by the service user (DICOM PS3.8 table 9-21)
_AGAIN = "Then send again: what was acknowledged is not sent twice"
_HTTPS = "Or upload over HTTP: `xnat-wizard upload` has no such limit"


def unreachable(peer: Peer, reason: str) -> Finding:
    """Say that nobody who speaks DICOM answers."""
    return Finding(
        "cstore.unreachable",
        f"No DICOM receiver answers at {peer.host} port {peer.port}",
        reason,
        (
            "Check host and port: XNAT's usual port is 8104, and the address of the web page may be another machine's",
            "Ask the administrator whether the receiver is on, and whether a firewall lets this machine through",
            _AGAIN,
        ),
        where=peer.address,
    )


def rejected(peer: Peer, rejection: RejectedError) -> Finding:
    """Say that the receiver lets nobody in under these names."""
    why = f"It answered: result {rejection.result}, source {rejection.source}, reason {rejection.reason}"
    todo = ("Ask the administrator which names the receiver knows",)
    if rejection.source == 1 and rejection.reason == _CALLED:
        why = f"It does not know itself as `{peer.ae_title}`"
        todo = ("Give the receiver's own AE title with --ae-title: upper and lower case count",)
    elif rejection.source == 1 and rejection.reason == _CALLING:
        why = f"It does not let `{peer.calling}` in"
        todo = ("Give an AE title that it knows with --calling, or ask the administrator to add yours to its list",)
    return Finding(
        "cstore.rejected",
        f"The receiver {peer.ae_title} rejected the association",
        why,
        (*todo, _AGAIN),
        where=peer.address,
    )


def crowded(peer: Peer) -> Finding:
    """Say that the receiver takes no more associations, for minutes."""
    return Finding(
        "cstore.crowded",
        f"The receiver {peer.ae_title} takes no association at the moment",
        "It rejected the request for now: it may be busy, or take fewer at a time",
        ("Wait, then send again: what was acknowledged is not sent twice", "Or use fewer: --associations 1"),
        where=peer.address,
    )


def no_echo(peer: Peer, words: str) -> Finding:
    """Say that the receiver does not answer an echo as it should."""
    return Finding(
        "cstore.no_echo",
        f"The receiver {peer.ae_title} does not answer a C-ECHO",
        words,
        ("Ask the administrator of the receiver", _HTTPS),
        where=peer.address,
    )


def out_of_resources(peer: Peer, words: str) -> Finding:
    """Say that the receiver has no room for one object after the other."""
    return Finding(
        "cstore.out_of_resources",
        f"The receiver {peer.ae_title} takes no more images, and the upload has stopped",
        f"It answered to several images, and each time they were tried again: {words}",
        ("Ask the administrator whether the server's disk is full, and for the reason in its log", _AGAIN),
        where=peer.address,
    )


def no_copies(place: Path, error: OSError) -> Finding:
    """Say that the copies that dcmsend reads cannot be made, or that it cannot be started."""
    return Finding(
        "cstore.no_copies",
        "The copies that dcmsend sends cannot be made, and the upload has stopped",
        f"The system says: {error.strerror or type(error).__name__}",
        (
            "Make room beside the journal: some 100 MB for each association",
            "Or leave out --with: this program sends by itself, and makes no copies",
            _AGAIN,
        ),
        where=str(place),
        shareable="The copies that dcmsend reads could not be made.",
    )


def refused(peer: Peer, count: int, words: str, session: SessionRow) -> Finding:
    """Say that the receiver refused many objects in a row."""
    return Finding(
        "cstore.refused",
        f"The receiver refused {count} files of session `{session.session_label}` one after the other",
        f"The last answer: {words}",
        ("Ask the administrator for the reason in the server's log", _HTTPS),
        where=peer.address,
    )


def not_offered(peer: Peer, sop_class: str, syntax: str) -> Finding:
    """Say that the receiver takes no objects of a kind."""
    return Finding(
        "cstore.not_offered",
        f"The receiver {peer.ae_title} takes no {sop_class} as {syntax}",
        "It did not accept a presentation context for that SOP class and transfer syntax",
        (_HTTPS, "Or ask the administrator of the receiver whether that kind can be switched on"),
        where=peer.address,
    )


def nothing_taken(peer: Peer, counts: Mapping[Fate, int], session: SessionRow) -> Finding:
    """Say that the receiver took no object of a session."""
    return Finding(
        "cstore.nothing_taken",
        f"The receiver took no file of session `{session.session_label}`",
        f"{counts.get(Fate.REFUSED, 0)} were refused, {counts.get(Fate.NOT_SENT, 0)} could not be read or sent",
        ("Read the receipt: it names the reason for each series", _HTTPS),
        where=peer.address,
    )


def not_found(peer: Peer, count: int, project: str, session: SessionRow, *, sees_unassigned: bool) -> Finding:
    """Say that what was acknowledged is nowhere to be seen."""
    why = (
        "It is neither in the prearchive nor in the archive, nor unassigned: a filter or a script may have dropped it, "
        "which DICOM answers with success, too"
    )
    if not sees_unassigned:
        why = (
            "It is neither in the prearchive nor in the archive as this account sees them. It may be unassigned, which "
            "only administrators see, or a filter dropped it, which DICOM answers with success, too"
        )
    return Finding(
        "cstore.not_found",
        f"{count} files of session `{session.session_label}` were acknowledged and are not seen in `{project}`",
        why,
        (
            f"Ask an administrator to look for study {session.study_instance_uid} under Unassigned, and to move it",
            f"Or look further: `xnat-wizard troubleshoot {session.study_instance_uid}`",
            "Then send again: what is there by then is not sent twice",
            "If it is nowhere: cancel this upload, `xnat-wizard cancel`, and send anew, so that all is sent",
        ),
        where=peer.address,
        shareable=f"{count} acknowledged files are not seen.",
    )


def not_moved(uri: str, project: str, why: str, session: SessionRow) -> Finding:
    """Say that a session is unassigned, and could not be moved."""
    return Finding(
        "cstore.not_moved",
        f"Session `{session.session_label}` is unassigned, and could not be moved to `{project}`",
        why,
        ("Move it in the prearchive step", "Or ask an administrator to move it", _AGAIN),
        where=uri,
        shareable="A session is unassigned and could not be moved.",
    )


def elsewhere(uri: str, there: str, project: str, session: SessionRow) -> Finding:
    """Say that the receiver filed a session under another project."""
    return Finding(
        "cstore.elsewhere",
        f"The server put session `{session.session_label}` into `{there}` instead of `{project}`",
        "Rules of the receiver or of the site come before what stands in the images",
        (
            f"Move it from `{there}` to `{project}` in the prearchive step, then send again: nothing is sent twice",
            "Or choose another receiver: `xnat-wizard send --list-receivers --site ADDRESS`",
        ),
        where=uri,
        shareable="What was sent by DICOM was filed under another project.",
    )


def under_other_labels(there: PrearchiveSession, session: SessionRow) -> Finding:
    """Say that a session waits in the project under other labels than planned."""
    return Finding(
        "cstore.elsewhere",
        f"Session `{session.session_label}` waits in the prearchive as `{there.label}` of subject `{there.subject}`",
        f"Somebody changed its labels, or rules of the receiver gave it these: the plan says "
        f"`{session.session_label}` of `{session.subject_label}`",
        (
            f"Archive it in the prearchive step as `{session.session_label}` of `{session.subject_label}`",
            "Then send again: nothing is sent twice",
            "Or plan again with the labels that it has",
        ),
        where=there.uri,
        shareable="What was sent by DICOM waits under other labels.",
    )


def not_looked_up(count: int, total: int, session: SessionRow) -> Finding:
    """Say that nobody looked whether acknowledged files are there."""
    return Finding(
        "cstore.not_looked_up",
        f"{count} of {total} files of session `{session.session_label}` were acknowledged, and nobody looked for them",
        "There was no login to the site: an acknowledgement does not say into which project a file went, nor that it "
        "was kept",
        ("Send again with --site ADDRESS: nothing is sent twice, and the receipt is a proof then",),
        where=session.session_label,
        severity=Severity.NOTE,
        shareable=f"{count} of {total} files were acknowledged and not looked up.",
    )
