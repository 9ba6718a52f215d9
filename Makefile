# make demo             set everything up and solve two problems with IPOPT
# make demo CASE=x.m    the same, with the network of a MATPOWER file
# make test             set everything up and run the fast tests
# make test-slow        the tests marked slow, those in TESTS if that is given
# make docs             set everything up and build the site: docs/_build/html/index.html
# make lint types       what CI checks beside the tests
# make clean            remove what was built
#
# VENV is where the environment goes, PYTHON what it is made from, WORKERS how many processes run the tests.

VENV ?= .venv
PYTHON ?= python3
CASE ?=
TESTS ?=
WORKERS ?= 2
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check
# What a file's tests compile, they share: each file stays in one process.
SIDE_BY_SIDE = --numprocesses $(WORKERS) --dist loadfile
READY := $(VENV)/ready
TOOLS := $(VENV)/tools
SITE := $(VENV)/site

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow docs lint types clean

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "lagrad needs Python 3.11 or later; $(PYTHON) is older. Name another: make PYTHON=python3.12" >&2; exit 1; }
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV) || { \
		echo "No virtual environment could be made (Debian: apt install python3-venv)." >&2; exit 1; }
	@echo "Setting up $(VENV): lagrad, what it stands on, and Ipopt. A minute or two the first time."
	@$(PIP) --editable '.[ipopt,plot,problems]'
	@touch $@

$(TOOLS): $(READY)
	@echo "Setting up the tools for tests and checks."
	@$(PIP) --editable '.[dev]'
	@touch $@

install: $(TOOLS)

demo: $(READY)
	@$(RUN) examples/opf_demo.py $(CASE)

test: $(TOOLS)
	$(RUN) -m pytest $(SIDE_BY_SIDE) --durations=10

test-slow: $(TOOLS)
	$(RUN) -m pytest $(SIDE_BY_SIDE) -m slow --durations=10 $(TESTS)

$(SITE): $(READY)
	@echo "Setting up what builds the site."
	@$(PIP) --editable '.[docs]'
	@touch $@

docs: $(SITE)
	$(RUN) -m sphinx -W --keep-going -b html docs docs/_build/html

lint: $(TOOLS)
	$(RUN) -m ruff check .

types: $(TOOLS)
	$(RUN) -m pyright --pythonpath $(RUN)

clean:
	rm -rf $(VENV) build dist docs/_build docs/benchmarks/tables .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
