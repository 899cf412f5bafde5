"""Rules: which take a series, why others do not, and what is said about a file that cannot be used."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnat_wizard.convert import model
from xnat_wizard.convert.bids_names import BadName, BidsName, label
from xnat_wizard.convert.model import Item, Traits
from xnat_wizard.convert.rules import first_match, judge, parse, read, template
from xnat_wizard.findings import Problem

T1 = Traits("t1_mprage_sag", "T1 MPRAGE", ("ORIGINAL", "PRIMARY", "M", "ND"), None, 176, "MR", "dicom")
PHASE = Traits("gre_field_mapping", "FIELD", ("ORIGINAL", "PRIMARY", "P"), 2, 40, "MR", "dicom")


def rules_of(match: str, bids: str = "") -> str:
    place = f'bids = "{bids}"' if bids else ""
    return f'[[rule]]\nname = "one"\nmatch = {{ {match} }}\n{place}\n'


@pytest.mark.parametrize(
    ("match", "takes"),
    [
        ('description = "t1*"', True),
        ('description = "T1_MPRAGE_SAG"', True),
        ('description = "t1"', False),
        ('description = "/mprage$/"', False),
        ('description = "/MPRAGE_.ag$/"', True),
        ('description = ["t2*", "*mprage*"]', True),
        ('protocol = "t1 *"', True),
        ('image_type = "M"', True),
        ('image_type = ["m", "nd"]', True),
        ('image_type = ["M", "!P"]', True),
        ('image_type = ["!ND"]', False),
        ("echo = 1", False),
        ('description = "t1_mprage[_]sag"', False),
        ("images = 176", True),
        ('images = "100-"', True),
        ('images = "-176"', True),
        ('images = "1-175"', False),
        ('images = [10, "170-180"]', True),
        ('modality = "MR", source = "dicom"', True),
        ('source = "parrec"', False),
        ('description = "t1*", images = 3', False),
    ],
)
def test_a_rule_takes_what_meets_all_its_wishes(match: str, takes: bool) -> None:  # noqa: FBT001  a table's column
    assert (first_match(parse(rules_of(match)), T1) is not None) is takes


def test_the_tester_says_which_wish_is_not_met_and_what_is_there() -> None:
    (verdict,) = judge(parse(rules_of('description = "t1*", images = "200-", echo = [1, 2]')), T1)
    assert not verdict.is_match
    assert verdict.why_not == "images is 176, wanted 200-; echo is not known, wanted 1 or 2"


def test_the_first_rule_that_takes_a_series_names_it() -> None:
    both = parse(rules_of('images = "9-"') + rules_of('description = "t1*"').replace('"one"', '"two"'))
    match = first_match(both, T1)
    assert match is not None
    assert match.name == "one"


def test_phase_images_are_not_taken_for_magnitude_by_a_rule_that_does_not_name_them() -> None:
    plain = parse(rules_of('description = "*field*"', "fmap/magnitude1"))
    (verdict,) = judge(plain, PHASE)
    assert "image_type is P" in verdict.why_not
    assert first_match(parse(rules_of('description = "*field*", image_type = ["P"]', "fmap/phasediff")), PHASE)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[rule]", "no TOML"),
        ("", "no [[rule]]"),
        ('[[rule]]\nname = "x"\n', "match"),
        (rules_of(""), "matches nothing"),
        (rules_of('descripton = "t1"'), 'did you mean "description"?'),
        (rules_of("description = 4"), "a word or a list of words"),
        (rules_of('description = "/(/"'), "no regular expression"),
        (rules_of('images = "many"'), "10-20"),
        (rules_of('description = "*"', "anat/T9w"), '"T9w" is no suffix of anat'),
        (rules_of('description = "*"', "func/bold"), 'needs the entity "task-"'),
        (rules_of('description = "*"', "fmap/epi"), 'needs the entity "dir-"'),
        (rules_of('description = "*"', "anat/acq-a_b_T1w"), '"b" is no entity'),
        (rules_of('description = "*"', "anat/acq-a+b_T1w"), "letters and digits only"),
        (rules_of('description = "*"', "anat/run-x_T1w"), "a number"),
        (rules_of('description = "*"', "T1w"), "must begin with one of anat/"),
        (rules_of('images = "1-"') * 2, 'wo rules are named "one"'),
        ('[dataset]\ntitel = "x"\n' + rules_of('images = "1-"'), '"titel"'),
    ],
)
def test_a_file_that_cannot_be_used_is_explained(text: str, said: str) -> None:
    with pytest.raises(Problem) as refused:
        parse(text, "rules.toml")
    finding = refused.value.finding
    assert (finding.code, finding.where) == (model.RULES_BAD, "rules.toml")
    assert said in finding.why


def test_a_file_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(Problem) as refused:
        read(tmp_path / "none.toml")
    assert refused.value.finding.code == model.RULES_BAD


def test_entities_stand_in_the_order_of_the_standard() -> None:
    name = BidsName.parse("func/echo-1_run-2_dir-AP_task-rest_acq-mb_bold")
    assert str(name) == "func/task-rest_acq-mb_dir-AP_run-2_echo-1_bold"
    assert name.path("01", "a") == "sub-01/ses-a/func/sub-01_ses-a_task-rest_acq-mb_dir-AP_run-2_echo-1_bold"
    assert name.with_entity("run", "5") == name
    with pytest.raises(BadName):
        BidsName.parse("anat/acq-a_acq-b_T1w")


def test_labels_are_letters_and_digits() -> None:
    assert [label(text, "sub") for text in ("sub-01", "p_020", "Anna-K. 3", "ä-")] == ["01", "p020", "AnnaK3", ""]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=4))
def test_a_template_takes_the_series_that_it_was_made_of(names: list[str]) -> None:
    texts = [name for name in names if name.strip()]
    items = [Item("S", "", "1", "", "", (replace(T1, description=text),)) for text in texts]
    text = template(items)
    if items:
        filled = parse(text)
        for item in items:
            assert first_match(filled, item.variants[0]) is not None
