"""Pack the program and all it needs into one file, for servers without internet: `make bundle`.

The tool is pex: a pex unpacks itself once into an environment of its own and runs there, so `sys.executable` is an
interpreter that has the program. The worker process and the practice server, which are started through it, need that:
in a file of shiv or zipapp it would be the system's Python, which knows nothing of us. A pex also takes several
versions of Python in one file.

    python .ci/bundle.py --wheel dist/xnat_wizard-….whl --into dist/xnat-wizard.pex [--python python3.12 ...]

Two things are mended on the way. The package `pathlib` (a copy from 2014 of what Python has brought since 3.4, which
pyxnat names as a need) stays out: where it comes before the standard library it breaks every import. And where the
file unpacks itself is asked for first: pex itself would take a folder that it deletes at the end of the command,
under the feet of a worker that still runs.
"""

import argparse
import subprocess
import sys
from pathlib import Path

_BEFORE = b"set -eu\n"
_PLACE = rb"""
# Where this file unpacks itself, once a version: the first folder that is ours and may be written.
_ours() {
    (umask 077 && mkdir -p "$1") 2>/dev/null && [ -O "$1" ] && [ -w "$1" ] && [ ! -L "$1" ]
}
if [ -z "${PEX_ROOT:-}" ]; then
    if [ -n "${XNAT_WIZARD_HOME:-}" ] && _ours "${XNAT_WIZARD_HOME}/program"; then
        PEX_ROOT="${XNAT_WIZARD_HOME}/program"
    elif [ -d "${HOME:-}" ] && _ours "${XDG_CACHE_HOME:-${HOME}/.cache}/xnat-wizard"; then
        PEX_ROOT="${XDG_CACHE_HOME:-${HOME}/.cache}/xnat-wizard"
    elif _ours "/var/tmp/xnat-wizard-$(id -u)"; then
        PEX_ROOT="/var/tmp/xnat-wizard-$(id -u)"
    fi
    [ -z "${PEX_ROOT:-}" ] || export PEX_ROOT
fi
"""


def main() -> int:
    """Build the file and mend its first lines."""
    parser = argparse.ArgumentParser(description="Pack the program into one file")
    parser.add_argument("--wheel", type=Path, required=True)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--python", action="append", default=[], help="a Python it shall run on; more than one is fine")
    options = parser.parse_args()
    wheel: Path = options.wheel.resolve(strict=True)
    command = [sys.executable, "-m", "pex", f"xnat-wizard[convert] @ {wheel.as_uri()}"]
    command += ["--script", "xnat-wizard", "--output-file", str(options.into)]
    command += ["--venv", "--sh-boot", "--include-tools", "--exclude", "pathlib", "--no-emit-warnings"]
    for python in options.python or [sys.executable]:
        command += ["--python", python]
    subprocess.run(command, check=True)
    _mend(options.into)
    return 0


def _mend(file: Path) -> None:
    """Put our choice of a folder before pex's own; a zip may stand behind any text."""
    packed = file.read_bytes()
    head, mark, rest = packed.partition(_BEFORE)
    if not mark or len(head) > 1000:
        raise SystemExit("pex begins its files in another way than this program knows: look at _mend")
    file.write_bytes(head + mark + _PLACE + rest)


if __name__ == "__main__":
    sys.exit(main())
