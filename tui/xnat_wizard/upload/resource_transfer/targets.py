"""From patterns to targets: one for each subject that is named, or that is found here or on the site."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.upload.resource_transfer import pattern
from xnat_wizard.upload.resource_transfer.model import Target
from xnat_wizard.upload.resource_transfer.pattern import SUBJECT, Pattern
from xnat_wizard.xnat.resources import ANSWER_FORMATS, Address, Details
from xnat_wizard.xnat.site import Site


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asked for; every text may name the subject."""

    path: Pattern
    project: str
    subject: Pattern
    session: Pattern
    scan: Pattern
    label: Pattern  # of the resource
    subjects: tuple[str, ...] = ()  # none: all that fit

    @classmethod
    def parse(
        cls,
        path: str,
        *,
        project: str,
        subject: str = "",
        session: str = "",
        scan: str = "",
        label: str = "",
        subjects: str = "",
    ) -> "Request":
        """Read what a person typed.

        Raises:
            Problem: resource.bad_pattern, resource.bad_subjects, resource.no_level.
        """
        if scan and not session:
            raise Problem(_no_level("A scan belongs to a session, and none is named", "--session"))
        if label in {".", ".."} or "/" in label:
            raise Problem(_bad_option(f"`{label}` is no name of a resource", "It would be a path"))
        named = pattern.read_subjects(subjects) if subjects else ()
        return cls(project=project, subjects=named, path=Pattern.parse(path), subject=Pattern.parse(subject),
                   session=Pattern.parse(session), scan=Pattern.parse(scan), label=Pattern.parse(label))  # fmt: skip

    @property
    def names_subject_there(self) -> bool:
        """Tell whether the place on the site depends on the subject."""
        return any(one.names_subject for one in (self.subject, self.session, self.scan, self.label))

    def target(self, subject: str, path: Path) -> Target:
        """Return what the patterns give for a subject."""
        address = Address(self.project, self.subject.fill(subject), self.session.fill(subject), self.scan.fill(subject))
        return Target(subject, path, address, self.label.fill(subject))


def to_put(request: Request, *, creates: bool = False) -> tuple[Target, ...]:
    """Return what is to be sent where, sorted by what the patterns find, or as the subjects are named.

    Args:
        request: what was asked.
        creates: a session may be made, so its subject has to be known.

    Raises:
        Problem: resource.no_match, resource.same_target, resource.no_level, resource.bad_pattern.
    """
    return _distinct(fitting(request, creates=creates))


def fitting(request: Request, *, creates: bool = False) -> tuple[Target, ...]:
    """Return what `to_put` does, also where several sources have one and the same place: to be shown, not to be sent.

    Raises:
        Problem: resource.no_match, resource.no_level, resource.bad_pattern.
    """
    if creates and request.session.text and not request.subject.text:
        raise Problem(_no_level("A session that is made needs a subject, and none is named", "--subject"))
    if request.subjects:
        found = tuple((one, Path(pattern.absolute(request.path.fill(one)))) for one in request.subjects)
        if not (request.path.names_subject or request.names_subject_there):
            raise Problem(_no_subject("Subjects are named, and neither the source nor the place has them"))
    elif request.path.names_subject:
        found = pattern.find_sources(request.path)
    elif request.names_subject_there:
        raise Problem(_no_subject("The place depends on the subject, and the source does not say which"))
    else:
        found = (("", Path(pattern.absolute(request.path.text))),)
    return tuple(request.target(subject, path) for subject, path in found)


async def to_get(request: Request, site: Site) -> tuple[Target, ...]:
    """Return what is to be saved where: of the subjects that are named, or of all on the site that fit.

    Without `{subject}` in the path, each subject gets a folder of its name in it.

    Raises:
        Problem: resource.no_match, resource.no_level, resource.bad_pattern, and what the site refuses.
    """
    subjects = request.subjects or await _subjects_there(request, site)
    if subjects is None:
        if request.path.names_subject:
            raise Problem(_no_subject("The folder depends on the subject, and the place does not say which"))
        return (request.target("", Path(pattern.absolute(request.path.text))),)
    folder = request.path
    if not folder.names_subject:
        folder = Pattern(f"{folder.text.rstrip('/') or '/'}/{SUBJECT}")
    return _distinct(request.target(one, Path(pattern.absolute(folder.fill(one)))) for one in subjects)


async def _subjects_there(request: Request, site: Site) -> tuple[str, ...] | None:
    """Return the subjects that labels on the site name, `None` when the place is a single one."""
    if request.session.names_subject:
        sought, labels = request.session, [session.label for session in await site.sessions(request.project)]
    elif request.subject.names_subject:
        sought, labels = request.subject, [subject.label for subject in await site.subjects(request.project)]
    elif request.names_subject_there:
        raise Problem(_no_subject("Scan or resource depend on the subject, and the session does not say which"))
    else:
        return None
    found = tuple(sorted({one for label in labels if (one := sought.match(label)) is not None}))
    if not found:
        raise Problem(
            Finding(
                "resource.no_match",
                f"No label in project `{request.project}` fits `{sought.text}`",
                f"It has {len(labels):,} of its kind",
                ("Look for typing errors; capitals count", "Or name the subjects: --subjects p020..p023"),
                where=sought.text,
            )
        )
    return found


def check_details(details: Details) -> None:
    """Refuse a format that XNAT would take for the form of its answer (wire contract 8.3).

    Raises:
        Problem: resource.bad_option.
    """
    if details.format.casefold() in ANSWER_FORMATS:
        raise Problem(
            _bad_option(
                f"`{details.format}` cannot be noted as the format of files",
                "XNAT takes this word for the form in which it is to answer",
            )
        )


def _distinct(targets: Iterable[Target]) -> tuple[Target, ...]:
    """Return the targets, none of which is filled from two sources.

    Raises:
        Problem: resource.same_target.
    """
    found = tuple(targets)
    sources = Counter((target.address, target.label) for target in found)
    for target in found:
        if sources[target.address, target.label] > 1:
            raise Problem(
                Finding(
                    "resource.same_target",
                    f"Several subjects have one and the same resource: {target}",
                    "Their files would get mixed up",
                    (f"Write {SUBJECT} into the label of the subject, session or resource, too",),
                    where=str(target),
                )
            )
    return found


def _no_level(why: str, option: str) -> Finding:
    return Finding("resource.no_level", "The place on the site is not named in full", why, (f"Give {option}",))


def _no_subject(why: str) -> Finding:
    return Finding(
        "resource.bad_pattern",
        "It is not clear which subjects are meant",
        why,
        (f"Write {SUBJECT} where its name stands, in the path and in the labels", "Or leave it out everywhere"),
    )


def _bad_option(what: str, why: str) -> Finding:
    return Finding("resource.bad_option", what, why, ("Choose another word",))
