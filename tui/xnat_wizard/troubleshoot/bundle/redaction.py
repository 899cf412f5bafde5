"""Puts placeholders in the place of whatever may name a person, a site, or this machine.

Two nets, one behind the other. What is known to be a name (labels, projects, folders, hosts, users) gets a stable
placeholder wherever it stands. Of what is left, only the words of this program pass, short numbers, and parts of XNAT's
own addresses; anything else is a name that nobody told of, and gets a placeholder too.
"""

import re
from collections.abc import Iterable

from xnat_wizard.findings import Finding
from xnat_wizard.troubleshoot.bundle.vocabulary import vocabulary
from xnat_wizard.xnat.uris import CONTEXT, shape

LEAST_KNOWN = 2  # characters; a single letter is covered by the second net
_DIGITS_SHOWN = 4  # a longer number may be somebody's
_STANDARD_UID = "1.2.840.10008."  # DICOM's own: SOP classes, transfer syntaxes
_PIECES = re.compile(
    r"(?P<url>\b[a-z][a-z0-9+.-]*://[^\s\"'`<>]+)"
    r"|(?P<own>\bXW-\d{3}\b|\b[A-Z]{3}-\d{2}\b)"  # our numbers of messages and causes
    r"|(?P<mail>[^\s\"'`<>@]+@[^\s\"'`<>@]+)"
    r"|(?P<token>\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b)"
    r"|(?P<uid>\b\d+(?:\.\d+){4,}\b)"
    r"|(?P<clock>(?<![\w:])\d{1,2}:\d{2}(?::\d{2})?(?![\w:]))"
    r"|(?P<address>\b\d{1,3}(?:\.\d{1,3}){3}\b|\[?[0-9a-fA-F]*:[0-9a-fA-F:]*:[0-9a-fA-F]+\]?)"
    r"|(?P<quoted>\"[^\"\n]*\"|`[^`\n]*`)"
    r"|(?P<place>\b\w+\.py:\d+\b)"
    r"|(?P<path>(?<!\w)(?:~|\.{1,2})?/[^\s\"'`<>,;]*)"
    r"|(?P<date>\b\d{4}[-./]\d{2}[-./]\d{2}\b|\b\d{1,2}[./]\d{1,2}[./]\d{4}\b)"
    r"|(?P<number>(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w]))"
    r"|(?P<word>\w+(?:[.\-']\w+)*)"
)
_CODE_PLACE = re.compile(r"(?:^|/)(xnat_wizard/[\w/]+\.py)$")
_LETTERS = frozenset("aIshB_")  # alone
_NUMBERED = frozenset({"MD5", "IPv4", "IPv6", "HTTP1", "HTTP2", "TLSv1"})
_SENTENCE_START = re.compile(r"(?:^|[.!?]\s+)$")
_UNIT = re.compile(r"\s*(?:files?|images?|bytes?|[kMGT]?B|m?s|min|parts?|series|sessions?|scans?|of)\b")


