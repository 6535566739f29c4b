# Everything runs from one virtual environment that these targets set up themselves.
# PYTHON chooses the interpreter (3.10 or newer) it is made of.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What steps call the uploaded task. (Said here so that a machine's own variable NAME means nothing.)
NAME := PipAuthenticate
export NAME PUBLISHER

.PHONY: help setup task extension action dist lint types test demo docs reference pictures bench clean

help: ## Show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.ready ## Set up the virtual environment

$(VENV)/.ready: pyproject.toml emulator/pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed: make PYTHON=/path/to/python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' --editable ./emulator
	touch $@

task: setup ## Build dist/task/PipAuthenticate, to be uploaded; NAME=... names it otherwise
	$(BIN)/python tools/build_task.py --name="$$NAME"

action: setup ## Build dist/action, which is what a release's tag holds for GitHub
	$(BIN)/python tools/build_action.py

dist: setup ## Build the wheel, the source distribution and dist/pip-authenticate.pyz, which runs by itself
	$(BIN)/python tools/build_dist.py

extension: setup ## Build dist/extension/PUBLISHER....vsix, to be installed; PUBLISHER=... is needed
	$(BIN)/python tools/build_extension.py --publisher="$$PUBLISHER"

lint: setup ## Check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## Check types
	$(BIN)/mypy

test: lint types task ## Lint, types and all tests, with coverage
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --cov --cov-report=term

demo: task ## Run the documentation's examples against the emulated organisation
	$(BIN)/python tools/demo.py

docs: reference ## Build the documentation's site, build/site/index.html
	$(BIN)/mkdocs build --quiet

reference: setup ## Write the documentation's parts that are tables of the sources
	$(BIN)/python tools/build_reference.py

pictures: setup ## Draw the documentation's pictures, of what the command shows
	$(BIN)/python tools/build_pictures.py

bench: task dist ## Measure the budgets
	$(BIN)/python benchmarks/budgets.py
	$(BIN)/python benchmarks/installs.py

clean: ## Remove what the other targets made
	rm -rf $(VENV) node_modules dist build .coverage* htmlcov .mypy_cache .pytest_cache .ruff_cache .hypothesis
