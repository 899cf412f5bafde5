"""The forecast against a real practice server: what the site will do, before anything is sent."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from support import Practice
from upload.runs import run
from xnat_wizard.findings import Problem, Severity
from xnat_wizard.practice.faults import parse as parse_fault
from xnat_wizard.practice.store import Config, Store
from xnat_wizard.settings import Secret
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
        await run(journal, site)
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
    assert await codes(renamed, site) == {first.key: ["forecast.same_study", "forecast.subject_exists"]}
    swapped = edit(edit(archived, second.key, session_label="x"), first.key, session_label=second.session_label)
    swapped = edit(swapped, first.key, subject_label=second.subject_label)
    assert (await codes(swapped, site))[first.key] == ["forecast.other_study"]


async def test_what_waits_in_the_prearchive_is_named(
    site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    plan = plan_for(study_folder, Destination.PREARCHIVE)
    first, second = plan.sessions
    with new_journal(edit(plan, second.key, is_included=False)) as journal:
        await run(journal, site)
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


async def test_an_alias_a_title_or_other_letters_are_no_project_id(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor
) -> None:
    def rename(store: Store) -> None:
        store.state.projects["DEMO"].aliases = ["D1"]
        store.state.projects["DEMO"].name = "A demo"

    practice.on_loop(rename)
    plan = plan_for(study_folder)
    assert await codes(replace(plan, project="D1"), site) == {"": ["forecast.project_alias"]}
    assert await codes(replace(plan, project="a demo"), site) == {"": ["forecast.project_title"]}
    assert await codes(replace(plan, project="demo"), site) == {"": ["forecast.project_title"]}
    with pytest.raises(Problem, match=r"project\.not_found"):
        await forecast(replace(plan, project="nothing"), site)


async def test_quarantine_and_a_script_that_refuses_are_told(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor
) -> None:
    script = 'version "6.1"\n// no reject here\n(0008,0060) = "SR" ? reject\n'

    def change(store: Store) -> None:
        store.state.projects["DEMO"].quarantine_code = 1
        store.state.configs.append(Config("anon", "projects/DEMO", "DEMO", script, "enabled", "o", 0.0, 1))

    practice.on_loop(change)
    found = await codes(plan_for(study_folder), site)
    assert found == {"": ["forecast.script_rejects", "forecast.quarantine", "forecast.script_on"]}


@pytest.mark.parametrize("whose", ["site", "project"])
@pytest.mark.parametrize(
    ("mode", "lines", "code"),
    [
        ("blacklist", "LOCALIZER\n[Modality]\nSR", "forecast.filter_drops"),
        ("whitelist", "t1_|\\bep2d", "forecast.filter_drops"),
        ("whitelist", "[Modality]\nCT", "forecast.filter_drops_all"),
    ],
)
async def test_series_that_a_filter_will_drop_are_the_ones_that_never_arrive(
    practice: Practice,
    site: Site,
    study_folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    whose: str,
    mode: str,
    lines: str,
    code: str,
) -> None:
    def switch(store: Store) -> None:
        if whose == "site":
            store.state.preferences.update(
                enableSitewideSeriesImportFilter=True,
                sitewideSeriesImportFilterMode=mode,
                sitewideSeriesImportFilter=lines,
            )
        else:
            contents = json.dumps({"mode": mode, "enabled": "true", "list": lines})
            store.state.configs.append(Config("seriesImportFilter", "config", "DEMO", contents, "enabled", "o", 0.0, 1))

    practice.on_loop(switch)
    plan = plan_for(study_folder)
    plan = edit(plan, plan.sessions[1].key, is_included=False)
    (session,) = plan.included
    found = await forecast(plan, site)
    assert [finding.code for finding in found[""]] == ["forecast.filter_on"]
    assert [finding.code for finding in found[session.key]] == [code]
    (said,) = found[session.key]
    with new_journal(plan) as journal:
        await run(journal, site)
    arrived = await site.session("DEMO", session.session_label)
    there = {scan.id for scan in await site.scans(arrived.id)} if arrived else set()
    missing = [one for one in session.series if one.series_number not in there]
    assert missing
    assert all(f"{one.series_number} {one.series_description}" in said.what for one in missing[:4])
    assert not any(
        f"{one.series_number} {one.series_description}" in said.what for one in session.series if one not in missing
    )


async def test_a_filter_that_cannot_be_simulated_says_so(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor
) -> None:
    contents = '{"mode": "modalityMap", "enabled": "true", "modalities": {}}'
    practice.on_loop(
        lambda store: store.state.configs.append(
            Config("seriesImportFilter", "config", "DEMO", contents, "enabled", "o", 0.0, 1)
        )
    )
    found = await forecast(plan_for(study_folder), site)
    assert "was not simulated: its mode is `modalityMap`" in found[""][0].why
    assert [finding for key, some in found.items() if key for finding in some] == []


async def test_what_waits_and_cannot_be_archived_is_told_in_the_words_of_the_site(
    site: Site, study_folder: Path, plan_for: PlanFor, archived: Plan, new_journal: NewJournal
) -> None:
    first, second = archived.sessions
    waiting = edit(plan_for(study_folder, Destination.PREARCHIVE), first.key, is_included=False, session_label="x")
    waiting = edit(waiting, second.key, subject_label=first.subject_label, session_label=first.session_label)
    with new_journal(waiting) as journal:
        await run(journal, site)
    (row,) = await site.prearchive("DEMO")
    assert row.is_settled
    assert (await codes(waiting, site))[second.key] == ["forecast.other_study", "forecast.in_prearchive"]
    found = (await forecast(replace(waiting, destination=Destination.ARCHIVE), site))[second.key]
    assert [finding.code for finding in found] == [
        "forecast.archive_conflict",
        "forecast.other_study",
        "forecast.in_prearchive",
    ]
    assert "It says: " in found[0].why


async def test_a_site_that_does_not_say_whether_it_would_archive_is_asked_for_the_rest(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    waiting = plan_for(study_folder, Destination.PREARCHIVE)
    with new_journal(waiting) as journal:
        await run(journal, site)
    practice.server.faults.add(parse_fault("status:code=403,path=/data/services/validate-archive"))
    plan = replace(waiting, destination=Destination.ARCHIVE)
    assert set(map(tuple, (await codes(plan, site)).values())) == {("forecast.in_prearchive",)}

    def forget(store: Store) -> None:
        for row in store.state.rows:
            row.tag = ""

    practice.on_loop(forget)  # as of a row that is not built
    assert set(map(tuple, (await codes(plan, site)).values())) == {("forecast.same_label",)}


async def test_a_project_that_may_not_be_looked_at_is_not_called_misspelt(
    practice: Practice, site: Site, study_folder: Path, plan_for: PlanFor
) -> None:
    practice.server.faults.add(parse_fault("status:code=403,path=^/data/projects/DEMO"))
    with pytest.raises(Problem) as caught:
        await forecast(plan_for(study_folder), site)
    assert caught.value.finding.code != "project.not_found"


async def test_a_subject_that_is_there_already_is_named(site: Site, archived: Plan) -> None:
    first, second = archived.sessions
    joining = edit(archived, second.key, is_included=False)
    joining = replace(joining, sessions=(replace(first, session_label="later", study_instance_uid="1.2"), second))
    (finding,) = (await forecast(replace(joining, sessions=(joining.sessions[0],)), site))[first.key]
    assert (finding.code, finding.severity) == ("forecast.subject_exists", Severity.NOTE)
    assert finding.what == f"Subject `{first.subject_label}` is in the project already"
    assert "`later` join that subject" in finding.why


async def test_a_subject_in_other_letters_is_named(site: Site, archived: Plan) -> None:
    first, second = archived.sessions
    plan = edit(edit(archived, second.key, is_included=False), first.key, subject_label=first.subject_label.upper())
    found = await codes(plan, site)
    assert found == {first.key: ["forecast.merges", "forecast.subject_spelling"]}


async def test_the_size_of_the_largest_request_is_told_when_a_proxy_might_refuse_it(
    site: Site, study_folder: Path, plan_for: PlanFor
) -> None:
    plan = plan_for(study_folder)
    first = plan.sessions[0]
    heavy = replace(first.series[0].instances[0], size_bytes=250_000_000)
    series = replace(first.series[0], instances=(heavy,))
    plan = replace(plan, sessions=(replace(first, series=(series,)),))
    (finding,) = (await forecast(plan, site))[""]
    assert (finding.code, "250 MB" in finding.why) == ("forecast.size_unknown", True)
