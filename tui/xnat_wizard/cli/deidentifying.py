"""Whether images are de-identified before they are sent, and what of them would leave the house."""

import argparse
from typing import TYPE_CHECKING

from xnat_wizard.cli.talk import put, put_object, say
from xnat_wizard.findings import Finding, Problem, printable

if TYPE_CHECKING:
    from xnat_wizard.dicom.model import Survey
    from xnat_wizard.upload.deidentify.choice import Deidentification
    from xnat_wizard.upload.deidentify.preview import Preview
    from xnat_wizard.upload.model import Plan

KEEPS = ("dates", "shifted-dates", "patient", "device", "descriptions", "safe-private")
SHOWN_VALUES = 20


def add_deidentify_to(parser: argparse.ArgumentParser) -> None:
    """Add to a command whether images are de-identified before they are sent."""
    parser.add_argument(
        "--deidentify",
        nargs="?",
        const="basic",
        choices=("basic", "no"),
        help="de-identify images on their way by the basic profile of DICOM PS3.15 annex E; files on disk stay as they "
        "are, pictures too. `no`: leave it to the scripts of the site, as when it is not said",
    )
    parser.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="WHAT",
        help="with --deidentify, what stays: dates, or shifted-dates (moved by one random number of days for each "
        "subject); patient (age, sex, height, weight); device (names and serial numbers); descriptions (of study, "
        "series, protocol: free text, which may hold names); safe-private (private elements that are known to be "
        "harmless: diffusion and scaling). Several: --keep dates,device",
    )
    parser.add_argument(
        "--send-burnt-in",
        action="store_true",
        help="with --deidentify, send also pictures that may have writing in them; else they are held back",
    )


def chosen(options: argparse.Namespace) -> "Deidentification | None":
    """Return what was asked for; `None` where it was not, or no de-identification was.

    Raises:
        Problem: what was asked for does not go together.
    """
    from xnat_wizard.upload.deidentify.choice import Deidentification, Keep

    words = [word.strip() for text in options.keep for word in text.split(",") if word.strip()]
    unknown = [word for word in words if word not in KEEPS]
    if unknown:
        raise Problem(_unknown(unknown[0]))
    if options.deidentify in {None, "no"}:
        if words or options.send_burnt_in:
            raise Problem(_alone())
        return None
    return Deidentification.of(map(Keep, words), is_burnt_in_sent=options.send_burnt_in)


def deidentified(plan: "Plan", options: argparse.Namespace) -> "Plan":
    """Return a plan de-identified as was asked for, else as the plan says.

    Raises:
        Problem: what was asked for does not go together, or the source is not there.
    """
    from xnat_wizard.upload.deidentify.planning import under

    choice = chosen(options)
    if options.deidentify is None:  # sessions may have come in since it was chosen: they are looked through, too
        return under(plan, plan.deidentification) if plan.deidentification else plan
    plan = under(plan, choice)
    say(f"De-identified on their way: {choice.words}." if choice else "Images go as they are.")
    return plan


# -- what would leave the house ----------------------------------------------------------------------


def add_privacy_to(parser: argparse.ArgumentParser) -> None:
    """Add to a command what shows the details of patients."""
    parser.add_argument(
        "--privacy",
        action="store_true",
        help="list the details of patients and of the house in the headers, and what --deidentify makes of them",
    )
    parser.add_argument("--values", action="store_true", help="with --privacy, print the values: they name people")
    parser.add_argument("--all", action="store_true", help="with --privacy, read every header, not one of each series")


def put_privacy(found: "Survey", options: argparse.Namespace) -> None:
    """Print what of a survey would leave the house, and what becomes of it."""
    from xnat_wizard.upload.deidentify.choice import Deidentification
    from xnat_wizard.upload.deidentify.preview import preview, sample

    choice = chosen(options)
    series = (("SUBJECT", [[one.path for one in some.instances]]) for some in found.series)
    seen = preview(found.source, list(sample(series, is_all=options.all)), choice or Deidentification())
    _put_rows(seen, options, is_chosen=choice is not None)
    for reason, count in seen.held_back.items():
        if choice:
            say(f"Held back under this choice: {count} of those read, since {reason}.")
    scope = "all headers" if options.all else "one header of each series; --all reads every one"
    say(f"{seen.files_read} headers read: {scope}. Writing in pictures cannot be seen in headers.")
    if found.pairs:
        say(f"{len(found.pairs)} PAR files hold patient and examination name; with --deidentify these are blanked.")


def _put_rows(seen: "Preview", options: argparse.Namespace, *, is_chosen: bool) -> None:
    if not options.json:
        put(f"{'detail':<24} {'images':>7} {'values':>7}  {'becomes' if is_chosen else 'with --deidentify'}")
    for row in seen.rows:
        values = row.before.values[:SHOWN_VALUES] if options.values else ()
        if options.json:
            more = {"values": list(values)} if options.values else {}
            put_object(
                "detail",
                name=row.name,
                images=row.before.images,
                different=len(row.before.values),
                images_after=row.after.images if row.after else 0,
                becomes=row.becomes,
                **more,
            )
            continue
        put(f"{row.name:<24} {row.before.images:>7} {len(row.before.values):>7}  {row.becomes}")
        for value in values:
            put(f"    {printable(value)}")


def _unknown(word: str) -> Finding:
    return Finding(
        "deidentify.unknown",
        f"`{word}` is nothing that can be kept",
        f"--keep takes: {', '.join(KEEPS)}",
        ("Give one of these, or several with commas between them",),
    )


def _alone() -> Finding:
    return Finding(
        "deidentify.not_chosen",
        "It was said what to keep, and not that images are to be de-identified",
        "--keep and --send-burnt-in mean something with --deidentify only",
        ("Add --deidentify", "Or leave them out: images go as they are"),
    )
