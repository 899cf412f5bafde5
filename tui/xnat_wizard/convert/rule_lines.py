"""Find the line of a TOML file of rules that a fault is about; the parser of the standard library tells none."""

import re

_RULE = re.compile(r"\s*\[\[\s*(?:rule|\"rule\"|'rule')\s*\]\]")
_TABLE = re.compile(r"\s*\[")


def line_of(text: str, rule: int, key: str) -> int:
    """Return the line of a key, from 1; that of its table where the key is not found, and 0 where neither is.

    Args:
        text: of the file.
        rule: number of the rule, from 1; 0 for what stands in no rule.
        key: its name; "" for the rule itself.
    """
    lines = text.splitlines()
    starts = [at for at, line in enumerate(lines) if _RULE.match(line)]
    if rule > len(starts):
        return 0
    begin = starts[rule - 1] if rule else 0
    later = [at for at in starts if at > begin or not rule]
    end = later[0] if later and rule else len(lines)
    if key:
        named = re.compile(rf"""(?<![\w."'-])["']?{re.escape(key)}["']?\s*(?:=|\.|\])""")
        for at in range(begin, end):
            if named.search(_without_comment(lines[at])):
                return at + 1
    return begin + 1 if rule else 0


def _without_comment(line: str) -> str:
    """Return a line without a comment of its own; a `#` further on may stand in a text."""
    return "" if line.lstrip().startswith("#") else line
