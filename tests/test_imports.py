"""Import rules that say what is allowed; import-linter (pyproject.toml) has those that say what is not.

Modules that are no package, such as `worker`, are unknown to import-linter.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
CONTEXTS = ("management_center", "installation", "order_status")

MAY_IMPORT = {
    "domain": {"domain"},
    "workflows": {"workflows", "domain", "temporalio"},
    "supervisor": {"supervisor", "settings", "payload_keys", "domain"},
    "run.py": {"supervisor", "settings", "pydantic"},
    "settings.py": {"domain", "payload_keys", "pydantic", "pydantic_settings"},
    "payload_keys.py": set(),
    "payload_codec.py": {"payload_keys", "workflows", "temporalio", "cryptography"},
    "temporal_client.py": {"settings", "payload_codec", "payload_keys", "workflows", "domain", "temporalio", "google"},
}
"""Beside the standard library."""


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports, those within functions too."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} has a relative import"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files(place: str) -> list[Path]:
    """A file, or all in a folder."""
    found = sorted((PROJECT / place).rglob("*.py")) if (PROJECT / place).is_dir() else [PROJECT / place]
    assert found
    return found


@pytest.mark.parametrize("place", MAY_IMPORT)
def test_these_import_nothing_else(place: str) -> None:
    allowed = MAY_IMPORT[place] | sys.stdlib_module_names
    wrong = {(path.name, name) for path in files(place) for name in imports(path) if name.split(".")[0] not in allowed}
    assert not wrong


def test_a_worker_knows_nothing_of_the_api() -> None:
    assert not [name for name in imports(PROJECT / "worker.py") if name.split(".")[0] == "api"]


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_context_reaches_into_no_other_context(context: str) -> None:
    others = {other for other in CONTEXTS if other != context}
    own_files = [path for layer in ("api", "activities", "stores") for path in files(layer) if path.stem == context]
    wrong = {
        (str(path.relative_to(PROJECT)), name)
        for path in own_files
        for name in imports(path)
        if name.split(".")[0] in ("activities", "stores") and others.intersection(name.split("."))
    }
    assert own_files
    assert not wrong
