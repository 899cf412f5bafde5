import unicodedata
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from xnat_wizard.upload.model import Receipt, ReceiptLine
from xnat_wizard.upload.receipt import WIDTH, as_text

LINE = ReceiptLine("sub-007", "sub-007_MR1", "4", "t1_mprage", "MR", 176, 176, 176, "MD5", "")
RECEIPT = Receipt(
    created="2026-03-04T10:41:00+01:00",
    site_url="https://xnat.example.org",
    site_version="1.9.3",
    username="mmuster",
    project="NEURO01",
    lines=(
        LINE,
        replace(
            LINE,
            scan_id="7",
            series_description="bold_rest",
            files_stored=170,
            copies=2,
            remark="6 x the server was full",
        ),
        replace(LINE, scan_id="", series_description="localizer", files_sent=0, files_stored=0, proof=""),
        replace(LINE, scan_id="9", series_description="t2", proof="file-name token"),
    ),
    places=("sub-007_MR1: archive /data/experiments/XNAT_E01234",),
    verdict="INCOMPLETE 182",
    not_proven=("the bytes of 176 files: a script of the site rewrites headers, so digests differ from those on disk",),
    not_sent=("2 files: not DICOM",),
)


def test_the_receipt_reads_like_this() -> None:
    first = replace(RECEIPT, created="2026-03-04T10:40:00+01:00", verdict="INCOMPLETE 358")
    assert as_text(RECEIPT, (first,)).splitlines() == [
        "XNAT receipt   2026-03-04T10:41:00+01:00",
        "Site https://xnat.example.org (1.9.3)",
        "Account mmuster   project NEURO01",
        "",
        "Subject sub-007   session sub-007_MR1",
        "-> archive /data/experiments/XNAT_E01234",
        "scan     series               local copies   sent stored  result",
        "4        t1_mprage              176      0    176    176  all present (MD5)",
        "7        bold_rest              176      2    176    170  6 missing",
        "         6 x the server was full",
        "-        localizer              176      0      0      0  nothing there",
        "9        t2                     176      0    176    176  all present (by name)",
        "",
        "Other files, not sent: 2 files: not DICOM",
        "Verdict: INCOMPLETE 182   checked by reading the server",
        "Not proven: the bytes of 176 files: a script of the site rewrites headers, so",
        "    digests differ from those on disk",
        "Earlier: 2026-03-04T10:40:00+01:00   INCOMPLETE 358",
    ]


def test_a_receipt_without_a_look_at_the_server_says_so() -> None:
    text = as_text(replace(RECEIPT, username="", site_version="", verdict="NOT PROVEN"))
    assert "Account (not logged in)" in text
    assert "Verdict: NOT PROVEN   the server was not read" in text


texts = st.text(st.characters(exclude_categories=()), max_size=200)


@given(texts, texts, texts)
def test_no_line_is_wider_than_a_terminal_or_holds_a_control_character(label: str, remark: str, place: str) -> None:
    line = replace(LINE, session_label=label, series_description=remark, remark=remark, scan_id=place)
    text = as_text(replace(RECEIPT, lines=(line,), places=(f"{label}: {place}",), not_sent=(remark,)))
    for one in text.split("\n"):
        assert one.isprintable()
        assert sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in one) <= 2 * WIDTH
        assert (
            sum(
                0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
                for letter in one
            )
            <= WIDTH
        )
