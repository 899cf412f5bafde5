"""`settings`: what holds and why, where the file is, and one value set, taken out, or all of them checked."""

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from xnat_wizard.cli.talk import Exit, explain, put, put_mapping, put_object, say
from xnat_wizard.findings import Finding, Problem, Severity, by_weight

if TYPE_CHECKING:
    from xnat_wizard.preferences import Settings
    from xnat_wizard.preferences.table import Plain

SITE_HELP = "the site whose profile is meant"
NAME_HELP = "name of a setting, as `settings --show` has it; for a key: keys.wizard.next"


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the program's."""
    settings = commands.add_parser(
        "settings",
        help="show what holds and why, and change it",
        description="Shows every setting with its value and where that comes from. An option of a command weighs "
        "more than the environment, the environment more than the profile of the site, the profile more than the rest "
        "of the settings file. What cannot be used in the file is told, and never stops a command. Passwords and "
        "tokens are no settings: `xnat-wizard login` keeps a login.",
    )
    _add_site_to(settings)
    settings.add_argument("--show", action="store_true", help="show every setting and where its value comes from")
    settings.add_argument("--path", action="store_true", help="print where the settings file is, or would be")
    settings.add_argument("--json", action="store_true", help="one JSON object a line")
    settings.set_defaults(run=_show, has_settings=False)
    acts = settings.add_subparsers(title="commands", metavar="COMMAND")

    change = acts.add_parser("set", help="write one setting into the file; comments and order stay as they are")
    change.add_argument("name", help=NAME_HELP)
    change.add_argument("value", help="what it is to be")
    _add_site_to(change)
    change.set_defaults(run=_set, has_settings=False)

    unset = acts.add_parser("unset", help="take one setting out of the file")
    unset.add_argument("name", help=NAME_HELP)
    _add_site_to(unset)
    unset.set_defaults(run=_unset, has_settings=False)

    check = acts.add_parser("check", help="look for what cannot be used in the file and in the environment")
    check.add_argument("--json", action="store_true", help="one JSON object a line")
    check.set_defaults(run=_check, has_settings=False)


def _add_site_to(command: argparse.ArgumentParser) -> None:
    command.add_argument("--site", default=argparse.SUPPRESS, metavar="ADDRESS", help=SITE_HELP)


# -- showing ---------------------------------------------------------------------------------------


def _show(options: argparse.Namespace) -> int:
    from xnat_wizard.preferences import resolve, settings_file

    if options.path:
        _put_path(str(settings_file()), is_json=options.json)
        return Exit.DONE
    found = resolve(options.site, {"site": ("--site", options.site)} if options.site else None)
    for finding in found.findings:
        explain(finding)
    if options.json:
        _put_objects(found)
    else:
        _put_table(found)
        say(f"Settings file: {found.file.path}{'' if found.file.path.exists() else ' (there is none)'}")
        say(f"Profile: {found.profile or 'none for this site'}")
    return Exit.DONE


def _put_path(path: str, *, is_json: bool) -> None:
    if is_json:
        put_object("settings", path=path)
    else:
        put(path)


def _put_objects(found: "Settings") -> None:
    for name, value in found.values.items():
        origin = {"origin": str(value.origin), "origin_words": found.origin_words(name)}
        put_object("setting", name=name, value=value.value, **origin, words=value.setting.words)
    for action, key in found.file.keys.items():
        line = found.file.line_of("keys", action)
        origin = {"origin": "file", "origin_words": f"{found.file.path.name} line {line or '?'}"}
        put_object("setting", name=f"keys.{action}", value=key, **origin, words="The key of an action in the wizard.")
    for finding in found.findings:
        put_mapping(finding.as_dict())
    put_object("settings", path=str(found.file.path), profile=found.profile)


