"""What there is to say about a target that was sent, in words."""

from collections.abc import Mapping, Sequence

from xnat_wizard.findings import Finding
from xnat_wizard.upload.resource_transfer.model import Target, note, some
from xnat_wizard.xnat.resources import Address

_AGAIN = "Send it again: what is there is not sent twice"


def nothing(target: Target) -> Finding:
    """Say that a source holds no file."""
    return Finding(
        "resource.nothing",
        f"There is no file to send in `{target.path}`",
        "The folder or archive is empty, or nothing in it can be sent",
        ("Look whether it is the right one: ls -l",),
        where=str(target.path),
        shareable="The source of a resource holds no file.",
    )


def differs(target: Target, names: Sequence[str]) -> Finding:
    """Say that other files of the same names are there, so nothing was sent."""
    return Finding(
        "resource.differs",
        f"{_count(names)} of the same name {_are(names)} there already, and not equal: {some(names)}",
        "Size or MD5 is another one than here. Nothing of this target was sent",
        (
            "See which one is right: xnat-wizard resource get, into another folder",
            "Let those on the site stay, and send the others: --existing skip",
            "Or replace those on the site: --existing replace",
        ),
        where=str(target),
        shareable=f"{len(names):,} files of the same names are there, and differ.",
    )


def kept(target: Target, names: Sequence[str]) -> Finding:
    """Say that other files of the same names stay as they are."""
    return note(
        "resource.kept",
        f"{_count(names)} of the same name differ{'s' * (len(names) == 1)} from here, and stay: {some(names)}",
        "`--existing skip` was given",
        ("Replace them, if those here are right: --existing replace",),
        where=str(target),
    )


def in_the_way(target: Target, names: Sequence[str]) -> Finding:
    """Say that a file stands where a folder has to be, or the other way round."""
    return Finding(
        "resource.in_the_way",
        f"{_count(names)} cannot be there: {some(names)}",
        "A file and a folder cannot have one name, and the other one is there already",
        ("Rename it here", "Or delete on the site what is in the way"),
        where=str(target),
        shareable="A file and a folder of a resource have one name.",
    )


def not_there(target: Target, names: Sequence[str], *, is_all: bool) -> Finding:
    """Say that files were taken with success, and are not there."""
    may = "Ask an owner of the project whether your account may change data in it"
    return Finding(
        "resource.not_stored",
        f"The site took {_count(names)}, and does not have {'it' if len(names) == 1 else 'them'}: {some(names)}",
        "It answered with success; its list of files does not show them with this size and MD5",
        (may, _AGAIN) if is_all else (_AGAIN, may),
        where=str(target),
        shareable=f"{len(names):,} files that were accepted are not in the list of files.",
    )


def refused(target: Target, reasons: Mapping[str, str]) -> Finding:
    """Say that files were refused one by one, or could not be read when their turn came."""
    names = list(reasons)
    return Finding(
        "resource.refused",
        f"{_count(names)} could not be sent: {some(names)}",
        f"Of the first: {reasons[names[0]]}",
        ("Look at these files: ls -l", _AGAIN),
        where=str(target),
        shareable=f"{len(names):,} files could not be sent.",
    )


def stopped_refusing(target: Target, reason: str) -> Finding:
    """Say that file after file was refused, so that the rest was not tried."""
    return Finding(
        "resource.stopped",
        "The site refused file after file, and the rest was not tried",
        f"The last reason: {reason}",
        ("Look at the last reason", "Give it to the administrator of the site if it says nothing to you", _AGAIN),
        where=str(target),
        shareable="A site refused file after file.",
    )


def by_size(target: Target, count: int) -> Finding:
    """Say that files were compared by their size alone."""
    return note(
        "resource.by_size",
        f"{count:,} file{'s' * (count != 1)} on the site: equal in size, which is all that is known",
        "The site keeps no MD5 of them",
        ("Read them back and compare every byte: the same command with --verify-bytes",),
        where=str(target),
    )


def would_create(address: Address) -> Finding:
    """Say that the place would be made."""
    return note(
        "resource.no_holder",
        f"{address} is not there, and would be made",
        "`--create` was given",
        ("Nothing needs to be done",),
        where=str(address),
    )


def _count(names: Sequence[str]) -> str:
    return f"{len(names):,} file{'s' * (len(names) != 1)}"


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
