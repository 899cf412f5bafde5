"""What goes wrong with a site, sorted by what the caller should do about it."""

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.xnat.numbers import numbered


class SiteProblem(Problem):
    """A call to the site failed; the class says what to do, the finding says it to a person, with its number."""

    def __init__(self, finding: Finding, *, status: int = 0) -> None:
        super().__init__(numbered(finding))
        self.status = status  # of HTTP; 0 when no answer came


class Retry(SiteProblem):
    """Try again, after asking the site what it has: the same call may succeed."""


class RetryAfter(Retry):
    """Try again, not earlier than the site says."""

    def __init__(self, finding: Finding, *, seconds: float, status: int = 0) -> None:
        super().__init__(finding, status=status)
        self.seconds = seconds


class LoginAgain(SiteProblem):
    """A person has to log in again; the login that was given has been tried once and no longer works."""


class Refused(SiteProblem):
    """The site said no to this one thing; the same call will be refused again, another one need not be."""


class ProjectTaken(Refused):
    """A new project clashes with one that exists."""

    def __init__(self, finding: Finding, *, fields: tuple[str, ...], status: int = 0) -> None:
        super().__init__(finding, status=status)
        self.fields = fields  # names of `ProjectDraft` fields: "id", "name", "running_title"


class Fatal(SiteProblem):
    """Nothing more will work in this way with this site; stop."""