def _put_table(found: "Settings") -> None:
    rows = [(name, shown(value.value), found.origin_words(name)) for name, value in found.values.items()]
    rows += [
        (f"keys.{action}", shown(key), f"{found.file.path.name} line {found.file.line_of('keys', action) or '?'}")
        for action, key in found.file.keys.items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, value, origin in rows:
        put(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {origin}")


def shown(value: "Plain") -> str:
    """Return a value as the settings file has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else f'"{value}"'


# -- changing --------------------------------------------------------------------------------------


def _set(options: argparse.Namespace) -> int:
    from xnat_wizard.preferences.writing import keep

    place, value = _place(options), options.value
    if place[0] != "keys":
        value = _value(place[-1], options.value)
    path = keep(place, value)
    say(f"{_named(place)} = {shown(value)}, kept in {path}")
    _warn_of_other_origin(place, options)
    return Exit.DONE


def _unset(options: argparse.Namespace) -> int:
    from xnat_wizard.preferences.writing import drop

    place = _place(options)
    if drop(place):
        say(f"{_named(place)} was taken out.")
        _warn_of_other_origin(place, options)
    else:
        say(f"{_named(place)} is not in the file; nothing was changed.")
    return Exit.DONE


def _named(place: tuple[str, ...]) -> str:
    return f"{place[-1]} of {place[1]}" if place[0] == "sites" else ".".join(place)


def _place(options: argparse.Namespace) -> tuple[str, ...]:
    """Return where a setting stands in the file.

    Raises:
        Problem: there is no such setting, it is of no site, or it is a secret.
    """
    from xnat_wizard.preferences import faults, read_file
    from xnat_wizard.preferences.reading import looks_secret
    from xnat_wizard.preferences.table import BY_NAME, FOR_SITES, SITES, is_address, plain_name

    table, _, action = options.name.partition(".")
    if table == "keys" and action:
        return ("keys", action)
    name = plain_name(options.name)
    if name not in BY_NAME and looks_secret(name):
        raise Problem(faults.secret_refused(name))
    if not options.site:
        if name not in BY_NAME:
            raise Problem(faults.refused_name(options.name))
        return (name,)
    if name not in FOR_SITES:
        raise Problem(faults.refused_name(options.name, FOR_SITES, "in the profile of a site"))
    if not is_address(options.site):
        raise Problem(faults.refused_site(options.site))
    return (SITES, read_file().profile_of(options.site) or options.site, name)


def _value(name: str, words: str) -> "Plain":
    from xnat_wizard.preferences import faults
    from xnat_wizard.preferences.table import BY_NAME

    value = BY_NAME[name].read_words(words)
    if value is None:
        raise Problem(faults.refused_value(BY_NAME[name], words))
    return value


def _warn_of_other_origin(place: tuple[str, ...], options: argparse.Namespace) -> None:
    """Say where something weighs more than what was just changed."""
    from xnat_wizard.preferences import Origin, resolve

    found = resolve(options.site)
    value = found.values.get(place[-1])
    if value is None or value.origin in {Origin.DEFAULT, Origin.FILE} or value.place == place:
        return
    say(f"What holds now is {shown(value.value)}: {found.origin_words(place[-1])} weighs more.")


# -- checking --------------------------------------------------------------------------------------


def _check(options: argparse.Namespace) -> int:
    from xnat_wizard.preferences import resolve
    from xnat_wizard.preferences.reading import unknown_variables

    found = resolve()
    deeper = (*_absent_files(found), *_bad_keys(found), *_bad_layouts(found))
    findings = by_weight([*found.findings, *unknown_variables(), *deeper])
    for finding in findings:
        explain(finding)
        if options.json:
            put_mapping(finding.as_dict())
    if options.json:
        put_object("settings", path=str(found.file.path), findings=len(findings))
    elif not findings:
        say(f"Nothing is wrong with {found.file.path}." if found.file.text else "There is no settings file.")
    return Exit.FAILED if findings else Exit.DONE


def _absent_files(found: "Settings") -> list[Finding]:
    """Return findings on files that are named and not there."""
    from pathlib import Path

    named = {str(found["ca_file"])}
    named |= {
        str(found.file.path.parent / Path(str(profile["ca_file"])).expanduser())
        for profile in found.file.sites.values()
        if "ca_file" in profile
    }
    return [
        Finding(
            "settings.no_file",
            "The settings name a file that is not there",
            "A login to the site would fail for want of it",
            ("Correct `ca_file` in the settings", "Or put the file there"),
            where=path,
            severity=Severity.NOTE,
        )
        for path in sorted(named - {""})
        if not Path(path).is_file()
    ]


def _bad_keys(found: "Settings") -> tuple[Finding, ...]:
    """Return findings on keys that the wizard cannot take."""
    if not found.file.keys:
        return ()
    from xnat_wizard.wizard import app, keymap  # the app has actions, too

    assert app
    return keymap.usable(found.file.keys, str(found.file.path))[1]


def _bad_layouts(found: "Settings") -> list[Finding]:
    """Return findings on layouts that no folder can have."""
    from xnat_wizard.dicom.layout import Layout

    findings = []
    for content in ({"layout": found["layout"]}, *found.file.sites.values()):
        try:
            Layout.parse(str(content.get("layout", "subject-series")))
        except Problem as problem:
            findings.append(replace(problem.finding, where=str(found.file.path), severity=Severity.NOTE))
    return findings
