"""`convert --project`: what was converted goes into resources of its scan: NIFTI, BIDS, and the raw PARREC beside.

Sessions are called as an upload of the same source would call them, so that images land beside their DICOM.
"""

import argparse
import asyncio
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from xnat_wizard.cli.access import add_site_to, login_once, site_of
from xnat_wizard.cli.talk import Exit, say
from xnat_wizard.findings import Finding, Problem

if TYPE_CHECKING:
    from xnat_wizard.convert.conversion import Result
    from xnat_wizard.convert.model import Item
    from xnat_wizard.dicom.model import Survey
    from xnat_wizard.dicom.source import Source


def add_place_to(command: argparse.ArgumentParser) -> None:
    """Add to a command where the images go on a site."""
    place = command.add_argument_group("into XNAT", "each image into resources of its scan, after it was converted")
    place.add_argument("--project", default="", metavar="PROJECT", help="put the images into this project, too")
    place.add_argument(
        "--subject-labels", default="", metavar="PATTERN", help="subject labels there, as --subjects of plan"
    )
    place.add_argument(
        "--session-labels",
        default="",
        metavar="PATTERN",
        help="session labels there, as --sessions of plan; by default as an upload of this source names them",
    )
    place.add_argument(
        "--session-dataset",
        action="store_true",
        help="with --bids: put each session's part of the dataset, whole and valid by itself, into its resource BIDS",
    )
    add_site_to(command)


class Putting:
    """The way of one conversion into XNAT."""

    def __init__(self, survey: "Survey", options: argparse.Namespace) -> None:
        """Find out how the sessions are called.

        Raises:
            Problem: `terminal.no_address`; a pattern of labels cannot be used.
        """
        from xnat_wizard.upload.converted import sessions_of

        self._options = options
        self._site = site_of(options)
        self._sessions = sessions_of(
            survey,
            site_url=self._site,
            project=options.project,
            subject_labels=options.subject_labels,
            session_labels=options.session_labels,
        )

    def put(
        self, source: "Source", offered: "Sequence[Item]", chosen: "Sequence[Item]", result: "Result"
    ) -> tuple[Exit, tuple[Finding, ...]]:
        """Send all that was placed; return how that ends, and what could not be sent.

        Raises:
            Problem: the site cannot be reached, or refuses the login.
        """
        try:
            return asyncio.run(self._bring(source, offered, chosen, result))
        except asyncio.CancelledError:
            say("Stopped. The same command with `--existing skip` goes on with it: nothing is sent twice.")
            return Exit.STOPPED, ()

    async def _bring(
        self, source: "Source", offered: "Sequence[Item]", chosen: "Sequence[Item]", result: "Result"
    ) -> tuple[Exit, tuple[Finding, ...]]:
        import random
        import time

        from xnat_wizard.cli.resource import exit_for
        from xnat_wizard.cli.resource_lines import Teller
        from xnat_wizard.settings import state_dir
        from xnat_wizard.upload.converted import Bringing, Tools, Wanted
        from xnat_wizard.upload.patience import GiveUpError
        from xnat_wizard.upload.resource_transfer.journal import Journal
        from xnat_wizard.upload.resource_transfer.model import Existing, Outcome, Target
        from xnat_wizard.xnat.site import Site

        options = self._options
        if any(item.pair for item in chosen):
            say("PAR/REC go raw, too: a PAR holds what the scanner wrote, the patient's name among it.")
        wanted = Wanted(
            project=options.project,
            sessions=self._sessions,
            output=options.to,
            is_bids=options.bids,
            has_session_dataset=options.session_dataset,
            existing=Existing(options.existing),
        )
        teller = Teller(is_json=options.json, is_put=True, is_dry=False)
        targets: list[Target] = []
        outcomes: list[Outcome] = []
        findings: list[Finding] = []
        async with await Site.connect(login_once(self._site, options)) as site:
            with Journal(state_dir()) as journal:
                tools = Tools(journal, time.time, asyncio.sleep, random.random, teller.tell)
                bringing = Bringing(site, source, wanted, tools)
                ticking = asyncio.create_task(teller.tick(bringing.snapshot))
                try:
                    async with contextlib.aclosing(bringing.run(offered, chosen, result)) as steps:
                        async for said in steps:
                            if isinstance(said, Target):
                                targets.append(said)
                            elif isinstance(said, Outcome):
                                outcomes.append(said)
                                teller.ended(said)
                            else:
                                findings.append(said)
                except GiveUpError as end:
                    raise Problem(end.finding) from end
                finally:
                    ticking.cancel()
                    teller.summary(outcomes, len(targets))
        code = exit_for(outcomes) if targets else Exit.FAILED
        return (Exit.INCOMPLETE if findings and code is Exit.DONE else code), tuple(findings)
