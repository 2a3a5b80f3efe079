# One command, the same here and in CI: `make check`.
VENV ?= .venv-dev
PYTHON ?= $(VENV)/bin/python

.PHONY: check format lint types test coverage pages bench clean

check: format lint types test

$(VENV)/bin/python:
	python3 -m venv $(VENV)
	$(VENV)/bin/python -m pip install -q -e '.[dev]'

format: $(PYTHON)
	$(PYTHON) -m ruff format --check .

lint: $(PYTHON)
	$(PYTHON) -m ruff check .

types: $(PYTHON)
	$(PYTHON) -m mypy

test: $(PYTHON)
	$(PYTHON) -m pytest

# The parts that are pure functions of facts: at least 95 % of their lines, by the tests that start no process.
PURE_TESTS = tests/test_bundle.py tests/test_cases.py tests/test_contract.py tests/test_demands.py tests/test_layers.py \
  tests/test_machines.py tests/test_plan.py tests/explain tests/project tests/raspberry/test_machines.py \
  tests/raspberry/test_pi_os.py tests/raspberry/test_pi_wheels.py tests/wheels

coverage: $(PYTHON)
	$(PYTHON) -m coverage run -m pytest -q -m "not slow" $(PURE_TESTS)
	$(PYTHON) -m coverage report

# What is made from the code: pages, help, shown output, screens, the stated form of facts.
pages: $(PYTHON)
	$(PYTHON) scripts/make_pages.py
	$(PYTHON) scripts/make_shown.py
	$(PYTHON) scripts/make_screens.py
	$(PYTHON) scripts/make_schema.py

bench: $(PYTHON)
	$(PYTHON) benchmarks/run.py

clean:
	rm -rf build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis .coverage
