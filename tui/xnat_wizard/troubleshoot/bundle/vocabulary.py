"""The words that this program itself writes: what stands in a text beside them may be a name."""

import ast
import builtins
import errno
import os
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

ROOMS = ("upload", "xnat", "troubleshoot", "dicom", "findings.py", "settings.py", "logins.py", "preferences")
_SOFTWARE = "Apache Coyote HAProxy IIS Microsoft OpenSSL Python Tomcat Traefik Varnish aiohttp envoy nginx GMT UTC"
_SENTENCE_START = re.compile(r"(?:^|[.:!?`\"(]\s*)$")
_WORD = re.compile(r"[A-Za-z]+")


@cache
def vocabulary() -> frozenset[str]:
    """Return the words, in the spelling in which they are written; about a second the first time."""
    words: set[str] = set()
    for room in ROOMS:
        words.update(source.name.removesuffix(".py") for source in _sources(files("xnat_wizard") / room))
    for text in _texts():
        words.update(_words_of(text))
    words.update(_SOFTWARE.split())
    for code in errno.errorcode:
        words.update(_WORD.findall(os.strerror(code)))
    words.update(name for name in dir(builtins) if name.endswith(("Error", "Exception")))
    words.update(
        ("traceback", "Traceback", "most", "recent", "call", "last", "line", "module", "DEBUG", "INFO", "ERROR")
    )
    return frozenset(words)


def _words_of(text: str) -> Iterator[str]:
    """Give the words of a text; one that a sentence begins with in small letters: Mark and Will are names as well."""
    for found in _WORD.finditer(text):
        word = found[0]
        is_first = _SENTENCE_START.search(text, 0, found.start()) is not None
        yield word.lower() if is_first and word[1:].islower() else word


def _texts() -> Iterator[str]:
    for room in ROOMS:
        for source in _sources(files("xnat_wizard") / room):
            tree = ast.parse(source.read_text(encoding="utf-8"))
            described = set(_docstrings(tree))
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described:
                    yield node.value
                elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    yield node.name.replace("_", " ")


def _sources(place: Traversable) -> Iterator[Traversable]:
    if place.is_file():
        yield place
        return
    for below in sorted(place.iterdir(), key=lambda one: one.name):
        if below.name.endswith(".py") or below.is_dir():
            yield from _sources(below)


def _docstrings(tree: ast.AST) -> Iterator[int]:
    """Give the texts that describe the code: examples of names stand in them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield id(node.value)
