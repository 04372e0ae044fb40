# Standwatch: install, show, test, check, measure. Needs make and Python 3.11 or later; the rest comes locked.
# Recipes use relative paths only, so that a checkout in a folder with spaces works.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help install dojo demo demo-install test test-install check lock-check lint types contracts lock bench soak clean moved

PY := .venv/bin/python
DEMO_PY := .demo/venv/bin/python
MODELS_PY := .demo/models/bin/python
FRAMEWORKS_PY := .demo/frameworks/bin/python
PIP := -m pip --disable-pip-version-check --quiet --no-input
SAY := @printf '%s\n'
# Given to pytest by `make test`, e.g. make test ARGS='tests/unit -x'
ARGS ?=
# Lowest version first tried is the one called python3; PYTHON=... overrides.
PYTHON ?=

# Scripts in an environment name its absolute path: a checkout that was moved or copied is installed anew.
ifneq ("$(shell cat .venv/.place 2>/dev/null)","$(shell pwd -P)")
PLACE := moved
endif

help:
	$(SAY) 'make install   the product in .venv' \
		'make demo      the example organisation, running, with real servers' \
		'make test      everything the tests need, then all tests (ARGS= goes to pytest)' \
		'make check     ruff, pyright, import contracts, locks' \
		'make bench     what governing a call costs, beside the raw machine' \
		'make soak      kill -9 and store faults, the long way; other long trials: ARGS="--only NAME"' \
		'make dojo      hijacked agents: AgentDojo through the gateway (ARGS="banking --detail")' \
		'make lock      resolve the dependencies again (UPGRADE=1 for newer versions)' \
		'make clean     remove what the others made'

# --- environments --------------------------------------------------------------------------------------------

install: .venv/.product
	$(SAY) 'install: ready; .venv/bin/standwatch --help'

.venv/.base: $(PLACE)
	@[ ! -e .venv/.place ] && .venv/bin/python $(PIP) --version >/dev/null 2>&1 && exit; \
	echo 'install: making .venv'; tried=''; \
	for python in "$(PYTHON)" python3 python3.14 python3.13 python3.12 python3.11 python; do \
		[ -n "$$python" ] && command -v "$$python" >/dev/null 2>&1 || continue; \
		tried="$$tried $$python"; \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		"$$python" -c 'import ensurepip, venv' 2>/dev/null || { \
			echo "install: $$python has no venv module (on Debian: apt-get install python3-venv)" >&2; continue; }; \
		exec "$$python" -m venv --clear .venv; \
	done; \
	echo "install: no usable Python 3.11 or later was found (tried:$${tried:- none})." >&2; \
	echo "install: install one, or name it: make install PYTHON=/path/to/python3" >&2; exit 1
	@pwd -P > .venv/.place
	@touch $@

