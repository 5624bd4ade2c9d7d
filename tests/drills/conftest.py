import pytest


@pytest.fixture(autouse=True)
def running_drills(processes: None) -> None:
    """Allow processes, because a drill starts the whole service."""
