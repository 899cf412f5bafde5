"""What a person chose about de-identification: a profile and what is kept beyond it; and the secret that an upload has.

Sources: DICOM PS3.15 annex E.1 to E.3; the codes are those of PS3.16 context group 7050.
"""

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from xnat_wizard.findings import Finding, Problem

BASIC = "basic"  # the only profile: Basic Application Level Confidentiality Profile
KEY_BYTES = 32


class Keep(StrEnum):
    """What stays although the profile would take it."""

    DATES = "dates"
    SHIFTED_DATES = "shifted-dates"
    PATIENT = "patient"
    DEVICE = "device"
    DESCRIPTIONS = "descriptions"
    PRIVATE = "safe-private"


WORDS: dict[Keep, str] = {
    Keep.DATES: "full dates and times",
    Keep.SHIFTED_DATES: "dates, moved by one random number of days for each subject; times of day stay",
    Keep.PATIENT: "age, sex, height, weight of the patient",
    Keep.DEVICE: "names and serial numbers of devices",
    Keep.DESCRIPTIONS: "descriptions of study, series and protocol: free text, which may hold names",
    Keep.PRIVATE: "private elements that are known to be harmless: diffusion and scaling",
}
_CODES: dict[Keep, tuple[str, str]] = {
    Keep.DATES: ("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
    Keep.SHIFTED_DATES: ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    Keep.PATIENT: ("113108", "Retain Patient Characteristics Option"),
    Keep.DEVICE: ("113109", "Retain Device Identity Option"),
    Keep.DESCRIPTIONS: ("113105", "Clean Descriptors Option"),
    Keep.PRIVATE: ("113111", "Retain Safe Private Option"),
}
_PROFILE_CODE = ("113100", "Basic Application Confidentiality Profile")


@dataclass(frozen=True, slots=True)
class Deidentification:
    """That images are de-identified before they are sent, and how."""

    profile: str = BASIC
    keep: tuple[Keep, ...] = ()  # in the order of `Keep`, each once
    is_burnt_in_sent: bool = False  # pictures that may have writing in them leave as they are, by the person's word

    @classmethod
    def of(cls, keep: Iterable[Keep], *, is_burnt_in_sent: bool = False) -> Self:
        """Put a choice into its one form.

        Raises:
            Problem: `deidentify.two_ways` where dates are to be kept and moved.
        """
        chosen = set(keep)
        if chosen >= {Keep.DATES, Keep.SHIFTED_DATES}:
            raise Problem(
                Finding(
                    "deidentify.two_ways",
                    "Dates cannot be kept and moved at once",
                    "Both `dates` and `shifted-dates` were chosen",
                    ("Choose one of them, or none: then dates are taken out",),
                )
            )
        return cls(BASIC, tuple(one for one in Keep if one in chosen), is_burnt_in_sent)

    @property
    def codes(self) -> tuple[tuple[str, str], ...]:
        """Return the codes of what is done, with their meanings (PS3.16 CID 7050)."""
        return (_PROFILE_CODE, *(_CODES[one] for one in self.keep))

    @property
    def words(self) -> str:
        """Say it in a line."""
        kept = "; ".join(WORDS[one] for one in self.keep)
        return f"DICOM PS3.15 basic profile, {f'kept: {kept}' if kept else 'nothing kept beyond it'}"

    def as_object(self) -> dict[str, Any]:
        """Return JSON values, as a plan file and a receipt have them."""
        return {"profile": self.profile, "keep": [str(one) for one in self.keep], "burnt_in": self.is_burnt_in_sent}

    @classmethod
    def read(cls, raw: dict[str, Any]) -> Self:
        """Read JSON values back.

        Raises:
            ValueError: they mean something that this program does not do.
        """
        if raw["profile"] != BASIC:
            raise ValueError(f"the profile `{raw['profile']}` is not known")
        return cls.of((Keep(one) for one in raw.get("keep", ())), is_burnt_in_sent=bool(raw.get("burnt_in")))


@dataclass(frozen=True, slots=True)
class Sealed:
    """A choice and the key of one upload; the key never leaves its journal."""

    choice: Deidentification
    key: bytes

    @classmethod
    def fresh(cls, choice: Deidentification) -> Self:
        """Draw a key."""
        return cls(choice, secrets.token_bytes(KEY_BYTES))

    def encoded(self) -> str:
        """Return one JSON text for the journal."""
        return json.dumps({**self.choice.as_object(), "key": self.key.hex()})

    @classmethod
    def decoded(cls, text: str) -> Self | None:
        """Read it back; `None` for an upload that leaves its files as they are."""
        if not text:
            return None
        raw = json.loads(text)
        return cls(Deidentification.read(raw), bytes.fromhex(raw["key"]))

    def __repr__(self) -> str:
        """Keep the key out of messages."""
        return f"Sealed({self.choice!r}, key=•••)"
