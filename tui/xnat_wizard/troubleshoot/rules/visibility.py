"""Causes of seeing: the data are there, and this account, list or page does not show them.

Sources: missing data 2.9, VIS-01 to VIS-13.
"""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from xnat_wizard.troubleshoot.facts import Candidate, Facts, Match
from xnat_wizard.troubleshoot.model import Certainty, Diagnosis, Fate, NextStep, PlaceKind, Role, StepKind
from xnat_wizard.troubleshoot.registry import rule
from xnat_wizard.troubleshoot.rules.gaps import (
    by_hand,
    counted,
    covers_at,
    is_elsewhere,
    is_recorded,
    is_whole,
    missing,
    nothing,
    some,
)
from xnat_wizard.troubleshoot.times import site_time
from xnat_wizard.upload.labels import clean_label

_RECENT_DAYS = 60  # the home page's list, by default


def _sure(hit: Candidate) -> Certainty:
    return Certainty.CONFIRMED if hit.has_identity else Certainty.LIKELY


def _objects(facts: Facts, study: str) -> tuple[object, ...]:
    return facts.local.of_study(study) if facts.local else ()


def _archived(facts: Facts) -> tuple[Candidate, ...]:
    return facts.hits("", PlaceKind.ARCHIVE)


@rule("VIS-01")
def wrong_account(facts: Facts) -> Iterator[Diagnosis]:
    """Nobody is logged in, or somebody else than the one who sent."""
    if facts.who is None or not facts.who.is_known:
        return
    who = facts.who.value
    if who.is_guest:
        yield Diagnosis(
            "VIS-01",
            Certainty.CONFIRMED,
            "Nobody is logged in: every empty list of this search is void.",
            "The site answered as to a guest, who sees public projects only.",
            evidence=facts.who.evidence,
            next_steps=(by_hand("Log in, then search again."),),
            prevent="Let the account be asked before every search: this program does.",
        )
    elif facts.sent.account and facts.sent.account != who.username and not is_whole(facts):
        yield Diagnosis(
            "VIS-01",
            Certainty.CONFIRMED,
            f'You are logged in as "{who.username}"; it was sent as "{facts.sent.account}".',
            "Two accounts are two persons to a site, with rights of their own.",
            evidence=(*facts.who.evidence, *facts.sent.evidence),
            next_steps=(by_hand(f'Log in as "{facts.sent.account}", then search again.'),),
            prevent="Look at the account in the header before an upload.",
        )


@rule("VIS-02")
def no_access_to_the_project(facts: Facts) -> Iterator[Diagnosis]:
    """The project is hidden from this account, or shows its title only."""
    project = facts.project
    if project is None or facts.role in {Role.ADMIN, Role.ALL_DATA} or project.match is Match.NONE_TYPED:
        return
    if is_whole(facts):
        return
    is_hidden = project.match is Match.NONE
    is_closed = project.match is Match.EXACT and project.role is Role.GUEST
    if not is_hidden and not is_closed:
        return
    yield Diagnosis(
        "VIS-02",
        Certainty.CONFIRMED,
        f'This account sees no project "{project.typed}".'
        if is_hidden
        else f"This account may see that {project.id} exists, and nothing in it.",
        "Either there is none of this ID, or it is private and this account is not in it."
        if is_hidden
        else "The project is open to its members only.",
        evidence=project.evidence,
        next_steps=(
            NextStep(StepKind.ASK_OWNER, "Ask an owner of the project to make you a member.", "", Role.OWNER, "T4"),
            NextStep(StepKind.ONE_CLICK, "After that, let the site forget the rights it remembers.", "F11", Role.GUEST),
        ),
        prevent="Choose the project from the list: it has those that you may use.",
    )


@rule("VIS-03")
def only_a_collaborator(facts: Facts) -> Iterator[Diagnosis]:
    """The account may read the project's archive, and not open its prearchive."""
    project = facts.project
    if project is None or facts.role is not Role.COLLABORATOR or not project.is_visible or is_whole(facts):
        return
    rows = [row for row in (facts.rows.value if facts.rows else ()) if row.project == project.id]
    waiting = f" {counted(len(rows), 'session')} wait{'s' if len(rows) == 1 else ''} there." if rows else ""
    yield Diagnosis(
        "VIS-03",
        Certainty.CONFIRMED,
        f"This account may only read {project.id}: its prearchive stays closed to it.{waiting}",
        "You are a collaborator of the project; only members and owners open and archive what waits.",
        evidence=(*project.evidence, *facts.evidence("Q8")),
        next_steps=(
            NextStep(StepKind.ASK_OWNER, "Ask an owner to archive it, or to make you a member.", "", Role.OWNER, "T4"),
        ),
        prevent="Ask for a member's rights before an upload.",
    )


