"""Each local file has exactly one fate, and the fates add up, whatever the server and the records say."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troubleshoot.values import (
    EXPLICIT,
    STUDY,
    a_hit,
    a_place,
    an_experiment,
    an_object,
    an_other,
    contents_of,
    facts,
    local_of,
    stored,
    told,
)
from xnat_wizard.dicom.model import OtherKind, ParRecPair
from xnat_wizard.troubleshoot.facts import Drop, Facts, LocalObject, Message, Sent, SentFate, SentFile
from xnat_wizard.troubleshoot.ledger import holds, reconcile
from xnat_wizard.troubleshoot.model import Fate, Ledger, PlaceKind, Proof, Verdict
from xnat_wizard.troubleshoot.patterns import pattern_of
from xnat_wizard.troubleshoot.verdict import verdict_of
from xnat_wizard.xnat.inquiries.values import ScanFact, StoredObject, WhoAmI

PLACE = a_place()
FIVE = [an_object(f"S01/1/{number}.dcm", number) for number in range(1, 6)]


def with_files(objects: list[LocalObject], files: list[StoredObject], **changes: object) -> Facts:
    local = changes.pop("local", None) or local_of(objects)
    scans = changes.pop("scans", ())
    return facts(
        local,  # type: ignore[arg-type]  # given by a test
        candidates=(a_hit(PLACE),),
        contents={PLACE.uri: contents_of(PLACE.uri, files, scans)},  # type: ignore[arg-type]  # likewise
        **changes,
    )


def fates(known: Facts) -> list[Fate]:
    return [line.fate for line in reconcile(known).lines]


def test_a_uid_tells_a_file_first() -> None:
    known = with_files(FIVE, [stored(f"x{n}", uid=f"{STUDY}.1.{n}") for n in (1, 2, 3)])
    ledger = reconcile(known)
    assert ledger.totals[Fate.ARRIVED] == 3
    assert {line.proof for line in ledger.of(Fate.ARRIVED)} == {Proof.UID}
    assert {line.where for line in ledger.of(Fate.ARRIVED)} == {PLACE.uri}
    assert ledger.totals[Fate.NOT_SENT] == 2


def test_a_mapped_uid_is_as_good() -> None:
    sent = Sent(stored_uids={f"{STUDY}.1.1": "9.9.9"})
    ledger = reconcile(with_files(FIVE, [stored("x", uid="9.9.9")], sent=sent))
    assert ledger.lines[0].proof is Proof.UID


def test_a_token_tells_a_file_of_the_same_study_only() -> None:
    names = [f"{STUDY}-1-1-{FIVE[0].token}.dcm", f"9.9.9-1-2-{FIVE[1].token}.dcm"]
    ledger = reconcile(with_files(FIVE, [stored(name) for name in names]))
    assert [line.proof for line in ledger.lines[:2]] == [Proof.TOKEN, Proof.NONE]


def test_its_own_name_tells_a_file_where_it_is_unique_and_about_as_long() -> None:
    twins = [an_object("S01/1/a.dcm", 1), an_object("S01/2/a.dcm", 2), an_object("S01/1/b.dcm", 3)]
    ledger = reconcile(with_files(twins, [stored("a.dcm"), stored("b.dcm")]))
    assert [line.proof for line in ledger.lines] == [Proof.NONE, Proof.NAME, Proof.NONE]
    ledger = reconcile(with_files(FIVE, [stored("1.dcm", size=9000), stored("y"), stored("z")]))
    assert ledger.lines[0].fate is not Fate.ARRIVED


def test_a_compressed_file_may_be_of_any_length_there() -> None:
    packed = [replace(FIVE[0], transfer_syntax_uid="1.2.840.10008.1.2.4.70")]
    assert fates(with_files(packed, [stored("1.dcm", size=90000)])) == [Fate.ARRIVED]


def test_numbers_speak_only_where_nothing_else_does() -> None:
    scans = (ScanFact("1", series_instance_uid=f"{STUDY}.1"),)
    ledger = reconcile(with_files(FIVE, [stored(f"img{n}") for n in range(5)], scans=scans))
    assert {line.proof for line in ledger.lines} == {Proof.COUNT}
    others = [stored(f"9.9-1-{n}-abc{n}.dcm") for n in range(5)]  # they say that they are of another study
    assert Fate.ARRIVED not in fates(with_files(FIVE, others, scans=scans))
    assert Fate.ARRIVED not in fates(with_files(FIVE, [stored("img1")], scans=scans))


def test_a_log_tells_refused_from_not_sent_and_absent() -> None:
    files = (
        SentFile("/else/1/1.dcm", SentFate.ACKNOWLEDGED, "0000"),
        SentFile("/else/1/2.dcm", SentFate.REFUSED, "C000"),
        SentFile("/else/1/3.dcm", SentFate.REFUSED, "no presentation context"),
        SentFile("/else/1/4.dcm", SentFate.NOT_SENT),
    )
    sent = Sent(is_known=True, files=files, has_per_file_record=True)
    ledger = reconcile(with_files(FIVE, [], sent=sent))
    assert [(line.fate, line.cause_id) for line in ledger.lines] == [
        (Fate.ABSENT, ""),
        (Fate.REFUSED, "NET-12"),
        (Fate.REFUSED, "NET-11"),
        (Fate.NOT_SENT, ""),
        (Fate.NOT_SENT, ""),
    ]


def test_an_answer_for_the_whole_makes_what_is_missing_absent() -> None:
    sent = Sent(is_known=True, uris=("/data/prearchive/projects/DEMO/1/E1",))
    assert set(fates(with_files(FIVE, [], sent=sent))) == {Fate.ABSENT}


def test_what_is_predicted_to_be_dropped_is_dropped_only_once_the_place_was_read() -> None:
    drop = Drop(FIVE[0].path, "ROU-12", is_certain=True, because="the site's filter: x")
    ledger = reconcile(with_files(FIVE, [], drops=(drop,)))
    assert (ledger.lines[0].fate, ledger.lines[0].cause_id) == (Fate.DROPPED, "ROU-12")
    assert reconcile(facts(local_of(FIVE), drops=(drop,))).lines[0].fate is Fate.UNVERIFIABLE


def test_what_could_not_be_read_is_never_called_missing() -> None:
    assert set(fates(facts(local_of(FIVE)))) == {Fate.UNVERIFIABLE}
    closed = facts(local_of(FIVE), candidates=(a_hit(PLACE),))
    assert set(fates(closed)) == {Fate.UNVERIFIABLE}


def test_an_admin_who_found_nothing_anywhere_may_say_so() -> None:
    who = told(WhoAmI("admin", roles=("Administrator",)))
    assert set(fates(facts(local_of(FIVE), who=who))) == {Fate.NOT_SENT}


def test_other_files_have_their_fate_and_cause() -> None:
    others = [an_other("S01/.DS_Store", OtherKind.JUNK), an_other("S01/1/9.dcm", OtherKind.COPY)]
    others += [an_other("DICOMDIR", OtherKind.DICOMDIR), an_other("S01/1/8.dcm", OtherKind.CONFLICTING)]
    pair = ParRecPair("S01", "S01", "S01/a.PAR", "S01/a.REC", 1, 1, "V4.2", "T1")
    ledger = reconcile(facts(local_of([], others, [pair])))
    assert {(line.path, line.fate, line.cause_id) for line in ledger.lines} == {
        ("S01/.DS_Store", Fate.NOT_SENT, "LOC-01"),
        ("S01/1/9.dcm", Fate.COLLAPSED, "LOC-07"),
        ("DICOMDIR", Fate.NOT_SENT, "LOC-02"),
        ("S01/1/8.dcm", Fate.COLLAPSED, "MRG-07"),
        ("S01/a.PAR", Fate.NOT_SENT, "LOC-17"),
        ("S01/a.REC", Fate.NOT_SENT, "LOC-17"),
    }


def test_pairs_that_our_record_knows_are_not_counted_as_dicom() -> None:
    pair = ParRecPair("S01", "S01", "S01/a.PAR", "S01/a.REC", 1, 1, "V4.2", "T1")
    sent = Sent(files=tuple(SentFile(path, SentFate.ACKNOWLEDGED, "stored") for path in (pair.par_path, pair.rec_path)))
    known = with_files(
        [], [stored(f"x{n}", uid=f"{STUDY}.1.{n}") for n in range(1, 6)], local=local_of(FIVE, [], [pair]), sent=sent
    )
    known = known.adding(ledger=reconcile(known))
    assert known.ledger.totals[Fate.ARRIVED] == 7
    assert verdict_of(known) == (Verdict.COMPLETE, "All 5 objects are in the archive.")


def test_pairs_alone_are_told_by_our_record_and_not_proven_again() -> None:
    pair = ParRecPair("S01", "S01", "S01/a.PAR", "S01/a.REC", 1, 1, "V4.2", "T1")
    sent = Sent(files=tuple(SentFile(path, SentFate.ACKNOWLEDGED, "stored") for path in (pair.par_path, pair.rec_path)))
    known = facts(local_of([], [], [pair]), sent=sent)
    verdict, says = verdict_of(known.adding(ledger=reconcile(known)))
    assert (verdict, says.startswith("By our own record 2 PAR/REC files are stored")) == (Verdict.NOT_PROVEN, True)


def test_after_the_file_that_stopped_the_import_nothing_was_sent() -> None:
    local = local_of(FIVE, [an_other("S01/1/3.txt")])
    sent = Sent(messages=(Message("unable to read DICOM object 3.txt", 400, names="3.txt"),))
    known = with_files([], [stored("x", uid=f"{STUDY}.1.{n}") for n in (1, 2, 3)], local=local, sent=sent)
    assert [(line.path[6:], line.fate) for line in reconcile(known).lines] == [
        ("1.dcm", Fate.ARRIVED),
        ("2.dcm", Fate.ARRIVED),
        ("3.dcm", Fate.ARRIVED),
        ("3.txt", Fate.NOT_SENT),
        ("4.dcm", Fate.NOT_SENT),
        ("5.dcm", Fate.NOT_SENT),
    ]


def test_an_experiment_that_was_there_before_is_merged_into() -> None:
    place = replace(PLACE, experiment=an_experiment(insert_date="2025-03-01 10:00:00.0"))
    known = facts(
        local_of(FIVE),
        candidates=(a_hit(place),),
        contents={place.uri: contents_of(place.uri, [stored("x", uid=f"{STUDY}.1.1")])},
        sent=Sent(is_known=True, started="2025-03-05T09:00:00+01:00"),
    )
    assert reconcile(known).lines[0].outcome == "merged into E1"


def archived_at(insert_date: str, *more: StoredObject) -> Ledger:
    place = replace(PLACE, experiment=an_experiment(insert_date=insert_date))
    known = facts(
        local_of(FIVE[:1]),
        candidates=(a_hit(place),),
        contents={place.uri: contents_of(place.uri, [stored("x", uid=f"{STUDY}.1.1"), *more])},
        sent=Sent(is_known=True, started="2025-03-05T09:00:00+01:00"),
    )
    return reconcile(known)


def test_a_session_of_a_site_in_another_zone_is_not_older_for_that() -> None:
    assert archived_at("2025-03-05 08:02:00.0").lines[0].outcome == "in archive"  # by UTC: two minutes after the start
    picture = replace(stored("y.gif"), resource="SNAPSHOTS")
    assert archived_at("2025-03-05 08:02:00.0", picture).lines[0].outcome == "in archive"
    assert archived_at("2025-03-05 08:02:00.0", stored("y", uid="9.9")).lines[0].outcome == "merged into E1"
    assert archived_at("2025-03-05 09:30:00.0", stored("y", uid="9.9")).lines[0].outcome == "in archive"
    assert archived_at("", stored("y", uid="9.9")).lines[0].outcome == "in archive"


def test_files_without_a_partner_here_are_extra() -> None:
    ledger = reconcile(with_files(FIVE[:1], [stored("x", uid=f"{STUDY}.1.1"), stored("y", uid="9.9")]))
    assert ledger.extra == ((PLACE.uri, 1),)


def test_the_archive_goes_before_the_prearchive() -> None:
    waiting = a_place(PlaceKind.PREARCHIVE, "/data/prearchive/projects/DEMO/1/E1")
    known = facts(
        local_of(FIVE[:1]),
        candidates=(a_hit(waiting), a_hit(PLACE)),
        contents={one.uri: contents_of(one.uri, [stored("x", uid=f"{STUDY}.1.1")]) for one in (waiting, PLACE)},
    )
    assert reconcile(known).lines[0].place is PlaceKind.ARCHIVE


# -- the law -----------------------------------------------------------------------------------------

names = st.integers(1, 12)
kinds = st.sampled_from(list(OtherKind))


@st.composite
def worlds(draw: st.DrawFn) -> Facts:
    numbers = draw(st.lists(st.tuples(names, st.sampled_from("123")), unique=True, max_size=14))
    objects = [
        an_object(
            f"S01/{series}/{number % 4}.dcm" if draw(st.booleans()) else f"S01/{series}/i{number}.dcm",
            number,
            series=series,
            transfer_syntax_uid=draw(st.sampled_from([EXPLICIT, "1.2.840.10008.1.2.4.70"])),
        )
        for number, series in numbers
    ]
    objects = list({one.path: one for one in objects}.values())
    others = [an_other(f"S01/o{place}", kind) for place, kind in enumerate(draw(st.lists(kinds, max_size=5)))]
    there = [
        stored(
            draw(st.sampled_from([one.base_name, f"{STUDY}-{one.series_number}-1-{one.token}.dcm", "odd.dcm"])),
            scan=one.series_number,
            uid=draw(st.sampled_from([one.sop_instance_uid, "", "9.9.9"])),
            size=draw(st.sampled_from([1000, 5])),
        )
        for one in objects
        if draw(st.booleans())
    ]
    files = tuple(
        SentFile(draw(st.sampled_from([one.path, f"/abs/{one.path}", one.base_name])), draw(st.sampled_from(SentFate)))
        for one in objects
        if draw(st.booleans())
    )
    stop = draw(st.sampled_from(["", *(one.path.rpartition("/")[2] for one in others)]))
    sent = Sent(
        is_known=draw(st.booleans()),
        uris=draw(st.sampled_from([(), ("/data/prearchive/projects/DEMO/1/E",)])),
        files=files,
        has_per_file_record=draw(st.booleans()),
        messages=(Message("stopped", 400, names=stop),) if stop else (),
        rejected_contexts=(("1.2.3", ""),),
    )
    drops = tuple(
        Drop(one.path, "ROU-12", is_certain=draw(st.booleans()), because="x") for one in objects if draw(st.booleans())
    )
    scans = tuple(ScanFact(number, f"{STUDY}.{number}" if draw(st.booleans()) else "") for number in "123")
    is_open = draw(st.booleans())
    return facts(
        local_of(objects, others),
        candidates=(a_hit(PLACE),) if draw(st.booleans()) else (),
        contents={PLACE.uri: contents_of(PLACE.uri, there, scans)} if is_open else {},
        sent=sent,
        drops=drops,
    )


@settings(max_examples=300, deadline=None)
@given(worlds())
def test_the_law_of_totals_holds_in_every_world(known: Facts) -> None:
    assert known.local is not None
    ledger = reconcile(known)
    assert holds(ledger, known.local)
    assert [line.path for line in ledger.lines] == sorted(line.path for line in ledger.lines)
    arrived = ledger.of(Fate.ARRIVED)
    assert all(line.proof and line.where for line in arrived)
    assert all(not line.where for line in ledger.lines if line.fate is not Fate.ARRIVED)
    assert all(known.contents for _ in arrived)


def test_the_law_is_broken_by_a_file_that_is_left_out() -> None:
    ledger = reconcile(facts(local_of(FIVE)))
    assert holds(ledger, local_of(FIVE))
    assert not holds(ledger, local_of(FIVE[:4]))
    assert not holds(replace(ledger, lines=(*ledger.lines[1:], ledger.lines[1])), local_of(FIVE))


# -- patterns ----------------------------------------------------------------------------------------


def absent(objects: list[LocalObject], gone: set[str]) -> Facts:
    there = [stored("x", uid=one.sop_instance_uid) for one in objects if one.path not in gone]
    sent = Sent(is_known=True, uris=("/data/prearchive/projects/DEMO/1/E",))
    known = with_files(objects, there, sent=sent)
    return known.adding(ledger=reconcile(known))


def test_a_tail_is_seen() -> None:
    pattern = pattern_of(absent(FIVE, {one.path for one in FIVE[3:]}))
    assert pattern.is_tail
    assert not pattern.is_scattered
    assert pattern.partial_series == (f"{STUDY}|1",)


def test_scattered_ones_are_seen() -> None:
    pattern = pattern_of(absent(FIVE, {FIVE[1].path, FIVE[3].path}))
    assert pattern.is_scattered
    assert len(pattern.paths) == 2


def test_a_whole_series_of_one_class_is_seen() -> None:
    other = [an_object(f"S01/2/{n}.dcm", n, series="2", sop_class_uid="1.9", modality="SR", order=9) for n in (1, 2)]
    pattern = pattern_of(absent([*FIVE, *other], {one.path for one in other}))
    assert pattern.whole_series == (f"{STUDY}|2",)
    assert pattern.sop_classes == ("1.9",)
    assert pattern.modalities == ("SR",)
    assert pattern.transfer_syntaxes == ()


def test_one_left_of_each_series_is_seen() -> None:
    assert pattern_of(absent(FIVE, {one.path for one in FIVE[1:]})).is_one_left_per_series


@pytest.mark.parametrize("fates_wanted", [(), (Fate.ABSENT,)])
def test_nothing_absent_is_no_pattern(fates_wanted: tuple[Fate, ...]) -> None:
    assert pattern_of(absent(FIVE, set()), *fates_wanted).paths == ()
