PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test lint lock audit services clean

setup: $(STAMP)

# uv installs the lock in seconds, but only pip is sure to be there to install uv.
$(BIN)/uv:
	$(PYTHON) -m venv $(VENV)
	awk '/^uv==/ {on = 1} on {print} on && !/\\$$/ {exit}' requirements.lock > $(VENV)/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
		-r $(VENV)/uv.lock

$(STAMP): requirements.lock pyproject.toml | $(BIN)/uv
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	$(BIN)/python -c 'from dispatch.routing import ready; ready()'
	touch $@

demo: setup
	$(BIN)/roaddust demo

test: lint
	$(BIN)/pytest -n auto --dist loadfile

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# What tests use beyond the Python packages: a real TimescaleDB, Mosquitto and a browser.
services: setup
	tests/services/prepare
	$(BIN)/python -m tests.services

# Index addresses stay out of the lock, so that it installs from whatever index a machine has.
lock: | $(BIN)/uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--extra dev --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
		--output-file requirements.lock $(LOCK_OPTIONS) pyproject.toml

# Known weaknesses of what the lock names. Needs PyPI's own advisories.
audit: | $(BIN)/uv
	$(BIN)/uv tool run pip-audit --strict --disable-pip --require-hashes -r requirements.lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
