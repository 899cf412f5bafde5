"""What the tests of this room share."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone

import pytest

from support import Practice
from troubleshoot.stage import Stage, stage_for
from xnat_wizard.troubleshoot.case import Case
from xnat_wizard.troubleshoot.facts import Facts

NOW = datetime(2025, 3, 5, 10, 0, tzinfo=timezone(timedelta(hours=1)))


@pytest.fixture
def nothing_known() -> Facts:
    """Give facts of which nothing is known yet."""
    return Facts(Case(), NOW)


@pytest.fixture
async def stage(practice: Practice) -> AsyncIterator[Stage]:
    """Give a practice server with everybody who plays a part."""
    async with stage_for(practice) as stage:
        yield stage
