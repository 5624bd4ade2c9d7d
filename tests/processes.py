"""Which tests start processes: those that ask for a fixture that does. `make quick` leaves them out.

Nobody keeps a list: a fixture that starts something says so (`starts_processes`), each test that depends on it gets the
marker `server`, and a test without that marker cannot start any process.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

SERVER = "server"
"""The marker."""
_Fixture = TypeVar("_Fixture", bound=Callable[..., Any])
_STARTING = frozenset(
    {"subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"}
)

_starting: dict[str, Callable[[pytest.Item], bool]] = {}
"""Fixtures that start processes, by name, and for which tests."""
_forbidden_for: list[str] = []
"""The test that runs, where it may start nothing."""


class ProcessRefused(Exception):
    """A test has started a process, or a server, that does not depend on a fixture that starts processes."""


def starts_processes(
    only_if: Callable[[pytest.Item], bool] = lambda _: True,
) -> Callable[[_Fixture], _Fixture]:
    """Say of a fixture that it starts processes; to be used below `pytest.fixture`.

    Args:
        only_if: For which of the tests that depend on it.
    """

    def register(fixture: _Fixture) -> _Fixture:
        _starting[fixture.__name__] = only_if
        return fixture

    return register


def mark(items: Iterable[pytest.Item]) -> None:
    """Give the marker to each test that starts processes."""
    for item in items:
        if any(_starting[name](item) for name in _starting.keys() & set(getattr(item, "fixturenames", ()))):
            item.add_marker(SERVER)


@contextmanager
def guarding(item: pytest.Item) -> Iterator[None]:
    """While a test runs, with its fixtures: it starts nothing unless it has the marker."""
    if item.get_closest_marker(SERVER) is not None:
        yield
        return
    _forbidden_for.append(item.nodeid)
    try:
        yield
    finally:
        _forbidden_for.clear()


def check(what: str) -> None:
    """For what starts a process that Python does not see.

    Raises:
        ProcessRefused: the test that runs may start none.
    """
    if _forbidden_for:
        raise ProcessRefused(
            f"{_forbidden_for[-1]} starts {what}: let it depend on a fixture that says so (tests.processes), if only"
            " on `processes`"
        )


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _STARTING:
        check(f"a process ({event}: {arguments[0] if arguments else ''})")


def install() -> None:
    """Have Python report every process that is started, for as long as it runs."""
    sys.addaudithook(_audit)
