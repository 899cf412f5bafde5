"""The way to a site: TLS, proxies, and what it means when there is no answer."""

import errno
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.xnat.errors import Fatal, Retry, SiteProblem
from xnat_wizard.xnat.uris import host_of, shape

CERTIFICATE_CODES = {  # of OpenSSL: X509_V_ERR_*
    9: "its certificate is not valid yet: one of the two clocks is wrong",
    10: "its certificate has expired",
    18: "its certificate is signed by itself",
    19: "its certificate is signed by an authority that this machine does not know",
    20: "its certificate is signed by an authority that this machine does not know",
    21: "its certificate is signed by an authority that this machine does not know",
    62: "its certificate is made out to another host name",
    64: "its certificate is made out to another address",
}


_NO_TLS_THERE = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"})


def tls_context(*, ca_file: str = "", is_unsafe: bool = False) -> ssl.SSLContext:
    """Make the TLS settings of a site: verified by what the system trusts, and by a private authority when given.

    Raises:
        Problem: tls.ca_file.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # whatever the system's settings of OpenSSL allow
    if ca_file:
        try:
            context.load_verify_locations(Path(ca_file).expanduser())
        except OSError as error:  # ssl.SSLError is one
            raise Problem(
                Finding(
                    code="tls.ca_file",
                    what=f'The certificate file "{ca_file}" could not be used',
                    why=f"It holds no certificate in PEM form, or cannot be read: {error.strerror or error}",
                    todo=(
                        "Check the path.",
                        "Ask the site's administrator for the certificate of its authority as a PEM file.",
                    ),
                    where=ca_file,
                )
            ) from None
    if is_unsafe:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def proxy_for(url: str) -> str:
    """Return the proxy that this machine uses for an address, "" for none; this machine needs none."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in {"localhost", "127.0.0.1", "::1"} or proxy_bypass(host):
        return ""
    return getproxies().get(parts.scheme, "")


def no_answer(error: Exception, *, url: str, method: str, path: str) -> SiteProblem:
    """Say what it means that a request got no answer, and whether trying again makes sense."""
    host = host_of(url)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return bad_certificate(error.certificate_error, host)
    if isinstance(error, aiohttp.ClientConnectorSSLError) and is_refusal_of_tls(error):
        return Fatal(_outdated_tls(error, host, url))
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return Fatal(
            Finding(
                code="site.tls",
                what=f"No secure connection to {host}",
                why=f"The TLS handshake failed: {reason(error)}",
                todo=(
                    "If the site has no https, write http:// in front of the address.",
                    "Check the port.",
                ),
                where=url,
                shareable="The TLS handshake failed.",
            )
        )
    if isinstance(error, aiohttp.ClientConnectorDNSError | socket.gaierror):
        return Retry(  # a name service has its moments
            Finding(
                code="site.unknown_host",
                what=f'There is no host called "{host}"',
                why="This machine's name service does not know it.",
                todo=(
                    "Check the spelling of the address.",
                    "Check that this machine is in the right network, or that its VPN is on.",
                ),
                where=url,
                shareable="The host name is not known to the name service.",
            )
        )
    if isinstance(error, TimeoutError):
        return _silent(method, path, url)
    return _cut_or_unreachable(error, f"{method} {path}", url)


def is_refusal_of_tls(error: BaseException | None) -> bool:
    """Tell whether somebody speaks TLS there, and not so that it can be believed: no reason to try http."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return True
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else None
    return isinstance(cause, ssl.SSLError) and bool(cause.reason) and cause.reason not in _NO_TLS_THERE


def _outdated_tls(error: aiohttp.ClientConnectorSSLError, host: str, url: str) -> Finding:
    return Finding(
        code="site.tls",
        what=f"No secure connection to {host}: the two sides found no safe way to encrypt",
        why=f"The TLS handshake failed: {reason(error)}. TLS 1.2 is the oldest version that is spoken here.",
        todo=(
            "Tell the site's administrator: its web server, or a proxy on the way, may be too old.",
            "Check the address and the port.",
        ),
        where=url,
        shareable=f"The TLS handshake failed: {reason(error)}.",
    )


def _silent(method: str, path: str, url: str) -> Retry:
    return Retry(
        Finding(
            code="site.silent",
            what="The site did not answer in time",
            why=f"No answer to {method} {path}; the site may go on working on it.",
            todo=("Look at what has arrived, then try again.", "Check the network between here and the site."),
            where=url,
            shareable=f"No answer in time to {method} {shape(path)}.",
        )
    )


def _cut_or_unreachable(error: Exception, asked: str, url: str) -> Retry:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ECONNREFUSED or isinstance(error, aiohttp.ClientConnectorError):
        refused = number == errno.ECONNREFUSED
        return Retry(
            Finding(
                code="site.unreachable",
                what=f"No connection to {host_of(url)}",
                why=f"{'The machine is there, and nothing listens at this port' if refused else reason(error)}.",
                todo=(
                    "Try again in a minute: the site may be starting.",
                    "Check the address and the port.",
                    "Check that this machine is in the right network, or that its VPN is on.",
                ),
                where=url,
                shareable=f"Connecting failed: {reason(error)}.",
            )
        )
    return Retry(
        Finding(
            code="site.cut",
            what="The connection to the site was cut",
            why=f"It ended during {asked}: {reason(error)}.",
            todo=("Look at what has arrived, then try again.", "Check the network between here and the site."),
            where=url,
            shareable=f"The connection was cut: {reason(error)}.",
        )
    )


def bad_certificate(error: Exception, host: str) -> Fatal:
    """Say why a certificate was not accepted, and what can be done about it."""
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    said = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else str(error)
    failing = CERTIFICATE_CODES.get(code, said)
    todo = ["Check that the address is exactly the one that the site's administrator gave you."]
    if code in {18, 19, 20, 21}:
        todo.insert(0, "Ask the administrator for the file of the site's certificate authority; give its path here.")
    elif code in {9, 10}:
        todo.insert(0, "Tell the site's administrator; check the clock of this machine.")
    todo.append("Only if you know why it is so: switch the check off. Then nobody can tell whether it is the site.")
    return Fatal(
        Finding(
            code="site.tls",
            what=f"{host} could not prove that it is the site: {failing}",
            why=f"TLS verification failed: {said} (OpenSSL {code}).",
            todo=tuple(todo),
            where=host,
            shareable=f"TLS verification failed: {said} (OpenSSL {code}).",
        )
    )


def reason(error: BaseException) -> str:
    """Return a short reason without addresses and secrets."""
    if isinstance(error, aiohttp.ClientConnectorError):
        error = error.os_error
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, socket.gaierror):
        name = errno.errorcode.get(error.errno, "")
        return f"{(error.strerror or name).lower()} ({name})" if name else str(error.strerror)
    return type(error).__name__
