from xnat_wizard.upload.tokens import token_in, token_of


def test_the_token_is_the_one_xnat_makes() -> None:
    instance = "1.3.12.2.1107.5.2.32.35177.3.2006121409365951632817982"
    assert token_of("1.2.840.10008.5.1.4.1.1.4", instance) == "1qs88hj"


def test_the_token_is_read_from_both_kinds_of_template_names() -> None:
    assert token_in("1.2.3-4-12-1qs88hj.dcm") == "1qs88hj"
    assert token_in("DICOM/4.12.20240101.1qs88hj.dcm") == "1qs88hj"


def test_a_name_of_one_piece_has_no_token() -> None:
    assert not token_in("00001.dcm")
