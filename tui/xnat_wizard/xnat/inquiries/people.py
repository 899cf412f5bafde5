"""Questions about the account, the site and its projects (Q1 to Q6), and what is parked or pending (Q26, Q27)."""

from collections.abc import Callable, Mapping, Sized
from html import unescape

from xnat_wizard.xnat.answers import Answer, cell, number
from xnat_wizard.xnat.inquiries.asking import Asker, joined
from xnat_wizard.xnat.inquiries.values import (
    CachedFile,
    ImportEvent,
    ProjectName,
    ProjectRights,
    SiteFacts,
    WhoAmI,
)
from xnat_wizard.xnat.model import Identity
from xnat_wizard.xnat.told import Standing, Told
from xnat_wizard.xnat.uris import normalise, path_of

_JSON = {"format": "json"}


async def who_am_i(asker: Asker, identity: Identity) -> Told[WhoAmI]:
    """Ask who we are (Q1), and which projects we edit (Q5).

    The cookie alone decides; a session that has run out makes us a guest, which XNAT says with 200 (0.4).
    """

    def read(answer: Answer) -> str:
        return answer.bare

    name = await asker.ask("Q1", "/xapi/users/username", read=read, empty="", words=lambda text: text or "nobody")
    if not name.is_known or name.value.lower() in {"", "guest"}:
        is_lost = not name.is_known and "not logged in" in name.evidence[0].got
        standing = Standing.ANSWERED if name.is_known or is_lost else name.standing
        return Told(WhoAmI("guest" if standing is Standing.ANSWERED else ""), standing, name.evidence)
    projects = await asker.ask_many("Q5", "/xapi/users/projects", read=_words, words=_counted("project"))
    is_same = name.value.lower() == identity.username.lower()
    who = WhoAmI(
        name.value,
        roles=("Administrator",) if is_same and identity.is_admin else (),
        groups=identity.groups if is_same else (),
        editable=projects.value,
    )
    return Told(who, Standing.ANSWERED, (*name.evidence, *projects.evidence))


async def site_facts(asker: Asker, url: str, version: str) -> Told[SiteFacts]:
    """Ask for the settings that explain the rest (Q2, Q3): those that the account may read."""

    def read(answer: Answer) -> Mapping[str, str]:
        found = answer.json()
        return {str(k): _text(v) for k, v in found.items()} if isinstance(found, dict) else {}

    empty: Mapping[str, str] = {}
    told = await asker.ask("Q3", "/xapi/siteConfig", read=read, empty=empty, words=_counted("setting"))
    return Told(SiteFacts(url, version, told.value), told.standing, told.evidence)


async def project_names(asker: Asker) -> Told[tuple[ProjectName, ...]]:
    """Ask which projects the account can see (Q4)."""

    def read(answer: Answer) -> tuple[ProjectName, ...]:
        rows = (row for row in answer.rows() if row.get("ID"))
        return tuple(
            ProjectName(row["ID"], unescape(row.get("name", "")), unescape(row.get("secondary_ID", ""))) for row in rows
        )

    return await asker.ask_many("Q4", "/data/projects", _JSON, read=read)


async def project_rights(asker: Asker, project: str) -> Told[ProjectRights]:
    """Ask what is set in a project, and who owns it (Q5, Q6)."""
    path = path_of("data", "projects", project)

    def bare(answer: Answer) -> str:
        return answer.bare

    def owners(answer: Answer) -> tuple[str, ...]:
        return tuple(row.get("login", "") for row in answer.rows() if row.get("displayname") == "Owners")

    def said(text: str) -> str:
        return text or "nothing"

    code = await asker.ask("Q6", path + "/prearchive_code", read=bare, empty="", words=said)
    quarantine = await asker.ask("Q6", path + "/quarantine_code", read=bare, empty="", words=said)
    access = await asker.ask("Q5", path + "/accessibility", read=bare, empty="", words=said)
    people = await asker.ask_many("Q5", path + "/users", _JSON, read=owners, words=_counted("owner"))
    rights = ProjectRights(project, access.value, code.value, quarantine.value, people.value)
    texts = joined(code, quarantine, access, value="")
    return Told(rights, texts.standing, (*texts.evidence, *people.evidence))


async def subject_labels(asker: Asker, project: str) -> Told[tuple[str, ...]]:
    """Ask for the labels of a project's subjects (Q17)."""

    def read(answer: Answer) -> tuple[str, ...]:
        return tuple(sorted(row.get("label", "") for row in answer.rows()))

    path = path_of("data", "projects", project, "subjects")
    return await asker.ask_many("Q17", path, _JSON, read=read)


async def import_event(asker: Asker, key: str) -> Told[ImportEvent | None]:
    """Ask what became of an import that was taken for later (Q26); other people's keys are hidden."""

    def read(answer: Answer) -> ImportEvent | None:
        match answer.json():
            case {"succeeded": bool() | None as succeeded, **rest}:
                return ImportEvent(key, succeeded, str(rest.get("finalMessage") or ""))
            case _:
                return None

    def said(event: ImportEvent | None) -> str:
        if event is None:
            return "nothing that is understood"
        return "running" if event.has_succeeded is None else f"{'succeeded' if event.has_succeeded else 'failed'}"

    empty: ImportEvent | None = None
    path = path_of("xapi", "event_tracking", key)
    return await asker.ask("Q26", path, read=read, empty=empty, words=said)


async def cached_files(asker: Asker) -> Told[tuple[CachedFile, ...]]:
    """Ask what is parked in the account's own cache (Q27); at most three folders of it are looked into."""

    def folders(answer: Answer) -> tuple[str, ...]:
        return tuple(row.get("Resource", "") for row in answer.rows() if row.get("Resource"))

    path = "/data/user/cache/resources"
    names = await asker.ask_many("Q27", path, _JSON, read=folders, words=_counted("folder"))
    if names.standing is Standing.ABSENT:
        return Told((), Standing.ANSWERED, names.evidence)  # nothing was ever parked
    found: list[CachedFile] = []
    evidence = list(names.evidence)
    for name in names.value[-3:]:
        files = await asker.ask_many(
            "Q27",
            path_of("data", "user", "cache", "resources", name, "files"),
            _JSON,
            read=lambda answer, name=name: _cached(answer, name),  # type: ignore[misc]  # bound now, not later
            words=_counted("file"),
        )
        found += files.value
        evidence += files.evidence
    return Told(tuple(found), names.standing, tuple(evidence))


def _cached(answer: Answer, folder: str) -> tuple[CachedFile, ...]:
    return tuple(
        CachedFile(
            folder,
            cell(row, "Name"),
            number(row.get("Size", "")) or 0,
            normalise(row.get("URI", "")) or f"/data/user/cache/resources/{folder}/files/{cell(row, 'Name')}",
        )
        for row in answer.rows()
        if row.get("Name")
    )


def _words(answer: Answer) -> tuple[str, ...]:
    found = answer.json()
    return tuple(str(one) for one in found) if isinstance(found, list) else ()


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _counted(noun: str) -> Callable[[Sized], str]:
    """Return what says how many there are."""

    def say(found: Sized) -> str:
        return f"{len(found)} {noun}{'' if len(found) == 1 else 's'}"

    return say
