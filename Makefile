# Two commands do all their own set-up: `make demo` and `make test`. `make check` is the whole truth.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test check lint format types contracts golden conformance pictures clean

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

setup: $(STAMP)

demo: $(STAMP)
	$(BIN)/xnat-wizard practice --open --folder .demo

test: $(STAMP)
	$(BIN)/pytest

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

check: lint types contracts test

golden: $(STAMP)
	GOLDEN=update $(BIN)/pytest tests -k golden

pictures: $(STAMP)
	PYTHONPATH=tests $(BIN)/python tests/pictures.py

clean:
	rm -rf $(VENV) .demo
