"""What a new practice server holds: three accounts, one project, the site's settings and its script."""

from typing import Any

from xnat_wizard.practice.passwords import hash_password
from xnat_wizard.practice.services import Services
from xnat_wizard.practice.store import Config, Project, User

DEFAULT_SCRIPT = """// The site's anonymization script, as XNAT ships it: names are replaced by labels.
version "6.1"
project != "Unassigned" ? (0008,1030) := project
(0010,0010) := subject
(0010,0020) := session
"""

# Defaults of a fresh site (wire contract appendix C and 1.9).
PREFERENCES: dict[str, Any] = {
    "siteId": "XNAT",
    "siteUrl": "",
    "siteHome": "/screens/QuickSearch.vm",
    "siteLogoPath": "/images/logo.png",
    "siteDescriptionType": "Text",
    "siteDescriptionText": "A practice server: data in it may vanish at any time",
    "siteLandingLayout": "/Index.vm",
    "adminEmail": "admin@example.org",
    "requireLogin": True,
    "sessionTimeout": "15 minutes",
    "concurrentMaxSessions": 1000,
    "maxFailedLogins": 20,
    "maxFailedLoginsLockoutDuration": "1 hour",
    "inactivityBeforeLockout": "1 year",
    "passwordExpirationType": "Interval",
    "passwordExpirationInterval": "1 year",
    "aliasTokenTimeout": "2 days",
    "aliasTokenTimeoutSchedule": "0 0 * * * *",
    "enableCsrfToken": True,
    "interactiveAgentIds": [".*MSIE.*", ".*Mozilla.*", ".*AppleWebKit.*", ".*Opera.*"],
    "uiAllowNonAdminProjectCreation": True,
    "securityAllowNonPrivateProjects": True,
    "security.allowProjectIdReuse": False,
    "defaultProjectAutoArchiveSetting": 4,
    "projectAllowAutoArchive": True,
    "allowNonAdminsToClaimUnassignedSessions": True,
    "sessionXmlRebuilderInterval": 5,
    "sessionXmlRebuilderRepeat": 60000,
    "sessionArchiveTimeoutInterval": 600,
    "enableSitewideAnonymizationScript": True,
    "sitewideAnonymizationScript": DEFAULT_SCRIPT,
    "enableSitewideSeriesImportFilter": False,
    "sitewideSeriesImportFilterMode": "blacklist",
    "sitewideSeriesImportFilter": "",
    "preventCrossModalityMerge": True,
    "rerunProjectAnonOnRename": False,
    "receivedFileUser": "admin",
    "enableDicomReceiver": True,
    "dicomFileNameTemplate": "${StudyInstanceUID}-${SeriesNumber}-${InstanceNumber}-"
    "${HashSOPClassUIDWithSOPInstanceUID}",
    "useSopInstanceUidToUniquelyIdentifyDicom": True,
    "checksums": True,
    "failMergeOn": "",
    "zipExtensions": ["zip", "jar", "rar", "ear", "gar", "mrb"],
    "uiDefaultCompressedUploaderImporter": "DICOM-zip",
    "uiHideCompressedUploaderUploadOption": False,
    "requireChangeJustification": False,
    "requireEventName": False,
    "backupDeletedToCache": False,
    "defaultToPagedRestfulLists": False,
    "allowHtmlResourceRendering": False,
    "uiAllowProjectDelete": True,
    "restrictUserListAccessToAdmins": False,
    "sitewidePetTracers": "PIB",
}

_ACCOUNTS = (("admin", "Site", "Admin"), ("owner", "Olivia", "Owner"), ("member", "Martin", "Member"))


def fill(services: Services, *, site_url: str, anonymize: bool) -> None:
    """Fill an empty store; in a used one only the address and missing preferences are renewed."""
    state = services.store.state
    state.preferences = {**PREFERENCES, **state.preferences, "siteUrl": site_url}
    if not state.users:
        state.preferences["enableSitewideAnonymizationScript"] = anonymize
        for name, first, last in _ACCOUNTS:
            account = add_account(services, name, name, first_name=first, last_name=last, email=f"{name}@example.org")
            account.password_set_ms = 0  # a practice folder may be older than a year
        state.users["admin"].roles.append("Administrator")
        state.users["admin"].groups.append("ALL_DATA_ADMIN")
        _add_demo_project(services)
        now = services.clock.now()
        status = "enabled" if anonymize else "disabled"
        state.configs.append(Config("anon", "script", "", DEFAULT_SCRIPT, status, "admin", now, 1))
    services.store.save()


def add_account(services: Services, username: str, password: str, **details: Any) -> User:
    """Make an account; the password is hashed at once."""
    store = services.store
    user = User(
        id=store.next_number("user"),
        username=username,
        password_hash=hash_password(password),
        password_set_ms=services.clock.now_ms(),
        **details,
    )
    store.state.users[username] = user
    store.save()
    return user


def _add_demo_project(services: Services) -> None:
    services.store.state.projects["DEMO"] = Project(
        id="DEMO",
        name="Demo project",
        running_title="DEMO",
        insert_date=services.clock.now(),
        insert_user="owner",
        description="A project to practise with",
        accessibility="private",
        prearchive_code=0,
        members={"owner": "owner", "member": "member"},
    )
