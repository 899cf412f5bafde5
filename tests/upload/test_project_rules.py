"""Naming rules that a project keeps: read back as they were put, and never believed to be there when they are not."""

import pytest

from support import Practice
from xnat_wizard.findings import Problem
from xnat_wizard.practice.faults import parse
from xnat_wizard.upload import project_rules
from xnat_wizard.xnat.site import Site

RULES = '[[rule]]\nname = "T1w"\nmatch = { description = "t1*" }\nbids = "anat/T1w"\n'


async def refusal(site: Site, text: str = RULES, *, is_replacing: bool = False) -> str:
    with pytest.raises(Problem) as told:
        await project_rules.save(site, "DEMO", text, is_replacing=is_replacing)
    return told.value.finding.code


async def test_rules_are_kept_once_and_replaced_on_demand(site: Site) -> None:
    with pytest.raises(Problem, match=r"convert\.rules_absent"):
        await project_rules.load(site, "DEMO")
    assert await project_rules.text_of(site, "DEMO") is None
    assert await project_rules.save(site, "DEMO", RULES)
    assert not await project_rules.save(site, "DEMO", RULES)
    known = await project_rules.load(site, "DEMO")
    assert (known.text, [rule.name for rule in known.rules.rules]) == (RULES, ["T1w"])
    other = RULES.replace("T1w", "T2w")
    assert await refusal(site, other) == "convert.rules_exist"
    assert await refusal(site, "[[rule]]\nname = 1\n", is_replacing=True) == "convert.rules_bad"
    assert await project_rules.text_at(site, "DEMO") == RULES
    assert await project_rules.save(site, "DEMO", other, is_replacing=True)
    assert await project_rules.text_at(site, "DEMO") == other


async def test_a_site_that_takes_rules_and_does_not_have_them_is_found_out(practice: Practice, site: Site) -> None:
    practice.on_loop(lambda store: store.state.projects["DEMO"].members.update(owner="collaborator"))
    assert await refusal(site) == "convert.rules_not_kept"
    practice.on_loop(lambda store: store.state.projects["DEMO"].members.update(owner="owner"))
    practice.server.faults.add(parse("status:code=403,only=files"))
    assert await refusal(site)
    practice.server.faults.clear()
    assert await project_rules.text_of(site, "DEMO") is None
    with pytest.raises(Problem, match=r"project\.not_found"):
        await project_rules.load(site, "NOPE")
