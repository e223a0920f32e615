# Each target sets up what it needs in a virtual environment under this folder.
# Needed beforehand: python3 with venv, make, and a package index that pip reaches.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# Half as many again as there are cores, for tests wait for processes and servers.
WORKERS ?= $(shell $(PYTHON) -c "import os; print((os.cpu_count() or 1) * 3 // 2)")
READY = $(VENV)/.ready
JAVASCRIPT = tests/javascript/node_modules/.ready

# What depends on the version of Python: files, what scripts are run with, and the session.
BY_PYTHON = tests/batches tests/recording tests/session tests/test_settings.py \
	tests/cli/test_each_command.py \
	--ignore=tests/recording/test_corpus.py --ignore=tests/recording/test_ends.py \
	--ignore=tests/recording/test_generated_programs.py \
	--ignore=tests/recording/test_normal_values.py \
	--ignore=tests/recording/test_provisional_values.py \
	--ignore=tests/session/test_custom_attributes.py --ignore=tests/session/test_afterwards.py

.PHONY: demo prepare javascript test test-large test-python lint format docs bench clean

demo: $(READY)
	@$(BIN)/trackteroid demo

# The virtual environment alone.
prepare: $(READY)

# The official JavaScript client; the tests with it are skipped where there is no Node.
javascript: $(JAVASCRIPT)

test: $(READY) $(JAVASCRIPT)
	$(BIN)/python -m pytest -n $(WORKERS) -q

# With every generated example; `test` tries a part of them, others each time.
test-large: $(READY) $(JAVASCRIPT)
	$(BIN)/python -m pytest -n $(WORKERS) -q --generated=large

# On another Python: make test-python PYTHON=python3.12 VENV=.venv-3.12
test-python: $(READY)
	$(BIN)/python -m pytest -n $(WORKERS) -q $(BY_PYTHON)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Man pages and completions, from the commands; the module of entity types, from the schemas.
docs: $(READY)
	$(BIN)/python -m man.generate
	$(BIN)/python man/standard_types.py

# Ratios measured in one run; see tests/benchmarks.
bench: $(READY)
	$(BIN)/python -m tests.benchmarks

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=22'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[sandbox,dev]'
	@touch $@

$(JAVASCRIPT): tests/javascript/package.json
	@! command -v npm >/dev/null || { \
		npm install --prefix tests/javascript --no-package-lock --no-audit --no-fund \
			--no-update-notifier --ignore-scripts --loglevel=error && touch $@; }

clean:
	rm -rf .venv* tests/javascript/node_modules build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
