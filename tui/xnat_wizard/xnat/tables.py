"""Reads a table of XNAT while it comes, row by row, so that a long one is never whole in memory.

Nobody believes a site in how much it sends: a body of 128 MB that is made of "[]," alone is 3 GB once it is parsed. So
what is kept of an answer is counted while it is read, and there is a limit to it. Sources: wire contract 0.3.
"""

import codecs
import json
import re
import sys
from collections.abc import Callable, Generator, Iterator, Mapping

Row = Mapping[str, str]  # every cell is text; "" for NULL

KEPT_LIMIT = 256 * 1024 * 1024  # the files of a resource of 500,000 take some 200 MB
WINDOW = 256 * 1024
_LONGEST = 1024 * 1024  # characters of one row: parsed, they are 50 MB at worst
_LIST_BYTES, _DICT_BYTES, _VALUE_BYTES, _NAME_BYTES, _QUOTE_BYTES = 104, 264, 72, 56, 40  # measured, and rounded up
_ALWAYS_FINE = 1024 * 1024

_DECODER = json.JSONDecoder()
_BLANKS = re.compile(r"[ \t\r\n]*")
_WIDE = re.compile(rb"[\xf0-\xff]")  # one such sign makes every character of a text take four bytes
_WIDE_ESCAPE = re.compile(rb"\\u[dD][89abAB]")


class TooMuchError(Exception):
    """What is kept of an answer would take more memory than is given to one."""


class Allowance:
    """The memory that what is kept of one answer may take."""

    def __init__(self, limit_bytes: int = KEPT_LIMIT) -> None:
        self._left_bytes = limit_bytes

    def use(self, *things: object) -> None:
        """Count what is kept from now on.

        Raises:
            TooMuchError: there is no room for it.
        """
        self._left_bytes -= sum(map(sys.getsizeof, things)) + 8
        if self._left_bytes < 0:
            raise TooMuchError


def parsed_bytes(body: bytes) -> int:
    """Return how much memory JSON takes at most while and after it is parsed as a whole, without parsing it."""
    if len(body) <= _ALWAYS_FINE:
        return 0
    as_it_is = 1 if body.isascii() else 4 if _WIDE.search(body) else 2  # bytes a character, in one text
    escaped = 4 if _WIDE_ESCAPE.search(body) else 2 if b"\\u" in body else 1
    return (
        (as_it_is + max(as_it_is, escaped)) * len(body)  # as one text, and as many
        + _LIST_BYTES * body.count(b"[")
        + _DICT_BYTES * body.count(b"{")
        + _VALUE_BYTES * body.count(b",")
        + _NAME_BYTES * body.count(b":")
        + _QUOTE_BYTES * body.count(b'"')
    )


def as_row(fields: Mapping[object, object]) -> Row:
    """Return the cells of a row as text; the names of columns are kept once for all rows."""
    return {sys.intern(str(key)): value if isinstance(value, str) else _as_text(value) for key, value in fields.items()}


class TableReader:
    """Takes the bytes of a table in pieces of any size, and gives its rows.

    At any time it holds one row, and of a piece what it has not come to yet.
    """

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("surrogatepass").decode
        self._text, self._at = "", 0  # what came and is not read yet begins there
        self._is_over = self._is_broken = self._has_rows = self._is_whole = False
        self._steps = self._table()

    def feed(self, piece: bytes) -> Iterator[Row]:
        """Return the rows that have come to their end; none once it is clear that this is no table."""
        for start in range(0, len(piece), WINDOW):
            yield from self._read(piece[start : start + WINDOW])

    def end(self) -> bool:
        """Say that nothing comes any more; tell whether all of it was one table."""
        self._is_over = True
        for _ in self._read(b""):
            pass  # a row is followed by more: none is held back
        return self._has_rows and self._is_whole

    def _read(self, piece: bytes) -> Iterator[Row]:
        if self._is_broken:
            return
        try:
            self._text, self._at = self._text[self._at :] + self._decode(piece, self._is_over), 0
            for row in self._steps:
                if row is None:
                    break
                yield row
        except (ValueError, RecursionError):
            self._is_broken, self._text, self._at = True, "", 0

    # What follows are the steps of reading: `None` asks for more text, a value error says that this is no table.

    def _table(self) -> Generator[Row | None, None, None]:
        yield from self._object({"ResultSet": lambda: self._object({"Result": self._rows})})
        while not self._is_over:
            if self._skip_blanks() < len(self._text):
                raise ValueError
            yield None
        self._is_whole = self._skip_blanks() == len(self._text)

    def _object(
        self, known: Mapping[str, Callable[[], Generator[Row | None, None, None]]]
    ) -> Generator[Row | None, None, None]:
        goes_on = yield from self._opens("{", "}")
        while goes_on:
            name = yield from self._value()
            if (yield from self._sign()) != ":":
                raise ValueError
            self._at += 1
            reader = known.get(str(name))
            yield from reader() if reader is not None else self._value()
            goes_on = yield from self._goes_on("}")

    def _rows(self) -> Generator[Row | None, None, None]:
        goes_on = yield from self._opens("[", "]")
        while goes_on:
            values = self._many() or [(yield from self._value())]
            for value in values:
                if isinstance(value, dict):
                    yield as_row(value)
            goes_on = yield from self._goes_on("]")
        self._has_rows = True

    def _many(self) -> list[object]:
        """Read all values at once that came whole; none where it is not sure which they are. Ten times as fast."""
        end = self._text.rfind("},", self._at)
        end = end if end >= 0 else self._text.rfind("],", self._at)
        if end < 0:
            return []
        try:
            values = json.loads(f"[{self._text[self._at : end + 1]}]")
        except (ValueError, RecursionError):
            return []
        self._at = end + 1
        return list(values)

    def _opens(self, begin: str, end: str) -> Generator[None, None, bool]:
        """Go over the sign that begins a list or an object; tell whether something is in it."""
        if (yield from self._sign()) != begin:
            raise ValueError
        self._at += 1
        is_empty = (yield from self._sign()) == end
        self._at += is_empty
        return not is_empty

    def _goes_on(self, end: str) -> Generator[None, None, bool]:
        """Go over the sign between two things; tell whether another one comes."""
        sign = yield from self._sign()
        if sign not in {",", end}:
            raise ValueError
        self._at += 1
        return sign == ","

    def _sign(self) -> Generator[None, None, str]:
        """Return the next sign that is no blank, without going over it."""
        while self._skip_blanks() == len(self._text):
            yield None
        return self._text[self._at]

    def _value(self) -> Generator[None, None, object]:
        """Read one value whole; one that ends with the text may go on in the next piece."""
        yield from self._sign()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except ValueError:
                if len(self._text) - self._at > _LONGEST:
                    raise
            else:
                if self._text[end : end + 1] not in {"", ".", "e", "E"}:  # a number may have been cut there
                    self._at = end
                    return value
            yield None

    def _skip_blanks(self) -> int:
        self._at = _BLANKS.match(self._text, self._at).end()  # type: ignore[union-attr]  # it fits nothing as well
        return self._at


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
