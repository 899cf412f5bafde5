"""The forecast against a real practice server: what the site will do, before anything is sent."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from support import Practice
from upload.clocks import short_sleep
from xnat_wizard.practice.store import Config, Store
from xnat_wizard.settings import Secret
from xnat_wizard.upload import engine
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Plan
from xnat_wizard.upload.plan import edit, forecast
from xnat_wizard.xnat.model import Login
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]


async def codes(plan: Plan, site: Site) -> dict[str, list[str]]:
    return {key: [finding.code for finding in found] for key, found in (await forecast(plan, site)).items() if found}


@pytest.fixture
async def archived(site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal) -> Plan:
    """Give the plan of a study that is in the archive already."""
    plan = plan_for(study_folder)
    with new_journal(plan) as journal:
        await engine.run(journal, site, sleep=short_sleep)
    return plan


async def test_an_empty_project_has_nothing_to_say(site: Site, study_folder: Path, plan_for: PlanFor) -> None:
    assert await codes(plan_for(study_folder), site) == {}


async def test_a_study_that_is_archived_already_is_completed(site: Site, archived: Plan) -> None:
    first, second = archived.sessions
    assert await codes(archived, site) == {first.key: ["forecast.merges"], second.key: ["forecast.merges"]}


async def test_a_label_of_another_subject_or_study_is_named(site: Site, archived: Plan) -> None:
    first, second = archived.sessions
    fewer = edit(archived, second.key, is_included=False)
    stranger = edit(fewer, first.key, subject_label="somebody")
    assert await codes(stranger, site) == {first.key: ["forecast.other_subject"]}
    renamed = edit(fewer, first.key, session_label="another")
    assert await codes(renamed, site) == {first.key: ["forecast.same_study"]}
    swapped = edit(edit(archived, second.key, session_label="x"), first.key, session_label=second.session_label)
    swapped = edit(swapped, first.key, subject_label=second.subject_label)
    assert (await codes(swapped, site))[first.key] == ["forecast.other_study"]


async def test_what_waits_in_the_prearchive_is_named(
    site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    plan = plan_for(study_folder, Destination.PREARCHIVE)
    first, second = plan.sessions
    with new_journal(edit(plan, second.key, is_included=False)) as journal:
        await engine.run(journal, site, sleep=short_sleep)
    assert await codes(plan, site) == {first.key: ["forecast.in_prearchive"]}
    stranger = edit(plan, first.key, subject_label="somebody")
    assert await codes(stranger, site) == {first.key: ["forecast.other_subject"]}
    renamed = edit(plan, first.key, session_label="other")
    assert await codes(renamed, site) == {first.key: ["forecast.same_study"]}
    taken = edit(renamed, second.key, session_label=first.session_label)
    assert (await codes(taken, site))[second.key] == ["forecast.same_label"]


async def test_settings_of_site_and_project_are_named(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor
) -> None:
    def change(store: Store) -> None:
        store.state.projects["DEMO"].prearchive_code = 4
        contents = '{"mode": "blacklist", "enabled": "true", "list": "nothing"}'
        store.state.configs.append(Config("seriesImportFilter", "config", "DEMO", contents, "enabled", "o", 0.0, 1))

    practice.on_loop(change)
    practice.anonymize()
    found = await codes(plan_for(study_folder, Destination.PREARCHIVE), site)
    assert sorted(found[""]) == ["forecast.archives_by_itself", "forecast.filter_on", "forecast.script_on"]


async def test_an_account_that_may_not_upload_is_told_so(
    practice: Practice, study_folder: Path, plan_for: PlanFor
) -> None:
    def demote(store: Store) -> None:
        store.state.projects["DEMO"].members["member"] = "collaborator"

    practice.on_loop(demote)
    async with await Site.connect(Login(practice.url, "member", Secret("member"))) as site:
        assert await codes(plan_for(study_folder), site) == {"": ["forecast.no_right"]}


async def test_a_label_that_may_be_another_visit_is_asked_about(site: Site, archived: Plan) -> None:
    first, second = archived.sessions
    fewer = edit(archived, second.key, is_included=False)
    pairs_only = replace(fewer, sessions=(replace(first, study_instance_uid="", series=()), fewer.sessions[1]))
    assert await codes(pairs_only, site) == {first.key: ["forecast.unknown_study"]}
