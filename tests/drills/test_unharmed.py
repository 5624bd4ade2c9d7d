"""The drills pass without a planted fault. Other tests check that each drill finds its planted faults."""

import pytest

from harness.browser import PROGRAM
from harness.programs import find
from tests.databases import POSTGRESQL, kinds
from tests.drills.drilled import passes

needs_a_database_server = pytest.mark.skipif(POSTGRESQL not in kinds(), reason="PostgreSQL is not installed")
needs_a_browser = pytest.mark.skipif(find(PROGRAM) is None, reason=f"{PROGRAM} is not installed")


@pytest.mark.whole
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("management-center-down", marks=needs_a_database_server),
        pytest.param("installation-down", marks=needs_a_database_server),
        pytest.param("console", marks=needs_a_browser),
        *("temporal-restart", "backup-restore", "view-lost", "scale-out", "waiting-orders", "attack", "soak"),
    ],
)
def test_a_drill_passes(name: str) -> None:
    assert passes(name)
