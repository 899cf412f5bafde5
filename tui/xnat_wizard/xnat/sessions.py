"""Making a session that has no images yet, so that files can be put into it (wire contract 4.1 to 4.3)."""

import re
from collections.abc import Awaitable, Callable

from xnat_wizard.findings import Finding
from xnat_wizard.xnat.archive import read_session, subject_exists
from xnat_wizard.xnat.errors import Refused, SiteProblem
from xnat_wizard.xnat.http import Http
from xnat_wizard.xnat.model import Session
from xnat_wizard.xnat.pyxnat_port import ObjectModel
from xnat_wizard.xnat.uris import path_of

_LABEL = re.compile(r"[A-Za-z0-9_-]+")
_TYPE = re.compile(r"[A-Za-z0-9]+:[A-Za-z0-9]+SessionData")
_WAITS_S = (0.0, 0.5, 1.0, 2.0, 4.0)


async def ensure_session(
    http: Http,
    model: ObjectModel,
    project: str,
    subject: str,
    session: str,
    xsi_type: str,
    sleep: Callable[[float], Awaitable[None]],
) -> Session:
    """Return the session, after creating what is missing of subject and session through pyxnat.

    Raises:
        Refused: label.illegal, label.other_subject, session.not_created, and what the site refuses.
    """
    for text, rule in ((subject, _LABEL), (session, _LABEL), (xsi_type, _TYPE)):
        if not rule.fullmatch(text):
            raise Refused(_illegal(text))
    await http.get(path_of("data", "projects", project), {"format": "json"})  # or pyxnat would create that as well
    found = await read_session(http, project, session)
    if found is None:
        if not await subject_exists(http, project, subject):
            await model.create_subject(project, subject)
        await model.create_session(project, subject, session, xsi_type)
        found = await _appeared(http, project, session, sleep)
    if found.subject_label and found.subject_label.casefold() != subject.casefold():
        raise Refused(_other_subject(session, found))
    return found


async def _appeared(http: Http, project: str, session: str, sleep: Callable[[float], Awaitable[None]]) -> Session:
    last: SiteProblem | None = None
    for wait_s in _WAITS_S:
        if wait_s:
            await sleep(wait_s)
        try:
            found = await read_session(http, project, session)
        except Refused as problem:
            if problem.status != 403:
                raise
            last = problem
        else:
            if found is not None:
                return found
    raise Refused(
        Finding(
            code="session.not_created",
            what=f'The site took the new session "{session}", and does not show it',
            why=last.finding.why if last else "Reading it back found nothing.",
            todo=("Look at the project in a minute.", "Ask an owner whether your account may create sessions in it."),
            where=session,
            shareable="A new session cannot be read back.",
        )
    )


def _illegal(text: str) -> Finding:
    return Finding(
        code="label.illegal",
        what=f'"{text}" cannot be a label' if text else "A label is empty",
        why="XNAT takes letters A to Z, digits, _ and - in labels.",
        todo=("Change the label.",),
        where=text,
        shareable="A label has characters that XNAT does not take.",
    )


def _other_subject(session: str, found: Session) -> Finding:
    return Finding(
        code="label.other_subject",
        what=f'The session "{session}" exists, and belongs to another subject: "{found.subject_label}"',
        why="Session labels are unique in a project, across its subjects.",
        todo=("Choose another session label.", "Or use the subject that the session belongs to."),
        where=session,
        shareable="A session of this label belongs to another subject.",
    )
