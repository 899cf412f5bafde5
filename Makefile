# Two commands do all their own set-up: `make demo` and `make test`. `make test` runs every test; `make check` is for
# between two commits: lint, types, contracts, and the tests but those that tests/slow.py names, with the reasons.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The benchmarks have an environment of their own: other clients must not change what the tests run with.
BENCH := .venv-bench
BENCH_STAMP := $(BENCH)/.installed
ONLY ?=
# A test process a core; the tests of a file stay together, since they share what they build once.
SPREAD := -n auto --dist loadfile
# What the bundle shall run on: make bundle PYTHONS='python3.11 python3.12 python3.13'
PYTHONS ?= $(BIN)/python

.PHONY: setup demo test quick check lint format types contracts golden conformance clients pictures manual dist bundle matrix load fuzz meddle coverage clean

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

setup: $(STAMP)

demo: $(STAMP)
	$(BIN)/xnat-wizard practice --open --folder .demo

test: $(STAMP)
	$(BIN)/pytest $(SPREAD)

quick: $(STAMP)
	$(BIN)/pytest $(SPREAD) -m 'not slow'

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: $(STAMP)
	$(BIN)/mypy

contracts: $(STAMP)
	$(BIN)/lint-imports

conformance: $(STAMP)
	$(BIN)/python tests/conformance.py

# Real clients against the practice server: curl, pyxnat, xnatpy, DCMTK. What is not there is skipped by name.
clients: $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[clients]'
	command -v storescu > /dev/null || { test "$$(id -u)" = 0 && apt-get update -qq && \
	  apt-get install -y -qq --no-install-recommends dcmtk curl; } || echo "clients: DCMTK is not installed" >&2
	$(BIN)/pytest $(SPREAD) tests/clients tests/practice/test_pyxnat.py tests/practice/test_receiver.py

check: lint types contracts quick

golden: $(STAMP)
	GOLDEN=update $(BIN)/pytest tests -k golden

pictures: $(STAMP)
	PYTHONPATH=tests $(BIN)/python tests/pictures.py

manual: $(STAMP)
	PYTHONPATH=tests $(BIN)/python tests/manual.py

$(BENCH_STAMP): pyproject.toml
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/pip install --quiet --disable-pip-version-check --editable '.[bench]'
	touch $@

# The goals of speed as one table: make bench, or make bench ONLY=1,3
bench: $(BENCH_STAMP)
	PYTHONPATH=tests $(BENCH)/bin/python -m bench --only '$(ONLY)'

# Every fault of the practice server in every phase of every route, as one table: make matrix, or make matrix ONLY=archive
matrix: $(STAMP)
	PYTHONPATH=tests $(BIN)/python -m matrix $(ONLY)

# 500 subjects with 250,000 files in one plan, while the site misbehaves; about 40 minutes.
load: $(BENCH_STAMP)
	PYTHONPATH=tests $(BENCH)/bin/python -m load

# Bad input for every reader, ten minutes in all; what goes wrong is kept in fuzz-crashes/.
fuzz: $(STAMP)
	PYTHONPATH=tests $(BIN)/python -m fuzz --minutes 10 $(ONLY)

# What other people do to an upload meanwhile, as one table.
meddle: $(STAMP)
	PYTHONPATH=tests $(BIN)/python -m hardening $(ONLY)

# Branches of the core that any test goes through: make coverage, or make coverage ONLY=tests/upload for a part.
coverage: $(STAMP)
	$(BIN)/pytest $(SPREAD) -q --cov --cov-report=term --cov-fail-under=95 $(ONLY)

# Wheel and sdist, into dist/.
dist: $(STAMP)
	rm -rf dist
	$(BIN)/python -m build --no-isolation

# One file with all dependencies, for servers without internet; it needs a Python of the versions it was made for.
bundle: dist
	$(BIN)/python .ci/bundle.py --wheel dist/*.whl --into dist/xnat-wizard.pex $(foreach one,$(PYTHONS),--python $(one))

clean:
	rm -rf $(VENV) $(BENCH) .demo dist
