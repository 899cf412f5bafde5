"""Moves folders, and sends them as zip or tar downloads."""

import contextlib
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

from aiohttp import web

from xnat_wizard.practice.http import Call

_BLOCK_BYTES = 256 * 1024
_TYPES = {"zip": "application/zip", "tar": "application/x-tar", "tar.gz": "application/x-gtar"}


def move_folder(old: Path, new: Path) -> None:
    """Move a folder; the parent that it leaves goes away when it is empty."""
    new.parent.mkdir(parents=True, exist_ok=True)
    if old.exists():
        shutil.move(old, new)
    with contextlib.suppress(OSError):
        old.parent.rmdir()


def move_others(source: Path, target: Path, kept: set[Path]) -> None:
    """Move all files below `source` but `kept` to the same places below `target`; what is there already stays."""
    for path in sorted(source.rglob("*"), reverse=True):
        if path.is_dir():
            with contextlib.suppress(OSError):
                path.rmdir()
        elif path not in kept:
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            if place.exists():
                path.unlink()
            else:
                path.replace(place)
    with contextlib.suppress(OSError):
        source.rmdir()


def remove_folder(folder: Path) -> None:
    """Remove a folder with all that is in it, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)


async def send_folder(call: Call, folder: Path, name: str, kind: str) -> web.StreamResponse:
    """Send everything below a folder as `kind` (zip, tar, tar.gz), under `name` inside."""
    packed = await call.in_thread(_pack, folder, name, kind, call.services.spool_folder)
    call.spooled.append(packed)
    return await send_file(call, packed, f"{name}.{kind}", _TYPES[kind])


async def send_file(call: Call, path: Path, name: str, content_type: str) -> web.StreamResponse:
    """Send a file, read beside the loop."""
    size = (await call.in_thread(path.stat)).st_size
    answer = web.StreamResponse(
        headers={
            "Content-Type": content_type,
            "Content-Length": str(size),
            "Content-Disposition": f'attachment; filename="{name}"',
        }
    )
    await answer.prepare(call.request)
    with path.open("rb") as file:
        while block := await call.in_thread(file.read, _BLOCK_BYTES):
            await answer.write(block)
    await answer.write_eof()
    return answer


def _pack(folder: Path, name: str, kind: str, spool: Path) -> Path:
    spool.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=spool, delete=False) as file:
        packed = Path(file.name)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if kind == "zip":
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for path in files:
                archive.write(path, f"{name}/{path.relative_to(folder).as_posix()}")
        return packed
    with tarfile.open(packed, "w:gz" if kind == "tar.gz" else "w") as tar:
        for path in files:
            tar.add(path, f"{name}/{path.relative_to(folder).as_posix()}")
    return packed
