"""What the results of a search look like: rows, details, lists."""

from collections import Counter

from xnat_wizard.troubleshoot.by_series import per_series
from xnat_wizard.troubleshoot.catalogue import BY_ID
from xnat_wizard.troubleshoot.facts import Facts
from xnat_wizard.troubleshoot.model import Certainty, Diagnosis, Ledger, NextStep, Report, StepKind, Verdict
from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.wizard.widgets.rows import Column, Row

COLUMNS = (Column("How sure", 13), Column("What", 30, grow=1))
_TONES = {Certainty.CONFIRMED: "good", Certainty.LIKELY: "", Certainty.POSSIBLE: "quiet"}
_ACTS = {
    "F1": "Build it",
    "F2": "Finish it",
    "F3": "Archive it",
    "F4": "Add it to the session that is there",
    "F6": "Move it",
    "F7": "Rebuild it",
    "F8": "Reset its status",
    "F10": "Read the catalogue anew",
    "F11": "Look up my rights anew",
    "F12": "Release it",
    "F13": "Import the parked file",
    "F14": "Archive it now",
    "F16": "Send what is missing",
}
_LETTERS = {
    "T1": "Letter to the administrator",
    "T2": "Letter to the administrator",
    "T3": "Letter to the administrator",
    "T4": "Letter to an owner",
    "T5": "Letter to an owner",
    "T6": "Letter to the administrator",
    "T7": "Letter to IT",
    "T8": "Letter to the administrator",
}
GOOD = frozenset({Verdict.COMPLETE, Verdict.BY_COUNT, Verdict.ON_PURPOSE})


def row_of(place: int, one: Diagnosis) -> Row:
    """Return the row of a diagnosis."""
    return Row(str(place), (str(one.certainty).capitalize(), plain(one.says)), _TONES.get(one.certainty, "quiet"))


def verdict_words(report: Report) -> str:
    """Return what the search comes to."""
    return plain(f"{report.verdict}: {report.verdict_says}")


def detail_of(one: Diagnosis) -> str:
    """Return why, where, and what to do, for the space below the list."""
    lines = [plain(one.says), f"Why:    {plain(one.why)}"]
    if one.where:
        lines.append(f"Where:  {plain(one.where)}")
    heads = ["Do:     ", *["        "] * len(one.next_steps)]
    lines += [f"{head}{plain(step.text)}" for head, step in zip(heads, one.next_steps, strict=False)]
    return "\n".join(lines)


def evidence_of(one: Diagnosis) -> str:
    """Return all that is known of a diagnosis, with what was asked and answered."""
    cause = BY_ID.get(one.cause_id)
    lines = [
        f"{one.cause_id}  {cause.title if cause else ''}".rstrip(),
        f"How sure: {one.certainty}",
        "",
        plain(one.says),
        plain(one.why),
    ]
    if one.where:
        lines += ["", "Where:", plain(one.where)]
    if one.covers.objects:
        lines += ["", f"Explains {one.covers.objects} objects in {one.covers.series} series."]
    lines += ["", "What to do:", *(f"- {plain(step.text)}" for step in one.next_steps)]
    if one.prevent:
        lines += ["", "Next time:", plain(one.prevent)]
    if one.evidence:
        lines += ["", "Asked and answered:", *(plain(item.as_text()) for item in one.evidence)]
    return "\n".join(lines)


def files_words(ledger: Ledger) -> str:
    """Return the counts of fates on one line."""
    counts = Counter(line.outcome for line in ledger.lines)
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items(), key=lambda item: -item[1]))


def files_text(facts: Facts) -> str:
    """Return the series with the counts of their fates, then every file under what became of it."""
    ledger = facts.ledger
    by_series = [f"  {plain(one.as_text())}" for one in per_series(facts)]
    groups: dict[str, list[str]] = {}
    for line in ledger.lines:
        remark = f"  ({plain(line.remark)})" if line.remark else ""
        groups.setdefault(line.outcome, []).append(f"  {plain(line.path)}{remark}")
    lines: list[str] = ["By series:", *by_series, ""] if by_series else []
    for outcome, files in sorted(groups.items(), key=lambda item: item[0].startswith("in ")):
        lines += [f"{outcome}: {len(files)}", *files, ""]
    lines += [f"{plain(uri)}: {count} more files that are not in this folder" for uri, count in ledger.extra]
    return "\n".join(lines) or "No file of this computer was compared."


def blind_words(report: Report) -> str:
    """Return where the search could not look, and who can."""
    by_whom: dict[str, list[str]] = {}
    for spot in report.blind_spots:
        by_whom.setdefault(spot.who.words, []).append(plain(spot.place))
    return "\n".join(f"Not looked at ({who} can): {'; '.join(places)}" for who, places in by_whom.items())


def act_name(step: NextStep) -> str:
    """Return what a step is called in a list; "" for what nobody does from here."""
    if step.action in _ACTS:
        return _ACTS[step.action]
    if step.kind is StepKind.WAIT:
        return "Look again"
    return _LETTERS.get(step.template, "")
