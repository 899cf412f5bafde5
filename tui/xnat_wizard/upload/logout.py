"""Whether this machine ends a person's processes when they log out, which would end an upload; and the way round it.

A process is spared when it runs in a scope of the person's own service manager, and that manager lingers after the
log-out. Lingering is a setting of the machine, so the person switches it on, not this program.

Sources: logind.conf(5), KillUserProcesses and KillExcludeUsers; loginctl(1), enable-linger; systemd-run(1), --scope.
"""

import getpass
import subprocess
from collections.abc import Callable
from pathlib import Path

from xnat_wizard.findings import Finding, Severity
from xnat_wizard.settings import child_environment

_FALSE = frozenset({"no", "false", "off", "0", ""})


SCOPE = ("systemd-run", "--user", "--scope", "--quiet", "--collect", "--")
_PROBE_S = 5.0


def has_scopes() -> bool:
    """Tell whether a scope of the person's service manager can hold a command, by running one that does nothing."""
    try:
        done = subprocess.run(
            [*SCOPE, "true"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_S,
            check=False,
            env=child_environment(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def shelter(
    *, root: Path = Path("/"), username: str = "", has_scopes: Callable[[], bool] = has_scopes
) -> tuple[str, ...]:
    """Return what goes before a command so that a log-out spares it; () where that is not needed or not possible."""
    return SCOPE if _ends_processes(root, username or _own_name()) and has_scopes() else ()


def risk(*, root: Path = Path("/"), username: str = "", has_scopes: Callable[[], bool] = has_scopes) -> Finding | None:
    """Say that logging out would end an upload, `None` when it would not as far as can be seen.

    Args:
        root: where the system's files are.
        username: whose processes; the own ones when empty.
        has_scopes: tells whether `shelter` helps; asked only where it matters.
    """
    username = username or _own_name()
    if not _ends_processes(root, username):
        return None
    may_linger = bool(username) and (root / "var/lib/systemd/linger" / username).exists()
    if may_linger and has_scopes():
        return None
    missing = "there is no service manager of yours to run it in" if may_linger else "your services do not linger"
    return Finding(
        "upload.ends_at_logout",
        "This machine ends the upload when you log out",
        f"KillUserProcesses is switched on in the settings of systemd-logind, and {missing}",
        (
            "Run `loginctl enable-linger` once, then start the upload",
            "Or stay logged in until the upload has ended",
            "After a log-out, resume the upload: what the server has is not sent again",
        ),
        severity=Severity.ASK,
    )


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in a container
        return ""


def _ends_processes(root: Path, username: str) -> bool:
    settings = _settings(root)
    if settings.get("KillUserProcesses", "no").lower() in _FALSE:
        return False
    return username not in settings.get("KillExcludeUsers", "root").split()


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