class Redactor:
    """Knows names, and takes them out of texts; the same name has the same placeholder everywhere."""

    def __init__(self) -> None:
        self._placeholders: dict[str, str] = {}  # by the name, without regard to case
        self._counts: dict[str, int] = {}
        self._known: re.Pattern[str] | None = None
        self._words = vocabulary()

    def name(self, kind: str, text: str) -> str:
        """Return the placeholder of a name: "subject-1"; "" for ""."""
        if not text:
            return ""
        key = text.casefold()
        if key not in self._placeholders:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._placeholders[key] = f"{kind}-{self._counts[kind]}"
            self._known = None
        return self._placeholders[key]

    def know(self, kind: str, texts: Iterable[str]) -> None:
        """Learn names before texts are read in which they may stand."""
        for text in texts:
            self.name(kind, text.strip())

    def same(self, placeholder: str, texts: Iterable[str]) -> None:
        """Learn other spellings of what has a placeholder."""
        for text in texts:
            if text:
                self._placeholders.setdefault(text.casefold(), placeholder)
        self._known = None

    def text(self, text: str) -> str:
        """Return a text without names."""
        return "\n".join(self._line(line) for line in text.splitlines())

    def finding(self, finding: Finding | None) -> dict[str, str] | None:
        """Return what may leave the house of a finding: its code, and its words without names."""
        if finding is None:
            return None
        return {
            "code": finding.code,
            "severity": str(finding.severity),
            "said": self.text(finding.shareable or finding.what),
            "why": self.text(finding.why),
        }

    def _line(self, line: str) -> str:
        """Take out what is known, then go through what is left piece by piece."""
        known = self._pattern()
        found: list[str] = []
        at = 0
        for match in known.finditer(line) if known else ():
            found += [self._unknown(line[at : match.start()]), self._placeholders.get(match[0].casefold(), "(name)")]
            at = match.end()
        return "".join([*found, self._unknown(line[at:])])

    def _pattern(self) -> re.Pattern[str] | None:
        """Return what finds every name that is known, the longest first, where it is no part of a longer word."""
        names = [name for name in self._placeholders if len(name) >= LEAST_KNOWN]
        if self._known is None and names:
            ordered = sorted(names, key=lambda name: (-len(name), name))
            self._known = re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, ordered))})(?![^\W_])", re.IGNORECASE)
        return self._known

    def _unknown(self, text: str) -> str:
        found: list[str] = []
        at = 0
        for piece in _PIECES.finditer(text):
            found += [_marks(text[at : piece.start()]), self._piece(piece, text[: piece.start()])]
            at = piece.end()
        return "".join([*found, _marks(text[at:])])

    def _piece(self, piece: re.Match[str], before: str) -> str:
        text = piece[0]
        match piece.lastgroup:
            case "own" | "clock":
                return text
            case "url":
                return self.name("url", text)
            case "mail":
                return self.name("mail", text)
            case "token":
                return self.name("token", text)
            case "uid":
                return text if text.startswith(_STANDARD_UID) else self.name("uid", text)
            case "address":
                return self.name("host", text)
            case "quoted":
                return self._quoted(text)
            case "path":
                return self._path(text)
            case "date":
                return "(date)"
            case "place":
                return text if text.partition(".")[0] in self._words else self.name("word", text)
            case "number":
                is_short = sum(sign.isdigit() for sign in text) <= _DIGITS_SHOWN or before.endswith("port ")
                return text if is_short or _UNIT.match(piece.string, piece.end()) else "(number)"
        return text if self._passes(text, before) else self.name("word", text)

    def _quoted(self, text: str) -> str:
        """Pass a command of this program without its arguments; another thing in quotes is somebody's."""
        if text.startswith("`xnat-wizard "):
            return f"`{' '.join(word for word in text.strip('`').split()[:2])} ...`"
        return f"{text[0]}{self.name('text', text[1:-1])}{text[0]}" if len(text) > 2 else text

    def _path(self, text: str) -> str:
        """Pass the shape of an address of XNAT and a place in this program; another path is somebody's."""
        place = _CODE_PLACE.search(text)
        if place:
            return place[1]
        if text.startswith(("/data/", "/REST/", "/xapi/")):
            return shape(text.partition("?")[0])
        return text if text.rstrip("/") in {"", "/data", "/xapi", CONTEXT} else self.name("path", text)

    def _passes(self, word: str, before: str) -> bool:
        parts = re.findall(r"[A-Za-z]+", word)
        starts = _SENTENCE_START.search(before) is not None
        if len(word) == 1:
            return word in _LETTERS or (word == "A" and starts) or (word.isascii() and word.isdigit())
        if not word.isascii() or not parts:
            return False
        if any(sign.isdigit() for sign in word):  # among letters: an ID
            return word in _NUMBERED
        return all(
            part in self._words or (at == 0 and starts and part[:1].lower() + part[1:] in self._words)
            for at, part in enumerate(parts)
        )


def _marks(text: str) -> str:
    """Return what stands between pieces: marks and blanks; anything else is left out."""
    return "".join(sign if sign.isascii() and (sign.isprintable() or sign == "\t") else "?" for sign in text)
