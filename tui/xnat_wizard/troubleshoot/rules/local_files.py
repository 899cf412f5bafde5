"""Local causes that lie in the files: what is no image, broken, a copy, or of a kind that a way does not take.

Sources: missing data 2.5, LOC-01 to LOC-04, LOC-07 to LOC-09, LOC-14, LOC-16 to LOC-18.
"""

import re
from collections.abc import Iterator

from xnat_wizard.dicom.model import OtherFile, OtherKind
from xnat_wizard.dicom.remarks import PLAIN_SYNTAXES, kind_without_picture, syntax_name
from xnat_wizard.troubleshoot.case import Way
from xnat_wizard.troubleshoot.facts import Facts, LocalObject
from xnat_wizard.troubleshoot.model import Certainty, Covers, Diagnosis, Fate, NextStep, StepKind
from xnat_wizard.troubleshoot.registry import rule
from xnat_wizard.troubleshoot.rules.gaps import (
    arrived,
    best_place,
    by_hand,
    counted,
    covering,
    first_saying,
    is_cut_off,
    messages,
    missing,
    named_in,
    nothing,
    offered,
    resend,
    some,
)
from xnat_wizard.upload.tokens import token_in

_NO_IMAGES = frozenset({OtherKind.NOT_DICOM, OtherKind.JUNK, OtherKind.ARCHIVE})
_ODD_SUFFIXES = frozenset(
    {"bmp", "csv", "doc", "docx", "gif", "gz", "htm", "html", "jpeg", "jpg", "json", "pdf", "png", "tif", "tiff"}
    | {"txt", "xls", "xlsx", "xml", "zip"}
)
_GOOD_SUFFIXES = (".zip", ".tar", ".tgz", ".tar.gz")
_FORMAT_WORDS = ("unsupported format", "unable to identify upload format")
_COPY_OF_NUMBER = re.compile(r"(?P<number>\w+)-[A-Z]+\d+")


def _others(facts: Facts, *kinds: OtherKind) -> tuple[OtherFile, ...]:
    return tuple(one for one in facts.local.others if one.kind in kinds) if facts.local else ()


def _base(one: OtherFile) -> str:
    return one.path.rpartition("/")[2]


@rule("LOC-01")
def a_file_that_is_no_image(facts: Facts) -> Iterator[Diagnosis]:
    """An import stopped at a file that is no DICOM: what came before it is stored, the rest was never sent."""
    strays = _others(facts, *_NO_IMAGES)
    if facts.local is None or not strays:
        return
    told = {named_in(one): one for one in messages(facts) if named_in(one)}
    culprits = [one for one in strays if _base(one) in told]
    left = missing(facts)
    is_stopped = first_saying(facts, "unable to read dicom object") is not None
    if not culprits and not (left and not facts.moving and is_cut_off(facts) and is_stopped):
        return
    here = len(arrived(facts))
    stored = f"{counted(here, 'object')} before it {'is' if here == 1 else 'are'} at the site" if here else ""
    lost = f"{counted(len(left), 'object')} after it {'was' if len(left) == 1 else 'were'} not stored" if left else ""
    outcome = "; ".join(filter(None, (stored, lost))) or "look what of the rest has arrived"
    name = _base(culprits[0]) if culprits else some(map(_base, strays))
    yield Diagnosis(
        "LOC-01",
        Certainty.CONFIRMED if culprits else Certainty.LIKELY,
        f'The import stopped at "{name}", which is no DICOM image: {outcome}.',
        "XNAT's import ends at the first file that it cannot read; the session looks finished and is not."
        if here
        else "XNAT's import ends at the first file that it cannot read.",
        where=hit.place.shown if (hit := best_place(facts)) else "",
        evidence=(*facts.local.evidence, *facts.sent.evidence),
        covers=covering(left),
        next_steps=resend(facts, left) or (by_hand("Leave the file out when you send images another way."),),
        prevent="Send only files that read as DICOM: this program leaves the others out and counts them.",
    )


