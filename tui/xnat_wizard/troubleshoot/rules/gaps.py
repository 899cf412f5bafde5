"""What the rules share: which local objects are missing, what was said while sending, and the usual next steps."""

import re
from collections.abc import Iterable

from xnat_wizard.troubleshoot.facts import Candidate, Facts, LocalObject, Match, Message, Place
from xnat_wizard.troubleshoot.model import Certainty, Covers, Fate, NextStep, Role, StepKind
from xnat_wizard.troubleshoot.records import message_of
from xnat_wizard.troubleshoot.scoring import places_of
from xnat_wizard.upload.labels import clean_label
from xnat_wizard.xnat.inquiries.values import Experiment

OPEN_FATES = frozenset({Fate.NOT_SENT, Fate.ABSENT, Fate.REFUSED, Fate.UNVERIFIABLE})
_NAMED = re.compile(r"unable to read DICOM object (?P<name>.+?)\s*$", re.IGNORECASE | re.MULTILINE)
_READERS = {
    "T4": (StepKind.ASK_OWNER, Role.OWNER),
    "T5": (StepKind.ASK_OWNER, Role.OWNER),
    "T7": (StepKind.ASK_IT, Role.ADMIN),
}


def missing(facts: Facts) -> tuple[LocalObject, ...]:
    """Return the objects of the source that are not known to be at the site, in the order of the source."""
    if facts.local is None:
        return ()
    open_paths = {line.path for line in facts.ledger.lines if line.fate in OPEN_FATES}
    return tuple(one for one in facts.local.objects if one.path in open_paths)


def arrived(facts: Facts) -> tuple[LocalObject, ...]:
    """Return the objects of the source that are at the site."""
    if facts.local is None:
        return ()
    paths = {line.path for line in facts.ledger.of(Fate.ARRIVED)}
    return tuple(one for one in facts.local.objects if one.path in paths)


def offered(facts: Facts) -> tuple[LocalObject, ...]:
    """Return the missing objects that the site may have swallowed, in the order of the source.

    What the receiver refused is none of them; nor is, where a record names each file, what the record says was never
    sent.
    """
    open_fates = {Fate.ABSENT, Fate.UNVERIFIABLE}
    if not facts.sent.has_per_file_record:
        open_fates.add(Fate.NOT_SENT)
    paths = {line.path for line in facts.ledger.lines if line.fate in open_fates}
    return tuple(one for one in missing(facts) if one.path in paths)


def is_whole(facts: Facts) -> bool:
    """Tell whether all objects of the source are known to be at the site."""
    return bool(facts.ledger.of(Fate.ARRIVED)) and not missing(facts)


def covers_at(facts: Facts, hit: Candidate) -> Covers:
    """Return what of the source is known to stand in a place; without the files, the study alone."""
    if facts.local is None:
        return Covers((hit.study_instance_uid,) if hit.study_instance_uid else ())
    paths = {line.path for line in facts.ledger.of(Fate.ARRIVED) if line.where == hit.place.uri}
    return covering(one for one in facts.local.objects if one.path in paths)


def dry_run(facts: Facts, hit: Candidate) -> dict[str, str]:
    """Return what the check before archiving said of a waiting session: its codes, each with its strongest type."""
    contents = facts.contents_of(hit.place)
    told = contents.dry_run.value if contents and contents.dry_run and contents.dry_run.is_known else ()
    order = ("WARN", "CONFLICT", "FAIL")
    found: dict[str, str] = {}
    for verdict in sorted(told, key=lambda one: order.index(one.type.upper()) if one.type.upper() in order else 0):
        found[verdict.code] = verdict.type.upper()
    return found


def may_be_it(facts: Facts) -> tuple[Place, ...]:
    """Return the sessions that fit by label, subject or time, where nothing else is known of what is looked for.

    None of these proves anything: it may be another patient's (missing data 0.3, rule 4).
    """
    if facts.studies or facts.hits():
        return ()
    typed = clean_label(label) if (label := facts.case.session or facts.sent.session) else ""
    wanted = {typed.casefold(), typed.replace("-", "_").casefold()} - {""}
    alike = [place for place in places_of(facts) if place.label.casefold() in wanted]
    return tuple({place.uri: place for place in (*alike, *(one.place for one in facts.candidates))}.values())


def is_recorded(facts: Facts, experiment: Experiment) -> bool:
    """Tell whether our own records name an experiment, by its number or by an address that leads to it."""
    return any(uri.endswith(f"/experiments/{experiment.id}") for uri in facts.sent.uris) or any(
        told.value is not None and told.value.id == experiment.id for told in facts.known.values()
    )


