"""The service that the tests of this folder share."""

from collections.abc import Iterator

import pytest

from tests.end_to_end.system import System, system


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One for all tests: each puts right again what it has taken away."""
    with system(tmp_path_factory.mktemp("system")) as started:
        yield started
