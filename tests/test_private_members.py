"""The code uses no private member of a library, because it may change with any release without notice."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
FILES = [
    file
    for found in sorted(PROJECT.iterdir())
    if not found.name.startswith(".") and found.name != "tests"
    for file in ([found] if found.suffix == ".py" else sorted(found.rglob("*.py")))
]
DOCUMENTED = {"_asdict", "_mapping", "_exit", "_missing_", "_name_", "_value_"}
"""Documented members of SQLAlchemy's rows (other names are columns), of `os`, and of `enum`."""
PLANTED = {"drills/unguarded.py": {"_turns"}}
"""Private members of own classes, used by a drill that removes a safeguard."""


def private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def of_itself(node: ast.AST) -> str | None:
    """Return the private name in `self._name` or `cls._name`, or None."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
        return node.attr if private(node.attr) else None
    return None


def own_names(tree: ast.AST) -> set[str]:
    """Return the private names that a file defines."""
    defined = {name for node in ast.walk(tree) if (name := of_itself(node))}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            defined.add(node.target.id)
    return defined


def strangers(tree: ast.AST) -> Iterator[str]:
    """Yield the private names that a file uses, but does not define."""
    own = own_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and private(node.attr) and not of_itself(node) and node.attr not in own:
            yield node.attr
        elif isinstance(node, ast.Import):
            yield from (part for alias in node.names for part in alias.name.split(".") if private(part))
        elif isinstance(node, ast.ImportFrom):
            parts = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            yield from (part for part in parts if private(part))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.endswith("attr"):
            named = (argument.value for argument in node.args[1:2] if isinstance(argument, ast.Constant))
            yield from (name for name in named if isinstance(name, str) and private(name) and name not in own)


def test_no_private_member_of_another_object_is_used() -> None:
    used = {
        f"{named}: {name}"
        for file in FILES
        for named in [str(file.relative_to(PROJECT))]
        for name in set(strangers(ast.parse(file.read_bytes()))) - DOCUMENTED - PLANTED.get(named, set())
    }
    assert not used


@cache
def private_names(cls: type) -> frozenset[str]:
    """Return the private names that a class's source uses on its own objects, or defines."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError):  # of no file
        return frozenset()
    return frozenset(
        name for name in {of_itself(node) for node in ast.walk(tree)} | own_names(tree) if name and private(name)
    )


def classes() -> Iterator[type]:
    for file in FILES:
        name = ".".join(file.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")
        if "migrations" in name or name.endswith("__main__"):
            continue
        module = import_module(name)
        yield from (found for found in vars(module).values() if inspect.isclass(found) and found.__module__ == name)


def test_no_class_shares_a_private_name_with_a_base_of_another_library() -> None:
    ours = {file.relative_to(PROJECT).parts[0].removesuffix(".py") for file in FILES}
    shared = {
        f"{cls.__module__}.{cls.__qualname__}: {base.__module__}.{base.__qualname__}.{name}"
        for cls in classes()
        for base in cls.__mro__[1:]
        if base.__module__.partition(".")[0] not in ours
        for name in (private_names(cls) & private_names(base)) - DOCUMENTED
    }
    assert not shared


@pytest.mark.parametrize(
    "source",
    [
        "connection._thread.daemon = True",
        "getattr(connection, '_thread')",
        "from aiosqlite._core import Connection",
        "import aiosqlite._core",
        "from aiosqlite.core import _connect",
    ],
)
def test_the_check_finds_one(source: str) -> None:
    assert list(strangers(ast.parse(source)))


def test_the_check_finds_one_that_is_inherited() -> None:
    class Base:
        _name = 1

        def read(self) -> int:
            return self._name

    class Derived(Base):
        def twice(self) -> int:
            return 2 * self._name

    assert private_names(Derived) & private_names(Base) == {"_name"}
