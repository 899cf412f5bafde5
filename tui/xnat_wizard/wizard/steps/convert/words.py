"""What the convert step says: which rule takes what, and what came of a conversion."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from xnat_wizard.amounts import count_text
from xnat_wizard.convert.conversion import Progress, Result
from xnat_wizard.convert.model import Item, Placed
from xnat_wizard.convert.tester import Tested
from xnat_wizard.convert.validator import Validation
from xnat_wizard.findings import Finding, Severity
from xnat_wizard.upload.resource_transfer.model import Outcome, Target, Verdict
from xnat_wizard.wizard.choices import ConvertDraft
from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.wizard.widgets.rows import Column, Row

SERIES_COLUMNS = (
    Column("", 3),
    Column("Subject", 8, grow=1, keeps_end=True),
    Column("Nr", 4, is_right=True),
    Column("Series", 14, grow=2),
    Column("Rule", 9, grow=1),
    Column("Called", 24, grow=3, needs=70, keeps_end=True),
)
RUN_COLUMNS = (
    Column("Series", 22, grow=2),
    Column("How it stands", 24, grow=3),
)
_OPTIONS = (  # what findings say for the command line, and where that is in the wizard
    (": xnat-wizard survey SOURCE", ": go back to the folder, the findings stand below it"),
    (": xnat-wizard convert SOURCE --list", ": they are in the list"),
    (": xnat-wizard rules test SOURCE --rules FILE --bids", ": Enter on the series in the list before"),
    (", as in --series 't1*'", ""),
    (": --existing skip", ": Options, Existing images"),
    (": --existing replace", ": Options, Existing images"),
    (": --include-held", ": Options, Held series"),
    (": --with dcm2niix", ": Options, Converter"),
    ("Or give a file of your own: --rules FILE.toml", "Or choose a file of your own: F2"),
)
NO_SERIES = "There is nothing to convert here: no DICOM images and no whole PAR/REC pair."
_VALIDATOR, _SITE = "\0validator", "\0target"


def here_words(finding: Finding) -> Finding:
    """Return a finding with the wizard's words in the place of options of the command line."""

    def said(text: str) -> str:
        for option, words in _OPTIONS:
            text = text.replace(option, words)
        if "xnat-wizard rules put" in text:
            return "Put some there: choose a file with F2, then F6 keeps it"
        return text

    return replace(finding, todo=tuple(said(step) for step in finding.todo))


def is_taken(test: Tested, draft: ConvertDraft) -> bool:
    """Tell whether these images would be converted."""
    return test.held is None and bool(test.path) and test.item.name not in draft.left_out


def series_row(number: int, test: Tested, draft: ConvertDraft) -> Row:
    """Return one kind of images of a series as a row."""
    can_be = test.held is None and bool(test.path)
    mark = "[x]" if is_taken(test, draft) else "[ ]" if can_be else " - "
    rule = test.taken_by
    item = test.item
    name = item.description or "(no description)"
    if len(item.variants) > 1:
        name = f"{name}, {test.kind.split()[-1] if test.traits.echo is None else f'echo {test.traits.echo}'}"
    called = "held back by the survey" if test.held else test.path or ("no place in BIDS" if rule else "")
    cells = (mark, item.subject, item.number, name, rule.name if rule else "no rule", called)
    tone = "quiet" if mark == "[ ]" else "" if can_be else "warn"
    return Row(str(number), tuple(plain(cell) for cell in cells), tone)


def why_lines(test: Tested) -> list[str]:
    """Return why these images are called as they are: the rule that takes them, and what speaks against the others."""
    taker = test.taken_by
    lines = [f"{test.item.name}: {count_text(test.traits.images, 'image')}, {test.kind or 'no image type'}"]
    if test.held:
        lines.append(f"not converted: {test.held.why}")
    if taker is None:
        lines.append("No rule takes it.")
    else:
        place = "" if test.path else ", but names no place in BIDS"
        lines.append(f'The rule "{taker.name}" takes it{place}.')
    if test.path:
        lines.append(f"called {test.path}")
    lines += [f"not {rule.name}: {why}" for rule, why in test.why_not]
    return [plain(line) for line in lines]


def sums(tests: Sequence[Tested], unused: Sequence[str], draft: ConvertDraft) -> str:
    """Return how many series go, and which rules take none."""
    going = sum(is_taken(test, draft) for test in tests)
    said = f"{going:,} of {count_text(len(tests), 'kind')} of images would be converted."
    if unused:
        names = ", ".join(unused[:4]) + (f" and {len(unused) - 4:,} more" if len(unused) > 4 else "")
        said += f" No series here for: {names}."
    return said


