"""What is kept of logins between two starts: sites that were used, and alias tokens that a person asked to keep.

A password is never kept. A token expires by itself and can be withdrawn (wire contract 1.6); tokens lie in a file of
their own that only this person can read. Both files are replaced whole, so that they are never half written.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from xnat_wizard import settings
from xnat_wizard.findings import Finding, Problem
from xnat_wizard.settings import Secret

SITES_FILE = "sites.json"
TOKENS_FILE = "logins.json"
LOCK_FILE = "logins.lock"
KEPT_SITES = 12
_FORMAT = 1
_LAST_S = 253_370_764_800.0  # the beginning of the year 9999: later ones are no dates here


@dataclass(frozen=True, slots=True)
class RecentSite:
    """A site that somebody logged in to from here; no secret is in it."""

    url: str  # as the login found it, with context path
    username: str
    ca_file: str = ""
    used_s: float = 0.0  # epoch seconds


@dataclass(frozen=True, slots=True)
class StoredLogin:
    """An alias token that stands for a person at a site."""

    url: str
    username: str  # whose token it is
    alias: str
    secret: Secret
    expires_s: float | None = None  # epoch seconds; `None` when the site did not say
    ca_file: str = ""

    def is_over(self, now_s: float | None = None) -> bool:
        """Tell whether it has expired by its own date."""
        return self.expires_s is not None and self.expires_s <= (time.time() if now_s is None else now_s)


# -- places --------------------------------------------------------------------------------------------------------


is_same_site = settings.is_same_site


# -- recent sites --------------------------------------------------------------------------------------------------


def recent_sites() -> tuple[RecentSite, ...]:
    """Return the sites that were used, the last one first; none where they cannot be read."""
    try:
        entries = _entries(settings.state_dir() / SITES_FILE, "sites")
    except (OSError, ValueError, RecursionError, Problem):
        return ()
    sites = (
        RecentSite(
            _text(entry, "url"), _text(entry, "username"), _text(entry, "ca_file"), _number(entry, "used_s") or 0
        )
        for entry in entries
    )
    return tuple(sorted((site for site in sites if site.url), key=lambda site: -site.used_s))


def remember_site(url: str, username: str, ca_file: str = "") -> None:
    """Put a site at the beginning of the recent ones.

    Raises:
        OSError: the file cannot be written.
        Problem: the folder cannot be used.
    """
    with _locked() as folder:
        new = RecentSite(url, username, ca_file, time.time())
        others = [site for site in recent_sites() if (site.url, site.username) != (url, username)]
        _write_sites(folder, (new, *others))


def forget_site(url: str, username: str) -> None:
    """Take a site out of the recent ones.

    Raises:
        OSError: the file cannot be written.
        Problem: the folder cannot be used.
    """
    with _locked() as folder:
        _write_sites(folder, tuple(site for site in recent_sites() if (site.url, site.username) != (url, username)))


def _write_sites(folder: Path, sites: tuple[RecentSite, ...]) -> None:
    entries = [
        {"url": site.url, "username": site.username, "ca_file": site.ca_file, "used_s": site.used_s}
        for site in sites[:KEPT_SITES]
    ]
    _replace(folder / SITES_FILE, {"format": _FORMAT, "sites": entries})


# -- stored logins -------------------------------------------------------------------------------------------------


def stored_logins() -> tuple[StoredLogin, ...]:
    """Return the tokens that are kept, also those that have expired.

    Raises:
        Problem: `login.store_open` when others could read them, `login.store_unreadable`.
    """
    path = settings.state_dir() / TOKENS_FILE
    try:
        _check_private(path)
        entries = _entries(path, "logins")
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, RecursionError) as error:
        raise Problem(_unreadable(path, error)) from None
    logins = (
        StoredLogin(
            _text(entry, "url"),
            _text(entry, "username"),
            _text(entry, "alias"),
            Secret(_text(entry, "secret")),
            _number(entry, "expires_s"),
            _text(entry, "ca_file"),
        )
        for entry in entries
    )
    return tuple(login for login in logins if login.url and login.alias and login.secret)


def store_login(login: StoredLogin) -> None:
    """Keep a token, in the place of an older one of the same person at the same site.

    Raises:
        OSError: the file cannot be written.
        Problem: the folder or the file of tokens cannot be used.
    """
    with _locked() as folder:
        others = [one for one in stored_logins() if (one.url, one.username) != (login.url, login.username)]
        _write_logins(folder, (login, *others))


def forget_login(login: StoredLogin) -> None:
    """Delete a token from this machine; the site still knows it until it is withdrawn there or expires.

    Raises:
        OSError: the file cannot be written.
        Problem: the folder or the file of tokens cannot be used.
    """
    with _locked() as folder:
        _write_logins(folder, tuple(one for one in stored_logins() if one.alias != login.alias))


def logins_for(address: str, username: str = "") -> tuple[StoredLogin, ...]:
    """Return the tokens for a site that have not expired by their date, for one person or all.

    Raises:
        Problem: as `stored_logins`.
    """
    return tuple(
        login
        for login in stored_logins()
        if is_same_site(address, login.url) and username in {"", login.username} and not login.is_over()
    )


def _write_logins(folder: Path, logins: tuple[StoredLogin, ...]) -> None:
    entries = [
        {
            "url": login.url,
            "username": login.username,
            "alias": login.alias,
            "secret": login.secret.reveal(),
            "expires_s": login.expires_s,
            "ca_file": login.ca_file,
        }
        for login in logins
    ]
    path = folder / TOKENS_FILE
    if entries:
        _replace(path, {"format": _FORMAT, "logins": entries})
    else:
        path.unlink(missing_ok=True)


# -- files ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _locked() -> Iterator[Path]:
    """Keep other processes of this program from writing meanwhile; gives the folder."""
    folder = settings.state_dir()
    descriptor = settings.open_private(folder / LOCK_FILE, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(descriptor)


def _replace(path: Path, content: Mapping[str, object]) -> None:
    """Write a file beside, for this person only, and put it in the place of the old one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = settings.new_private(beside)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _entries(path: Path, name: str) -> list[Mapping[str, object]]:
    """Read the entries of a file; what has another form than ours is left out."""
    content = json.loads(path.read_text(encoding="utf-8"))
    entries = content.get(name) if isinstance(content, dict) else None
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _text(entry: Mapping[str, object], name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def _number(entry: Mapping[str, object], name: str) -> float | None:
    value = entry.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LAST_S:
        return None
    return float(value)


def _check_private(path: Path) -> None:
    """Refuse a file of secrets that others could have read or written.

    Raises:
        FileNotFoundError: there is none.
        Problem: `login.store_open`.
    """
    found = path.stat()
    if found.st_uid == os.getuid() and not found.st_mode & 0o077:
        return
    raise Problem(
        Finding(
            "login.store_open",
            "The file of stored logins is not used: others than you may read or write it",
            f"It should belong to you and have the mode 0600; it has {found.st_mode & 0o777:04o}",
            (
                f"If nobody else can have read it: `chmod 600 {path}`",
                f"Else delete it, and log in with your password: `rm {path}`",
            ),
            where=str(path),
            shareable="The file of stored logins has a mode other than 0600.",
        )
    )


def _unreadable(path: Path, error: Exception) -> Finding:
    why = error.strerror if isinstance(error, OSError) and error.strerror else "it does not hold what was written there"
    return Finding(
        "login.store_unreadable",
        "The file of stored logins cannot be used",
        f"Reading it failed: {why}",
        (f"Delete it, and log in with your password: `rm {path}`",),
        where=str(path),
        shareable="The file of stored logins cannot be read.",
    )
