"""Naming rules: one TOML file says what series are called, and a tester says which rule takes which series and why not.

    [dataset]
    name = "Resting state study"

    [[rule]]
    name = "T1w"
    match = { description = "*mprage*", images = "100-" }
    bids = "anat/T1w"

    [[rule]]
    name = "rest"
    match = { protocol = ["*rest*", "/^rs[-_]fmri/"], image_type = ["M"] }
    bids = "func/task-rest_bold"
    sidecar = { Instructions = "Look at the cross" }

    [[rule]]
    name = "phasediff"
    match = { description = "*field*", image_type = ["P"] }
    bids = "fmap/phasediff"
    intended_for = ["func/*"]

The first rule that takes a series names it. Words match without regard to case: `*` and `?` stand for any letters, a
word between slashes is a regular expression, which must come to an end soon; a list takes any of its words. Every word
of `image_type` must be in the image type, one after `!` must not. Counts are `4`, `10-20`, `10-` or `-20`.
"""

import difflib
import fnmatch
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xnat_wizard.convert.bids_names import BadName, BidsName
from xnat_wizard.convert.model import RULES_BAD, Item, Traits
from xnat_wizard.convert.rule_lines import line_of
from xnat_wizard.expressions import BadExpression, Unsearched, expression
from xnat_wizard.findings import Finding, Problem

TEXTS = ("description", "protocol", "modality", "source")
FIELDS = (*TEXTS, "image_type", "echo", "images")
_KEYS = ("name", "match", "bids", "file", "sidecar", "intended_for")
_DATASET_KEYS = ("name", "authors", "license", "acknowledgements", "funding")
_RANGE = re.compile(r"(\d*)-(\d*)|(\d+)")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_OWN_RULE = frozenset({"ADC", "MAP", "TRACEW"})  # maps that a plain rule does not mean


@dataclass(frozen=True, slots=True)
class Wish:
    """What a rule asks of one trait."""

    field: str
    words: tuple[str, ...]  # as the file has them


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the file."""

    name: str
    wishes: tuple[Wish, ...]
    bids: BidsName | None
    file: str  # what a plain output is called
    sidecar: Mapping[str, object]
    intended_for: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """The whole file."""

    rules: tuple[Rule, ...]
    dataset: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Check:
    """How one wish of a rule fares with one series."""

    field: str
    wanted: str
    actual: str
    is_met: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says to one kind of images."""

    rule: Rule
    checks: tuple[Check, ...]

    @property
    def is_match(self) -> bool:
        """Tell whether every wish is met."""
        return all(check.is_met for check in self.checks)

    @property
    def why_not(self) -> str:
        """Return the wishes that are not met, in words."""
        return "; ".join(
            f"{check.field} is {check.actual}, wanted {check.wanted}" for check in self.checks if not check.is_met
        )


def judge(rules: Rules, traits: Traits) -> tuple[Verdict, ...]:
    """Ask every rule, in order.

    Raises:
        Problem: `convert.rules_bad`: one of them comes to no end.
    """
    return tuple(Verdict(rule, _checks(rule, traits)) for rule in rules.rules)


def first_match(rules: Rules, traits: Traits) -> Rule | None:
    """Return the first rule that takes these images.

    Raises:
        Problem: `convert.rules_bad`: one that was asked comes to no end.
    """
    return next((rule for rule in rules.rules if all(check.is_met for check in _checks(rule, traits))), None)


def read(path: Path) -> Rules:
    """Read a file of rules.

    Raises:
        Problem: `convert.rules_bad` says where and what; also when there is no such file.
    """
    return parse(read_text(path), str(path))


def read_text(path: Path) -> str:
    """Read the text of a file of rules, usable or not.

    Raises:
        Problem: `convert.rules_bad`: there is no such file, or it is no text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Problem(_bad(str(path), f"The system says: {error.strerror}")) from None
    return decode(data, str(path))


def decode(data: bytes, where: str) -> str:
    """Return the text of a file of rules.

    Raises:
        Problem: `convert.rules_bad`: it is no text.
    """
    try:
        return data.decode("utf-8-sig")  # some editors put a mark before the text
    except UnicodeDecodeError:
        raise Problem(_bad(where, "It is not UTF-8 text")) from None


def parse(text: str, where: str = "") -> Rules:
    """Read the text of a file of rules.

    Raises:
        Problem: `convert.rules_bad`.
    """
    try:
        return _rules(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise Problem(_bad(where, _of_toml(error, text))) from None
    except RecursionError:
        raise Problem(_bad(where, "Its lists or tables are nested too deeply")) from None
    except ValueError as error:  # a number of thousands of digits, a date that is none
        raise Problem(_bad(where, f"It holds what is no value: {error}")) from None
    except _FaultError as fault:
        line = line_of(text, fault.rule, fault.key)
        said = str(fault)[:1].upper() + str(fault)[1:]
        raise Problem(_bad(where, f"Line {line}: {said}" if line else said)) from None


class _FaultError(Exception):
    """Says what is wrong with rules, and where in the file; `str()` is one sentence without full stop."""

    def __init__(self, text: str, rule: int = 0, key: str = "") -> None:
        super().__init__(text)
        self.rule = rule  # from 1; 0 for what stands in no rule
        self.key = key


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the file something stands."""

    words: str
    rule: int = 0

    def fault(self, text: str, key: str = "") -> _FaultError:
        return _FaultError(text, self.rule, key)


