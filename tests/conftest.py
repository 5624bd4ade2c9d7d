"""What every test may ask for."""

from collections.abc import Iterator

import pytest

from tests.servers import dev_server


@pytest.fixture(scope="session")
def temporal_address() -> Iterator[str]:
    """A real Temporal server, the same for the whole session; whoever starts an order on it also ends it."""
    with dev_server() as address:
        yield address
