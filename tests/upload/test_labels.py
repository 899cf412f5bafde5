from hypothesis import given
from hypothesis import strategies as st

from xnat_wizard.upload.labels import MAX_LENGTH, clean_label, is_legal, unique_labels

names = st.text(st.characters(exclude_categories=()), max_size=90)


@given(names)
def test_a_cleaned_label_is_legal_and_stays_as_it_is(text: str) -> None:
    label = clean_label(text)
    assert is_legal(label)
    assert clean_label(label) == label


@given(st.lists(names, max_size=20), st.lists(st.from_regex(r"[A-Za-z0-9_-]{1,5}", fullmatch=True), max_size=5))
def test_unique_labels_are_legal_and_differ_by_more_than_case(texts: list[str], taken: list[str]) -> None:
    labels = unique_labels(texts, taken=taken)
    assert set(labels) == set(texts)
    assert all(is_legal(label) for label in labels.values())
    folded = [label.casefold() for label in labels.values()]
    assert len(set(folded)) == len(folded)
    assert not set(folded) & {label.casefold() for label in taken}
    assert unique_labels(texts, taken=taken) == labels


@given(st.lists(st.from_regex(r"[a-z0-9_-]{0,20}[a-z0-9]", fullmatch=True), unique=True))
def test_legal_names_keep_themselves(texts: list[str]) -> None:
    assert unique_labels(texts) == {text: text for text in texts}


def test_every_character_xnat_would_replace_becomes_an_underscore() -> None:
    assert clean_label("Müller, A. (2)") == "M_ller__A___2_"


def test_names_that_collide_after_cleaning_stay_distinct() -> None:
    assert unique_labels(["a b", "a.b", "a_b", "A_B"]) == {"a b": "a_b_3", "a.b": "a_b_4", "a_b": "a_b", "A_B": "A_B_2"}


def test_long_names_that_begin_alike_stay_apart() -> None:
    first, second = clean_label("x" * 80), clean_label("x" * 81)
    assert first != second
    assert len(first) == len(second) == MAX_LENGTH


def test_a_name_without_a_letter_or_digit_becomes_subject() -> None:
    assert unique_labels(["", "日本", "..."]) == {"": "subject", "日本": "subject_2", "...": "subject_3"}


def test_thousands_of_names_without_a_letter_are_numbered_one_by_one() -> None:
    names = [chr(0x4E00 + number) for number in range(20_000)]  # one try each: with all numbers tried it takes minutes
    assert list(unique_labels(names).values()) == ["subject", *(f"subject_{number}" for number in range(2, 20_001))]
