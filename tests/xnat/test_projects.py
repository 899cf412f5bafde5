import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable

import pytest

from support import Practice
from xnat_wizard.settings import Secret
from xnat_wizard.xnat.errors import Fatal, ProjectTaken, Refused, Retry
from xnat_wizard.xnat.model import Accessibility, Login, ProjectDraft, Role
from xnat_wizard.xnat.pyxnat_port import PyxnatPort
from xnat_wizard.xnat.site import Site

Connect = Callable[[str], Awaitable[Site]]


async def test_the_list_knows_role_accessibility_and_code(owner: Site) -> None:
    (demo,) = await owner.projects()
    assert (demo.id, demo.role, demo.accessibility, demo.prearchive_code) == ("DEMO", Role.OWNER, "private", "0")
    assert demo.may_upload
    assert await owner.project("DEMO") == demo


async def test_each_person_sees_their_own_role(connect: Connect) -> None:
    (as_member,) = await (await connect("member")).projects()
    assert as_member.role is Role.MEMBER
    (as_admin,) = await (await connect("admin")).projects()
    assert as_admin.role is Role.ADMIN


async def test_a_project_without_a_role_is_not_in_the_list(practice: Practice, owner: Site) -> None:
    practice.on_loop(lambda store: store.state.projects["DEMO"].members.pop("owner"))
    assert await owner.projects() == ()
    with pytest.raises(Refused) as caught:
        await owner.project("DEMO")
    assert caught.value.finding.code == "project.not_found"


async def test_an_unknown_project_is_not_found_whatever_its_name(owner: Site) -> None:
    for name in ("NOPE", "../x", "a b", "%2e", "DEMO/subjects"):
        with pytest.raises(Refused) as caught:
            await owner.project(name)
        assert caught.value.finding.code == "project.not_found"


async def test_settings_that_change_an_upload_are_read(practice: Practice, owner: Site) -> None:
    practice.on_loop(lambda store: setattr(store.state.projects["DEMO"], "prearchive_code", 4))
    practice.anonymize()
    settings = await owner.upload_settings("DEMO")
    assert settings.archives_by_itself
    assert settings.is_site_script_on is True
    assert settings.quarantine_code == "0"
    assert settings.has_site_filter is False
    assert "HashSOPClassUIDWithSOPInstanceUID" in settings.file_name_template


async def test_an_owner_switches_the_script_on_and_off(owner: Site) -> None:
    for is_on in (False, True, True, False, True):
        await owner.set_project_script("DEMO", is_on)
        assert (await owner.upload_settings("DEMO")).is_project_script_on is is_on


async def test_a_member_does_not_switch_the_script(connect: Connect) -> None:
    member = await connect("member")
    with pytest.raises(Refused) as caught:
        await member.set_project_script("DEMO", is_on=True)
    assert caught.value.finding.code == "project.not_owner"
    assert (await member.upload_settings("DEMO")).is_project_script_on is False


async def test_a_project_is_created_with_all_that_was_asked(practice: Practice, owner: Site) -> None:
    draft = ProjectDraft(
        id="Study_1-b",
        name="Übung & Tests: 50% + #1 <new>?",
        running_title="Übung=1",
        description="Two lines\nof text; with 'quotes' & more",
        keywords="mr, phantom",
        accessibility=Accessibility.PUBLIC,
    )
    project = await owner.create_project(draft)
    assert project.id == "Study_1-b"
    assert project.name == draft.name
    assert project.running_title == draft.running_title
    assert project.accessibility == "public"
    assert project.role is Role.OWNER
    assert owner.identity.role_in("Study_1-b") is Role.OWNER
    assert project in await owner.projects()
    stored = practice.on_loop(lambda store: store.state.projects["Study_1-b"])
    assert "mr, phantom" in stored.keywords
    assert stored.description.startswith("Two lines")


async def test_blanks_are_filled_from_the_id(owner: Site) -> None:
    project = await owner.create_project(ProjectDraft(id=" P9 "))
    assert (project.id, project.name, project.running_title, project.accessibility) == ("P9", "P9", "P9", "private")


