"""Runs anonymization scripts: a subset of DicomEdit 6. What is outside it is refused, never ignored.

    version "6.1"                          // comments
    (0010,0010) := subject                 // literals, variables (project, subject, session), other elements
    name := concatenate["A_", session]     // variables of the script's own
    (0020,000D) := hashUID[(0020,000D)]    // also lowercase, uppercase, substring, shiftDateByIncrement
    -(0010,4000)
    project != "Unassigned" ? (0008,1030) := project     // also "=" and "~" (regular expression), and ": other"
    (0008,0060) = "SR" ? reject

Not known: sequences, private elements, wildcards, and the other functions and statements of the language.

Sources: the wire contract 3 and 5.7 step 8; missing-data 1.1 G11.
"""

import datetime as dt
import hashlib
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from xnat_wizard.practice import headers

_TOKEN = re.compile(
    r"""\s*(?:(?P<tag>\([0-9A-Fa-f]{4},[0-9A-Fa-f]{4}\))(?!\s*[\[/])|(?P<text>"[^"]*")|(?P<name>[A-Za-z_]\w*)|(?P<number>\d+)"""
    r"""|(?P<sign>:=|!=|[=~?:\[\],-]))"""
)
_PIXELS = 0x7FE00008  # the first element of pixel data, of whatever kind
_BLOCK_BYTES = 2**20
_INTEGER_VRS = {"US", "SS", "UL", "SL", "UV", "SV"}
_FLOAT_VRS = {"FL", "FD"}
_TEXT_VRS = {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}


class ScriptError(Exception):
    """The script says something that this server does not know, or that cannot be done to an object."""


@dataclass
class _Run:
    """One object on its way through the script."""

    dataset: Dataset
    variables: dict[str, str]
    is_rejected: bool = False


_Expression = Callable[[_Run], str]
_Statement = Callable[[_Run], None]


@dataclass(frozen=True)
class Script:
    """A script that has been read."""

    statements: tuple[_Statement, ...]
    has_pixels: bool = False  # it names elements from the pixels on

    def apply(self, dataset: Dataset, variables: Mapping[str, str]) -> bool:
        """Change an object in place; False when the script rejects it.

        Raises:
            ScriptError: a value cannot be had or set.
        """
        run = _Run(dataset, dict(variables))
        for statement in self.statements:
            statement(run)
            if run.is_rejected:
                return False
        return True


def parse(text: str) -> Script:
    """Read a script.

    Raises:
        ScriptError: names the line and what is not known.
    """
    statements = []
    has_pixels = False
    for number, raw in enumerate(text.splitlines(), 1):
        line = _without_comment(raw).strip()
        if not line:
            continue
        version = re.fullmatch(r'version\s+"(\d+)(?:\.\d+)*"', line)
        if version:
            if version.group(1) != "6":
                raise ScriptError(f"line {number}: the practice server knows DicomEdit 6 only, not {line}")
            continue
        try:
            statements.append(_Line(line).statement_to_end())
            has_pixels |= any(kind == "tag" and _as_tag(word) >= _PIXELS for kind, word in _tokens(line))
        except ScriptError as error:
            raise ScriptError(f"line {number}: {error} (the practice server knows a part of DicomEdit 6)") from error
    return Script(tuple(statements), has_pixels)


def rewrite(source: Path, target: Path, script: Script, variables: Mapping[str, str]) -> bool:
    """Write `target` as the script makes it of `source`; False (and no file) when it rejects the object.

    What stands from the pixels on is copied in blocks: memory does not grow with it, unless the script names it.

    Raises:
        ScriptError: the script cannot be applied.
        headers.UnreadableObjectError: the source is no DICOM.
    """
    try:
        dataset, rest_at = _read(source, has_pixels=script.has_pixels)
    except Exception as error:  # pydicom raises whatever a broken file makes it stumble over
        raise headers.UnreadableObjectError(str(error)) from error
    if not script.apply(dataset, variables):
        return False
    try:
        if "SOPInstanceUID" in dataset:
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        if "SOPClassUID" in dataset:
            dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        _mend(dataset)
        dataset.save_as(target, enforce_file_format=True)
        with source.open("rb") as old, target.open("ab") as new:
            old.seek(rest_at)
            shutil.copyfileobj(old, new, _BLOCK_BYTES)
    except Exception as error:
        target.unlink(missing_ok=True)
        raise ScriptError(f"the changed object cannot be written: {type(error).__name__}") from error
    return True


