"""What a site will do with a plan that goes by DICOM, asked of a real practice server before anything is sent."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support import Practice
from upload.dicom_sends import peer_of
from xnat_wizard.dicom.survey import survey
from xnat_wizard.findings import Finding, Severity
from xnat_wizard.practice.sample import write_study
from xnat_wizard.settings import Secret
from xnat_wizard.troubleshoot.before_sending import forecast
from xnat_wizard.upload import plan as planning
from xnat_wizard.upload.model import Destination, Plan, Route
from xnat_wizard.xnat.model import Login
from xnat_wizard.xnat.site import Site

Change = Callable[..., None]


@pytest.fixture
def plan(practice: Practice, tmp_path: Path) -> Plan:
    """Give a plan of one subject that goes to the practice server's receiver."""
    folder = write_study(tmp_path / "one", subjects=1, slices=2)
    made = planning.draft(survey(folder), site_url=practice.url, project="DEMO", destination=Destination.PREARCHIVE)
    return replace(made, route=Route.DICOM, receiver=peer_of(practice))


@pytest.fixture
def receiver(practice: Practice) -> Change:
    """Give a function that changes the receiver's settings."""

    def change(**values: Any) -> None:
        def act(store: Any) -> None:
            for name, value in values.items():
                setattr(store.state.receivers[0], name, value)

        practice.on_loop(act)

    return change


async def told(practice: Practice, plan: Plan) -> dict[str, Finding]:
    """Ask as who sees the receivers; return all findings by code."""
    async with await Site.connect(Login(practice.url, "admin", Secret("admin"))) as site:
        found = await forecast(plan, site)
    return {one.code: one for some in found.values() for one in some}


async def test_a_plain_receiver_files_sessions_where_the_plan_says(practice: Practice, plan: Plan) -> None:
    assert not [code for code in await told(practice, plan) if code.startswith("send.")]


async def test_rules_of_the_receiver_come_before_what_is_written_into_the_images(
    practice: Practice, plan: Plan, receiver: Change
) -> None:
    receiver(routing_expressions_enabled=True, session_routing_expression="(0008,0060):(MR)")
    said = await told(practice, plan)
    assert said["send.other_labels"].severity is Severity.ASK
    assert "session `MR` of subject" in said["send.other_labels"].why
    assert "send.other_labels" not in await told(practice, replace(plan, route=Route.IMPORT))


async def test_another_project_that_the_rules_of_the_receiver_name_is_told(
    practice: Practice, plan: Plan, receiver: Change
) -> None:
    practice.on_loop(lambda store: store.state.projects.update(MR=replace(store.state.projects["DEMO"], id="MR")))
    receiver(routing_expressions_enabled=True, project_routing_expression="(0008,0060):(MR)")
    said = await told(practice, plan)
    assert said["send.elsewhere"].severity is Severity.ASK
    assert "under MR, not `DEMO`" in said["send.elsewhere"].what


async def test_a_receiver_that_archives_directly_is_asked_about(
    practice: Practice, plan: Plan, receiver: Change
) -> None:
    receiver(direct_archive=True)
    assert (await told(practice, plan))["send.archives_directly"].severity is Severity.ASK
    archive = replace(plan, destination=Destination.ARCHIVE)
    assert "send.archives_directly" not in await told(practice, archive)


async def test_a_project_that_archives_by_itself_is_told_otherwise_by_dicom(practice: Practice, plan: Plan) -> None:
    practice.on_loop(lambda store: setattr(store.state.projects["DEMO"], "prearchive_code", 4))
    by_dicom = (await told(practice, plan))["forecast.archives_by_itself"]
    by_import = (await told(practice, replace(plan, route=Route.IMPORT)))["forecast.archives_by_itself"]
    assert "built when all is sent" in by_dicom.todo[0]
    assert "wait in the prearchive all the same" in by_import.todo[0]
