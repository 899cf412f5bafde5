"""What the results step says: how targets stand, and what came of them."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from xnat_wizard.amounts import bytes_text, count_text
from xnat_wizard.findings import Finding
from xnat_wizard.upload.resource_transfer.model import Existing, Outcome, Tally, Target, Verdict, Wishes
from xnat_wizard.upload.resource_transfer.previewing import Seen, State
from xnat_wizard.upload.resource_transfer.targets import Request
from xnat_wizard.wizard.choices import ResultsDraft
from xnat_wizard.wizard.widgets.plain import plain
from xnat_wizard.wizard.widgets.rows import Column, Row

LEVELS = {
    "project": "One resource of the project itself",
    "subject": "A resource of each subject",
    "session": "A resource of each session",
    "scan": "A resource of one scan of each session",
}
EXISTING = {
    "fail": ("stop and say so", "A target with other files of the same names is left alone, and said so."),
    "skip": ("leave them", "Files of the same names that differ stay as they are; the others are moved."),
    "replace": ("replace them", "Files of the same names that differ are replaced. Equal ones are never moved again."),
}
_AT_EXISTING = {"fail": "stop at", "skip": "leave", "replace": "replace"}
PREVIEW_COLUMNS = (
    Column("", 3),
    Column("Here", 12, grow=2, keeps_end=True),
    Column("On the site", 17, grow=1),
    Column("Files", 5, is_right=True, needs=70),
    Column("Size", 7, is_right=True, needs=70),
    Column("How it stands", 18, grow=1),
)
MOVING_COLUMNS = (
    Column("Here", 12, grow=2, keeps_end=True),
    Column("On the site", 17, grow=1),
    Column("Files", 7, is_right=True, needs=70),
    Column("Size", 7, is_right=True, needs=70),
    Column("How it stands", 20, grow=1),
)
_TONES = {
    State.NEW: "good",
    State.MADE: "good",
    State.PARTLY: "good",
    State.DIFFERS: "warn",
    State.LOOKING: "quiet",
    State.EXISTS: "quiet",
}
_OPTIONS = (  # what findings say for the command line, and where that is in the wizard
    (": --existing skip", ": Options, Existing files"),
    (": --existing replace", ": Options, Existing files"),
    (": --create", ": Options, Missing sessions"),
    (": the same command with --verify-bytes", ": Options, Proof"),
    (": name the others with --subjects", ": untick it, or name the others in Subjects"),
    ("Or name the subjects: --subjects p020..p023", "Or name the subjects: p020..p023 in Subjects"),
    ("`--existing skip` was given", "Options say so: existing files are left"),
    ("`--create` was given", "Options say so: missing sessions are made"),
    ("See which there are: xnat-wizard resource list", "See in the Archive which there are"),
    ("See which one is right: xnat-wizard resource get, into another folder", "See which one is right: fetch it first"),
    ("Give --session", "Fill in Session"),
    ("Give --subject", "Fill in Subject"),
)


def here_words(finding: Finding) -> Finding:
    """Return a finding with the wizard's words in the place of options of the command line."""

    def said(text: str) -> str:
        for option, words in _OPTIONS:
            text = text.replace(option, words)
        return text

    return replace(finding, why=said(finding.why), todo=tuple(said(step) for step in finding.todo))


def lacking(draft: ResultsDraft) -> str:
    """Say what has to be typed before there is anything to see; "" when nothing is missing."""
    if not (draft.folder if draft.is_get else draft.path).strip():
        return "Type the folder with the results, or press F2."
    if draft.level in {"session", "scan"} and not draft.session.strip():
        return "Type how sessions are called, as in {subject}-mri."
    if draft.level == "scan" and not draft.scan.strip():
        return "Type the number of the scan."
    if draft.level == "subject" and not draft.subject.strip():
        return "Type how subjects are called, as in {subject}."
    if not draft.label.strip():
        return "Type what the resource is called, such as qBOLD."
    return ""


