"""What is kept of logins, and what else on this machine knows one."""

import json
import os
import time
from pathlib import Path

import pytest

from xnat_wizard import logins, settings
from xnat_wizard.findings import Problem
from xnat_wizard.login_sources import Origin, best_offer, offers, pyxnat_offer, source_words
from xnat_wizard.logins import StoredLogin, is_same_site
from xnat_wizard.settings import Secret

SITE = "https://xnat.example.org/xnat"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a home folder without any login in it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def token(username: str = "anna", *, url: str = SITE, left_s: float = 3600.0, alias: str = "a-1") -> StoredLogin:
    return StoredLogin(url, username, alias, Secret("s3cret"), time.time() + left_s)


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("address", "url", "is_same"),
    [
        ("xnat.example.org", SITE, True),
        ("XNAT.example.org/xnat/", SITE, True),
        ("https://xnat.example.org", SITE, True),
        ("https://xnat.example.org:443/xnat", SITE, True),
        ("http://xnat.example.org/xnat", SITE, False),
        ("xnat.example.org/other", SITE, False),
        ("xnat.example.org:8443", SITE, False),
        ("xnat.example.org.evil.com", SITE, False),
        ("127.0.0.1:8080", "http://127.0.0.1:8080", True),
        ("127.0.0.1", "http://127.0.0.1:8080", False),
        ("", SITE, False),
        ("http://[", SITE, False),
        ("xnat.example.org:99999999", SITE, False),
    ],
)
def test_an_address_means_a_site_only_where_all_that_is_typed_agrees(address: str, url: str, *, is_same: bool) -> None:
    assert is_same_site(address, url) is is_same


def test_recent_sites_come_back_the_last_first_and_without_a_secret() -> None:
    logins.remember_site("https://one.example.org", "anna")
    logins.remember_site(SITE, "ben", "/etc/ca.pem")
    logins.remember_site("https://one.example.org", "anna")
    assert [(site.url, site.username) for site in logins.recent_sites()] == [
        ("https://one.example.org", "anna"),
        (SITE, "ben"),
    ]
    for number in range(20):
        logins.remember_site(f"https://{number}.example.org", "anna")
    assert len(logins.recent_sites()) == logins.KEPT_SITES
    logins.forget_site("https://19.example.org", "anna")
    assert logins.recent_sites()[0].url == "https://18.example.org"


@pytest.mark.parametrize("content", ["", "[]", '{"sites": 3}', '{"sites": [3, {"url": 5}, {}]}', "\udcff"])
def test_a_spoiled_list_of_sites_is_an_empty_one(content: str) -> None:
    (settings.state_dir() / logins.SITES_FILE).write_bytes(content.encode("utf-8", "surrogateescape"))
    assert logins.recent_sites() == ()
    logins.remember_site(SITE, "anna")
    assert len(logins.recent_sites()) == 1


def test_a_token_is_kept_for_this_person_only_and_forgotten_again() -> None:
    logins.store_login(token())
    logins.store_login(token("ben", alias="b-1"))
    logins.store_login(token(alias="a-2"))
    path = settings.state_dir() / logins.TOKENS_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(login.alias for login in logins.stored_logins()) == ["a-2", "b-1"]
    assert "s3cret" not in repr(logins.stored_logins())
    assert [file.name for file in path.parent.iterdir() if file.name.startswith(".")] == []
    for login in logins.stored_logins():
        logins.forget_login(login)
    assert not path.exists()
    assert logins.stored_logins() == ()


def test_tokens_that_others_may_read_are_refused_and_left_alone() -> None:
    logins.store_login(token())
    path = settings.state_dir() / logins.TOKENS_FILE
    path.chmod(0o640)
    with pytest.raises(Problem) as caught:
        logins.stored_logins()
    assert caught.value.finding.code == "login.store_open"
    with pytest.raises(Problem):
        logins.store_login(token("ben"))
    assert "ben" not in path.read_text(encoding="utf-8")


def test_a_spoiled_file_of_tokens_is_explained() -> None:
    write(settings.state_dir() / logins.TOKENS_FILE, "{")
    with pytest.raises(Problem) as caught:
        logins.stored_logins()
    assert caught.value.finding.code == "login.store_unreadable"


