"""Log in: where, who, with what; the address is looked at while it is typed, before anything is sent to it."""

import asyncio
import contextlib
import os
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widgets import Button, Input
from textual.worker import get_current_worker

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.login_sources import Offer, is_over, offers, source_words
from xnat_wizard.logins import RecentSite, forget_site, recent_sites
from xnat_wizard.settings import Secret
from xnat_wizard.wizard.choices import Answer, Choices, Move
from xnat_wizard.wizard.steps.login import words
from xnat_wizard.wizard.steps.login.form import LoginForm
from xnat_wizard.wizard.steps.login.keeping import forget, keep
from xnat_wizard.wizard.steps.login.pyxnat_file import PyxnatFileScreen
from xnat_wizard.wizard.steps.login.ways import ALIAS, FORGET_SITE, PASSWORD, PYXNAT, Known
from xnat_wizard.wizard.widgets.action import ActionButton
from xnat_wizard.wizard.widgets.checklist import Checklist
from xnat_wizard.wizard.widgets.confirm import ConfirmScreen
from xnat_wizard.wizard.widgets.faults import fault
from xnat_wizard.wizard.widgets.field import Mark
from xnat_wizard.wizard.widgets.pick import PickScreen
from xnat_wizard.wizard.widgets.step import Command, StepScreen
from xnat_wizard.xnat.model import Login
from xnat_wizard.xnat.site import Site, look

LOOK_AFTER_S = 0.7  # without a key
SLOW_AFTER_S = 4.0
TLS_CODES = {"site.tls": "No secure connection", "tls.ca_file": "The certificate file cannot be used"}


