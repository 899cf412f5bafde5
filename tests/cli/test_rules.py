"""`rules` as a script uses it: kept in a project by one, used and tested by another, and nothing unusable kept."""

from pathlib import Path

import pytest

from cli.program import OnTerminal, call
from convert.images import write_dicom, write_pair
from convert.ways import need
from support import Practice
from xnat_wizard.cli.talk import Exit
from xnat_wizard.convert.model import Way

RULES = """\
# Made for a test: Größe
[[rule]]
name = "T1w"
match = { description = "t1*" }
bids = "anat/T1w"

[[rule]]
name = "late"
match = { description = "t1_mprage" }
bids = "anat/T2w"

[[rule]]
name = "never"
match = { description = "flair*", images = "100-" }
bids = "anat/FLAIR"
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.toml"
    path.write_text(RULES, encoding="utf-8")
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_pair(tmp_path / "in" / "S1" / "t1", protocol="t1 3D", number=4)
    write_dicom(tmp_path / "in" / "S2" / "t1", number=2)
    return tmp_path / "in"


def test_rules_are_kept_shown_saved_and_used_by_all(
    rules: Path, source: Path, tmp_path: Path, practice: Practice, account: None
) -> None:
    place = ["--project", "DEMO", "--site", practice.url]
    done = call("rules", "put", rules, *place)
    assert (done.code, done.data) == (Exit.DONE, "")
    assert "DEMO keeps now 3 rules in DEMO / xnat-wizard / rules.toml" in done.talk
    assert "without a difference" in call("rules", "put", rules, *place).talk

    assert call("rules", "show", *place).data == RULES
    saved = tmp_path / "saved.toml"
    assert call("rules", "get", saved, *place).code == Exit.DONE
    assert saved.read_bytes() == rules.read_bytes()
    assert call("rules", "get", saved, *place).code == Exit.FAILED

    told = call("rules", "test", source, *place, "--bids")
    assert told.code == Exit.DONE, told.talk
    assert told.data.splitlines() == [
        "S1 / 4 t1 3D  [ORIGINAL PRIMARY M echo 1]  4 images  -> T1w  anat/T1w",
        "    called sub-S1/anat/sub-S1_T1w.nii.gz",
        '    not late: description is "t1 3D", wanted "t1_mprage"',
        '    not never: description is "t1 3D", wanted "flair*"; images is 4, wanted 100-',
        "S2 / 2 t1_mprage  [ORIGINAL PRIMARY M ND echo 1]  4 images  -> T1w  anat/T1w",
        "    called sub-S2/anat/sub-S2_T1w.nii.gz",
        '    not late: it fits, but the rule "T1w" stands before it and takes them',
        '    not never: description is "t1_mprage", wanted "flair*"; images is 4, wanted 100-',
    ]
    assert 'No series here fits the rule "late".' in told.talk


def test_a_conversion_takes_the_rules_of_the_project(
    rules: Path, source: Path, tmp_path: Path, practice: Practice, account: None
) -> None:
    need(Way.DCM2NIIX)
    place = ["--project", "DEMO", "--site", practice.url]
    absent = call("convert", source, "--rules", "project", "--test-rules", *place)
    assert absent.code == Exit.FAILED
    assert 'The project "DEMO" keeps no naming rules' in absent.talk
    assert call("rules", "put", rules, *place).code == Exit.DONE
    done = call("convert", source, "--rules", "project", "--bids", "--to", tmp_path / "out", *place)
    assert done.code == Exit.DONE, done.talk
    assert (tmp_path / "out" / "sub-S2" / "anat" / "sub-S2_T1w.nii.gz").is_file()
    assert "a PAR holds what the scanner wrote" in done.talk

    sessions = practice.on_loop(lambda store: len(store.state.sessions))
    site = ["--site", practice.url]
    done = call("convert", source, "--rules", "project:DEMO", "--bids", "--to", tmp_path / "here", *site)
    assert done.code == Exit.DONE, done.talk
    assert (tmp_path / "here" / "sub-S2" / "anat" / "sub-S2_T1w.nii.gz").is_file()
    assert practice.on_loop(lambda store: len(store.state.sessions)) == sessions == 2


def test_one_password_is_enough_for_the_rules_and_for_the_images(
    rules: Path, source: Path, tmp_path: Path, practice: Practice
) -> None:
    need(Way.DCM2NIIX)
    place = ["--project", "DEMO", "--site", practice.url, "--user", "owner", "--password-stdin"]
    assert call("rules", "put", rules, *place, text="owner\n").code == Exit.DONE
    done = call("convert", source, "--rules", "project", "--to", tmp_path / "out", *place, text="owner\n")
    assert done.code == Exit.DONE, done.talk


def test_other_rules_are_replaced_only_on_demand(rules: Path, practice: Practice, account: None) -> None:
    place = ["--project", "DEMO", "--site", practice.url]
    call("rules", "put", rules, *place)
    rules.write_text(RULES.replace("late", "later"))
    refused = call("rules", "put", rules, *place)
    assert refused.code == Exit.FAILED
    assert "keeps other naming rules already" in refused.talk
    assert '"late"' in call("rules", "show", *place).data
    assert call("rules", "put", rules, *place, "--existing", "replace").code == Exit.DONE
    assert '"later"' in call("rules", "show", *place).data


def test_rules_that_cannot_be_used_are_never_kept(rules: Path, practice: Practice, account: None) -> None:
    rules.write_text(RULES.replace('bids = "anat/T2w"', 'bidz = "anat/T2w"'))
    place = ["--project", "DEMO", "--site", practice.url]
    refused = call("rules", "put", rules, *place)
    assert refused.code == Exit.FAILED
    assert 'Line 10: Rule 2 has "bidz", which is not known; did you mean "bids"?' in refused.talk
    assert "keeps no naming rules" in call("rules", "show", *place).talk


def test_a_file_of_rules_is_tested_without_a_site(rules: Path, source: Path) -> None:
    told = call("rules", "test", source, "--rules", rules, "--json", "--series", "2")
    (match,) = [one for one in told.objects() if one["type"] == "match"]
    assert (match["rule"], match["path"]) == ("T1w", "S2/002-T1w.nii.gz")
    assert [one["rule"] for one in match["not_matched"]] == ["late", "never"]


def test_rules_of_a_project_need_its_name(source: Path) -> None:
    done = call("rules", "test", source)
    assert done.code == Exit.USAGE
    assert "--project ID" in done.talk


def test_a_conversion_that_asks_a_project_twice_asks_for_the_password_once(
    rules: Path, source: Path, practice: Practice, account: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need(Way.DCM2NIIX)
    place = ["--project", "DEMO", "--site", practice.url]
    assert call("rules", "put", rules, *place).code == Exit.DONE
    monkeypatch.delenv("XNAT_PASS")
    monkeypatch.setenv("HOME", str(tmp_path))
    terminal = OnTerminal("convert", source, "--to", tmp_path / "out", "--rules", "project", *place)
    terminal.until("Password of owner")
    terminal.type("owner\r")
    assert terminal.wait() == Exit.DONE, terminal.seen
    assert terminal.read().count("Password of owner") == 1
