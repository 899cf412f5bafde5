"""What is planted, where it may turn up, and where never: one table. And the study and the site that hold it."""

from dataclasses import dataclass
from enum import StrEnum, auto
from pathlib import Path

import pydicom
from pydicom import config
from pydicom.valuerep import PersonName

from convert.images import write_pair
from support import Practice
from xnat_wizard.practice.passwords import hash_password
from xnat_wizard.practice.sample import write_study
from xnat_wizard.practice.store import Store


class Place(StrEnum):
    """Where something can turn up."""

    ARGUMENTS = auto()  # of any process, as `ps` shows them
    ENVIRONMENT = auto()  # of the processes that the program has started
    LOGS = auto()  # of worker and wizard
    JOURNALS = auto()
    RECEIPTS = auto()
    PLANS = auto()
    LOGINS = auto()  # the file of stored logins
    STATE = auto()  # whatever else the program keeps
    REPORT = auto()  # for a ticket
    LETTERS = auto()  # to an administrator: what was asked for is named there
    TEMPORARY = auto()
    STDOUT = auto()
    STDERR = auto()
    SCREEN = auto()  # the wizard's, and its scrollback


NOWHERE: frozenset[Place] = frozenset()
RECORDS = frozenset({Place.JOURNALS, Place.RECEIPTS, Place.PLANS})  # their business: which file is which session
TALK = frozenset({Place.STDOUT, Place.STDERR, Place.SCREEN})  # to the person who has the files
NAMED = TALK | {Place.JOURNALS, Place.PLANS}  # facts of a series, of which labels can be made
BY_DESIGN = RECORDS | TALK | {Place.LETTERS, Place.ARGUMENTS}


@dataclass(frozen=True, slots=True)
class Seed:
    """Something that is searched for."""

    what: str
    text: str
    may_be_in: frozenset[Place]


PASSWORD = "Jersey-Lily-1888"  # what the account has, and nobody else
TYPED_WRONG = "Jersey-Lily-1889"
PLANTED = (
    Seed("password", PASSWORD, NOWHERE),
    Seed("password that was refused", TYPED_WRONG, NOWHERE),
    Seed("password of a proxy", "Prox-word-77", frozenset({Place.ENVIRONMENT})),  # the worker goes through it
    Seed("patient's name", "Plantagenet", NAMED),
    Seed("patient's given name", "Eleonore", NAMED),
    Seed("birth date", "19310817", NOWHERE),
    Seed("birth date with a fault", "1931PLANT17", NOWHERE),
    Seed("age with a fault", "AGEPLANTED", NOWHERE),
    Seed("patient ID", "PID-774411", BY_DESIGN),  # labels are made of it where the plan says so
    Seed("referring physician", "Quacksalber", NOWHERE),
    Seed("folder name", "Zimmermann", BY_DESIGN),
    Seed("file name", "Oppenheimer", BY_DESIGN),
    Seed("patient in a PAR header", "Wilhelmine", TALK),
    Seed("series description", "Kopfweh", BY_DESIGN),
    Seed("project's title", "Geheimprojekt", TALK),
)


def sow(folder: Path) -> Path:
    """Write a study that holds what is planted."""
    study = write_study(folder / "study", subjects=1, slices=3)
    person = next(path for path in study.iterdir() if path.is_dir())
    person = person.rename(study / "Zimmermann")
    validation = config.settings.reading_validation_mode, config.settings.writing_validation_mode
    config.settings.reading_validation_mode = config.settings.writing_validation_mode = config.IGNORE
    try:
        for number, path in enumerate(sorted(path for path in person.rglob("*") if path.is_file())):
            dataset = pydicom.dcmread(path)
            dataset.PatientName = PersonName("Plantagenet^Eleonore")
            dataset.PatientID = "PID-774411"
            dataset.PatientBirthDate = "19310817"
            dataset.ReferringPhysicianName = PersonName("Quacksalber")
            dataset.InstanceCreationDate = "1931PLANT17"
            dataset.PatientAge = "AGEPLANTED"
            dataset.SeriesDescription = f"Kopfweh {dataset.SeriesDescription}"
            dataset.save_as(path)
            path.rename(path.with_name(f"Oppenheimer{number:03}.dcm"))
    finally:
        config.settings.reading_validation_mode, config.settings.writing_validation_mode = validation
    write_pair(person / "parrec", "Oppenheimer_par", patient="Wilhelmine")
    return study


def prepare(practice: Practice) -> None:
    """Give the account the planted password, and a project the planted title."""

    def act(store: Store) -> None:
        store.state.users["owner"].password_hash = hash_password(PASSWORD)
        store.state.projects["DEMO"].name = "Geheimprojekt"

    practice.on_loop(act)
