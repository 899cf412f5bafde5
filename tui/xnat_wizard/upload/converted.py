"""What was converted goes into XNAT: into the resources NIFTI and BIDS of its scan, with the raw pair beside in PARREC.

Sessions are called as an upload of the same source would call them, so that images land beside their DICOM. Sessions
and scans that are missing are made, scans with type, description and note; what a scan says already stays as it is.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from xnat_wizard.convert.conversion import Result
from xnat_wizard.convert.model import Item, Placed
from xnat_wizard.convert.placing import working_folder
from xnat_wizard.convert.selection import held
from xnat_wizard.dicom.model import ParRecPair, Survey
from xnat_wizard.dicom.opened import AsBinary
from xnat_wizard.dicom.source import Source
from xnat_wizard.findings import Finding, Severity
from xnat_wizard.upload import pair_scans, session_dataset
from xnat_wizard.upload.labelling import ByPattern, relabel
from xnat_wizard.upload.laying import lay
from xnat_wizard.upload.model import Destination, PlannedSession
from xnat_wizard.upload.pair_matching import clean_name
from xnat_wizard.upload.pair_scans import Acquisition, KnownScan
from xnat_wizard.upload.patience import Patience
from xnat_wizard.upload.places import PARREC
from xnat_wizard.upload.plan import draft as draft_plan
from xnat_wizard.upload.resource_transfer.journal import Journal
from xnat_wizard.upload.resource_transfer.model import Existing, Outcome, Target, Wishes
from xnat_wizard.upload.resource_transfer.tools import finding_of
from xnat_wizard.upload.resource_transfer.transfer import Snapshot, Transfer
from xnat_wizard.xnat.resources import Address, Details
from xnat_wizard.xnat.scans import ScanDraft
from xnat_wizard.xnat.site import Site

NIFTI, BIDS = "NIFTI", "BIDS"
NO_SCAN = "convert.no_scan"
_SESSIONS = {"MR": "xnat:mrSessionData", "CT": "xnat:ctSessionData", "PET": "xnat:petSessionData"}
_SCANS = {"CT": "xnat:ctScanData", "PT": "xnat:petScanData"}
_NOTE = 200  # letters: what is longer is no note


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where converted images go, and how."""

    project: str
    sessions: Mapping[str, PlannedSession]  # by the key of each series and pair; see `sessions_of`
    output: Path  # where the conversion put its images
    is_bids: bool = False
    has_session_dataset: bool = False  # each session gets its part of the dataset as a whole, in its resource BIDS
    existing: Existing = Existing.FAIL


@dataclass(frozen=True, slots=True)
class Tools:
    """What a run needs from outside."""

    journal: Journal
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    random: Callable[[], float]
    tell: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Goal:
    """The scan that a series goes into."""

    scan_id: str
    pair: Acquisition | None = None
    is_own: bool = False  # it is made for this pair alone


def sessions_of(
    survey: Survey, *, site_url: str, project: str, subject_labels: str = "", session_labels: str = ""
) -> dict[str, PlannedSession]:
    """Return the session of each series and pair of a survey; asks nobody.

    Raises:
        Problem: a pattern of labels cannot be used.
    """
    plan = draft_plan(survey, site_url=site_url, project=project, destination=Destination.ARCHIVE)
    if subject_labels or session_labels:
        plan, _ = relabel(plan, ByPattern.parse(subject_labels, session_labels))
    found = {}
    for session in plan.sessions:
        found.update({series.key: session for series in (*session.series, *session.left_out)})
        found.update({pair.par_path: session for pair in (*session.pairs, *session.left_out_pairs)})
    return found


