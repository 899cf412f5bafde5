import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable

import pytest

from xnat_wizard.upload import places
from xnat_wizard.upload.matching import match
from xnat_wizard.upload.model import Fate, SessionState
from xnat_wizard.upload.places import StoredFile, is_row_of
from xnat_wizard.upload.records import CheckedFile, FileRow, SessionRow
from xnat_wizard.xnat.model import PrearchiveSession, RemoteFile


def local(number: int, *, token: str = "", name: str = "", fate: Fate = Fate.SENT, md5: str = "") -> FileRow:
    return FileRow(number, 1, f"s/{number}.dcm", 10, 0, token or ("" if name else f"t{number}"), name, fate, md5, "")


def there(number: int, *, scan_id: str = "4", md5: str = "", name: str = "") -> StoredFile:
    return StoredFile(scan_id, name or f"1.2.3-4-{number}-t{number}.dcm", 10, md5)


def matched(files: list[FileRow], stored: list[StoredFile], number: str = "4") -> list[CheckedFile]:
    found = match(
        files, stored, study_instance_uid="1.2.3", numbers={1: number, 2: number}, md5_of=lambda file: file.md5
    )
    return sorted(found.checked)


def test_equal_tokens_are_arrivals_and_equal_digests_prove_the_bytes() -> None:
    checked = matched(
        [local(1, md5="aa"), local(2, md5="bb"), local(3, md5="cc")],
        [there(1, md5="aa"), there(2, md5="xx"), there(3)],
    )
    assert [(one.fate, one.proof, one.scan_id) for one in checked] == [
        (Fate.STORED, "MD5", "4"),
        (Fate.STORED, "file-name token", "4"),
        (Fate.STORED, "file-name token", "4"),
    ]


def test_what_was_answered_for_and_is_not_listed_is_missing() -> None:
    (missing, not_sent, refused) = matched(
        [local(1), local(2, fate=Fate.NOT_SENT), local(3, fate=Fate.REFUSED)._replace(remark="no")], []
    )
    assert (missing.fate, bool(missing.remark)) == (Fate.MISSING, True)
    assert (not_sent.fate, not_sent.remark) == (Fate.NOT_SENT, "")
    assert (refused.fate, refused.remark) == (Fate.REFUSED, "no")


def test_files_of_other_names_are_known_by_their_digest() -> None:
    checked = matched([local(1, md5="aa"), local(2, md5="bb")], [there(1, name="b.dcm", md5="bb")])
    assert [(one.fate, one.proof) for one in checked] == [(Fate.MISSING, ""), (Fate.STORED, "MD5")]


def test_files_of_other_names_without_digest_are_counted_in_their_scan() -> None:
    files = [local(1), local(2)]
    stored = [there(1, name="IM1.dcm", scan_id="4-MR1"), there(2, name="IM2.dcm", scan_id="4-MR1")]
    assert [(one.fate, one.proof) for one in matched(files, stored)] == [(Fate.STORED, "count")] * 2
    assert {one.fate for one in matched(files, stored[:1])} == {Fate.MISSING}
    assert {one.fate for one in matched(files, stored, number="5")} == {Fate.MISSING}


def test_other_instances_of_the_scan_are_not_counted_as_ours() -> None:
    assert {one.fate for one in matched([local(1), local(2)], [there(8), there(9)])} == {Fate.MISSING}


def test_an_instance_is_matched_once() -> None:
    files = [local(1, token="same"), local(2, token="same")]
    checked = matched(files, [there(1, name="1.2.3-4-1-same.dcm")])
    assert sorted(one.fate for one in checked) == [Fate.MISSING, Fate.STORED]


def test_an_equal_token_in_a_name_of_another_study_is_another_instance() -> None:
    stranger = [StoredFile("4", "9.9.9-4-1-t1.dcm", 10, "", is_archived=True)]
    assert {one.fate for one in matched([local(1)], stranger)} == {Fate.MISSING}
    assert matched([local(1, fate=Fate.NOT_SENT)], stranger)[0].fate is Fate.NOT_SENT


def test_series_of_one_number_are_counted_together() -> None:
    files = [local(1), local(2)._replace(series_id=2)]
    stored = [there(1, name="4.1.dcm")]  # a template too simple: the second instance replaced the first
    assert {one.fate for one in matched(files, stored)} == {Fate.MISSING}
    assert {one.proof for one in matched(files, [*stored, there(2, name="4.2.dcm", scan_id="4-MR2")])} == {"count"}


