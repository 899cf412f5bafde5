"""What is installed along with this program: bounded, of known licences, and the one odd package never imported."""

import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution

import pytest
from packaging.requirements import Requirement

FREE = ("MIT", "BSD", "Apache", "PSF", "Python Software Foundation", "MPL", "Mozilla Public License")


def needed_by_all() -> Iterator[Distribution]:
    """Give every package that a plain installation brings along."""
    known: set[str] = set()
    waiting = ["xnat-wizard"]
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in known:
            continue
        known.add(name)
        found = distribution(name)
        yield found
        wanted = [Requirement(text) for text in found.requires or ()]
        waiting += [one.name for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]


def test_every_dependency_has_a_lower_and_an_upper_bound_and_is_within() -> None:
    wanted = [Requirement(text) for text in distribution("xnat-wizard").requires or ()]
    plain = [one for one in wanted if one.marker is None or "extra" not in str(one.marker)]
    assert len(plain) >= 10
    for one in plain:
        signs = {part.operator for part in one.specifier}
        assert signs in ({"=="}, {">=", "<"}), f"{one}: without both bounds nobody knows what is installed"
        if one.marker is None or one.marker.evaluate():
            assert one.specifier.contains(distribution(one.name).version), f"{one} is not what the tests run with"


def test_every_package_has_a_licence_that_allows_passing_it_on() -> None:
    unclear = []
    for found in needed_by_all():
        facts = found.metadata
        classes = [text for text in facts.get_all("Classifier") or () if text.startswith("License")]
        named = [text for name in ("License-Expression", "License") for text in facts.get_all(name) or ()]
        said = " ".join([*named, *classes])
        if not any(name in said for name in FREE) or "GPL" in said:
            unclear.append(f"{facts['Name']}: {said[:80]}")
    assert unclear == []


@pytest.mark.parametrize("flags", [(), ("-I",)])
def test_the_old_pathlib_that_pyxnat_asks_for_is_never_the_one_that_is_imported(flags: tuple[str, ...]) -> None:
    code = "import pathlib, sys, xnat_wizard.xnat.pyxnat_port, pyxnat.core.interfaces; print(pathlib.__file__)"
    done = subprocess.run([sys.executable, *flags, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(sysconfig.get_path("stdlib"))
    assert "site-packages" not in done.stdout
