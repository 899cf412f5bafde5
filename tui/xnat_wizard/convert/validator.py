"""Ask the validator of the BIDS standard, where it is installed. It is a program of its own and asks no network.

Source: bids-validator's `--format json`: issues with code, severity, location; a sentence for each code.
"""

import json
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from xnat_wizard.convert import children
from xnat_wizard.convert.model import BIDS_ERROR, BIDS_WARNING, VALIDATOR_FAILED, VALIDATOR_MISSING
from xnat_wizard.findings import Finding, Severity

_PROGRAMS = ("bids-validator-deno", "bids-validator")
_MOST_PLACES = 4
_MOST_SIGNS = 240


@dataclass(frozen=True, slots=True)
class Validation:
    """What the validator says; it judged only when `has_judged`."""

    has_judged: bool
    errors: int
    warnings: int
    findings: tuple[Finding, ...]

    @property
    def is_valid(self) -> bool:
        """Tell whether it judged and found no error."""
        return self.has_judged and not self.errors


def program() -> str:
    """Return the validator beside this program or on the PATH, or ""."""
    for name in _PROGRAMS:
        beside = Path(sys.executable).with_name(name)
        if beside.is_file():
            return str(beside)
        if found := shutil.which(name):
            return found
    return ""


def validate(dataset: Path, stop: Event | None = None) -> Validation:
    """Let the validator judge a dataset; what hinders it is a finding, too.

    Raises:
        Stopped: `stop` was set.
    """
    validator = program()
    if not validator:
        return Validation(has_judged=False, errors=0, warnings=0, findings=(_missing(),))
    done = children.run([validator, str(dataset), "--format", "json"], stop, keeps_errors_apart=True)
    try:
        told = json.loads(done.said)
        issues: list[dict[str, Any]] = told["issues"]["issues"]
        words: Mapping[str, str] = dict(told["issues"].get("codeMessages", {}))
    except (ValueError, KeyError, TypeError):
        return Validation(has_judged=False, errors=0, warnings=0, findings=(_failed(done.code),))
    errors = [issue for issue in issues if issue.get("severity") == "error"]
    warnings = [issue for issue in issues if issue.get("severity") == "warning"]
    advice = [issue for issue in warnings if "RECOMMENDED" in str(issue.get("code"))]
    others = [issue for issue in warnings if issue not in advice]
    findings = [
        _finding(code, group, words, is_error=kind is errors)
        for kind in (errors, others)
        for code, group in _by_code(kind).items()
    ]
    if advice:
        findings.append(_advice(advice))
    return Validation(has_judged=True, errors=len(errors), warnings=len(warnings), findings=tuple(findings))


def _by_code(issues: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for issue in issues:
        code = str(issue.get("code", ""))
        if issue.get("subCode"):
            code += f", {issue['subCode']}"
        groups.setdefault(code, []).append(issue)
    return groups


def _finding(code: str, group: list[dict[str, Any]], words: Mapping[str, str], *, is_error: bool) -> Finding:
    places = list(dict.fromkeys(str(issue.get("location", "")) for issue in group))
    first = group[0]
    said = str(first.get("issueMessage") or words.get(str(first.get("code")), "") or "It gives no sentence")
    more = f" and {len(places) - _MOST_PLACES} more" if len(places) > _MOST_PLACES else ""
    return Finding(
        BIDS_ERROR if is_error else BIDS_WARNING,
        f"The BIDS validator reports {'an error' if is_error else 'a warning'}: {code}",
        _short(said),
        ("Add what is missing by `sidecar` or [dataset] in the rules, or by hand", "Convert again"),
        where=", ".join(place for place in places[:_MOST_PLACES] if place) + more,
        severity=Severity.STOP if is_error else Severity.NOTE,
    )


def _short(said: str) -> str:
    """Return the first sentence of a long text."""
    text = " ".join(said.removeprefix("Field description: ").split())
    return text if len(text) <= _MOST_SIGNS else f"{text.split('. ')[0][:_MOST_SIGNS].rstrip('.')}…"


def _advice(group: list[dict[str, Any]]) -> Finding:
    """Return the many fields that are only recommended as one finding."""
    fields = sorted({str(issue.get("subCode") or issue.get("code")) for issue in group})
    return Finding(
        BIDS_WARNING,
        f"BIDS recommends {len(fields)} fields that are not there",
        ", ".join(fields),
        ("Add those that are known by `sidecar` or [dataset] in the rules; the dataset is valid without them",),
        severity=Severity.NOTE,
    )


def _missing() -> Finding:
    return Finding(
        VALIDATOR_MISSING,
        "The dataset was not checked by the BIDS validator",
        "It is not installed beside this program nor on the PATH",
        ("Install it: pip install 'xnat-wizard[bids]'", "Or check the dataset at another place before it is used"),
        severity=Severity.NOTE,
    )


def _failed(code: int) -> Finding:
    return Finding(
        VALIDATOR_FAILED,
        "The BIDS validator did not judge the dataset",
        f"It ended with {code}, and its answer is not understood",
        ("Run it by hand to see what it says: bids-validator-deno FOLDER", "Install it anew"),
        severity=Severity.NOTE,
    )
