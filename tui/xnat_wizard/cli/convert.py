"""`convert`: NIfTI and BIDS from DICOM and PAR/REC, by naming rules."""

import argparse
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from xnat_wizard.cli import convert_put
from xnat_wizard.cli.rules import RULES_HELP, read_rules, show_tests
from xnat_wizard.cli.source import LAYOUT_HELP
from xnat_wizard.cli.talk import Exit, explain, put, put_mapping, put_object, say
from xnat_wizard.findings import Finding, Problem, printable

if TYPE_CHECKING:
    from xnat_wizard.convert.conversion import Validating
    from xnat_wizard.convert.model import Item, Placed
    from xnat_wizard.convert.naming import Named
    from xnat_wizard.convert.rules import Rules
    from xnat_wizard.convert.run import Started
    from xnat_wizard.convert.selection import Offer
    from xnat_wizard.convert.validator import Validation
    from xnat_wizard.dicom.source import Source


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the program's."""
    convert = commands.add_parser("convert", help="make NIfTI images, or a BIDS dataset, from DICOM and PAR/REC")
    convert.add_argument("source", type=Path, help="folder, zip or tar file; it is only read")
    convert.add_argument("--to", type=Path, metavar="FOLDER", help="where the images go; outside the source")
    convert.add_argument("--layout", default="subject-series", help=LAYOUT_HELP)
    convert.add_argument(
        "--subject",
        action="append",
        default=[],
        metavar="NAME",
        help="only this one; * for any letters; repeatable",
    )
    convert.add_argument(
        "--series",
        action="append",
        default=[],
        metavar="NUMBER|NAME",
        help="only series of this number or description; * for any letters; repeatable",
    )
    convert.add_argument("--rules", default="", metavar="FILE.toml", help=RULES_HELP)
    convert.add_argument("--bids", action="store_true", help="lay out a BIDS dataset of what the rules name")
    convert.add_argument(
        "--with",
        dest="way",
        choices=("dcm2niix", "nibabel"),
        default="dcm2niix",
        help="the converter: dcm2niix (default), or nibabel for PAR/REC",
    )
    convert.add_argument(
        "--existing",
        choices=("fail", "skip", "replace"),
        default="fail",
        help="what to do with a series whose output is there: leave it and say so (default), skip or replace",
    )
    convert.add_argument(
        "--include-held", action="store_true", help="convert what the survey would ask about before sending, too"
    )
    convert.add_argument("--compare", action="store_true", help="convert PAR/REC in both ways and compare the geometry")
    convert.add_argument(
        "--keep-patient-details",
        action="store_true",
        help="let name, birth date and the like into sidecars and image headers",
    )
    convert_put.add_place_to(convert)
    show = convert.add_mutually_exclusive_group()
    show.add_argument("--list", action="store_true", help="show what can be converted, and end")
    show.add_argument("--rules-template", type=Path, metavar="FILE.toml", help="write rules to be filled in, and end")
    show.add_argument("--test-rules", action="store_true", help="show which rule takes which series, and why not")
    show.add_argument("--dry-run", action="store_true", help="show what the outputs would be called, and end")
    convert.add_argument("--json", action="store_true", help="one JSON object a line")
    convert.set_defaults(run=_convert)


def _convert(options: argparse.Namespace) -> int:
    from xnat_wizard.convert import selection
    from xnat_wizard.dicom.layout import Layout
    from xnat_wizard.dicom.source import open_source
    from xnat_wizard.dicom.survey import survey

    signal.signal(signal.SIGTERM, _stop)  # the working folder is cleared on the way out
    rules = read_rules(options.rules, options) if options.rules else None
    _check(options, rules)
    found = survey(options.source, Layout.parse(options.layout))
    with open_source(found.source) as source:
        offer = selection.offer(found, source)
        if options.include_held:
            offer = selection.accept(offer, found)
        for finding in (*(one for one in found.findings if one.code.startswith("structure.parrec")), *offer.findings):
            _tell(finding, options)
        chosen = selection.choose(offer.items, options.subject, options.series)
        if options.list:
            return _list(chosen, options)
        if options.rules_template:
            return _template(chosen, options.rules_template)
        if options.test_rules and rules:
            return show_tests(rules, offer.items, chosen, is_bids=options.bids, is_json=options.json)
        putting = convert_put.Putting(found, options) if options.project and not options.dry_run else None
        return _run(source, offer, chosen, rules, options, putting)


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def _check(options: argparse.Namespace, rules: "Rules | None") -> None:
    """Refuse options that do not go together.

    Raises:
        Problem: `terminal.options`.
    """
    wrong = ""
    if options.bids and not (rules and any(rule.bids for rule in rules.rules)):
        wrong = "--bids needs --rules with rules that name their place: bids = ..."
    elif options.session_dataset and not (options.bids and options.project):
        wrong = "--session-dataset needs --bids and --project"
    elif options.test_rules and rules is None:
        wrong = "--test-rules needs --rules FILE"
    elif not (options.to or options.list or options.test_rules or options.rules_template):
        wrong = "Where the images go is not said: --to FOLDER"
    if wrong:
        raise Problem(
            Finding(
                "terminal.options",
                "The options do not go together",
                wrong,
                ("See what each one does: xnat-wizard convert --help",),
            )
        )


