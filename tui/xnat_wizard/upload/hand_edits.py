"""What a person may have changed in a plan file: checked when it is read, told with the line of the file.

`plan` shows every label that XNAT would change before it writes the file; after an editor had it, only this looks.
"""

import re
from collections import defaultdict
from pathlib import Path

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.upload.labels import clean_label, is_legal
from xnat_wizard.upload.model import Plan, PlannedSession

_SHOWN = 5  # so many mistakes are told; they are mended one after the other anyway
_LABEL = re.compile(r'(?<!\\)"(subject_label|session_label|is_included)"\s*:')


def refuse_bad(plan: Plan, text: str, path: Path) -> None:
    """Look for labels that XNAT would change or mix up, in the sessions that are to be sent.

    Raises:
        Problem: `plan.bad_edit`, with the line of the first mistake.
    """
    mistakes = []
    owners: dict[str, list[PlannedSession]] = defaultdict(list)
    for number, session in enumerate(plan.sessions):
        is_included: object = session.is_included  # the file may say anything
        if not isinstance(is_included, bool):
            mistakes.append((number, "is_included", "`is_included` is true or false, without quotes"))
            continue
        if not is_included:
            mistakes += [(number, field, why) for field, why in _no_texts(session)]
            continue
        if session.is_blocked:
            why = f"{session.subject_folder or 'this session'} cannot be sent: {', '.join(session.held_by)}"
            mistakes.append((number, "is_included", why))
        for field in ("subject_label", "session_label"):
            label: object = getattr(session, field)
            if isinstance(label, str) and not is_legal(label):
                mistakes.append((number, field, f"XNAT would make `{clean_label(label)}` of `{label}`"))
        mistakes += [(number, field, why) for field, why in _no_texts(session)]
        same = owners[str(session.session_label).casefold()]
        if same:
            mistakes.append((number, "session_label", f"`{session.session_label}` stands above already"))
        same.append(session)
    if not mistakes:
        return
    lines = _lines(text)
    told = [(lines.get((number, field), 0), why) for number, field, why in mistakes]
    more = [f"and {len(told) - _SHOWN} more"] if len(told) > _SHOWN else []
    raise Problem(
        Finding(
            "plan.bad_edit",
            f"The plan file has {len(told)} {'mistake' if len(told) == 1 else 'mistakes'}",
            "; ".join([*(f"line {line}: {why}" for line, why in told[:_SHOWN]), *more]),
            ("Mend these lines in the file", "Or plan again from the folder"),
            where=f"{path}:{told[0][0]}",
            shareable="A plan file was edited by hand, and some labels in it are not legal or not distinct.",
        )
    )


def _no_texts(session: PlannedSession) -> list[tuple[str, str]]:
    labels: dict[str, object] = {"subject_label": session.subject_label, "session_label": session.session_label}
    return [(field, "a label stands in quotes") for field, label in labels.items() if not isinstance(label, str)]


def _lines(text: str) -> dict[tuple[int, str], int]:
    """Return the line of each label by the number of its session; only sessions have labels."""
    seen: dict[str, int] = defaultdict(int)
    lines: dict[tuple[int, str], int] = {}
    line, at = 1, 0
    for hit in _LABEL.finditer(text):
        line += text.count("\n", at, hit.start())
        at = hit.start()
        lines[seen[hit[1]], hit[1]] = line
        seen[hit[1]] += 1
    return lines
