"""The practice server as the command line starts it."""

import socket
from pathlib import Path

from xnat_wizard.cli.practice import _same_port


def test_a_rehearsal_takes_the_port_of_the_last_one_so_that_its_uploads_are_known(tmp_path: Path) -> None:
    remembered = tmp_path / "port"
    assert _same_port(remembered) == 0
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        remembered.write_text(str(port))
        assert _same_port(remembered) == 0
    assert _same_port(remembered) == port
    remembered.write_text("no number")
    assert _same_port(remembered) == 0