def request_of(draft: ResultsDraft, project: str) -> Request:
    """Return what is asked for.

    Raises:
        Problem: resource.bad_pattern, resource.bad_subjects, resource.no_level, resource.bad_option.
    """
    in_session = draft.level in {"session", "scan"}
    has_subject = draft.level == "subject" or (in_session and draft.creates and not draft.is_get)
    return Request.parse(
        (draft.folder if draft.is_get else draft.path).strip(),
        project=project,
        subject=draft.subject.strip() if has_subject else "",
        session=draft.session.strip() if in_session else "",
        scan=draft.scan.strip() if draft.level == "scan" else "",
        label=draft.label.strip(),
        subjects=draft.subjects.strip(),
    )


def key_of(target: Target) -> str:
    """Return what tells a target from the others while words are typed."""
    return target.subject or str(target.path)


def options_line(draft: ResultsDraft) -> str:
    """Return level and options in one line, with their keys."""
    words = [f"{_AT_EXISTING[draft.existing]} existing"]
    if not draft.is_get and draft.keeps_archive:
        words.append("keep archives")
    if not draft.is_get and draft.creates:
        words.append("make sessions")
    return f"F3 Level: {draft.level}   F4 Options: {', '.join(words)}"


def preview_row(seen: Seen, draft: ResultsDraft, *, is_ticked: bool) -> Row:
    """Return a target as a row."""
    target, can_move = seen.target, seen.state.can_move
    mark = "[x]" if is_ticked and can_move else "[ ]" if can_move or seen.state is State.LOOKING else " - "
    cells = (
        mark,
        plain(target.path.name or str(target.path)),
        plain(place_text(target)),
        "" if seen.files is None else f"{seen.files:,}",
        "" if seen.size_bytes is None else bytes_text(seen.size_bytes),
        state_words(seen, draft),
    )
    tone = _TONES.get(seen.state, "bad") if is_ticked or not can_move else "quiet"
    return Row(key_of(target) + f"\0{target}", cells, tone)


def place_text(target: Target) -> str:
    """Return where a target is in its project, the resource last."""
    address = target.address
    holder = address.session or address.subject or address.project
    scan = f" scan {address.scan}" if address.scan else ""
    return f"{holder}{scan} / {target.label}"


def state_words(seen: Seen, draft: ResultsDraft) -> str:
    """Return how a target stands in few words."""
    match seen.state:
        case State.NEW:
            return "new"
        case State.MADE:
            return f"new, {seen.target.address.level} too"
        case State.PARTLY:
            return f"exists, {(seen.files or 0) - seen.equal:,} new"
        case State.EXISTS:
            return "exists, same sizes"
        case State.DIFFERS:
            return f"exists, {seen.other:,} differ{'s' * (seen.other == 1)}"
        case State.EMPTY:
            return "no such resource" if draft.is_get else "nothing here"
        case State.NO_HOLDER:
            return f"no such {seen.target.address.level}"
        case State.REFUSED:
            return "of another project"
        case _:
            return f"{seen.state}..." if seen.state is State.LOOKING else str(seen.state)


def sum_words(seen: Iterable[Seen], draft: ResultsDraft, left_out: set[str]) -> str:
    """Return how many can go, and how many cannot."""
    found = list(seen)
    looking = sum(one.state is State.LOOKING for one in found)
    going = [one for one in found if one.state.can_move and key_of(one.target) not in left_out]
    hindered = sum(not one.state.can_move and one.state is not State.LOOKING for one in found)
    if looking:
        return f"Looking: {len(found) - looking:,} of {len(found):,}..."
    moved = "saved here" if draft.is_get else "sent"
    files, size = sum(one.files or 0 for one in going), sum(one.size_bytes or 0 for one in going)
    said = f"{len(going):,} of {len(found):,} can be {moved}: {count_text(files, 'file')}, {bytes_text(size)}."
    return f"{said} {hindered:,} cannot: Enter on it says why." if hindered else said


def detail_text(seen: Seen, draft: ResultsDraft) -> str:
    """Return all about a target as lines."""
    target = seen.target
    files = "not known yet" if seen.files is None else f"{seen.files:,}, {bytes_text(seen.size_bytes or 0)}"
    lines = [
        f"Here:         {plain(str(target.path))}",
        f"On the site:  {plain(str(target))}",
        f"Files:        {files}",
        f"Stands:       {state_words(seen, draft)}",
    ]
    if seen.files and seen.state.can_move:
        new = seen.files - seen.equal - seen.other
        lines += ["", f"{new:,} not at the other end, {seen.equal:,} of the same size, {seen.other:,} of another size."]
        lines += ["Digests are compared when they are moved."]
    return "\n".join(lines)


