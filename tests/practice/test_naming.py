"""File names and labels as XNAT makes them."""

import pytest

from xnat_wizard.practice import naming


def test_the_token_is_the_one_of_a_real_site() -> None:
    instance = "1.3.12.2.1107.5.2.32.35177.3.2006121409365951632817982"
    assert naming.token("1.2.840.10008.5.1.4.1.1.4", instance) == "1qs88hj"


def test_the_default_template() -> None:
    values = {
        "StudyInstanceUID": "1.2",
        "SeriesNumber": "4",
        "InstanceNumber": "7",
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4",
        "SOPInstanceUID": "1.3.12.2.1107.5.2.32.35177.3.2006121409365951632817982",
    }
    assert naming.template_name(values) == "1.2-4-7-1qs88hj.dcm"


def test_a_missing_number_is_named_in_the_template() -> None:
    assert (
        naming.template_name({"SeriesNumber": "4"}, "${SeriesNumber}-${InstanceNumber}")
        == "4-no-value-for-InstanceNumber.dcm"
    )


@pytest.mark.parametrize(
    ("number", "uid", "folder"), [("4", "1.2", "4"), ("+4", "1.2", "_4"), ("", "1.2.3", "1_2_3"), (" ", "", "0")]
)
def test_the_folder_of_a_scan(number: str, uid: str, folder: str) -> None:
    assert naming.scan_folder(number, uid) == folder


@pytest.mark.parametrize("name", ["i1001.MRDC.1", "a.IMA", "IM_0001", "1.2.3"])
def test_plain_names_are_kept(name: str) -> None:
    assert naming.is_legal_name(name)


@pytest.mark.parametrize("name", ["", "..", "a b.dcm", "Müller.dcm", "a/b"])
def test_other_names_are_not(name: str) -> None:
    assert not naming.is_legal_name(name)
