"""The arithmetic of a receipt: every local file is counted once, and text, JSON, table and page say the same."""

import csv
import io
import json
import re
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from upload.builders import pair, plan_of, series, survey
from xnat_wizard.upload import receipt, receipt_files
from xnat_wizard.upload.journal import Journal
from xnat_wizard.upload.model import Fate
from xnat_wizard.upload.records import OTHER_BYTES, CheckedFile

FATES = st.lists(
    st.tuples(
        st.sampled_from(Fate),
        st.sampled_from(["MD5", "count", "file-name token"]),
        st.sampled_from(["", OTHER_BYTES, "why"]),
    ),
    min_size=10,
    max_size=10,
)


@settings(max_examples=60, deadline=None)
@given(fates=FATES, copies=st.integers(0, 3))
def test_the_sums_match_whatever_became_of_the_files(fates: list[tuple[Fate, str, str]], copies: int) -> None:
    first = replace(series("s/a", count=4), copies=copies)
    plan = plan_of(survey(first, series("s/b", number="2", count=2), series("t/a", study="1.4"), pair("t/p")))
    with tempfile.TemporaryDirectory() as folder, Journal.create(Path(folder) / "upload", plan) as journal:
        rows = [
            (session.id, file) for session in journal.records.sessions() for file in journal.records.files(session.id)
        ]
        assert len(rows) == len(fates)
        for (session_id, file), (fate, proof, remark) in zip(rows, fates, strict=True):
            is_stored = fate is Fate.STORED
            why = remark if is_stored or remark != OTHER_BYTES else "why"  # only what is stored has other bytes
            there = CheckedFile(file.id, fate, proof if is_stored else "", "4", why)
            journal.records.record_checked(session_id, [there])
        made = receipt.compose_unasked(journal)
        told = receipt_files.as_object(journal, made)
        table = io.StringIO(newline="")
        receipt_files.write_table(journal.file_facts(), table)
        page = receipt_files.as_page(made)
        text = receipt.as_text(made)
    of_json = [one for session in told["sessions"] for one in session["series"]]
    lines = list(csv.DictReader(io.StringIO(table.getvalue(), newline="")))
    assert [line["fate"] for line in lines] == [fate for fate, _, _ in fates]
    assert sum(line.files_local for line in made.lines) == len(fates) == len(lines)
    begun = 0
    for line, one in zip(made.lines, of_json, strict=True):
        mine = [fate for fate, _, _ in fates[begun : begun + line.files_local]]
        begun += line.files_local
        counts = {fate: mine.count(fate) for fate in Fate}
        assert line.files_local == sum(counts.values()) == one["distinct_objects"]
        assert line.files_stored == counts[Fate.STORED]
        assert line.files_sent == counts[Fate.STORED] + counts[Fate.SENT] + counts[Fate.MISSING] == one["acknowledged"]
        assert line.files_local == line.files_sent + counts[Fate.REFUSED] + counts[Fate.NOT_SENT]
        assert one["local_files"] == line.files_local + line.copies
        assert one["refused"] == counts[Fate.REFUSED]
        assert line.files_differing <= line.files_stored
        absent = line.files_local - line.files_stored
        assert (one["verdict"] == f"INCOMPLETE {absent}") == bool(absent)
        row = f"{line.files_local:>6} {line.copies:>6} {line.files_sent:>6} {line.files_stored:>6}"
        assert row in text
    numbers = [int(number) for number in re.findall(r'<td class="n">(\d+)</td>', page)]
    wanted = [n for line in made.lines for n in (line.files_local, line.copies, line.files_sent, line.files_stored)]
    assert numbers == wanted
    assert json.loads(json.dumps(told)) == told
    assert told["digest_of_receipt"] == receipt_files.digest_of(told)
    absent = sum(fate is not Fate.STORED for fate, _, _ in fates)
    verdict = receipt._verdict(made.lines)
    assert (verdict == f"INCOMPLETE {absent}") == bool(absent)
