"""Whether files are deflated: the decision, fed with made-up lines."""

from pathlib import Path

import pytest

from upload.clocks import Clock
from xnat_wizard.upload import packing
from xnat_wizard.upload.local import LocalSource
from xnat_wizard.upload.model import Compression
from xnat_wizard.upload.packing import Packing, gauge, is_here
from xnat_wizard.upload.parts import Item

MB = 1_000_000


def over_line(one: Packing, clock: Clock, bytes_s: float, seconds: float) -> None:
    for _ in range(int(seconds / 0.1)):
        clock.now_s += 0.1
        one.moved(int(bytes_s / 10))


def measured(line_bytes_s: float, *, compression: Compression = Compression.AUTO, is_here: bool = False) -> Packing:
    clock = Clock()
    one = Packing(compression, is_here=is_here, clock=clock)
    over_line(one, clock, line_bytes_s, 20)
    return one


@pytest.mark.parametrize(
    ("line", "ratio", "is_deflated"), [(12, 0.5, True), (110, 0.5, True), (130, 0.5, False), (12, 0.95, False)]
)
def test_a_slow_line_and_files_that_shrink_are_wanted(line: int, ratio: float, *, is_deflated: bool) -> None:
    one = measured(line * MB)
    assert one.wants_gauge
    assert not one.is_on
    assert one.line_bytes_s == pytest.approx(line * MB, rel=0.1)
    assert one.gauged(240 * MB, ratio) is is_deflated
    assert one.is_on is is_deflated
    assert not one.gauged(240 * MB, ratio)  # decided already


def test_never_to_this_machine_unless_it_is_one_end_of_a_tunnel() -> None:
    assert not measured(MB, is_here=True).wants_gauge
    assert not measured(MB, compression=Compression.NEVER).wants_gauge
    assert measured(MB, compression=Compression.MEASURED, is_here=True).wants_gauge


def test_a_short_upload_is_never_judged() -> None:
    clock = Clock()
    one = Packing(Compression.AUTO, is_here=False, clock=clock)
    over_line(one, clock, MB, 10)
    assert not one.wants_gauge


@pytest.mark.parametrize(("after", "is_kept"), [(20, True), (8, False)])
def test_it_is_kept_only_where_it_makes_nothing_slower(after: int, *, is_kept: bool) -> None:
    clock = Clock()
    one = Packing(Compression.AUTO, is_here=False, clock=clock)
    over_line(one, clock, 12 * MB, 3)
    assert one.gauged(240 * MB, 0.5)
    over_line(one, clock, after * MB, 6)
    assert one.is_on is is_kept


def test_this_machine_is_known_by_its_addresses() -> None:
    assert is_here("http://127.0.0.1:8080/xnat")
    assert is_here("http://[::1]/")
    assert not is_here("https://192.0.2.1")


def test_a_gauge_reads_no_more_than_it_needs(tmp_path: Path) -> None:
    items = []
    for number in range(20):
        path = tmp_path / f"{number}.dat"
        path.write_bytes(b"0123456789abcdef" * 65536)
        items.append(Item(number, LocalSource(tmp_path), path.name, 1 << 20, -1))
    items[10:] = [Item(99, LocalSource(tmp_path), "not there", 1, -1)]
    bytes_s, ratio = gauge(items)
    assert bytes_s > MB
    assert 0 < ratio < 0.1
    assert packing.squeeze(items[:1]).keys() == {0}
