"""XNAT notices a new project late: the client waits, and says so when it waited in vain."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from xnat_wizard.xnat.creation import WAITS_S, create_project
from xnat_wizard.xnat.errors import Refused
from xnat_wizard.xnat.http import Http
from xnat_wizard.xnat.model import Accessibility, Identity, Project, ProjectDraft, Role


class SlowSite:
    """A site that shows a new project only after some looks, and public although private was asked for."""

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.created: ProjectDraft | None = None
        self.accessibility = "public"
        self.flushes = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.method == "DELETE":
            self.flushes += 1
            return web.Response(status=404)
        if request.method == "PUT":
            self.accessibility = request.path.rpartition("/")[2]
            return web.Response(text=self.accessibility)
        if request.path != "/data/projects":
            return web.Response(status=404)
        rows = []
        if self.created is not None:
            self.looks -= 1
            if self.looks < 0:
                draft = self.created
                rows = [
                    {"id": draft.id, "name": draft.name, "secondary_id": draft.running_title, "user_role_1": "Owners"}
                ]
                rows[0]["project_access"] = self.accessibility
        return web.json_response({"ResultSet": {"Result": rows}})

    # the object model, as `ObjectModel` wants it

    async def create_project(self, draft: ProjectDraft) -> None:
        self.created = draft

    async def create_subject(self, project: str, subject: str) -> None:
        raise AssertionError

    async def create_session(self, project: str, subject: str, session: str, xsi_type: str) -> None:
        raise AssertionError

    async def close(self) -> None:
        pass


async def who() -> Identity:
    return Identity("anna", is_admin=False, groups=())


@pytest.fixture
async def served() -> AsyncIterator[tuple[SlowSite, Http]]:
    slow = SlowSite(2)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", slow.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with Http(f"http://127.0.0.1:{runner.addresses[0][1]}") as http:
        yield slow, http
    await runner.cleanup()


async def create(served: tuple[SlowSite, Http], waits: list[float]) -> Project:
    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    slow, http = served
    draft = ProjectDraft(id="P1", name='A "b"', accessibility=Accessibility.PRIVATE)
    return await create_project(http, slow, who, draft, sleep)


async def test_a_project_that_shows_up_late_is_waited_for_and_made_private(served: tuple[SlowSite, Http]) -> None:
    waits: list[float] = []
    project = await create(served, waits)
    assert waits == [0.5, 1.0]
    assert served[0].flushes == 2
    assert (project.id, project.accessibility, project.role) == ("P1", "private", Role.OWNER)
    assert project.name == 'A "b"'


async def test_a_project_that_never_shows_up_is_reported(served: tuple[SlowSite, Http]) -> None:
    served[0].looks = 1000
    waits: list[float] = []
    with pytest.raises(Refused) as caught:
        await create(served, waits)
    assert caught.value.finding.code == "project.incomplete"
    assert tuple(waits) == WAITS_S[1:]
    assert sum(waits) < 15
