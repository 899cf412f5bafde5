"""Reads the settings file and the environment. Nothing here fails: what cannot be used is a finding, and left out."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import platformdirs

from xnat_wizard.findings import Finding, printable
from xnat_wizard.preferences import faults
from xnat_wizard.preferences.table import (
    BY_NAME,
    FOR_SITES,
    KEYS,
    SETTINGS,
    SITES,
    Kind,
    Plain,
    Setting,
    is_address,
    plain_name,
)
from xnat_wizard.settings import APP, HOME_VARIABLE, is_same_site

FILE_NAME = "settings.toml"
PREFIX = "XNAT_WIZARD_"
MOST_LINES = 2000  # of a file whose lines are told
_SECRET = re.compile(r"pass(?!.*_s$)|pwd|secret|token|alias|credential|api_?key", re.IGNORECASE)


class Origin(StrEnum):
    """Where a value comes from; each weighs more than those before it."""

    DEFAULT = "default"
    FILE = "file"
    PROFILE = "profile"
    ENVIRONMENT = "environment"
    OPTION = "option"


@dataclass(frozen=True, slots=True)
class Value:
    """What holds for one setting, and why."""

    setting: Setting
    value: Plain
    origin: Origin = Origin.DEFAULT
    place: tuple[str, ...] = ()  # ("sites", ADDRESS, "user") in the file, ("XNAT_HOST",), ("--site",)


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """What the settings file says that can be used, and findings on the rest."""

    path: Path
    text: str = ""
    general: Mapping[str, Plain] = field(default_factory=dict)  # name of the setting -> value
    sites: Mapping[str, Mapping[str, Plain]] = field(default_factory=dict)  # address as the file has it -> the same
    keys: Mapping[str, str] = field(default_factory=dict)  # binding id -> keys, as the file has them: not checked
    places: Mapping[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)  # where plain names are written
    findings: tuple[Finding, ...] = ()

    def profile_of(self, address: str) -> str:
        """Return the address of the profile for a site; "" for none.

        The very site comes first, then the profile that says most of its address. Where the address says less than
        the profiles, as a bare host does, the one with the shortest address is meant.
        """
        same = [one for one in self.sites if is_same_site(one, address)]
        if same:
            return max(same, key=len)
        return min((one for one in self.sites if is_same_site(address, one)), key=len, default="")

    def line_of(self, *name: str) -> int | None:
        """Return the line on which a setting is given, by its plain name with the tables in front."""
        return line_of(self.text, self.places.get(name, name))


def settings_file() -> Path:
    """Return the path of the file; it need not be there."""
    home = os.environ.get(HOME_VARIABLE)
    return (Path(home) / "config" if home else Path(platformdirs.user_config_dir(APP))) / FILE_NAME


def line_of(text: str, key: tuple[str, ...]) -> int | None:
    """Return the line on which a key of a TOML text stands, counted from 1.

    It is the last line of the shortest beginning that has the key, so that nothing here reads TOML beside `tomllib`.
    """
    lines = text.splitlines(keepends=True)
    if len(lines) > MOST_LINES:
        return None
    for count in range(1, len(lines) + 1):
        try:
            found: Any = tomllib.loads("".join(lines[:count]))
        except (ValueError, RecursionError):  # it ends in the middle of a value
            continue
        for part in key:
            found = found.get(part) if isinstance(found, dict) else None
        if found is not None:
            return count
    return None


def read_file() -> SettingsFile:
    """Read the file. No file is no finding."""
    path = settings_file()
    try:
        text = path.read_bytes().decode("utf-8")
        table = tomllib.loads(text)
    except FileNotFoundError:
        return SettingsFile(path)
    except OSError as error:
        return SettingsFile(path, findings=(faults.unreadable(path, error.strerror or type(error).__name__),))
    except RecursionError:
        return SettingsFile(path, findings=(faults.unreadable(path, faults.TOO_DEEP),))
    except ValueError as error:  # no UTF-8, or no TOML: it names the line, and no content
        return SettingsFile(path, findings=(faults.unreadable(path, str(error)),))
    return _Reader(path, text).read(table)


class _Reader:
    """Takes a table apart."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._text = text
        self._findings: list[Finding] = []
        self._places: dict[tuple[str, ...], tuple[str, ...]] = {}

    def read(self, table: Mapping[str, Any]) -> SettingsFile:
        general: dict[str, Plain] = {}
        sites: dict[str, Mapping[str, Plain]] = {}
        keys: dict[str, str] = {}
        for name, raw in table.items():
            match name, raw:
                case "keys", dict() if all(isinstance(key, str) for key in raw.values()):
                    keys = dict(raw)
                case "keys", _:
                    self._tell(faults.bad_keys(), (KEYS,))
                case "sites", dict():
                    sites = dict(self._profiles(raw))
                case "sites", _:
                    self._tell(faults.bad_profiles(), (SITES,))
                case _:
                    self._take(general, (name,), raw, (*BY_NAME, KEYS, SITES))
        findings = tuple(self._findings)
        return SettingsFile(self._path, self._text, general, sites, keys, self._places, findings)

    def _profiles(self, table: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Plain]]]:
        for address, content in table.items():
            if not address or not is_address(address):
                make = faults.secret if _has_login(address) else faults.bad_profile
                self._tell(make(_shown(address)), (SITES, address))
            elif not isinstance(content, dict):
                self._tell(faults.bad_profiles(), (SITES, address))
            else:
                profile: dict[str, Plain] = {}
                for name, raw in content.items():
                    self._take(profile, (SITES, address, name), raw, FOR_SITES)
                yield address, profile

    def _take(self, into: dict[str, Plain], place: tuple[str, ...], raw: object, known: tuple[str, ...]) -> None:
        """Take one value, or tell why not."""
        written, name = place[-1], plain_name(place[-1])
        setting = BY_NAME.get(name) if name in known else None
        if setting is None and looks_secret(written):
            self._tell(faults.secret(written), place)
        elif setting is None and name in BY_NAME:
            self._tell(faults.only_at_the_top(written), place)
        elif setting is None:
            self._tell(faults.unknown(written, known), place)
        elif isinstance(raw, str) and _has_login(raw):
            self._tell(faults.secret(written), place)
        elif (value := setting.read(raw)) is None:
            self._tell(faults.bad_value(written, raw, setting), place)
        else:
            into[name] = value
            self._places[(*place[:-1], name)] = place

    def _tell(self, finding: Finding, place: tuple[str, ...]) -> None:
        line = line_of(self._text, place)
        where = f"{self._path}:{line}" if line else str(self._path)
        self._findings.append(replace(finding, where=printable(where)))


