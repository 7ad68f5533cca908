# Everything a developer or a curious visitor runs. Needs Python 3.11 or newer with venv, make and nothing else;
# `make demo` is the place to begin.

# The line of Airflow to work with, on which everything runs but `check`, `docs`, `bench` and `lock`. Each has its pins in
# constraints/ and a folder of its own.
NEWEST := 3.3
OLDER := 2.11 3.0 3.1 3.2
AIRFLOW ?= $(NEWEST)
$(if $(filter $(AIRFLOW),$(NEWEST) $(OLDER)),,$(error AIRFLOW=$(AIRFLOW) is none of $(OLDER) $(NEWEST)))
newest-or = $(if $(filter $(NEWEST),$(AIRFLOW)),$(1),$(2))

PYTHON ?= python3
VENV ?= $(call newest-or,.venv,.venv-$(AIRFLOW))
VENV_KEYSTONE ?= .venv-keystone
TESTS ?= tests
# pip can do all of this too, but takes 70 seconds where uv takes 4.
UV_VERSION := 0.13.9
CONSTRAINTS := constraints/airflow-$(AIRFLOW).txt
CONSTRAINTS_KEYSTONE := constraints/keystone.txt
EXTRAS := $(call newest-or,dev docs,test)
WANTED := $(EXTRAS:%=-e '.[%]')
# A program of its own, whose pins need not agree with Airflow's. From wheels only: sources would want a compiler.
WANTED_KEYSTONE := --only-binary :all: keystone waitress
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo up down test test-older test-keystone chaos bench check docs lock clean

help:  ## show this list; AIRFLOW=2.11, 3.0, 3.1 or 3.2 picks an older line
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

install: $(VENV)/.installed  ## make .venv with Airflow, the provider and all tools

demo: install  ## run the example DAG on a throw-away Airflow and the ModelArts emulator
	@$(BIN)/python -m demo run

up: install  ## start that Airflow and leave it running, to be used in a browser
	@$(BIN)/python -m demo up

down:  ## stop what `make up` started
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m demo down; else echo "Nothing is up, nothing is installed."; fi

test: install  ## run all tests, one end-to-end run in a real Airflow included
	$(BIN)/python -m pytest $(TESTS)

test-older:  ## run what touches Airflow on each older line: 2.11, 3.0, 3.1 and 3.2
	@set -e; for line in $(OLDER); do echo "== Airflow $$line"; \
	    $(MAKE) --no-print-directory test AIRFLOW=$$line TESTS='tests/emulated tests/e2e tests/chaos'; done

test-keystone: install $(VENV_KEYSTONE)/.installed  ## log in to a real OpenStack Keystone in every way, good and bad
	KEYSTONE_PYTHON=$(VENV_KEYSTONE)/bin/python $(BIN)/python -m pytest tests/keystone

chaos: $(VENV)/.chaos  ## break a real Airflow in every way there is and write docs/chaos.md (an hour; needs PostgreSQL)
	$(BIN)/python -m tests.chaos $(CHAOS_OPTIONS)

bench: $(VENV)/.bench  ## measure against other providers and write docs/performance.md (40 minutes; BENCH_OPTIONS=--quick: 6)
	$(BIN)/python -m benchmarks $(BENCH_OPTIONS)

check: install  ## lint, formatting, types, import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: install  ## build the documentation into site/
	$(BIN)/mkdocs build --strict

# The newest Airflow of each line, and the day until which packages are taken for it: with all that came later 3.0 and
# 3.2 do not run any more.
LOCKED_3.3 := apache-airflow==3.3.2
LOCKED_2.11 := apache-airflow==2.11.2
LOCKED_3.0 := apache-airflow==3.0.6 --exclude-newer 2025-09-05
LOCKED_3.1 := apache-airflow==3.1.8 --exclude-newer 2026-03-18
LOCKED_3.2 := apache-airflow==3.2.2 --exclude-newer 2026-06-05
COMPILE := $(BIN)/uv pip compile --python-version 3.11 --no-annotate --no-emit-index-url --no-emit-find-links \
    --custom-compile-command 'make lock' --quiet $(LOCK_OPTIONS)

lock: install $(OLDER:%=lock-%)  ## renew constraints/ (pins stay where nothing forces them; LOCK_OPTIONS=--upgrade renews all)
	echo '$(LOCKED_$(NEWEST))' | $(COMPILE) --universal --all-extras pyproject.toml - --output-file constraints/airflow-$(NEWEST).txt
	printf 'keystone\nwaitress\n' | $(COMPILE) --universal --only-binary :all: - --output-file $(CONSTRAINTS_KEYSTONE)

# This provider is newer than the lines, and so is what it stands on.
lock-%: install
	echo '$(firstword $(LOCKED_$*))' | $(COMPILE) --python-platform linux --extra chaos \
	    $(wordlist 2,3,$(LOCKED_$*)) --exclude-newer-package apache-airflow-providers-common-compat=2026-11-23 \
	    pyproject.toml - --output-file constraints/airflow-$*.txt

clean: down  ## delete all that was installed, built or left behind by a demo
	rm -rf .venv $(OLDER:%=.venv-%) $(VENV) $(VENV_KEYSTONE) .bench benchmarks/results .demo .airflow site dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
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

# Airflow 2.11 and 3.0 know no Python above 3.12.
PYTHON_OLDER ?= $(shell for python in $(PYTHON) python3.12 python3.11; do \
    "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null && { echo "$$python"; break; }; \
    done)

$(VENV)/.installed: pyproject.toml $(CONSTRAINTS)
	@test -n "$(call newest-or,$(PYTHON),$(PYTHON_OLDER))" || { \
	    echo "Airflow $(AIRFLOW) is run here with Python 3.11 or 3.12, and neither is here."; exit 1; }
	$(call make-venv,$(call newest-or,$(PYTHON),$(PYTHON_OLDER)),$(VENV))
	$(call install-into,$(VENV),$(CONSTRAINTS),$(WANTED))

$(VENV)/.chaos $(VENV)/.bench: $(VENV)/.%: $(VENV)/.installed
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -c $(CONSTRAINTS) -e '.[$*]'
	@touch $@

$(VENV_KEYSTONE)/.installed: $(CONSTRAINTS_KEYSTONE)
	$(call make-venv,$(PYTHON),$(VENV_KEYSTONE))
	$(call install-into,$(VENV_KEYSTONE),$(CONSTRAINTS_KEYSTONE),$(WANTED_KEYSTONE))
