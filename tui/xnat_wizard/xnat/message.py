"""What one thing that the server can say looks like here, and the advice that several of them share."""

from dataclasses import dataclass

from xnat_wizard.xnat.errors import SiteProblem

ASK_OWNER = "Ask an owner of the project to make you a member, then try again."
ASK_ADMIN = "Ask the site's administrator; give them the line above."
LOOK_AGAIN = "Wait a minute, then look at the prearchive again."
REPORT_FAULT = "Report this as a fault of this program, with the lines above."
READ_LOG = "Read the session's log in the prearchive: it names the reason."


@dataclass(frozen=True, slots=True)
class Message:
    """One thing the server can say, in plain words."""

    pattern: str  # a substring of what it says, case-sensitive; of statuses: ""
    kind: type[SiteProblem]
    code: str
    what: str
    todo: tuple[str, ...]