@pytest.mark.parametrize(
    ("draft", "fields"),
    [
        (ProjectDraft(id="DEMO", name="New"), ("id", "running_title")),
        (ProjectDraft(id="demo", name="New", running_title="New"), ("id",)),
        (ProjectDraft(id="N1", name="demo PROJECT"), ("name",)),
        (ProjectDraft(id="N1", name="New", running_title="Demo"), ("running_title",)),
        (ProjectDraft(id="N1", name="DEMO"), ("name",)),
    ],
)
@pytest.mark.parametrize("is_visible", [True, False])
async def test_a_clash_names_the_field(
    practice: Practice, owner: Site, draft: ProjectDraft, fields: tuple[str, ...], *, is_visible: bool
) -> None:
    if not is_visible:
        practice.on_loop(lambda store: store.state.projects["DEMO"].members.pop("owner"))
    before = practice.on_loop(lambda store: dict(store.state.projects))
    with pytest.raises(ProjectTaken) as caught:
        await owner.create_project(draft)
    finding = caught.value.finding
    assert finding.code == "project.taken"
    assert set(caught.value.fields) & set(fields)
    assert practice.on_loop(lambda store: dict(store.state.projects)) == before


async def test_a_project_of_ones_own_is_never_changed_by_creating(practice: Practice, owner: Site) -> None:
    with pytest.raises(ProjectTaken):
        await owner.create_project(ProjectDraft(id="DEMO", name="Other", running_title="Other", description="gone"))
    assert practice.on_loop(lambda store: store.state.projects["DEMO"].name) == "Demo project"


@pytest.mark.parametrize("wrong", ["", "   ", "a b", "a.b", "a/b", "ü", "a?b=c", "a%20b"])
async def test_a_bad_id_is_refused_before_anything_is_sent(owner: Site, wrong: str) -> None:
    with pytest.raises(Refused) as caught:
        await owner.create_project(ProjectDraft(id=wrong))
    assert caught.value.finding.code == "project.bad_id"


async def test_a_site_where_only_administrators_create_says_so(practice: Practice, owner: Site) -> None:
    practice.on_loop(lambda store: store.state.preferences.update(uiAllowNonAdminProjectCreation=False))
    with pytest.raises(Refused) as caught:
        await owner.create_project(ProjectDraft(id="P2"))
    assert caught.value.finding.code == "project.not_allowed"


async def test_creating_on_a_site_that_is_gone_is_worth_another_try(practice: Practice, owner: Site) -> None:
    port = PyxnatPort(practice.url, Login(practice.url, "owner", Secret("owner")))
    practice.stop()
    try:
        with pytest.raises(Retry) as caught:
            await port.create_project(ProjectDraft(id="P2", name="P2", running_title="P2"))
        assert caught.value.finding.code == "site.unreachable"
    finally:
        practice.start()
        await port.close()


async def test_pyxnat_creates_nothing_but_what_was_meant(practice: Practice) -> None:
    port = PyxnatPort(practice.url, Login(practice.url, "owner", Secret("owner")))
    try:
        with pytest.raises(Fatal) as caught:
            await port.create_subject("MISSING", "S1")  # pyxnat would create the project first
        assert caught.value.finding.code == "pyxnat.other_path"
    finally:
        await port.close()
    assert "MISSING" not in practice.on_loop(lambda store: dict(store.state.projects))


async def test_pyxnat_is_silent(owner: Site, capfd: pytest.CaptureFixture[str]) -> None:
    await owner.create_project(ProjectDraft(id="P3"))
    await asyncio.sleep(0)
    assert capfd.readouterr() == ("", "")


_WITHOUT_NIBABEL = """
import asyncio, sys
sys.modules["nibabel"] = None  # importing it fails, as where it is not installed
from xnat_wizard.settings import Secret
from xnat_wizard.xnat.model import Login, ProjectDraft
from xnat_wizard.xnat.site import Site

async def create():
    async with await Site.connect(Login(sys.argv[1], "owner", Secret("owner"))) as site:
        print((await site.create_project(ProjectDraft(id="P3"))).id)

asyncio.run(create())
"""


async def test_pyxnat_works_where_nibabel_is_not_installed(practice: Practice) -> None:
    command = [sys.executable, "-c", _WITHOUT_NIBABEL, practice.url]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("P3\n", "", 0)


async def test_a_token_is_enough_for_creating(practice: Practice, owner: Site) -> None:
    async with await Site.connect(await owner.worker_login()) as worker:
        assert (await worker.create_project(ProjectDraft(id="P4"))).role is Role.OWNER
