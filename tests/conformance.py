"""Run the shared conformance suite: against a practice server of its own, or against the site in XNAT_URL.

`make conformance` calls it. Options are passed on to pytest. Where the suite is absent it says so and ends well.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

SUITE = Path(__file__).resolve().parents[2] / "shared" / "conformance"


def run_suite(environment: dict[str, str], options: list[str]) -> int:
    """Run pytest in the suite's folder, writing nothing there."""
    command = [sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "-q", *options]
    return subprocess.run(command, cwd=SUITE, env=os.environ | environment, check=False).returncode


def main(options: list[str]) -> int:
    """Return pytest's exit code, or 0 with a word where there is no suite."""
    if not SUITE.is_dir():
        print("conformance: skipped, the shared suite is not beside this checkout")
        return 0
    if "XNAT_URL" in os.environ:
        return run_suite({}, options)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "xnat_wizard", "practice", "--folder", folder, "--fast", "--until-stdin-ends"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            url, receiver = (server.stdout.readline().strip() for _ in range(2))
            scp_port = receiver.rpartition(":")[2]
            try:
                return run_suite({"XNAT_URL": url, "XNAT_SCP_PORT": scp_port, "XNAT_WAIT_S": "60"}, options)
            finally:
                server.stdin.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