.venv/.product: .venv/.base requirements/product.txt pyproject.toml
	$(SAY) 'install: locked dependencies of the product'
	@"$(PY)" $(PIP) install --require-hashes -r requirements/product.txt
	$(SAY) 'install: standwatch itself'
	@"$(PY)" $(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.demo/.base: .venv/.base
	@mkdir -p .demo
	@"$(PY)" -m venv --clear .demo/venv
	@touch $@

.demo/.servers: .demo/.base requirements/demo.txt requirements/npm.py $(wildcard requirements/demo-npm/*)
	$(SAY) 'demo: environment of the demo servers (.demo/venv)'
	@"$(DEMO_PY)" $(PIP) install --require-hashes -r requirements/demo.txt
	$(SAY) 'demo: Node servers (.demo/npm)'
	@"$(DEMO_PY)" requirements/npm.py requirements/demo-npm .demo/npm
	@touch $@

.demo/.models-base: .venv/.base
	@mkdir -p .demo
	@"$(PY)" -m venv --clear .demo/models
	@touch $@

# --no-deps: the lock is whole, and leaves out what models-overrides.txt names. --ignore-requires-python: MLServer says
# "below 3.13" and runs above it. --no-compile: most of it is never imported.
MODELS_PIP := $(PIP) install --require-hashes --no-deps --ignore-requires-python --no-compile

.demo/.models: .demo/.models-base requirements/models.txt
	$(SAY) 'demo: environment of the model servers (.demo/models, about 375 MB)'
	@"$(MODELS_PY)" $(MODELS_PIP) -r requirements/models.txt
	@touch $@

.demo/.models-test: .demo/.models requirements/models-test.txt
	$(SAY) 'test: more model servers and libraries (.demo/models)'
	@"$(MODELS_PY)" $(MODELS_PIP) -r requirements/models-test.txt
	@touch $@

# --no-compile: most of it is never imported. standwatch itself is found by PYTHONPATH: nothing of it is installed here.
.demo/.frameworks: requirements/frameworks.txt .venv/.base
	$(SAY) 'test: environment of the agent frameworks (.demo/frameworks, about 510 MB)'
	@mkdir -p .demo
	@"$(PY)" -m venv --clear .demo/frameworks
	@"$(FRAMEWORKS_PY)" $(PIP) install --require-hashes --only-binary :all: --no-compile -r requirements/frameworks.txt
	@touch $@

.venv/.test: .venv/.product requirements/test.txt
	$(SAY) 'test: locked tools'
	@"$(PY)" $(PIP) install --require-hashes -r requirements/test.txt
	@touch $@

build/npm/%/installed.sha256: tests/wire/%/package-lock.json requirements/npm.py .venv/.test
	$(SAY) 'test: Node packages of tests/wire/$*'
	@"$(PY)" requirements/npm.py tests/wire/$* build/npm/$*

demo-install: .venv/.product .demo/.servers .demo/.models
test-install: .venv/.test .demo/.servers .demo/.models-test .demo/.frameworks build/npm/conformance/installed.sha256 build/npm/servers/installed.sha256 build/npm/hosts/installed.sha256 build/npm/console/installed.sha256

# --- what people run -----------------------------------------------------------------------------------------

demo: demo-install
	@exec .venv/bin/standwatch demo

test: test-install
	@exec "$(PY)" -m pytest $(ARGS)

check: lock-check lint types contracts

lock-check: .venv/.test
	$(SAY) 'check: locks'
	@"$(PY)" requirements/lock.py --check

lint: .venv/.test
	$(SAY) 'check: ruff'
	@"$(PY)" -m ruff check .
	@"$(PY)" -m ruff format --check .

types: .venv/.test .demo/.frameworks
	$(SAY) 'check: pyright, strict'
	@PYRIGHT_PYTHON_GLOBAL_NODE=off PYRIGHT_PYTHON_IGNORE_WARNINGS=1 "$(PY)" -m pyright
	$(SAY) 'check: pyright, the adapters beside their frameworks'
	@PYRIGHT_PYTHON_GLOBAL_NODE=off PYRIGHT_PYTHON_IGNORE_WARNINGS=1 "$(PY)" -m pyright -p typings/frameworks.json

contracts: .venv/.test
	$(SAY) 'check: import contracts'
	@.venv/bin/lint-imports --no-logo

lock: .venv/.test
	@"$(PY)" requirements/lock.py $(if $(UPGRADE),--upgrade)

bench: test-install
	@exec "$(PY)" -m bench $(ARGS)

soak: test-install
	@exec "$(PY)" -m bench.soaking $(ARGS)

build/dojo/.installed: requirements/dojo.txt .venv/.test
	$(SAY) 'dojo: environment of AgentDojo (build/dojo/venv, about 290 MB)'
	@mkdir -p build/dojo
	@"$(PY)" -m venv --clear build/dojo/venv
	@build/dojo/venv/bin/python $(PIP) install --require-hashes -r requirements/dojo.txt
	@touch $@

dojo: test-install build/dojo/.installed
	@exec "$(PY)" -m bench.dojo $(ARGS)

clean:
	@rm -rf .venv .demo build .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find src tests bench examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
	$(SAY) 'clean: done'
