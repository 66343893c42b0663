# Every target does its own set-up: a stamp file says which set of packages .venv holds, and is
# older than pyproject.toml or constraints.txt when it has to be renewed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# torch is named by its exact version: a bare "torch" takes the newest build, which drags in
# gigabytes of CUDA libraries where the index has no CPU build of it.
TORCH := torch==2.13.0
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
PYTEST := $(BIN)/python -m pytest

.PHONY: demo demo-nogo demo-wulff test test-all bench lint docs clean

demo: $(VENV)/.stamp-certify
	$(BIN)/python -m certify.demo

demo-nogo: $(VENV)/.stamp-certify
	$(BIN)/python -m nogo.demo

demo-wulff: $(VENV)/.stamp-certify
	$(BIN)/python -m wulff.demo

test: $(VENV)/.stamp-dev
	$(PYTEST) -m "not slow"

test-all: $(VENV)/.stamp-dev
	$(PYTEST)

bench: $(VENV)/.stamp-dev
	$(PYTEST) benchmarks --benchmark-columns=min,median,iqr,rounds --benchmark-group-by=group --benchmark-warmup=on

lint: $(VENV)/.stamp-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.stamp-dev
	$(PYTEST) docs README.md

clean:
	rm -rf $(VENV) out build *.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "radii needs Python 3.11 or newer, $(PYTHON) is older or missing; try: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.stamp-certify: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) $(TORCH) --editable '.[certify]'
	@touch $@

$(VENV)/.stamp-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) $(TORCH) --editable '.[dev]'
	@touch $@ $(VENV)/.stamp-certify
