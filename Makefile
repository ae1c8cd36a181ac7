# Everything begins with `setup`, which is quick when there is nothing to do. PYTHON=... chooses the Python.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup tools demo test soak lint format types docs bench clean

BIN := .venv/bin
# A missing engine has to fail the tests, not to skip them; a missing browser where set-up may install one.
PYTEST := LATM_REQUIRE_DOCKER=1 $(if $(CI),LATM_REQUIRE_BROWSER=1) $(BIN)/pytest

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 9

setup: ## make .venv, install latm and its tools, find or start a Docker engine
	@./scripts/setup.sh $(SETUP)

tools: # the same without the engine, for what runs no cells
	@./scripts/setup.sh --without-engine

demo: setup ## run the demo; ARGS="--maker openai:..." passes options on
	@$(BIN)/latm demo $(ARGS)

test soak: SETUP := --for-tests
test: setup lint types ## run every check and test but the soak
	$(PYTEST) -m "not serial and not soak" -n auto --dist worksteal
	@# 5 says that no test is in the group.
	$(PYTEST) -m "serial and not soak" -n 0 tests/integration || [ $$? -eq 5 ]

soak: setup ## run the long drills in full, and properties on more examples
	$(PYTEST) -m soak -n 0 --timeout 0
	$(PYTEST) -m "hypothesis and not serial and not soak" -n auto --dist worksteal --timeout 0 --hypothesis-profile soak

lint: tools ## check style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: tools ## mend style and format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: tools ## check types, by two checkers
	$(BIN)/basedpyright & $(BIN)/mypy; mypy=$$?; wait $$! && exit $$mypy

docs: tools ## build the documentation into build/site, strictly, and check its links and code
	$(BIN)/zensical build --strict
	$(BIN)/pytest tests/unit/repo/test_docs*.py

bench: setup ## run the benchmarks, beside peers that it installs
	@$(BIN)/python -m pip install --quiet --group bench
	@for bench in tests/bench/*.py; do echo "== $$bench" && $(BIN)/python $$bench || exit 1; done

clean: ## remove .venv, caches, and the stopped cells and images of latm
	@if [ -x $(BIN)/python ]; then $(BIN)/python scripts/clean_docker.py; fi
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage* build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