def _rules(table: dict[str, Any]) -> Rules:
    _known(table, ("dataset", "rule"), _Place("the file"))
    dataset = table.get("dataset", {})
    _known(dataset, _DATASET_KEYS, _Place("[dataset]"), "dataset")
    rows = table.get("rule", [])
    if not isinstance(rows, list) or not rows:
        raise _FaultError("it has no [[rule]]", key="rule")
    rules = tuple(_rule(row, number) for number, row in enumerate(rows, 1))
    names = [rule.name for rule in rules]
    for number, name in enumerate(names, 1):
        if name in names[: number - 1]:
            raise _FaultError(f'two rules are named "{name}"', number, "name")
    return Rules(rules, dataset)


def _rule(row: Any, number: int) -> Rule:
    place = _Place(f"rule {number}", number)
    _known(row, _KEYS, place)
    name = row.get("name", "")
    if not isinstance(name, str) or not name.strip():
        raise place.fault(f"{place.words} has no name", "name")
    place = _Place(f'rule "{name}"', number)
    wanted = row.get("match")
    _known(wanted, FIELDS, _Place(f"the match of {place.words}", number), "match")
    if not wanted:
        raise place.fault(f'{place.words} matches nothing: it needs match = {{ description = "..." }}', "match")
    wishes = tuple(Wish(field, _wish(field, value, place)) for field, value in wanted.items())
    bids = None
    if "bids" in row:
        try:
            bids = BidsName.parse(str(row["bids"]))
        except BadName as error:
            raise place.fault(f'{place.words}, bids = "{row["bids"]}": {error}', "bids") from None
    file = row.get("file", re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._") or "series")
    if not isinstance(file, str) or not _FILE.fullmatch(file):
        raise place.fault(f"{place.words}: file must be a name of letters, digits, dot, dash and underscore", "file")
    sidecar = row.get("sidecar", {})
    if not isinstance(sidecar, dict):
        raise place.fault(f"{place.words}: sidecar must be a table", "sidecar")
    intended = _words(row.get("intended_for", []), "intended_for", place)
    return Rule(name, wishes, bids, file, sidecar, intended)


def _wish(field: str, value: object, place: _Place) -> tuple[str, ...]:
    if field in {"echo", "images"}:
        values = value if isinstance(value, list) else [value]
        texts = tuple(str(one) for one in values if not isinstance(one, bool))
        if not texts or not all(_RANGE.fullmatch(text) and text != "-" for text in texts):
            raise place.fault(f"{place.words}: {field} must be a number, or like 10-20, 10- or -20", field)
        return texts
    words = _words(value, field, place)
    for word in words:
        if _is_expression(word):
            try:
                expression(word[1:-1], ignores_case=True)
            except BadExpression as error:
                raise place.fault(f"{place.words}: {word} is no regular expression: {error}", field) from None
    return words


def _words(value: object, key: str, place: _Place) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) and one for one in values):
        raise place.fault(f"{key} of {place.words} must be a word or a list of words", key)
    return tuple(values)


def _known(table: object, keys: tuple[str, ...], place: _Place, key: str = "") -> None:
    if table is None:
        raise place.fault(f"{place.words} is missing", key)
    if not isinstance(table, dict):
        raise place.fault(f"{place.words} must be a table", key)
    for name in table:
        if name not in keys:
            near = difflib.get_close_matches(name, keys, 1)
            hint = f'; did you mean "{near[0]}"?' if near else f"; there are {', '.join(keys)}"
            raise place.fault(f'{place.words} has "{name}", which is not known{hint}', name)


