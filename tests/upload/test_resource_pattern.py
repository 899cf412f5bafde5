"""Patterns with {subject}, and which subjects are meant."""

import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upload.resources import write
from xnat_wizard.findings import Problem
from xnat_wizard.upload.resource_transfer.model import Target
from xnat_wizard.upload.resource_transfer.pattern import Pattern, find_sources, is_plain, read_subjects
from xnat_wizard.upload.resource_transfer.targets import Request, check_details, to_put
from xnat_wizard.xnat.resources import Address, Details

NAMES = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=12)


def refusal(act: object, *arguments: object, **named: object) -> str:
    assert callable(act)
    with pytest.raises(Problem) as caught:
        act(*arguments, **named)
    assert caught.value.finding.todo
    return caught.value.finding.code


@pytest.mark.parametrize(
    ("text", "subjects"),
    [
        ("p020..p023,p031", ("p020", "p021", "p022", "p023", "p031")),
        ("p020..022", ("p020", "p021", "p022")),
        ("sub-9..sub-11", ("sub-9", "sub-10", "sub-11")),
        ("s1_v08a..s1_v10a", ("s1_v08a", "s1_v09a", "s1_v10a")),
        (" a , b,,a ", ("a", "b")),
        ("7..7", ("7",)),
    ],
)
def test_names_and_ranges(text: str, subjects: tuple[str, ...]) -> None:
    assert read_subjects(text) == subjects


@pytest.mark.parametrize(
    "text", ["", ",", "p3..p1", "p1..q2", "a..b", "..", "a/b", "p1..p99999", "{subject}", "p1..p²"]
)
def test_what_names_nobody_is_refused(text: str) -> None:
    assert refusal(read_subjects, text) == "resource.bad_subjects"


@given(NAMES, st.integers(0, 9000), st.integers(0, 60), st.integers(1, 6))
def test_a_range_counts_up_in_as_many_digits(head: str, first: int, more: int, digits: int) -> None:
    head += "x"
    names = [f"{head}{number:0{digits}}" for number in range(first, first + more + 1)]
    assert read_subjects(f"{names[0]}..{names[-1]}") == tuple(names)


@given(st.lists(st.one_of(st.just("{subject}"), NAMES), max_size=5), NAMES)
def test_what_a_pattern_gives_for_a_subject_is_found_by_it(pieces: list[str], subject: str) -> None:
    pattern = Pattern.parse("".join(pieces))
    found = pattern.match(pattern.fill(subject))
    assert (found is None) == ("{subject}" not in pieces)
    if found is not None:
        assert pattern.fill(found) == pattern.fill(subject)


@given(st.text(max_size=12))
def test_no_subject_leads_to_another_folder(text: str) -> None:
    found = Pattern("x{subject}y").match(f"x{text}y")
    assert (found is not None) == is_plain(text)
    if found is not None:
        assert "/" not in found
        assert found not in {"", ".", ".."}


@pytest.mark.parametrize("text", ["{subjekt}", "{}", "{subject", "subject}", "a{{subject}}", "\0{subject}"])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    assert refusal(Pattern.parse, text) == "resource.bad_pattern"


def test_every_folder_that_fits_is_found(tmp_path: Path) -> None:
    for name in ("erc-wp1-p021", "erc-wp1-p020", "erc-wp2-p020", "erc-wp1-"):
        write(tmp_path / name, {"qbold/p020.nii": b"x"})
    write(tmp_path / "erc-wp1-p021", {"qbold/p021.nii": b"x"})
    pattern = Pattern.parse(f"{tmp_path}/erc-wp1-{{subject}}")
    assert find_sources(pattern) == (
        ("p020", tmp_path / "erc-wp1-p020"),
        ("p021", tmp_path / "erc-wp1-p021"),
    )
    inner = Pattern.parse(f"{tmp_path}/erc-wp1-{{subject}}/qbold/{{subject}}.nii")
    assert [path.name for _, path in find_sources(inner)] == ["p020.nii", "p021.nii"]
    assert refusal(find_sources, Pattern.parse(f"{tmp_path}/none-{{subject}}")) == "resource.no_match"
    assert refusal(find_sources, Pattern.parse(f"{tmp_path}/none/{{subject}}")) == "resource.no_match"


def test_the_lab_notebook_s_loop_is_four_targets(tmp_path: Path) -> None:
    request = Request.parse(
        f"{tmp_path}/erc-wp1-{{subject}}",
        project="ERC",
        session="{subject}-mri",
        label="qBOLD",
        subjects="p020..p023",
    )
    assert to_put(request) == tuple(
        Target(one, tmp_path / f"erc-wp1-{one}", Address("ERC", "", f"{one}-mri"), "qBOLD")
        for one in ("p020", "p021", "p022", "p023")
    )


def test_subjects_never_share_a_resource(tmp_path: Path) -> None:
    request = Request.parse(f"{tmp_path}/{{subject}}", project="P", label="R", subjects="a,b")
    assert refusal(to_put, request) == "resource.same_target"


def test_a_request_that_cannot_be_meant_is_refused_before_anything_happens(tmp_path: Path) -> None:
    def put(path: str, *, creates: bool = False, **named: str) -> str:
        return refusal(lambda: to_put(Request.parse(path, project="P", **named), creates=creates))

    assert put("x", session="{subject}-mri", label="R") == "resource.bad_pattern"
    assert put("x", label="R", subjects="a,b") == "resource.bad_pattern"
    assert put("x", scan="1", label="R") == "resource.no_level"
    assert put("x", session="s", label="R", creates=True) == "resource.no_level"
    assert put("x", label="a/b") == "resource.bad_option"
    assert put("x", label="..") == "resource.bad_option"


def test_words_that_xnat_takes_for_its_answer_are_no_formats() -> None:
    assert refusal(check_details, Details(format="JSON")) == "resource.bad_option"
    check_details(Details(format="NIFTI"))


def test_every_code_is_listed() -> None:
    from xnat_wizard.upload import resource_transfer

    folder = Path(resource_transfer.__file__).parent
    made = {
        code
        for module in folder.glob("*.py")
        for code in re.findall(r'"(resource\.[a-z_]+)"', module.read_text(encoding="utf-8"))
    }
    listed = set()
    for line in (resource_transfer.__doc__ or "").splitlines():
        if line.startswith("    resource."):
            listed |= {f"resource.{name}" for name in re.findall(r"\.([a-z_]+)", line)}
    assert made == listed
