# `make` or `make help` lists the targets: the text after ## is their documentation.
PYTHON ?= python3
BIN    := .venv/bin
PYTEST := $(BIN)/python -m pytest
BENCH  ?= benchmarks/budgets.py

.DEFAULT_GOAL := help
MAKEFLAGS     += --no-print-directory
.NOTPARALLEL:
.PHONY: help setup demo test latex check format generate golden fuzz lock bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: ## make .venv from requirements.lock (skipped while nothing changed; PYTHON=... picks the interpreter)
	@PYTHON='$(PYTHON)' bash tools/setup.sh

demo: setup ## the whole way: solve the first program, make a model, probe this machine, validate
	@bash tools/demo.sh

test: check ## format, lint and type checks, then all tests, on all cores
	@echo '--- pytest'
	@$(PYTEST) -n auto --dist loadfile

latex: setup ## export every spec and example, and compile it with pdflatex: no warning is let through
	@$(BIN)/python tools/latex.py

check: setup ## format, lint and type checks only
	@echo '--- ruff format --check'
	@$(BIN)/ruff format --check .
	@echo '--- ruff check'
	@$(BIN)/ruff check .
	@echo '--- mypy'
	@$(BIN)/mypy

format: setup ## format the Python code, and fix what the linter can fix safely
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

generate: setup ## write the generated files anew: parser table, parsed library, JSON schema
	@$(BIN)/python -m perfdsl.syntax.generate
	@$(BIN)/python -m perfdsl.present.document

golden: setup ## write the expected outputs of the tests anew (read the diff before you commit it)
	@$(PYTEST) --update-golden

fuzz: setup ## random programs and slips, many more than `make test` tries (some minutes)
	@$(PYTEST) -m fuzz --hypothesis-profile=fuzz

bench: setup ## time the tool against its budgets (BENCH=... picks the script)
	@test -f '$(BENCH)' || { echo 'bench: there is no $(BENCH) yet' >&2; exit 1; }
	@$(BIN)/python '$(BENCH)'

lock: ## resolve requirements.lock anew from pyproject.toml (needs uv on the PATH)
	@command -v uv >/dev/null || { echo 'lock: uv is missing; install it outside .venv' >&2; exit 1; }
	@uv pip compile pyproject.toml --all-extras --generate-hashes --universal --python-version 3.11 \
	  --no-header --no-annotate --quiet -o requirements.lock

clean: ## remove .venv, caches and build results
	@rm -rf .venv build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .coverage htmlcov
	@find perfdsl tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
	@echo 'clean: done'
