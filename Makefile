# The commands of a day's work. "make" alone lists them.

PORT ?= 8000
CASES ?= 200
SEEDS ?= 100000
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
FRONTEND := $(shell find webapp/frontend -type f -not -path '*/node_modules/*' 2>/dev/null)
BUILT_FROM := pyproject.toml hatch_build.py requirements/build.txt $(FRONTEND)
# Two tests at a time: each brings its own databases. TESTS=tests/engine runs a part.
TESTS ?= tests
PYTEST_ARGS ?= -n 2 --dist loadfile --no-loadscope-reorder

# What needs no database, but for a test or two: rules, forms, texts, expressions, DMN, the checks, the architecture.
QUICK := tests/rules tests/forms tests/models tests/importing \
	tests/test_architecture.py tests/test_documents.py tests/test_rules.py tests/test_translations.py \
	$(patsubst %,tests/engine/test_%.py,bpmn_table checked_locks decision_checks decisions expression_limits \
	expressions permissions reading tck upload_limit working_time xml)
# Histories that are generated at night; by day 40 and 12 are enough to see that they are played at all.
HISTORIES ?= 20000
INSPECTIONS ?= 2000

.DEFAULT_GOAL := help
.PHONY: help run quick test sure nightly lint format contracts types check wheel tests everywhere coverage translations rules packages lock oracle prove histories mutants bench clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.installed var/secret-key ## start Kartabl with demo data on http://127.0.0.1:8000 (PORT=…), keeping what is there
	@set -a; [ ! -f .env ] || . ./.env; \
	: "$${KARTABL_MODE:=demo}" "$${KARTABL_PUBLIC_URL:=http://127.0.0.1:$(PORT)}"; \
	: "$${KARTABL_SECRET_KEY:=$$(cat var/secret-key)}"; set +a; \
	if [ "$$KARTABL_MODE" = demo ] && { [ ! -e var/demo-data ] || [ ! -s var/kartabl.db ]; }; then \
		echo "Making the demo data, once (CASES=$(CASES))"; \
		$(BIN)/kartabl demo --cases $(CASES) && touch var/demo-data || exit 1; \
	fi; \
	exec $(BIN)/kartabl run --port $(PORT)

quick: $(VENV)/.developing ## the tests of a minute: rules, forms, texts, expressions, DMN, checks, architecture
	$(BIN)/python -m pytest -q $(QUICK) $(PYTEST_ARGS)

test: lint contracts types check wheel tests ## what CI runs: style, imports, types, diagrams, wheel, tests; 25 minutes

sure: test ## the same: run it before you send a change

nightly: oracle prove histories everywhere mutants ## hours: oracle, proofs and histories at full size, every test on both databases, mutants

lint: $(VENV)/.developing ## style and format of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.developing ## put the code into its format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

contracts: $(VENV)/.developing ## who may import whom
	$(BIN)/lint-imports

types: $(VENV)/.developing ## type checks
	$(BIN)/mypy

check: $(VENV)/.developing ## check the diagrams against forms, operations and roles
	$(BIN)/kartabl check

wheel: $(VENV)/.developing ## build the wheel and use it from an empty environment
	tests/tools/smoke_wheel.sh $(BIN)/python

tests: $(VENV)/.developing ## the tests (TESTS=tests/engine for a part), on SQLite and PostgreSQL and in a browser
	@chromium=$$(tests/tools/ensure_chromium.sh) && export CHROMIUM="$$chromium" && \
	exec tests/tools/run_tests.sh $(BIN)/python $(TESTS) $(PYTEST_ARGS)

everywhere: $(VENV)/.developing ## the tests without a browser, each that has a database on SQLite and on PostgreSQL
	$(BIN)/python -m pytest $(TESTS) $(PYTEST_ARGS) -m "not browser" --both-databases

histories: $(VENV)/.developing ## 20,000 generated histories of payments, 2,000 of inspections (HISTORIES=…, INSPECTIONS=…)
	PAYMENT_HISTORIES=$(HISTORIES) INSPECTION_HISTORIES=$(INSPECTIONS) $(BIN)/python -m pytest -n 2 --timeout 0 \
		tests/scenarios/test_payment_histories.py tests/scenarios/test_inspection_histories.py

mutants: $(VENV)/.developing ## change the rules, the calendar, DMN, money and permissions in small ways: does a test fail? (MUTANTS=rules)
	$(BIN)/python -m tests.mutants $(MUTANTS)

coverage: $(VENV)/.developing ## the tests without a browser, and which lines of ours they did not reach (takes twice as long)
	$(BIN)/python -m pytest $(TESTS) $(PYTEST_ARGS) -m "not browser" --cov --cov-report=term

oracle: $(VENV)/.developing ## the engine against a token game on 100,000 random processes (SEEDS=1000 for fewer)
	$(BIN)/python -m tests.engine.oracle 0 $(SEEDS)

prove: $(VENV)/.developing ## kill, race, starve and outlive the application, on both databases, for an hour (PROVE_ARGS=--short)
	$(BIN)/python -m tests.prove $(PROVE_ARGS)

translations: $(VENV)/.developing ## collect the texts and update the English catalogue
	$(BIN)/python -m tests.tools.translations

bench: $(VENV)/.developing ## measure everything, about 45 minutes, and write docs/benchmarks.md (BENCH_ARGS=--quick to try)
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

rules: $(VENV)/.developing ## write docs/rules.md anew: which test proves which rule
	$(BIN)/python -m tests.tools.rules --write

packages: $(VENV)/.developing ## draw anew who imports whom: docs/packages-*.svg
	$(BIN)/python -m tests.tools.packages --write

lock: $(BIN)/uv ## lock every package anew after pyproject.toml changed (LOCK_ARGS=--upgrade: to the newest versions)
	$(BIN)/python -m tests.tools.lock $(LOCK_ARGS)

clean: ## remove the environment and everything built; the data in var/ stays
	rm -rf $(VENV) build dist *.egg-info webapp/static/dist webapp/frontend/node_modules
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage* htmlcov
	find models/translations -name '*.mo' -delete
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Signs the cookies of this machine's installation.
var/secret-key: | $(VENV)/bin/python
	@mkdir -p var && umask 077 && $(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(48))' > $@

# Stamps: nothing is done twice. The editable installation also builds the front end (hatch_build.py).
$(VENV)/bin/python:
	@tests/tools/make_venv.sh $(VENV)

$(VENV)/.installed: $(BUILT_FROM) requirements/run.txt | $(VENV)/bin/python
	tests/tools/install.sh $(BIN)/python run
	@touch $@

$(VENV)/.developing: $(BUILT_FROM) requirements/dev.txt | $(VENV)/bin/python
	tests/tools/install.sh $(BIN)/python dev
	@touch $@ $(VENV)/.installed

$(BIN)/uv: | $(VENV)/bin/python
	$(PIP) install -q --no-deps uv
