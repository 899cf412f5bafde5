"""Lets the settings say what the command line does not: environment, profile of the site, file, in this order."""

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING

from xnat_wizard.cli.parsing import GIVEN, LEAF, CommandParser
from xnat_wizard.cli.talk import explain

if TYPE_CHECKING:
    from xnat_wizard.preferences import Settings
    from xnat_wizard.preferences.table import Plain, Setting
    from xnat_wizard.upload.model import Plan

_KNOWN = "settings_in_use"  # what was resolved last
_BEFORE = "before_settings"  # option's name -> its value as it was parsed
_LEFT = "settings_left"  # names of settings that something else says
_OF_DICOM = frozenset({"receiver", "calling"})


def fill(options: argparse.Namespace, address: str = "", left: Iterable[str] = ()) -> "Settings":
    """Put into the options what the settings say, where nothing was given; return all that holds.

    It may be called again when the site is known, from a plan or a journal: then its profile counts.

    Args:
        options: what was parsed.
        address: of the site; "" is the one that was given, or that the settings name.
        left: names of settings that are left as they are, now and later: a plan says them.
    """
    from xnat_wizard.preferences import read_file, resolve

    known: Settings | None = getattr(options, _KNOWN, None)
    actions = _actions(options)
    given = {
        setting.name: said
        for option, (action, setting) in actions.items()
        if (said := getattr(options, GIVEN + action.dest, None)) and said[0] == option
    }
    typed = str(given["site"][1]) if "site" in given else ""
    found = resolve(address or typed, given, known.file if known else read_file())
    setattr(options, _LEFT, {*getattr(options, _LEFT, ()), *left})
    skipped = getattr(options, _LEFT) | _of_other_route(actions, found)
    before = getattr(options, _BEFORE, {})
    for action, setting in actions.values():
        name = setting.name
        if name in given:
            setattr(options, action.dest, given[name][1])
        elif name not in skipped and found.is_said(name):
            before.setdefault(action.dest, getattr(options, action.dest, None))
            setattr(options, action.dest, _as_parsed(action, found[name]))
        elif action.dest in before:
            setattr(options, action.dest, before[action.dest])
    setattr(options, _BEFORE, before)
    setattr(options, _KNOWN, found)
    if known is None:
        for finding in found.findings:
            explain(finding)
    return found


def fill_for_plan(options: argparse.Namespace, plan: "Plan") -> "Settings":
    """Let the profile of a plan's site say what neither the command line nor the plan says."""
    from xnat_wizard.upload.model import Options

    usual, travel = Options(), plan.options
    said = {"connections"} if travel.most_connections != usual.most_connections else set()
    said |= {"limit_rate"} if travel.limit_bytes_s != usual.limit_bytes_s else set()
    said |= {"compression"} if travel.compression != usual.compression else set()
    return fill(options, plan.site_url, said)


def demand(options: argparse.Namespace) -> None:
    """End with the usage where an option is missing that neither the command line nor the settings say."""
    parser = getattr(options, LEAF, None)
    if not isinstance(parser, CommandParser):
        return
    missing = [one.option_strings[-1] for one in parser.demanded if not getattr(options, one.dest, None)]
    if missing:
        parser.error(f"the following arguments are required: {', '.join(missing)}")


def _actions(options: argparse.Namespace) -> "dict[str, tuple[argparse.Action, Setting]]":
    """Return the options of the command and of the program that are settings, those of the command before."""
    found: dict[str, tuple[argparse.Action, Setting]] = {}
    leaf = getattr(options, LEAF, None)
    for parser in (getattr(options, "program", None), leaf):
        if isinstance(parser, CommandParser):
            found |= parser.settings
    if isinstance(leaf, CommandParser):  # an option of the command that only looks like one of the program
        found = {name: one for name, one in found.items() if name not in leaf.options or name in leaf.settings}
    return found


def _of_other_route(actions: "dict[str, tuple[argparse.Action, Setting]]", found: "Settings") -> frozenset[str]:
    """Return what is not asked of the settings because images do not travel by DICOM."""
    return frozenset() if "--route" not in actions or found["route"] == "c-store" else _OF_DICOM


def _as_parsed(action: argparse.Action, value: "Plain") -> object:
    return action.type(str(value)) if callable(action.type) else value
