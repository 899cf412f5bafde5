"""Series import filters: what this program says they do, and what the practice server, read apart, does."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from upload.builders import plan_of, series, survey
from xnat_wizard.practice import filters
from xnat_wizard.upload.series_filter import NotSimulated, SeriesFilter
from xnat_wizard.upload.settings_forecast import about_settings, rejects
from xnat_wizard.xnat.model import ArrivalRules, UploadSettings


def drops(mode: str, lines: str, description: str = "t1 mprage", modality: str = "MR") -> bool | None:
    one = replace(series("s/a", modality=modality), series_description=description)
    return SeriesFilter.parse(mode, lines).drops(one)


@pytest.mark.parametrize(
    ("mode", "lines", "is_dropped"),
    [
        ("blacklist", "", False),
        ("blacklist", "MPRAGE", True),
        ("blacklist", "^mprage", False),
        ("blacklist", "nothing\n\n  t1", True),
        ("whitelist", "flair", True),
        ("whitelist", "flair\nT1", False),
        ("blacklist", "[Modality]\nMR", True),
        ("blacklist", "[0008,0060]\nSR\n[SeriesDescription]\nmprage", True),
        ("whitelist", "[(0008,0060)]\nSR", True),
        ("blacklist", "[xyz]", False),
        ("blacklist", "[mt]1", True),
        ("blacklist", "[ImageType]\nDERIVED", None),
        ("blacklist", "mprage\n[ImageType]\nDERIVED", True),
        ("whitelist", "[ImageType]\nDERIVED", None),
        ("blacklist", "[SeriesDescription]\nEXISTS", True),
        ("whitelist", "!EXISTS", True),
        ("blacklist", "[SOPClassUID]\n1\\.2\\.840\\.10008\\.5\\.1\\.4\\.1\\.1\\.4$", True),
    ],
)
def test_a_filter_drops_what_its_lines_find(mode: str, lines: str, is_dropped: bool | None) -> None:  # noqa: FBT001  a table
    assert drops(mode, lines) is is_dropped


def test_a_series_without_description_passes_no_whitelist() -> None:
    assert drops("whitelist", "t1", description="") is True
    assert drops("blacklist", "t1", description="") is False
    assert drops("blacklist", ".*", description="") is None, "absent or empty: the survey does not tell"


@pytest.mark.parametrize(
    ("mode", "lines"), [("modalityMap", ""), ("whitelist", ""), ("blacklist", "(open"), ("blacklist", "\\p{Alpha}")]
)
def test_what_cannot_be_evaluated_is_not_guessed(mode: str, lines: str) -> None:
    with pytest.raises(NotSimulated):
        SeriesFilter.parse(mode, lines)


lines_of_a_filter = st.lists(
    st.sampled_from(
        [
            "t1",
            "T2",
            "^loc",
            "e$",
            "[Modality]",
            "MR|CT",
            "[SeriesDescription]",
            "EXISTS",
            "!EXISTS",
            "[0020,0011]",
            "1",
            "",
        ]
    ),
    min_size=1,
    max_size=6,
).map("\n".join)


@settings(max_examples=200)
@given(
    mode=st.sampled_from(["blacklist", "whitelist"]),
    lines=lines_of_a_filter,
    description=st.sampled_from(["t1", "T2 tse", "localizer", "scout e"]),
    modality=st.sampled_from(["MR", "CT", "SR"]),
    number=st.sampled_from(["1", "12", "7"]),
)
def test_two_readings_of_the_rule_agree(mode: str, lines: str, description: str, modality: str, number: str) -> None:
    theirs = filters.make_filter(mode, lines)
    if theirs is None:
        return
    header = Dataset()
    header.SeriesDescription, header.Modality, header.SeriesNumber = description, modality, number
    one = replace(series("s/a", modality=modality, number=number), series_description=description)
    assert SeriesFilter.parse(mode, lines).drops(one) is not theirs.includes(header)


@pytest.mark.parametrize(
    ("script", "is_strict"),
    [
        ('version "6.1"\n(0008,0060) = "SR" ? reject\n', True),
        ('// reject\n(0010,0010) := "reject"\n', False),
        ("", False),
        ("rejected := 1", False),
    ],
)
def test_a_script_that_refuses_images_is_recognised(script: str, is_strict: bool) -> None:  # noqa: FBT001  a table
    assert rejects(script) is is_strict


def test_a_filter_that_cannot_be_read_is_told_of() -> None:
    plan = plan_of(survey(series("s/a")))
    unread = ArrivalRules(None, None, "", "", ("site", "project"))
    found = about_settings(plan, UploadSettings("0", "0", False, False, True, None, ""), unread)  # noqa: FBT003  as the site says
    assert [(finding.code, finding.why) for finding in found] == [
        ("forecast.filter_on", "It is switched on and was not simulated: this account may not read it"),
        ("forecast.filter_unsure", "This account may not read that setting"),
    ]
