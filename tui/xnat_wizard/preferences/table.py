"""The one table of settings: what each is called, what it may be, and where else it can be said.

Reading, checking, `settings --show`, shell completion and the manual are made from it. No secret is a setting.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

AUTO = "auto"
THEMES = ("wizard-dark", "wizard-light", "wizard-contrast-dark", "wizard-contrast-light", "ansi-dark")
SITES = "sites"  # the table of profiles: [sites."https://xnat.example.org"]
KEYS = "keys"
MOST_CONNECTIONS = 12
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)b?(?:/s)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
_LEAST_RATE = 1000
MOST_BYTES_S = 10**15
_RECEIVER = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")
_YES, _NO = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})

Plain = str | bool | int


class Kind(StrEnum):
    """What a setting may be."""

    TEXT = "text"
    CHOICE = "one of"
    YES_NO = "true or false"
    NUMBER = "whole number"
    RATE = "bytes a second"
    FILE = "path of a file"
    ADDRESS = "address"
    RECEIVER = "HOST:PORT"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting."""

    name: str
    kind: Kind
    default: Plain
    words: str  # one sentence
    variable: str  # of the environment; it weighs more than the file
    is_of_a_site: bool = True  # it may stand in a profile too, not only at the top
    options: tuple[str, ...] = ()  # of commands: they say the same for one run, and weigh most
    commands: tuple[str, ...] = ()  # whose option it is: others have options of the same name; none: of all
    choices: tuple[str, ...] = ()
    least: int = 0
    most: int = 0

    @property
    def may_be(self) -> str:
        """Return in words what it may be."""
        match self.kind:
            case Kind.CHOICE:
                return ", ".join(self.choices)
            case Kind.NUMBER:
                return f"{self.least} to {self.most}"
            case Kind.RATE:
                return "bytes a second: 800k, 5M; 0 for no limit"
            case Kind.ADDRESS:
                return "an address such as https://xnat.example.org, without user and password"
            case Kind.RECEIVER:
                return "HOST:PORT, such as xnat.example.org:8104"
            case Kind.YES_NO:
                return "true, false"
            case Kind.FILE:
                return "the path of a file"
            case Kind.TEXT:
                return "text"

    def read(self, raw: object) -> Plain | None:
        """Return a value of the file as the program uses it, or None for one that cannot be."""
        match self.kind:
            case Kind.YES_NO:
                return raw if isinstance(raw, bool) else None
            case Kind.NUMBER:
                if isinstance(raw, bool) or not isinstance(raw, int):
                    return None
                return raw if self.least <= raw <= self.most else None
            case Kind.RATE if isinstance(raw, int) and not isinstance(raw, bool):
                return self.read(str(raw)) if raw <= MOST_BYTES_S else None
        return self._read_text(raw) if isinstance(raw, str) else None

    def _read_text(self, text: str) -> str | None:
        match self.kind:
            case Kind.CHOICE:
                is_good = text in self.choices
            case Kind.RATE:
                is_good = rate_bytes_s(text) is not None
            case Kind.ADDRESS:
                is_good = is_address(text)
            case Kind.RECEIVER:
                found = _RECEIVER.fullmatch(text)
                is_good = not text or bool(found and 0 < int(found[1]) < 65536)
            case _:
                is_good = text.isprintable()
        return text if is_good else None

    def read_words(self, words: str) -> Plain | None:
        """Return what stands in the environment or was typed, as `read` does."""
        match self.kind:
            case Kind.YES_NO:
                word = words.strip().casefold()
                return True if word in _YES else False if word in _NO else None
            case Kind.NUMBER:
                return self.read(int(words)) if re.fullmatch(r"\s*\d{1,9}\s*", words) else None
        return self.read(words)


def rate_bytes_s(text: str) -> int | None:
    """Return a limit as a person writes it (`5M`, `800k`, `2.5 MB/s`) in bytes a second, 0 for none.

    None is returned for what is no limit: less than 1 kB a second, more than any line carries, or no number.
    """
    found = _RATE.fullmatch(text.strip())
    rate = float(found[1]) * _UNITS[found[2].lower()] if found else -1.0
    return int(rate) if rate == 0 or _LEAST_RATE <= rate <= MOST_BYTES_S else None


