"""What the tests of this room share."""

from datetime import datetime, timedelta, timezone

import pytest

from xnat_wizard.troubleshoot.case import Case
from xnat_wizard.troubleshoot.facts import Facts

NOW = datetime(2025, 3, 5, 10, 0, tzinfo=timezone(timedelta(hours=1)))


@pytest.fixture
def nothing_known() -> Facts:
    """Give facts of which nothing is known yet."""
    return Facts(Case(), NOW)
