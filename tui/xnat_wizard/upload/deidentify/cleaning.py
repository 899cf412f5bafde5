"""Takes out of a header what tells who somebody is, element by element, into every sequence.

Values are handled as they stand in the file, as bytes: what is kept stays byte for byte, whatever character set it is
in, and nothing is decoded that need not be.
"""

import re
from functools import cache
from typing import TYPE_CHECKING

from xnat_wizard.upload.deidentify import private
from xnat_wizard.upload.deidentify.choice import Deidentification, Keep
from xnat_wizard.upload.deidentify.pseudonyms import Pseudonyms, made_up, moved
from xnat_wizard.upload.deidentify.table import Action, Rules, rules_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

METHOD = "xnat-wizard: DICOM PS3.15 basic profile"
NOTHING = "REMOVED"  # in the place of a text that must not be empty
_CODES = 0x00120064
_PATIENT_NAME, _PATIENT_ID = 0x00100010, 0x00100020
# Beside every name: what may stand again, written out, in a description.
_TELLING = frozenset(
    {_PATIENT_ID, 0x00101000, 0x00080050, 0x00080080, 0x00081040, 0x00081010, 0x00101040, 0x00102154, 0x00380010}
)
_TEXTS = frozenset({"LO", "SH", "LT", "ST", "UT", "UC", "AE"})
_ALIKE = (  # forms that old programs take for each other
    frozenset({"US", "SS", "UL", "SL", "FL", "FD", "OW", "OB", "OF"}),
    frozenset({"DS", "IS"}),
    frozenset({"LO", "SH", "LT", "ST", "UT", "UC", "CS", "AE"}),
    frozenset({"DA", "DT", "TM"}),
)
_A_NUMBER = 4  # bytes: too few for a name
_WORD = re.compile(rb"[^\x00-\x20^=\\,.;:/()\[\]_\-]{3,}")
_FORMS = {  # what a value of a form is made of; else it is no such value, and may be a text in disguise
    "DA": re.compile(rb"[0-9.\-\\ \0]*"),
    "TM": re.compile(rb"[0-9.:\-\\ \0]*"),
    "DT": re.compile(rb"[0-9.+\-\\ \0]*"),
    "AS": re.compile(rb"(?:[0-9]{3}[DWMY])?[ \0]*"),
    "DS": re.compile(rb"[0-9eE+.\-\\ \0]*"),
    "IS": re.compile(rb"[0-9+\-\\ \0]*"),
    "CS": re.compile(rb"[A-Za-z0-9_ .\-/+:;()<>=&\\\0]*"),
}
_CLASS = re.compile(rb"[0-9.\\]*[ \0]*")
_MADE_UP = {"AS": "000Y", "DS": "0", "IS": "0"}
_DEEPEST = 24
_FIRST = 0x00030000  # of a data set: what is below belongs to a message or a file (PS3.10 section 7.1)


class TooDeepError(ValueError):
    """Sequences lie in sequences so deep that no scanner writes them."""


class Cleaner:
    """De-identifies data sets under one choice; for several threads."""

    def __init__(self, choice: Deidentification, pseudonyms: Pseudonyms) -> None:
        self._choice = choice
        self._rules = rules_of(choice)
        self._pseudonyms = pseudonyms

    def clean(self, dataset: "Dataset", subject: str) -> None:
        """De-identify a data set without its pixels, in place.

        Args:
            dataset: as pydicom read it.
            subject: the label that stands for the patient; by how much dates move depends on it.

        Raises:
            TooDeepError: it is none that a scanner wrote.
        """
        from pydicom.dataelem import DataElement

        one = _One(self._choice, self._rules, self._pseudonyms, subject)
        one.visit(dataset, 0)
        one.scrub()
        dataset[_PATIENT_NAME] = DataElement(_PATIENT_NAME, "PN", subject)
        dataset[_PATIENT_ID] = DataElement(_PATIENT_ID, "LO", subject)
        _declare(dataset, self._choice)


