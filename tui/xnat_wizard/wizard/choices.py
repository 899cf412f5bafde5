"""What a person has chosen so far: a frozen value that each step takes and gives back, changed."""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from xnat_wizard.dicom.layout import HOUSE, Layout
from xnat_wizard.dicom.model import Survey
from xnat_wizard.login_sources import Offer
from xnat_wizard.settings import Secret
from xnat_wizard.upload.model import Plan
from xnat_wizard.xnat.model import Project, ProjectDraft
from xnat_wizard.xnat.site import Site


class Move(Enum):
    """Where the wizard goes after a step."""

    NEXT = "next"
    BACK = "back"
    UPLOAD_MORE = "upload more"  # from the end back to the folder
    HOME = "home"
    SHOW_UPLOAD = "show upload"  # the upload whose journal the choices name
    PREARCHIVE = "prearchive"
    ARCHIVE = "archive"
    TROUBLESHOOT = "troubleshoot"
    SEND_PLAN = "send plan"  # the plan that the choices hold, with its survey
    RESULTS = "results"
    CONVERT = "convert"


@dataclass(frozen=True, slots=True)
class ResultsDraft:
    """Result folders and their resources as a person types them; `{subject}` stands for the subject's label."""

    is_get: bool = False  # from the site to this disk
    level: str = "session"  # what holds the resource: project, subject, session, scan
    path: str = ""  # of the results here
    folder: str = "~/xnat-downloads/{subject}"  # where they are saved
    subjects: str = ""  # "" for all that fit
    subject: str = "{subject}"
    session: str = ""
    scan: str = ""
    label: str = ""  # of the resource
    existing: str = "fail"
    keeps_archive: bool = False
    creates: bool = False
    verifies_bytes: bool = False


@dataclass(frozen=True, slots=True)
class ConvertDraft:
    """How series become NIfTI images, as a person chose it."""

    rules_from: str = (
        ""  # "file", "project", "example", "none"; "" for the project's if it keeps some, else the example
    )
    rules_path: str = ""
    target: str = ""  # the folder for the images; "" for one that the step proposes
    is_bids: bool = True
    way: str = "dcm2niix"
    existing: str = "skip"
    includes_held: bool = False
    keeps_details: bool = False
    compares: bool = False
    into_xnat: bool = False
    left_out: frozenset[str] = frozenset()  # names of series


@dataclass(frozen=True, slots=True)
class Choices:
    """Everything typed and chosen. Going back keeps it all; steps fill in their part."""

    address: str = ""
    username: str = ""
    password: Secret = field(default_factory=Secret)
    offer: Offer | None = None  # a login that this machine knows, in the place of a typed one
    ca_file: str = ""  # a private certificate authority
    is_unsafe: bool = False  # do not verify TLS
    login_hint: tuple[str, ...] = ()  # lines above the form: the practice server's accounts
    site: Site | None = None
    project: Project | None = None
    project_draft: ProjectDraft = field(default_factory=ProjectDraft)
    folder_hint: str = ""  # a folder worth trying: the sample study
    typed_folder: str = ""  # a path that was typed and not read yet
    source: Path | None = None  # a folder or an archive
    layout: Layout = HOUSE  # how its folders are nested
    survey: Survey | None = None
    plan: Plan | None = None
    journal_path: Path | None = None
    archived_session_id: str = ""  # which session the archive step shows first
    results: ResultsDraft = field(default_factory=ResultsDraft)
    convert: ConvertDraft = field(default_factory=ConvertDraft)

    @property
    def who(self) -> str:
        """Return "anna@xnat.example.org" for the header, and that nobody checks who that is; "" before the login."""
        if self.site is None:
            return ""
        place = self.site.info.url.partition("://")[2] or self.site.info.url
        return f"{self.site.identity.username}@{place}{' NOT VERIFIED' if self.is_unsafe else ''}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a step gives back when it ends."""

    choices: Choices
    move: Move