def looks_secret(key: str) -> bool:
    """Tell whether a key looks as if a password or a token stood behind it."""
    return bool(_SECRET.search(key))


def _has_login(text: str) -> bool:
    """Tell whether a text is an address with a password in it."""
    try:
        return "@" in text and bool(urlsplit(text if "://" in text else f"//{text}").password)
    except ValueError:
        return False


def _shown(address: str) -> str:
    """Return an address without what may be a password."""
    return address.rpartition("@")[2]


# -- what holds ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for every setting, for one site."""

    values: Mapping[str, Value]
    file: SettingsFile
    profile: str = ""  # the address of the profile that was used
    findings: tuple[Finding, ...] = ()

    def __getitem__(self, name: str) -> Plain:
        """Return what holds for a setting."""
        return self.values[name].value

    def text(self, name: str) -> str:
        """Return what holds for a setting that is a text."""
        return str(self.values[name].value)

    def number(self, name: str) -> int:
        """Return what holds for a setting that is a number."""
        return int(self.values[name].value)

    def is_said(self, name: str) -> bool:
        """Tell whether anything but the default says it."""
        return self.values[name].origin is not Origin.DEFAULT

    def origin_words(self, name: str) -> str:
        """Return where a value comes from: "default", "settings.toml line 4", "environment XNAT_HOST"."""
        value = self.values[name]
        match value.origin:
            case Origin.DEFAULT:
                return "default"
            case Origin.FILE | Origin.PROFILE:
                return f"{FILE_NAME} line {self.file.line_of(*value.place) or '?'}"
        return f"{value.origin} {value.place[0]}"


def resolve(
    address: str = "", given: Mapping[str, tuple[str, Plain]] | None = None, file: SettingsFile | None = None
) -> Settings:
    """Return what holds: an option over the environment over the site's profile over the file over the default.

    Args:
        address: of the site; "" is the one that the settings name.
        given: name of a setting -> the option that was given, and its value.
        file: as it was read before.
    """
    file = read_file() if file is None else file
    given = given or {}
    findings = list(file.findings)
    values: dict[str, Value] = {}
    for setting in SETTINGS:  # without the profile, whose address may be one of them
        values[setting.name] = _general(setting, file)
        if (found := _from_environment(setting, findings)) is not None:
            values[setting.name] = found
        if setting.name in given:
            option, value = given[setting.name]
            values[setting.name] = Value(setting, value, Origin.OPTION, (option,))
    address = address or str(values["site"].value)
    profile = file.profile_of(address) if address else ""
    for name, value in file.sites.get(profile, {}).items():
        if values[name].origin in {Origin.DEFAULT, Origin.FILE} or not _is_meant(values[name], address):
            values[name] = _of_file(BY_NAME[name], value, file, Origin.PROFILE, (SITES, profile, name))
    if not _is_meant(values["user"], address):
        values["user"] = _general(BY_NAME["user"], file)
    return Settings(values, file, profile, tuple(findings))


def _is_meant(value: Value, address: str) -> bool:
    """Tell whether a value of the environment is for this site: XNAT_USER is the user of XNAT_HOST, if that is set."""
    host = os.environ.get("XNAT_HOST", "")
    if value.place != ("XNAT_USER",) or value.origin is not Origin.ENVIRONMENT or not host or not address:
        return True
    return is_same_site(address, host) or is_same_site(host, address)


def _general(setting: Setting, file: SettingsFile) -> Value:
    if setting.name not in file.general:
        return Value(setting, setting.default)
    return _of_file(setting, file.general[setting.name], file, Origin.FILE, (setting.name,))


def _of_file(setting: Setting, value: Plain, file: SettingsFile, origin: Origin, place: tuple[str, ...]) -> Value:
    if setting.kind is Kind.FILE and value:
        value = str(file.path.parent / Path(str(value)).expanduser())
    return Value(setting, value, origin, place)


def _from_environment(setting: Setting, findings: list[Finding]) -> Value | None:
    words = os.environ.get(setting.variable, "")
    if not words:
        return None
    value = setting.read_words(words)
    if value is not None:
        return Value(setting, value, Origin.ENVIRONMENT, (setting.variable,))
    findings.append(faults.bad_variable(setting, "" if _has_login(words) else words))
    return None


def unknown_variables() -> tuple[Finding, ...]:
    """Return findings on variables of the environment that look like settings of this program and are none."""
    known = {setting.variable for setting in SETTINGS} | {HOME_VARIABLE}
    names = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    return tuple(faults.unknown_variable(name, sorted(known)) for name in names)
