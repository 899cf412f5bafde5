"""Regular expressions that people and sites wrote: one that would search for years is a finding, and soon."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from fuzz.targets import told
from troubleshoot.values import an_object
from upload.builders import series
from xnat_wizard import expressions, searcher
from xnat_wizard.convert import rules
from xnat_wizard.convert.model import RULES_BAD, Traits
from xnat_wizard.dicom.layout import Layout
from xnat_wizard.expressions import BadExpression, Unsearched, expression
from xnat_wizard.findings import Problem
from xnat_wizard.troubleshoot.routing_rules import NotEvaluated, evaluate, parse_rules
from xnat_wizard.upload.label_pattern import Pattern, Unfilled
from xnat_wizard.upload.series_filter import SeriesFilter

ENDLESS = "(x|x)*$"
TEXT = "x" * 60 + "!"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Forget which expressions came to no end."""
    yield
    expression.cache_clear()


def test_a_rule_without_end_is_a_finding_that_names_the_rule() -> None:
    read = rules.parse(f"[[rule]]\nname = 'one'\nmatch = {{ description = '/{ENDLESS}/' }}\n")
    traits = Traits(TEXT, "", (), None, 1, "MR", "dicom")
    for ask in (rules.judge, rules.first_match):
        with pytest.raises(Problem) as refused:
            ask(read, traits)
        told(refused.value.finding)
        assert refused.value.finding.code == RULES_BAD
        assert 'In the rule "one"' in refused.value.finding.why
        assert ENDLESS in refused.value.finding.why
        assert TEXT not in refused.value.finding.as_text()


def test_a_label_pattern_without_end_gives_no_label() -> None:
    pattern = Pattern.parse("S{folder/" + ENDLESS + "/}")
    with pytest.raises(Unfilled) as unfilled:
        pattern.fill({"folder": TEXT})
    assert unfilled.value.reason == f"The regular expression `{ENDLESS}` comes to no end"


def test_what_a_filter_without_end_drops_is_not_known() -> None:
    one = replace(series("s/a"), series_description=TEXT)
    assert SeriesFilter.parse("blacklist", ENDLESS).drops(one) is None
    assert SeriesFilter.parse("whitelist", f"{ENDLESS}\nx").drops(one) is False


@pytest.mark.parametrize(
    "rule",
    [
        f"(0010,0020):({ENDLESS})",
        f"(0010,0020):(.*) t:{ENDLESS} r:a",
        "(0010,0020):(.*) t:x r:$7",
        "(0010,0020):(.*) t:x r:\\q",
    ],
)
def test_a_rule_of_the_site_that_cannot_be_followed_is_said_so(rule: str) -> None:
    with pytest.raises(NotEvaluated, match="cannot be followed"):
        evaluate(parse_rules(rule), replace(an_object("a", 1), patient_id=TEXT))


def test_a_pattern_of_folders_full_of_stars_ends_soon() -> None:
    layout = Layout.parse("*a" * 100 + "b{subject}*x*x*x*x*")
    position = layout.position("a" * 255, "")
    assert position.misfit
    assert Layout.parse("*" * 200 + "_{subject}").position("a_b_c", "").subject == "c"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(", "unterminated"),
        ("a{4294967296}", "too large"),
        ("(" * 499 + ")" * 499, "nested too deeply"),
        ("a" * 1001, "1,000 is the limit"),
    ],
)
def test_what_is_no_expression_is_said_so(text: str, said: str) -> None:
    with pytest.raises(BadExpression, match=said):
        expression(text)


def test_an_expression_takes_whole_texts_and_groups() -> None:
    assert expression("a(b)?(c)").search("xac") == ("ac", "", "c")
    assert expression("a(b)?").fullmatch("xa") is None
    assert expression("ä", ignores_case=True).search("\udcffÄ" * 600) == ("Ä",)
    assert expression("[[a]").search("a") == ("a",), "a warning of Python's is no fault"
    assert expression("(b)").replace(r"\1\1", "abc") == "abbc"


def test_a_process_that_was_ended_is_started_again() -> None:
    assert expression("a1").search("a1")
    process = expressions._SEARCHER._process
    assert process is not None
    process.kill()
    process.wait()
    assert expression("a1").search("xa1")
    assert not expressions._SEARCHER._process == process  # noqa: SIM201  another one


def test_a_process_that_does_not_answer_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    assert expression("a2").search("a2")
    process = expressions._SEARCHER._process
    assert process is not None
    os.kill(process.pid, 19)
    monkeypatch.setattr(expressions, "_PATIENCE_S", 0.05)
    with pytest.raises(Unsearched, match="no end"):
        expression("a2").search("xa2")
    monkeypatch.undo()
    assert process.returncode is not None
    assert expression("a2b?").search("a2")


def test_where_no_process_can_be_started_that_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    one = expression("a3")
    expressions._SEARCHER.end()
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(Unsearched, match="no process can be started"):
        one.search("a3")
    with pytest.raises(BadExpression):
        expression("a4")


def test_a_forked_process_asks_one_of_its_own() -> None:
    code = """
import os
from xnat_wizard.expressions import expression, _SEARCHER
assert expression("a").search("a")
first = _SEARCHER._process.pid
child = os.fork()
if not child:
    assert expression("b").search("b") == ("b",)
    os._exit(0 if _SEARCHER._process.pid != first else 1)
assert os.waitpid(child, 0)[1] == 0
assert expression("c").search("c") and _SEARCHER._process.pid == first
print(first)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    with pytest.raises(ProcessLookupError):
        os.kill(int(done.stdout), 0)


def test_the_searcher_ends_what_takes_too_long() -> None:
    question = {"act": "search", "expression": ENDLESS, "text": TEXT, "replacement": "", "ignores_case": False}
    assert searcher.answer({**question, "seconds": 10, "text": "xx"}) == {"found": ["xx", "x"]}
