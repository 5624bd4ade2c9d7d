"""The example of docs/architecture.md adds a field that engineers see, in few files, and tests cover it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.processes import starts_processes

PROJECT = Path(__file__).parents[1]
EXAMPLE = PROJECT / "docs" / "examples" / "add-a-field.diff"
FIELD = "building_entrance"
AT_MOST = 6
"""Files, besides migrations, tests and documents."""
NOT_COUNTED = ("stores/migrations/", "tests/", "docs/")
TOUCHED = [line.removeprefix("+++ b/") for line in EXAMPLE.read_text().splitlines() if line.startswith("+++ ")]
ROUND_TRIPS = (
    "tests/domain/test_erasure.py",
    "tests/domain/test_installation.py",
    "tests/stores/test_order_rows.py",
    "tests/stores/test_installation_rows.py",
    "tests/stores/test_migration.py::test_the_migrations_make_the_tables_that_the_models_describe",
    "tests/api/test_order_fields.py",
    "tests/api/test_installation_fields.py",
)
COVERS = (
    f"test_no_field_is_as_by_default_or_like_another[{FIELD}] PASSED",
    f"test_each_field_of_a_request_is_read_as_it_was_stored[sqlite-{FIELD}] PASSED",
)


@pytest.fixture(scope="module")
@starts_processes()
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources and their tests, with the example applied."""
    copy = tmp_path_factory.mktemp("copy")
    packages = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
    for package in (*packages, "tests"):
        shutil.copytree(PROJECT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__", "histories"))
    for file in ("worker.py", "pyproject.toml"):
        shutil.copy(PROJECT / file, copy)
    patch(copy)
    return copy


def patch(copy: Path, *options: str) -> None:
    # Within a repository, git would look for the files from its top.
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(copy.parent)}
    command = ["git", "apply", *options, str(EXAMPLE)]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"make {EXAMPLE.name} anew, for the code has changed where it adds: {done.stderr}"


def run(copy: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "not server", *options, *ROUND_TRIPS]
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=300)


def test_it_touches_few_files_and_the_document_names_them() -> None:
    counted = [path for path in TOUCHED if not path.startswith(NOT_COUNTED)]
    document = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    [section] = re.findall(r"^### Adding a field$(.*?)^## ", document, re.MULTILINE | re.DOTALL)

    assert 0 < len(counted) <= AT_MOST
    assert sorted(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)) == sorted(counted)


def test_the_tests_over_all_fields_then_cover_it(copy: Path) -> None:
    done = run(copy, "-v")

    assert done.returncode == 0, done.stdout
    assert [line for line in COVERS if line not in done.stdout] == []


@pytest.mark.whole
@pytest.mark.parametrize("path", TOUCHED)
def test_they_fail_without_any_of_its_files(copy: Path, path: str) -> None:
    patch(copy, "--reverse", f"--include={path}")
    try:
        done = run(copy, "-x", "-q")
        assert done.returncode == 1, done.stdout
    finally:
        patch(copy, f"--include={path}")