@rule("LOC-02")
def an_object_without_its_uids(facts: Facts) -> Iterator[Diagnosis]:
    """A DICOMDIR, or an object without SOP Class or Instance UID, stopped the import."""
    defects = [
        *_others(facts, OtherKind.DICOMDIR),
        *(one for one in _others(facts, OtherKind.INCOMPLETE) if "SOP" in one.reason),
    ]
    said = first_saying(facts, "contains no sop class uid", "contains no sop instance uid", "no sop class")
    named = {named_in(one) for one in messages(facts)} - {""}
    culprits = [one for one in defects if _base(one) in named]
    if facts.local is None or not defects or not (culprits or said):
        return
    left = missing(facts)
    culprit = (culprits or defects)[0]
    yield Diagnosis(
        "LOC-02",
        Certainty.CONFIRMED if culprits or len(defects) == 1 else Certainty.LIKELY,
        f'XNAT refused "{_base(culprit)}": it is no image that could be stored.',
        "It is the table of contents of a CD or DVD (DICOMDIR), which names images and holds none."
        if culprit.kind is OtherKind.DICOMDIR
        else f"As found here: {culprit.reason}.",
        evidence=(*facts.local.evidence, *facts.sent.evidence),
        covers=covering(left),
        next_steps=(by_hand("Leave it out, or export it anew where it came from."), *resend(facts, left)),
        prevent="Leave out every DICOMDIR; stop at images without UIDs rather than invent some.",
    )


@rule("LOC-03")
def no_study_or_series_uid(facts: Facts) -> Iterator[Diagnosis]:
    """Files without Study or Series Instance UID end in a session with status ERROR, or vanish."""
    defects = [
        one
        for one in _others(facts, OtherKind.INCOMPLETE)
        if "study" in one.reason.lower() or "series" in one.reason.lower()
    ]
    rows = (*(facts.rows.value if facts.rows else ()), *(facts.unassigned.value if facts.unassigned else ()))
    labels = {facts.case.session, facts.sent.session, facts.case.subject, facts.sent.subject} - {""}
    failed = next(
        (
            row
            for row in rows
            if row.status == "ERROR"
            and not row.study_instance_uid
            and (facts.case.is_empty or {row.label, row.subject, row.folder} & labels)
        ),
        None,
    )
    if not defects and failed is None:
        return
    where = f"prearchive/{failed.project}/{failed.timestamp}/{failed.folder}" if failed else ""
    steps = [by_hand("Export these images anew from the scanner or PACS; no program should invent their UIDs.")]
    if failed is not None and failed.is_unassigned:
        steps.append(NextStep(StepKind.ASK_ADMIN, "Ask the administrator to look at the session.", template="T3"))
    yield Diagnosis(
        "LOC-03",
        Certainty.CONFIRMED if defects else Certainty.LIKELY,
        f"{counted(len(defects), 'file')} cannot become part of a session: {defects[0].reason}."
        if defects
        else "A session in the prearchive has status ERROR and no Study Instance UID.",
        "XNAT sorts images into sessions and scans by these UIDs, and drops or holds what lacks them.",
        where=where,
        evidence=(*(facts.local.evidence if facts.local else ()), *facts.evidence("Q7", "Q8")),
        covers=Covers(objects=len(defects)),
        next_steps=tuple(steps),
        prevent="Stop before the upload: this program does.",
    )


@rule("LOC-04")
def objects_without_a_picture(facts: Facts) -> Iterator[Diagnosis]:
    """Reports, plans and raw data are stored where nobody looks for them."""
    if facts.local is None:
        return
    reports = [one for one in facts.local.objects if kind_without_picture(one.sop_class_uid)]
    stored = {
        known: file
        for held in facts.contents.values()
        for file in held.files
        for known in (file.sop_instance_uid, token_in(file.name))
        if known
    }
    found = {one.path: stored.get(one.sop_instance_uid) or stored.get(one.token) for one in reports}
    aside = [one for one in reports if (file := found[one.path]) and file.resource != "DICOM"]
    place = found[aside[0].path] if aside else None
    if place is None:
        return
    kinds = some(sorted({kind_without_picture(one.sop_class_uid) for one in aside}))
    yield Diagnosis(
        "LOC-04",
        Certainty.CONFIRMED,
        f"{counted(len(aside), 'object')} without a picture ({kinds}) {'is' if len(aside) == 1 else 'are'} kept apart.",
        f'XNAT keeps them in the resource "{place.resource}" of scan {place.scan_id}, not among the images.',
        where=hit.place.shown if (hit := best_place(facts, aside[0].study_instance_uid)) else "",
        evidence=facts.evidence("Q12", "Q19"),
        covers=covering(aside),
        next_steps=(nothing("Nothing: they are there."),),
        prevent="Expect reports and raw data beside the images, not as images.",
    )