def options_line(draft: ConvertDraft) -> str:
    """Return the options in one line."""
    said = ["BIDS dataset" if draft.is_bids else "plain NIfTI", f"by {draft.way}"]
    if draft.into_xnat:
        said.append("into XNAT too")
    if draft.keeps_details:
        said.append("WITH patient details")
    return f"F4 Options: {', '.join(said)}"


# -- while it runs, and afterwards ---------------------------------------------------------------------------------


def progress_text(now: Progress) -> str:
    """Return how far a conversion is."""
    if now.is_validating:
        return "the BIDS validator looks at the dataset"
    there = f", {now.images_there:,} there already" if now.images_there else ""
    return f"{now.series_done:,} of {now.series_total:,} series, {count_text(now.images_new, 'image')}{there}"


def item_row(
    item: Item, placed: Sequence[Placed], findings: Sequence[Finding], *, is_begun: bool, is_over: bool
) -> Row:
    """Return a series that is converted, or was."""
    key = f"{item.subject}\0{item.name}"
    new = sum(one.is_new for one in placed)
    faults = [one for one in findings if one.severity is not Severity.NOTE]
    more = f", {count_text(len(findings), 'remark')}" if findings and not faults else ""
    if faults and not placed:
        words, tone = f"FAIL  {faults[0].what}", "bad"
    elif faults:
        words, tone = f"warn  {faults[0].what}", "warn"
    elif placed and not new:
        words, tone = f"ok    {count_text(len(placed), 'image')} there already{more}", "good"
    elif placed and new < len(placed):
        words, tone = f"ok    {count_text(new, 'image')}, {len(placed) - new:,} there already{more}", "good"
    elif placed:
        words, tone = f"ok    {count_text(new, 'image')}{more}", "good"
    elif is_over and findings:
        words, tone = f"note  {findings[0].what}", "quiet"
    elif is_begun and not is_over:
        words, tone = "converting...", ""
    else:
        words, tone = ("not converted" if is_over else "waits"), "quiet"
    return Row(key, (plain(item.name), plain(words)), tone)


def validator_row(validation: Validation) -> Row:
    """Return what the BIDS validator says as a row."""
    if not validation.has_judged:
        words, tone = "not checked. Enter says why", "warn"
    elif validation.errors:
        words, tone = f"FAIL  {count_text(validation.errors, 'error')}", "bad"
    else:
        more = f", {count_text(validation.warnings, 'warning')}" if validation.warnings else ""
        words, tone = f"ok    accepted{more}", "good"
    return Row(_VALIDATOR, ("BIDS validator", words), tone)


def target_row(target: Target, outcome: Outcome | None, *, is_over: bool) -> Row:
    """Return a resource that is sent, or was."""
    address = target.address
    place = " ".join(filter(None, (address.session, f"scan {address.scan}" if address.scan else "")))
    if outcome is None:
        words, tone = ("not sent" if is_over else "waits"), "quiet"
    elif outcome.verdict is Verdict.DONE:
        words, tone = f"ok    in XNAT, equal by {outcome.proof}", "good"
    else:
        words, tone = f"FAIL  {outcome.findings[0].what if outcome.findings else 'not sent'}", "bad"
    return Row(f"{_SITE}{target}", (plain(f"-> {place} / {target.label}"), plain(words)), tone)


def end_words(result: Result) -> str:
    """Return in a sentence what came of a conversion."""
    there = f", {result.there_count:,} were there already" if result.there_count else ""
    said = f"{count_text(result.new_count, 'image')} made{there}."
    if result.is_stopped:
        return f"Stopped: {said} g goes on with the rest."
    if result.fault_count:
        said += f" {count_text(result.fault_count, 'finding')}: Enter on a line says more."
    if result.validation is not None and result.validation.is_valid:
        said += " The BIDS validator accepts the dataset."
    return f"Done: {said}"


def report_lines(rows: Iterable[Row], findings: Iterable[Finding], folder: str) -> list[str]:
    """Return what came of everything as lines."""
    lines = ["The folder:", folder, ""]
    lines += [f"{row.cells[0]}: {row.cells[1]}" for row in rows]
    for finding in findings:
        where = f"{finding.where}: " if finding.where else ""
        lines += ["", plain(f"{where}{finding.what}. {finding.why}."), plain(f"Do: {'; '.join(finding.todo)}")]
    return lines
