"""What other people do to an upload while it runs: who does what, and when."""

import asyncio
import base64
import contextlib
import urllib.error
import urllib.request
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from support import Practice
from xnat_wizard.practice.store import Store
from xnat_wizard.upload.model import Route
from xnat_wizard.xnat.http import Bytes
from xnat_wizard.xnat.model import ImportAnswer, PrearchiveSession, RemoteFile, Scan
from xnat_wizard.xnat.site import Site

PROJECT, ELSEWHERE = "DEMO", "ELSEWHERE"
NEW_PASSWORD = "changed-in-between"


class Moment(StrEnum):
    """When somebody acts, in the order of an upload."""

    SENDING = "between two parts"
    LOOKING = "before it is looked for"  # by DICOM, where no answer says where it is
    BUILDING = "before the build"
    COUNTING = "before the count"
    ARCHIVING = "before archiving"
    VERIFYING = "after archiving"


WAITING = (Moment.SENDING, Moment.BUILDING, Moment.COUNTING, Moment.ARCHIVING)  # it is in the prearchive
ALWAYS = (*WAITING, Moment.VERIFYING)


class Watched(Site):
    """A connection of ours on which the others wait for their moment; they act once."""

    moment: Moment | None = None
    act: Callable[[], Awaitable[None]]
    _parts = 0
    has_acted = False

    async def _reached(self, moment: Moment) -> None:
        if moment is self.moment and not self.has_acted:
            self.has_acted = True
            await self.act()

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
        await self._count_part()
        return await super().import_zip(project, subject, session, body, size_bytes, query=query)

    async def import_object(
        self, project: str, subject: str, session: str, body: AsyncIterable[bytes], size_bytes: int
    ) -> ImportAnswer:
        await self._count_part()
        return await super().import_object(project, subject, session, body, size_bytes)

    async def _count_part(self) -> None:
        self._parts += 1
        if self._parts > 1:
            await self._reached(Moment.SENDING)

    async def before_load(self) -> None:
        """Count what travels by DICOM like parts."""
        await self._count_part()

    async def prearchive(
        self, project: str | None = None, *, with_unassigned: bool = False
    ) -> tuple[PrearchiveSession, ...]:
        if self._parts:  # before that, to see what is there
            await self._reached(Moment.LOOKING)
        return await super().prearchive(project, with_unassigned=with_unassigned)

    async def build(self, uri: str) -> None:
        await self._reached(Moment.BUILDING)
        await super().build(uri)

    async def prearchive_scans(self, uri: str) -> tuple[Scan, ...]:
        await self._reached(Moment.COUNTING)
        return await super().prearchive_scans(uri)

    async def archive(self, uri: str, *, overwrite: str = "", subject: str = "", session: str = "") -> str:
        await self._reached(Moment.ARCHIVING)
        place = await super().archive(uri, overwrite=overwrite, subject=subject, session=session)
        await self._reached(Moment.VERIFYING)
        return place

    async def scan_files(self, session_id: str, scan_id: str) -> tuple[RemoteFile, ...]:
        await self._reached(Moment.VERIFYING)  # where somebody else has archived it
        return await super().scan_files(session_id, scan_id)


