"""Writes completion scripts for bash, zsh and fish. All three find out first in which command the cursor is."""

import shlex
from collections.abc import Iterable, Sequence
from string import Template

from xnat_wizard.cli.completion import Option, Place, Takes

_BASH = Template("""\
# Completion of xnat-wizard for bash, made by `xnat-wizard completion bash`
_xnat_wizard() {
    local cur=$${COMP_WORDS[COMP_CWORD]} prev=$${COMP_WORDS[COMP_CWORD-1]} at="" words="" takes="" i
    COMPREPLY=()
    if [[ $$cur == "=" ]]; then cur=""; elif [[ $$prev == "=" ]]; then prev=$${COMP_WORDS[COMP_CWORD-2]}; fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$$at $${COMP_WORDS[i]}" in
$skips
        esac
        case "$$at/$${COMP_WORDS[i]}" in
$commands
        esac
    done
    case "$$at $$prev" in
$values
    esac
    if [[ -z $$takes ]]; then
        case "$$at" in
$places
        esac
    fi
    case "$$takes" in
        *upload*) words+=" $$(xnat-wizard completion uploads 2>/dev/null)" ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$$words" -- "$$cur")
    case "$$takes" in
        *file*|*upload*)
            compopt -o filenames 2>/dev/null
            local names
            mapfile -t names < <(compgen -f -- "$$cur")
            COMPREPLY+=("$${names[@]}")
            ;;
    esac
}
complete -F _xnat_wizard xnat-wizard
""")

_ZSH = Template("""\
#compdef xnat-wizard
# Completion of xnat-wizard for zsh, made by `xnat-wizard completion zsh`
_xnat_wizard() {
    local cur=$$words[CURRENT] prev=$$words[CURRENT-1] at="" takes="" i
    local -a proposed
    for ((i = 2; i < CURRENT; i++)); do
        case "$$at $$words[i]" in
$skips
        esac
        case "$$at/$$words[i]" in
$commands
        esac
    done
    case "$$at $$prev" in
$values
    esac
    if [[ -z $$takes ]]; then
        case "$$at" in
$places
        esac
    fi
    case "$$takes" in
        *upload*) proposed+=($${(f)"$$(xnat-wizard completion uploads 2>/dev/null)"}) ;;
    esac
    (( $$#proposed )) && _describe -V xnat-wizard proposed
    case "$$takes" in
        *file*|*upload*) _files ;;
    esac
    return 0
}
if [[ $$funcstack[1] == _xnat_wizard ]]; then _xnat_wizard "$$@"; else compdef _xnat_wizard xnat-wizard; fi
""")

_FISH = Template("""\
# Completion of xnat-wizard for fish, made by `xnat-wizard completion fish`
function __xnat_wizard_at
    set -l tokens (commandline -opc)
    set -l at ""
    set -l is_value 0
    for token in $$tokens[2..-1]
        if test $$is_value = 1
            set is_value 0
            continue
        end
        switch "$$at $$token"
$skips
        end
        switch "$$at/$$token"
$commands
        end
    end
    test "$$at" = "$$argv[1]"
end
complete -c xnat-wizard -f
$lines
""")


def bash(places: Sequence[Place]) -> str:
    """Return the script for bash."""
    lines = []
    for place in places:
        flags = [flag for option in place.options for flag in option.flags]
        free = " ".join([*place.commands, *(one for option in place.arguments for one in option.choices)])
        takes = " ".join(sorted({one.takes.value for one in place.arguments} & {"file", "upload"}))
        dashed = f"if [[ $cur == -* ]]; then words={shlex.quote(' '.join(flags))}"
        lines.append(
            f"            {shlex.quote(place.path)}) {dashed}; "
            f"else words={shlex.quote(free)}; takes={shlex.quote(takes)}; fi ;;"
        )
    values = [
        f"        {_patterns(place, one)}) words={shlex.quote(' '.join(one.choices))}; takes={one.takes.value} ;;"
        for place, one in _with_value(places)
    ]
    return _BASH.substitute(
        skips=_skips(places, "((i++)); continue"),
        commands=_commands(places),
        values="\n".join(values),
        places="\n".join(lines),
    )


