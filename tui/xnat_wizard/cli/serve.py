"""`serve`: the wizard in a browser, for one person, on this machine unless told otherwise."""

import argparse
import sys

from xnat_wizard.cli.talk import Exit, explain, put, say
from xnat_wizard.findings import Finding, Severity

LOOPBACK = "127.0.0.1"
PORT = 8765


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the program's."""
    serve = commands.add_parser("serve", help="open the wizard in a browser; prints the link that lets you in")
    serve.add_argument(
        "--host", default=LOOPBACK, help=f"address to listen on (default: {LOOPBACK}, this machine only)"
    )
    serve.add_argument("--port", type=int, default=PORT, help=f"port to listen on (default: {PORT}; 0: a free one)")
    serve.add_argument("--site", default=argparse.SUPPRESS, help="address of the XNAT site, filled in")
    serve.add_argument("--user", default=argparse.SUPPRESS, help="user name there, filled in")
    serve.set_defaults(run=_serve)


def _serve(options: argparse.Namespace) -> int:
    import asyncio
    import secrets

    from xnat_wizard.wizard.browser import BrowserServer

    token = secrets.token_urlsafe(32)
    server = BrowserServer(wizard_command(options.site, options.user), options.host, options.port, token)

    def tell(port: int) -> None:
        if not is_loopback(options.host):
            explain(_open_to_all(options.host))
        put(f"http://{_name(options.host)}:{port}/?token={token}")
        say("Open this link in a browser; whoever has it can enter. Ctrl+C ends it; running uploads go on.")
        if is_loopback(options.host):
            say(f"From another machine: `ssh -L {port}:{LOOPBACK}:{port} THIS-MACHINE`, then open the same link there.")

    asyncio.run(server.run(tell))
    say("Ended.")
    return Exit.DONE


def wizard_command(site: str, user: str) -> str:
    """Return the shell command that opens the wizard for one window; it holds no secret."""
    import shlex

    command = [sys.executable, "-P", "-m", "xnat_wizard"]  # -P: no module of the folder it is started in
    for option, value in (("--site", site), ("--user", user)):
        if value:
            command.append(f"{option}={value}")
    return shlex.join(command)


def is_loopback(host: str) -> bool:
    """Tell whether an address is reached from this machine only; a name other than localhost may be anything."""
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _name(host: str) -> str:
    """Return what to write into a link: an address that means every interface is not one to go to."""
    from ipaddress import ip_address

    try:
        address = ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        import socket

        return socket.getfqdn()
    return f"[{host}]" if address.version == 6 else host


def _open_to_all(host: str) -> Finding:
    return Finding(
        "serve.open",
        f"The wizard can be reached from other machines, since it listens on {host}",
        "The link is the only lock, and what you type, passwords too, travels unencrypted between browser and here",
        (
            "Leave out `--host` and use an SSH tunnel",
            "Or put a web server with TLS before it, and give the link to nobody",
        ),
        severity=Severity.ASK,
    )
