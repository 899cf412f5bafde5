"""What a person likes and what a site needs: one small TOML file that they may edit by hand.

    theme = "wizard-light"
    mouse = false

    [keys]
    "wizard.next" = "f8"

    [sites."https://xnat.example.org"]
    project = "DEMO"
    limit_rate = "5M"

`SETTINGS` is the one table of what there is. An option weighs more than the environment, the environment more than
the profile of the site, the profile more than the rest of the file. Reading never fails: what cannot be used is a
finding, and the usual way is taken. Writing changes the one line that was asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from xnat_wizard.findings import Finding
from xnat_wizard.preferences.faults import did_you_mean
from xnat_wizard.preferences.reading import Origin, Settings, SettingsFile, Value, read_file, resolve, settings_file
from xnat_wizard.preferences.table import SETTINGS, Kind, Setting
from xnat_wizard.preferences.writing import keep

__all__ = [
    "SETTINGS",
    "Kind",
    "Origin",
    "Pictures",
    "Preferences",
    "Setting",
    "Settings",
    "SettingsFile",
    "Value",
    "did_you_mean",
    "keep_theme",
    "read",
    "read_file",
    "resolve",
    "settings_file",
]


class Pictures(StrEnum):
    """How images are drawn in a terminal."""

    AUTO = "auto"
    KITTY = "kitty"
    SIXEL = "sixel"
    BLOCKS = "blocks"
    ASCII = "ascii"


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the wizard asks for before it draws anything."""

    theme: str = "auto"  # by the terminal's colours
    has_mouse: bool = True
    pictures: Pictures = Pictures.AUTO
    keys: Mapping[str, str] = field(default_factory=dict)  # binding id -> keys, as the file has them: not checked


def read() -> tuple[Preferences, tuple[Finding, ...]]:
    """Return how the wizard looks and what its keys are; what cannot be used is told and left out."""
    file = read_file()
    found = resolve(file=file)
    pictures = Pictures(found.text("pictures"))
    return Preferences(found.text("theme"), bool(found["mouse"]), pictures, file.keys), found.findings


def keep_theme(theme: str) -> Path:
    """Write the theme into the file; returns the path.

    Raises:
        Problem: `settings.not_kept` when it cannot be written, or when the file is one that cannot be changed safely.
    """
    return keep(("theme",), theme)
