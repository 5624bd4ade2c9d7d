"""Who may import whom: import-linter (pyproject.toml) has the rules, and sees every module of ours."""

import ast
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.common import contexts

PROJECT = Path(__file__).parents[1]
_LINTER = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]
CHECKED: list[str] = _LINTER["root_packages"]
CONTRACTS: list[dict[str, str]] = _LINTER["contracts"]

MAY_IMPORT = {
    "domain": {"domain"},
    "workflows": {"workflows", "domain", "temporalio"},
    "supervisor": {"supervisor", "runtime", "domain", "pydantic"},
}
"""Beside the standard library."""

PLANTED = {
    "domain/orders.py": ["stores.common.paging", "temporalio.client", "domain.order_status.view"],
    "workflows/orders/subscription.py": [
        "activities.installation",
        "runtime.settings",
        "workflows.order_status.erasure",
    ],
    "workflows/common/retries.py": ["workflows.orders.subscription", "sqlmodel"],
    "activities/installation.py": ["workflows.orders.subscription", "stores.order_status.view", "api.app"],
    "activities/order_status/erasure.py": ["activities.management_center", "stores.installation.tables"],
    "stores/installation/installations.py": ["stores.management_center.areas", "activities.installation"],
    "stores/common/database.py": ["stores.audit.tables", "stores.migration"],
    "runtime/payload_codec.py": ["workflows.common.retries", "observability.health", "fastapi"],
    "observability/health.py": ["stores.common.database"],
    "supervisor/service.py": ["api.app", "workflows.common.retries"],
    "api/http/errors.py": ["api.security.tokens", "ops.backup"],
    "api/security/tokens.py": ["api.orders.routes"],
    "api/app.py": ["console.app"],
    "runtime/settings.py": ["console.settings"],
    "console/app.py": ["api.app", "stores.common.database", "workflows.common.retries", "runtime.temporal_client"],
    "console/roles.py": ["console.app"],
    "ops/probe.py": ["harness.stack", "bench.turns"],
}
"""Imports that the check has to refuse: one of each kind, at least."""


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports, those within functions too."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} has a relative import"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_these_import_nothing_else(package: str) -> None:
    allowed = MAY_IMPORT[package] | sys.stdlib_module_names
    files = sorted((PROJECT / package).rglob("*.py"))
    assert files
    assert not {(path.name, name) for path in files for name in imports(path) if name.split(".")[0] not in allowed}


def test_every_module_of_ours_is_in_a_checked_package() -> None:
    packages = {path.parent.name for path in PROJECT.glob("*/__init__.py")} - {"tests"}

    assert [path.name for path in PROJECT.glob("*.py")] == ["worker.py"]
    assert packages == set(CHECKED)
    loose = [path for package in CHECKED for path in (PROJECT / package).rglob("*.py") if not _in_packages(path)]
    assert not loose, "without an __init__.py beside them, the check does not see them"


def test_every_context_with_a_store_has_a_contract_of_its_own() -> None:
    assert contexts.STORES.keys() <= {contract["id"] for contract in CONTRACTS}


def test_a_worker_knows_nothing_of_the_api() -> None:
    assert not [name for name in imports(PROJECT / "worker.py") if name.split(".")[0] == "api"]


@pytest.mark.usefixtures("processes")
def test_each_kind_of_forbidden_import_is_refused(tmp_path: Path) -> None:
    for package in CHECKED:
        shutil.copytree(PROJECT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    clean = _check(tmp_path)
    assert clean.returncode == 0, clean.stdout
    missed = []
    for file, modules in PLANTED.items():
        for module in modules:
            original = (tmp_path / file).read_text(encoding="utf-8")
            (tmp_path / file).write_text(f"{original}\nimport {module}\n", encoding="utf-8")
            if _check(tmp_path).returncode != 1:
                missed.append((file, module))
            (tmp_path / file).write_text(original, encoding="utf-8")
    assert not missed


def _in_packages(path: Path) -> bool:
    folders = path.relative_to(PROJECT).parents
    return all((PROJECT / folder / "__init__.py").exists() for folder in folders if folder.name)


def _check(project: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(Path(sys.executable).with_name("lint-imports")), "--no-logo"]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=300)
