"""`convert --project`: what was converted goes into resources of its scan: NIFTI, BIDS, and the raw PARREC beside.

Sessions are called as an upload of the same source would call them, so that images land beside their DICOM.
"""

import argparse
import asyncio
import contextlib
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from xnat_wizard.cli.access import add_login_to, login_for
from xnat_wizard.cli.talk import Exit, say
from xnat_wizard.findings import Finding, Problem, Severity

if TYPE_CHECKING:
    from xnat_wizard.cli.resource_lines import Teller
    from xnat_wizard.convert.model import Item, Placed
    from xnat_wizard.dicom.model import Survey
    from xnat_wizard.dicom.source import Source
    from xnat_wizard.upload.model import PlannedSession
    from xnat_wizard.upload.resource_transfer.model import Outcome, Target, Wishes
    from xnat_wizard.xnat.site import Site

NIFTI, BIDS, PARREC = "NIFTI", "BIDS", "PARREC"
_TYPES = {"MR": "xnat:mrSessionData", "CT": "xnat:ctSessionData", "PET": "xnat:petSessionData"}


def add_place_to(command: argparse.ArgumentParser) -> None:
    """Add to a command where the images go on a site."""
    place = command.add_argument_group("into XNAT", "each image into resources of its scan, after it was converted")
    place.add_argument("--project", default="", metavar="ID", help="put the images into this project, too")
    place.add_argument("--site", default=argparse.SUPPRESS, help="address of the XNAT site (default: XNAT_HOST)")
    place.add_argument(
        "--subject-labels", default="", metavar="PATTERN", help="subject labels there, as --subjects of plan"
    )
    place.add_argument(
        "--session-labels",
        default="",
        metavar="PATTERN",
        help="session labels there, as --sessions of plan; by default as an upload of this source names them",
    )
    add_login_to(command)


class Putting:
    """The way of one conversion into XNAT."""

    def __init__(self, survey: "Survey", options: argparse.Namespace) -> None:
        """Find out how the sessions are called.

        Raises:
            Problem: no site is named; a pattern of labels cannot be used.
        """
        if not options.site:
            raise Problem(_no_site())
        self._options = options
        self._sessions = _sessions(survey, options)

    def put(
        self, source: "Source", offered: "Sequence[Item]", placed: "Sequence[Placed]"
    ) -> tuple[Exit, tuple[Finding, ...]]:
        """Send all that was placed; return how that ends, and what could not be sent.

        Raises:
            Problem: the site cannot be reached, or refuses the login.
        """
        from xnat_wizard.convert.placing import working_folder

        with working_folder(self._options.to, source.root) as folder:
            findings: list[Finding] = []
            scans = self._scans(offered)
            targets = list(self._targets(source, placed, scans, folder, findings))
            if not targets:
                return Exit.FAILED, tuple(findings)
            try:
                code = asyncio.run(_send(targets, self._options))
            except asyncio.CancelledError:
                say("Stopped. The same command with `--existing skip` goes on with it: nothing is sent twice.")
                code = Exit.STOPPED
        return (Exit.INCOMPLETE if findings and code is Exit.DONE else code), tuple(findings)

    def _scans(self, offered: "Sequence[Item]") -> dict[str, str]:
        """Return the scan of each series: its number; a PAR/REC pair whose number is taken gets a further one.

        All that the source offers counts, so that another choice puts a series into the same scan.
        """
        numbers = Counter((self._label(item), item.number) for item in offered if item.series)
        scans, taken = {}, set(numbers)
        for item in offered:
            place = (self._label(item), item.number)
            if item.series and item.number and numbers[place] == 1:
                scans[_key(item)] = item.number
            elif item.pair and item.number:
                at = 1
                while place in taken:
                    at += 1
                    place = (place[0], f"{item.number}-{at}")
                taken.add(place)
                scans[_key(item)] = place[1]
        return scans

    def _label(self, item: "Item") -> str:
        session = self._sessions.get(_key(item))
        return session.session_label if session else ""

    def _targets(
        self,
        source: "Source",
        placed: "Sequence[Placed]",
        scans: dict[str, str],
        folder: Path,
        findings: list[Finding],
    ) -> "Iterator[tuple[str, Target]]":
        """Lay the files of each resource into a folder of their own; give session type and target."""
        from xnat_wizard.upload.resource_transfer.model import Target
        from xnat_wizard.xnat.resources import Address

        by_item: dict[str, tuple[Item, list[Placed]]] = {}
        for one in placed:
            by_item.setdefault(_key(one.item), (one.item, []))[1].append(one)
        for number, (key, (item, images)) in enumerate(by_item.items()):
            session = self._sessions.get(key)
            if session is None or key not in scans:
                findings.append(_no_scan(item))
                continue
            address = Address(self._options.project, session.subject_label, session.session_label, scans[key])
            files = [self._options.to / name for image in images for name in image.files]
            xsi_type = _TYPES.get(session.modality, _TYPES["MR"])
            own = folder / str(number)
            for label, some in _by_resource(files, is_bids=self._options.bids).items():
                _link(some, own / label)
                yield xsi_type, Target(item.subject, own / label, address, label)
            if item.pair:
                _copy(source, (item.pair.par_path, item.pair.rec_path), own / PARREC)
                yield xsi_type, Target(item.subject, own / PARREC, address, PARREC)


