"""A plan comes back from its file as it was, with all that a plan can have; labels are what XNAT would make of them."""

import re
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from upload.builders import pair, plan_of, series, survey
from xnat_wizard.upload import plan_file
from xnat_wizard.upload.cstore.peer import Peer, Scheme
from xnat_wizard.upload.deidentify.choice import Deidentification, Keep
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.labels import clean_label, distinct_labels, unique_labels
from xnat_wizard.upload.model import Compression, Destination, Options, Route

NAMES = st.binary(min_size=1, max_size=12).map(
    lambda raw: raw.replace(b"/", b"").replace(b"\0", b"").decode("utf-8", "surrogateescape") or "x"
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PEERS = st.builds(
    Peer,
    host=TEXTS,
    port=st.integers(1, 65535),
    scheme=st.sampled_from(Scheme),
    associations=st.integers(1, 16),
    is_dcmsend=st.booleans(),
)
OPTIONS = st.builds(Options, st.integers(0, 10**9), st.integers(1, 12), st.sampled_from(Compression))
CHOICES = st.sets(st.sampled_from([one for one in Keep if one is not Keep.DATES])).map(Deidentification.of)


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(NAMES, min_size=1, max_size=3, unique=True),
    description=TEXTS,
    route=st.sampled_from(Route),
    receiver=st.none() | PEERS,
    options=OPTIONS,
    choice=st.none() | CHOICES,
    destination=st.sampled_from(Destination),
)
def test_a_plan_comes_back_as_it_was(
    names: list[str],
    description: str,
    route: Route,
    receiver: Peer | None,
    options: Options,
    choice: Deidentification | None,
    destination: Destination,
) -> None:
    found = [
        replace(series(f"{name}/a", study=f"1.{number}"), series_description=description)
        for number, name in enumerate(names, 2)
    ]
    plan = replace(
        plan_of(survey(*found, pair(f"{names[0]}/raw", names[0])), destination=destination),
        route=route,
        receiver=receiver,
        options=options,
        deidentification=choice,
        not_sent=(description,),
    )
    with tempfile.TemporaryDirectory() as folder:
        plan_file.save(plan, Path(folder) / "plan.json")
        assert plan_file.load(Path(folder) / "plan.json") == plan
        with Journal.create(Path(folder) / "upload", plan) as journal:
            kept = journal.plan()
    assert kept.sessions == plan.included
    assert (kept.route, kept.options, kept.deidentification) == (route, options, choice)
    assert kept.receiver == (receiver if route is Route.DICOM else None)


@given(st.text(max_size=64))
def test_a_label_is_what_xnat_would_make_of_it(text: str) -> None:
    """Wire contract 4.1: each character outside of letters, digits, `_` and `-` becomes one `_`."""
    by_xnat = "".join(sign if re.fullmatch(r"[A-Za-z0-9_-]", sign) else "_" for sign in text)
    label = clean_label(text)
    assert label == by_xnat or not re.search(r"[A-Za-z0-9]", by_xnat)


@given(st.lists(st.text(max_size=70), max_size=12))
def test_no_two_labels_of_a_plan_are_the_same_to_xnat(texts: list[str]) -> None:
    for labels in (distinct_labels(texts), list(unique_labels(texts).values())):
        assert len({label.lower() for label in labels}) == len(labels)
        assert [clean_label(label) for label in labels] == labels