def covering(objects: Iterable[LocalObject]) -> Covers:
    """Return what part of the loss these objects are."""
    all_of_them = tuple(objects)
    studies = tuple(dict.fromkeys(one.study_instance_uid for one in all_of_them))
    return Covers(studies, len({one.series_key for one in all_of_them}), len(all_of_them))


def messages(facts: Facts) -> tuple[Message, ...]:
    """Return all that was said while sending: by our records, a log, or as the person typed it."""
    typed = (message_of(facts.case.error_text, is_typed=True),) if facts.case.error_text else ()
    return tuple(dict.fromkeys((*facts.sent.messages, *typed)))


def named_in(message: Message) -> str:
    """Return the base name of the file that a message is about; "" for none."""
    found = _NAMED.search(message.text)
    name = message.names or (found["name"] if found else "")
    return name.strip().strip("'\"").replace("\\", "/").rpartition("/")[2]


def first_saying(facts: Facts, *texts: str) -> Message | None:
    """Return the first message that holds one of the texts, whatever their case."""
    wanted = [text.casefold() for text in texts]
    return next((one for one in messages(facts) if any(text in one.text.casefold() for text in wanted)), None)


def best_place(facts: Facts, study_instance_uid: str = "") -> Candidate | None:
    """Return the place that fits a study best."""
    return next(iter(facts.hits(study_instance_uid)), None)


def counted(number: int, thing: str) -> str:
    """Return "1 file", "3 files", "2 series", "2 studies"."""
    if number == 1 or thing == "series":
        return f"{number} {thing}"
    return f"{number} {thing[:-1]}ies" if thing.endswith("y") else f"{number} {thing}s"


def some(names: Iterable[str], limit: int = 3) -> str:
    """Return a few names and how many more there are."""
    all_of_them = list(dict.fromkeys(names))
    more = len(all_of_them) - limit
    shown = ", ".join(all_of_them[:limit])
    return f"{shown} and {more} more" if more > 0 else shown


def resend(facts: Facts, objects: Iterable[LocalObject]) -> tuple[NextStep, ...]:
    """Offer to send what is missing, and only that (F16); into the session that has the rest, where there is one.

    While the site still works on a session, what is missing may be on its way: then it is to be waited for.
    """
    left = tuple(objects)
    if not left:
        return ()
    if facts.moving:
        return (NextStep(StepKind.WAIT, "Wait until the site has come to rest, then search again."),)
    hit = best_place(facts, left[0].study_instance_uid)
    into = f", into {hit.place.shown} under the same label" if hit else ""
    target = hit.place.uri if hit else ""
    text = f"Send only the {counted(len(left), 'file')} that {'is' if len(left) == 1 else 'are'} missing{into}."
    return (NextStep(StepKind.RESEND_PART, text, "F16", Role.MEMBER, target=target),)


def letter(text: str, template: str) -> NextStep:
    """Return the step that somebody else has to take: whom a letter of this template goes to (missing data 2.3)."""
    kind, role = _READERS.get(template, (StepKind.ASK_ADMIN, Role.ADMIN))
    return NextStep(kind, text, role=role, template=template)


def surer_for_admins(facts: Facts) -> Certainty:
    """Return how sure what is that only an administrator of the site can see for certain."""
    return Certainty.CONFIRMED if facts.role is Role.ADMIN else Certainty.LIKELY


def is_cut_off(facts: Facts) -> bool:
    """Tell whether the site has the beginning of what was sent, and nothing after it."""
    here, gone = arrived(facts), missing(facts)
    return bool(here and gone) and max(one.order for one in here) < min(one.order for one in gone)


def by_hand(text: str) -> NextStep:
    """Return a step that the person takes outside of this program."""
    return NextStep(StepKind.BY_HAND, text, role=Role.GUEST)


def nothing(text: str) -> NextStep:
    """Return the step that there is nothing to do."""
    return NextStep(StepKind.NOTHING, text, role=Role.GUEST)


def in_words(seconds: float) -> str:
    """Return a span for a person: "5 minutes", "3 hours", "2 days"."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length or (seconds >= length and unit == "minute"):
            number = int(seconds // length)
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return "less than a minute" if seconds < 60 else "1 minute"


def is_elsewhere(facts: Facts, hit: Candidate) -> bool:
    """Tell whether a place is in another project than the one that is meant."""
    is_meant = facts.project is not None and facts.project.match is Match.EXACT
    return bool(is_meant and facts.project and hit.place.project != facts.project.id)
