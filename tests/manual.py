"""Writes what of the manual the program itself knows: catalogues of codes and causes, options, settings, keys.

`make manual` renews them; a test fails when they are not those of the program. Some pages are made whole (`PAGES`); of
others the end is made, from a heading on, and what stands above it is written by hand (`ENDS`).
"""

import textwrap
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

from manual_codes import Said, found
from manual_reference import check_lines, key_lines, option_lines, setting_lines
from xnat_wizard.cli import COMMANDS
from xnat_wizard.troubleshoot.catalogue import CAUSES, FAMILIES
from xnat_wizard.xnat.error_catalogue import catalogue
from xnat_wizard.xnat.numbers import NUMBERS

FOLDER = Path(__file__).resolve().parents[1] / "assets" / "manual"
OPTIONS_HEADING = "## Options"
_PRIORS = {"H": "frequent", "M": "occasional", "L": "rare"}


def errors() -> Iterator[str]:
    """Yield the page of what a site can say."""
    yield "# What a site can say, and what to do"
    yield ""
    yield "Every message of XNAT, of a server in front of it, or of the line to it has a number that is shown with it."
    yield "`xnat-wizard help XW-049` shows one. What this program finds by itself is on [another page](findings.md)."
    for entry in catalogue():
        yield ""
        yield f"## {entry.number} - {entry.code}"
        yield ""
        yield f"Said: `{entry.said}`"
        yield ""
        yield f"{entry.cause.rstrip('.')}."
        yield ""
        yield from (f"- {step.rstrip('.')}." for step in entry.steps)


def causes() -> Iterator[str]:
    """Yield the page of why data cannot be found."""
    yield "# Why data cannot be found"
    yield ""
    yield "What `xnat-wizard troubleshoot` and the wizard's Troubleshoot look for. With `--details` each diagnosis"
    yield "names its number, what was asked, what was answered and when. `F` numbers are acts, `T` numbers letters;"
    yield "behind an act stands the least role that may do it: M member, O owner, A administrator."
    for family, words in FAMILIES.items():
        yield ""
        yield f"## {words.capitalize()}"
        yield ""
        yield "| number | cause | how often | offered | letter |"
        yield "|---|---|---|---|---|"
        for cause in sorted((one for one in CAUSES if one.family == family), key=lambda one: one.id):
            letters = ", ".join(cause.templates)
            yield f"| {cause.id} | {cause.title} | {_PRIORS[cause.prior]} | {cause.offer} | {letters} |"


ROOMS = {  # what the first word of a code means
    "case": "Troubleshoot: what it was told",
    "check": "The connection check",
    "convert": "Converting",
    "cstore": "Sending by DICOM",
    "deidentify": "De-identification",
    "dicom": "The connection check of a DICOM receiver",
    "download": "Saving files from the site",
    "folder": "The folder step",
    "forecast": "The forecast: what the site will do",
    "help": "The manual",
    "journal": "The journal of an upload",
    "label": "Labels",
    "layout": "How folders are nested",
    "login": "Logging in",
    "picture": "Pictures",
    "plan": "The plan",
    "practice": "The practice server",
    "prearchive": "The prearchive",
    "archive": "The archive",
    "program": "This program",
    "project": "Projects",
    "pyxnat": "Files of pyxnat",
    "resource": "Resources",
    "send": "Sending: before it begins",
    "serve": "The wizard in a browser",
    "session": "Sessions",
    "settings": "Settings",
    "site": "The site",
    "structure": "What is in a folder",
    "survey": "Reading a folder or archive",
    "system": "The system",
    "terminal": "The terminal and the command line",
    "tls": "Certificates",
    "troubleshoot": "Troubleshoot",
    "upload": "Uploading",
    "wizard": "The wizard",
}
BY_HAND: dict[str, tuple[str, tuple[str, ...]]] = {  # what is put together only when it is said
    "forecast.subject_exists": (
        "A subject of this label is in the project already, and the session joins it.",
        (),
    ),
    "forecast.subject_spelling": (
        "A subject exists whose label is spelled with other capitals; XNAT takes the two for one.",
        (),
    ),
    "label.bad_pattern": (
        "",
        ("Correct the place that is named; [labels](labels.md) has every part of a pattern with examples",),
    ),
    "practice.fault": (
        "",
        ("Write it as KIND:setting=value,setting=value; the [practice page](commands/practice.md) lists the kinds",),
    ),
    "resource.bad_option": ("A word for `--format`, `--content` or `--tags` cannot stand in XNAT's catalogue.", ()),
    "resource.no_level": (
        "",
        ("Name the place from the top: a scan needs `--session`, a session needs `--subject` or a pattern",),
    ),
}


