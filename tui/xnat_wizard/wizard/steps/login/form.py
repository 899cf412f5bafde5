"""The fields of the login step, and what they hold."""

import os

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalGroup
from textual.widgets import Input, Label, Static

from xnat_wizard.logins import RecentSite
from xnat_wizard.preferences import resolve
from xnat_wizard.wizard.choices import Choices
from xnat_wizard.wizard.steps.login.words import UNSAFE_WARNING
from xnat_wizard.wizard.widgets.checklist import Checklist
from xnat_wizard.wizard.widgets.field import Field

UNSAFE, REMEMBER = "unsafe", "remember"
LABELS = {"username": ("User name", "Alias"), "password": ("Password", "Secret")}


class LoginForm(VerticalGroup):
    """Address, person, certificate; filled with what was typed before, or with the site that was used last."""

    DEFAULT_CSS = """
    LoginForm #tls-help { height: auto; margin-top: 1; padding: 0 1; border-left: outer $error; }
    LoginForm Checklist { height: 1; }
    """

    def __init__(self, choices: Choices, last: RecentSite | None) -> None:
        super().__init__()
        self.choices = choices
        self.last = last

    def compose(self) -> ComposeResult:
        """Lay out the fields."""
        choices = self.choices
        address, username, ca_file = choices.address or os.environ.get("XNAT_HOST", ""), choices.username, ""
        if self.last is not None and address in {"", self.last.url}:
            address, username, ca_file = self.last.url, username or self.last.username, self.last.ca_file
        if choices.login_hint:
            yield Static("\n".join(choices.login_hint), markup=False, classes="hint")
        yield Field("Address", id="address", value=address, placeholder="for example xnat.example.org")
        yield Field("User name", id="username", value=username or os.environ.get("XNAT_USER", ""))
        yield Field("Password", id="password", value=choices.password.reveal(), is_secret=True)
        yield Checklist([(REMEMBER, "Remember me by a token that expires by itself")], id="remember")
        yield Static("", id="tls-help", markup=False)
        yield Static("Only if the site's certificate is not known to this computer", classes="dim section")
        yield Field("Certificate", id="ca-file", value=choices.ca_file or ca_file, placeholder="path of a PEM file")
        yield Checklist(
            [(UNSAFE, "Do not verify the site's certificate (unsafe)")],
            [UNSAFE] if choices.is_unsafe else [],
            id="unsafe",
        )
        yield Static(f"warn  {UNSAFE_WARNING}", id="unsafe-warning", classes="warning", markup=False)

    def on_mount(self) -> None:
        """Hide what is not needed yet."""
        self.show_tls_help("")
        self._warn()

    def input(self, name: str) -> Input:
        """Return an input."""
        return self.query_one(f"#{name}", Input)

    def field(self, name: str) -> Field:
        """Return an input with its label and note."""
        return next(field for field in self.query(Field) if field.input.id == name)

    def value(self, name: str) -> str:
        """Return what is typed; only a password may begin or end with a blank."""
        value = self.input(name).value
        return value if name == "password" else value.strip()

    def first_empty(self) -> str:
        """Return the name of the first field that is empty, else the password's."""
        return next((name for name in ("address", "username", "password") if not self.value(name)), "password")

    @property
    def is_unsafe(self) -> bool:
        """Tell whether the site's certificate is not to be verified."""
        return bool(self.query_one("#unsafe", Checklist).ticked)

    @property
    def wants_token(self) -> bool:
        """Tell whether the login is to be remembered."""
        return bool(self.query_one("#remember", Checklist).ticked)

    @property
    def asked(self) -> tuple[str, str, bool]:
        """Return what decides who answers at the address."""
        return self.value("address"), self.value("ca-file"), self.is_unsafe

    def ask_for(self, *, is_alias: bool) -> None:
        """Ask for alias and secret, or for user name and password: XNAT takes both in the same way."""
        for name, pair in LABELS.items():
            field = self.field(name)
            field.input.value = ""
            field.label = pair[is_alias]
            field.query_one(Label).update(pair[is_alias])

    def take_profile(self) -> None:
        """Fill what is still empty with what the settings say of the address; reads one small file."""
        address = self.value("address")
        said = resolve(address) if address else None
        for name, setting in (("username", "user"), ("ca-file", "ca_file")):
            if said is not None and not self.value(name):
                self.input(name).value = said.text(setting)

    def show_tls_help(self, text: str) -> None:
        """Show what a certificate has wrong above the fields that help; "" for nothing."""
        help_text = self.query_one("#tls-help", Static)
        help_text.display = bool(text)
        help_text.update(text)

    @on(Checklist.Changed, "#unsafe")
    def _warn(self) -> None:
        warning = self.query_one("#unsafe-warning")
        warning.display = self.is_unsafe
        if self.is_unsafe:
            self.call_after_refresh(warning.scroll_visible, animate=False)
