"""Marks the tests that start processes, which `make quick` leaves out.

A fixture that starts a process declares it (`starts_processes`). Each test that depends on such a fixture gets the
marker `server`. A test without that marker cannot start any process.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

SERVER = "server"
"""The name of the marker."""
_Fixture = TypeVar("_Fixture", bound=Callable[..., Any])
_STARTING = frozenset(
    {"subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"}
)

_starting: dict[str, Callable[[pytest.Item], bool]] = {}
"""Fixtures that start processes, by name, with the condition on the test."""
_forbidden_for: list[str] = []
"""The running test, if it may not start processes."""


class ProcessRefused(Exception):
    """A test without a fixture that starts processes has started a process or a server."""


def starts_processes(
    only_if: Callable[[pytest.Item], bool] = lambda _: True,
) -> Callable[[_Fixture], _Fixture]:
    """Declare that a fixture starts processes. Use it below `pytest.fixture`.

    Args:
        only_if: Whether it does so for a test that depends on it.
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
    """Run a test, and refuse its processes unless it has the marker."""
    if item.get_closest_marker(SERVER) is not None:
        yield
        return
    _forbidden_for.append(item.nodeid)
    try:
        yield
    finally:
        _forbidden_for.clear()


def check(what: str) -> None:
    """Refuse a process that Python's audit hooks do not report.

    Raises:
        ProcessRefused: the running test may not start processes.
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
    """Install the audit hook that checks every process. It stays until Python ends."""
    sys.addaudithook(_audit)
