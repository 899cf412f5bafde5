"""`survey` and `plan`: what is in a folder, and what would be sent where."""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xnat_wizard.cli import access
from xnat_wizard.cli.deidentifying import add_deidentify_to, add_privacy_to, chosen, deidentified, put_privacy
from xnat_wizard.cli.receivers import add_route_to, routed
from xnat_wizard.cli.running import add_travel_to, travel_of
from xnat_wizard.cli.talk import Exit, explain, put, put_mapping, say
from xnat_wizard.findings import Finding, Problem, Severity, by_weight, printable

if TYPE_CHECKING:
    from xnat_wizard.upload.labelling import Rule
    from xnat_wizard.upload.model import Plan

LAYOUT_HELP = (
    "how its folders are nested: subject-series (default), subject-session-series, flat (a folder is a subject), "
    "headers (folders say nothing), or a pattern such as '{subject}/{session}/*/{series}'"
)
PATTERN_HELP = (
    "made of {folder}, {session_folder}, {patient_id}, {patient_name}, {accession_number}, {study_description}, "
    "{study_date}, {modality} and the counter {n}: '{patient_id[0:6]}', '{folder/sub-([0-9]+)/}', 'S{n:03}'"
)


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the program's."""
    survey = commands.add_parser("survey", help="look at a folder and say what is in it; changes nothing")
    survey.add_argument("source", type=Path, help="folder, zip or tar file: subject > series > DICOM files")
    survey.add_argument("--layout", default="subject-series", help=LAYOUT_HELP)
    survey.add_argument("--json", action="store_true", help="one JSON object a line")
    add_privacy_to(survey)
    add_deidentify_to(survey)
    survey.set_defaults(run=_survey)

    plan = commands.add_parser("plan", help="write down what would be sent where, as a file to check and edit")
    plan.add_argument("source", type=Path, help="folder, zip or tar file: subject > series > DICOM files")
    plan.add_argument("--layout", default="subject-series", help=LAYOUT_HELP)
    plan.add_argument("--site", required=True, help="address of the XNAT site")
    plan.add_argument("--project", required=True, help="project ID")
    plan.add_argument("--to", choices=("prearchive", "archive"), default="prearchive", help="where sessions end")
    plan.add_argument("--subjects", default="", metavar="PATTERN", help="subject labels, " + PATTERN_HELP)
    plan.add_argument(
        "--sessions",
        default="",
        metavar="PATTERN",
        help="session labels, likewise; may name {subject}: '{subject}_v{n}'",
    )
    plan.add_argument(
        "--labels",
        type=Path,
        metavar="FILE.csv",
        help="a table of labels; its first row names columns: subject_folder, session_folder, patient_id, study_date "
        "or study_instance_uid to find a session, subject_label and session_label for what it gets",
    )
    plan.add_argument("--labels-template", type=Path, metavar="FILE.csv", help="write such a table to be filled in")
    add_route_to(plan)
    add_travel_to(plan)
    add_deidentify_to(plan)
    plan.add_argument("--output", type=Path, required=True, help="the plan file to write")
    plan.add_argument("--forecast", action="store_true", help="log in and say what the site will do with each session")
    plan.add_argument("--json", action="store_true", help="one JSON object a line: the sessions, then the plan")
    access.add_login_to(plan)
    plan.set_defaults(run=_plan)


def _survey(options: argparse.Namespace) -> int:
    from xnat_wizard.dicom.layout import Layout
    from xnat_wizard.dicom.survey import survey

    chosen(options)  # what cannot be is said at once
    found = survey(options.source, Layout.parse(options.layout))
    if options.privacy:
        put_privacy(found, options)
        return Exit.DONE if found.series or found.pairs else Exit.FAILED
    if options.json:
        for series in found.series:
            put(
                json.dumps(
                    {
                        "type": "series",
                        "subject_folder": series.subject_folder,
                        "session_folder": series.session_folder,
                        "folders": list(series.folders),
                        "modality": series.modality,
                        "series_number": series.series_number,
                        "series_description": series.series_description,
                        "files": len(series.instances),
                        "size_bytes": series.size_bytes,
                        "held_by": list(series.held_by),
                    }
                )
            )
        for finding in found.findings:
            put(json.dumps(finding.as_dict()))
        counts = {"files": found.file_count, "series": len(found.series), "not_sent": len(found.others)}
        put(json.dumps({"type": "survey", "source": str(found.source), **counts}))
    else:
        for series in found.series:
            held = "  held: " + ", ".join(series.held_by) if series.held_by else ""
            folder = printable(series.subject_folder)
            name = printable(series.series_description or "(no description)")
            put(f"{folder}  {series.series_number:>4} {name}  {len(series.instances)} files{held}")
        for pair in found.pairs:
            put(f"{printable(pair.subject_folder)}       {printable(str(pair.par_path))}  PAR/REC {pair.version}")
        for finding in found.findings:
            explain(finding)
        put(f"{found.file_count} files, {len(found.series)} series, {len(found.others)} files not sent")
    return Exit.DONE if found.series or found.pairs else Exit.FAILED