class LoginStep(StepScreen[Answer]):
    """Ask where and who, and connect. Whatever goes wrong, the form keeps what was typed."""

    number = 1
    sentence = "Type your XNAT's address, user name and password, then press Enter."
    has_refresh = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "choose_way", "Ways", tooltip="Logins and sites that are known here", id="login.ways"),
    ]
    HELP = """\
## Log in

The address is the one you use in the browser, for example `xnat.example.org`. The wizard looks at it as soon as you
stop typing and says which XNAT answers; nothing of yours is sent before you log in.

**F2** shows sites that were used before, and logins that this computer knows: stored ones, `XNAT_USER` and `XNAT_PASS`,
`~/.netrc`, files of pyxnat, and alias tokens.

**Remember me** stores a token that the site makes for you, in a file that only you can read. It expires by itself,
usually after two days, and **Forget this login** withdraws it. Your password is kept in memory only, and never copied.

**Certificate**: only where your site uses a certificate authority of its own; a PEM file.
"""

    def __init__(self, choices: Choices) -> None:
        super().__init__(choices.who)
        self.choices = choices
        self.offer: Offer | None = choices.offer
        self.is_alias = False
        self._sites = recent_sites()
        self.form = LoginForm(choices, self._sites[0] if self._sites else None)
        self._offers: tuple[Offer, ...] = ()
        self._troubles: tuple[Finding, ...] = ()
        self._looked_at: tuple[str, str, bool] | None = None
        self._pause: Timer | None = None

    def compose_content(self) -> ComposeResult:
        """Yield the form."""
        yield self.form

    def compose_buttons(self) -> ComposeResult:
        """Yield the buttons."""
        yield ActionButton("Log in", id="login", tooltip="Connect to the site", is_main=True)
        yield ActionButton("Other ways", id="ways", tooltip="Logins and sites that are known here")
        yield ActionButton("Forget this login", id="forget", tooltip="Delete it here, withdraw it at the site")

    def on_mount(self) -> None:
        """Begin at the first empty field; look at an address that is already there, and for known logins."""
        self.form.input(self.form.first_empty()).focus()
        self._show_offer()
        self._look_if_new()
        self.read_sources()

    # -- the address ---------------------------------------------------------------------------------------------

    @on(Input.Blurred, "#address,#ca-file")
    def _left_field(self) -> None:
        self.form.take_profile()
        self._look_if_new()

    @on(Input.Changed, "#address,#ca-file")
    def _place_changed(self) -> None:
        if self._looked_at == self.form.asked:
            return
        self.workers.cancel_group(self, "look")
        self._looked_at = None
        self.form.field("address").say("")
        self.form.show_tls_help("")
        self._keep_offer_if_it_fits()
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(LOOK_AFTER_S, self._look_if_new)

    def refresh_content(self) -> None:
        """Look at the address again."""
        self._looked_at = None
        self._look_if_new()

    def _look_if_new(self) -> None:
        if not self.is_attached:  # a pause of typing may end after the step
            return
        asked = self.form.asked
        if asked[0] and asked != self._looked_at:
            self._looked_at = asked
            self.look_at(*asked)

    @work(group="look", exclusive=True, exit_on_error=False)
    async def look_at(self, address: str, ca_file: str, is_unsafe: bool) -> None:  # noqa: FBT001  one of three
        """Say under the field which XNAT answers there, or why none does."""
        field, me = self.form.field("address"), get_current_worker()
        field.say("Looking who answers...")
        slow = self.set_timer(SLOW_AFTER_S, partial(field.say, words.STILL_LOOKING))
        finding: Finding | None = None
        try:
            info = await look(address, ca_file=ca_file, is_unsafe=is_unsafe)
        except Problem as problem:
            finding = problem.finding
        except Exception as error:  # noqa: BLE001  a worker's door: the fault becomes words
            finding = fault(error)
        else:
            self.form.show_tls_help("")
            field.say(words.answer_words(info, address), Mark.OK)
            self._take_known_login(info.url)
        finally:
            slow.stop()
        if finding is not None and not me.is_cancelled:
            self._say_trouble(finding)

    def _say_trouble(self, finding: Finding) -> None:
        """Say what the address has wrong; what a certificate has wrong in three parts, above the fields that help."""
        what = f"{finding.what.rstrip('.')}."
        is_tls = finding.code in TLS_CODES
        self.form.field("address").say(
            f"{TLS_CODES[finding.code]}. See below." if is_tls else f"{what} Log in says more.", Mark.WARN
        )
        self.form.show_tls_help(words.three_parts(finding) if is_tls else "")

    # -- logins that are known here ------------------------------------------------------------------------------

    @work(group="sources", exclusive=True, exit_on_error=False)
    async def read_sources(self) -> None:
        """Look what this machine knows; where something fits the form, no password is asked for."""
        with contextlib.suppress(OSError):  # a home that cannot be entered: there is nothing to offer
            self._offers, self._troubles = await asyncio.to_thread(offers, self.form.value("username"))
            self._take_known_login(self.form.value("address"))

    def _take_known_login(self, address: str) -> None:
        if self.offer is not None or self.form.input("password").value or self.is_alias or not address:
            return
        fitting = (one for one in self._offers if one.fits(address, self.form.value("username")))
        known = next((one for one in fitting if not is_over(one)), None)
        if known is not None:
            self.use_offer(known)

    def use_offer(self, offer: Offer) -> None:
        """Put a known login in the place of the password."""
        self._set_alias(is_alias=False)
        self.offer = offer
        place = self.form.value("address")
        if offer.address and not (place and offer.fits(place)):
            self.form.input("address").value = offer.address
        self.form.input("username").value = offer.username
        self.form.input("password").value = ""
        if offer.ca_file:
            self.form.input("ca-file").value = offer.ca_file
        self._show_offer()
        self.query_one("#login").focus()

    def _show_offer(self) -> None:
        offer = self.offer
        self.query_one("#forget").display = offer is not None and offer.stored is not None
        self.query_one("#remember").display = offer is None or offer.stored is None
        self.form.input("password").placeholder = "not needed; typing here replaces it" if offer else ""
        over = offer is not None and is_over(offer)
        note = source_words(offer) if offer is not None else ""
        self.form.field("password").say(note, Mark.WARN if over else Mark.OK if offer else Mark.NONE)

    @on(Input.Changed, "#username,#password")
    def _person_changed(self) -> None:
        self._keep_offer_if_it_fits()

    def _keep_offer_if_it_fits(self) -> None:
        offer = self.offer
        is_typed = bool(self.form.input("password").value)
        if offer is not None and (is_typed or not offer.fits(self.form.value("address"), self.form.value("username"))):
            self.offer = None
            self._show_offer()

    @on(Button.Pressed, "#ways")
    @work(group="ways", exclusive=True, exit_on_error=False)
    async def action_choose_way(self) -> None:
        """Show what is known, and take what is chosen."""
        await self.read_sources().wait()
        self._sites = recent_sites()
        known = Known.of(self._offers, self._sites, self._troubles)
        key = await self.app.push_screen_wait(PickScreen("Ways to log in", "", known.ways(is_alias=self.is_alias)))
        if key in known.offers:
            self.use_offer(known.offers[key])
        elif key in known.sites:
            self._use_site(known.sites[key])
        elif key in known.troubles:
            await self.explain(known.troubles[key])
        elif key in {ALIAS, PASSWORD}:
            self._set_alias(is_alias=key == ALIAS)
            self.form.input("username").focus()
        elif key == FORGET_SITE:
            await self._forget_site(known)
        elif key == PYXNAT and (offer := await self.app.push_screen_wait(PyxnatFileScreen())) is not None:
            self.use_offer(offer)

    async def _forget_site(self, known: Known) -> None:
        """Take a site off the list of those used before; logins that are stored for it stay."""
        key = await self.app.push_screen_wait(PickScreen("Forget which site?", "", known.forgettable()))
        site = known.sites.get(key or "")
        if site is None:
            return
        async with self.working("Taking it off the list..."):
            await asyncio.to_thread(forget_site, site.url, site.username)
            self._sites = recent_sites()
            self.call_after_refresh(self.tell, "The site is off the list. What is typed in the form stays.")

    def _use_site(self, site: RecentSite) -> None:
        self._set_alias(is_alias=False)
        for name, value in (("address", site.url), ("username", site.username), ("ca-file", site.ca_file)):
            self.form.input(name).value = value
        self.form.input("password").focus()

    def _set_alias(self, *, is_alias: bool) -> None:
        if is_alias != self.is_alias:
            self.is_alias, self.offer = is_alias, None
            self.form.ask_for(is_alias=is_alias)
            self._show_offer()

    @on(Button.Pressed, "#forget")
    @work(group="forget", exclusive=True, exit_on_error=False)
    async def action_forget(self) -> None:
        """Delete the stored login here, and withdraw it at the site."""
        login = self.offer.stored if self.offer else None
        if login is None:
            return
        question, detail = words.forget_words(login)
        if not await self.app.push_screen_wait(ConfirmScreen(question, detail, yes="Forget it", no="Keep it")):
            return
        self.offer = None
        self._offers = tuple(one for one in self._offers if one.stored != login)
        self._show_offer()
        self.form.input("password").focus()
        async with self.working("Withdrawing the token..."):
            await forget(login)
            self.call_after_refresh(self.tell, "The login is forgotten, here and at the site.")

    # -- logging in ----------------------------------------------------------------------------------------------

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        following = {"address": "username", "username": "password"}.get(event.input.id or "")
        if following and not (event.input.id == "username" and (self.form.value("password") or self.offer)):
            self.form.input(following).focus()
        else:
            self.go_next()

    @on(Button.Pressed, "#login")
    def _pressed(self) -> None:
        self.go_next()

    def go_next(self) -> None:
        """Connect, when everything is filled in."""
        for name in ("address", "username", "password"):
            if not self.form.value(name) and not (name == "password" and self.offer):
                self.tell(f"Fill in the {self.form.field(name).label.lower()} first.")
                self.form.input(name).focus()
                return
        if not self.is_busy:
            self.connect(self._login())

    @work(group="login", exclusive=True, exit_on_error=False)
    async def connect(self, login: Login) -> None:
        """Connect and go on, or say what is wrong and put the cursor there."""
        async with self.working("Logging in... Escape stops.", then=self._to_mistake):
            site = await Site.connect(login)
            is_known = self.offer is not None or self.is_alias
            name = site.identity.username if is_known else self.form.value("username")
            is_stored = self.offer is not None and self.offer.stored is not None
            wants_token = not is_stored and self.form.wants_token
            not_kept = await keep(site, login, name, wants_token=wants_token)
            if not_kept is not None:
                await self.explain(not_kept)
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
        yield "Other ways to log in", "Logins and sites that are known here", self._press_ways
        if self.offer is not None and self.offer.stored is not None:
            yield "Forget this login", "Delete it here, withdraw it at the site", self._press_forget

    def _press_ways(self) -> None:
        self.query_one("#ways", Button).press()

    def _press_forget(self) -> None:
        self.query_one("#forget", Button).press()

    # -- the form ------------------------------------------------------------------------------------------------

    def _to_mistake(self, finding: Finding) -> None:
        if finding.code in TLS_CODES:
            name = "ca-file"
        elif finding.code.startswith("site."):
            name = "address"
        else:
            name = "password"
        if name != "password":  # what was seen of the address before no longer holds
            self._say_trouble(finding)
        elif self.offer is not None:  # what was known here is not good any more
            self._offers = tuple(one for one in self._offers if one != self.offer)
            self.offer = None
            self._show_offer()
        target = self.form.input(name)
        target.focus()
        target.select_all()

    def _typed(self) -> Choices:
        return replace(
            self.choices,
            address=self.form.value("address"),
            username=self.form.value("username"),
            password=Secret(self.form.input("password").value),
            offer=self.offer,
            ca_file=self.form.value("ca-file"),
            is_unsafe=self.form.is_unsafe,
        )

    def _login(self) -> Login:
        typed, offer = self._typed(), self.offer
        ca_file = os.path.expanduser(typed.ca_file)  # noqa: PTH111  "" must stay ""
        if offer is None:
            return Login(typed.address, typed.username, typed.password, ca_file, typed.is_unsafe)
        return Login(offer.address_for(typed.address), offer.login_name, offer.secret, ca_file, typed.is_unsafe)

    @on(Checklist.Changed, "#unsafe")
    def _unsafe_changed(self) -> None:
        self._look_if_new()