def _read(source: Path, *, has_pixels: bool) -> tuple[FileDataset, int]:
    """Read an object, up to its pixels unless `has_pixels`; return where what was not read begins."""
    with source.open("rb") as file:
        dataset = pydicom.dcmread(file, force=True, stop_before_pixels=not has_pixels)
        rest_at = file.tell()
    if not has_pixels and dataset.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        return _read(source, has_pixels=True)  # it is one stream with its header
    return dataset, source.stat().st_size if has_pixels else rest_at


def _mend(dataset: FileDataset) -> None:
    """Make an object writable that is slightly wrong: nothing that the script did not ask for may stop it."""
    if "TransferSyntaxUID" not in dataset.file_meta:
        is_implicit = dataset.original_encoding[0]
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if is_implicit else ExplicitVRLittleEndian
    for tag in list(dataset.keys()):
        raw: object = dataset.get_item(tag)
        if Tag(tag).group == 0:
            del dataset[tag]  # a command set, which no file may hold
        elif isinstance(raw, RawDataElement) and raw.VR is None and not raw.is_implicit_VR:
            dataset[tag] = raw._replace(VR="UN")


def hash_uid(text: str) -> str:
    """Return the UID that stands for a text: the same text gives the same UID."""
    digest = bytearray(hashlib.sha1(text.encode(), usedforsecurity=False).digest()[:16])
    return f"2.25.{uuid.UUID(bytes=bytes(digest), version=5).int}"


def _without_comment(line: str) -> str:
    for match in re.finditer(r'"[^"]*"|//', line):
        if match.group() == "//":
            return line[: match.start()]
    return line


