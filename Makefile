# All commands of this project: `make help` lists them. Settings are environment variables (docs/configuration.md).
# PYTHON=… chooses the Python (3.11 or newer) for the virtual environment.

PYTHON ?=
# A stack of processes is started again and again, and without bytecode each start would compile all sources.
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
# Tools that inspect the dependencies have dependencies themselves, so they get an environment of their own.
TOOLS := .venv-tools
PY := $(VENV)/bin/python
# Test processes, each with servers of its own; one that is done takes over tests of the others. Without servers, one per
# core; with servers, three for two cores, because a test then waits for a third of its time.
AT_ONCE = --numprocesses $(1) --maxprocesses 4 --dist worksteal
WAITING := $$(($$(getconf _NPROCESSORS_ONLN) * 3 / 2))
# pytest ends with the total time; before that it lists the slowest tests.
TESTS := $(PY) -m pytest --durations=10
LOCK := $(PY) -m uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header $(LOCK_FLAGS)

# Runs a stage, and names it if it fails.
stage = @echo "== $(1)" && { $(2); } || { echo "make $@: '$(1)' failed" >&2; exit 1; }

define style
	$(call stage,lint,$(PY) -m ruff check .)
	$(call stage,format,$(PY) -m ruff format --check .)
endef

define structure
	$(call stage,types,$(PY) -m mypy .)
	$(call stage,imports,$(PY) $(VENV)/bin/lint-imports --no-logo)
endef

