"""Every finding of this room is listed where a reader looks for it."""

import re
from pathlib import Path

from xnat_wizard import upload

CODE = re.compile(r'"((?:label|plan|forecast|journal|upload|prearchive|archive)\.[a-z_]+)"')


def test_every_code_is_listed() -> None:
    folder = Path(upload.__file__).parent
    made = {code for module in folder.glob("*.py") for code in CODE.findall(module.read_text(encoding="utf-8"))}
    made.discard("journal.sqlite")
    listed = set()
    for line in (upload.__doc__ or "").splitlines():
        room = ""
        for prefix, name in re.findall(r"(\w*)\.([a-z_]+)", line):
            room = prefix or room
            listed.add(f"{room}.{name}")
    assert made == listed
