"""The one owner of pyxnat: its object model creates projects, subjects and sessions.

What has to be worked round in pyxnat 1.6.4, each with a test:
- It cannot be constructed without nibabel, which it does not declare: its derivatives are left out.
- It asks on stdin when name or password is empty: the login refuses that before.
- It has no time-out, follows redirects, and puts whole answers with headers into its errors: its `requests` session
  gets a time-out, no redirects, and a hook that turns every refusal into our own problem before pyxnat sees it.
- It creates whatever it believes missing, a project too, when looking it up failed: only the one path that was meant
  may be written.
- It puts values into the URL as they are: they come encoded.

Files are not sent through it: it looks up sessions in a list of the whole site, and names with "#", "?" or "%" break.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlsplit

import aiohttp

from xnat_wizard.findings import Finding
from xnat_wizard.xnat.answers import Answer, too_much
from xnat_wizard.xnat.errors import Fatal, Refused, SiteProblem
from xnat_wizard.xnat.http import BODY_LIMIT, user_agent
from xnat_wizard.xnat.model import Login, ProjectDraft
from xnat_wizard.xnat.network import no_answer, proxy_for, tls_context
from xnat_wizard.xnat.refusals import problem_of
from xnat_wizard.xnat.tables import KEPT_LIMIT, WINDOW, parsed_bytes
from xnat_wizard.xnat.uris import path_of

TIMEOUT_S = (20.0, 60.0)  # to connect; between two bytes
CLOSE_S = (3.0, 5.0)

_log = logging.getLogger(__name__)


class ObjectModel(Protocol):
    """What we want of an object model of XNAT; every method raises `SiteProblem`."""

    async def create_project(self, draft: ProjectDraft) -> None:
        """Create a project; all its texts are given."""

    async def create_subject(self, project: str, subject: str) -> None:
        """Create a subject in a project that exists."""

    async def create_session(self, project: str, subject: str, session: str, xsi_type: str) -> None:
        """Create a session of a subject that exists."""

    async def close(self) -> None:
        """Let go of the connection."""


class PyxnatPort:
    """pyxnat behind `ObjectModel`, in a thread of its own; its session is opened when first needed."""

    def __init__(self, url: str, login: Login) -> None:
        self._url = url
        self._login = login
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pyxnat")
        self._interface: Any = None
        self._failure: OSError | SiteProblem | None = None  # what stopped the last request; pyxnat may swallow it
        self._writable = ""  # the one path that may be written at the moment, with the context path

    async def create_project(self, draft: ProjectDraft) -> None:
        """Create a project; all its texts are given."""
        fields = {
            "name": draft.name,
            "secondary_ID": draft.running_title,
            "description": draft.description,
            "keywords": draft.keywords,
            "accessibility": str(draft.accessibility),
        }
        given = {name: quote(text, safe="") for name, text in fields.items() if text}
        await self._create("Project", path_of("data", "projects", draft.id), given)

    async def create_subject(self, project: str, subject: str) -> None:
        """Create a subject in a project that exists."""
        await self._create("Subject", path_of("data", "projects", project, "subjects", subject), {})

    async def create_session(self, project: str, subject: str, session: str, xsi_type: str) -> None:
        """Create a session of a subject that exists."""
        path = path_of("data", "projects", project, "subjects", subject, "experiments", session)
        await self._create("Experiment", path, {"experiments": quote(xsi_type, safe=":")})

    async def close(self) -> None:
        """End pyxnat's session on the site and its thread."""
        try:
            if self._interface is not None:
                await self._in_thread(self._close)
        except SiteProblem as problem:
            _log.info("pyxnat session not closed code=%s", problem.finding.code)
        finally:
            self._thread.shutdown(wait=False)

    async def _create(self, kind: str, path: str, fields: dict[str, str]) -> None:
        await self._in_thread(lambda: self._write(kind, path, fields))

    async def _in_thread(self, act: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, act)

    def _write(self, kind: str, path: str, fields: dict[str, str]) -> None:
        from pyxnat.core import errors, resources

        self._failure = None
        try:
            if self._interface is None:
                self._interface = self._connect()
                self._interface._get_entry_point()  # noqa: SLF001  makes its session on the site
            element = getattr(resources, kind)(unquote(path), self._interface)
            if unquote(element._uri) != unquote(path):  # noqa: SLF001  it rewrites some words in paths
                raise Fatal(_not_by_pyxnat(path))
            self._writable = urlsplit(self._url).path + path
            element.create(**fields)
        except (SiteProblem, OSError, ValueError, LookupError, UnboundLocalError, errors.Error) as error:
            self._interface = None  # it remembers a wrong entry point after a failure
            raise _explained(self._failure or error, self._url, path) from error
        finally:
            self._writable = ""

    def _connect(self) -> Any:
        from pyxnat.core import interfaces

        empty = ModuleType("no_derivatives")
        empty.__path__ = []
        interfaces.derivatives = empty
        interface = interfaces.Interface(
            server=self._url,
            user=self._login.username,
            password=self._login.password.reveal(),
            verify=not self._login.is_unsafe,
        )
        http = interface._http  # noqa: SLF001  the only way to its requests session
        http.auth = (self._login.username.encode(), self._login.password.reveal().encode())
        http.headers["User-Agent"] = user_agent()
        http.trust_env = False  # no .netrc, no bundle of certificates from the environment
        proxy = proxy_for(self._url)
        http.proxies = {"http": proxy, "https": proxy} if proxy else {}
        http.max_redirects = 0
        http.hooks["response"].append(self._judge)
        send = http.request

        def request(method: str, url: str, **options: Any) -> Any:
            if method.upper() not in {"GET", "HEAD"} and unquote(urlsplit(url).path) != unquote(self._writable):
                raise Fatal(_not_by_pyxnat(urlsplit(url).path))
            options.setdefault("timeout", CLOSE_S if method.upper() == "DELETE" else TIMEOUT_S)
            try:
                return send(method, url, **options)
            except (OSError, SiteProblem) as failure:
                self._failure = failure
                raise

        http.request = request
        if self._url.startswith("https://"):
            context = tls_context(ca_file=self._login.ca_file, is_unsafe=self._login.is_unsafe)
            http.get_adapter(self._url).init_poolmanager(4, 4, ssl_context=context)
            if self._login.is_unsafe:
                import urllib3

                urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # they are drawn over the screen
        return interface

    def _judge(self, response: Any, **_: Any) -> None:
        method = str(response.request.method)
        path = urlsplit(str(response.url)).path.removeprefix(urlsplit(self._url).path)
        status = int(response.status_code)
        answer = Answer(
            method=method,
            path=path,
            status=status,
            body=_bounded(response, Refused(too_much(method, path), status=status)),
            content_type=str(response.headers.get("Content-Type", "")),
            location=str(response.headers.get("Location", "")),
            retry_after=str(response.headers.get("Retry-After", "")),
        )
        problem = problem_of(answer)
        if problem is not None:
            raise problem

    def _close(self) -> None:
        self._writable = urlsplit(self._url).path + "/data/JSESSION"
        interface, self._interface = self._interface, None
        try:
            interface.disconnect()
        except OSError as error:
            raise no_answer(_plain(error), url=self._url, method="DELETE", path="/data/JSESSION") from error
        finally:
            interface._http.close()  # noqa: SLF001  as above