def _rule(options: argparse.Namespace) -> "Rule | None":
    """Return the rule for labels that was asked for, if any."""
    from xnat_wizard.upload.label_table import read_table
    from xnat_wizard.upload.labelling import ByPattern

    if options.labels and (options.subjects or options.sessions):
        raise Problem(
            Finding(
                "label.two_rules",
                "Labels come from a table or from patterns, not from both",
                "Both --labels and a pattern were given",
                ("Leave out --labels, or --subjects and --sessions",),
            )
        )
    if options.labels:
        return read_table(options.labels)
    if options.subjects or options.sessions:
        return ByPattern.parse(options.subjects, options.sessions)
    return None


def _plan(options: argparse.Namespace) -> int:
    from xnat_wizard.dicom.layout import Layout
    from xnat_wizard.dicom.survey import survey
    from xnat_wizard.upload.labelling import relabel, write_template
    from xnat_wizard.upload.model import Destination, Plan
    from xnat_wizard.upload.plan import check, draft, save

    bare = Plan(options.source, options.site, options.project, Destination(options.to), ())
    chosen(options)
    travel = routed(replace(bare, options=travel_of(options, bare.options)), options)  # what cannot be is said at once
    found = survey(options.source, Layout.parse(options.layout))
    plan = draft(found, site_url=options.site, project=options.project, destination=Destination(options.to))
    plan = replace(plan, route=travel.route, receiver=travel.receiver, options=travel.options)
    plan = deidentified(plan, options)
    notes = check(plan)
    if rule := _rule(options):
        plan, said = relabel(plan, rule)
        told = {"plan.label_changed", "plan.shared_subject"}  # the rule says it with its reasons
        notes = (*said, *(finding for finding in check(plan) if finding.code not in told))
    for finding in (*found.findings, *notes):
        explain(finding)
    if options.labels_template:
        write_template(plan, options.labels_template)
        say(f"Fill in the table {options.labels_template}, then give it with --labels.")
    save(plan, options.output)
    _put_plan(plan, options)
    if options.forecast and not _is_welcome(plan, options):
        return Exit.FAILED
    return Exit.DONE if plan.included else Exit.FAILED


def _put_plan(plan: "Plan", options: argparse.Namespace) -> None:
    """Print what a plan sends, and how."""
    from xnat_wizard.cli.plan_lines import as_objects, travel_lines

    if options.json:
        for made in as_objects(plan, options.output):
            put_mapping(made)
        return
    for session in plan.sessions:
        mark = "x" if session.is_included else " "
        put(f"[{mark}] {session.subject_label}  {session.session_label}  {session.file_count} files")
    for line in travel_lines(plan):
        say(line)


def _is_welcome(plan: "Plan", options: argparse.Namespace) -> bool:
    """Ask the site what it will do with a plan; tell whether nothing forbids it. Nothing is changed there."""
    import asyncio

    from xnat_wizard.troubleshoot.before_sending import forecast
    from xnat_wizard.xnat.site import Site

    login = access.login_for(plan.site_url, options)

    async def ask() -> dict[str, tuple[Finding, ...]]:
        async with await Site.connect(login) as site:
            return await forecast(plan, site)

    findings = [finding for some in asyncio.run(ask()).values() for finding in some]
    for finding in by_weight(findings):
        explain(finding)
    if not findings:
        say("The site has none of these sessions yet, and nothing in its settings changes them.")
    return all(finding.severity is not Severity.STOP for finding in findings)