def is_address(text: str) -> bool:
    """Tell whether a text can be the address of a site, and has no user or password in it."""
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        has_place = bool(parts.hostname) and parts.scheme in {"", "http", "https"} and (parts.port or 1) > 0
    except ValueError:
        return False
    return not text or (has_place and "@" not in parts.netloc and text.isprintable() and " " not in text)


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "theme",
        Kind.CHOICE,
        AUTO,
        "The colours of the wizard; auto goes by what the terminal can show.",
        "XNAT_WIZARD_THEME",
        is_of_a_site=False,
        choices=(AUTO, *THEMES),
    ),
    Setting(
        "mouse",
        Kind.YES_NO,
        default=True,
        words="Whether the wizard takes the mouse; without it the terminal selects text itself.",
        variable="XNAT_WIZARD_MOUSE",
        is_of_a_site=False,
    ),
    Setting(
        "pictures",
        Kind.CHOICE,
        AUTO,
        "How images are drawn in the terminal; auto asks the terminal what it can.",
        "XNAT_WIZARD_PICTURES",
        is_of_a_site=False,
        choices=(AUTO, "kitty", "sixel", "blocks", "ascii"),
    ),
    Setting(
        "site",
        Kind.ADDRESS,
        "",
        "The XNAT site that is meant when none is named.",
        "XNAT_HOST",
        is_of_a_site=False,
        options=("--site",),
    ),
    Setting(
        "user",
        Kind.TEXT,
        "",
        "The user name at the site; without it, the login that this machine knows for the site is taken.",
        "XNAT_USER",
        options=("--user",),
    ),
    Setting(
        "ca_file",
        Kind.FILE,
        "",
        "The certificate authority of a site that has a private one.",
        "XNAT_WIZARD_CA_FILE",
        options=("--ca-file",),
    ),
    Setting(
        "project",
        Kind.TEXT,
        "",
        "The ID of the project that sessions go to.",
        "XNAT_WIZARD_PROJECT",
        options=("--project",),
        commands=("plan", "send", "resource"),
    ),
    Setting(
        "destination",
        Kind.CHOICE,
        "prearchive",
        "Where sessions end: in the prearchive, for a person to review, or in the archive.",
        "XNAT_WIZARD_DESTINATION",
        options=("--to",),
        commands=("plan", "send"),
        choices=("prearchive", "archive"),
    ),
    Setting(
        "route",
        Kind.CHOICE,
        "import",
        "How images travel: many files a request, one file a request, or to the site's DICOM receiver.",
        "XNAT_WIZARD_ROUTE",
        options=("--route",),
        commands=("plan",),
        choices=("import", "gradual", "c-store"),
    ),
    Setting(
        "receiver",
        Kind.RECEIVER,
        "",
        "The DICOM receiver of the site; without it, the only one that the site shows.",
        "XNAT_WIZARD_RECEIVER",
        options=("--receiver",),
        commands=("plan", "send"),
    ),
    Setting(
        "calling",
        Kind.TEXT,
        "XNATWIZARD",
        "The AE title by which this program calls itself to a DICOM receiver.",
        "XNAT_WIZARD_CALLING",
        options=("--calling",),
        commands=("plan", "send"),
    ),
    Setting(
        "layout",
        Kind.TEXT,
        "subject-series",
        "How folders of images are nested: subject-series, subject-session-series, flat, headers, or a pattern.",
        "XNAT_WIZARD_LAYOUT",
        options=("--layout",),
        commands=("survey", "plan", "send", "convert", "rules test"),
    ),
    Setting(
        "connections",
        Kind.NUMBER,
        8,
        "How many connections an upload uses at most.",
        "XNAT_WIZARD_CONNECTIONS",
        options=("--connections",),
        commands=("plan", "upload"),
        least=1,
        most=MOST_CONNECTIONS,
    ),
    Setting(
        "limit_rate",
        Kind.RATE,
        "0",
        "How many bytes a second an upload sends at most.",
        "XNAT_WIZARD_LIMIT_RATE",
        options=("--limit-rate",),
        commands=("plan", "upload", "send", "resource"),
    ),
    Setting(
        "compression",
        Kind.CHOICE,
        AUTO,
        "Whether files are compressed on their way: auto measures the line, except to this machine; measured always.",
        "XNAT_WIZARD_COMPRESSION",
        options=("--compression",),
        commands=("plan", "upload"),
        choices=(AUTO, "measured", "never"),
    ),
    Setting(
        "progress_s",
        Kind.NUMBER,
        10,
        "After how many seconds a log or batch job gets the next line on how an upload stands.",
        "XNAT_WIZARD_PROGRESS_S",
        is_of_a_site=False,
        least=1,
        most=3600,
    ),
)
BY_NAME = {setting.name: setting for setting in SETTINGS}
_WITHOUT = frozenset({"logout", "settings", "settings set", "settings unset"})  # they are about what is named only
FOR_SITES = tuple(setting.name for setting in SETTINGS if setting.is_of_a_site)


def setting_of(option: str, command: str) -> Setting | None:
    """Return the setting that an option of a command says for one run, None for none.

    Args:
        option: "--to".
        command: "plan", "resource put"; "" is the program.
    """
    if command in _WITHOUT:
        return None
    for setting in SETTINGS:
        homes = (command, command.partition(" ")[0])
        if option in setting.options and (not setting.commands or any(home in setting.commands for home in homes)):
            return setting
    return None


def plain_name(key: str) -> str:
    """Return the name of a setting as it is written in the file: `limit-rate` is `limit_rate`."""
    return key.strip().replace("-", "_")
