"""A new plan is as the settings have it for its site."""

from pathlib import Path

from test_preferences import written
from xnat_wizard.upload.cstore.peer import Peer
from xnat_wizard.upload.model import Compression, Destination, Options, Plan, Route
from xnat_wizard.upload.usual_plan import as_settings_say

PLAN = Plan(Path("study"), "https://x.example.org", "DEMO", Destination.PREARCHIVE, ())


def test_without_settings_a_plan_is_as_usual() -> None:
    assert as_settings_say(PLAN) == PLAN


def test_a_new_plan_is_as_the_profile_of_its_site_has_it() -> None:
    written(
        'connections = 2\n[sites."https://x.example.org"]\ndestination = "archive"\nlimit_rate = "3M"\n'
        'compression = "never"\nroute = "c-store"\nreceiver = "pacs.example.org:4242"\ncalling = "SCANNER"\n'
    )
    plan = as_settings_say(PLAN)
    assert (plan.destination, plan.route) == (Destination.ARCHIVE, Route.DICOM)
    assert plan.options == Options(3_000_000, 2, Compression.NEVER)
    assert plan.receiver == Peer("pacs.example.org", 4242, calling="SCANNER")


def test_a_title_that_is_none_leaves_the_receiver_open() -> None:
    written('route = "c-store"\nreceiver = "pacs.example.org:4242"\ncalling = "A NAME THAT IS FAR TOO LONG"\n')
    plan = as_settings_say(PLAN)
    assert (plan.route, plan.receiver) == (Route.DICOM, None)


def test_a_receiver_is_nothing_to_the_other_routes() -> None:
    written('receiver = "pacs.example.org:4242"\n')
    assert as_settings_say(PLAN) == PLAN
