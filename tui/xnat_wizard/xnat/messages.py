"""XNAT's messages and what they mean: one table, read from the top; the first pattern found in the text counts.

Sources: wire contract appendix B, 2.3, 5.9, 6.6, 6.7, 8.3.
"""

from dataclasses import dataclass

from xnat_wizard.xnat.errors import Fatal, LoginAgain, Refused, Retry, SiteProblem


@dataclass(frozen=True, slots=True)
class Message:
    """One thing the server can say, in plain words."""

    pattern: str  # a substring of what it says, case-sensitive; of statuses: ""
    kind: type[SiteProblem]
    code: str
    what: str
    todo: tuple[str, ...]


ASK_OWNER = "Ask an owner of the project to make you a member, then try again."
ASK_ADMIN = "Ask the site's administrator; give them the line above."
LOOK_AGAIN = "Wait a minute, then look at the prearchive again."
_UPDATE = "Report this as a fault of this program, with the lines above."
_READ_LOG = "Read the session's log in the prearchive: it names the reason."

MESSAGES: tuple[Message, ...] = (
    # Logins
    Message(
        "password has expired",
        LoginAgain,
        "login.expired_password",
        "The password has expired",
        ("Log in to XNAT with a browser and set a new password.", "Then log in here with the new one."),
    ),
    Message(
        "security token has expired or is invalid",
        LoginAgain,
        "login.expired_token",
        "The stored login has expired",
        ("Log in with your user name and password.",),
    ),
    Message(
        "Site has not yet been configured",
        Fatal,
        "site.not_initialised",
        "This XNAT has not been set up yet",
        ("Ask the site's administrator to finish its set-up in a browser.",),
    ),
    # What clashes when a project is created: 2.3
    Message(
        "already being used",
        Refused,
        "project.taken",
        "Another project already has this ID, title, running title or alias",
        ("Choose another one; capital letters make no difference.",),
    ),
    Message(
        "Project already exists",
        Refused,
        "project.taken",
        "A project with this ID exists already",
        ("Choose another ID, or choose that project from the list.",),
    ),
    Message(
        "was used in a previously deleted project",
        Refused,
        "project.taken",
        "The ID belonged to a project that was deleted, and the site does not give it out again",
        ("Choose another ID.",),
    ),
    Message(
        "Invalid character in project ID",
        Refused,
        "project.bad_id",
        "The project ID has a character that XNAT does not allow",
        ("Use only the letters A to Z, digits, _ and -.",),
    ),
    Message(
        "doesn't have permission to create projects",
        Refused,
        "project.not_allowed",
        "On this site only administrators create projects",
        ("Ask the site's administrator to create the project and to make you its owner.",),
    ),
    Message(
        "doesn't have permission to edit",
        Refused,
        "project.not_yours",
        "The project exists and belongs to somebody else",
        ("Choose another project ID.", "Or ask an owner of that project to make you a member."),
    ),
    # Rights
    Message(
        "insufficient create privileges",
        Refused,
        "rights.create",
        "Your account may not create data in this project",
        (ASK_OWNER,),
    ),
    Message(
        "insufficient edit privileges",
        Refused,
        "rights.edit",
        "Your account may not change data in this project",
        (ASK_OWNER,),
    ),
    Message(
        "doesn't have permission to modify this session",
        Refused,
        "rights.edit",
        "Your account may not change this session",
        (ASK_OWNER,),
    ),
    Message(
        "Only site or data administrators",
        Refused,
        "rights.admin",
        "Only an administrator may do this",
        (ASK_ADMIN,),
    ),
    Message(
        "Unable to modify session data for destination project",
        Refused,
        "rights.destination",
        "Your account may not put data into that project",
        (ASK_OWNER, "Or choose another project."),
    ),
    Message(
        "Invalid permissions for",
        Refused,
        "rights.edit",
        "Your account may not do this with the sessions of this project",
        (ASK_OWNER,),
    ),
    Message(
        "No project named",
        Refused,
        "project.not_found",
        "There is no such project, or your account may not see it",
        ("Choose a project from the list.", ASK_OWNER),
    ),
    # What clashes when a label is given: 4.2 and 4.3
    Message(
        "abel is already in use",
        Refused,
        "label.taken",
        "The label is already used in this project",
        ("Choose another label.",),
    ),
    Message(
        "Label already in use",
        Refused,
        "label.taken",
        "The label is already used in this project",
        ("Choose another label.",),
    ),
    Message(
        "Duplicate subject label",
        Refused,
        "label.taken",
        "The subject label is already used in this project",
        ("Choose another label.",),
    ),
    Message("Already assigned to project", Refused, "share.already", "It is shared already", ("Nothing to do.",)),
    Message("Specified resource already exists", Refused, "resource.exists", "It is there", ("Nothing to do.",)),
    # What the import service says: 5.9
    Message(
        "contains no SOP",
        Refused,
        "import.no_sop",
        "A file is no complete DICOM object: it does not say what it is",
        ("Leave the file out, or export the series again from the scanner or PACS.",),
    ),
    Message(
        "Concurrent file sends",
        Retry,
        "import.concurrent",
        "Two transfers wrote the same file at the same time",
        ("It is sent again by itself; with fewer connections it happens less often.",),
    ),
    Message(
        "unable to read DICOM object",
        Retry,
        "import.unreadable",
        "The site could not store a file: the file is broken, or the site had trouble of its own",
        ("Send it again once.", "If the same file fails again, leave it out.", ASK_ADMIN),
    ),
    Message(
        "unable to read data from file",
        Retry,
        "import.cut",
        "The upload arrived incomplete",
        ("Send it again; a proxy on the way may cut long uploads.",),
    ),
    Message(
        "Unsupported format",
        Fatal,
        "import.format",
        "The site does not take uploads of this kind",
        (_UPDATE,),
    ),
    Message(
        "File posts must include the file directly",
        Fatal,
        "import.form",
        "The upload arrived without its data",
        ("A proxy on the way may have dropped the data: ask the site's administrator.", _UPDATE),
    ),
    Message(
        "Unable to identify upload format",
        Fatal,
        "import.no_file",
        "The upload arrived without a file",
        ("A proxy on the way may have dropped the data: ask the site's administrator.", _UPDATE),
    ),
    Message(
        "Unknown importer implementation",
        Fatal,
        "import.no_handler",
        "This XNAT is too old, or its importer for DICOM archives is missing",
        ("Ask the site's administrator for XNAT 1.8.3 or newer.",),
    ),
    Message(
        "Parameter dest format error", Fatal, "import.bad_dest", "The site did not understand the address", (_UPDATE,)
    ),
    Message(
        "unable to archive for the Prearchive session",
        Refused,
        "archive.failed",
        "The images arrived, and the site could not archive them",
        (_READ_LOG,),
    ),
    Message(
        "multiple imaging sessions",
        Refused,
        "import.several_sessions",
        "The upload holds more than one imaging session",
        ("Send one session at a time.",),
    ),
    Message(
        "did not include parsable files",
        Refused,
        "import.nothing",
        "The upload holds no image that the site can read",
        ("Look at the folder again: it may hold no DICOM files.",),
    ),
    # What prearchive and archive say: 6.5 to 6.7
    Message(
        "session document locked",
        Retry,
        "prearchive.busy",
        "The site is still working on this session",
        (LOOK_AGAIN,),
    ),
    Message(
        "Operation already in progress",
        Retry,
        "prearchive.busy",
        "The site is still working on this session",
        (LOOK_AGAIN,),
    ),
    Message(
        "Only a site administrator can clear that lock",
        Refused,
        "prearchive.locked",
        "The session is locked, perhaps since the site was restarted",
        (LOOK_AGAIN, "If it stays locked for hours: ask the site's administrator to clear the lock."),
    ),
    Message(
        "within the timeout interval",
        Retry,
        "archive.still_working",
        "The site is still archiving the session",
        (LOOK_AGAIN,),
    ),
    Message(
        "within the configured timeout interval",
        Retry,
        "archive.still_working",
        "The site is still archiving the session",
        (LOOK_AGAIN,),
    ),
    Message(
        "Duplicate archive attempt",
        Retry,
        "archive.twice",
        "The session is already being archived",
        (LOOK_AGAIN,),
    ),
    Message(
        "Session processing may already be in progress",
        Refused,
        "archive.workflow",
        "Processing of the session in the archive is not finished",
        ("Wait until it is finished, then archive again.",),
    ),
    Message(
        "Session already exists, retry with overwrite enabled",
        Refused,
        "archive.exists",
        "A session with this label is already in the archive",
        ("Archive it under another label.", "Or merge it into the session that is there."),
    ),
    Message(
        "Session already contains a scan",
        Refused,
        "archive.scan_exists",
        "The session in the archive already has one of these scans",
        ("If this is the same study sent twice: delete it from the prearchive.", "Otherwise merge and overwrite."),
    ),
    Message(
        "Already Exists for another Subject",
        Refused,
        "archive.other_subject",
        "A session with this label belongs to another subject of the project",
        ("Archive it under another session label.", "Or give it the subject that the session belongs to."),
    ),
    Message(
        "Invalid modification of session UID",
        Refused,
        "archive.other_study",
        "The session with this label in the archive is another study",
        ("Archive it under another session label.",),
    ),
    Message(
        "Invalid modification of session modality",
        Refused,
        "archive.other_modality",
        "The session with this label in the archive is of another modality",
        ("Archive it under another session label.",),
    ),
    Message(
        "Invalid modification of session",
        Refused,
        "archive.conflict",
        "The session does not fit the one with the same label in the archive",
        ("Archive it under another session label.",),
    ),
    Message(
        "Cannot archive sessions from the Unassigned folder",
        Refused,
        "archive.unassigned",
        "The session belongs to no project yet",
        ("Move it to a project first, then archive it.",),
    ),
    Message(
        "unable to identify destination project",
        Refused,
        "archive.no_project",
        "The site does not know which project the session belongs to",
        ("Move it to a project first, then archive it.",),
    ),
    Message(
        "nable to identify subject",
        Refused,
        "archive.no_subject",
        "The site does not know which subject the session belongs to",
        ("Give it a subject label, then archive it.",),
    ),
    Message(
        "unable to deduce session label",
        Refused,
        "archive.no_label",
        "The session has no label",
        ("Give it a session label, then archive it.",),
    ),
    Message(
        "Unable to locate prearc resource",
        Refused,
        "prearchive.not_built",
        "The session has not been built yet, so that its scans cannot be listed",
        ("Build the session, then look again.",),
    ),
    Message(
        "Unable to archive",
        Refused,
        "archive.failed",
        "The site could not archive the session",
        (_READ_LOG, "Build it again, then archive it.", ASK_ADMIN),
    ),
    Message(
        "Unable to convert this file to jpeg",
        Refused,
        "picture.refused",
        "The site cannot draw this file",
        ("Look at another file of the scan.",),
    ),
)