def test_names_without_a_token_are_counted_though_they_begin_with_the_study() -> None:
    stored = [there(1, name="1.2.3-4-1.dcm"), there(2, name="1.2.3-4-2.dcm")]
    assert {one.proof for one in matched([local(1), local(2)], stored)} == {"count"}


def test_only_images_of_the_same_study_are_counted() -> None:
    stored = [StoredFile("4", "IM1.dcm", 10, "", may_count=False), StoredFile("4", "IM2.dcm", 10, "")]
    assert {one.fate for one in matched([local(1), local(2)], stored)} == {Fate.MISSING}


def test_what_a_cut_connection_left_in_the_prearchive_is_sent_again() -> None:
    short = [StoredFile("4", "1.2.3-4-1-t1.dcm", 9, "")]
    assert {one.fate for one in matched([local(1, fate=Fate.NOT_SENT)], short)} == {Fate.NOT_SENT}
    assert {one.fate for one in matched([local(1, fate=Fate.REFUSED)], short)} == {Fate.REFUSED}
    assert {one.fate for one in matched([local(1, fate=Fate.SENT)], short)} == {Fate.STORED}  # a script may shorten


def test_a_file_that_changed_while_it_was_sent_is_not_stored() -> None:
    changed = local(1, fate=Fate.NOT_SENT)._replace(remark="the file changed while it was sent")
    assert [(one.fate, one.remark) for one in matched([changed], [there(1)])] == [(Fate.NOT_SENT, changed.remark)]


def test_parrec_files_are_known_by_name_and_size() -> None:
    par, rec = local(1, name="T1/x.PAR", md5="aa"), local(2, name="T1/x.REC")
    stored = [StoredFile("", "T1/x.PAR", 10, "aa"), StoredFile("", "T1/x.REC", 10, "")]
    assert [one.proof for one in matched([par, rec], stored)] == ["MD5", "name and size"]
    short = [StoredFile("", "T1/x.PAR", 9, "aa")]
    assert {one.fate for one in matched([par, rec], short)} == {Fate.MISSING}


def test_a_pair_of_the_same_number_does_not_hinder_the_count_of_images() -> None:
    stored = [StoredFile("4", "IM1.dcm", 10, ""), StoredFile("4", "x.PAR", 9, "", is_pair=True, may_count=False)]
    assert {one.fate for one in matched([local(1), local(2, name="T1/x.PAR")], stored)} == {Fate.STORED, Fate.MISSING}


def row(label: str, study_instance_uid: str) -> PrearchiveSession:
    return PrearchiveSession("P", "1", label, label, "s", study_instance_uid, "READY", "", "", "", "", "")


def test_a_row_is_ours_by_label_and_study_or_by_its_uri() -> None:
    session = SessionRow(
        id=1,
        key="k",
        subject_label="s",
        session_label="a",
        study_instance_uid="1.2",
        modality="MR",
        state=SessionState.WAITING,
        uri="/data/prearchive/projects/P/1/b",
        has_instances=True,
        has_pairs=False,
    )
    assert is_row_of(row("a", "1.2"), session)
    assert is_row_of(row("a", ""), session)
    assert is_row_of(row("b", "9.9"), session)
    assert not is_row_of(row("a", "9.9"), session)
    assert not is_row_of(row("c", "1.2"), session)


def test_planning_starts_without_an_http_library() -> None:
    asked = "import sys, xnat_wizard.upload.plan; print('aiohttp' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == "False"


async def test_lists_are_read_a_few_at_a_time_and_kept_in_order() -> None:
    under_way = most = 0

    def one(number: int) -> Callable[[], Awaitable[tuple[RemoteFile, ...]]]:
        async def read() -> tuple[RemoteFile, ...]:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            for _ in range(3):
                await asyncio.sleep(0)
            under_way -= 1
            return (RemoteFile(str(number), number, "", "", ""),)

        return read

    listed = await places.in_turn([one(number) for number in range(11)])
    assert [file.size_bytes for (file,) in listed] == list(range(11))
    assert most == places.LISTS_AT_ONCE


async def test_the_first_list_that_fails_ends_the_others() -> None:
    has_ended = False

    async def endless() -> tuple[RemoteFile, ...]:
        nonlocal has_ended
        try:
            await asyncio.Event().wait()
        finally:
            has_ended = True
        return ()

    async def failing() -> tuple[RemoteFile, ...]:
        await asyncio.sleep(0)
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await places.in_turn([endless, failing])
    assert has_ended
