"""What a survey found, as a tree of subjects and series, and in words."""

from collections import defaultdict
from dataclasses import dataclass

from rich.text import Text
from textual.message import Message
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from xnat_wizard.amounts import bytes_text, count_text
from xnat_wizard.dicom.model import ParRecPair, Series, Survey, SurveyProgress
from xnat_wizard.findings import Severity
from xnat_wizard.wizard.steps.folder.help import FOUND_HELP, HELP
from xnat_wizard.wizard.steps.folder.words import FOUND, nothing_to_send, source_name
from xnat_wizard.wizard.widgets.dates import WIDTH, marked_date
from xnat_wizard.wizard.widgets.plain import column, cut, plain

Found = Series | ParRecPair
FIXED_CELLS = 50  # everything in a line but the description, with the tree's own lines
DATE_CELLS = 13  # left out where the line is short
SHORTEST_NAME = 8  # of a source: one that would be cut to less is left out
LOOSE_FILES = "(files right in the folder)"


@dataclass(frozen=True, slots=True)
class _Shape:
    """How the lines of series are divided."""

    name_cells: int
    has_date: bool

    def line(self, mark: str, kind: str, name: str, files: str, date: str, size_bytes: int) -> Text:
        """Return one line with its columns."""
        day = f"  {column(marked_date(date), WIDTH)}" if self.has_date else ""
        text = f"{column(kind, 9)}{column(name, self.name_cells)} {files:>11}{day}  {bytes_text(size_bytes):>7}"
        return Text.assemble((f"{mark:5}", "bold" if mark != "ok" else ""), plain(text))


def progress_words(progress: SurveyProgress) -> str:
    """Return one line for a survey that runs."""
    return (
        f"Reading: {count_text(progress.files_seen, 'file')}, {count_text(progress.instances_found, 'image')}, "
        f"{bytes_text(progress.bytes_found)}; now {progress.current or 'the folder itself'}"
    )


def summary_line(survey: Survey, width: int) -> str:
    """Return one line of at most `width` cells for a survey that is done: the figures stay, the name is cut."""
    words = summary_words(survey)
    if len(words) > width:
        words = summary_words(survey, is_short=True)
    room = width - len(words) - 2
    name = source_name(survey.source)
    return f"{cut(name, room)}: {words}" if room >= min(len(name), SHORTEST_NAME) else cut(words, width)


def summary_words(survey: Survey, *, is_short: bool = False) -> str:
    """Return what a survey found, in figures; in short with fewer words."""
    images = sum(len(series.instances) for series in survey.series)
    size = sum(series.size_bytes for series in survey.series)
    size += sum(pair.par_size_bytes + pair.rec_size_bytes for pair in survey.pairs)
    parts = [
        count_text(len(survey.subject_folders), "subject"),
        count_text(len(survey.series), "series", "series"),
        count_text(images, "image"),
    ]
    if survey.pairs:
        parts.append(count_text(len(survey.pairs), "pair" if is_short else "PAR/REC pair"))
    if survey.others:
        parts.append(f"{len(survey.others):,} other" if is_short else count_text(len(survey.others), "other file"))
    return f"{', '.join(parts)}; {bytes_text(size)}"


def severities(survey: Survey) -> dict[str, Severity]:
    """Return how heavy each finding code weighs in this survey."""
    found: dict[str, Severity] = {}
    for finding in survey.findings:
        before = found.get(finding.code)
        if before is None or finding.severity.weight < before.weight:
            found[finding.code] = finding.severity
    return found


def mark_of(item: Found, weights: dict[str, Severity]) -> str:
    """Return the word before a line: goes, goes after a yes, cannot go."""
    if not item.held_by:
        return "ok"
    return "STOP" if any(weights.get(code) is Severity.STOP for code in item.held_by) else "ask"


def can_send_something(survey: Survey) -> bool:
    """Tell whether anything is left that may be sent, at least after a yes."""
    weights = severities(survey)
    items: tuple[Found, ...] = (*survey.series, *survey.pairs)
    return any(mark_of(item, weights) != "STOP" for item in items)


def found_words(survey: Survey | None) -> str:
    """Return what can be done with what was found, or why nothing can."""
    if survey is None or can_send_something(survey):
        return FOUND
    finding = nothing_to_send(survey)
    return f"{finding.what}. {finding.why}"


