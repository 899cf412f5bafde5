"""What other people do to an upload as one table: `python -m hardening`; `python -m hardening deletes` runs a part."""

import asyncio
import sys
import tempfile
from pathlib import Path

from hardening.meeting import Row, run_meeting
from hardening.others import meetings
from xnat_wizard.findings import Finding, printable
from xnat_wizard.practice.sample import write_study
from xnat_wizard.upload import parts
from xnat_wizard.upload.model import Route


def main() -> int:
    """Run the meetings and print a line each; tell by the exit code whether all are good."""
    words = sys.argv[1:]
    parts.MAX_FILES = 3
    wanted = [one for one in meetings() if all(word in str(one) for word in words)]
    print("| what they do | when | upload | session | said | code | receipt | untrue | theirs | twice | after | |")
    print("|---|---|---|---|---|---|---|--:|--:|--:|---|---|")
    bad = 0
    with tempfile.TemporaryDirectory() as place:
        images = write_study(Path(place) / "images", subjects=2, slices=3)
        for number, meeting in enumerate(wanted):
            row = asyncio.run(run_meeting(meeting, images, Path(place) / str(number)))
            bad += not row.is_good
            print(line(row), flush=True)
    print(f"\n{len(wanted)} meetings, {bad} bad")
    return 1 if bad else 0


def line(row: Row) -> str:
    """Return a row of the table."""
    deed = row.meeting.act.__name__.replace("_", " ")
    after = f"{row.after}: {_code(row.after_said)}, {row.after_untrue} untrue, {row.after_twice} twice"
    said = printable(row.said.what) if row.said else "-"
    when = row.meeting.moment if row.meeting.route is Route.IMPORT else f"{row.meeting.moment}, by DICOM"
    values = (deed, when, row.state, row.session, said, _code(row.said), row.verdict)
    numbers = (row.untrue, row.theirs, row.twice)
    met = "" if row.has_met else " (not met)"
    return f"| {' | '.join(map(str, (*values, *numbers, after)))} | {'ok' if row.is_good else 'BAD'}{met} |"


def _code(finding: Finding | None) -> str:
    return finding.code if finding else "-"


if __name__ == "__main__":
    sys.exit(main())
