"""What an anonymization script surely does to an attribute: only what stands there without any condition.

DicomEdit is a language; most of it is not read here. A line that is not understood makes no promise, and takes back
those made for the attributes that it names. Sources: wire contract 3; DicomEdit 6.
"""

import re

_COMMENT = re.compile(r'("[^"\n]*")|//[^\n]*')
_TAG = re.compile(r"\(\s*([0-9A-Fa-f]{4})\s*,\s*([0-9A-Fa-f]{4})\s*\)")
_REMOVED = re.compile(rf"-\s*{_TAG.pattern}")
_SET = re.compile(rf'{_TAG.pattern}\s*:=\s*(?:"([^"]*)"|(project|subject|session))')
_QUOTED = re.compile(r'"[^"\n]*"')
_GOES_ON = ("?", ":", ",", "[", "=", "{")  # a line that ends so is no whole statement
_LABELS = {"project": "project ID", "subject": "subject label", "session": "session label"}


def sure_effects(script: str) -> dict[int, str]:
    """Return what becomes of each attribute, in words, by tag."""
    effects: dict[int, str] = {}
    depth, hangs = 0, False  # of braces; on the line before
    for raw in script.splitlines():
        line = _COMMENT.sub(lambda hit: hit[1] or "", raw).strip()
        if not line:
            continue
        is_alone = not depth and not hangs
        bones = _QUOTED.sub("", line)
        depth, hangs = max(0, depth + bones.count("{") - bones.count("}")), bones.endswith(_GOES_ON)
        removed, changed = _REMOVED.fullmatch(line) if is_alone else None, _SET.fullmatch(line) if is_alone else None
        if removed:
            effects[_tag(removed)] = "removed"
        elif changed:
            text, name = changed[3], changed[4]
            effects[_tag(changed)] = _LABELS[name] if name else f'"{text}"' if text else "emptied"
        else:
            for named in _TAG.finditer(line):
                effects.pop(_tag(named), None)
    return effects


def _tag(hit: re.Match[str]) -> int:
    return int(hit[1] + hit[2], 16)
