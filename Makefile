# All that one does with this checkout; `make` alone lists it.
#
# Each target brings what it needs: the environment in .venv is made on first use and brought
# up to date when the package's dependencies or the pinned versions change. To use another
# interpreter: make test PYTHON=python3.13

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PINS := requirements/dev.txt
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
DEMO := build/demo
CODE := src tests examples benchmarks services

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check fmt lint types services bench histories clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# A run is signed with a user name. In an account without one to sign with, such as root's,
# the demo signs as `demo`.
demo: $(VENV)/.demo-ready ## run the digits example and draw its report
	@mkdir -p $(DEMO)
	@cd $(DEMO); \
	signed=; \
	for name in "$$METAFLOW_USER" "$$SUDO_USER" "$$USERNAME" "$$USER"; do \
	    case "$$name" in ''|root) ;; *) signed=yes ;; esac; \
	done; \
	if [ -z "$$signed" ]; then export METAFLOW_USER=demo; fi; \
	"$(CURDIR)/$(BIN)/python" "$(CURDIR)/examples/digits.py" run \
	&& "$(CURDIR)/$(BIN)/python" "$(CURDIR)/examples/digits_report.py" digits.png \
	&& echo "The plot is in $(DEMO)/digits.png, all runs are kept in $(DEMO)/.metaflow."

# Some tests wait more than they work: one process more than there are cores.
JOBS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))

test: check ## run all checks and all tests, as continuous integration does
	@echo "tests"
	@failed=0; $(BIN)/python -m pytest --quiet --numprocesses $(JOBS) || failed=$$?; \
	$(BIN)/python services/run.py stop --temporary; exit $$failed

check: lint types ## run the checks that need no test: style, format, layers, types

fmt: $(VENV)/.dev-ready ## format the code and repair what can be repaired
	@$(BIN)/ruff check --quiet --fix $(CODE)
	@$(BIN)/ruff format --quiet $(CODE)

lint: $(VENV)/.dev-ready ## check style, format and layers
	@echo "style";  $(BIN)/ruff check --quiet $(CODE)
	@echo "format"; $(BIN)/ruff format --quiet --check $(CODE) \
	    || { echo "'make fmt' formats these files."; exit 1; }
	@echo "layers"; report=$$($(BIN)/lint-imports --no-logo 2>&1) \
	    || { echo "$$report"; exit 1; }

types: $(VENV)/.dev-ready ## check the types of the package
	@echo "types";  $(BIN)/mypy --strict --no-error-summary src
	@report=$$($(BIN)/basedpyright 2>&1) || { echo "$$report"; exit 1; }

services: $(BIN)/python ## start the real servers that tests talk to; `make services DO=stop`
	@$(BIN)/python services/run.py $(or $(DO),start)

HISTORIES ?= 5000
histories: $(VENV)/.dev-ready ## live through 5000 random crashes, or HISTORIES=N of them
	@HISTORIES=$(HISTORIES) $(BIN)/python -m pytest --quiet --numprocesses $(JOBS) tests/histories

bench: $(VENV)/.dev-ready ## measure against Metaflow and the floors; ARGS="--row E4 --quick"
	@$(BIN)/python -m benchmarks $(ARGS)

clean: ## remove the environments and everything built
	@test ! -d .services || $(PYTHON) services/run.py stop
	@rm -rf $(VENV) .rival .services build dist benchmarks/results

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "Python 3.11 or later is needed: make PYTHON=python3.11 ..."; exit 1; }
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.demo-ready: $(BIN)/python pyproject.toml $(PINS)
	@echo "installing the package and what the demo needs"
	@$(PIP_INSTALL) --constraint $(PINS) --editable '.[demo]'
	@touch $@

$(VENV)/.dev-ready: $(BIN)/python pyproject.toml $(PINS)
	@echo "installing the package and what checks and tests need"
	@$(PIP_INSTALL) --requirement $(PINS) --editable '.[demo]'
	@touch $@ $(VENV)/.demo-ready
