"""Keys of one's own: every action has a name, and keys that cannot work are refused with the reason."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import xnat_wizard.wizard
from xnat_wizard.wizard.keymap import REFUSED, bindings, usable

for _module in pkgutil.walk_packages(xnat_wizard.wizard.__path__, "xnat_wizard.wizard."):
    importlib.import_module(_module.name)  # steps are loaded when they are entered; here every binding is looked at


def test_keys_of_steps_that_are_not_loaded_yet_are_known() -> None:
    code = "from xnat_wizard.wizard.keymap import usable; print(usable({'upload.pause': 'f8', 'found.do': 'f9'}, ''))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "({'upload.pause': 'f8', 'found.do': 'f9'}, ())"


def test_every_action_has_a_name_of_its_own_and_words() -> None:
    found = list(bindings())
    assert len({binding.id for binding in found}) > 50
    for binding in found:
        assert binding.id
        assert "." in binding.id
        assert binding.description
        assert binding.tooltip or not binding.show, binding.id


def test_no_action_stands_on_a_key_that_does_not_arrive() -> None:
    usual = {"enter", "space", "backspace", "tab", "ctrl+p"}  # theirs by nature, in fields, lists and dialogs
    for binding in bindings():
        for key in binding.key.split(","):
            assert key not in REFUSED.keys() - usual, binding.id
            assert not key.startswith("alt+"), binding.id


def test_other_keys_are_taken() -> None:
    assert usable({"wizard.next": "f8", "upload.pause": "x, ctrl+t"}, "") == (
        {"wizard.next": "f8", "upload.pause": "x,ctrl+t"},
        (),
    )


@pytest.mark.parametrize(
    ("name", "key", "reason"),
    [
        ("wizard.nex", "f8", "no action of this name"),
        ("wizard.next", "ctrl+i", "Tab in a plain terminal"),
        ("wizard.next", "ctrl+b", "tmux"),
        ("wizard.next", "ctrl+a", "screen"),
        ("wizard.next", "n", "typed into fields"),
        ("wizard.next", "alt+n", "never pass Alt on"),
        ("wizard.next", "F8", "no key `F8`"),
        ("wizard.next", "cmd+n", "no key `cmd+n`"),
        ("wizard.next", "", "another key"),
        ("wizard.next", "f1", "the key of `wizard.help`"),
        ("wizard.next", "f3", "the key of `folder.sample`"),
        ("upload.pause", "c", "the key of `upload.cancel`"),
        ("upload.pause", "f5", "the key of `wizard.refresh`"),
    ],
)
def test_a_key_that_cannot_be_is_refused_with_the_reason(name: str, key: str, reason: str) -> None:
    keymap, findings = usable({name: key}, "settings.toml")
    assert keymap == {}
    (finding,) = findings
    assert finding.code == "settings.bad_key"
    assert reason in finding.why
    assert finding.where == "settings.toml"


def test_two_actions_may_change_places_and_may_not_share_a_key() -> None:
    assert usable({"wizard.help": "f5", "wizard.refresh": "f1"}, "")[1] == ()
    keymap, findings = usable({"wizard.next": "f8", "wizard.refresh": "f8"}, "")
    assert keymap == {"wizard.next": "f8"}
    assert "`wizard.next` already" in findings[0].why


def test_keys_of_different_places_do_not_meet() -> None:
    found = {str(binding.id): binding.key for binding in bindings()}
    assert found["upload.receipt"] == found["archive.receipt"]
    assert usable({"upload.receipt": "ctrl+t", "archive.receipt": "ctrl+t"}, "")[1] == ()


def test_a_near_name_is_offered() -> None:
    assert usable({"wizard.nxt": "f8"}, "")[1][0].todo[0] == "Write `wizard.next`, if that is meant"
