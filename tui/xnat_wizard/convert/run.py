"""Convert what was chosen: series by series into a working folder, from there by renames into the output folder."""

import json
import shutil
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from threading import Event

from xnat_wizard.convert import (
    by_dcm2niix,
    by_nibabel,
    converting,
    dataset,
    geometry,
    nifti,
    placing,
    selection,
    sidecars,
)
from xnat_wizard.convert.model import (
    BIDS_INCOMPLETE,
    EXISTS,
    GEOMETRY_DIFFERS,
    NO_RULE,
    SEVERAL_IMAGES,
    Conversion,
    Existing,
    Item,
    Output,
    Placed,
    Way,
)
from xnat_wizard.convert.naming import Named, Names
from xnat_wizard.convert.rules import Rules
from xnat_wizard.dicom.source import Source
from xnat_wizard.dicom.walk import Stopped
from xnat_wizard.findings import Finding, Problem, Severity


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted."""

    target: Path
    way: Way = Way.DCM2NIIX
    existing: Existing = Existing.FAIL
    rules: Rules | None = None
    is_bids: bool = False
    keeps_details: bool = False  # patient details may stand in sidecars and headers
    compares: bool = False  # PAR/REC is converted by the other way, too, to compare


@dataclass(frozen=True, slots=True)
class Started:
    """A series is taken up."""

    item: Item
    number: int  # from 1
    total: int


@dataclass(frozen=True, slots=True)
class _Ready:
    """An output with its name, ready to be placed."""

    output: Output
    named: Named
    first_name: str  # what it would be called alone


def run(
    source: Source, offered: Sequence[Item], chosen: Sequence[Item], order: Order, stop: Event | None = None
) -> Generator[Started | Placed | Finding, None, None]:
    """Convert the chosen series one after the other; give each image that lies in its place, and each finding.

    One series that fails is a finding, not the end. After `stop` was set, the converter at work is ended, the series
    leaves nothing, and what was placed before becomes whole: the files that stand for the dataset are written.

    Raises:
        Problem: nothing can be converted at all: the converter is missing, the output folder is not fit.
    """
    software = _software(order.way)
    names = Names(offered, order.rules, is_bids=order.is_bids)
    placed: list[tuple[Placed, Named]] = []
    with placing.working_folder(order.target, source.root) as work:
        for at, item in enumerate(chosen):
            if stop and stop.is_set():
                break
            yield Started(item, at + 1, len(chosen))
            if finding := selection.held(item):
                yield finding
                continue
            if order.is_bids and not names.may_have_place(item):
                yield _no_rule(item, "")
                continue
            own = work / str(at)
            own.mkdir()
            try:
                for said in _one(source, item, order, names, own, stop):
                    if isinstance(said, Finding):
                        yield said
                    else:
                        placed.append(said)
                        yield said[0]
            except Problem as problem:
                yield problem.finding
            except Stopped:
                break
            finally:
                shutil.rmtree(own, ignore_errors=True)
        if order.is_bids and placed:
            dataset.write(order.target, order.rules.dataset if order.rules else {}, software)
            dataset.add_participants(order.target, {names.subject_label(one.item) for one, _ in placed})
            for one, named in placed:
                if named.rule and named.rule.intended_for and one.is_new:
                    dataset.intend(order.target, named.path, named.rule.intended_for)


def _software(way: Way) -> tuple[tuple[str, str], ...]:
    version = by_nibabel.version() if way is Way.NIBABEL else by_dcm2niix.version()
    return ("xnat-wizard", metadata.version("xnat-wizard")), (str(way), version)


def _one(
    source: Source, item: Item, order: Order, names: Names, work: Path, stop: Event | None
) -> Iterator[tuple[Placed, Named] | Finding]:
    made = converting.convert(source, item, order.way, work, keep_details=order.keeps_details, stop=stop)
    yield from made.findings
    if order.compares and item.pair:
        yield from _compared(source, item, order, made, work / "other", stop)
    ready: list[_Ready] = []
    for output in made.outputs:
        named = names.name(item, output.traits, output.suffix)
        if named is None:
            yield _no_rule(item, output.suffix)
            continue
        repeats = sum(one.first_name == named.path for one in ready)
        again = names.name(item, output.traits, output.suffix, repeats) if repeats else named
        ready.append(_Ready(output, again or named, named.path))
    if len({one.first_name for one in ready}) < len(ready):
        yield _several(item, ready)
    own = [one.named.path for one in ready if names.is_taken(one.named.path)]
    if own:
        yield _taken(item, own)
        return
    there = placing.stand_in_the_way(order.target, [one.named.path for one in ready])
    if there and order.existing is Existing.FAIL:
        yield placing.refuse(there)
        return
    for one in ready:
        names.take(one.named.path)
        if one.named.path in there and order.existing is Existing.SKIP:
            files = placing.files_of(order.target, one.named.path)
            yield Placed(item, files[0], files, one.named.rule.name if one.named.rule else "", is_new=False), one.named
            continue
        yield from _place(item, one, order, work)


def _place(item: Item, one: _Ready, order: Order, work: Path) -> Iterator[tuple[Placed, Named] | Finding]:
    fields = sidecars.fields_of(item, one.output, keep_details=order.keeps_details)
    repetition_s = None
    if one.named.bids and one.named.rule:
        fields = sidecars.for_bids(fields, one.named.bids, one.named.rule)
        if one.named.bids.datatype == "func" or nifti.lacks_time_step(one.output.nifti):
            repetition_s = fields.get("RepetitionTime")
        lacking = sidecars.missing(fields, one.named.bids)
        if lacking:
            yield _incomplete(item, one.named, lacking)
    stem = work / "ready"
    shutil.rmtree(stem, ignore_errors=True)
    stem.mkdir()
    image, sidecar = stem / "image.nii.gz", stem / "image.json"
    nifti.compress(
        one.output.nifti,
        image,
        keep_texts=order.keeps_details,
        repetition_s=float(repetition_s) if isinstance(repetition_s, (int, float)) else None,
    )
    sidecar.write_text(json.dumps(fields, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    files = placing.place(order.target, one.named.path, image, [sidecar, *one.output.gradients])
    rule = one.named.rule.name if one.named.rule else ""
    yield Placed(item, files[0], files, rule, is_new=True), one.named


def _compared(
    source: Source, item: Item, order: Order, made: Conversion, work: Path, stop: Event | None
) -> Iterator[Finding]:
    """Convert a pair by the other way, too, and say where its images lie otherwise."""
    other_way = Way.NIBABEL if order.way is Way.DCM2NIIX else Way.DCM2NIIX
    work.mkdir()
    try:
        other = converting.convert(source, item, other_way, work, stop=stop)
    except Problem as problem:
        yield replace(problem.finding, severity=Severity.NOTE)
        return
    for output in made.outputs:
        twin = next((one for one in other.outputs if one.suffix == output.suffix), None)
        if twin is None:
            continue
        one, two = nifti.read_geometry(output.nifti), nifti.read_geometry(twin.nifti)
        difference = geometry.compare(one, two)
        said = [] if difference.is_none else [str(difference)]
        if one.volumes != two.volumes:
            said.append(f"{two.volumes} volumes, not {one.volumes}")
        if said:
            yield _differs(item, order.way, other_way, "; ".join(said))


def plan(offered: Sequence[Item], chosen: Sequence[Item], order: Order) -> list[tuple[Item, Named | None]]:
    """Return what each kind of images would be called, without converting anything."""
    names = Names(offered, order.rules, is_bids=order.is_bids)
    return [(item, names.name(item, traits)) for item in chosen for traits in item.variants]


def _no_rule(item: Item, suffix: str) -> Finding:
    which = f' (its part "{suffix.strip("_")}")' if suffix else ""
    return Finding(
        NO_RULE,
        f"A series has no place in BIDS{which}",
        "No rule takes it, or the rule that does names no `bids`",
        ("See why: xnat-wizard rules test SOURCE --rules FILE --bids", "Add a rule, if it should be there"),
        where=item.name,
        severity=Severity.NOTE,
    )


def _taken(item: Item, paths: Sequence[str]) -> Finding:
    return Finding(
        EXISTS,
        "Two series of this run get the same name, so the second is not converted",
        "The rules do not tell them apart",
        ("Leave the number of the run out of `bids`: runs are counted", "Or tell the series apart by `match`"),
        where=f"{item.name}: {', '.join(paths[:4])}",
    )


def _several(item: Item, ready: Sequence[_Ready]) -> Finding:
    return Finding(
        SEVERAL_IMAGES,
        f"One series became {len(ready)} images, and the rules do not tell them apart",
        "The converter found several volumes in it that do not belong together: "
        + ", ".join(one.named.path.rpartition("/")[2] for one in ready),
        ("Look at them: a gap, or slices in several directions, splits a series", "Tell them apart by `image_type`"),
        where=item.name,
        severity=Severity.NOTE,
    )


def _incomplete(item: Item, named: Named, lacking: Sequence[str]) -> Finding:
    return Finding(
        BIDS_INCOMPLETE,
        f"BIDS requires what the images do not tell: {', '.join(lacking)}",
        f"The converter's sidecar for {named.bids} has no such field",
        (f'Add it to the rule "{named.rule.name if named.rule else ""}": sidecar = {{ {lacking[0]} = ... }}',),
        where=item.name,
        severity=Severity.ASK,
    )


def _differs(item: Item, way: Way, other: Way, what: str) -> Finding:
    return Finding(
        GEOMETRY_DIFFERS,
        "The two ways of converting do not agree about a series",
        f"{other} makes, compared with {way}: {what}",
        ("Look at the image over another of the same session before it is used",),
        where=item.name,
        severity=Severity.NOTE,
    )