def test_a_write_that_fails_leaves_the_old_file(monkeypatch: pytest.MonkeyPatch) -> None:
    logins.store_login(token())

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        logins.store_login(token("ben", alias="b-1"))
    assert [login.alias for login in logins.stored_logins()] == ["a-1"]
    assert len([file for file in settings.state_dir().iterdir() if TOKENS in file.name]) == 1


TOKENS = logins.TOKENS_FILE


def test_only_tokens_that_are_still_good_are_for_use() -> None:
    logins.store_login(token(left_s=-1))
    logins.store_login(token("ben", alias="b-1"))
    assert [login.username for login in logins.logins_for("xnat.example.org")] == ["ben"]
    assert logins.logins_for("xnat.example.org", "anna") == ()


# -- the other sources ---------------------------------------------------------------------------------------------


def test_the_sources_are_asked_in_their_order(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home / ".netrc", "machine xnat.example.org login anna password n\n")
    config = {"server": SITE, "user": "anna", "password": "p"}
    write(home / ".xnat.cfg", json.dumps(config))
    order = [Origin.NETRC, Origin.PYXNAT]
    assert [offer.origin for offer in offers()[0]] == order
    logins.store_login(token())
    order = [Origin.STORED, *order]
    assert [offer.origin for offer in offers()[0]] == order
    monkeypatch.setenv("XNAT_USER", "anna")
    monkeypatch.setenv("XNAT_PASS", "e")
    order = [Origin.ENVIRONMENT, *order]
    known, troubles = offers()
    assert [offer.origin for offer in known] == order
    assert troubles == ()
    assert all(offer.fits("xnat.example.org", "anna") for offer in known)
    for offer in known:
        assert not any(secret in repr(offer) for secret in ("s3cret", "'n'", "'p'", "'e'"))


def test_a_password_of_the_environment_goes_to_no_other_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XNAT_PASS", "e")
    assert best_offer("xnat.example.org")[0] is None, "whose password it is, is not known"
    assert best_offer("xnat.example.org", "anna")[0] is not None
    monkeypatch.setenv("XNAT_USER", "anna")
    assert best_offer("xnat.example.org")[0] is not None
    assert best_offer("xnat.example.org", "ben")[0] is None
    monkeypatch.setenv("XNAT_HOST", "other.example.org")
    assert best_offer("xnat.example.org")[0] is None
    assert best_offer("https://other.example.org")[0] is not None


def test_a_login_goes_to_the_address_that_it_was_given_for(home: Path) -> None:
    write(home / ".xnat.cfg", json.dumps({"server": SITE, "user": "anna", "password": "p"}))
    found = best_offer("xnat.example.org")[0]
    assert found is not None
    assert found.address_for("xnat.example.org") == SITE, "not to http, should https not answer"
    write(home / ".netrc", "machine xnat.example.org login anna password n\n")
    found = best_offer("xnat.example.org")[0]
    assert found is not None
    assert found.address_for("xnat.example.org") == "xnat.example.org"


def test_an_expired_token_is_passed_over_and_told_as_expired(home: Path) -> None:
    logins.store_login(token(left_s=-60))
    write(home / ".netrc", "machine xnat.example.org login anna password n\n")
    found = best_offer("xnat.example.org")[0]
    assert found is not None
    assert found.origin is Origin.NETRC
    assert source_words(found) == "from ~/.netrc"
    assert source_words(offers()[0][0]).startswith("stored login, expired 20")


@pytest.mark.parametrize(
    ("text", "mode", "why"),
    [
        ("machine xnat.example.org login a password b\n", 0o644, "others than you"),
        ("machine xnat.example.org what is this\n", 0o600, "line 1"),
    ],
)
def test_a_netrc_that_cannot_be_used_is_explained_and_hides_nothing_else(
    home: Path, text: str, mode: int, why: str
) -> None:
    write(home / ".netrc", text, mode)
    logins.store_login(token())
    found, troubles = best_offer("xnat.example.org")
    assert found is not None
    assert [trouble.code for trouble in troubles] == ["login.netrc"]
    assert why in troubles[0].why


def test_the_default_of_netrc_is_for_no_site_in_particular(home: Path) -> None:
    write(home / ".netrc", "default login a password b\n")
    assert offers() == ((), ())


