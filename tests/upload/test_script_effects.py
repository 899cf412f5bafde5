"""What a script surely does, and what nobody can be sure of."""

import pytest

from xnat_wizard.upload.script_effects import sure_effects


def test_the_default_script_is_read() -> None:
    script = (
        'version "6.1"\n// the default\n(0008,1030) := project\n(0010,0010) := subject // "name"\n'
        '(0010,0020) := session\n-(0010,4000)\n(0008,0080) := "a // b"\n(0010,1040) := ""\n'
    )
    assert sure_effects(script) == {
        0x00081030: "project ID",
        0x00100010: "subject label",
        0x00100020: "session label",
        0x00104000: "removed",
        0x00080080: '"a // b"',
        0x00101040: "emptied",
    }


@pytest.mark.parametrize(
    "line",
    [
        'project != "Unassigned" ? (0010,0010) := subject',
        "(0010,0010) := lowercase[(0010,0010)]",
        "(0010,0010) := old",
        "// (0010,0010) := subject",
        "-(0010,0010)[0]/(0010,0020)",
        "-(0010,XXXX)",
    ],
)
def test_what_is_not_sure_is_not_promised(line: str) -> None:
    assert sure_effects(f'version "6.1"\n{line}') == {}


def test_a_later_line_that_is_not_understood_takes_a_promise_back() -> None:
    assert sure_effects("-(0010,0010)\n(0010,0010) := kept") == {}
    assert sure_effects("(0010,0010) := kept\n-(0010,0010)") == {0x00100010: "removed"}


@pytest.mark.parametrize(
    "script",
    [
        '(0008,0060) = "MR" ?\n  -(0010,0010)',
        '(0008,0060) = "MR" ? {\n  -(0010,0010)\n}',
        '(0008,0060) = "MR" ? {\n\n  (0010,0020) := "{"\n  -(0010,0010)\n} : {\n  (0010,0010) := "x"\n}',
    ],
)
def test_what_hangs_on_a_line_before_is_not_promised(script: str) -> None:
    assert sure_effects(script) == {}
    assert sure_effects(f"{script}\n-(0010,4000)") == {0x00104000: "removed"}