class _Line:
    """A statement being read, from left to right."""

    def __init__(self, line: str) -> None:
        self._tokens = list(_tokens(line))
        self._at = 0

    def statement_to_end(self) -> _Statement:
        statement = self._statement()
        if self._at < len(self._tokens):
            raise ScriptError(f"unexpected {self._tokens[self._at][1]}")
        return statement

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "end of line")

    def _take(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _expect(self, sign: str) -> None:
        kind, word = self._take()
        if (kind, word) != ("sign", sign):
            raise ScriptError(f"{sign} expected, not {word}")

    def _statement(self) -> _Statement:
        if self._peek() == ("sign", "-"):
            self._take()
            return self._removal()
        if self._peek() == ("name", "reject"):
            self._take()
            return _reject
        kind, word = self._peek()
        following = self._tokens[self._at + 1 : self._at + 2]
        if kind in {"tag", "name"} and following == [("sign", ":=")]:
            self._at += 2
            value = self._expression()
            return _assign_element(_as_tag(word), value) if kind == "tag" else _assign_variable(word, value)
        return self._conditional()

    def _removal(self) -> _Statement:
        kind, word = self._take()
        if kind != "tag":
            raise ScriptError(f"an element expected, not {word}")
        tag = _as_tag(word)

        def remove(run: _Run) -> None:
            if tag in run.dataset:
                del run.dataset[tag]

        return remove

    def _conditional(self) -> _Statement:
        left = self._expression()
        kind, sign = self._take()
        if kind != "sign" or sign not in {"=", "!=", "~"}:
            raise ScriptError(f"unknown statement at {sign}")
        right = self._expression()
        self._expect("?")
        then = self._statement()
        other: _Statement | None = None
        if self._peek() == ("sign", ":"):
            self._take()
            other = self._statement()

        def choose(run: _Run) -> None:
            a, b = left(run), right(run)
            holds = re.fullmatch(b, a) is not None if sign == "~" else (a == b) == (sign == "=")
            if holds:
                then(run)
            elif other:
                other(run)

        return choose

    def _expression(self) -> _Expression:
        kind, word = self._take()
        if kind == "text":
            return lambda _run: word[1:-1]
        if kind == "number":
            return lambda _run: word
        if kind == "tag":
            tag = _as_tag(word)
            return lambda run: headers.text(run.dataset, tag)
        if kind != "name":
            raise ScriptError(f"a value expected, not {word}")
        if self._peek() == ("sign", "["):
            return self._function(word)
        return _variable(word)

    def _function(self, name: str) -> _Expression:
        self._expect("[")
        arguments = []
        while self._peek() != ("sign", "]"):
            arguments.append(self._expression())
            if self._peek() == ("sign", ","):
                self._take()
        self._expect("]")
        known = _FUNCTIONS.get(name)
        if known is None:
            raise ScriptError(f"unknown function {name}")
        count, act = known
        if count is not None and count != len(arguments):
            raise ScriptError(f"{name} takes {count} values")
        return lambda run: act([argument(run) for argument in arguments])


def _tokens(line: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(line):
        match = _TOKEN.match(line, at)
        if not match or not match.lastgroup:
            raise ScriptError(f"not understood from {line[at:].strip()[:40]!r} on")
        yield match.lastgroup, match.group(match.lastgroup)
        at = match.end()


def _as_tag(word: str) -> int:
    tag = int(word[1:5] + word[6:10], 16)
    if Tag(tag).is_private or tag >> 16 <= 0x0002:
        raise ScriptError(f"elements like {word} cannot be changed")
    return tag


def _reject(run: _Run) -> None:
    run.is_rejected = True


def _variable(name: str) -> _Expression:
    def value(run: _Run) -> str:
        if name not in run.variables:
            raise ScriptError(f"unknown variable {name}")
        return run.variables[name]

    return value


def _assign_variable(name: str, value: _Expression) -> _Statement:
    def assign(run: _Run) -> None:
        run.variables[name] = value(run)

    return assign


def _assign_element(tag: int, value: _Expression) -> _Statement:
    try:
        vr = dictionary_VR(tag).split(" ")[0]
    except KeyError as error:
        raise ScriptError(f"unknown element {Tag(tag)}") from error
    if vr not in _INTEGER_VRS | _FLOAT_VRS | _TEXT_VRS:
        raise ScriptError(f"elements of the kind {vr} cannot be assigned")

    def assign(run: _Run) -> None:
        text = value(run)
        parts: list[str | int | float] = []
        try:
            parts += [
                int(part) if vr in _INTEGER_VRS else float(part) if vr in _FLOAT_VRS else part
                for part in (text.split("\\") if text else [])
            ]
        except ValueError as error:
            raise ScriptError(f"{Tag(tag)} takes numbers") from error
        run.dataset.add_new(tag, vr, parts[0] if len(parts) == 1 else parts or "")

    return assign


def _substring(values: list[str]) -> str:
    try:
        return values[0][int(values[1]) : int(values[2])]
    except ValueError as error:
        raise ScriptError("substring takes a text and two numbers") from error


def _shift_date(values: list[str]) -> str:
    if not values[0]:
        return ""
    try:
        day = dt.date(int(values[0][:4]), int(values[0][4:6]), int(values[0][6:8]))
        shifted = day + dt.timedelta(days=int(values[1]))
    except (ValueError, OverflowError) as error:
        raise ScriptError("shiftDateByIncrement takes a date and a number of days") from error
    return shifted.strftime("%Y%m%d") + values[0][8:]


_FUNCTIONS: dict[str, tuple[int | None, Callable[[list[str]], str]]] = {
    "concatenate": (None, "".join),
    "hashUID": (1, lambda values: hash_uid(values[0])),
    "lowercase": (1, lambda values: values[0].lower()),
    "uppercase": (1, lambda values: values[0].upper()),
    "substring": (3, _substring),
    "shiftDateByIncrement": (2, _shift_date),
}
