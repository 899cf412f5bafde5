"""A stand-in for XNAT that throws away what it is sent and then says that it has it: no server can be quicker.

`python -m bench.sink STUDY.json` prints its address and runs until its standard input ends. STUDY.json tells what it
will claim to have: by session label the subject, the study's UID, and by scan the names and sizes of the files. It
answers the requests of an upload into the prearchive as the wire contract says; each connection has a thread.
"""

import json
import os
import socketserver
import sys
import threading
from io import BufferedReader
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

STAMP = "20260102_101500000"
PROJECT = "DEMO"
_PREARCHIVE = f"/data/prearchive/projects/{PROJECT}"
_BUFFER_BYTES = 1 << 20


class _Sessions:
    """What the sink says it has; shared by the threads of all connections."""

    def __init__(self, study: dict[str, Any]) -> None:
        self._study = study
        self._status: dict[str, str] = {}
        self._listings: dict[str, bytes] = {}

    def answer(self, method: str, target: str) -> tuple[int, str, bytes]:
        """Return status, content type and body."""
        parts = urlsplit(target)
        path = unquote(parts.path)
        if path == "/data/services/import":
            label = parse_qs(parts.query)["EXPT_LABEL"][0]
            self._status[label] = "RECEIVING"
            return 200, "text/uri-list", f"{_PREARCHIVE}/{STAMP}/{label}\r\n".encode()
        if path == _PREARCHIVE:
            return _json(_table([self._row(label) for label in self._status]))
        if path.startswith(f"{_PREARCHIVE}/{STAMP}/"):
            return self._session(method, path.removeprefix(f"{_PREARCHIVE}/{STAMP}/").split("/"))
        return _fixed(method, path)

    def _session(self, method: str, parts: list[str]) -> tuple[int, str, bytes]:
        label, *rest = parts
        match rest:
            case [] if method == "POST":
                self._status[label] = "READY"
                return 200, "text/uri-list", f"{_PREARCHIVE}/{STAMP}/{label}".encode()
            case []:
                return _json(_table([self._row(label)]))
            case ["scans"]:
                scans = self._study[label]["scans"]
                return _json(_table([{"ID": scan, "xsiType": "xnat:mrScanData"} for scan in scans]))
            case ["scans", _, "resources"]:
                return _json(_table([{"label": "DICOM", "file_count": "1", "file_size": "1"}]))
            case ["scans", scan, "resources", "DICOM", "files"]:
                return 200, "application/json", self._listing(label, scan)
            case _:
                return 404, "text/html", b"<html><h3>nothing</h3></html>"

    def _listing(self, label: str, scan: str) -> bytes:
        key = f"{label}/{scan}"
        if key not in self._listings:
            place = f"{_PREARCHIVE}/{STAMP}/{label}/scans/{scan}/resources/DICOM/files"
            files = self._study[label]["scans"][scan]
            rows = [{"Name": name, "Size": str(size), "URI": f"{place}/{name}"} for name, size in files]
            self._listings[key] = json.dumps(_table(rows)).encode()
        return self._listings[key]

    def _row(self, label: str) -> dict[str, str]:
        session = self._study[label]
        return {
            "project": PROJECT,
            "timestamp": STAMP,
            "lastmod": "2026-01-02 10:15:00.0",
            "uploaded": "2026-01-02 10:15:00.0",
            "scan_date": "2026-01-02 00:00:00.0",
            "scan_time": "10:15:00",
            "subject": session["subject"],
            "folderName": label,
            "name": label,
            "tag": session["study_instance_uid"],
            "status": self._status.get(label, "RECEIVING"),
            "url": f"/prearchive/projects/{PROJECT}/{STAMP}/{label}",
            "autoarchive": "Manual",
            "prevent_anon": "false",
            "prevent_auto_commit": "true",
            "SOURCE": "uploader",
        }


def _table(rows: list[dict[str, str]]) -> dict[str, Any]:
    return {"ResultSet": {"Result": rows}}


def _json(value: object) -> tuple[int, str, bytes]:
    return 200, "application/json", json.dumps(value).encode()


def _fixed(method: str, path: str) -> tuple[int, str, bytes]:
    match path:
        case "/xapi/siteConfig/buildInfo":
            return _json({"version": "1.9.3", "buildNumber": "12", "buildDate": "Mon Sep 01 00:00:00 UTC 2025"})
        case "/data/JSESSION":
            return 200, "text/plain", b"0123456789ABCDEF0123456789ABCDEF" if method == "GET" else b""
        case "/xapi/users/username":
            return 200, "text/plain", b"owner"
        case "/xapi/users/owner/roles" | "/xapi/users/owner/groups":
            return _json([])
        case "/data/projects/DEMO/experiments":
            return _json(_table([]))
        case _:
            return 404, "text/html", b"<html><h3>nothing</h3></html>"


class _Connection(socketserver.BaseRequestHandler):
    """One connection: request after request, bodies into the void."""

    def handle(self) -> None:
        server = cast("_Server", self.server)
        source: BufferedReader = self.request.makefile("rb", buffering=1 << 16)
        buffer = memoryview(bytearray(_BUFFER_BYTES))
        while line := source.readline():
            method, target, _ = line.decode().split(" ", 2)
            length = 0
            while (header := source.readline().strip()) != b"":
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            while length:
                taken = source.readinto1(buffer[:length])
                if not taken:
                    return
                length -= taken
            status, kind, body = server.sessions.answer(method, target)
            head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
            if target == "/data/JSESSION":
                head += "Set-Cookie: JSESSIONID=0123456789ABCDEF0123456789ABCDEF; Path=/\r\n"
            self.request.sendall(head.encode() + b"\r\n" + body)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, sessions: _Sessions) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.sessions = sessions


def main() -> None:
    """Serve until standard input ends."""
    server = _Server(_Sessions(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
