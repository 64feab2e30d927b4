# Only relative paths and `python -m`: the checkout may lie in a folder with a space, which
# make's variables and the first line of .venv/bin's scripts both stumble over.
PYTHON = .venv/bin/python
PYTEST = $(PYTHON) -m pytest
# More than two cores have use for: tests wait for the database.
WORKERS ?= 3
JOBS ?= 500
SEED ?= 1

.PHONY: help run test proof faults lint bench e2e screenshots messages clean

help:
	@echo "make run       the application with its own PostgreSQL and Valkey (PORT, HOST, ZQYY_DATA_DIR)"
	@echo "make test      all tests: the fast ones, the slow ones, the browser's"
	@echo "make proof     the time machine's proof at its full size"
	@echo "make faults    500 jobs while everything around them is killed (JOBS, SEED)"
	@echo "make lint      format, ruff, mypy, Django's checks, missing migrations"
	@echo "make e2e       the browser journeys alone"
	@echo "make screenshots every page of the running demo into docs/screenshots/"
	@echo "make bench     the benchmarks"
	@echo "make messages  collect and compile the translations (needs GNU gettext)"
	@echo "make clean     remove .venv and the data folder, after asking"

run: .venv/run.stamp
	@exec $(PYTHON) -m zqyy.embedded

# pytest's status 5 means that nothing was selected. The slow tests that start worker processes want
# the machine for themselves, the others share it.
test: .venv/dev.stamp
	@failed=0; \
	check() { "$$@"; status=$$?; [ $$status -eq 0 ] || [ $$status -eq 5 ] || failed=1; }; \
	check $(PYTEST) -m "not slow and not browser" -n $(WORKERS); \
	check $(PYTEST) tests/metrics tests/demo -m slow -n $(WORKERS); \
	check $(PYTEST) -m "slow and not browser" --ignore tests/metrics --ignore tests/demo; \
	check $(PYTEST) -m browser; \
	exit $$failed

# The oracle and the truncated copies again, with 36 stores instead of four: each metric is asked on
# 504 days just before something happens to whom it is about.
proof: .venv/dev.stamp
	@PROOF=full $(PYTEST) tests/metrics/as_of

# Its own servers and workers, killed by a schedule that SEED repeats; about a quarter of an hour.
faults: .venv/dev.stamp
	@$(PYTHON) -m tests.faults --jobs $(JOBS) --seed $(SEED)

e2e: .venv/dev.stamp
	@$(PYTEST) -m browser

# Of what `make run` serves: start it first.
screenshots: .venv/dev.stamp
	@$(PYTHON) -m tests.browser.screenshots

# mypy's plugin imports the settings but connects to nothing: any well-formed URL does.
lint: .venv/dev.stamp
	@$(PYTHON) -m ruff format --check --cache-dir .venv/ruff-cache .
	@$(PYTHON) -m ruff check --cache-dir .venv/ruff-cache .
	@SECRET_KEY=lint DATABASE_URL=postgres://lint@localhost/lint REDIS_URL=redis://localhost \
		$(PYTHON) -m mypy --cache-dir .venv/mypy-cache .
	@$(PYTHON) manage.py check --database default
	@$(PYTHON) manage.py makemigrations --check --dry-run

# BENCH_SCALE=0.01 takes two minutes, 1 (the default) half an hour.
bench: .venv/dev.stamp
	@$(PYTHON) -m benchmarks

messages: .venv/run.stamp
	@$(PYTHON) manage.py makemessages --locale zh_Hans --no-location --ignore .venv --ignore .data --ignore "tests/*"
	@$(PYTHON) manage.py compilemessages --locale zh_Hans --ignore .venv

clean:
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m zqyy.embedded.clean && rm -rf .venv; \
	else echo "Nothing to remove: there is no .venv."; fi

.venv/run.stamp: requirements.txt | .venv/bin/python
	@echo "Installing requirements.txt ..."
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/dev.stamp: requirements-dev.txt requirements.txt | .venv/bin/python
	@echo "Installing requirements-dev.txt ..."
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ .venv/run.stamp

.venv/bin/python:
	@for python in python3 python3.13 python3.12 python3.11; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "Making .venv with $$($$python --version) ..."; \
			exec $$python -m venv .venv; \
		fi; \
	done; \
	echo "ZQYY needs Python 3.11 or newer; no python3 of that kind is on the PATH." >&2; \
	exit 1