class _One:
    """The cleaning of one data set."""

    def __init__(self, choice: Deidentification, rules: Rules, pseudonyms: Pseudonyms, subject: str) -> None:
        self._is_private_kept = Keep.PRIVATE in choice.keep
        self._rules = rules
        self._pseudonyms = pseudonyms
        self._days = pseudonyms.days(subject) if Keep.SHIFTED_DATES in choice.keep else 0
        self._allowed = {word.lower() for word in _WORD.findall(subject.encode())}
        self._words: set[bytes] = set()
        self._texts: list[tuple[Dataset, int]] = []

    def visit(self, dataset: "Dataset", depth: int) -> None:
        """Decide over every element of a data set, and of the items of its sequences."""
        if depth > _DEEPEST:
            raise TooDeepError
        creators = self._creators(dataset) if self._is_private_kept else {}
        for tag in sorted(dataset.keys()):
            if tag < _FIRST:
                del dataset[tag]  # of a message, or of a file
            elif tag.is_private:
                if not _is_harmless(dataset, tag, creators):
                    del dataset[tag]
            else:
                self._decide(dataset, tag, depth)
        if creators:
            _drop_idle_creators(dataset)

    def _decide(self, dataset: "Dataset", tag: int, depth: int) -> None:
        written, known = forms_of(dataset, tag)
        if "PN" in known or int(tag) in _TELLING:
            self._listen(dataset, tag)
        action = self._rules.action(int(tag), known[0])
        is_sequence = "SQ" in {written, "" if written else known[0]}
        if is_sequence != (known[0] == "SQ"):
            action = Action.REMOVE  # bytes where a sequence should be, or the other way round
        if action is Action.KEEP and is_sequence:
            for item in dataset[tag].value or ():
                self.visit(item, depth + 1)
        elif action is Action.KEEP and written and written not in known:
            self._doubt(dataset, tag, written, known[0])
        else:
            self._act(dataset, tag, action, known[0])

    def _doubt(self, dataset: "Dataset", tag: int, written: str, known: str) -> None:
        """Decide over an element that is written in another form than DICOM has for it."""
        if written == "UN":
            is_kept = known in _TEXTS or known in _FORMS or len(value_of(dataset, tag)) <= _A_NUMBER
            self._act(dataset, tag, Action.KEEP if is_kept else Action.REMOVE, known)
        elif any({written, known} <= alike for alike in _ALIKE):
            self._act(dataset, tag, self._rules.action(tag, written), written)
        else:
            self._act(dataset, tag, Action.REMOVE, known)

    def scrub(self) -> None:
        """Take words that tell who it is out of the texts that are kept."""
        words = sorted((re.escape(word) for word in self._words - self._allowed), key=len, reverse=True)
        if not words:
            return
        pattern = re.compile(b"|".join(words), re.IGNORECASE)
        for dataset, tag in self._texts:
            old = value_of(dataset, tag)
            new = pattern.sub(b"X", old)
            if new != old:
                _write(dataset, tag, new)

    def _act(self, dataset: "Dataset", tag: int, action: Action, vr: str) -> None:
        if action is Action.REPLACE and vr in {"SQ", "OB", "OW", "UN", "UR"}:
            action = Action.REMOVE
        match action:
            case Action.REMOVE:
                del dataset[tag]
            case Action.EMPTY if vr == "SQ":
                _empty_sequence(dataset, tag)
            case Action.EMPTY:
                _write(dataset, tag, b"")
            case Action.UID:
                _write(dataset, tag, self._mapped(value_of(dataset, tag)))
            case Action.REPLACE:
                value = made_up(vr) if vr in {"DA", "DT", "TM"} else _MADE_UP.get(vr, NOTHING)
                _write(dataset, tag, value.encode())
            case _:
                self._keep(dataset, tag, vr)

    def _keep(self, dataset: "Dataset", tag: int, vr: str) -> None:
        if vr in _TEXTS:
            self._texts.append((dataset, tag))
            return
        form = _FORMS.get(vr)
        if form is None:
            if vr == "UI" and not _CLASS.fullmatch(value_of(dataset, tag)):
                _write(dataset, tag, b"")
            return
        value = value_of(dataset, tag)
        if not form.fullmatch(value):
            _write(dataset, tag, b"")
        elif self._days and vr in {"DA", "DT"}:
            parts = value.decode("ascii").split("\\")
            _write(dataset, tag, "\\".join(moved(part, self._days) for part in parts).encode())

    def _mapped(self, value: bytes) -> bytes:
        parts = value.decode("latin-1").split("\\")
        return "\\".join(self._pseudonyms.uid(part.strip("\0 ")) for part in parts).encode("latin-1")

    def _listen(self, dataset: "Dataset", tag: int) -> None:
        """Remember the words of a name or number that may stand in a description as well."""
        self._words |= {word.lower() for word in _WORD.findall(value_of(dataset, tag))}

    @staticmethod
    def _creators(dataset: "Dataset") -> dict[int, str]:
        return {
            int(tag): value_of(dataset, int(tag)).decode("latin-1")
            for tag in dataset.keys()  # noqa: SIM118  the values would be decoded
            if tag.is_private and 0x10 <= tag.element <= 0xFF
        }


