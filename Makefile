# Everything that is done with this project. Settings come from the environment (docs/configuration.md).
# PYTHON=… chooses the Python (3.11 or newer) that the virtual environment is made with.

PYTHON ?=
VENV := .venv
# What looks at the dependencies has others itself, and so a place of its own.
TOOLS := .venv-tools
PY := $(VENV)/bin/python
# Tests in as many processes as there are cores, each with servers of its own; who has done its share takes of the others'.
AT_ONCE := --numprocesses auto --maxprocesses 4 --dist worksteal
# pytest ends with how long it took; before that, what took longest.
TESTS := $(PY) -m pytest --durations=10
LOCK := $(PY) -m uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header $(LOCK_FLAGS)

# Runs a stage and, where it fails, says which it was.
stage = @echo "== $(1)" && { $(2); } || { echo "make $@: '$(1)' failed" >&2; exit 1; }

define style
	$(call stage,lint,$(PY) -m ruff check .)
	$(call stage,format,$(PY) -m ruff format --check .)
endef

define structure
	$(call stage,types,$(PY) -m mypy .)
	$(call stage,imports,$(PY) $(VENV)/bin/lint-imports --no-logo)
endef

.PHONY: help run quick test test-whole release-before lint format check coverage demo bench audit-verify sbom vulnerabilities token secrets backup restore rebuild-view lock clean tools FORCE

help: ## this list
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/embedded.stamp ## the whole service in the foreground: Temporal with its Web UI, a worker, the API
	@exec $(PY) -m supervisor --end-with $$PPID

quick: $(VENV)/dev.stamp ## every check, and the tests that start no server: while one works
	$(style)
	$(structure)
	$(call stage,quick tests,$(TESTS) $(AT_ONCE) -m "not server")

test: $(VENV)/dev.stamp release-before ## every check and test
	$(style)
	$(structure)
	$(call stage,tests,$(TESTS) $(AT_ONCE))

test-whole: $(VENV)/dev.stamp ## what multiplies, in its whole form: the random tests with many more examples
	$(call stage,whole tests,$(TESTS) $(AT_ONCE) --whole)

release-before: $(VENV)/dev.stamp ## what drill-upgrade runs beside this release: its sources and their dependencies, made once
	@$(PY) -m harness.release_before

lint: $(VENV)/dev.stamp ## style and likely mistakes
	$(style)

format: $(VENV)/dev.stamp ## put right what can be put right by itself
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

check: $(VENV)/dev.stamp ## types, and who may import whom
	$(structure)

coverage: $(VENV)/dev.stamp ## the tests, and the lines that none of them reaches
	$(PY) -m coverage run -m pytest
	$(PY) -m coverage report

demo: $(VENV)/embedded.stamp ## walk the scenario against what `make run` started
	@$(PY) -m ops.demo

bench: $(VENV)/dev.stamp ## measure; prints a table and writes JSON
	$(PY) -m bench $(ARGS)

drill-%: $(VENV)/dev.stamp ## what the service promises, tried on the running thing: make drill-waiting-orders
	@$(PY) -m drills $* $(ARGS)

token: $(VENV)/embedded.stamp ## a token of the local issuer: ROLE=manager SUBJECT=kim [REGIONS="KR-11"] [SCOPE="…"] [ISSUER=secrets]
	@$(PY) -m ops.issue_token --role "$(ROLE)" $(if $(SUBJECT),--subject "$(SUBJECT)") $(if $(REGIONS),--regions "$(REGIONS)") \
	    $(if $(SCOPE),--scope "$(SCOPE)") $(if $(ISSUER),--issuer "$(ISSUER)")

secrets: $(VENV)/embedded.stamp ## passwords for docker-compose.yml, made at random in secrets/; those that are there stay
	@PYTHON=$(PY) deploy/secrets.sh secrets

audit-verify: $(VENV)/embedded.stamp ## whether the audit is as it was written; HEAD=… that was printed or logged earlier
	@$(PY) -m ops.audit_verify $(if $(HEAD),--head "$(HEAD)")

backup: $(VENV)/embedded.stamp ## a copy of all data, also while it runs: TO=directory (by default backups/ and the time)
	@$(PY) -m ops.backup take $(TO)

restore: $(VENV)/embedded.stamp ## FROM=directory: put a backup where no data are, while nothing runs
	@$(PY) -m ops.backup restore $(FROM)

rebuild-view: $(VENV)/embedded.stamp ## the managers' view again from Temporal, while the system runs; ARGS=--drop where its tables are lost
	@$(PY) -m ops.rebuild_view $(ARGS)

sbom: tools ## a bill of materials of what the image is made of: sbom.json (CycloneDX)
	@$(TOOLS)/bin/cyclonedx-py requirements requirements/service.txt --pyproject pyproject.toml \
	    --output-reproducible --output-format JSON --output-file sbom.json 2>/dev/null && echo sbom.json

vulnerabilities: tools ## known vulnerabilities of what is locked, as PyPI tells of them
	@.ci/vulnerabilities $(TOOLS)/bin/pip-audit requirements/dev.txt

tools:
	@$(MAKE) --no-print-directory VENV=$(TOOLS) $(TOOLS)/tools.stamp

lock: $(VENV)/dev.stamp ## requirements/*.txt from pyproject.toml; LOCK_FLAGS=--upgrade takes the newest versions
	$(LOCK) --extra embedded --extra dev pyproject.toml -o requirements/dev.txt
	$(LOCK) --extra embedded -c requirements/dev.txt --no-annotate pyproject.toml -o requirements/embedded.txt
	$(LOCK) -c requirements/dev.txt --no-annotate pyproject.toml -o requirements/service.txt
	$(LOCK) --no-annotate --group tools -o requirements/tools.txt

clean: ## remove the virtual environment, the release before and caches; data (DATA_DIR) stays
	rm -rf .release-before
	git worktree prune 2>/dev/null || true
	rm -rf $(VENV) $(TOOLS) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is newer than its lock file once everything in that is installed.
$(VENV)/%.stamp: requirements/%.txt $(VENV)/pyvenv.cfg
	@echo "Installing $<"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

# Made anew where its Python is gone, too.
$(VENV)/pyvenv.cfg: $(shell [ -x $(PY) ] || echo FORCE)
	@for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    "$$python" -m venv --clear $(VENV) && exit 0; \
	    rm -rf $(VENV); exit 1; \
	done; \
	echo "Python 3.11 or newer is needed$(if $(PYTHON),; $(PYTHON) is not,: install it or name it by PYTHON=…)" >&2; \
	exit 1
