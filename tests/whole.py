"""Tests with many examples: `make test` runs their quick form, `make test-whole` their whole form.

A test with the marker `multiplied` has both forms, with more examples in the whole one. A test with the marker `whole`
has only the whole form, because another test covers a part of it in `make test`. Both forms assert the same.
"""

from collections.abc import Iterable

import pytest

OPTION = "--whole"
TIMEOUT = 3600
"""Seconds for the whole form of a test: some take a quarter of an hour on a slow and busy machine."""
_whole: list[bool] = []


def configure(config: pytest.Config) -> None:
    """Store the requested form, before tests are imported."""
    _whole[:] = [bool(config.getoption(OPTION))]


def is_whole() -> bool:
    """Return whether only the whole forms are run."""
    return any(_whole)


def examples(quick: int, *, whole: int) -> int:
    """Return the number of examples for the current form."""
    return whole if is_whole() else quick


def select(items: Iterable[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Return the tests to run, and those of the other form. Whole forms are given more time."""
    chosen: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        only_whole = item.get_closest_marker("whole") is not None
        runs = only_whole or item.get_closest_marker("multiplied") is not None if is_whole() else not only_whole
        (chosen if runs else others).append(item)
        if runs and is_whole() and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIMEOUT))
    return chosen, others
