"""Whose object is it: project, subject, session and auto-archive flag from the header (the wire contract 9.2)."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pydicom.dataset import Dataset

from xnat_wizard.practice import headers, naming
from xnat_wizard.practice.store import Store

_RULE = re.compile(r"\(([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})\):(\S.*?)(?:\s+t:(.*?)\s+r:(.*))?")


@dataclass(frozen=True)
class Rule:
    """One line of a routing expression: element, pattern, group, and a replacement in what was found."""

    tag: int
    pattern: re.Pattern[str]
    group: int
    target: re.Pattern[str] | None
    replacement: str

    def find(self, header: Dataset) -> str | None:
        """Return what the rule makes of the header, None where it does not match."""
        value = headers.text(header, self.tag)
        if self.target is None:
            value = value[:64]
        match = self.pattern.fullmatch(value)
        if not match or self.group > self.pattern.groups:
            return None
        found = match.group(self.group) or ""
        return self.target.sub(self.replacement, found) if self.target else found


@dataclass(frozen=True)
class Rules:
    """Routing rules of the site or of a receiver, all four kinds."""

    project: tuple[Rule, ...] = ()
    subject: tuple[Rule, ...] = ()
    session: tuple[Rule, ...] = ()
    auto: tuple[Rule, ...] = ()

    @property
    def tags(self) -> tuple[int, ...]:
        """Return the elements that the rules look at."""
        return tuple(rule.tag for rule in (*self.project, *self.subject, *self.session, *self.auto))


NO_RULES = Rules()


@dataclass(frozen=True)
class Identity:
    """What the header says; project is "" when no candidate is a project."""

    project: str
    subject: str
    session: str
    auto: bool | None


def parse_rules(text: str) -> tuple[Rule, ...]:
    """Read rule lines.

    Raises:
        ValueError: a line is malformed; XNAT then fails every identification until it is mended.
    """
    try:
        return tuple(_parse_rule(line.strip()) for line in text.splitlines() if line.strip())
    except re.error as error:
        raise ValueError(f"malformed routing rule: {error}") from error


def _parse_rule(line: str) -> Rule:
    match = _RULE.fullmatch(line)
    if not match:
        raise ValueError(f"malformed routing rule: {line}")
    tag = int(match.group(1) + match.group(2), 16)
    body, group = match.group(3), 1
    with_group = re.fullmatch(r"(.*):(\d+)", body)
    if with_group:
        body, group = with_group.group(1), int(with_group.group(2))
    pattern = re.compile(body)
    if pattern.groups == 0:
        group = 0
    target = re.compile(match.group(4)) if match.group(4) else None
    return Rule(tag, pattern, group, target, re.sub(r"\$(\d)", r"\\\1", match.group(5) or ""))


def site_rules(store: Store) -> Rules:
    """Read the rules from the config service, tool `dicom`; a disabled configuration does not count."""

    def rules(path: str) -> tuple[Rule, ...]:
        config = store.config("dicom", path)
        return parse_rules(config.contents) if config and config.status == "enabled" else ()

    return Rules(rules("projectRules"), rules("subjectRules"), rules("sessionRules"), rules("aaRules"))


def key_value(text: str, key: str) -> str | None:
    """Find `Key:VALUE` in a comment: at its start, else the last one (9.2)."""
    pattern = rf"(?:\A|(?:.*[\s,;])){key}\s*:\s*([\w\-]*)(?:(?:[\s,;].*\Z)|\Z)"
    match = re.fullmatch(pattern, text, re.IGNORECASE)
    return match.group(1) if match else None


def _comments(header: Dataset, key: str) -> Iterable[str]:
    for keyword in headers.COMMENTS:
        found = key_value(headers.text(header, keyword), key)
        if found is not None:
            yield found


def _by_rules(header: Dataset, *groups: tuple[Rule, ...]) -> Iterable[str]:
    """Give what the first matching rule of each group finds."""
    for rules in groups:
        found = next((value for rule in rules if (value := rule.find(header)) is not None), None)
        if found is not None:
            yield found


def identify(
    header: Dataset, rules: Rules, find_project: Callable[[str], str | None], routing: Rules = NO_RULES
) -> Identity:
    """Say whose object it is; a receiver's own `routing` comes before the site's rules.

    `find_project` gives the ID of a project that the acting user can use, by ID or alias. Labels are cleaned;
    the session may be "".
    """
    whole = headers.texts(header, ("StudyDescription", "AccessionNumber", "PatientName", "PatientID"))
    candidates = (
        *_by_rules(header, routing.project, rules.project),
        *_comments(header, "Project"),
        whole["StudyDescription"],
        whole["AccessionNumber"],
    )
    project = next((known for name in candidates if name and (known := find_project(name))), "")
    by_subject = _by_rules(header, routing.subject, rules.subject)
    by_session = _by_rules(header, routing.session, rules.session)
    subjects = (*by_subject, *_comments(header, "Subject"), whole["PatientName"])
    sessions = (*by_session, *_comments(header, "Session"), whole["PatientID"])
    auto = next((word.lower() for word in (*_by_rules(header, rules.auto), *_comments(header, "AA"))), "")
    return Identity(
        project=project,
        subject=naming.clean_label(next((name for name in subjects if name), "")),
        session=naming.clean_label(next((name for name in sessions if name), "")),
        auto={"true": True, "t": True, "false": False, "f": False}.get(auto),
    )