@cache
def unnumbered() -> dict[str, Said]:
    """Return every finding that this program makes by itself: those of the site have numbers and another page."""
    return {code: said for code, said in found().items() if code not in NUMBERS}


def findings() -> Iterator[str]:
    """Yield the page of what this program finds."""
    yield "# What this program finds, and what to do"
    yield ""
    yield "A finding says what happened, why, and what to do. `--json` names its code; `xnat-wizard help CODE` shows it"
    yield "here. Dots stand for what is known only then: a file, a label, a number. What the site says has"
    yield "[numbers](errors.md). How much a finding weighs is said with it: STOP (cannot be sent, or cannot go on), ASK"
    yield "(goes only after a yes), NOTE (worth knowing)."
    rooms: dict[str, list[Said]] = {}
    for code, said in unnumbered().items():
        rooms.setdefault(code.partition(".")[0], []).append(said)
    for room, own in sorted(rooms.items(), key=lambda item: ROOMS.get(item[0], item[0].capitalize())):
        yield ""
        yield f"## {ROOMS.get(room, room.capitalize())}"
        for said in own:
            yield ""
            yield f"### {said.code}"
            yield ""
            yield from _finding(said)


def _finding(said: Said) -> Iterator[str]:
    words, steps = BY_HAND.get(said.code, ("", ()))
    what = [*said.what, *([words] if words else [])]
    if len(what) == 1:
        yield _paragraph(f"**{_sentence(what[0])}** {' '.join(map(_sentence, said.why[:2]))}".strip())
    else:
        yield from (_item(f"**{_sentence(one)}**") for one in what)
        if said.why:
            yield ""
            yield _paragraph(" ".join(map(_sentence, said.why[:2])))
    yield ""
    yield from (_item(_sentence(step)) for step in (*said.todo, *steps))


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith((".", "?", ":")) else f"{text}."


def _paragraph(text: str) -> str:
    return textwrap.fill(text, 110, break_on_hyphens=False, break_long_words=False)


def _item(text: str) -> str:
    return textwrap.fill(f"- {text}", 110, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)


Lines = Callable[[], Iterator[str]]
PAGES: dict[str, Lines] = {"errors": errors, "missing-data": causes, "findings": findings}
ENDS: dict[str, tuple[str, Lines]] = {
    **{f"commands/{name}": (OPTIONS_HEADING, partial(option_lines, name)) for name in COMMANDS},
    "commands/xnat-wizard": (OPTIONS_HEADING, partial(option_lines, "")),
    "check-list": ("## Every check", check_lines),
    "settings": ("## Every setting", setting_lines),
    "keys": ("## Every action", key_lines),
}


def path_of(name: str) -> Path:
    """Return the file of a page."""
    return FOLDER / f"{name}.md"


def expected(name: str) -> str:
    """Return a page as it has to be: made, or as it is with its end made."""
    if name in PAGES:
        return "\n".join(PAGES[name]()) + "\n"
    heading, lines = ENDS[name]
    text = path_of(name).read_text(encoding="utf-8")
    above = text.partition(f"\n{heading}\n")[0].rstrip()
    return f"{above}\n\n{heading}\n\n" + "\n".join(lines()).rstrip() + "\n"


def write() -> None:
    """Write what is made; a page that has to be written by hand and is not there is named."""
    for name in (*PAGES, *ENDS):
        path = path_of(name)
        if name in ENDS and not path.exists():
            print(f"to be written: {path.relative_to(FOLDER.parents[1])}")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(expected(name), encoding="utf-8")


if __name__ == "__main__":
    write()