def _run(
    source: "Source",
    offer: "Offer",
    chosen: "tuple[Item, ...]",
    rules: "Rules | None",
    options: argparse.Namespace,
    putting: convert_put.Putting | None,
) -> int:
    from xnat_wizard.convert import run
    from xnat_wizard.convert.conversion import Conversion
    from xnat_wizard.convert.model import Existing, Way

    order = run.Order(
        target=options.to,
        way=Way(options.way),
        existing=Existing(options.existing),
        rules=rules,
        is_bids=options.bids,
        keeps_details=options.keep_patient_details,
        compares=options.compare,
    )
    if options.dry_run:
        return _dry(run.plan(offer.items, chosen, order), options)
    if options.keep_patient_details:
        say("Patient details go into the sidecars and headers: keep these images where the originals may be.")
    told = Conversion(source, offer.items, chosen, order).run(lambda said: _tell_step(said, options))
    if options.json:
        put_object(
            "conversion",
            to=str(options.to),
            converted=told.new_count,
            already_there=told.there_count,
            with_faults=told.fault_count,
            remarks=[{"series": item.name, "says": finding.why} for item, finding in told.remarks],
        )
    else:
        put(f"{told.new_count} converted, {told.there_count} there already, {told.fault_count} with faults")
    if not told.placed and putting is None:
        return Exit.FAILED
    is_valid = _judge(told.validation, options)
    code = Exit.INCOMPLETE if told.fault_count or not is_valid else Exit.DONE
    if putting is None:
        return code
    sent, findings = putting.put(source, offer.items, chosen, told)
    for finding in findings:
        _tell(finding, options)
    return sent if sent is not Exit.DONE else code


def _judge(judged: "Validation | None", options: argparse.Namespace) -> bool:
    """Say what the BIDS validator found; tell whether it has nothing against the dataset, or is not there."""
    if judged is None:
        return True
    if options.json:
        put_object("validation", judged=judged.has_judged, errors=judged.errors, warnings=judged.warnings)
    elif judged.has_judged:
        put(f"BIDS validator: {judged.errors} errors, {judged.warnings} warnings")
    return judged.is_valid or not judged.has_judged


def _list(items: "tuple[Item, ...]", options: argparse.Namespace) -> int:
    for item in items:
        images = sum(kind.images for kind in item.variants)
        if options.json:
            put_object(
                "series",
                subject=item.subject,
                session=item.session,
                number=item.number,
                description=item.description,
                protocol=item.variants[0].protocol,
                source=item.variants[0].source,
                version=item.version,
                images=images,
                kinds=[
                    {"image_type": list(kind.image_type), "echo": kind.echo, "images": kind.images}
                    for kind in item.variants
                ],
                held_by=list(item.held_by),
            )
        else:
            kind = f"PAR/REC {item.version}" if item.pair else f"DICOM {item.variants[0].modality}"
            name = printable(item.description or "(no description)")
            put(f"{printable(item.subject)}  {item.number:>4} {name}  {kind}  {images} images")
    return Exit.DONE


def _template(items: "tuple[Item, ...]", path: Path) -> int:
    """Write a file of rules to be filled in; one that is there stays."""
    from xnat_wizard.convert.rules import template

    with path.open("x", encoding="utf-8") as file:
        file.write(template(items))
    say(f"Fill in the rules in {path}, then test them: xnat-wizard convert SOURCE --rules {path} --test-rules")
    return Exit.DONE


def _dry(planned: "list[tuple[Item, Named | None]]", options: argparse.Namespace) -> int:
    for item, named in planned:
        path = named.path if named else ""
        if options.json:
            put_object("planned", series=item.name, path=path)
        else:
            put(f"{item.name}  -> {f'{path}.nii.gz' if path else 'no place in BIDS'}")
    say("Nothing was converted.")
    return Exit.DONE


def _tell(finding: Finding, options: argparse.Namespace) -> None:
    if options.json:
        put_mapping(finding.as_dict())
    explain(finding)


def _tell_step(said: "Started | Placed | Finding | Validating", options: argparse.Namespace) -> None:
    from xnat_wizard.convert.conversion import Validating
    from xnat_wizard.convert.model import Placed

    if isinstance(said, Finding):
        _tell(said, options)
    elif isinstance(said, Placed):
        _tell_placed(said, options)
    elif isinstance(said, Validating):
        say("The BIDS validator looks at the dataset…")


def _tell_placed(placed: "Placed", options: argparse.Namespace) -> None:
    if options.json:
        put_object(
            "converted" if placed.is_new else "already_there",
            series=placed.item.name,
            path=placed.path,
            files=list(placed.files),
            rule=placed.rule,
        )
    else:
        put(f"{placed.item.name}  -> {placed.path}{'' if placed.is_new else '  (there already)'}")