@rule("VIS-04")
def wrong_site(facts: Facts) -> Iterator[Diagnosis]:
    """The data were sent to another site than the one that is asked."""
    if facts.site is None or not facts.sent.site_url:
        return
    if not urlsplit(facts.site.value.url).hostname or is_whole(facts):
        return
    if _address(facts.sent.site_url) == _address(facts.site.value.url):
        return
    yield Diagnosis(
        "VIS-04",
        Certainty.CONFIRMED,
        f"It was sent to {facts.sent.site_url}; you are looking at {facts.site.value.url}.",
        "A test site and the real one, or two names of one host, are easily mixed up.",
        evidence=(*facts.site.evidence, *facts.sent.evidence),
        next_steps=(by_hand(f"Log in to {facts.sent.site_url}, then search again."),),
        prevent="Look at the address in the header.",
    )


def _address(url: str) -> tuple[str | None, int | None, str]:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.hostname, port, parts.path.rstrip("/")


@rule("VIS-05")
def it_is_in_the_prearchive(facts: Facts) -> Iterator[Diagnosis]:
    """The session waits in the prearchive, where a project's list does not show it."""
    for hit in facts.hits("", PlaceKind.PREARCHIVE):
        if facts.hits(hit.study_instance_uid, PlaceKind.ARCHIVE) or is_elsewhere(facts, hit):
            continue
        yield Diagnosis(
            "VIS-05",
            _sure(hit),
            f"The session {hit.place.label} is in the prearchive of {hit.place.project} (status {hit.place.status}).",
            "The list of a project shows its archive only.",
            where=hit.place.shown,
            evidence=facts.evidence("Q7", "Q8"),
            covers=covers_at(facts, hit),
            next_steps=(nothing("Look for it in the prearchive: the prearchive step of this program shows it."),),
            prevent="Read the last line of an upload: it says where the session stands.",
        )


@rule("VIS-06")
def shared_from_another_project(facts: Facts) -> Iterator[Diagnosis]:
    """The session belongs to one project and is shown in another, perhaps under another label."""
    for hit in _archived(facts):
        one = hit.place.experiment
        if one is None or not one.is_shared_in:
            continue
        yield Diagnosis(
            "VIS-06",
            _sure(hit),
            f"The session is shared into {one.seen_in} as {one.label}; it belongs to {one.project}.",
            "A shared session has one home, and may have another label in each project.",
            where=hit.place.shown,
            evidence=facts.evidence("Q15", "Q16"),
            next_steps=(by_hand(f"Open it by its number, {one.id}: that works from everywhere."),),
            prevent="Keep the number of a session; labels differ between projects.",
        )


@rule("VIS-07")
def rights_by_kind_of_data(facts: Facts) -> Iterator[Diagnosis]:
    """The project is open, and this kind of session is not, for a group made by hand."""
    if facts.project is None or not facts.project.is_visible or facts.role in {Role.ADMIN, Role.ALL_DATA}:
        return
    is_quarantining = facts.project.rights is not None and facts.project.rights.quarantine_code == "1"
    denied = [key.rpartition("/")[2] for key, told in facts.known.items() if told.is_denied]
    if not denied or is_quarantining:
        return
    yield Diagnosis(
        "VIS-07",
        Certainty.POSSIBLE,
        f"The site does not let this account open {some(denied)}, though the project is open to it.",
        "A group of the project may have rights for some kinds of sessions only.",
        evidence=facts.evidence("Q20"),
        next_steps=(
            NextStep(StepKind.ASK_OWNER, "Ask an owner to look at the rights of your group.", "", Role.OWNER, "T4"),
        ),
        prevent="Read back what was uploaded with the same account: this program does.",
    )


@rule("VIS-08")
def remembered_rights(facts: Facts) -> Iterator[Diagnosis]:
    """The session opens by its number, and the list does not have it yet."""
    for told in facts.known.values():
        one = told.value
        listed = facts.in_projects.get(one.project) if one else None
        if one is None or not told.is_known or listed is None or not listed.is_known:
            continue
        if one.id in {other.id for other in listed.value}:
            continue
        yield Diagnosis(
            "VIS-08",
            Certainty.CONFIRMED,
            f"The session {one.label} opens by its number {one.id}; the list of {one.project} lacks it.",
            "The site remembers rights and lists for some minutes after a change.",
            where=f"archive/{one.project}/{one.label} ({one.id})",
            evidence=(*told.evidence, *listed.evidence),
            next_steps=(
                NextStep(StepKind.ONE_CLICK, "Let the site forget the rights it remembers.", "F11", Role.GUEST),
            ),
            prevent="Open sessions by their number.",
        )


