# Two commands do all the set-up: `make demo` and `make test`. Python 3.11 and make are all they need.
PYTHON ?= python3.11
# Processes that share the test files; each computes with two threads.
JOBS ?= 2
BIN := .venv/bin

.PHONY: demo test check format soak clean

demo: .venv/train
	$(BIN)/mc2sleepnet demo --out demo

test: check
	$(BIN)/pytest -n $(JOBS) --dist loadfile -m "not soak"

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

soak: .venv/dev
	$(BIN)/pytest -m soak

# Each layer of the installation leaves a stamp, so that nothing is installed twice.
.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/train: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e ".[train]"
	touch $@

.venv/dev: .venv/train
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e ".[train,dev]"
	touch $@

clean:
	rm -rf .venv demo build src/*.egg-info
