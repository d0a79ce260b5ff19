# The house keeping. `make demo` and `make test` are all that most people need.
PYTHON  ?= python3
VENV    ?= .venv
WORKERS ?= 2
BIN     := $(VENV)/bin
PIP     := $(BIN)/python -m pip --disable-pip-version-check
PYTEST  := $(BIN)/python -m pytest -n $(WORKERS)
INPUTS  := pyproject.toml constraints.txt

# The slow tier runs when asked for (SLOW=1) and on continuous integration (CI=true).
SLOW    ?= $(if $(filter true 1,$(CI)),1)

.PHONY: help install dev demo test lint format bench docs clean

help:     ## say what there is
	@grep -E '^[a-z]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:[^#]*## /\t/'

install: $(VENV)/.installed      ## a virtual environment with commonweal in it

dev: $(VENV)/.installed-dev      ## the same, with what the tests need

demo: $(VENV)/.installed         ## run the demonstration study and write its report
	$(BIN)/commonweal demo

test: lint                       ## lint, types, fast tests; SLOW=1 adds the slow tier
	$(PYTEST)
ifeq ($(SLOW),1)
	$(PYTEST) -m slow || test $$? -eq 5  # 5: there are no slow tests
endif

lint: $(VENV)/.installed-dev     ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(VENV)/.installed-dev   ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

RIVALS  ?= .venv-rivals
bench: $(VENV)/.installed        ## measure the speed on this machine, beside the rivals in RIVALS=folder
	$(BIN)/python benchmarks/run.py --rivals $(RIVALS) $(BENCH)

docs: $(VENV)/.installed-dev     ## check that the documentation tells the truth
	$(BIN)/python -m pytest tests/test_docs.py -m ""

clean:                           ## remove everything that can be made again
	rm -rf $(VENV) dist build .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(INPUTS) | $(BIN)/python
	$(PIP) install -q -e . -c constraints.txt
	@touch $@

$(VENV)/.installed-dev: $(INPUTS) | $(BIN)/python
	$(PIP) install -q -e ".[dev]" -c constraints.txt
	@touch $(VENV)/.installed $@
