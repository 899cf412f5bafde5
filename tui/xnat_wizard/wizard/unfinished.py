"""Taking up an upload that was begun before: its journal knows what was chosen for it."""

import asyncio
from dataclasses import replace

from xnat_wizard.dicom.layout import Layout
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Plan
from xnat_wizard.wizard.choices import Choices


async def taken_up(choices: Choices) -> Choices:
    """Return the choices that were made for the upload whose journal they name. Its folder is not read again.

    Raises:
        Problem: the journal cannot be read, or its project cannot be seen any more.
    """
    path, site = choices.journal_path, choices.site
    if path is None or site is None:
        raise RuntimeError("an upload is taken up after the login, and from a journal")

    def read_plan() -> Plan:
        with Journal.open(path) as journal:
            return journal.plan()

    plan = await asyncio.to_thread(read_plan)
    project = await site.project(plan.project)
    return replace(
        choices,
        project=project,
        source=plan.source,
        layout=Layout(plan.layout),
        survey=None,
        plan=plan,
        archived_session_id="",
    )
