# What a developer needs, each on a machine that has Python 3.11 or newer, make and a way to PyPI: `make demo`, `make test`.
PYTHON ?= python3
VENV := .venv
UV := $(VENV)/bin/uv
UV_VERSION := 0.13.9
BIN := $(VENV)/bin
WORKERS ?= auto

export UV_PROJECT_ENVIRONMENT := $(CURDIR)/$(VENV)
unexport VIRTUAL_ENV

.PHONY: demo test e2e faults lint format bench docs clean

demo: $(VENV)/.base
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh deploy-examples/quickstart/run.sh

test: $(VENV)/.dev
	$(BIN)/pytest -n $(WORKERS) --dist worksteal --ignore tests/e2e

# Real pods and a real API server; needs root for the pods. What a bare Debian lacks is installed.
e2e: $(VENV)/.dev
	@sh tests/e2e/install.sh
	$(BIN)/pytest tests/e2e -p no:randomly -n 0 --timeout 1500

# Every fault instead of a sample of them, and the figures in docs/reliability.md: half an hour.
faults: $(VENV)/.dev
	@mkdir -p .cache && rm -f .cache/faults.jsonl
	FAULTS=full FAULT_FIGURES=$(CURDIR)/.cache/faults.jsonl $(BIN)/pytest tests/faults -p no:randomly -n 0 --timeout 3600
	$(BIN)/python docs/faults.py .cache/faults.jsonl

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python docs/reference.py --check

format: $(VENV)/.dev
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(VENV)/.bench
	$(BIN)/python benchmarks/run.py

docs: $(VENV)/.dev
	$(BIN)/python docs/reference.py

clean:
	rm -rf $(VENV) .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist site

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"Python 3.11 or newer is needed, {sys.executable} is {sys.version.split()[0]}: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.base: pyproject.toml uv.lock | $(UV)
	$(UV) sync --frozen --inexact --quiet --no-default-groups --extra all
	@touch $@

$(VENV)/.dev: pyproject.toml uv.lock | $(UV)
	$(UV) sync --frozen --inexact --quiet --extra all --group dev
	@touch $@ $(VENV)/.base

$(VENV)/.bench: pyproject.toml uv.lock | $(UV)
	$(UV) sync --frozen --inexact --quiet --extra all --group dev --group bench
	@touch $@ $(VENV)/.dev $(VENV)/.base
