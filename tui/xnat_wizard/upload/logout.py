"""Whether this machine ends a person's processes when they log out, which would end an upload.

Sources: logind.conf(5), KillUserProcesses and KillExcludeUsers; loginctl(1), enable-linger.
"""

import getpass
from pathlib import Path

from xnat_wizard.findings import Finding, Severity

_FALSE = frozenset({"no", "false", "off", "0", ""})


def risk(*, root: Path = Path("/"), username: str = "") -> Finding | None:
    """Say that logging out would end an upload, `None` when it would not as far as can be seen.

    Args:
        root: where the system's files are.
        username: whose processes; the own ones when empty.
    """
    username = username or getpass.getuser()
    settings = _settings(root)
    if settings.get("KillUserProcesses", "no").lower() in _FALSE:
        return None
    if username in settings.get("KillExcludeUsers", "root").split():
        return None
    if (root / "var/lib/systemd/linger" / username).exists():
        return None
    return Finding(
        "upload.ends_at_logout",
        "This machine ends the upload when you log out",
        "KillUserProcesses is switched on in the settings of systemd-logind, and you may not linger",
        (
            "Run `loginctl enable-linger` once, then start the upload",
            "Or stay logged in until the upload has ended",
            "After a log-out, resume the upload: what the server has is not sent again",
        ),
        severity=Severity.ASK,
    )


def _settings(root: Path) -> dict[str, str]:
    """Read logind's settings; a later file overrides an earlier one."""
    found: dict[str, str] = {}
    folders = [root / place / "systemd" for place in ("usr/lib", "run", "etc")]
    files = [folder / "logind.conf" for folder in folders]
    files += sorted(
        (file for folder in folders for file in (folder / "logind.conf.d").glob("*.conf")), key=lambda file: file.name
    )
    for file in files:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for line in text.splitlines():
            name, mark, value = line.partition("=")
            if mark and not name.lstrip().startswith(("#", ";")):
                found[name.strip()] = value.strip()
    return found