def zsh(places: Sequence[Place]) -> str:
    """Return the script for zsh."""
    lines = []
    for place in places:
        dashed = " ".join(_described(flag, option.words) for option in place.options for flag in option.flags)
        free = " ".join(_described(name, words) for name, words in place.commands.items())
        free += " " + " ".join(shlex.quote(one) for option in place.arguments for one in option.choices)
        takes = " ".join(sorted({one.takes.value for one in place.arguments} & {"file", "upload"}))
        lines.append(
            f"            {shlex.quote(place.path)}) if [[ $cur == -* ]]; then proposed=({dashed}); "
            f"else proposed=({free.strip()}); takes={shlex.quote(takes)}; fi ;;"
        )
    values = [
        f"        {_patterns(place, option)}) proposed=({' '.join(option.choices)}); takes={option.takes.value} ;;"
        for place, option in _with_value(places)
    ]
    return _ZSH.substitute(
        skips=_skips(places, "((i++)); continue"),
        commands=_commands(places),
        values="\n".join(values),
        places="\n".join(lines),
    )


def fish(places: Sequence[Place]) -> str:
    """Return the script for fish."""
    lines = []
    for place in places:
        here = f"complete -c xnat-wizard -n {_fish_quoted(f'__xnat_wizard_at {_fish_quoted(place.path)}')}"
        for name, words in place.commands.items():
            lines.append(f"{here} -a {_fish_quoted(name)} -d {_fish_quoted(words)}")
        for option in place.arguments:
            lines += [f"{here} {what}" for what in _fish_value(option)]
        for option in place.options:
            flags = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags)
            takes = {Takes.NOTHING: "", Takes.FILE: " -r"}.get(option.takes, " -x")
            value = "".join(f" {what}" for what in _fish_value(option))
            lines.append(f"{here} {flags}{takes}{value} -d {_fish_quoted(option.words)}")
    skips = [
        f"            case {' '.join(_fish_quoted(f'{place.path} {flag}') for flag in option.flags)}\n"
        "                set is_value 1\n                continue"
        for place, option in _with_value(places)
    ]
    commands = [
        f"            case {_fish_quoted(place.path)}\n                set at {_fish_quoted(place.path)}"
        for place in places[1:]
    ]
    return _FISH.substitute(skips="\n".join(skips), commands="\n".join(commands), lines="\n".join(lines))


def _fish_value(option: Option) -> list[str]:
    match option.takes:
        case Takes.CHOICE:
            return [f"-a {_fish_quoted(' '.join(option.choices))}"]
        case Takes.FILE:
            return ["-F"]
        case Takes.UPLOAD:
            return ["-a '(xnat-wizard completion uploads 2>/dev/null)' -F"]
    return []


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _with_value(places: Iterable[Place]) -> list[tuple[Place, Option]]:
    return [(place, option) for place in places for option in place.options if option.takes is not Takes.NOTHING]


def _patterns(place: Place, option: Option) -> str:
    return "|".join(shlex.quote(f"{place.path} {flag}") for flag in option.flags)


def _skips(places: Iterable[Place], act: str) -> str:
    """Return the cases of options whose value is the next word."""
    return "\n".join(f"            {_patterns(place, option)}) {act} ;;" for place, option in _with_value(places))


def _commands(places: Sequence[Place]) -> str:
    return "\n".join(f"            {shlex.quote(place.path)}) at={shlex.quote(place.path)} ;;" for place in places[1:])


def _described(name: str, words: str) -> str:
    """Return a proposal of zsh with what it is for."""
    return shlex.quote(f"{name}:{words}" if words else name)
