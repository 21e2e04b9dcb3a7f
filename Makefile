# Two commands do everything on a fresh machine: `make run` and `make test`.
# Each creates .venv if it is missing and installs the pinned project into it.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
WORKERS ?= 2
# Scenarios of the reference report; the first is the baseline.
REPORTED := baseline public_commons strict_liability mandatory_certification no_transfer full_transfer customer_loss vertical_tie

.PHONY: report run test test-slow test-trl test-hours torture lint types contracts check docking benchmarks recovery ledger moments costs findings claims levers laboratory calibration docs docs-serve clean help

help: ## show the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: $(VENV)/.installed ## install, run the baseline, write runs/baseline with figures
	$(BIN)/econ run scenarios/baseline.yaml --out runs/baseline --force

test: $(VENV)/.installed-test ## install, run the tests
	$(BIN)/python -m pytest -n $(WORKERS) -q -m "not slow and not hours"

test-slow: $(VENV)/.installed-test ## the tests that take minutes
	$(BIN)/python -m pytest -n $(WORKERS) -q -m "slow and not hours"

test-trl: $(VENV)/.installed-test ## install TRL (100 MB), compare our losses with its own
	$(PIP) -e '.[test-trl]'
	$(BIN)/python -m pytest -q tests/lab/test_trl_losses.py

test-hours: $(VENV)/.installed-test ## the coverage of the fit's intervals, 200 repetitions per truth
	$(BIN)/python -m pytest -n $(WORKERS) -q -m hours

torture: $(VENV)/.installed-test ## kills, full disks, flipped bits, fuzzed files with full counts (half an hour of two CPUs), rewrite docs/reliability.md
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -q tests/torture --reliability docs/reliability.md

docking: $(VENV)/.installed-test ## check all limits with a known answer, rewrite docs/docking.md
	$(BIN)/python -m pytest -q tests/market -k "test_1_ or test_2 or test_3_ or test_4_ or test_5 or test_6_ or test_7_ or test_8_ or test_10_ or budget_share or stays_at_constant or currency" --docking docs/docking.md

report: $(VENV)/.installed ## run shipped scenarios and a decomposition (seven minutes of two CPUs), rewrite reports/reference
	$(PIP) -e '.[report]'
	$(BIN)/econ run $(REPORTED) --replicates 16 --out runs/reference --force
	$(BIN)/econ run no_transfer full_transfer --decompose --replicates 8 --out runs/reference_links --force
	$(BIN)/econ report runs/reference runs/reference_links --format html,pdf --out reports/reference --force

lint: $(VENV)/.installed-dev ## style and docstrings
	$(BIN)/ruff check .

types: $(VENV)/.installed-dev ## static types
	$(BIN)/mypy

contracts: $(VENV)/.installed-dev ## which layer may import which
	$(BIN)/lint-imports

check: test test-slow lint types contracts ## everything that CI checks

benchmarks: $(VENV)/.installed ## measure speed and memory (five minutes), rewrite docs/benchmarks.md
	$(BIN)/python -m benchmarks

recovery: $(VENV)/.installed ## coverage of the fit's intervals on synthetic truths, two designs (twenty minutes), rewrite docs/recovery.md
	$(BIN)/python -m benchmarks.recovery

ledger: $(VENV)/.installed ## a thousand random scenarios (five minutes), rewrite docs/ledger.md
	$(BIN)/python -m benchmarks.random_scenarios

moments: $(VENV)/.installed ## run the baseline and both replays of events (a minute), rewrite docs/moments.md
	$(BIN)/econ run baseline customer_loss vertical_tie --out runs/moments --force --quiet
	$(BIN)/python docs/make_moments.py runs/moments

costs: $(VENV)/.installed ## what less harm costs (a minute), rewrite docs/cost.md
	$(BIN)/econ cost --out runs/cost --force --quiet
	$(BIN)/python docs/make_cost.py runs/cost

findings: $(VENV)/.installed ## a hundred small runs (five minutes), rewrite the tables of docs/market_findings.md
	$(BIN)/python docs/make_findings.py

claims: $(VENV)/.installed ## run six scenarios (two minutes of CPU), rewrite docs/market_claims.md: claims 11 to 14
	$(BIN)/econ run baseline no_transfer full_transfer mandatory_certification public_commons strict_liability --out runs/claims --force --quiet
	$(BIN)/python docs/make_claims.py runs/claims

levers: $(VENV)/.installed ## run every shipped scenario against the baseline (five minutes), rewrite docs/levers.md
	$(BIN)/econ run baseline $$($(BIN)/econ scenario list | awk '$$1 != "baseline" {print $$1}') --out runs/levers --force --quiet
	$(BIN)/python docs/make_levers.py runs/levers

docs: $(VENV)/.installed-docs ## build the documentation into build/site; a warning or a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

docs-serve: $(VENV)/.installed-docs ## the documentation on http://127.0.0.1:8000, rebuilt as it is edited
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve --watch econ --watch scenarios --watch calibration

laboratory: $(VENV)/.installed ## rewrite docs/laboratory.md and its figures from the shipped measurements (ten minutes)
	OMP_NUM_THREADS=1 $(BIN)/python docs/make_laboratory.py

calibration: $(VENV)/.installed ## fit market parameters to the facts marked calibrate (five minutes of CPU), rewrite docs/calibration.md
	$(BIN)/econ calibrate default --out runs/calibration_default --force
	$(BIN)/python docs/make_calibration.py runs/calibration_default

clean: ## remove the environment and caches, keep results
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "econ needs Python 3.11 or newer; set PYTHON=python3.x" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

# The stamp is newer than what decides the installation; editing the code needs no new one.
$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e .
	@touch $@

$(VENV)/.installed-test: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[test]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[test,dev]'
	@touch $@ $(VENV)/.installed $(VENV)/.installed-test

$(VENV)/.installed-docs: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[docs]'
	@touch $@ $(VENV)/.installed
