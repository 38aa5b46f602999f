# `make` alone lists what there is. Everything is installed beside the code, in .venv; nothing on the machine.

PYTHON ?= python3
STAGE  ?= dev
UV     ?= $(shell command -v uv || echo $(PYTHON) -m uv)
BIN    := .venv/bin
PIP     = -m pip install --quiet --disable-pip-version-check --no-input
NODE    = node -e 'const [a, b] = process.versions.node.split("."); process.exit(a * 100 + +b < 2019 ? 1 : 0)' 2>/dev/null \
          && command -v npm >/dev/null
LOCK    = $(UV) pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11

.DEFAULT_GOAL := help
.PHONY: help up story db-reset frontend types test check fmt bench lock layer package deploy python node

help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	      /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Run
up: .venv/ready ## start everything on this machine (PORT=8000); Ctrl-C stops it
	@$(MAKE) --silent --no-print-directory frontend || echo 'The front end could not be built; starting without it.' >&2
	@$(BIN)/leadsrally up

story: .venv/ready ## play the main job against a running `make up`, printing what is stored
	@$(BIN)/leadsrally story

db-reset: .venv/ready ## throw away the local database; the next `make up` begins afresh
	@$(BIN)/leadsrally db-reset

frontend: ## build the front end into build/frontend
	@if $(NODE); then $(MAKE) --silent --no-print-directory build/frontend/index.html; \
	  else echo 'No Node 20.19 or newer with npm here, so the front end is not built; all the rest works.'; fi

##@ Work
test: .venv/ready .venv-aws/ready ## run all tests on a throw-away Postgres (ARGS="tests/kit -x")
	@$(BIN)/pytest -n 2 $(ARGS)

check: .venv/ready ## style, formatting, import arrows, types, security
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/basedpyright
	@$(BIN)/bandit --quiet --recursive shared functions
	@if $(NODE); then $(MAKE) --silent --no-print-directory frontend/node_modules/ready && npm run --silent --prefix frontend check; \
	  else echo 'No Node 20.19 or newer with npm here, so the front end is not checked.'; fi

types: .venv/ready frontend/node_modules/ready ## renew the front end's types from the OpenAPI document
	@mkdir -p build && $(BIN)/python -m infra.local.contract > build/openapi.json
	@npm run --silent --prefix frontend types

fmt: .venv/ready ## format and repair what can be repaired
	@$(BIN)/ruff format --quiet
	@$(BIN)/ruff check --fix

bench: .venv/ready ## measure every performance figure against its limit
	@$(BIN)/python -m bench

lock: ## renew requirements/*.lock from pyproject.toml (needs uv)
	@$(LOCK) pyproject.toml -o requirements/layer.lock
	@$(LOCK) pyproject.toml --extra local -o requirements/local.lock
	@$(LOCK) pyproject.toml --extra local --extra dev -o requirements/dev.lock
	@$(LOCK) requirements/emulator.in -o requirements/emulator.lock

##@ Ship
layer: .venv/ready ## build the Lambda layer
	@$(BIN)/python -m infra.aws.package layer

package: .venv/ready ## build the layer and the functions
	@$(BIN)/python -m infra.aws.package

deploy: node package ## migrate, deploy to AWS, migrate behind it (STAGE=dev)
	@npm ci --silent --ignore-scripts
	@$(BIN)/leadsrally migrate --phase before
	@npx --no-install osls deploy --stage $(STAGE)
	@$(BIN)/leadsrally migrate --phase after

# What the targets above stand on.

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo 'LeadsRally needs Python 3.11 or newer as `$(PYTHON)`; name another one with `make PYTHON=…`.' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo '`$(PYTHON) -m venv` does not work here; on Debian or Ubuntu install python3-venv.' >&2; exit 1; }

node:
	@$(NODE) || { echo 'Deploying needs Node 20.19 or newer with npm.' >&2; exit 1; }

.venv/ready: requirements/dev.lock pyproject.toml | python
	@echo 'Installing into .venv: the first time takes a minute or two.'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python $(PIP) --require-hashes -r requirements/dev.lock
	@$(BIN)/python $(PIP) --no-deps --no-build-isolation -e .
	@touch $@

# The emulator of AWS pins its own botocore, so it lives apart.
.venv-aws/ready: requirements/emulator.lock | python
	@echo 'Installing the AWS emulator into .venv-aws.'
	@$(PYTHON) -m venv .venv-aws
	@.venv-aws/bin/python $(PIP) --require-hashes -r requirements/emulator.lock
	@touch $@

# Of the front end.
frontend/node_modules/ready: frontend/package-lock.json
	@echo 'Installing what builds the front end: half a minute, once.'
	@npm ci --prefix frontend --ignore-scripts --silent
	@touch $@

build/frontend/index.html: frontend/node_modules/ready $(shell find frontend -path frontend/node_modules -prune -o -type f -print)
	@npm run --silent --prefix frontend build -- --logLevel warn
