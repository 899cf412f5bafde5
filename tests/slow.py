"""What `make check` leaves out and `make test` runs: each with the reason why it cannot be quick."""

SLOW = {
    "tests/package/test_ways.py": "installs the program anew for each way and each version of Python",
    "tests/package/test_places.py": "goes the whole way in each place, with the program installed anew",
    "tests/package/test_bundle.py": "packs all dependencies into one file and unpacks it in empty homes",
    "tests/hardening/": "spoils, stops, kills and meddles with whole uploads in processes of their own",
    "tests/e2e/": "a person's whole way, key by key, in a terminal",
    "tests/privacy/": "whole uploads and all commands, then a search through all they left and showed",
    "tests/test_manual_examples.py": "does what every page of the manual says, in one sandbox after the other",
    "tests/fuzz/test_hostile_archives.py": "packs 100,000s of members, to see the memory that reading them takes",
    "tests/fuzz/test_endless_sequences.py": "writes millions of items, to see what reading them takes",
    "tests/fuzz/test_broken_trees.py": "surveys every broken folder of the shared data",
    "tests/xnat/test_memory.py": "answers of a hundred megabytes, to see the memory that reading them takes",
    "tests/upload/test_killed.py": "kills a worker again and again until the upload has ended",
    "tests/upload/test_routes_killed.py": "kills a worker of every route",
    "tests/upload/test_fault_matrix.py": "a whole upload for each fault in each phase",
    "tests/upload/test_every_byte.py": "sends a study by every route and every kind of connection",
    "tests/upload/test_cstore_dcmtk.py": "sends real files with another program and compares each byte",
    "tests/upload/test_deidentify_routes.py": "sends de-identified studies by every route",
    "tests/upload/test_worker.py": "starts a worker process for each test",
    "tests/troubleshoot/test_check.py": "connections that break or hang in every way, each waited for",
    "tests/troubleshoot/test_check_odd.py": "sites that answer oddly or not at all, each waited for",
    "tests/troubleshoot/test_scenarios.py": "ten stories from the first file to the mended end",
    "tests/wizard/test_everywhere.py": "walks all steps, in every size",
    "tests/wizard/test_broken_trees.py": "shows every broken folder of the shared data on the screen",
    "tests/wizard/test_themes.py::test_every_text_stands_out": "measures every text of every screen in four themes",
    "tests/wizard/test_rows.py::test_a_million_rows_scroll_without_delay": "needs its million rows",
    "tests/wizard/test_upload.py": "watches whole uploads by worker processes",
    "tests/wizard/test_troubleshoot.py": "searches after whole uploads",
    "tests/wizard/test_results.py": "whole transfers of results, watched, stopped, gone on with",
    "tests/wizard/test_convert.py": "whole conversions by the real converter, watched and stopped",
    "tests/wizard/test_prearchive.py": "a site with uploaded sessions for each test",
    "tests/wizard/test_archive.py": "a site with uploaded sessions for each test",
    "tests/wizard/test_plan_travel.py": "whole uploads by every route, planned on the screen",
    "tests/wizard/test_privacy_choice.py": "de-identifies and uploads what was chosen on the screen",
}


def reason(test: str) -> str:
    """Return why a test is slow; "" where it is not. A test is named as pytest names it."""
    return next((words for start, words in SLOW.items() if test.startswith(start)), "")