def _bounded(response: Any, refusal: Refused) -> bytes:
    """Read an answer to its end; pyxnat gets it when it can be parsed in the memory that is given to one."""
    content = bytearray()
    for piece in response.iter_content(WINDOW):
        content += piece
        if len(content) > BODY_LIMIT:
            response.close()
            raise refusal
    response._content = bytes(content)  # noqa: SLF001  where requests keeps it
    if parsed_bytes(response.content) > KEPT_LIMIT // 2:  # pyxnat makes copies
        raise refusal
    return bytes(response.content)


def _explained(error: Exception, url: str, path: str) -> SiteProblem:
    """Turn what requests or pyxnat raise into our own problem; their texts hold headers and are not shown."""
    if isinstance(error, SiteProblem):
        return error
    if isinstance(error, OSError):
        return no_answer(_plain(error), url=url, method="PUT", path=path)
    return Fatal(
        Finding(
            code="pyxnat.failed",
            what="The site's answer was not understood",
            why=f"pyxnat gave up on PUT {path} ({type(error).__name__}).",
            todo=("Try again.", "Create it in a browser instead."),
            shareable=f"pyxnat gave up ({type(error).__name__}).",
        )
    )


def _plain(error: BaseException) -> Exception:
    """Dig the system's reason out of the layers of requests and urllib3."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, TimeoutError | socket.gaierror):
            return seen
        if isinstance(seen, OSError) and seen.errno is not None:
            return seen
        if "Timeout" in type(seen).__name__:
            return TimeoutError()
        arguments = [part for part in seen.args if isinstance(part, BaseException)]
        seen = arguments[0] if arguments else getattr(seen, "reason", None) or seen.__cause__ or seen.__context__
        if not isinstance(seen, BaseException):
            break
    return aiohttp.ServerDisconnectedError()


def _not_by_pyxnat(path: str) -> Finding:
    return Finding(
        code="pyxnat.other_path",
        what="Something else than what was asked for would have been changed, so nothing was",
        why=f"pyxnat wanted to write {path}.",
        todo=("Refresh, and try again.", "Choose another label."),
        shareable="pyxnat wanted to write another path.",
    )
