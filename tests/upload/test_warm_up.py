"""A session begins with a few files that travel alone."""

from collections.abc import AsyncIterable, Callable, Mapping
from pathlib import Path

import pytest

from support import Practice
from upload.runs import archived, digests, run
from xnat_wizard.upload import sending
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Plan, UploadState
from xnat_wizard.upload.parts import first_few
from xnat_wizard.xnat.model import ImportAnswer, Login
from xnat_wizard.xnat.site import Site


class Watched(Site):
    """Notes what it is sent: the session, the bytes, and whether another request was under way."""

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
        """Send, and note it."""
        self.sent.append((session, size_bytes, self.under_way))
        self.under_way += 1
        try:
            return await super().import_zip(project, subject, session, body, size_bytes, query=query)
        finally:
            self.under_way -= 1

    under_way = 0
    sent: list[tuple[str, int, int]]


async def test_one_small_request_is_answered_before_the_others_leave(
    practice: Practice,
    login: Login,
    study_folder: Path,
    plan_for: Callable[..., Plan],
    new_journal: Callable[[Plan], Journal],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "WARM_UP_BYTES", 1)
    async with await Watched.connect(login) as site:
        site.sent = []
        with new_journal(plan_for(study_folder)) as journal:
            assert await run(journal, site) is UploadState.DONE
    assert archived(practice) == digests(study_folder)
    (first, one_file_bytes, others), *later = site.sent
    assert others == 0
    rest_bytes = next(size_bytes for session, size_bytes, _ in later if session == first)
    assert one_file_bytes < rest_bytes  # of the part of which it is the first file
    assert len({session for session, _, _ in site.sent}) == 2


@pytest.mark.parametrize(
    ("sizes", "count"), [([5], 1), ([50, 1], 1), ([3, 3, 3, 3], 3), ([3, 3, 4, 1], 3), ([1, 1], 2)]
)
def test_the_first_few_are_those_within_the_limit_and_at_least_one(sizes: list[int], count: int) -> None:
    assert first_few(sizes, 10) == count