@rule("VIS-09")
def too_old_for_the_recent_list(facts: Facts) -> Iterator[Diagnosis]:
    """The home page lists recent sessions only."""
    for hit in _archived(facts):
        one = hit.place.experiment
        inserted = site_time(one.insert_date, facts) if one else None
        if one is None or inserted is None or missing(facts):
            continue
        if facts.now - inserted < timedelta(days=_RECENT_DAYS):
            continue
        yield Diagnosis(
            "VIS-09",
            _sure(hit),
            f"The session is in the archive since {inserted:%Y-%m-%d}; the home page lists {_RECENT_DAYS} days.",
            "That list ends after 60 days, and after 60 sessions.",
            where=hit.place.shown,
            evidence=facts.evidence("Q15", "Q16"),
            next_steps=(nothing("Open the project, or search for the label."),),
            prevent="Search; do not rely on the list of recent data.",
        )


@rule("VIS-10")
def counts_that_mean_something_else(facts: Facts) -> Iterator[Diagnosis]:
    """All images are there, and a number on a page says otherwise."""
    if missing(facts) or not facts.ledger.of(Fate.ARRIVED):
        return
    for hit in _archived(facts):
        contents = facts.contents_of(hit.place)
        local = len(_objects(facts, hit.study_instance_uid))
        images = sum(one.resource == "DICOM" for one in contents.files) if contents else 0
        if contents is None or not local or not contents.files or images == local:
            continue
        aside = {one.resource for one in contents.files} - {"DICOM"}
        yield Diagnosis(
            "VIS-10",
            _sure(hit),
            f"All {counted(local, 'image')} of the study are there; the page counts {images} as DICOM.",
            f"{len(contents.files) - images} more stand in other resources ({some(sorted(aside))})."
            if aside
            else "A session may hold more files than this study: from earlier uploads, or made by the site.",
            where=hit.place.shown,
            evidence=facts.evidence("Q18", "Q19"),
            next_steps=(nothing("Nothing: compare images by their UID, not by a count."),),
            prevent="Frames are not files, and counts on pages are remembered numbers.",
        )


@rule("VIS-11")
def the_other_date(facts: Facts) -> Iterator[Diagnosis]:
    """Lists show when a study was made, not when it was sent."""
    window = facts.case.window
    for hit in _archived(facts) if window else ():
        one = hit.place.experiment
        inserted = site_time(one.insert_date, facts) if one else None
        made = site_time(one.date, facts) if one else None
        if one is None or window is None or inserted is None:
            continue
        if made and (window.holds(made) or made.date() == inserted.date()):
            continue
        if not window.holds(inserted, offset_s=facts.offset_s):
            continue
        yield Diagnosis(
            "VIS-11",
            _sure(hit),
            f"The session came to the site at {inserted:%Y-%m-%d %H:%M}, and is listed under "
            + (f"{made:%Y-%m-%d}." if made else "no date."),
            "Lists show the date of the study; a script may have moved or removed it.",
            where=hit.place.shown,
            evidence=facts.evidence("Q15", "Q16"),
            next_steps=(nothing("Sort the list by the date of insertion."),),
            prevent="Search by label, not by date.",
        )


@rule("VIS-12")
def renamed_since(facts: Facts) -> Iterator[Diagnosis]:
    """Somebody gave the session another label after it was archived."""
    for hit in _archived(facts):
        was = facts.case.session or facts.sent.labels_of(hit.study_instance_uid)[1]
        one = hit.place.experiment
        is_ours = one is not None and is_recorded(facts, one)
        if one is None or not is_ours or not was or clean_label(was).casefold() == one.label.casefold():
            continue
        yield Diagnosis(
            "VIS-12",
            Certainty.CONFIRMED,
            f"The session {one.id} is called {one.label} now; it was archived as {was}.",
            "A label can be changed after archiving; the number of a session stays.",
            where=hit.place.shown,
            evidence=facts.evidence("Q15", "Q20"),
            next_steps=(nothing(f"Look for {one.label}."),),
            prevent="Keep the number of a session: receipts have it.",
        )


@rule("VIS-13")
def no_button_to_archive(facts: Facts) -> Iterator[Diagnosis]:
    """The site hides the button that archives."""
    settings = facts.site.value.settings if facts.site else {}
    if settings.get("uiPrearchiveHideArchiveBtn", "").lower() != "true":
        return
    for hit in facts.hits("", PlaceKind.PREARCHIVE):
        if hit.place.status != "READY":
            continue
        yield Diagnosis(
            "VIS-13",
            Certainty.CONFIRMED if facts.role.may(Role.OWNER) else Certainty.LIKELY,
            f"The session {hit.place.label} is ready, and the site's page has no button to archive it.",
            "The administrator has hidden it: perhaps somebody else is to review what comes in.",
            where=hit.place.shown,
            evidence=facts.evidence("Q3"),
            next_steps=(
                NextStep(
                    StepKind.CONFIRM,
                    "Archive it, if the project's rules let you.",
                    "F3",
                    Role.MEMBER,
                    target=hit.place.uri,
                ),
                NextStep(StepKind.ASK_OWNER, "Or ask an owner to archive it.", "", Role.OWNER, "T5"),
            ),
            prevent="Ask who archives in this project.",
        )