def _is_harmless(dataset: "Dataset", tag: int, creators: dict[int, str]) -> bool:
    """Tell whether a private element may stay: one that is known, or the mark of who defines such."""
    if tag in creators:
        return any(creator == creators[tag].strip("\0 ") and group == tag >> 16 for creator, group in private.SAFE)
    creator = creators.get(tag & 0xFFFF0000 | (tag >> 8 & 0xFF), "")
    if not private.forms(creator, tag):
        return False
    written, _ = forms_of(dataset, tag)
    return (written or "UN") in private.forms(creator, tag) and private.is_plain(
        written or "UN", value_of(dataset, tag)
    )


def _drop_idle_creators(dataset: "Dataset") -> None:
    private_tags = [tag for tag in dataset.keys() if tag.is_private]  # noqa: SIM118  the values would be decoded
    used = {int(tag) & 0xFFFF0000 | (int(tag) >> 8 & 0xFF) for tag in private_tags if tag.element > 0xFF}
    for tag in private_tags:
        if tag.element <= 0xFF and int(tag) not in used:
            del dataset[tag]


def forms_of(dataset: "Dataset", tag: int) -> tuple[str, tuple[str, ...]]:
    """Return the form of an element as it is written, "" where the file does not say it, and those that DICOM has."""
    element = dataset.get_item(tag)
    written = str(element.VR or "") if element is not None else ""
    return written, _known_forms(int(tag))


@cache
def _known_forms(tag: int) -> tuple[str, ...]:
    from pydicom.datadict import dictionary_VR

    try:
        return tuple(dictionary_VR(tag).split(" or "))
    except KeyError:
        return ("UN",)  # of no edition that is known here: what it holds cannot be told


def value_of(dataset: "Dataset", tag: int) -> bytes:
    """Return a value as its bytes, b"" for what is none."""
    element = dataset.get_item(tag)
    value = element.value if element is not None else None
    if isinstance(value, bytes):
        return value
    if value is None:
        return b""
    several = value if isinstance(value, list) or hasattr(value, "append") else [value]
    return "\\".join(str(one) for one in several).encode("utf-8", "replace")


def _write(dataset: "Dataset", tag: int, value: bytes) -> None:
    """Put other bytes into an element, which keeps its form."""
    from pydicom.dataelem import DataElement, RawDataElement

    old: DataElement | RawDataElement | None = dataset.get_item(tag)
    vr = (old.VR if old is not None else None) or forms_of(dataset, tag)[1][0]
    if isinstance(old, RawDataElement):
        value += (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
        dataset[tag] = old._replace(value=value, length=len(value))
    else:  # pydicom had looked into it
        dataset[tag] = DataElement(tag, vr, value.decode("ascii", "replace") or None)


def _empty_sequence(dataset: "Dataset", tag: int) -> None:
    from pydicom.dataelem import DataElement

    dataset[tag] = DataElement(tag, "SQ", [])


@cache
def _code_sequence(choice: Deidentification, *, is_implicit: bool, is_little: bool) -> bytes:
    """Return the codes of what was done, as they are written: the same in every image of an upload."""
    from pydicom.dataset import Dataset
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_sequence_item

    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = is_implicit, is_little
    for value, meaning in choice.codes:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
        write_sequence_item(buffer, item, ["iso8859"])
    return bytes(buffer.getvalue())


def _declare(dataset: "Dataset", choice: Deidentification) -> None:
    """Write that it was done, and how (PS3.15 E.1.1, PS3.3 C.12.1.1.7)."""
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import Tag

    is_implicit, is_little = (bool(one) for one in dataset.original_encoding)
    times = {Keep.DATES: "UNMODIFIED", Keep.SHIFTED_DATES: "MODIFIED"}
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = METHOD
    codes = _code_sequence(choice, is_implicit=is_implicit, is_little=is_little)
    dataset[_CODES] = RawDataElement(Tag(_CODES), "SQ", len(codes), codes, 0, is_implicit, is_little)
    dataset.LongitudinalTemporalInformationModified = next(
        (word for option, word in times.items() if option in choice.keep), "REMOVED"
    )
