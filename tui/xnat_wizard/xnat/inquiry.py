"""The inquiry: all questions that find missing data, put to one site by one account, with the evidence of each.

Every question only reads. One that is not allowed, fails or crashes is an answer: see `told.Told`. The numbers are
those of missing data 2.1.
"""

import asyncio
from collections.abc import Mapping

from xnat_wizard.xnat.inquiries import archived, people, settings, waiting
from xnat_wizard.xnat.inquiries.asking import BUDGET, Asker, Sleep
from xnat_wizard.xnat.inquiries.values import (
    UNASSIGNED,
    CachedFile,
    Experiment,
    Filter,
    Held,
    ImportEvent,
    ProjectName,
    ProjectRights,
    Receiver,
    Row,
    ScanFact,
    Script,
    SiteFacts,
    StoredObject,
    WhoAmI,
)
from xnat_wizard.xnat.model import ArchiveVerdict
from xnat_wizard.xnat.site import Site
from xnat_wizard.xnat.told import Evidence, Told


class Inquiry:
    """One inquiry; for several tasks of one event loop."""

    def __init__(self, site: Site, *, sleep: Sleep = asyncio.sleep, budget: int = BUDGET) -> None:
        self._site = site
        self._asker = Asker(site._http, sleep=sleep, budget=budget)  # noqa: SLF001  of the same room

    @property
    def asked(self) -> tuple[Evidence, ...]:
        """Return every question that was answered, in the order of asking."""
        return self._asker.asked

    @property
    def requests(self) -> int:
        """Return how many requests were sent."""
        return self._asker.requests

    @property
    def offset_s(self) -> float:
        """Return how far the site's clock is ahead of ours."""
        return self._asker.http.ahead_s or 0.0

    def allow(self, more: int) -> None:
        """Allow more questions: a case of several studies needs more."""
        self._asker.budget += more

    # People and places

    async def who_am_i(self) -> Told[WhoAmI]:
        """Q1, Q5: whom the site takes us for, and which projects we edit."""
        return await people.who_am_i(self._asker, self._site.identity)

    async def site_facts(self) -> Told[SiteFacts]:
        """Q2, Q3: version and settings."""
        return await people.site_facts(self._asker, self._site.info.url, self._site.info.version)

    async def project_names(self) -> Told[tuple[ProjectName, ...]]:
        """Q4: the projects that are visible."""
        return await people.project_names(self._asker)

    async def project_rights(self, project: str) -> Told[ProjectRights]:
        """Q5, Q6: accessibility, codes and owners of a project."""
        return await people.project_rights(self._asker, project)

    async def subject_labels(self, project: str) -> Told[tuple[str, ...]]:
        """Q17: the subjects of a project."""
        return await people.subject_labels(self._asker, project)

    async def import_event(self, key: str) -> Told[ImportEvent | None]:
        """Q26: what became of an import that was taken for later."""
        return await people.import_event(self._asker, key)

    async def cached_files(self) -> Told[tuple[CachedFile, ...]]:
        """Q27: what is parked in our cache."""
        return await people.cached_files(self._asker)

    # Prearchive

    async def rows(self) -> Told[tuple[Row, ...]]:
        """Q7: the rows of all projects we edit; with Unassigned for those who see all."""
        return await waiting.all_rows(self._asker)

    async def rows_of(self, project: str) -> Told[tuple[Row, ...]]:
        """Q8: the rows that a project's list shows; trust `row.project`, not the question."""
        return await waiting.rows_of(self._asker, project)

    async def unassigned(self) -> Told[tuple[Row, ...]]:
        """Q9: the rows of Unassigned."""
        return await waiting.rows_of(self._asker, UNASSIGNED)

    async def rows_by_uid(self, study_instance_uid: str) -> Told[tuple[Row, ...]]:
        """Q10: the rows of a study in all projects."""
        return await waiting.rows_by_uid(self._asker, study_instance_uid)

    async def row(self, uri: str) -> Told[Row | None]:
        """Q11: one row; only URIs that are ours may be asked for in Unassigned (rule 7 of missing data 0.3)."""
        return await waiting.one_row(self._asker, uri)

    async def has_document(self, uri: str) -> Told[bool]:
        """Q11: whether a session has been built."""
        return await waiting.has_document(self._asker, uri)

    async def waiting_scans(self, uri: str) -> Told[tuple[ScanFact, ...]]:
        """Q12: the scans of a session in the prearchive."""
        return await waiting.scans(self._asker, uri)

    async def waiting_files(self, uri: str, scan_id: str) -> Told[tuple[StoredObject, ...]]:
        """Q12: the files of a scan in the prearchive."""
        return await waiting.scan_files(self._asker, uri, scan_id)

    async def log(self, uri: str) -> Told[str]:
        """Q13: what the site wrote down about a session."""
        return await waiting.log(self._asker, uri)

    async def distinct_uids(self, uri: str, scan_id: str, field: str = "SOPInstanceUID") -> Told[tuple[str, ...]]:
        """Q14: the UIDs in a scan, perhaps not all of them."""
        return await waiting.distinct_uids(self._asker, uri, scan_id, field)

    async def held(self) -> Told[tuple[Held, ...]]:
        """Q28: what direct archive holds."""
        return await waiting.held(self._asker)

    async def dry_run(self, uri: str, *, subject: str = "", session: str = "") -> Told[tuple[ArchiveVerdict, ...]]:
        """Q29: what archiving would run into."""
        return await waiting.dry_run(self._asker, uri, subject=subject, session=session)

    # Archive

    async def by_uid(self, study_instance_uid: str) -> Told[tuple[Experiment, ...]]:
        """Q15: the experiments of a study in all projects we read."""
        return await archived.by_uid(self._asker, study_instance_uid)

    async def of_project(self, project: str) -> Told[tuple[Experiment, ...]]:
        """Q16: the experiments a project shows."""
        return await archived.of_project(self._asker, project)

    async def experiment(self, uri: str) -> Told[Experiment | None]:
        """Q20: one experiment, by its ID or its URI."""
        return await archived.one(self._asker, uri)

    async def status(self, experiment_id: str) -> Told[str]:
        """Q20: whether an experiment is in quarantine."""
        return await archived.status(self._asker, experiment_id)

    async def scans(self, experiment_id: str) -> Told[tuple[ScanFact, ...]]:
        """Q18: the scans of an experiment."""
        return await archived.scans(self._asker, experiment_id)

    async def scan_files(self, experiment_id: str, scan_id: str) -> Told[tuple[StoredObject, ...]]:
        """Q19: the files of a scan with their UIDs."""
        return await archived.scan_files(self._asker, experiment_id, scan_id)

    async def is_readable(self, uri: str) -> Told[bool]:
        """Q19: whether the server gives a file's bytes."""
        return await archived.is_readable(self._asker, uri)

    # Settings

    async def filters(self, site: Told[SiteFacts] | None, project: str) -> Told[tuple[Filter, ...]]:
        """Q21: the series import filters that are on."""
        return await settings.filters(self._asker, site, project)

    async def routing_rules(self) -> Told[Mapping[str, str]]:
        """Q22: the site's own rules of identification."""
        return await settings.routing_rules(self._asker)

    async def scripts(self, site: Told[SiteFacts] | None, project: str) -> Told[tuple[Script, ...]]:
        """Q23: the anonymization scripts."""
        return await settings.scripts(self._asker, site, project)

    async def receivers(self) -> Told[tuple[Receiver, ...]]:
        """Q24: the DICOM receivers."""
        return await settings.receivers(self._asker)

    async def processors(self) -> Told[tuple[str, ...]]:
        """Q25: the processors that are on."""
        return await settings.processors(self._asker)
