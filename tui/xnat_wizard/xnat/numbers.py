"""The numbers of what a site can say: one a code, never given to another one, never changed.

A person reads a number out on the telephone, a manual lists it, a mail is found by it: `XW-049` is a body that was too
large, in every version and every language. A code that is dropped leaves its number unused; a new one takes the next
free number of its group.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from xnat_wizard.findings import Finding

NUMBERS: Mapping[str, int] = MappingProxyType(
    {
        # 001 to 019: logins
        "login.expired_password": 1,
        "login.expired_token": 2,
        "login.bad_token": 3,
        "login.guest": 4,
        "login.other_token": 5,
        "login.token_gone": 6,
        "login.lost": 7,
        "login.disabled": 8,
        "login.refused": 9,
        "login.not_kept": 10,
        "login.incomplete": 11,
        "login.renewed": 12,
        # 020 to 039: no answer, or none of an XNAT
        "site.unknown_host": 20,
        "site.unreachable": 21,
        "site.silent": 22,
        "site.cut": 23,
        "site.tls": 24,
        "site.no_xnat": 25,
        "site.not_initialised": 26,
        "site.unclear": 27,
        "site.too_long": 28,
        "site.page": 29,
        "site.redirect": 30,
        # 040 to 059: HTTP statuses
        "site.refused": 40,
        "site.error": 41,
        "rights.missing": 43,
        "site.not_found": 44,
        "site.slow": 45,
        "site.conflict": 46,
        "site.too_large": 49,
        "site.busy": 50,
        "site.not_implemented": 51,
        "site.proxy": 52,
        "site.proxy_timeout": 54,
        "site.disk_full": 57,
        # 060 to 079: projects
        "project.taken": 60,
        "project.bad_id": 61,
        "project.not_allowed": 62,
        "project.not_yours": 63,
        "project.not_found": 64,
        # 080 to 089: rights
        "rights.create": 80,
        "rights.edit": 81,
        "rights.admin": 82,
        "rights.destination": 83,
        "rights.owner": 84,
        "rights.read": 85,
        # 090 to 099: labels, scans, resources
        "label.taken": 90,
        "label.folder": 91,
        "scan.type": 92,
        "share.already": 93,
        "resource.exists": 94,
        "picture.refused": 95,
        # 100 to 119: images that arrive
        "import.no_sop": 100,
        "import.concurrent": 101,
        "import.unreadable": 102,
        "import.cut": 103,
        "import.format": 104,
        "import.form": 105,
        "import.no_file": 106,
        "import.no_handler": 107,
        "import.bad_dest": 108,
        "import.bad_overwrite": 109,
        "import.no_source": 110,
        "import.no_inbox": 111,
        "import.several_sessions": 112,
        "import.nothing": 113,
        # 120 to 129: the prearchive
        "prearchive.busy": 120,
        "prearchive.locked": 121,
        "prearchive.not_built": 122,
        "prearchive.gone": 123,
        # 130 to 149: the way to the archive
        "archive.failed": 130,
        "archive.still_working": 131,
        "archive.twice": 132,
        "archive.workflow": 133,
        "archive.exists": 134,
        "archive.scan_exists": 135,
        "archive.other_subject": 136,
        "archive.other_study": 137,
        "archive.other_modality": 138,
        "archive.conflict": 139,
        "archive.unassigned": 140,
        "archive.no_project": 141,
        "archive.no_subject": 142,
        "archive.no_label": 143,
        # 150 to 159: requests that this program should not have made, or that were damaged on the way
        "request.mismatch": 150,
        "request.empty": 151,
        "request.no_project": 152,
        "request.separate": 153,
        "request.bad_code": 154,
        "request.action": 155,
        "request.several": 156,
        "request.bad_uri": 157,
    }
)

_MARK = re.compile(r" \(XW-\d{3}\)")


def number_of(code: str) -> str:
    """Return the number of a code as it is written, "" for a code without one."""
    number = NUMBERS.get(code)
    return f"XW-{number:03}" if number is not None else ""


def numbered(finding: Finding) -> Finding:
    """Return the finding with its number at the end of its reason, so that every surface shows it.

    A reason that quotes another finding's loses that one's number: one finding, one number.
    """
    number = number_of(finding.code)
    if not number:
        return finding
    return replace(finding, why=_marked(finding.why, number), shareable=_marked(finding.shareable, number))


def _marked(text: str, number: str) -> str:
    plain = _MARK.sub("", text)
    if not plain:
        return plain
    return f"{plain[:-1]} ({number})." if plain.endswith(".") else f"{plain} ({number})"
