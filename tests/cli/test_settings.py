"""`settings`, and that each setting changes what the commands do."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.conftest import NewPlan
from cli.program import Ended, OnTerminal, call
from support import Practice
from xnat_wizard.logins import StoredLogin, store_login
from xnat_wizard.preferences import SETTINGS, settings_file
from xnat_wizard.settings import Secret
from xnat_wizard.upload.journal import FILE_NAME, Journal
from xnat_wizard.upload.model import Compression, Destination, Options, Route
from xnat_wizard.upload.plan import load

Uploads = Callable[[], list[Path]]


def keep(*lines: str) -> Path:
    path = settings_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def profile(practice: Practice, *lines: str) -> Path:
    return keep(f'[sites."{practice.url}"]', *lines)


# -- the command -----------------------------------------------------------------------------------


def test_every_setting_is_shown_with_its_value_and_origin() -> None:
    path = keep("connections = 5", '[sites."https://x.example.org"]', 'project = "DEMO"')
    told = call("settings", "--show", "--site", "https://x.example.org", env={"XNAT_WIZARD_LIMIT_RATE": "3M"})
    assert told.code == 0
    rows = {line.split()[0]: line.split(None, 2) for line in told.data.splitlines()}
    assert set(rows) == {setting.name for setting in SETTINGS}
    assert rows["connections"][1:] == ["5", "settings.toml line 1"]
    assert rows["project"][1:] == ['"DEMO"', "settings.toml line 3"]
    assert rows["limit_rate"][1:] == ['"3M"', "environment XNAT_WIZARD_LIMIT_RATE"]
    assert rows["site"][2] == "option --site"
    assert rows["theme"][2] == "default"
    assert str(path) in told.talk
    assert call("settings", "--site", "https://x.example.org", env={"XNAT_WIZARD_LIMIT_RATE": "3M"}).data == told.data


def test_as_json_it_is_one_object_a_setting() -> None:
    keep("conections = 5", "[keys]", '"wizard.next" = "f8"')
    objects = call("settings", "--json").objects()
    kinds = [one["type"] for one in objects]
    assert kinds == ["setting"] * (len(SETTINGS) + 1) + ["finding", "settings"]
    assert objects[0] | {"words": ""} == {
        "type": "setting",
        "name": "theme",
        "value": "auto",
        "origin": "default",
        "origin_words": "default",
        "words": "",
    }
    assert objects[-3]["name"] == "keys.wizard.next"
    assert objects[-2]["todo"][0] == "Write `connections`, if that is meant"


def test_the_place_of_the_file_is_said_also_where_there_is_none(own_home: Path) -> None:
    assert call("settings", "--path").data == f"{own_home / 'config' / 'settings.toml'}\n"
    assert call("settings", "--path", "--json").objects() == [
        {"type": "settings", "path": str(own_home / "config" / "settings.toml")}
    ]


def test_a_setting_is_set_and_taken_out_again() -> None:
    path = keep("# mine", "mouse = false  # no mouse")
    assert call("settings", "set", "limit-rate", "5M").code == 0
    assert call("settings", "set", "project", "DEMO", "--site", "https://x.example.org").code == 0
    assert call("settings", "set", "keys.wizard.next", "f8").code == 0
    text = path.read_text("utf-8")
    assert text.startswith('# mine\nmouse = false  # no mouse\nlimit_rate = "5M"\n')
    assert '[sites."https://x.example.org"]\nproject = "DEMO"\n' in text
    assert call("settings", "set", "project", "OTHER", "--site", "x.example.org").code == 0
    assert path.read_text("utf-8") == text.replace("DEMO", "OTHER"), "the profile that is meant, and no second one"
    for name in ("limit_rate", "keys.wizard.next"):
        assert call("settings", "unset", name).code == 0
    assert call("settings", "unset", "project", "--site", "x.example.org").code == 0
    assert call("settings", "check").code == 0
    again = call("settings", "unset", "limit_rate")
    assert (again.code, "nothing was changed" in again.talk) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("conections", "3"), "Write `connections`, if that is meant"),
        (("connections", "30"), "It can be 1 to 12"),
        (("theme", "wizard-lite"), "Write `wizard-light`, if that is meant"),
        (("password", "geheim7"), "xnat-wizard login"),
        (("theme", "auto", "--site", "x.example.org"), "There is no setting `theme` in the profile of a site"),
        (("project", "A", "--site", "https://a:b@x.example.org"), "without user and password"),
        (("site", "https://anna:geheim7@x.example.org"), "`site` cannot be"),
    ],
)
def test_what_cannot_be_is_not_written(arguments: tuple[str, ...], said: str) -> None:
    refused = call("settings", "set", *arguments)
    assert refused.code == 1
    assert said in refused.talk
    assert not settings_file().exists()


def test_a_setting_that_weighs_less_than_another_is_told() -> None:
    told = call("settings", "set", "connections", "3", env={"XNAT_WIZARD_CONNECTIONS": "7"})
    assert told.code == 0
    assert "What holds now is 7: environment XNAT_WIZARD_CONNECTIONS weighs more" in told.talk


def test_check_finds_everything_and_stops_nothing() -> None:
    keep('token = "geheim7"', "conections = 1", 'ca_file = "absent.pem"', 'theme = "wizard-lite"')
    told = call("settings", "check", "--json", env={"XNAT_WIZARD_CONECTIONS": "3"})
    assert told.code == 1
    codes = [str(one.get("code")) for one in told.objects()]
    assert codes[0] == "settings.secret"
    assert sorted(codes[1:-1]) == [
        "settings.bad_value",
        "settings.no_file",
        "settings.unknown",
        "settings.unknown",
    ]
    assert "geheim7" not in told.data + told.talk
    other = call("survey", "/nowhere")
    assert "settings.toml:1" in other.talk
    assert "geheim7" not in other.talk


def test_check_looks_at_keys_and_layouts_as_the_wizard_and_the_survey_do() -> None:
    keep('layout = "{nonsense}"', '[sites."https://x.example.org"]', 'layout = "{"', "[keys]", '"wizard.nxt" = "f8"')
    told = call("settings", "check", "--json")
    assert told.code == 1
    said = [(one["code"], one["todo"][0]) for one in told.objects()[:-1]]
    assert [code for code, _ in said].count("layout.bad_pattern") == 2
    assert any("wizard.next" in todo for _, todo in said)
    keep('layout = "flat"', "[keys]", '"wizard.next" = "f8"')
    assert call("settings", "check").code == 0


# -- what they change ------------------------------------------------------------------------------


def planned(study: Path, *arguments: str, env: dict[str, str] | None = None) -> tuple[Ended, Path]:
    output = study.parent / "made.plan.json"
    return call("plan", study, "--output", output, *arguments, env=env), output


def test_site_project_and_destination_of_a_plan_come_from_the_settings(study_folder: Path) -> None:
    usage, _ = planned(study_folder)
    assert usage.code == 2
    assert "required: --site, --project" in usage.talk
    keep(
        'site = "https://x.example.org"', '[sites."https://x.example.org"]', 'project = "P1"', 'destination = "archive"'
    )
    done, output = planned(study_folder)
    assert done.code == 0, done.talk
    plan = load(output)
    assert (plan.site_url, plan.project, plan.destination) == ("https://x.example.org", "P1", Destination.ARCHIVE)
    done, output = planned(study_folder, "--to", "prearchive", "--project", "P2")
    assert (load(output).project, load(output).destination) == ("P2", Destination.PREARCHIVE)
    done, output = planned(study_folder, env={"XNAT_HOST": "https://y.example.org", "XNAT_WIZARD_PROJECT": "P3"})
    plan = load(output)
    assert (plan.site_url, plan.project, plan.destination) == ("https://y.example.org", "P3", Destination.PREARCHIVE)


def test_an_option_before_the_command_is_an_option_too(study_folder: Path) -> None:
    output = study_folder.parent / "made.plan.json"
    done = call("--site", "https://z.example.org", "plan", study_folder, "--project", "P", "--output", output)
    assert done.code == 0, done.talk
    assert load(output).site_url == "https://z.example.org"


def test_route_receiver_and_calling_of_a_plan_come_from_the_settings(study_folder: Path) -> None:
    site = ("--site", "https://x.example.org", "--project", "P")
    keep('[sites."https://x.example.org"]', 'receiver = "pacs.example.org:8104"', 'calling = "SCANNER"')
    done, output = planned(study_folder, *site)
    assert done.code == 0, done.talk
    assert (load(output).route, load(output).receiver) == (Route.IMPORT, None)
    done, output = planned(study_folder, *site, env={"XNAT_WIZARD_ROUTE": "c-store"})
    assert done.code == 0, done.talk
    peer = load(output).receiver
    assert peer is not None
    assert (peer.host, peer.port, peer.calling) == ("pacs.example.org", 8104, "SCANNER")
    keep('route = "gradual"')
    done, output = planned(study_folder, *site)
    assert load(output).route is Route.GRADUAL


def test_the_layout_comes_from_the_settings(study_folder: Path) -> None:
    usual = call("survey", study_folder).data
    keep('layout = "headers"')
    headers = call("survey", study_folder).data
    assert headers != usual
    assert call("survey", study_folder, "--layout", "subject-series").data == usual
    assert call("survey", study_folder, env={"XNAT_WIZARD_LAYOUT": "subject-series"}).data == usual


@pytest.mark.usefixtures("account")
def test_how_an_upload_travels_comes_from_the_profile_of_the_plans_site(
    new_plan: NewPlan, uploads: Uploads, practice: Practice
) -> None:
    plan = new_plan()
    keep("connections = 2", 'site = "https://x.example.org"', '[sites."https://x.example.org"]', "connections = 9")
    with settings_file().open("a") as file:
        file.write(f'[sites."{practice.url}"]\nlimit-rate = "40M"\ncompression = "never"\n')
    ended = call("upload", plan)
    assert ended.code == 0, ended.talk
    with Journal.open(uploads()[0] / FILE_NAME) as journal:
        assert journal.options() == Options(40_000_000, 2, Compression.NEVER)
    ended = call("upload", plan, "--connections", "4", env={"XNAT_WIZARD_LIMIT_RATE": "30M"})
    with Journal.open(uploads()[-1] / FILE_NAME) as journal:
        assert journal.options() == Options(30_000_000, 4, Compression.NEVER)


@pytest.mark.usefixtures("account")
def test_what_a_plan_says_weighs_more_than_the_settings(
    study_folder: Path, practice: Practice, uploads: Uploads
) -> None:
    site = ("--site", practice.url, "--project", "DEMO", "--to", "archive")
    done, output = planned(study_folder, *site, "--connections", "3")
    assert done.code == 0, done.talk
    profile(practice, "connections = 5", 'destination = "prearchive"', 'route = "gradual"', 'limit_rate = "50M"')
    ended = call("upload", output)
    assert ended.code == 0, ended.talk
    with Journal.open(uploads()[0] / FILE_NAME) as journal:
        assert journal.options() == Options(50_000_000, 3)
        assert (journal.progress().destination, journal.route) == (Destination.ARCHIVE, Route.IMPORT)


def test_the_user_of_the_profile_is_the_one_who_logs_in(new_plan: NewPlan, practice: Practice, tmp_path: Path) -> None:
    store_login(StoredLogin(practice.url, "otto", "alias", Secret("secret")))
    profile(practice, 'user = "owner"')
    program = OnTerminal("upload", new_plan(), env={"HOME": str(tmp_path)})
    program.until("Password of owner at ")
    program.type("owner\n")
    assert program.wait() == 0, program.seen


def test_the_certificate_of_the_profile_is_used(practice: Practice, new_plan: NewPlan, tmp_path: Path) -> None:
    plan = new_plan()
    text = json.loads(plan.read_text())
    plan.write_text(json.dumps({**text, "site_url": practice.url.replace("http:", "https:")}))
    keep(f'[sites."{practice.url.replace("http:", "https:")}"]', 'ca_file = "absent.pem"')
    ended = call("upload", plan, env={"XNAT_USER": "owner", "XNAT_PASS": "owner", "HOME": str(tmp_path)})
    assert ended.code != 0
    assert str(settings_file().parent / "absent.pem") in ended.talk


def test_options_of_the_same_name_and_another_meaning_are_left_alone(study_folder: Path, tmp_path: Path) -> None:
    keep('project = "DEMO"', 'destination = "archive"', 'user = "anna"')
    before = sorted(tmp_path.rglob("*"))
    told = call("convert", study_folder, "--dry-run", "--list")  # `--to` is a folder there, and `--project` uploads
    assert "DEMO" not in told.data + told.talk
    assert sorted(tmp_path.rglob("*")) == before


def test_theme_mouse_pictures_and_keys_are_the_wizards() -> None:
    from xnat_wizard.preferences import Pictures, Preferences, read

    keep('theme = "wizard-light"', "mouse = false", 'pictures = "ascii"', "[keys]", '"wizard.next" = "f8"')
    likes = Preferences("wizard-light", has_mouse=False, pictures=Pictures.ASCII, keys={"wizard.next": "f8"})
    assert read() == (likes, ())
