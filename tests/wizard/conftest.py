"""Fixtures of the screens: a terminal that is the same everywhere."""

import gc

import pytest

gc.set_threshold(50_000, 20, 10)  # a screen is a hundred thousand objects: looking for rubbish took a third of the time


def pytest_collection_finish() -> None:
    """Keep the modules, which stay, out of every search for rubbish."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def same_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every test a terminal with true colour, whatever the runner's is."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