def _sessions(survey: "Survey", options: argparse.Namespace) -> "dict[str, PlannedSession]":
    from xnat_wizard.upload.labelling import ByPattern, relabel
    from xnat_wizard.upload.model import Destination
    from xnat_wizard.upload.plan import draft

    plan = draft(survey, site_url=options.site, project=options.project, destination=Destination.ARCHIVE)
    if options.subject_labels or options.session_labels:
        plan, _ = relabel(plan, ByPattern.parse(options.subject_labels, options.session_labels))
    found = {}
    for session in plan.sessions:
        found.update({series.key: session for series in (*session.series, *session.left_out)})
        found.update({pair.par_path: session for pair in (*session.pairs, *session.left_out_pairs)})
    return found


def _key(item: "Item") -> str:
    if item.pair:
        return item.pair.par_path
    return item.series.key if item.series else ""


def _by_resource(files: Sequence[Path], *, is_bids: bool) -> dict[str, list[Path]]:
    """Sort files: sidecars of a BIDS dataset go into a resource of their own, as XNAT's own conversion has them."""
    found: dict[str, list[Path]] = {NIFTI: []}
    for file in files:
        found.setdefault(BIDS if is_bids and file.suffix == ".json" else NIFTI, []).append(file)
    return {label: some for label, some in found.items() if some}


def _link(files: Iterable[Path], folder: Path) -> None:
    folder.mkdir(parents=True)
    for file in files:
        os.link(file, folder / file.name)


def _copy(source: "Source", paths: Iterable[str], folder: Path) -> None:
    """Copy originals out of the source, which may be an archive."""
    from xnat_wizard.dicom.opened import AsBinary

    folder.mkdir(parents=True)
    for path in paths:
        with source.open(path) as file, (folder / PurePosixPath(path).name).open("xb") as copy:
            shutil.copyfileobj(AsBinary(file), copy, 1 << 20)


async def _send(targets: "Sequence[tuple[str, Target]]", options: argparse.Namespace) -> Exit:
    from xnat_wizard.cli.resource import exit_for
    from xnat_wizard.cli.resource_lines import Teller
    from xnat_wizard.upload.resource_transfer.model import Existing, Wishes
    from xnat_wizard.xnat.resources import Details
    from xnat_wizard.xnat.site import Site

    teller = Teller(is_json=options.json, is_put=True, is_dry=False)
    outcomes: list[Outcome] = []
    try:
        async with await Site.connect(login_for(options.site, options)) as site:
            for kind in dict.fromkeys((xsi_type, target.label) for xsi_type, target in targets):
                xsi_type, label = kind
                wishes = Wishes(
                    existing=Existing(options.existing),
                    creates=True,
                    xsi_type=xsi_type,
                    details=Details(format=label, content="RAW" if label == PARREC else ""),
                )
                some = [target for one, target in targets if (one, target.label) == kind]
                outcomes += await _transfer(site, teller, wishes, some)
    finally:
        teller.summary(outcomes, len(targets))
    return exit_for(outcomes)


async def _transfer(site: "Site", teller: "Teller", wishes: "Wishes", targets: "list[Target]") -> "list[Outcome]":
    """Put targets one after the other: several may make the same session."""
    import random
    import time

    from xnat_wizard.settings import state_dir
    from xnat_wizard.upload.patience import GiveUpError
    from xnat_wizard.upload.resource_transfer.journal import Journal
    from xnat_wizard.upload.resource_transfer.transfer import Transfer

    found = []
    with Journal(state_dir()) as journal:
        transfer = Transfer(
            site, journal, wishes, clock=time.time, sleep=asyncio.sleep, random=random.random, tell=teller.tell,
            at_once=1,
        )  # fmt: skip
        ticking = asyncio.create_task(teller.tick(transfer.snapshot))
        try:
            async with contextlib.aclosing(transfer.put(targets)) as moved:
                async for outcome in moved:
                    found.append(outcome)
                    teller.ended(outcome)
        except GiveUpError as end:
            raise Problem(end.finding) from end
        finally:
            ticking.cancel()
    return found


def _no_site() -> Finding:
    return Finding(
        "terminal.options",
        "No site is named",
        "The images are to go into a project, and neither `--site` nor XNAT_HOST says where XNAT is",
        ("Give the address of the site: --site xnat.example.org", "Or leave out --project"),
    )


def _no_scan(item: "Item") -> Finding:
    return Finding(
        "convert.no_scan",
        "A converted series is not put into XNAT, because its scan is not clear",
        "Its header gives no series number, or several series of its session have the same one",
        ("Put it by hand: xnat-wizard resource put FOLDER --scan ID --resource NIFTI",),
        where=item.name,
        severity=Severity.ASK,
    )
