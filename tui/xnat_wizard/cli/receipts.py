"""`verify`: compares an upload with the site again, and lists the local files that are safely stored."""

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from xnat_wizard.cli.access import add_login_to, login_for
from xnat_wizard.cli.talk import Exit, explain, let_go, put, put_object, say
from xnat_wizard.findings import Finding, Problem, printable

if TYPE_CHECKING:
    from xnat_wizard.upload.journal import Journal
    from xnat_wizard.upload.model import Receipt
    from xnat_wizard.xnat.model import Login


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the program's."""
    verify = commands.add_parser("verify", help="compare an upload with the site again, and write a new receipt")
    verify.add_argument("upload", nargs="?", default="", help="receipt.json, or the upload's ID (default: the newest)")
    verify.add_argument("--list-stored", action="store_true", help="print the local files that are safely stored")
    verify.add_argument("--pixels", action="store_true", help="read some files of each series back, compare the pixels")
    verify.add_argument("--null", action="store_true", help="end each printed file with NUL instead of a line break")
    verify.add_argument("--json", action="store_true", help="one JSON object a line")
    verify.add_argument(
        "--uid-map",
        type=Path,
        metavar="FILE.csv",
        help="write which UID and patient here is which there, of an upload that was de-identified, and end; the "
        "file leads back to people, and is readable by you only",
    )
    add_login_to(verify)
    verify.set_defaults(run=_verify)


def _verify(options: argparse.Namespace) -> int:
    import asyncio

    from xnat_wizard.upload.journal import Journal
    from xnat_wizard.upload.lock import UploadLock
    from xnat_wizard.upload.receipt import as_text

    path = _journal_of(options.upload)
    if options.uid_map:
        return _write_map(path, options.uid_map)
    with UploadLock(path), Journal.open(path) as journal:
        receipt = asyncio.run(_compare(journal, login_for(journal.site_url, options), has_pixel_check=options.pixels))
        code = _exit_of(receipt)
        if options.list_stored:
            try:
                _list_stored(journal, receipt, is_json=options.json, ends_with_null=options.null)
            except Problem as problem:
                explain(problem.finding)
                code = code or Exit.FAILED
        elif options.json:
            put_object("receipt", upload=path.parent.name, **asdict(receipt))
        else:
            put(as_text(receipt, journal.earlier_receipts()))
    say(f"{receipt.verdict}. Kept in {path.parent}")
    return code


def _write_map(path: Path, target: Path) -> Exit:
    from xnat_wizard.upload.deidentify.uid_map import write
    from xnat_wizard.upload.journal import Journal

    with Journal.open(path) as journal:
        count = write(journal, target)
    say(f"{count} rows written to {target}, readable by you only. It leads back to people: keep it apart.")
    return Exit.DONE


def _exit_of(receipt: "Receipt") -> Exit:
    if receipt.verdict.startswith("INCOMPLETE"):
        return Exit.INCOMPLETE
    return Exit.FAILED if receipt.verdict.startswith("NOT PROVEN") else Exit.DONE


async def _compare(journal: "Journal", login: "Login", *, has_pixel_check: bool) -> "Receipt":
    from xnat_wizard.upload.receipt import verify
    from xnat_wizard.xnat.site import Site

    async with await Site.connect(login) as site:
        return await verify(journal, site, has_pixel_check=has_pixel_check)


def _journal_of(name: str) -> Path:
    """Return the journal that is meant: beside a receipt, of the upload that a receipt names, or of that name.

    Raises:
        Problem: there is none.
    """
    from xnat_wizard.upload import uploads
    from xnat_wizard.upload.journal import FILE_NAME

    path = Path(name)
    if not (name and path.exists() and (os.sep in name or path.is_file())):
        return uploads.find(name)
    beside = (path if path.is_dir() else path.parent) / FILE_NAME
    if beside.is_file():
        return beside
    try:
        return uploads.find(str(json.loads(path.read_bytes())["upload"]))
    except (ValueError, KeyError, TypeError, IsADirectoryError) as error:
        raise Problem(
            Finding(
                "upload.no_receipt",
                "The file is no receipt of an upload of this program",
                "It stands beside no journal, and names no upload",
                ("Give the receipt.json of an upload, or the upload's ID: `xnat-wizard status`",),
                where=name,
            )
        ) from error


def _list_stored(journal: "Journal", receipt: "Receipt", *, is_json: bool, ends_with_null: bool) -> None:
    """Print the files that are safely stored; on a terminal fit to be shown, else byte for byte."""
    from xnat_wizard.upload.safekeeping import safely_stored

    kept: dict[str, int] = {}
    for path, doubt in safely_stored(journal, receipt):
        if not doubt and "\n" in str(path) and not (is_json or ends_with_null):
            doubt = "its name has a line break: use --null"  # noqa: PLW2901  one more reason
        if doubt:
            kept[doubt] = kept.get(doubt, 0) + 1
        elif is_json:
            put_object("stored", path=str(path))
        elif sys.stdout.isatty():
            put(printable(str(path)))
        else:
            _put_bytes(os.fsencode(path) + (b"\0" if ends_with_null else b"\n"))
    for doubt, count in kept.items():
        say(f"Not listed: {count} files, {doubt}")


def _put_bytes(data: bytes) -> None:
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError:
        let_go(sys.stdout)