@rule("LOC-07")
def copies_count_once(facts: Facts) -> Iterator[Diagnosis]:
    """Several files with one SOP Instance UID are one image at the site."""
    copies = [line for line in facts.ledger.of(Fate.COLLAPSED) if line.cause_id != "MRG-07"]
    if facts.local is None or not copies:
        return
    yield Diagnosis(
        "LOC-07",
        Certainty.CONFIRMED,
        f"{counted(len(copies), 'file')} on disk {'is a copy' if len(copies) == 1 else 'are copies'} of images that "
        "are counted already.",
        "They have the same SOP Instance UID; a site keeps one of each, so it shows fewer files than the disk.",
        where=some(line.path for line in copies),
        evidence=facts.local.evidence,
        covers=Covers((), 0, len(copies)),
        next_steps=(nothing("Nothing: no image is missing because of them."),),
        prevent="Compare distinct images, not files.",
    )


@rule("LOC-08")
def broken_files(facts: Facts) -> Iterator[Diagnosis]:
    """Empty, cut or unreadable files can be sent by nobody."""
    broken = _others(facts, OtherKind.UNREADABLE)
    if facts.local is None or not broken:
        return
    named = {named_in(one) for one in messages(facts)} - {""}
    told = next((one for one in broken if _base(one) in named), None)
    yield Diagnosis(
        "LOC-08",
        Certainty.CONFIRMED,
        f"{counted(len(broken), 'file')} on disk {'is' if len(broken) == 1 else 'are'} broken or cannot be read"
        + (f'; the site refused "{_base(told)}" for that.' if told else "."),
        f"As found here: {broken[0].reason}.",
        where=some(one.path for one in broken),
        evidence=facts.local.evidence,
        covers=Covers(objects=len(broken)),
        next_steps=(
            by_hand("Copy or export these files anew, wait until the copy has ended, and send them then."),
            *(resend(facts, missing(facts)) if told else ()),
        ),
        prevent="Let every file be read to its end before it is sent.",
    )


@rule("LOC-09")
def compressed_objects(facts: Facts) -> Iterator[Diagnosis]:
    """A way or a receiver did not take objects in a compressed transfer syntax."""
    refused = {syntax for _, syntax in facts.sent.rejected_contexts} - {""}
    told = tuple(one for one in missing(facts) if one.transfer_syntax_uid in refused - PLAIN_SYNTAXES)
    left = offered(facts) if not facts.moving else ()
    gone = {one.transfer_syntax_uid for one in left}
    here = {one.transfer_syntax_uid for one in arrived(facts)}
    is_exact = bool(gone and here) and not gone & (PLAIN_SYNTAXES | here)
    is_told = bool(told)
    compressed = told or left
    if facts.local is None or not (is_told or is_exact):
        return
    names = some(sorted({syntax_name(one.transfer_syntax_uid) for one in compressed}))
    yield Diagnosis(
        "LOC-09",
        Certainty.CONFIRMED if is_told else Certainty.LIKELY,
        f"{counted(len(compressed), 'object')} compressed as {names} did not arrive.",
        "The receiver refused this transfer syntax."
        if is_told
        else "Exactly the objects with this transfer syntax are missing, the others are there.",
        evidence=(*facts.local.evidence, *facts.sent.evidence),
        covers=covering(compressed),
        next_steps=resend(facts, compressed),
        prevent="Send compressed images over HTTPS: every transfer syntax is taken there.",
    )


@rule("LOC-14")
def an_archive_that_the_site_cannot_open(facts: Facts) -> Iterator[Diagnosis]:
    """The archive file has a name, a form or a content that XNAT's import does not open."""
    archive = facts.local.zip if facts.local else None
    if facts.local is None or archive is None:
        return
    faults: list[str] = []
    if not archive.name.endswith(_GOOD_SUFFIXES):
        faults.append(f'its name does not end in .zip, .tar, .tgz or .tar.gz in small letters ("{archive.name}")')
    if archive.is_encrypted:
        faults.append("it has a password")
    if archive.has_stored_with_descriptor:
        faults.append("it holds stored members whose size stands behind them, which Java does not read")
    if archive.inner_archives:
        faults.append(f"it holds other archives ({some(archive.inner_archives)})")
    if not archive.is_readable:
        faults.append(archive.reason or "it cannot be read here either")
    said = first_saying(facts, *_FORMAT_WORDS)
    if not faults or not (said or not arrived(facts)):
        return
    why = "; ".join(faults)
    yield Diagnosis(
        "LOC-14",
        Certainty.CONFIRMED if said else Certainty.LIKELY,
        "The site cannot open this archive file.",
        why[0].upper() + why[1:] + ".",
        where=archive.name,
        evidence=(*facts.local.evidence, *facts.sent.evidence),
        covers=covering(missing(facts)),
        next_steps=(by_hand("Unpack it and upload the folder with this program, which packs it as XNAT wants it."),),
        prevent="Upload folders, or archives named .zip without password and without archives inside.",
    )


