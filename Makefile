# Everything a developer or a curious visitor runs. Needs Python 3.11 or newer with venv, make and nothing else;
# `make demo` is the place to begin.

PYTHON ?= python3
VENV ?= .venv
VENV_AIRFLOW2 ?= .venv-airflow2
VENV_KEYSTONE ?= .venv-keystone
AIRFLOW_VERSION := 3.3.2
AIRFLOW2_VERSION := 2.11.2
# pip can do all of this too, but takes 70 seconds where uv takes 4.
UV_VERSION := 0.13.9
CONSTRAINTS := constraints/airflow-3.3.txt
CONSTRAINTS_AIRFLOW2 := constraints/airflow-2.11.txt
CONSTRAINTS_KEYSTONE := constraints/keystone.txt
WANTED := -e '.[dev,docs]' apache-airflow==$(AIRFLOW_VERSION)
WANTED_AIRFLOW2 := -e '.[test]' apache-airflow==$(AIRFLOW2_VERSION)
# A program of its own, whose pins need not agree with Airflow's. From wheels only: sources would want a compiler.
WANTED_KEYSTONE := --only-binary :all: keystone waitress
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo up down test test-airflow2 test-keystone chaos chaos-airflow2 bench check docs lock clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

install: $(VENV)/.installed  ## make .venv with Airflow, the provider and all tools

demo: install  ## run the example DAG on a throw-away Airflow and the ModelArts emulator
	@$(BIN)/python -m demo run

up: install  ## start that Airflow and leave it running, to be used in a browser
	@$(BIN)/python -m demo up

down:  ## stop what `make up` started
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m demo down; else echo "Nothing is up, nothing is installed."; fi

test: install  ## run all tests, one end-to-end run in a real Airflow included
	$(BIN)/python -m pytest

test-airflow2: $(VENV_AIRFLOW2)/.installed  ## run all tests but the end-to-end ones on Airflow 2.11
	$(VENV_AIRFLOW2)/bin/python -m pytest tests -m "not e2e"

test-keystone: install $(VENV_KEYSTONE)/.installed  ## log in to a real OpenStack Keystone in every way, good and bad
	KEYSTONE_PYTHON=$(VENV_KEYSTONE)/bin/python $(BIN)/python -m pytest tests/keystone

chaos: $(VENV)/.chaos  ## break a real Airflow in every way there is and write docs/chaos.md (half an hour; needs PostgreSQL)
	$(BIN)/python -m tests.chaos

chaos-airflow2: $(VENV_AIRFLOW2)/.chaos  ## the same with Airflow 2.11
	$(VENV_AIRFLOW2)/bin/python -m tests.chaos

bench: $(VENV)/.bench  ## measure against other providers and write docs/performance.md (40 minutes; BENCH_OPTIONS=--quick: 6)
	$(BIN)/python -m benchmarks $(BENCH_OPTIONS)

check: install  ## lint, formatting, types, import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: install  ## build the documentation into site/
	$(BIN)/mkdocs build --strict

lock: install  ## renew constraints/ (pins stay where nothing forces them; LOCK_OPTIONS=--upgrade renews all)
	echo 'apache-airflow==$(AIRFLOW_VERSION)' | $(BIN)/uv pip compile --universal --python-version 3.11 --all-extras \
	    --no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
	    --quiet $(LOCK_OPTIONS) pyproject.toml - --output-file $(CONSTRAINTS)
	echo 'apache-airflow==$(AIRFLOW2_VERSION)' | $(BIN)/uv pip compile --python-platform linux --python-version 3.11 \
	    --extra chaos --no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
	    --quiet $(LOCK_OPTIONS) pyproject.toml - --output-file $(CONSTRAINTS_AIRFLOW2)
	printf 'keystone\nwaitress\n' | $(BIN)/uv pip compile --universal --python-version 3.11 --only-binary :all: \
	    --no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
	    --quiet $(LOCK_OPTIONS) - --output-file $(CONSTRAINTS_KEYSTONE)

clean: down  ## delete all that was installed, built or left behind by a demo
	rm -rf $(VENV) $(VENV_AIRFLOW2) $(VENV_KEYSTONE) .bench benchmarks/results .demo .airflow site dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# $(call make-venv,interpreter,folder): the folder with a pinned uv in it, or words that help.
define make-venv
	@command -v $(1) >/dev/null || { echo "There is no $(1) here. Name a Python: make PYTHON=/path/to/python3"; exit 1; }
	@$(1) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "$$($(1) --version) is too old, 3.11 or newer is needed. Name another: make PYTHON=/path/to/python3"; exit 1; }
	@$(1) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(1) comes without venv. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@rm -rf $(2)
	@echo "making $(2) with $$($(1) --version)"
	@$(1) -m venv $(2)
	@$(2)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
endef

# $(call install-into,folder,constraints,requirements): uv reads no pip configuration, so where only pip knows the way
# to a package index, pip does it.
define install-into
	@$(1)/bin/uv pip install --quiet --compile-bytecode --python $(1)/bin/python -c $(2) $(3) || { \
	    echo "uv did not succeed; trying pip, which takes a minute or two"; \
	    $(1)/bin/python -m pip install --quiet --disable-pip-version-check -c $(2) $(3); }
	@touch $(1)/.installed
endef

$(VENV)/.installed: pyproject.toml $(CONSTRAINTS)
	$(call make-venv,$(PYTHON),$(VENV))
	$(call install-into,$(VENV),$(CONSTRAINTS),$(WANTED))

$(VENV)/.chaos $(VENV)/.bench: $(VENV)/.%: $(VENV)/.installed
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -c $(CONSTRAINTS) -e '.[$*]'
	@touch $@

$(VENV_KEYSTONE)/.installed: $(CONSTRAINTS_KEYSTONE)
	$(call make-venv,$(PYTHON),$(VENV_KEYSTONE))
	$(call install-into,$(VENV_KEYSTONE),$(CONSTRAINTS_KEYSTONE),$(WANTED_KEYSTONE))

$(VENV_AIRFLOW2)/.chaos: $(VENV_AIRFLOW2)/.installed
	@$(VENV_AIRFLOW2)/bin/uv pip install --quiet --python $(VENV_AIRFLOW2)/bin/python -c $(CONSTRAINTS_AIRFLOW2) -e '.[chaos]'
	@touch $@

# Airflow 2.11 knows no Python above 3.12.
PYTHON_AIRFLOW2 ?= $(shell for python in $(PYTHON) python3.12 python3.11; do \
    "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null && { echo "$$python"; break; }; \
    done)

$(VENV_AIRFLOW2)/.installed: pyproject.toml $(CONSTRAINTS_AIRFLOW2)
	@test -n "$(PYTHON_AIRFLOW2)" || { echo "Airflow 2.11 needs Python 3.11 or 3.12, and neither is here."; exit 1; }
	$(call make-venv,$(PYTHON_AIRFLOW2),$(VENV_AIRFLOW2))
	$(call install-into,$(VENV_AIRFLOW2),$(CONSTRAINTS_AIRFLOW2),$(WANTED_AIRFLOW2))
