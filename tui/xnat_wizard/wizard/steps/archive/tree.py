"""Projects, subjects and sessions as one list: what is open, in which order, and what passes the filter."""

from collections.abc import Callable, Iterable

from xnat_wizard.wizard.widgets.rows import Column, Row
from xnat_wizard.xnat.model import Project, Session

COLUMNS = (
    Column("Session", 12, grow=1),
    Column("", 3, needs=22),
    Column("Date", 10, needs=34),
)
PROJECT, SUBJECT = "project:", "subject:"  # how the keys of such rows begin; a session's is its ID


class Tree:
    """What is known of the archive so far. A project is read when it is opened; without projects there is one."""

    def __init__(self) -> None:
        self.projects: tuple[Project, ...] = ()
        self.opened: set[str] = set()
        self._sessions: dict[str, tuple[Session, ...]] = {}
        self._by_id: dict[str, Session] = {}

    def forget(self) -> None:
        """Know nothing any more; what was open stays open."""
        self._sessions.clear()
        self._by_id.clear()

    def knows(self, project: str) -> bool:
        """Tell whether the sessions of a project were read."""
        return project in self._sessions

    def fill(self, project: str, sessions: Iterable[Session]) -> None:
        """Keep the sessions of a project, the newest first."""
        self._sessions[project] = tuple(sorted(sessions, key=lambda session: session.insert_date, reverse=True))
        self._by_id |= {session.id: session for session in self._sessions[project]}
        self.opened.add(project)

    def session(self, session_id: str) -> Session | None:
        """Return a session that is known."""
        return self._by_id.get(session_id)

    def sessions(self, project: str) -> tuple[Session, ...]:
        """Return the sessions of a project, the newest first."""
        return self._sessions.get(project, ())

    def rows(self, part: str, rank: Callable[[Session], int], *, is_single: bool) -> list[Row]:
        """Return the rows of what is open and passes the filter.

        Args:
            part: of a project, subject or session label; an open project stays for what is in it.
            rank: sessions with a smaller one come first, those with less than 2 are marked as new.
            is_single: there is one project, which needs no row of its own.
        """
        wanted = part.strip().casefold()
        if is_single:
            return [row for name in self._sessions for row in self._session_rows(name, wanted, rank, "")]
        rows = []
        for project in self.projects:
            is_open = project.id in self.opened
            below = self._session_rows(project.id, wanted, rank, "  ") if is_open else []
            if below or wanted in project.id.casefold() or wanted in project.name.casefold():
                sign = "-" if is_open else "+"
                rows.append(Row(PROJECT + project.id, (f"{sign} {project.id}", "", ""), "head"))
                rows += below
                if is_open and self.knows(project.id) and not self.sessions(project.id):
                    rows.append(Row(f"{SUBJECT}{project.id}/", ("  no session yet", "", ""), "quiet"))
        return rows

    def _session_rows(self, project: str, wanted: str, rank: Callable[[Session], int], indent: str) -> list[Row]:
        by_subject: dict[str, list[Session]] = {}
        for session in sorted(self.sessions(project), key=rank):
            if wanted in session.label.casefold() or wanted in session.subject_label.casefold():
                by_subject.setdefault(session.subject_label, []).append(session)
        rows = []
        for subject, sessions in by_subject.items():
            rows.append(Row(f"{SUBJECT}{project}/{subject}", (f"{indent}{subject or 'no subject'}", "", ""), "head"))
            for session in sessions:
                is_new = rank(session) < 2
                cells = (f"{indent}  {session.label}", "new" if is_new else "", session.date[:10])
                rows.append(Row(session.id, cells, "good" if is_new else ""))
        return rows
