# Two words are enough: `make run` and `make test`. Both make their own environment in .venv and say what they do.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
RUN    ?=

.PHONY: help run setup setup-run check test bench docs clean

help:
	@echo "make run     start the service on the embedded engine and print its address (RUN='--port 9000' for more)"
	@echo "make test    everything that CI runs"
	@echo "make setup   the development environment"
	@echo "make check   style, types"
	@echo "make bench   every benchmark, and the table of numbers in docs/reference/numbers.md"
	@echo "make docs    what is generated in docs"
	@echo "make clean   remove the environment"

run: setup-run
	@$(BIN)/voice serve --engine local $(RUN)

setup-run: $(VENV)/.run

setup: $(VENV)/.dev

$(BIN)/python:
	@echo "· making an environment in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit("voice needs Python 3.11 to 3.13; this is " + sys.version.split()[0]) if not (3, 11) <= sys.version_info[:2] <= (3, 13) else None'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(VENV)/.run: $(BIN)/python pyproject.toml
	@echo "· installing the service and the embedded engine (about 280 MB, once)"
	@$(BIN)/python -m pip install --quiet --editable '.[local,webrtc]'
	@sh .ci/voice-part "$(BIN)/python"
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@echo "· installing what the tests need"
	@$(BIN)/python -m pip install --quiet --editable '.[local,webrtc,espeak,desktop,png,smartturn]' --group dev
	@touch $@

check: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

test: setup
	@sh .ci/test "$(BIN)"

bench: setup
	@$(BIN)/python -m tests.benchmarks all --markdown docs/reference/numbers.md

docs: setup
	@$(BIN)/python -m docs.diagrams
	@$(BIN)/python -m tests.conformance

clean:
	@rm -rf $(VENV)