@dataclass(frozen=True)
class Others:
    """The other people of the site, and what they work with."""

    practice: Practice
    owner: Site
    alias: str  # of the token that we are logged in with, "" without one
    zip_of_study: bytes

    async def ask(self, method: str, path: str, *, user: str = "owner", data: bytes | None = None) -> None:
        """Send one request as somebody else; a refusal of the site is their affair."""
        key = base64.b64encode(f"{user}:{user}".encode()).decode()
        headers = {"Authorization": f"Basic {key}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.practice.url + path, data, headers, method=method)  # noqa: S310  loopback

        def send() -> None:
            with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(request) as answer:  # noqa: S310
                answer.read()

        await asyncio.to_thread(send)

    def uri(self) -> str:
        """Return where our session waits in the prearchive, "" when nowhere."""
        rows = self.practice.on_loop(lambda store: [row for row in store.state.rows if row.name == "ours"])
        return next((f"/data/prearchive/projects/{'/'.join(row.key)}" for row in rows), "")

    async def end_sessions(self) -> None:
        """Let the site forget that we are logged in, as it does after its time."""
        await self.ask("DELETE", "/xapi/users/active/member", user="admin")


async def archives_it(others: Others) -> None:
    uri = others.uri()
    await others.owner.build(uri)
    await others.owner.archive(uri)


async def archives_it_elsewhere(others: Others) -> None:
    uri = others.uri()
    await others.owner.build(uri)
    await others.owner.archive(uri, subject="Else", session="else")


async def deletes_it(others: Others) -> None:
    await others.owner.delete_prearchive(others.uri())


async def moves_it(others: Others) -> None:
    await others.owner.move(others.uri(), ELSEWHERE)


async def edits_its_labels(others: Others) -> None:
    """Do what the page of the prearchive does when its labels are edited."""

    def edit(store: Store) -> None:
        (row,) = [one for one in store.state.rows if one.name == "ours"]
        row.subject, row.name = "Else", "else"

    others.practice.on_loop(edit)


async def deletes_the_project(others: Others) -> None:
    await others.ask("DELETE", f"/data/projects/{PROJECT}?removeFiles=true", user="admin")


async def lets_us_only_read(others: Others) -> None:
    await others.ask("DELETE", f"/data/projects/{PROJECT}/users/Members/member")
    await others.ask("PUT", f"/data/projects/{PROJECT}/users/Collaborators/member")


async def removes_us(others: Others) -> None:
    await others.ask("DELETE", f"/data/projects/{PROJECT}/users/Members/member")


async def disables_our_account(others: Others) -> None:
    await others.ask("PUT", "/xapi/users/member/enabled/false", user="admin")
    await others.end_sessions()


async def changes_our_password(others: Others) -> None:
    body = f'{{"username": "member", "password": "{NEW_PASSWORD}"}}'.encode()
    await others.ask("PUT", "/xapi/users/member", user="admin", data=body)
    await others.end_sessions()


async def withdraws_our_token(others: Others) -> None:
    await others.ask("GET", f"/data/services/tokens/invalidate/{others.alias}", user="admin")
    await others.end_sessions()


async def switches_the_script_on(others: Others) -> None:
    await asyncio.to_thread(others.practice.anonymize)


async def sends_the_same(others: Others) -> None:
    await _send(others, PROJECT)


async def sends_the_same_elsewhere(others: Others) -> None:
    await _send(others, ELSEWHERE)


async def _send(others: Others, project: str) -> None:
    body = Bytes(others.zip_of_study)
    await others.owner.import_zip(project, "Ours", "ours", body, len(others.zip_of_study))


async def deletes_it_from_the_archive(others: Others) -> None:
    await others.ask("DELETE", f"/data/projects/{PROJECT}/subjects/Ours/experiments/ours?removeFiles=true")


async def renames_it_in_the_archive(others: Others) -> None:
    await others.ask("PUT", f"/data/projects/{PROJECT}/subjects/Ours/experiments/ours?label=else")


async def moves_it_in_the_archive(others: Others) -> None:
    path = f"/data/projects/{PROJECT}/subjects/Ours/experiments/ours/projects/{ELSEWHERE}?primary=true"
    await others.ask("PUT", path)


Act = Callable[[Others], Awaitable[None]]

_ACTS: dict[Act, tuple[Moment, ...]] = {
    archives_it: (Moment.SENDING, Moment.BUILDING, Moment.COUNTING, Moment.ARCHIVING),
    archives_it_elsewhere: WAITING,
    deletes_it: WAITING,
    moves_it: WAITING,
    edits_its_labels: WAITING,
    deletes_the_project: ALWAYS,
    lets_us_only_read: ALWAYS,
    removes_us: ALWAYS,
    disables_our_account: ALWAYS,
    changes_our_password: ALWAYS,
    withdraws_our_token: ALWAYS,
    switches_the_script_on: WAITING,
    sends_the_same: ALWAYS,
    sends_the_same_elsewhere: ALWAYS,
    deletes_it_from_the_archive: (Moment.VERIFYING,),
    renames_it_in_the_archive: (Moment.VERIFYING,),
    moves_it_in_the_archive: (Moment.VERIFYING,),
}


@dataclass(frozen=True)
class Meeting:
    """Somebody does something at a moment of an upload."""

    act: Act
    moment: Moment
    route: Route = Route.IMPORT

    def __str__(self) -> str:
        way = "" if self.route is Route.IMPORT else f"-{self.route}"
        return f"{self.act.__name__}-{self.moment}{way}".replace(" ", "_")


_BY_DICOM: Mapping[Act, tuple[Moment, ...]] = {
    **dict.fromkeys(
        (archives_it, archives_it_elsewhere, deletes_it, moves_it, edits_its_labels),
        (Moment.SENDING, Moment.LOOKING, *WAITING[1:]),
    ),
    lets_us_only_read: (Moment.SENDING, Moment.LOOKING, Moment.COUNTING, Moment.ARCHIVING),
    deletes_the_project: (Moment.SENDING, Moment.LOOKING, Moment.COUNTING),
    sends_the_same: (Moment.SENDING, Moment.LOOKING, Moment.COUNTING, Moment.ARCHIVING),
    deletes_it_from_the_archive: (Moment.VERIFYING,),
    renames_it_in_the_archive: (Moment.VERIFYING,),
}


def meetings() -> Iterator[Meeting]:
    """Give all of them."""
    for route, acts in ((Route.IMPORT, _ACTS), (Route.DICOM, _BY_DICOM)):
        for act, moments in acts.items():
            for moment in moments:
                yield Meeting(act, moment, route)
