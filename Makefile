# make demo             set everything up and solve two problems with IPOPT
# make demo CASE=x.m    the same, with the network of a MATPOWER file
# make test             set everything up and run the fast tests
# make test-slow        the tests marked slow
# make lint types       what CI checks beside the tests
# make clean            remove what was built
#
# VENV is where the environment goes, PYTHON what it is made from.

VENV ?= .venv
PYTHON ?= python3
CASE ?=
RUN := $(VENV)/bin/python
READY := $(VENV)/ready

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow lint types clean

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

install: $(READY)

$(READY): pyproject.toml lagrad/install_ipopt.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "lagrad needs Python 3.11 or later; $(PYTHON) is older. Say which to take: make PYTHON=python3.12" >&2; exit 1; }
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV) || { \
		echo "No virtual environment could be made (Debian: apt install python3-venv)." >&2; exit 1; }
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[plot,problems,dev]'
	$(RUN) -m lagrad.install_ipopt
	@touch $@

demo: $(READY)
	$(RUN) examples/opf_demo.py $(CASE)

test: $(READY)
	$(RUN) -m pytest

test-slow: $(READY)
	$(RUN) -m pytest -m slow

lint: $(READY)
	$(RUN) -m ruff check .

types: $(READY)
	$(RUN) -m pyright --pythonpath $(RUN)

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