class Bringing:
    """One run that brings the result of a conversion to a site. On one loop; used once."""

    def __init__(self, site: Site, source: Source, wanted: Wanted, tools: Tools) -> None:
        self._site = site
        self._source = source
        self._wanted = wanted
        self._tools = tools
        self._transfer: Transfer | None = None
        self._done = Snapshot(0, 0, 0, 0)
        self._patience = Patience(
            clock=tools.clock,
            sleep=tools.sleep,
            random=tools.random,
            tell=tools.tell,
            probe=lambda: site.resources.find(Address(wanted.project)),
        )

    def snapshot(self) -> Snapshot:
        """Return how far it is; the resources of one label after the other."""
        return self._transfer.snapshot() if self._transfer else self._done

    async def run(
        self, offered: Sequence[Item], chosen: Sequence[Item], result: Result
    ) -> AsyncGenerator[Target | Outcome | Finding, None]:
        """Make sessions and scans, then send; give first every target, then what came of each, and findings.

        Args:
            offered: all that the source offers: a series goes into the same scan whatever was chosen.
            chosen: of these; a pair that the survey found whole goes raw, converted or not.
            result: of the conversion.

        Raises:
            Problem: the site refuses, or does not answer.
            GiveUpError: the site has not answered for long.
        """
        with working_folder(self._wanted.output, self._source.root) as folder:
            targets: list[Target] = []
            images: dict[Item, list[Placed]] = {}
            for one in result.placed:
                images.setdefault(one.item, []).append(one)
            for session, items in self._by_session(offered).items():
                going = [
                    item for item in chosen if item in items and (item in images or (item.pair and not held(item)))
                ]
                if not going:
                    continue
                own = folder / str(len(targets))
                try:
                    scans = await self._scans(session, items)
                    new = await self._session(session, going, images, scans, result, own)
                except Exception as error:
                    finding = finding_of(error)
                    if finding is None:
                        raise
                    yield finding
                    continue
                targets += new
                for target in new:
                    yield target
                for item in going:
                    if item not in scans:
                        yield _no_scan(item)
            for label in dict.fromkeys(target.label for target in targets):
                async for outcome in self._send(label, [target for target in targets if target.label == label]):
                    yield outcome

    def _by_session(self, offered: Sequence[Item]) -> dict[PlannedSession, list[Item]]:
        found: dict[PlannedSession, list[Item]] = {}
        for item in offered:
            if session := self._wanted.sessions.get(key_of(item)):
                found.setdefault(session, []).append(item)
        return found

    # Scans

    async def _scans(self, session: PlannedSession, items: Sequence[Item]) -> dict[Item, _Goal]:
        """Return the scan of each series that has a clear one: its number; of a pair, what `pair_scans` says."""
        call, site = self._patience.call, self._site
        there = await call(partial(site.session, self._wanted.project, session.session_label))
        known = list(await call(partial(pair_scans.look, site, there.id))) if there else []
        numbers = Counter(item.number for item in items if item.series)
        found = {
            item: _Goal(item.number) for item in items if item.series and item.number and numbers[item.number] == 1
        }
        ids = {scan.id for scan in known}
        known += [
            KnownScan(goal.scan_id, (item.description, item.variants[0].protocol))
            for item, goal in found.items()
            if goal.scan_id not in ids
        ]
        taken: set[str] = set()
        for item in items:
            if item.pair:
                pair = await asyncio.to_thread(self._acquisition, item.pair)
                place = pair_scans.choose(pair, known, taken)
                taken.add(place.scan_id)
                found[item] = _Goal(place.scan_id, pair, is_own=place.is_new)
        return found

    def _acquisition(self, pair: ParRecPair) -> Acquisition:
        with self._source.open(pair.par_path) as file:
            return pair_scans.read_acquisition(file, _base(pair.par_path), _base(pair.rec_path), pair.rec_size_bytes)

    # Targets

    async def _session(
        self,
        session: PlannedSession,
        going: Sequence[Item],
        images: Mapping[Item, Sequence[Placed]],
        scans: Mapping[Item, _Goal],
        result: Result,
        folder: Path,
    ) -> list[Target]:
        """Make a session and its scans; lay the files of each resource into a folder of their own."""
        wanted = self._wanted
        call, site = self._patience.call, self._site
        made = await call(
            partial(
                site.ensure_session,
                wanted.project,
                session.subject_label,
                session.session_label,
                _SESSIONS.get(session.modality, _SESSIONS["MR"]),
            )
        )
        address = Address(wanted.project, session.subject_label, session.session_label)
        targets = []
        for number, item in enumerate(going):
            if item not in scans:
                continue
            draft = _draft(item, scans[item], result.remarks_of(item))
            await call(partial(site.describe_scan, made.id, draft))
            own = folder / str(number)
            at = replace(address, scan=scans[item].scan_id)
            files = [wanted.output / name for image in images.get(item, ()) for name in image.files]
            for label, some in _by_resource(files, is_bids=wanted.is_bids).items():
                await asyncio.to_thread(_link, some, own / label)
                targets.append(Target(item.subject, own / label, at, label))
            if item.pair:
                await asyncio.to_thread(_copy, self._source, (item.pair.par_path, item.pair.rec_path), own / PARREC)
                targets.append(Target(item.subject, own / PARREC, at, PARREC))
        if wanted.is_bids and wanted.has_session_dataset:
            names = [name for item in going for image in images.get(item, ()) for name in image.files]
            if names:
                await asyncio.to_thread(session_dataset.lay, wanted.output, names, folder / BIDS)
                targets.append(Target(going[0].subject, folder / BIDS, address, BIDS))
        return targets

    # Sending

    async def _send(self, label: str, targets: Sequence[Target]) -> AsyncGenerator[Outcome, None]:
        """Send the resources of one label, one after the other: several may share a session."""
        details = Details(format=label, content="RAW" if label == PARREC else "")
        tools = self._tools
        self._transfer = Transfer(
            self._site,
            tools.journal,
            Wishes(existing=self._wanted.existing, details=details),
            clock=tools.clock,
            sleep=tools.sleep,
            random=tools.random,
            tell=tools.tell,
            at_once=1,
        )
        moved = self._transfer.put(targets)
        try:
            async for outcome in moved:
                yield outcome
        finally:
            await moved.aclose()
            self._done, self._transfer = self._transfer.snapshot(), None


