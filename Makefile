# make demo    sweeps the example mailbox and shows what was made of each mail; needs Python 3.11 and pip
# make test    the tests; installs Dovecot and Cyrus where they are missing (as root, on Debian), else says how
# make check   format, lint, types, import contracts, the documents as a site, then the tests
# make docs    the documents as a site, in build/site; a warning is an error
# make reference  makes the reference pages anew from models, commands and errors
# make soak    the tests with every fault and long histories (hours); what they counted: build/figures.md, .json
# make bench   how fast it is here, beside its peers (ARGS=--quick: whether all of it runs; ARGS=--help)
# make pictures  makes the pictures of the command and of the replies in docs/pictures anew; the latter need Chromium
# make clean   removes what the others made
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST_ARGS ?= -n 3 --dist=worksteal
SOAK_ARGS ?=
SOURCES := pyproject.toml README.md LICENSE $(shell find emailint -type f ! -name '*.pyc')
PORTABLE := LC_ALL=C.UTF-8 PYTHONUTF8=1

.PHONY: demo test tests soak check docs reference format bench pictures clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	@examples/demo.sh $(BIN)/emailint

test: tests

check: $(VENV)/.for-tests $(VENV)/.for-checks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory docs
	@$(MAKE) --no-print-directory tests

# The theme would speak of its successor on each build; it is fixed and mended until then.
docs: $(VENV)/.for-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict -f docs/site/mkdocs.yml

reference: $(VENV)/.installed
	PYTHONPATH=. $(BIN)/python -m docs.site.reference docs/reference
	PYTHONPATH=. $(BIN)/python -m docs.site.way docs/pictures/way.svg

tests: $(VENV)/.installed $(VENV)/.for-tests
	@.ci/servers $(VENV)
	$(PORTABLE) $(BIN)/python -m pytest $(PYTEST_ARGS)

soak: $(VENV)/.installed $(VENV)/.for-tests
	@.ci/servers $(VENV)
	@mkdir -p build
	EMAILINT_SOAK=1 EMAILINT_FIGURES=build/figures $(PORTABLE) $(BIN)/python -m pytest $(PYTEST_ARGS) $(SOAK_ARGS)

format: $(VENV)/.for-checks
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.installed $(VENV)/.for-tests $(VENV)/.for-bench
	@.ci/servers $(VENV)
	$(BIN)/python -m benchmarks $(ARGS)

pictures: $(VENV)/.installed
	$(BIN)/python docs/pictures/make.py
	PYTHONPATH=. $(BIN)/python docs/pictures/templates.py

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@if [ -e data/.demo ]; then rm -rf data; fi
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: each says that its step is done for the files it depends on, so that a second run installs nothing.
$(BIN)/python:
	@.ci/python $(VENV)

# build/ goes first: setuptools would put modules into the wheel that were removed since.
$(VENV)/.installed: $(SOURCES) | $(BIN)/python
	@rm -rf build
	$(PIP) install --quiet .
	@touch $@

# Dependency groups need pip 25.1, and Python 3.11 brings an older one.
$(VENV)/.pip: | $(BIN)/python
	$(PIP) install --quiet 'pip>=25.1'
	@touch $@

$(VENV)/.for-tests: pyproject.toml | $(VENV)/.pip $(VENV)/.installed
	$(PIP) install --quiet --group test
	@touch $@

$(VENV)/.for-bench: pyproject.toml | $(VENV)/.pip $(VENV)/.for-tests
	$(PIP) install --quiet --group bench
	@touch $@

$(VENV)/.for-docs: pyproject.toml | $(VENV)/.pip
	$(PIP) install --quiet --group docs
	@touch $@

$(VENV)/.for-checks: pyproject.toml | $(VENV)/.pip
	$(PIP) install --quiet --group check
	@touch $@
