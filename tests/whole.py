"""What multiplies: it has a quick form in `make test`, and its whole form is run by `make test-whole`.

A test with the marker `multiplied` is in both, with more examples in its whole form; one with the marker `whole` is in
the latter alone, for a part of it is another test in `make test`. Both forms assert the same.
"""

from collections.abc import Iterable

import pytest

OPTION = "--whole"
_whole: list[bool] = []


def configure(config: pytest.Config) -> None:
    """Note which form is asked for, before tests are imported."""
    _whole[:] = [bool(config.getoption(OPTION))]


def is_whole() -> bool:
    """Whether the whole forms are run, and nothing else."""
    return any(_whole)


def examples(quick: int, *, whole: int) -> int:
    """How many examples a test has, in each of its forms."""
    return whole if is_whole() else quick


def select(items: Iterable[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Returns the tests that are run, and those that are left to the other command."""
    chosen: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        only_whole = item.get_closest_marker("whole") is not None
        runs = only_whole or item.get_closest_marker("multiplied") is not None if is_whole() else not only_whole
        (chosen if runs else others).append(item)
    return chosen, others
