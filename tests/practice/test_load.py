"""Eight imports at once, and memory that does not grow with what is sent."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from practice.calling import Caller
from practice.loading import PARALLEL, memory_bytes, process, send

_OBJECT_BYTES = 16_000_000
_BOUND_BYTES = 80_000_000  # buffers of eight connections and what allocators keep: 65 MB, whatever is sent


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux' /proc")
def test_eight_imports_at_once_take_less_memory_than_they_send(tmp_path: Path) -> None:
    with process(tmp_path) as (url, server):
        assert send(url, "E100", (1000,)) == 200
        before = memory_bytes(server.pid, "VmRSS")
        with ThreadPoolExecutor(PARALLEL) as threads:
            statuses = list(threads.map(lambda number: send(url, f"E{number}", (_OBJECT_BYTES,)), range(PARALLEL)))
        assert statuses == [200] * PARALLEL
        grown = memory_bytes(server.pid, "VmHWM") - before
        assert grown < _BOUND_BYTES < PARALLEL * _OBJECT_BYTES
        sessions = Caller(url, "owner", "owner").get("/data/projects/DEMO/experiments", format="json").rows
        assert len(sessions) == PARALLEL + 1