def test_a_file_that_pyxnat_has_written_is_read(home: Path) -> None:
    path = home / "mine.cfg"
    config = {"server": "https://xnat.example.org", "user": "anna", "password": "p", "verify": False}
    write(path, json.dumps(config))
    offer = pyxnat_offer(path)
    assert (offer.address, offer.username, offer.secret.reveal()) == ("https://xnat.example.org", "anna", "p")
    assert offer.ca_file == "", "that the check of the certificate is off is not taken over silently"


@pytest.mark.parametrize(
    ("text", "mode"),
    [("{}", 0o600), ("[1]", 0o600), ("no JSON", 0o600), ('{"server": "s", "user": "u", "password": "p"}', 0o644)],
)
def test_a_pyxnat_file_that_cannot_be_used_is_explained(home: Path, text: str, mode: int) -> None:
    with pytest.raises(Problem) as caught:
        pyxnat_offer(write(home / "x.cfg", text, mode))
    assert caught.value.finding.code == "login.pyxnat"
    with pytest.raises(Problem):
        pyxnat_offer(home / "nowhere.cfg")


@pytest.mark.parametrize(
    "entry",
    [
        {"url": 5, "alias": "a-1", "secret": "s"},
        {"url": SITE, "alias": None, "secret": "s"},
        {"url": SITE, "alias": "a-1"},
        "a-1",
    ],
)
def test_an_entry_of_another_form_is_left_out(entry: object) -> None:
    logins.store_login(token())
    path = settings.state_dir() / logins.TOKENS_FILE
    content = json.loads(path.read_text("utf-8"))
    content["logins"] += [entry]
    path.write_text(json.dumps(content), encoding="utf-8")
    assert [login.alias for login in logins.stored_logins()] == ["a-1"]


@pytest.mark.parametrize("expires", [True, "soon", -1, 1e300, 10**400, [1]])
def test_a_date_that_is_none_counts_as_not_told(expires: object, home: Path) -> None:
    logins.store_login(token())
    path = settings.state_dir() / logins.TOKENS_FILE
    content = json.loads(path.read_text("utf-8"))
    content["logins"][0]["expires_s"] = expires
    path.write_text(json.dumps(content), encoding="utf-8")
    offer, troubles = best_offer(SITE)
    assert offer is not None
    assert (offer.username, troubles, source_words(offer)) == ("anna", (), "stored login")


def test_a_file_of_tokens_that_is_a_folder_is_explained() -> None:
    path = settings.state_dir() / logins.TOKENS_FILE
    path.mkdir(mode=0o700)
    with pytest.raises(Problem) as told:
        logins.stored_logins()
    assert told.value.finding.code == "login.store_unreadable"
    assert "directory" in told.value.finding.why.lower()


def test_a_site_is_forgotten_and_the_others_stay() -> None:
    logins.remember_site("https://one.example.org", "anna")
    logins.remember_site(SITE, "ben")
    logins.forget_site("https://one.example.org", "anna")
    assert [(site.url, site.username) for site in logins.recent_sites()] == [(SITE, "ben")]


def test_a_home_that_cannot_be_used_has_no_recent_sites(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home / "file", "")
    monkeypatch.setenv("XNAT_WIZARD_HOME", str(home / "file"))
    assert logins.recent_sites() == ()


def test_a_netrc_in_another_coding_or_place_is_explained(home: Path) -> None:
    (home / ".netrc").write_bytes(b"machine xnat.example.org login \xff password s\n")
    (home / ".netrc").chmod(0o600)
    found, troubles = offers()
    assert found == ()
    assert [finding.code for finding in troubles] == ["login.netrc"]
    (home / ".netrc").unlink()
    (home / ".netrc").mkdir()
    assert [finding.code for finding in offers()[1]] == ["login.netrc"]


def test_where_a_login_comes_from_is_told_in_words(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home / ".netrc", "machine xnat.example.org login anna password s\n")
    offer, _ = best_offer(SITE)
    assert offer is not None
    assert source_words(offer) == "from ~/.netrc"
    assert offer.address_for(SITE) == SITE
    assert best_offer("http://[")[0] is None
    assert best_offer(SITE, "ben")[0] is None
    monkeypatch.setenv("XNAT_PASS", "s")
    assert [one.username for one in offers("ben")[0] if one.origin is Origin.ENVIRONMENT] == ["ben"]
