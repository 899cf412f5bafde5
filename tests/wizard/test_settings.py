"""What the settings of a site change in the wizard."""

from pathlib import Path

from support import Practice
from test_preferences import written
from wizard.screens import workers_done
from wizard.stage import logged_in, on_stage, surveyed
from xnat_wizard.upload.model import Compression, Destination, Options, Route
from xnat_wizard.wizard.steps.plan import PlanStep


async def test_a_plan_begins_as_the_profile_of_its_site_has_it(practice: Practice, study_folder: Path) -> None:
    written(
        f'[sites."{practice.url}"]\ndestination = "archive"\nroute = "gradual"\n'
        'limit_rate = "3M"\nconnections = 2\ncompression = "never"\n'
    )
    async with (
        logged_in(practice) as choices,
        on_stage(await surveyed(choices, study_folder), PlanStep) as (app, _),
    ):
        await workers_done(app, "forecast", "speed")
        screen = app.screen
        assert isinstance(screen, PlanStep)
        plan = screen._plan
        assert (plan.destination, plan.route) == (Destination.ARCHIVE, Route.GRADUAL)
        assert plan.options == Options(3_000_000, 2, Compression.NEVER)
