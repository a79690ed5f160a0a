# `make run` and `make test` are all one needs: Python 3.11 or later, make, and a C compiler for speed.
# Everything made here stays in .venv, build and .ussd.

PYTHON ?= python3
PORT ?= 8000
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
# Of `make loadtest`. Not from the environment: some shells set HOST.
MIX = quick
HOST = http://127.0.0.1:$(PORT)
USERS =
TIME =
PROCESSES =
WEB =
# Of `make test`: how many files at once; else two more than there are cores: some only wait.
JOBS =
MENUS = $(patsubst %/service.yaml,%,$(wildcard menus/*/service.yaml))

# The locks are complete. Were pip to resolve them, a package that asks for `pydantic[email]` would be given the
# newest pydantic beside the locked one, and pip would give up at each new release: so --no-deps.
LOCKED = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r

.PHONY: install install-fit run test lint bench loadtest rivals migrate check-menus clean

install: $(VENV)/.built

# What `ussd scorecard fit` needs: large, and for analysts only.
install-fit: $(VENV)/.fit

$(VENV)/.fit: requirements/fit.txt | $(VENV)/.built
	$(LOCKED) requirements/fit.txt
	@touch $@

$(VENV)/.locked: requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) -V). Try: make PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "No virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(LOCKED) requirements/dev.txt
	@touch $@

# Old compiled modules go first: were the build to fail, Python would run them instead of newer sources.
# A build without a compiler is not marked as done, so that the next make tries again.
$(VENV)/.built: $(VENV)/.locked pyproject.toml setup.py $(wildcard core_ext/*.py) $(wildcard core_ext/*.pxd)
	@rm -f core_ext/*.so
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@if ls core_ext/*.so >/dev/null 2>&1; then touch $@; else \
	  echo "WARNING: core_ext could not be compiled and runs interpreted, many times slower." >&2; \
	  echo "Install a C compiler (gcc and the Python headers), then run make again." >&2; fi

run: install
	$(BIN)/ussd dev --port $(PORT) $(ARGS)

# A file's tests stay together, for they share what was made once; files with slow tests go first.
test: install
	$(BIN)/python -m pytest -n $(or $(JOBS),$(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 2)')) \
	  --dist loadfile --no-loadscope-reorder $(ARGS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install
	$(BIN)/python -m loadtests.bench turn $(ARGS)

# Makes ready what the bench compares with: Go, Node, and a second virtual environment. Needs a network once.
rivals: install
	$(BIN)/python -m loadtests.rivals prepare $(ARGS)

# A running server under load: docs/load-testing.md
loadtest: install
	$(BIN)/python -m loadtests $(MIX) --host $(HOST) $(if $(USERS),--users $(USERS)) $(if $(TIME),--time $(TIME)) \
	  $(if $(PROCESSES),--processes $(PROCESSES)) $(if $(WEB),--web) $(ARGS)

migrate: install
	$(BIN)/ussd migrate $(or $(ARGS),up)

check-menus: install
	$(BIN)/ussd check $(MENUS)
	$(BIN)/ussd test $(MENUS)

# The data of `make run` (.ussd) and the virtual environment are kept.
clean:
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	rm -f core_ext/*.so core_ext/*.c core_ext/*.html $(VENV)/.built
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