@rule("LOC-16")
def skipped_by_name(facts: Facts) -> Iterator[Diagnosis]:
    """The desktop client leaves out images whose names end like documents."""
    if facts.local is None or Way.DESKTOP not in {facts.case.way, facts.sent.way}:
        return
    left = missing(facts) if not facts.moving else ()
    odd = tuple(one for one in facts.local.objects if _suffix(one) in _ODD_SUFFIXES)
    if not left or {one.path for one in left} != {one.path for one in odd}:
        return
    yield Diagnosis(
        "LOC-16",
        Certainty.LIKELY,
        f"The desktop client left out {counted(len(left), 'image')} whose names end in "
        f"{some(sorted({'.' + _suffix(one) for one in odd}))}.",
        "It chooses by the name of a file; exactly the images with such names are missing.",
        evidence=facts.local.evidence,
        covers=covering(left),
        next_steps=resend(facts, left),
        prevent="Send with this program: it looks into the files, not at their names.",
    )


def _suffix(one: LocalObject) -> str:
    name, dot, suffix = one.base_name.rpartition(".")
    return suffix.lower() if dot and name else ""


@rule("LOC-17")
def no_dicom_at_all(facts: Facts) -> Iterator[Diagnosis]:
    """NIfTI, PAR/REC or raw data were sent by a way that takes DICOM."""
    local = facts.local
    if local is None or local.objects or local.survey is None:
        return
    strays = _others(facts, OtherKind.NOT_DICOM, OtherKind.JUNK, OtherKind.PARREC)
    stored = {line.path for line in facts.ledger.of(Fate.ARRIVED)}  # by the record of an upload of ours
    pairs = [pair for pair in local.survey.pairs if not {pair.par_path, pair.rec_path} <= stored]
    if not (pairs or (strays and not stored)):
        return
    what = f"{counted(len(pairs), 'PAR/REC pair')}" if pairs else some(map(_base, strays))
    yield Diagnosis(
        "LOC-17",
        Certainty.CONFIRMED,
        f"The source holds no DICOM image, only other files ({what}).",
        "The ways for images take DICOM; other files become resources of a session.",
        evidence=local.evidence,
        next_steps=(by_hand("Upload them as a resource of the session that they belong to."),),
        prevent="PAR/REC pairs: use this program's upload, which keeps them as a resource.",
    )


@rule("LOC-18")
def series_number_twice(facts: Facts) -> Iterator[Diagnosis]:
    """Series of one study share a number, or have none: XNAT gives their scans other names."""
    if facts.local is None:
        return
    for study in facts.local.studies:
        numbers: dict[str, dict[str, list[LocalObject]]] = {}
        for one in facts.local.of_study(study):
            numbers.setdefault(one.series_number, {}).setdefault(one.series_instance_uid, []).append(one)
        for number, series in numbers.items():
            if number and len(series) < 2:
                continue
            scans = _scans_of(facts, study, set(series), number)
            if not scans:
                continue
            objects = [one for group in series.values() for one in group]
            says = f"have the number {number}" if number else "have no number"
            yield Diagnosis(
                "LOC-18",
                Certainty.CONFIRMED,
                f"{counted(len(series), 'series')} of the study {says}: XNAT shows them as scans {some(scans, 5)}.",
                "A scan's ID must be unique in a session, so XNAT made new ones; nothing is missing for that.",
                where=hit.place.shown if (hit := best_place(facts, study)) else "",
                evidence=(*facts.local.evidence, *facts.evidence("Q12", "Q18")),
                covers=covering(objects),
                next_steps=(nothing("Nothing: compare series by their UID, not by the scan's ID."),),
                prevent="Worth knowing before an upload; numbers cannot be changed without changing images.",
            )


def _scans_of(facts: Facts, study: str, series_uids: set[str], number: str) -> list[str]:
    """Return the scans of these series whose ID is not the number."""
    found = []
    for hit in facts.hits(study):
        contents = facts.contents_of(hit.place)
        for scan in contents.scans if contents else ():
            made = _COPY_OF_NUMBER.fullmatch(scan.id)
            is_of_number = bool(number and made and made["number"] == number)
            if scan.id != number and (scan.series_instance_uid in series_uids or is_of_number):
                found.append(scan.id)
    return sorted(set(found))
