"""Runs an upload from its journal."""

import asyncio
import random as _random
import time
from collections.abc import Awaitable, Callable

from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import UploadState
from xnat_wizard.xnat.site import Site


async def run(
    journal: Journal,
    site: Site,
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    random: Callable[[], float] = _random.random,
) -> UploadState:
    """Send what the journal's plan says, and prove that it arrived."""
    raise NotImplementedError
