"""What listens is reached from this machine only, and a page of another name gets nothing."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from cli.program import PROGRAM

LOOPBACK = {"0100007F", "00000000000000000000000001000000"}  # as the kernel writes 127.0.0.1 and ::1


def listening(process: int) -> set[str]:
    """Return the addresses that a process listens on, as the kernel writes them."""
    if not Path("/proc/net/tcp").exists():
        pytest.skip("listening sockets: this system has no /proc/net")
    links = [str(path.readlink()) for path in Path(f"/proc/{process}/fd").iterdir() if path.is_symlink()]
    sockets = {found[1] for link in links if (found := re.fullmatch(r"socket:\[(\d+)\]", link))}
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]
    return {row[1].partition(":")[0] for row in rows if len(row) > 9 and row[3] == "0A" and row[9] in sockets}


@contextmanager
def started(*words: str) -> Iterator[tuple[int, str]]:
    """Run a command until it has printed its first line; give its number and the line."""
    with subprocess.Popen([PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.pid, process.stdout.readline().strip()
        finally:
            process.terminate()
            process.communicate(timeout=60)


def test_practice_listens_on_this_machine_only(tmp_path: Path) -> None:
    with started("practice", "--folder", str(tmp_path / "practice")) as (process, url):
        assert url.startswith("http://127.0.0.1:")
        assert listening(process)
        assert listening(process) <= LOOPBACK


async def test_serve_listens_on_this_machine_only_and_a_rebound_name_gets_nothing() -> None:
    with started("serve", "--port", "0") as (process, link):
        assert listening(process)
        assert listening(process) <= LOOPBACK
        home = URL(link).with_query(None)
        evil = f"evil.example:{home.port}"  # a name that its owner lets point to this machine
        async with aiohttp.ClientSession() as page:
            for path in ("/", "/?token=wrong", "/static/js/textual.js", "/ws"):
                headers = {"Host": evil, "Origin": f"http://{evil}"}
                async with page.get(home.join(URL(path)), headers=headers) as answer:
                    assert answer.status == 403, path
                    assert "Set-Cookie" not in answer.headers
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await page.ws_connect(home / "ws", headers={"Host": evil, "Origin": f"http://{evil}"})