.PHONY: help run quick test test-whole release-before lint format check coverage demo bench screenshots readme-screenshots audit-verify access-report sbom vulnerabilities token secrets temporal-credentials backup restore rebuild-view lock clean tools FORCE

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { printf "make %-20s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/embedded.stamp ## run the whole service in the foreground: Temporal with its Web UI, a worker, the API and the console
	@exec $(PY) -m supervisor --end-with $$PPID

quick: $(VENV)/dev.stamp ## run every check, and the tests that start no server
	$(style)
	$(structure)
	$(call stage,quick tests,$(TESTS) $(call AT_ONCE,auto) -m "not server")

test: $(VENV)/dev.stamp release-before ## run every check, and all tests but the longest
	$(style)
	$(structure)
	$(call stage,tests,$(TESTS) $(call AT_ONCE,$(WAITING)))

test-whole: $(VENV)/dev.stamp ## run what has a long form: random tests, pages in every appearance, drills
	$(call stage,whole tests,$(TESTS) $(call AT_ONCE,$(WAITING)) --whole)

release-before: $(VENV)/dev.stamp ## prepare the previous release for drill-upgrade: its sources and dependencies, once
	@$(PY) -m harness.release_before

lint: $(VENV)/dev.stamp ## check style and find likely mistakes
	$(style)

format: $(VENV)/dev.stamp ## fix the style that can be fixed automatically
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

check: $(VENV)/dev.stamp ## check types, and which module may import which
	$(structure)

coverage: $(VENV)/dev.stamp ## run the tests and list the lines that no test reaches
	$(PY) -m coverage run -m pytest
	$(PY) -m coverage report

demo: $(VENV)/embedded.stamp ## walk through the scenario on the service that `make run` started; PACE=2 waits 2 s after each step
	@$(PY) -m ops.demo $(if $(PACE),--pace "$(PACE)")

bench: $(VENV)/dev.stamp ## measure the service; print tables and write JSON; ARGS=--record updates docs/benchmarks.md
	$(PY) -m bench $(ARGS)

drill-%: $(VENV)/dev.stamp ## run one resilience drill against a real service, such as make drill-waiting-orders
	@$(PY) -m drills $* $(ARGS)

screenshots: $(VENV)/dev.stamp ## take pictures of every page and state of the console: screenshots/index.html
	@$(PY) -m harness.screenshots

readme-screenshots: $(VENV)/dev.stamp ## take the pictures of the README again: docs/images
	@$(PY) -m harness.readme_pictures

token: $(VENV)/embedded.stamp ## print a token of the development issuer: ROLE=manager SUBJECT=kim [REGIONS="KR-11"] [SCOPE="…"] [ISSUER=secrets]
	@$(PY) -m ops.issue_token --role "$(ROLE)" $(if $(SUBJECT),--subject "$(SUBJECT)") $(if $(REGIONS),--regions "$(REGIONS)") \
	    $(if $(SCOPE),--scope "$(SCOPE)") $(if $(ISSUER),--issuer "$(ISSUER)")

secrets: $(VENV)/embedded.stamp ## generate random passwords for docker-compose.yml in secrets/; existing ones stay, the metrics token is renewed
	@PYTHON=$(PY) deploy/secrets.sh secrets

temporal-credentials: $(VENV)/embedded.stamp ## make or renew the certificates and tokens for a cluster's Temporal, in secrets/temporal
	@$(PY) -m ops.temporal_credentials secrets/temporal

audit-verify: $(VENV)/embedded.stamp ## verify that the audit is unchanged; HEAD=… is a head that was printed or logged earlier
	@$(PY) -m ops.audit_verify $(if $(HEAD),--head "$(HEAD)")

access-report: $(VENV)/embedded.stamp ## report who has read personal data in a month: MONTH=2026-11 (default: this month)
	@$(PY) -m ops.access_report $(MONTH)

backup: $(VENV)/embedded.stamp ## copy all data, also while the service runs: TO=directory (default: backups/ and the time)
	@$(PY) -m ops.backup take $(TO)

restore: $(VENV)/embedded.stamp ## restore a backup where no data exist, while nothing runs: FROM=directory
	@$(PY) -m ops.backup restore $(FROM)

rebuild-view: $(VENV)/embedded.stamp ## rebuild the managers' view from Temporal while the system runs; ARGS=--drop recreates its tables
	@$(PY) -m ops.rebuild_view $(ARGS)

sbom: tools ## write a bill of materials of the image: sbom.json (CycloneDX)
	@$(TOOLS)/bin/cyclonedx-py requirements requirements/service.txt --pyproject pyproject.toml \
	    --output-reproducible --output-format JSON --output-file sbom.json 2>/dev/null && echo sbom.json

vulnerabilities: tools ## list known vulnerabilities of the locked dependencies, according to PyPI
	@.ci/vulnerabilities $(TOOLS)/bin/pip-audit requirements/dev.txt

tools:
	@$(MAKE) --no-print-directory VENV=$(TOOLS) $(TOOLS)/tools.stamp

lock: $(VENV)/dev.stamp ## write requirements/*.txt from pyproject.toml; LOCK_FLAGS=--upgrade takes the newest versions
	$(LOCK) --extra embedded --extra dev pyproject.toml -o requirements/dev.txt
	$(LOCK) --extra embedded -c requirements/dev.txt --no-annotate pyproject.toml -o requirements/embedded.txt
	$(LOCK) -c requirements/dev.txt --no-annotate pyproject.toml -o requirements/service.txt
	$(LOCK) --no-annotate --group tools -o requirements/tools.txt

clean: ## remove the virtual environments, the previous release and caches; data (DATA_DIR) stay
	rm -rf .release-before
	git worktree prune 2>/dev/null || true
	rm -rf $(VENV) $(TOOLS) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is newer than its lock file once everything in the lock file is installed.
$(VENV)/%.stamp: requirements/%.txt $(VENV)/pyvenv.cfg
	@echo "Installing $<"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

# Recreated if its Python is gone, too.
$(VENV)/pyvenv.cfg: $(shell [ -x $(PY) ] || echo FORCE)
	@for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    "$$python" -m venv --clear $(VENV) && exit 0; \
	    rm -rf $(VENV); exit 1; \
	done; \
	echo "Python 3.11 or newer is needed$(if $(PYTHON),; $(PYTHON) is not,: install it or name it by PYTHON=…)" >&2; \
	exit 1
