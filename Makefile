# Everything runs from a virtual environment made here; uv comes from the package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-cluster test check bench soak lock clean

help:  ## Show the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP)  ## Make the virtual environment and install everything, by hash.

$(STAMP): requirements.lock.txt pyproject.toml
	@test -x $(BIN)/uv || ($(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet uv)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP)  ## A plant with three dock doors, from LLRP bytes to the books, and its score. ARGS="--seed 7 --speed 20"
	@$(BIN)/tagledger demo $(ARGS)

demo-cluster: $(STAMP)  ## The same through Mosquitto, Kafka, two workers, TimescaleDB, two APIs, edges. ARGS=--compare
	@deploy/services/with.sh $(BIN)/tagledger demo-cluster $(ARGS)

test: $(STAMP)  ## All tests but the soaks.
	@$(BIN)/pytest -m "not soak" $(ARGS)

check: $(STAMP)  ## Format, lint, types, import contracts.
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(STAMP)  ## Benchmarks against named peers.
	@$(BIN)/python -m bench $(ARGS)

soak: $(STAMP)  ## Long seeded runs, and new examples for the tests of properties.
	@TAGLEDGER_EXPLORE=1 $(BIN)/pytest -m "soak or hypothesis" $(ARGS)

lock: $(STAMP)  ## Lock the newest versions, by hash, without download addresses.
	@$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --generate-hashes --no-emit-index-url \
	  --no-header --universal --python-version 3.11 --output-file requirements.lock.txt --quiet

clean:  ## Remove what the targets made.
	@rm -rf $(VENV) .state .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache bench/results
