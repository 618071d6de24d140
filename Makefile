# Every target does its own set-up: the virtual environment is made once and again only when pyproject.toml or
# constraints.txt change. PYTHON=… chooses another interpreter, which gets an environment of its own beside the usual one.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

enough  := import sys; sys.exit(sys.version_info < (3, 11))
version := import sys; print("%d.%d" % sys.version_info[:2])

ifdef PYTHON
candidates := $(PYTHON)
venv := .venv-$(shell $(PYTHON) -c '$(version)' 2>/dev/null)
else
candidates := python3 python3.13 python3.12 python3.11
venv := .venv
endif
python := $(venv)/bin/python
ready  := $(venv)/.installed
spark  := $(venv)/.installed-spark
aws    := .venv-aws/.installed
lookers := .venv-checkov/.installed .venv-sam/.installed

# An environment whose Python has gone (an upgrade of the system does that) is made anew.
ifeq ($(shell test -x $(python) || echo gone),gone)
.PHONY: $(ready)
endif
ifeq ($(shell test -x .venv-aws/bin/python || echo gone),gone)
.PHONY: $(aws)
endif

.PHONY: help
help: ## list the targets
	@echo 'make TARGET [PYTHON=python3.12]'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' Makefile

.PHONY: demo
demo: $(ready) ## a sample day from end to end: files arrive, gate, join, publish, report
	@$(venv)/bin/posicional demo

.PHONY: demo-trouble
demo-trouble: $(ready) ## the same on a day that goes wrong: late, refused, an alarm at noon, a correction
	@$(venv)/bin/posicional demo --trouble

.PHONY: test
test: $(ready) ## all tests but the slow suites
	@$(python) -m pytest -n 2

.PHONY: test-slow
test-slow: $(spark) ## the slow suites (those of Spark need a Java 17)
	@$(python) -m pytest -n 2 --dist loadgroup -m slow

.PHONY: test-aws
test-aws: $(spark) $(aws) $(lookers) ## deploy the real template to an emulator of AWS and drive it (needs a Java 17)
	@$(python) -m pytest -m aws tests/aws

.PHONY: smoke-aws
smoke-aws: $(ready) ## the same day in your own account, in a stack of its own that is removed afterwards (costs some cents)
	@$(python) deploy/smoke.py

.PHONY: bench
bench: $(ready) ## measure reading and sending beside what else can do it, and the board over five years
	@$(python) -m bench.run
	@$(python) -m bench.publish
	@$(python) -m bench.board

.PHONY: bench-engines
bench-engines: $(spark) ## measure datasets and conversion on DuckDB and Spark (ARGS='--contracts 200000': a quick look)
	@$(python) -m bench.engines $(ARGS)

.PHONY: pictures
pictures: $(ready) ## take the documentation's pictures of the board anew (needs Chromium)
	@POSICIONAL_PICTURES='$(CURDIR)/docs/pictures' $(python) -m pytest -m slow tests/test_board_browser.py -k pictures

.PHONY: check
check: $(ready) ## lint, format, types, and the direction of imports
	$(venv)/bin/ruff check
	$(venv)/bin/ruff format --check
	$(venv)/bin/mypy
	$(venv)/bin/lint-imports --no-logo

.PHONY: clean
clean: ## remove everything that was made here, the virtual environments included
	rm -rf .venv .venv-* dist build posicional-demo
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .benchmarks
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp comes last, so that an installation which failed midway is done again.
$(ready): pyproject.toml constraints.txt
	@found=; for candidate in $(candidates); do \
	  if "$$candidate" -c '$(enough)' 2>/dev/null; then found=$$candidate; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "posicional needs Python 3.11 or newer; tried $(candidates). Name one: make PYTHON=/path/to/python3.12" >&2; \
	  exit 1; \
	fi; \
	echo "installing into $(venv) (once, about a minute) …"; \
	if ! $(python) -c '$(enough)' 2>/dev/null && ! "$$found" -m venv --clear $(venv); then \
	  echo "$$found cannot make a virtual environment (on Debian and Ubuntu: apt-get install python3-venv)" >&2; \
	  exit 1; \
	fi
	@$(python) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

# Spark is large (300 MB, and a minute to install), and only the slow suites need it.
$(spark): $(ready)
	@echo "installing Spark into $(venv) (once) …"
	@$(python) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,spark]'
	@touch $@

# The emulator of AWS runs Lambdas with its own Python, which has to be the one that their zip is packed for.
$(aws): constraints-aws.txt | $(ready)
	@found=$$($(python) tests/aws/lambda_python.py) || exit 1; \
	echo "installing the emulator of AWS into .venv-aws with $$found (once, about a minute) …"; \
	"$$found" -m venv --clear .venv-aws
	@.venv-aws/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints-aws.txt \
	  ministack aws-sam-translator boto3
	@touch $@

# Who looks at the template beside the emulator: they pin other versions than it does, and than one another.
.venv-checkov/.installed: package := checkov
.venv-sam/.installed: package := aws-sam-cli
$(lookers): .venv-%/.installed: constraints-%.txt | $(ready)
	@echo "installing $(package) into .venv-$* (once, about a minute) …"
	@$(python) -m venv --clear .venv-$*
	@.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --constraint $< $(package)
	@touch $@
