# `make help` lists what there is. The first target that needs it makes .venv from the locks.
.SHELLFLAGS := -euc
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
# Everything a run installs comes from a lock, with hashes; nothing is resolved on the way.
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
PROJECT = $(INSTALL) --no-deps --no-build-isolation --editable .
# As pip does for what it copies: the first start is not the time to compile.
COMPILE = $(BIN)/python -m compileall -q cli sandbox services shared
CODE := cli sandbox services shared tests $(wildcard bench)
ARGS ?=

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: $(VENV)/.embedded ## Run everything with the demo year and print its ROI; Ctrl-C stops it
	@exec $(BIN)/earned up $(ARGS)

.PHONY: up-empty
up-empty: $(VENV)/.embedded ## Run everything without the demo
	@exec $(BIN)/earned up --empty $(ARGS)

.PHONY: test
test: $(VENV)/.dev ## Run every test (one file: make test ARGS=tests/unit/test_ports.py)
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

.PHONY: property-long
property-long: $(VENV)/.dev ## Compare 600 random histories with the oracle, and 75 or 100 of each further kind
	EARNED_PROPERTY_PROFILE=long $(BIN)/pytest -n 2 --dist worksteal tests/property $(ARGS)

.PHONY: mutation
mutation: $(VENV)/.dev ## Mutate the formulas and the fold (hours; some: make mutation ARGS="--sample 300")
	$(BIN)/python -m tests.mutation.formulas $(ARGS)
	$(BIN)/python -m tests.mutation $(ARGS)

.PHONY: check
check: $(VENV)/.dev ## Format, lint, types, import contracts, spelling
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

.PHONY: format
format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

.PHONY: bench
bench: $(VENV)/.dev ## Measure, write bench/results.json (one: make bench BENCH=ledger.append)
	$(BIN)/python -m bench $(addprefix --only ,$(BENCH)) $(ARGS)

.PHONY: bench-long
bench-long: $(VENV)/.dev ## Measure with large histories
	$(BIN)/python -m bench --long $(addprefix --only ,$(BENCH)) $(ARGS)

.PHONY: lock
lock: ## Write the lock files again (needs uv; newer versions: make lock ARGS=--upgrade)
	@command -v uv >/dev/null || { echo "make lock needs uv on the PATH" >&2; exit 1; }
	$(LOCK) -o requirements.lock
	@# What production runs is what tests ran with: the larger locks keep the versions of the first.
	$(LOCK) --extra embedded -c requirements.lock -o requirements-embedded.lock
	$(LOCK) --extra embedded --extra dev -c requirements.lock -o requirements-dev.lock

LOCK = UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile -q --universal --generate-hashes \
    --python-version 3.11 --extra build $(ARGS) pyproject.toml

.PHONY: clean
clean: ## Remove .venv and caches; the demo's data in .earned stay
	rm -rf $(VENV) mutants *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: the second run installs nothing. The dev lock holds everything of the embedded one.
$(VENV)/.embedded: requirements-embedded.lock pyproject.toml | $(BIN)/python
	@echo "Installing what is locked in $< …"
	@$(INSTALL) --require-hashes -r $<
	@$(PROJECT)
	@$(COMPILE)
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "Installing what is locked in $< …"
	@$(INSTALL) --require-hashes -r $<
	@$(PROJECT)
	@$(COMPILE)
	@touch $@ $(VENV)/.embedded

$(BIN)/python:
	@python=""; \
	for candidate in $${PYTHON:-} python3.14 python3.13 python3.12 python3.11 python3 python; do \
	    if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
	        >/dev/null 2>&1; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "Earned needs Python 3.11 or newer with venv and pip (Debian: apt install python3-venv);" >&2; \
	    echo "if it is not on the PATH: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; exit 1; \
	fi; \
	echo "Making $(VENV) with $$($$python --version) …"; \
	"$$python" -m venv $(VENV)
