"""Calling the practice server: plain HTTP by the standard library, no redirects, one session cookie a caller."""

import base64
import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        """Return the body as text."""
        return self.body.decode()

    @property
    def told(self) -> str:
        """Return the message of an error page."""
        return self.text.partition("<h3>")[2].partition("</h3>")[0]

    def json(self) -> Any:
        """Return the body's JSON."""
        return json.loads(self.body)

    @property
    def rows(self) -> list[dict[str, str]]:
        """Return a table's rows."""
        rows: list[dict[str, str]] = self.json()["ResultSet"]["Result"]
        return rows

    def cookie(self, name: str) -> str:
        """Return a cookie's raw value, "" when it was not set."""
        for line in self.headers.get_all("Set-Cookie") or []:
            if line.startswith(f"{name}="):
                return line.partition("=")[2].partition(";")[0]
        return ""


class Caller:
    """Somebody who calls the server; without a name, nobody."""

    def __init__(self, url: str, name: str = "", password: str = "", *, agent: str = "tests/1.0") -> None:
        self.url = url
        self.name = name
        self.password = password
        self.agent = agent
        self.session_id = ""

    def call(
        self,
        method: str,
        path: str,
        params: dict[str, str] | None = None,
        *,
        body: bytes | str | None = None,
        form: dict[str, str] | None = None,
        data: object = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send one request; `form` is urlencoded, `data` is sent as JSON."""
        sent = {"User-Agent": self.agent, **(headers or {})}
        if self.name:
            sent["Authorization"] = "Basic " + base64.b64encode(f"{self.name}:{self.password}".encode()).decode()
        if self.session_id:
            sent["Cookie"] = f"JSESSIONID={self.session_id}"
        if form is not None:
            body, sent["Content-Type"] = urlencode(form), "application/x-www-form-urlencoded"
        if data is not None:
            body, sent["Content-Type"] = json.dumps(data), "application/json"
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=20)
        query = f"?{urlencode(params)}" if params else ""
        try:
            connection.request(method, urlsplit(self.url).path + path + query, body=body, headers=sent)
            answer = connection.getresponse()
            result = Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()
        self.session_id = result.cookie("JSESSIONID") or self.session_id
        return result

    def get(self, path: str, **params: str) -> Answer:
        """Read."""
        return self.call("GET", path, params)

    def put(self, path: str, **params: str) -> Answer:
        """Write without a body."""
        return self.call("PUT", path, params)

    def delete(self, path: str, **params: str) -> Answer:
        """Delete."""
        return self.call("DELETE", path, params)
