"""Log in: address, user name, password; the address is looked at before anything is sent to it."""

import os
from collections.abc import Iterable
from dataclasses import replace

from textual import on, work
from textual.app import ComposeResult
from textual.widgets import Button, Input, Static
from textual.worker import get_current_worker

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.settings import Secret
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.checklist import Checklist
from xnat_wizard.wizard.widgets.faults import fault
from xnat_wizard.wizard.widgets.field import Field, Mark
from xnat_wizard.wizard.widgets.step import Command, StepScreen
from xnat_wizard.xnat.model import Login, SiteInfo
from xnat_wizard.xnat.site import Site, look

UNSAFE = "unsafe"
UNSAFE_WARNING = "Anyone on the way can read your password and the images. Only for a test on a network you trust."


class LoginStep(StepScreen[Answer]):
    """Ask where and who, and connect. Whatever goes wrong, the form keeps what was typed."""

    number = 1
    sentence = "Type your XNAT's address, user name and password, then press Enter."
    has_refresh = True
    HELP = """\
## Log in

The address is the one you use in the browser, for example `xnat.example.org`. The wizard looks at it as soon as you
leave the field and says which XNAT answers.

Your password is kept in memory only, and never copied.

**Certificate**: only where your site uses a certificate authority of its own; a PEM file.
"""

    def __init__(self, choices: Choices) -> None:
        super().__init__(choices.who)
        self.choices = choices
        self._looked_at: tuple[str, str, bool] | None = None

    def compose_content(self) -> ComposeResult:
        """Yield the form."""
        choices = self.choices
        if choices.login_hint:
            yield Static("\n".join(choices.login_hint), markup=False, classes="hint")
        yield Field(
            "Address",
            id="address",
            value=choices.address or os.environ.get("XNAT_HOST", ""),
            placeholder="for example xnat.example.org",
        )
        yield Field("User name", id="username", value=choices.username or os.environ.get("XNAT_USER", ""))
        yield Field("Password", id="password", value=choices.password.reveal(), is_secret=True)
        yield Static("Only if the site's certificate is not known to this computer", classes="dim section")
        yield Field("Certificate", id="ca-file", value=choices.ca_file, placeholder="path of a PEM file")
        yield Checklist(
            [(UNSAFE, "Do not verify the site's certificate (unsafe)")],
            [UNSAFE] if choices.is_unsafe else [],
            id="unsafe",
        )
        yield Static("", id="unsafe-warning", classes="warning", markup=False)

    def compose_buttons(self) -> ComposeResult:
        """Yield the one button."""
        yield ActionButton("Log in", id="login", tooltip="Connect to the site", is_main=True)

    def on_mount(self) -> None:
        """Begin at the first empty field; look at an address that is already there."""
        empty = next((i for i in ("address", "username", "password") if not self._input(i).value), "password")
        self._input(empty).focus()
        self._warn()
        self._look_if_new()

    # -- the address ---------------------------------------------------------------------------------------------

    @on(Input.Blurred, "#address,#ca-file")
    def _left_field(self) -> None:
        self._look_if_new()

    @on(Checklist.Changed)
    def _unsafe_changed(self) -> None:
        self._warn()
        self._look_if_new()

    @on(Input.Changed, "#address")
    def _address_changed(self, event: Input.Changed) -> None:
        if self._looked_at is not None and event.value.strip() != self._looked_at[0]:
            self._looked_at = None
            self._field("address").say("")

    def refresh_content(self) -> None:
        """Look at the address again."""
        self._looked_at = None
        self._look_if_new()

    def _look_if_new(self) -> None:
        asked = (self._value("address"), self._value("ca-file"), self._is_unsafe)
        if asked[0] and asked != self._looked_at:
            self._looked_at = asked
            self.look_at(*asked)

    @work(group="look", exclusive=True, exit_on_error=False)
    async def look_at(self, address: str, ca_file: str, is_unsafe: bool) -> None:  # noqa: FBT001  one of three
        """Say under the field which XNAT answers there, or why none does."""
        field = self._field("address")
        field.say("Looking who answers...")
        try:
            info = await look(address, ca_file=ca_file, is_unsafe=is_unsafe)
        except Problem as problem:
            if not get_current_worker().is_cancelled:
                field.say(f"{problem.finding.what.rstrip('.')}. Log in says more.", Mark.WARN)
        except Exception as error:  # noqa: BLE001  a worker's door: the fault becomes words
            field.say(fault(error).why, Mark.WARN)
        else:
            field.say(_answer_words(info, address), Mark.OK)

    # -- logging in ----------------------------------------------------------------------------------------------

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        following = {"address": "username", "username": "password"}.get(event.input.id or "")
        if following and not (event.input.id == "username" and self._value("password")):
            self._input(following).focus()
        else:
            self.go_next()

    @on(Button.Pressed, "#login")
    def _pressed(self) -> None:
        self.go_next()

    def go_next(self) -> None:
        """Connect, when everything is filled in."""
        for name, words in (("address", "the address"), ("username", "the user name"), ("password", "the password")):
            if not self._value(name):
                self.tell(f"Fill in {words} first.")
                self._input(name).focus()
                return
        if not self.is_busy:
            self.connect(self._login())

    @work(group="login", exclusive=True, exit_on_error=False)
    async def connect(self, login: Login) -> None:
        """Connect and go on, or say what is wrong and put the cursor there."""
        async with self.working("Logging in... Escape stops.", then=self._to_mistake):
            site = await Site.connect(login)
            before = self.choices.site
            choices = replace(self._typed(), site=site)
            if before is not None:
                if (before.info.url, before.identity.username) != (site.info.url, site.identity.username):
                    choices = replace(choices, project=None, plan=None, journal_path=None)
                await before.close()
            self.dismiss(Answer(choices, Move.NEXT))

    def cancel_work(self) -> bool:
        """Stop logging in; what is typed stays."""
        if not self.is_busy:
            return False
        self.workers.cancel_group(self, "login")
        self.tell("Stopped. Nothing was changed.")
        return True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Show Back only while there is something to stop: nothing comes before this step."""
        if action == "back":
            return self.is_busy or bool(self.query("HelpPanel"))
        return super().check_action(action, parameters)

    def commands(self) -> Iterable[Command]:
        """Yield what this step can do."""
        yield "Log in", "Connect to the site", self.go_next

    # -- the form ------------------------------------------------------------------------------------------------

    def _to_mistake(self, finding: Finding) -> None:
        if finding.code in {"site.tls", "tls.ca_file"}:
            name = "ca-file"
        elif finding.code.startswith("site."):
            name = "address"
        else:
            name = "password"
        if name != "password":  # what was seen of the address before no longer holds
            self._field("address").say(f"{finding.what.rstrip('.')}.", Mark.WARN)
        target = self._input(name)
        target.focus()
        target.select_all()

    def _typed(self) -> Choices:
        return replace(
            self.choices,
            address=self._value("address"),
            username=self._value("username"),
            password=Secret(self._input("password").value),
            ca_file=self._value("ca-file"),
            is_unsafe=self._is_unsafe,
        )

    def _login(self) -> Login:
        typed = self._typed()
        ca_file = os.path.expanduser(typed.ca_file)  # noqa: PTH111  "" must stay ""
        return Login(typed.address, typed.username, typed.password, ca_file, typed.is_unsafe)

    @property
    def _is_unsafe(self) -> bool:
        return bool(self.query_one("#unsafe", Checklist).ticked)

    def _warn(self) -> None:
        warning = self.query_one("#unsafe-warning", Static)
        warning.display = self._is_unsafe
        warning.update(f"warn  {UNSAFE_WARNING}")

    def _input(self, name: str) -> Input:
        return self.query_one(f"#{name}", Input)

    def _field(self, name: str) -> Field:
        return next(field for field in self.query(Field) if field.input.id == name)

    def _value(self, name: str) -> str:
        value = self._input(name).value
        return value if name == "password" else value.strip()


def _answer_words(info: SiteInfo, typed: str) -> str:
    version = f"XNAT {info.version}" if info.version else "An XNAT that does not say its version"
    place = "" if info.url == typed.rstrip("/") else f" at {info.url}"
    secure = "" if info.url.startswith("https:") else "; the connection is not encrypted"
    return f"{version} answers{place}{secure}"