def key_of(item: Item) -> str:
    """Return the key by which `sessions_of` knows a series or pair."""
    if item.pair:
        return item.pair.par_path
    return item.series.key if item.series else ""


def _draft(item: Item, goal: _Goal, remarks: Sequence[str]) -> ScanDraft:
    """Return what is said of a scan where it says nothing; what the converter remarked is its note, if it is short."""
    scan_id, pair, is_own = goal.scan_id, goal.pair, goal.is_own
    said = "; ".join(remarks)
    note = f"Conversion: {said}" if said and len(said) <= _NOTE else ""
    if pair:
        raw = pair.draft(scan_id)
        if is_own:
            note = f"{raw.note}. {note}" if note else raw.note
        return replace(raw, note=note, own_note=raw.note)
    modality = item.series.modality if item.series else "MR"
    return ScanDraft(scan_id, _SCANS.get(modality, pair_scans.XSI_TYPE), item.description, item.description, note)


def _by_resource(files: Sequence[Path], *, is_bids: bool) -> dict[str, list[Path]]:
    """Sort files: sidecars of a BIDS dataset go into a resource of their own, as XNAT's own conversion has them."""
    found: dict[str, list[Path]] = {NIFTI: []}
    for file in files:
        found.setdefault(BIDS if is_bids and file.suffix == ".json" else NIFTI, []).append(file)
    return {label: some for label, some in found.items() if some}


def _link(files: Iterable[Path], folder: Path) -> None:
    folder.mkdir(parents=True)
    for file in files:
        lay(file, folder / file.name)


def _copy(source: Source, paths: Iterable[str], folder: Path) -> None:
    """Copy originals out of the source, which may be an archive."""
    folder.mkdir(parents=True)
    for path in paths:
        with source.open(path) as file, (folder / _base(path)).open("xb") as copy:
            shutil.copyfileobj(AsBinary(file), copy, 1 << 20)


def _base(path: str) -> str:
    return clean_name(PurePosixPath(path).name)


def _no_scan(item: Item) -> Finding:
    return Finding(
        NO_SCAN,
        "A converted series is not put into XNAT, because its scan is not clear",
        "Its header gives no series number, or several series of its session have the same one",
        ("Put it by hand: xnat-wizard resource put FOLDER --scan ID --resource NIFTI",),
        where=item.name,
        severity=Severity.ASK,
    )
