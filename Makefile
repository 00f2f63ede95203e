# Nightfold: start with `make run` and `make test`. `make help` lists the rest.
# Each sets up what it needs: uv (found, or installed into .uv/), Python 3.13 (through uv), and what uv.lock pins.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Finds a uv that runs in this folder and is not too old. A pyenv shim may exist and still fail here, so each is tried.
# Python runs from /, because .python-version may name a version that pyenv does not have.
UV_MINIMUM := $(shell sed -n 's/^required-version = ">=\([0-9.]*\)".*/\1/p' pyproject.toml)
FIND_UV := for uv in uv .uv/bin/uv "$$HOME/.local/bin/uv" "$$HOME/.cargo/bin/uv" \
	"$$(cd / && python3 -c 'import uv; print(uv.find_uv_bin())' 2>/dev/null)"; do \
	[ -n "$$uv" ] && found=$$("$$uv" --version 2>/dev/null) && { \
	[ "$$(printf '%s\n' $(UV_MINIMUM) "$$(echo "$$found" | cut -d' ' -f2)" | sort -V | head -n 1)" = $(UV_MINIMUM) ] \
	&& { echo "$$uv"; break; } || echo "$$uv is too old: $$found, and Nightfold needs $(UV_MINIMUM) or later." >&2; }; done
export UV_PROJECT_ENVIRONMENT := $(CURDIR)/.venv
unexport PYTHONDONTWRITEBYTECODE # with it, each process that a target starts compiles the packages again

UV = $(eval UV := $$(shell ($$(FIND_UV)) 2>/dev/null))$(UV)

.PHONY: help
help: ## List these commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

.PHONY: uv
uv:
	@if [ -z "$$($(FIND_UV))" ]; then \
	  echo "Installing uv into .uv/ …" >&2; \
	  (cd / && python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --upgrade --target "$(CURDIR)/.uv" uv) \
	  || { echo "uv could not be installed. Follow https://docs.astral.sh/uv/ to install it, then try again." >&2; exit 1; }; fi

# Compile bytecode once, here: without it the first run is two seconds slower.
.venv/.synced: pyproject.toml uv.lock .python-version | uv
	@echo "Setting up Python 3.13 and the packages in .venv/ (once) …" >&2
	@$(UV) sync --quiet --locked --inexact --compile-bytecode
	@touch $@

.PHONY: run
run: .venv/.synced ## Run once on this machine; passes options on, such as ARGS="--concurrency 2"
	@# Exit status 2 is a partial run: results were kept, and the census shows what is missing. uv, which also fails with 2,
	@# has ended by then. PWD is the user's folder, which make -C leaves: suggested commands have to work there.
	@# Python starts the script: where the path has a space, uv writes it for sh, which sets its own PWD.
	@PWD="$(PWD)" .venv/bin/python .venv/bin/nightfold run $(ARGS) || [ $$? -eq 2 ]

.PHONY: test
test: uv ## Run the tests in three processes; passes options to pytest, such as ARGS="-k census"
	@$(UV) run --locked --all-groups pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder $(ARGS)

.PHONY: check
check: uv ## Check format, lint and types; lint the template and the state machine
	$(UV) run --locked --all-groups ruff format --check
	$(UV) run --locked --all-groups ruff check
	$(UV) run --locked --all-groups mypy functions infra tests
	$(UV) run --locked --all-groups bandit --quiet --recursive --severity-level medium functions infra
	$(UV) run --locked --all-groups python -m infra.packaging.lint
	$(UV) run --locked --all-groups pytest --quiet tests/unit/infra/test_template.py tests/unit/infra/test_statemachine.py \
	  tests/unit/infra/test_operations.py tests/unit/test_architecture.py

.PHONY: chaos
chaos: uv ## Runs with random faults, crashes and kills; ARGS="--runs 100 --kills 50 --seed 7"
	@$(UV) run --locked --all-groups python -W ignore -m tests.chaos $(ARGS)

.PHONY: build
build: uv ## Build the functions' packages for `sam deploy`; ARCHITECTURE=x86_64 for Intel processors
	@$(UV) run --locked python -m infra.packaging $(if $(ARCHITECTURE),--architecture $(ARCHITECTURE))

.PHONY: package
package: uv # one function's folder, for `sam build` through functions/Makefile
	@$(UV) run --locked python -m infra.packaging --function $(FUNCTION) --architecture $(ARCHITECTURE) --into "$(INTO)"

.PHONY: bench-cold-start
bench-cold-start: ## Compare each function's init time with a plain `sam build`; QUICK=1 for a short run
	@$(MAKE) --no-print-directory bench ARGS="--only cold_start $(ARGS)"

.PHONY: bench
bench: uv ## Measure waves, simulation, race, scale; QUICK=1 for a short run, ARGS="--only race --seed 7"
	@$(UV) run --quiet --locked --all-groups python -W ignore -m tests.performance.bench $(if $(QUICK),--quick) $(ARGS)

.PHONY: e2e
e2e: uv ## Test the page in Chromium (screenshots in .nightfold/screenshots), the built packages, planted mistakes
	@browser() { command -v chromedriver && { command -v chromium || command -v chromium-browser || command -v google-chrome; }; }; \
	browser >/dev/null 2>&1 || { as=; [ "$$(id -u)" = 0 ] || as="sudo -n"; \
	  command -v apt-get >/dev/null && $$as apt-get update -qq && \
	  $$as apt-get install -y -qq --no-install-recommends chromium chromium-driver >/dev/null; } || true; \
	browser >/dev/null 2>&1 || { echo "Install Chromium and its driver, then try again: apt-get install chromium chromium-driver (Debian), dnf install chromium chromedriver (Fedora), brew install --cask chromium chromedriver (macOS)." >&2; exit 1; }
	@NIGHTFOLD_BROWSER=1 NIGHTFOLD_LINTERS=1 $(UV) run --locked --all-groups pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder tests/e2e $(ARGS)

.PHONY: docs
docs: uv ## Update the generated tables and the command reference in the documents
	@$(UV) run --locked --all-groups python -m tests.support.documents

.PHONY: screenshots
screenshots: uv ## Take the README's screenshots of the page, from one simulated run
	@$(UV) run --locked --all-groups python -m tests.e2e.screenshots
