"""The rule language of a site's identification: `(gggg,eeee):REGEX[:GROUP] [t:TARGET r:REPLACEMENT]`, one a line.

Only what can be read with certainty is evaluated; anything else makes the outcome unknown. Sources: wire contract 9.2.
"""

import re
from dataclasses import dataclass

from xnat_wizard.expressions import BadExpression, Expression, Unsearched, expression
from xnat_wizard.troubleshoot.attributes import tag_of, value_of
from xnat_wizard.troubleshoot.local_facts import LocalObject

_LINE = re.compile(r"\((?P<group>[0-9A-Fa-f]{4}),\s*(?P<element>[0-9A-Fa-f]{4})\)\s*:(?P<rest>.*)")
_CHANGE = re.compile(r"^(?P<pattern>.*?)\s+t:(?P<target>\S*)\s+r:(?P<replacement>.*)$")
_GROUPED = re.compile(r"^(?P<pattern>.*):(?P<number>\d+)$")
_LONGEST = 64
_KEY = r"(?:\A|(?:.*[\s,;])){key}\s*\:\s*([\w\-]*)(?:(?:[\s,;].*\Z)|\Z)"


class NotEvaluated(Exception):  # noqa: N818  says why
    """A rule that this program cannot evaluate."""


@dataclass(frozen=True, slots=True)
class _Rule:
    tag: int
    pattern: Expression
    group: int
    target: Expression | None
    replacement: str


def parse_rules(text: str) -> tuple[_Rule, ...]:
    """Read rules.

    Raises:
        NotEvaluated: a line is not understood.
    """
    lines = [line.strip() for line in text.splitlines()]
    return tuple(_parse(line) for line in lines if line and not line.startswith("#"))


def _parse(line: str) -> _Rule:
    found = _LINE.fullmatch(line)
    if found is None:
        raise NotEvaluated(f"the line `{line}` is not understood")
    pattern, target, replacement = found["rest"].strip(), "", ""
    changed = _CHANGE.match(pattern)
    if changed:
        pattern, target, replacement = changed["pattern"].strip(), changed["target"], changed["replacement"]
    grouped = _GROUPED.match(pattern)
    group = 1
    if grouped:
        pattern, group = grouped["pattern"], int(grouped["number"])
    try:
        compiled = expression(pattern)
        aim = expression(target) if target else None
    except BadExpression:
        raise NotEvaluated(f"the line `{line}` holds an expression of another language") from None
    return _Rule(tag_of(found["group"], found["element"]), compiled, group, aim, replacement)


def evaluate(rules: tuple[_Rule, ...], one: LocalObject) -> str:
    """Return what the first matching rule makes of an object, "" when none matches.

    Raises:
        NotEvaluated: a rule looks at an attribute that was not read, or cannot be followed.
    """
    for rule in rules:
        value = value_of(one, rule.tag)
        if value is None:
            raise NotEvaluated(f"it looks at ({rule.tag >> 16:04X},{rule.tag & 0xFFFF:04X}), which was not read")
        if rule.target is None:
            value = value[:_LONGEST]
        try:
            text = _taken(rule, value)
        except (BadExpression, Unsearched):
            raise NotEvaluated(f"`{rule.pattern.text}` cannot be followed") from None
        if text:
            return text
    return ""


def _taken(rule: _Rule, value: str) -> str:
    """Return what a rule takes of a value, "" for nothing."""
    found = rule.pattern.fullmatch(value) if value else None
    if found is None:
        return ""
    text = found[rule.group if rule.group < len(found) else 0]
    if rule.target is None:
        return text
    return rule.target.replace(rule.replacement.replace("$", "\\"), text)


def word_after(key: str, text: str) -> str:
    """Return the value of `KEY:VALUE` in a comment as the site reads it, "" when there is none (9.2)."""
    found = re.match(_KEY.format(key=key), text, re.IGNORECASE | re.ASCII)
    return found[1] if found else ""
