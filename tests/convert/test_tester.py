"""The test of rules as a value: which rule takes what, what it is called, why the others do not take it."""

from pathlib import Path

import pytest

from convert.images import write_dicom, write_pair
from convert.ways import offered
from xnat_wizard.convert import model, tester
from xnat_wizard.convert.rules import parse
from xnat_wizard.findings import Problem

RULES = parse("""
[[rule]]
name = "magnitude"
match = { description = "*field*", image_type = ["M"] }
bids = "fmap/magnitude"

[[rule]]
name = "rest"
match = { description = "rest*" }
bids = "func/task-rest_bold"

[[rule]]
name = "any field map"
match = { description = "*field*", images = "-400", image_type = ["!P"] }

[[rule]]
name = "never"
match = { protocol = "flair" }
""")


def test_every_kind_of_images_gets_its_own_verdict(tmp_path: Path) -> None:
    write_pair(tmp_path / "S1" / "a", "fm", protocol="fieldmap", number=4, kinds=((1, 1, 0), (1, 1, 3)))
    with offered(tmp_path) as (_, offer):
        magnitude, phase = tester.ask(RULES, offer.items, is_bids=True)
    assert (magnitude.kind, phase.kind) == ("ORIGINAL PRIMARY M echo 1", "ORIGINAL PRIMARY P echo 1")
    assert magnitude.taken_by is RULES.rules[0]
    assert magnitude.path == "sub-S1/fmap/sub-S1_magnitude.nii.gz"
    assert [(rule.name, why) for rule, why in magnitude.why_not] == [
        ("rest", 'description is "fieldmap", wanted "rest*"'),
        ("any field map", 'it fits, but the rule "magnitude" stands before it and takes them'),
        ("never", 'protocol is "fieldmap", wanted "flair"'),
    ]
    assert (phase.taken_by, phase.path) == (None, "")
    assert [why for _, why in phase.why_not] == [
        "image_type is ORIGINAL PRIMARY P, wanted M",
        'description is "fieldmap", wanted "rest*"',
        "image_type is ORIGINAL PRIMARY P, wanted !P",
        'protocol is "fieldmap", wanted "flair"',
    ]
    assert tester.unused(RULES, (magnitude, phase)) == ("rest", "any field map", "never")


def test_runs_are_counted_over_all_that_is_offered(tmp_path: Path) -> None:
    write_pair(tmp_path / "S1" / "a", "r1", protocol="rest", number=2)
    write_pair(tmp_path / "S1" / "b", "r2", protocol="rest", number=3)
    with offered(tmp_path) as (_, offer):
        (second,) = tester.ask(RULES, offer.items[1:], offered=offer.items, is_bids=True)
        (alone,) = tester.ask(RULES, offer.items[1:], is_bids=True)
        (plain,) = tester.ask(RULES, offer.items[1:], offered=offer.items)
    assert second.path == "sub-S1/func/sub-S1_task-rest_run-2_bold.nii.gz"
    assert alone.path == "sub-S1/func/sub-S1_task-rest_bold.nii.gz"
    assert plain.path == "S1/003-rest.nii.gz"


def test_a_series_that_is_held_says_so(tmp_path: Path) -> None:
    write_dicom(tmp_path / "S1" / "a", patient="S1", number=1, description="rest")
    write_dicom(tmp_path / "S1" / "b", patient="Other", study=2, number=2, description="rest")
    with offered(tmp_path) as (_, offer):
        tests = tester.ask(RULES, offer.items)
    assert any(test.held and test.held.code == model.HELD for test in tests)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('\n[[rule]]\nname = "a"\nmatch = { descriptio = "x" }\n', 'Line 4: The match of rule "a" has "descriptio"'),
        ('[[rule]]\nname = "a"\nmatch = { images = "x" }\n', 'Line 3: Rule "a": images must be'),
        ('[[rule]]\nname = "a"\n[rule.match]\nimages = "1"\necho = "x"\n', 'Line 5: Rule "a": echo must be'),
        ("[[rule]]\nmatch = { images = 1 }\n", "Line 1: Rule 1 has no name"),
        (
            '[[rule]]\nname = "a"\nmatch = { images = 1 }\n[[rule]]\n# name = ""\nname="a"\nmatch = { images = 2 }\n',
            'Line 6: Two rules are named "a"',
        ),
        (
            '[dataset]\nname = "x"\n\n[[rule]]\nname = "a"\nmatch = { images = 1 }\nbids = "anat/T1W"\n',
            'Line 7: Rule "a", bids = "anat/T1W": "T1W" is no suffix of anat; did you mean "T1w"?',
        ),
        ('[datset]\nname = "x"\n', 'Line 1: The file has "datset", which is not known; did you mean "dataset"?'),
        ('[[rule]]\nname = "a\n', "Line 2, column 10: it is no TOML"),
        ('[[rule]]\nname = "a"\nname = "b"\n', "Line 3, column 11: it is no TOML: Cannot overwrite a value"),
        ("[[rule]]\nname = ", "Line 2, at the end: it is no TOML: Invalid value"),
        ("", "It has no [[rule]]"),
    ],
)
def test_a_fault_in_the_rules_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(Problem) as refused:
        parse(text, "rules.toml")
    assert refused.value.finding.why.startswith(said), refused.value.finding.why
