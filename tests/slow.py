"""What `make check` leaves out and `make test` runs: each with the reason why it cannot be quick."""

SLOW = {
    "tests/package/test_ways.py": "installs the program anew for each way and each version of Python",
    "tests/package/test_places.py": "goes the whole way in each place, with the program installed anew",
    "tests/package/test_bundle.py": "packs all dependencies into one file and unpacks it in empty homes",
    "tests/upload/test_killed.py": "kills a worker again and again until the upload has ended",
    "tests/upload/test_every_byte.py": "sends a study by every route and every kind of connection",
    "tests/upload/test_cstore_dcmtk.py": "sends real files with another program and compares each byte",
    "tests/hardening/test_others.py::test_it_is_told": "lets everybody meddle with an upload at every moment",
    "tests/e2e/test_newcomer.py": "a person's whole first day, key by key, in a terminal",
    "tests/wizard/test_everywhere.py::test_every_step_keeps_the_rules": "walks all steps in every size",
    "tests/wizard/test_themes.py::test_every_text_stands_out": "measures every text of every screen in four themes",
    "tests/wizard/test_rows.py::test_a_million_rows_scroll_without_delay": "needs its million rows",
    "tests/troubleshoot/test_scenarios.py::test_s3": "sends 860 images one by one, as the scenario has it",
    "tests/troubleshoot/test_scenarios.py::test_s10": "waits for a site to build what came by two ways",
}


def reason(test: str) -> str:
    """Return why a test is slow; "" where it is not. A test is named as pytest names it."""
    return next((words for start, words in SLOW.items() if test.startswith(start)), "")
