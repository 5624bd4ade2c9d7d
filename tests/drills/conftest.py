import pytest


@pytest.fixture(autouse=True)
def running_drills(processes: None) -> None:
    """A drill starts the whole service."""