class FoundTree(Tree[Found | None]):
    """Subjects, and under each its series and PAR/REC pairs; Enter looks at an image."""

    HELP = f"{FOUND_HELP}\n{HELP}"

    class Looked(Message):
        """Enter was pressed on a series."""

    def __init__(self, *, id: str) -> None:  # noqa: A002  textual's own word
        super().__init__("", id=id)
        self.show_root = False
        self.guide_depth = 2
        self.survey: Survey | None = None
        self._width = 0

    def show(self, survey: Survey, width: int) -> None:
        """Draw a survey in lines of `width` cells; drawn again in another width, the cursor stays."""
        if survey is self.survey and width == self._width:
            return
        line = self.cursor_line if survey is self.survey else 0
        self.survey, self._width = survey, width
        self.clear()
        weights = severities(survey)
        has_date = width >= FIXED_CELLS + DATE_CELLS
        shape = _Shape(max(12, width - FIXED_CELLS + (0 if has_date else DATE_CELLS)), has_date)
        series_of: dict[str, list[Series]] = defaultdict(list)
        pairs_of: dict[str, list[ParRecPair]] = defaultdict(list)
        for one in survey.series:
            series_of[one.subject_folder].append(one)
        for pair in survey.pairs:
            pairs_of[pair.subject_folder].append(pair)
        for subject in survey.subject_folders:
            series, pairs = series_of[subject], pairs_of[subject]
            branch = self.root.add(_subject_label(subject, series, pairs), data=None, expand=True)
            for one in series:
                branch.add_leaf(_series_label(one, mark_of(one, weights), shape), data=one)
            for pair in pairs:
                branch.add_leaf(_pair_label(pair, mark_of(pair, weights), shape), data=pair)
        if self.root.children:
            self.call_after_refresh(self.move_cursor_to_line, line)

    @property
    def chosen(self) -> Found | None:
        """Return the series or pair under the cursor; for a subject its first."""
        node = self.cursor_node
        if node is None:
            return None
        if node.data is None and node.children:
            node = node.children[0]
        return node.data

    def go_to(self, where: str) -> bool:
        """Put the cursor on the line that a place of a finding belongs to; tells whether there is one."""
        best: TreeNode[Found | None] | None = None
        best_length = -1
        for branch in self.root.children:
            for leaf in branch.children:
                for folder in _folders(leaf.data):
                    if _is_within(where, folder) and len(folder) > best_length:
                        best, best_length = leaf, len(folder)
            subject = _subject(branch)
            if subject and _is_within(where, subject) and best_length < 0:
                best = branch
        if best is not None:
            self.move_cursor(best)
        return best is not None

    def concerns(self, where: str) -> bool:
        """Tell whether a place of a finding belongs to the line under the cursor."""
        node = self.cursor_node
        if node is None:
            return False
        folders = _folders(node.data) if node.data is not None else (_subject(node),)
        return any(_is_within(where, folder) or _is_within(folder, where) for folder in folders)

    def action_select_cursor(self) -> None:
        """Open or close a subject; look at a series."""
        node = self.cursor_node
        if node is not None and node.data is not None:
            self.post_message(self.Looked())
        elif node is not None:
            node.toggle()


def _folders(item: Found | None) -> tuple[str, ...]:
    if isinstance(item, Series):
        return item.folders
    return (item.folder,) if item is not None else ()


def _subject(branch: TreeNode[Found | None]) -> str:
    data = branch.children[0].data if branch.children else None
    return data.subject_folder if data is not None else ""


def _is_within(where: str, folder: str) -> bool:
    return bool(folder) and (where == folder or where.startswith(f"{folder}/"))


def _subject_label(subject: str, series: list[Series], pairs: list[ParRecPair]) -> Text:
    files = sum(len(one.instances) for one in series) + 2 * len(pairs)
    size = sum(one.size_bytes for one in series) + sum(pair.par_size_bytes + pair.rec_size_bytes for pair in pairs)
    words = [count_text(len(series), "series", "series")] if series else []
    words += [count_text(len(pairs), "PAR/REC pair")] if pairs else []
    words += [count_text(files, "file"), bytes_text(size)]
    return Text.assemble((cut(subject or LOOSE_FILES, 40), "bold"), ("   " + ", ".join(words), "dim"))


def _series_label(series: Series, mark: str, shape: _Shape) -> Text:
    number = series.series_number or "-"
    name = series.series_description or "(no description)"
    files = count_text(len(series.instances), "file")
    return shape.line(mark, f"{column(number, 4)}{series.modality}", name, files, series.study_date, series.size_bytes)


def _pair_label(pair: ParRecPair, mark: str, shape: _Shape) -> Text:
    name = pair.protocol_name or pair.par_path.rpartition("/")[2]
    size = pair.par_size_bytes + pair.rec_size_bytes
    return shape.line(mark, f"PAR {pair.version}", name, "2 files", "", size)