# -- while it runs, and afterwards ---------------------------------------------------------------------------------


def moving_row(target: Target, tally: Tally | None, outcome: Outcome | None, *, is_running: bool) -> Row:
    """Return a target that is moved, or was."""
    counts = outcome.tally if outcome is not None else tally
    done = "" if counts is None else f"{counts.moved + counts.there:,}/{counts.files:,}"
    size = "" if counts is None else bytes_text(counts.size_bytes)
    words, tone = _standing(counts, outcome, is_running=is_running)
    cells = (plain(target.path.name or str(target.path)), plain(place_text(target)), done, size, words)
    return Row(str(target.path) + f"\0{target}", cells, tone)


def _standing(counts: Tally | None, outcome: Outcome | None, *, is_running: bool) -> tuple[str, str]:
    if outcome is not None:
        return outcome_words(outcome)
    if counts is None:
        return ("waits" if is_running else "not begun"), "quiet"
    if not is_running:
        return "stopped", "warn"
    if not counts.to_travel_bytes:
        return "comparing...", ""
    if counts.travelled_bytes >= counts.to_travel_bytes:
        return "checking...", ""
    return f"{min(99, 100 * counts.travelled_bytes // counts.to_travel_bytes)} %", ""


def outcome_words(outcome: Outcome) -> tuple[str, str]:
    """Return what came of a target, and the tone of its row."""
    tally = outcome.tally
    if outcome.verdict is Verdict.DONE:
        left = f", {tally.left:,} left as they were" if tally.left else ""
        return f"ok    equal by {outcome.proof}{left}", "good"
    codes = [finding.code for finding in outcome.findings]
    if outcome.verdict is Verdict.INCOMPLETE:
        what = "in the way" if "resource.differs" in codes else "missing"
        return f"warn  {tally.failed:,} {what}", "warn"
    code = codes[0] if codes else ""
    short = {
        "resource.differs": "others in the way",
        "resource.no_holder": "no such place",
        "resource.no_source": "nothing here",
        "resource.nothing": "nothing here",
        "resource.missing": "no such resource",
    }
    return f"FAIL  {short.get(code, 'nothing moved')}", "bad"


def report_text(targets: Iterable[Target], outcomes: dict[Target, Outcome], *, is_get: bool) -> str:
    """Return what came of every target, with all findings, as lines."""
    moved = "saved" if is_get else "sent"
    lines = []
    for target in targets:
        outcome = outcomes.get(target)
        lines += [plain(f"{target.path}  {'<-' if is_get else '->'}  {target}")]
        if outcome is None:
            lines += ["      not finished", ""]
            continue
        tally = outcome.tally
        counts = f"{count_text(tally.files, 'file')}, {bytes_text(tally.size_bytes)}: {tally.moved:,} {moved}, "
        counts += f"{tally.there:,} there already" + (f", {tally.left:,} left as they were" if tally.left else "")
        counts += f", {tally.failed:,} not" if tally.failed else ""
        lines += [f"      {outcome_words(outcome)[0]}", f"      {counts}"]
        for finding in map(here_words, outcome.findings):
            lines += [plain(f"      {finding.what}. {finding.why}."), plain(f"      Do: {'; '.join(finding.todo)}")]
        lines.append("")
    return "\n".join(lines)


def wishes_of(draft: ResultsDraft) -> Wishes:
    """Return how targets are to be worked on."""
    return Wishes(
        existing=Existing(draft.existing),
        verifies_bytes=draft.verifies_bytes,
        keeps_archive=draft.keeps_archive and not draft.is_get,
        creates=draft.creates and not draft.is_get,
    )


def start_of(draft: ResultsDraft) -> Path:
    """Return where choosing a folder begins."""
    text = (draft.folder if draft.is_get else draft.path).strip()
    return Path(text.partition("{")[0] or ".").expanduser()
