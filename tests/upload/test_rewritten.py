"""Sites whose script gives studies another UID, and sites that name files in their own way."""

from collections.abc import AsyncIterable, Callable, Mapping
from pathlib import Path

import pytest

from support import Practice
from upload.runs import run
from upload.test_wrong_hands import only_first
from xnat_wizard.findings import Finding
from xnat_wizard.practice import config
from xnat_wizard.practice.store import Store
from xnat_wizard.upload import parts
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Destination, Plan, SessionState, UploadState
from xnat_wizard.xnat.errors import Fatal
from xnat_wizard.xnat.model import ImportAnswer, Login
from xnat_wizard.xnat.site import Site

PlanFor = Callable[..., Plan]
NewJournal = Callable[[Plan], Journal]

SCRIPT = 'version "6.1"\n(0020,000D) := hashUID[(0020,000D)]\n'
TEMPLATES = (
    "${SOPInstanceUID}",
    "${SeriesNumber}-${InstanceNumber}",
    "${StudyInstanceUID}-${InstanceNumber}-${SeriesNumber}",
)


def change_uids(store: Store) -> None:
    store.state.preferences.update(enableSitewideAnonymizationScript=True, sitewideAnonymizationScript=SCRIPT)
    script = config.site_script(store)
    assert script is not None
    script.contents, script.status = SCRIPT, "enabled"


def row_count(practice: Practice) -> int:
    return practice.on_loop(lambda store: len(store.state.rows))


async def test_what_is_missing_of_a_rewritten_session_is_not_sent_after_it(
    practice: Practice, login: Login, study_folder: Path, plan_for: PlanFor, new_journal: NewJournal
) -> None:
    lost: list[str] = []

    class Forgetful(Site):
        """Loses one file between its arrival and the first build."""

        async def build(self, uri: str) -> None:
            if not lost:
                folder = practice.folder / uri.removeprefix("/data/").replace("prearchive/projects", "prearchive")
                victim = next(folder.rglob("*.dcm"))
                victim.unlink()
                lost.append(victim.name)
            await super().build(uri)

    practice.on_loop(change_uids)
    plan = only_first(plan_for(study_folder), "sub")
    async with await Forgetful.connect(login) as site:
        with new_journal(plan) as journal:
            for _ in range(2):
                assert await run(journal, site) is UploadState.INCOMPLETE
                (session,) = journal.progress().sessions
                assert session.state is SessionState.INCOMPLETE
                assert session.finding is not None
                assert session.finding.code == "prearchive.rewritten"
                assert session.files_stored == session.files_total - 1
                assert row_count(practice) == 1
            await site.archive(session.uri)  # as the finding says
            assert await run(journal, site) is UploadState.DONE
    assert row_count(practice) == 0
    assert len(list((practice.folder / "archive").rglob("*.dcm"))) == plan.included[0].instance_count


async def test_an_interrupted_upload_goes_on_in_the_session_that_still_takes_files(
    practice: Practice,
    site: Site,
    login: Login,
    study_folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Breaking(Site):
        """Takes one part and nothing after it."""

        parts_left = 1

        async def import_zip(
            self,
            project: str,
            subject: str,
            session: str,
            body: AsyncIterable[bytes],
            size_bytes: int,
            *,
            query: Mapping[str, str] | None = None,
        ) -> ImportAnswer:
            if not self.parts_left:
                raise Fatal(Finding("site.disk_full", "The disk is full", "It answered 507", ()), status=507)
            self.parts_left -= 1
            return await super().import_zip(project, subject, session, body, size_bytes, query=query)

    monkeypatch.setattr(parts, "MAX_FILES", 3)
    practice.on_loop(change_uids)
    with new_journal(only_first(plan_for(study_folder, Destination.PREARCHIVE), "sub")) as journal:
        async with await Breaking.connect(login) as breaking:
            assert await run(journal, breaking) is UploadState.FAILED
        assert await run(journal, site) is UploadState.DONE
    assert row_count(practice) == 1


@pytest.mark.parametrize("destination", Destination)
@pytest.mark.parametrize("has_script", [False, True])
@pytest.mark.parametrize("template", TEMPLATES)
async def test_names_without_a_token_are_proved_by_digest_or_else_only_by_count(
    practice: Practice,
    site: Site,
    study_folder: Path,
    plan_for: PlanFor,
    new_journal: NewJournal,
    template: str,
    has_script: bool,  # noqa: FBT001  pytest gives it by name
    destination: Destination,
) -> None:
    practice.on_loop(lambda store: store.state.preferences.update(dicomFileNameTemplate=template))
    if has_script:
        practice.on_loop(change_uids)
    with new_journal(only_first(plan_for(study_folder, destination), "sub")) as journal:
        assert await run(journal, site) is UploadState.DONE
        made = journal.receipt()
    assert made is not None
    has_digests = destination is Destination.ARCHIVE and not has_script
    assert made.verdict == ("COMPLETE" if has_digests else "COMPLETE BY COUNT")
