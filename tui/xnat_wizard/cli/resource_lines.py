"""How transfers of resources are shown: a bar on a terminal, lines in a log, JSON for programs, a table at the end."""

import asyncio
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from xnat_wizard.amounts import bytes_text, duration_text
from xnat_wizard.cli.talk import explain, put, put_mapping, put_object, say, write
from xnat_wizard.findings import printable
from xnat_wizard.wizard.widgets.rate import RateMeter

if TYPE_CHECKING:
    from xnat_wizard.upload.resource_transfer.model import Outcome
    from xnat_wizard.upload.resource_transfer.transfer import Snapshot
    from xnat_wizard.xnat.model import RemoteFile
    from xnat_wizard.xnat.resources import Address, ResourceFolder

LOOK_EVERY_S = 0.25
LINE_EVERY_S = 10.0  # in a log
BAR_WIDTH = 20


class Teller:
    """Says what a run does; belongs to its loop."""

    def __init__(self, *, is_json: bool, is_put: bool, is_dry: bool) -> None:
        self._is_json = is_json
        self._is_dry = is_dry
        self._moved = "sent" if is_put else "saved"
        self._is_bar = sys.stderr.isatty() and not is_json
        self._rate = RateMeter()
        self._has_bar = False

    def tell(self, text: str) -> None:
        """Say what happens, with the time."""
        now = datetime.now().astimezone()
        if self._is_json:
            put_object("event", time=now.isoformat(timespec="seconds"), text=text)
            return
        self._wipe()
        say(f"{now:%H:%M:%S}  {text}")

    async def tick(self, look: "Callable[[], Snapshot]") -> None:
        """Show how the run stands, until this is cancelled."""
        said_s = time.monotonic()
        try:
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                now, now_s = look(), time.monotonic()
                self._rate.see(now_s, now.travelled_bytes)
                if self._is_bar:
                    self._draw(now)
                elif now_s - said_s >= LINE_EVERY_S:
                    said_s = now_s
                    self._line(now)
        finally:
            self._wipe()

    def ended(self, outcome: "Outcome") -> None:
        """Say what came of a target."""
        tally = outcome.tally
        moved = f"{tally.to_move} to be {self._moved}" if self._is_dry else f"{tally.moved} {self._moved}"
        counts = f"{moved}, {tally.there} there already" + (f", {tally.failed} not" if tally.failed else "")
        if not self._is_json:
            self.tell(f"{outcome.target}: {outcome.verdict}, {counts}")
        for finding in outcome.findings:
            explain(finding)
            if self._is_json:
                put_mapping(finding.as_dict())
        if self._is_json:
            put_object("target", **outcome.as_dict())

    def summary(self, outcomes: "Sequence[Outcome]", total: int) -> None:
        """Print the table of all targets, or its sums as JSON."""
        self._wipe()
        if self._is_json:
            put_object(
                "summary",
                targets=total,
                ended=len(outcomes),
                **{
                    name: sum(outcome.verdict == name for outcome in outcomes)
                    for name in ("done", "incomplete", "failed", "planned")
                },
                files=sum(outcome.tally.files for outcome in outcomes),
                moved=sum(outcome.tally.moved for outcome in outcomes),
                moved_bytes=sum(outcome.tally.moved_bytes for outcome in outcomes),
            )
        elif outcomes:
            put(table([self._row(outcome) for outcome in outcomes], self._head()))
        if len(outcomes) < total:
            say(f"{total - len(outcomes)} of {total} were not reached. The same command goes on with them.")

    def _head(self) -> tuple[str, ...]:
        moved = f"to be {self._moved}" if self._is_dry else self._moved
        return ("result", "subject", "place", "files", moved, "there", "left", "failed", "bytes", "proof")

    def _row(self, outcome: "Outcome") -> tuple[str, ...]:
        tally = outcome.tally
        return (
            str(outcome.verdict),
            outcome.target.subject or "-",
            str(outcome.target),
            str(tally.files),
            str(tally.to_move if self._is_dry else tally.moved),
            str(tally.there),
            str(tally.left),
            str(tally.failed),
            bytes_text(tally.size_bytes),
            outcome.proof,
        )

    def _line(self, now: "Snapshot") -> None:
        if self._is_json:
            put_object(
                "progress",
                targets_done=now.targets_done,
                targets=now.targets_total,
                bytes_travelled=now.travelled_bytes,
                bytes_to_travel=now.to_travel_bytes,
            )
        else:
            say(self._numbers(now))

    def _draw(self, now: "Snapshot") -> None:
        done = now.travelled_bytes / now.to_travel_bytes if now.to_travel_bytes else 0.0
        filled = round(BAR_WIDTH * min(1.0, done))
        line = f"[{'#' * filled}{'-' * (BAR_WIDTH - filled)}] {self._numbers(now)}"
        write(f"\r{printable(line)[: shutil.get_terminal_size().columns - 1]}\x1b[K")
        self._has_bar = True

    def _numbers(self, now: "Snapshot") -> str:
        parts = [
            f"{now.targets_done} of {now.targets_total} done",
            f"{bytes_text(now.travelled_bytes)} of {bytes_text(now.to_travel_bytes)} so far",
        ]
        left_s = self._rate.left_s(now.to_travel_bytes)
        if left_s and now.travelled_bytes < now.to_travel_bytes:
            parts.append(f"{bytes_text(self._rate.rate_per_s)}/s, {duration_text(left_s)} left")
        return "  ".join(parts)

    def _wipe(self) -> None:
        if self._has_bar:
            write("\r\x1b[K")
            self._has_bar = False


def table(rows: Sequence[Sequence[str]], head: Sequence[str]) -> str:
    """Return rows as aligned columns under a head; control characters cannot break a line."""
    cells = [[printable(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def folder_facts(address: "Address", folder: "ResourceFolder") -> dict[str, object]:
    """Return a resource as one JSON object without its type."""
    return {
        **_address_facts(address),
        "resource": folder.label,
        "files": folder.file_count,
        "bytes": folder.size_bytes,
        "format": folder.format,
        "content": folder.content,
        "tags": folder.tags,
    }


def file_facts(address: "Address", file: "RemoteFile") -> dict[str, object]:
    """Return a file of a resource as one JSON object without its type."""
    return {
        **_address_facts(address),
        "resource": file.collection,
        "name": file.name,
        "bytes": file.size_bytes,
        "md5": file.md5,
    }


def folder_line(address: "Address", folder: "ResourceFolder") -> str:
    """Return a resource as a line."""
    count = "?" if folder.file_count is None else f"{folder.file_count:,}"
    size = "?" if folder.size_bytes is None else bytes_text(folder.size_bytes)
    said = "  ".join(filter(None, (folder.format, folder.content, folder.tags)))
    return f"{address} / {folder.label}  {count} files  {size}  {said}".rstrip()


def _address_facts(address: "Address") -> dict[str, object]:
    return {
        "project": address.project,
        "subject": address.subject,
        "session": address.session,
        "scan": address.scan,
    }