def _checks(rule: Rule, traits: Traits) -> tuple[Check, ...]:
    try:
        checks = [_check(wish, traits) for wish in rule.wishes]
    except Unsearched as error:
        why = f'In the rule "{rule.name}": {error.reason}; a repeat in a repeat, as in (a+)+, is what does this'
        raise Problem(_bad("", why)) from None
    asked = any(wish.field == "image_type" for wish in rule.wishes)
    words = {word.upper() for word in traits.image_type}
    own = sorted(words & _OWN_RULE)
    if rule.bids and not asked and not rule.bids.takes("part"):
        own += sorted(words & {"P", "PHASE", "R", "I", "REAL", "IMAGINARY"})
    if own and not asked:
        checks.append(Check("image_type", "a rule that names it", " ".join(own), is_met=False))
    return tuple(checks)


def _check(wish: Wish, traits: Traits) -> Check:
    wanted = " or ".join(f'"{word}"' for word in wish.words)
    if wish.field == "image_type":
        there = {word.upper() for word in traits.image_type}
        is_met = all(
            (word[1:].upper() not in there) if word[0] == "!" else word.upper() in there for word in wish.words
        )
        return Check("image_type", " and ".join(wish.words), " ".join(traits.image_type) or "not known", is_met)
    if wish.field in {"echo", "images"}:
        number = traits.echo if wish.field == "echo" else traits.images
        is_met = number is not None and any(_is_in(word, number) for word in wish.words)
        return Check(wish.field, " or ".join(wish.words), "not known" if number is None else str(number), is_met)
    text = {
        "description": traits.description,
        "protocol": traits.protocol,
        "modality": traits.modality,
        "source": traits.source,
    }[wish.field]
    return Check(wish.field, wanted, f'"{text}"', any(_is_like(word, text) for word in wish.words))


def _is_like(word: str, text: str) -> bool:
    if _is_expression(word):
        return expression(word[1:-1], ignores_case=True).search(text) is not None
    return is_like(word, text)


def _is_expression(word: str) -> bool:
    return len(word) > 1 and word[0] == word[-1] == "/"


def is_like(word: str, text: str) -> bool:
    """Tell whether a text fits a word in which `*` and `?` stand for any letters, without regard to case."""
    return fnmatch.fnmatchcase(text.casefold(), word.casefold().replace("[", "[[]"))


def template(items: Iterable[Item]) -> str:
    """Return a file of rules to be filled in: a rule for each name that series have here."""
    lines = [
        "# Rules for xnat-wizard convert. The first rule that takes a series names it.",
        "# match: description, protocol, image_type, echo, images, modality, source; * and ? stand for any letters.",
        "# bids:  anat/T1w, func/task-rest_bold, dwi/dwi, fmap/dir-AP_epi. Take the # away where it is right.",
        "",
        "[dataset]",
        'name = "Name of the study"',
    ]
    names: set[str] = set()
    for item in items:
        traits = item.variants[0]
        field, text = ("description", traits.description) if traits.description else ("protocol", traits.protocol)
        if not text.strip() or text in names:
            continue
        names.add(text)
        images = sum(kind.images for kind in item.variants)
        types = sorted({word for kind in item.variants for word in kind.image_type})
        lines += [
            "",
            f"# such as series {_comment(item.number)}: {images} images; image types: {_comment(' '.join(types))}",
            "[[rule]]",
            f"name = {_quoted(text)}",
            f"match = {{ {field} = {_quoted(f'?{text[1:]}' if text[0] == '/' else text)} }}",
            '# bids = "anat/T1w"',
        ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Return a text as a TOML basic string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    return "".join(sign for sign in text if sign.isprintable())


def _is_in(word: str, number: int) -> bool:
    least, _, most = word.partition("-")
    if "-" not in word:
        return number == int(word)
    return (not least or number >= int(least)) and (not most or number <= int(most))


def _of_toml(error: tomllib.TOMLDecodeError, text: str) -> str:
    """Say what the parser says, its place first; where it knows only the end, that is the last line."""
    said, _, place = str(error).partition(" (at ")
    if hit := re.match(r"line (\d+), column (\d+)", place):
        return f"Line {hit[1]}, column {hit[2]}: it is no TOML: {said}"
    return f"Line {max(1, len(text.splitlines()))}, at the end: it is no TOML: {said}"


def _bad(where: str, why: str) -> Finding:
    return Finding(
        RULES_BAD,
        "The file of rules cannot be used",
        why,
        (
            "Mend the file in an editor, there",
            "Then see which rule takes which series: xnat-wizard rules test SOURCE --rules FILE.toml",
        ),
        where=where,
    )
