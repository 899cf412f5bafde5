"""Feeds readers with bad input for as long as wanted: `python -m fuzz --minutes 10 header journal`.

Without names all readers are fed, one after the other. What a reader cannot take is kept as a file and told; so is
what takes longer than 10 s, and a process that grows beyond 500 MB. The same seed makes the same inputs.
"""

import argparse
import faulthandler
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import FrameType

from fuzz.targets import TARGETS, Target

LONGEST_S = 10
MOST_MB = 500
_ADDRESSES = 4 << 30  # what a process may map: a bomb ends the run, not the machine


class TooLongError(Exception):
    """An input took longer than it may."""


def main() -> int:
    """Run; 1 when a reader failed."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="READER", help=f"some of: {', '.join(TARGETS)}")
    parser.add_argument("--minutes", type=float, default=1.0, help="for all readers together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--crashes", type=Path, default=Path("fuzz-crashes"), help="folder for what failed")
    parser.add_argument("--input", type=Path, help="feed this file only")
    chosen = parser.parse_args()
    names = chosen.targets or list(TARGETS)
    if unknown := set(names) - TARGETS.keys():
        parser.error(f"unknown readers: {', '.join(sorted(unknown))}")
    faulthandler.enable()
    failed = 0
    for name in names:  # each in a process of its own, so that memory is told apart
        child = os.fork()
        if not child:
            os._exit(_run(name, 60 * chosen.minutes / len(names), chosen.seed, chosen.crashes, chosen.input))
        failed += os.waitpid(child, 0)[1] != 0
    return bool(failed)


def _run(name: str, seconds: float, seed: int, crashes: Path, only: Path | None) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESSES, _ADDRESSES))
    signal.signal(signal.SIGALRM, _too_long)
    rng = random.Random(f"{name} {seed}")  # noqa: S311  no secret
    count, found, slowest_s = 0, dict[str, int](), 0.0
    with tempfile.TemporaryDirectory(prefix="xnat-wizard-fuzz-") as folder:
        target = TARGETS[name](Path(folder))
        begun_s = time.monotonic()
        while not (count and only) and time.monotonic() < begun_s + seconds:
            data = only.read_bytes() if only else target.bad(rng)
            count += 1
            before_s = time.monotonic()
            if error := _failure(target, data):
                kind = _kind(error)
                found[kind] = found.get(kind, 0) + 1
                if found[kind] == 1:
                    crashes.mkdir(parents=True, exist_ok=True)
                    (crashes / f"{name}-{len(found)}").write_bytes(data)
                    print(f"{name}: {kind}", *traceback.format_exception(error)[-12:], sep="\n", file=sys.stderr)
            slowest_s = max(slowest_s, time.monotonic() - before_s)
    most_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{name}: {count} inputs, {len(found)} kinds of failure, slowest {slowest_s:.2f} s, {most_mb} MB at most")
    for kind, times in found.items():
        print(f"  {times} x {kind}")
    sys.stdout.flush()
    return bool(found) or most_mb > MOST_MB


def _failure(target: Target, data: bytes) -> BaseException | None:
    """Feed it; return what came out that should not have."""
    signal.alarm(LONGEST_S)
    try:
        target.feed(data)
    except (Exception, SystemExit) as error:  # noqa: BLE001  whatever it is, it is what is looked for
        return error
    finally:
        signal.alarm(0)
    return None


def _kind(error: BaseException) -> str:
    """Tell failures apart by the innermost line of the program."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "xnat_wizard" in frame.filename] or list(frames)
    return f"{type(error).__name__} at {Path(ours[-1].filename).name}:{ours[-1].lineno}"


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TooLongError(f"longer than {LONGEST_S} s")


if __name__ == "__main__":
    sys.exit(main())
