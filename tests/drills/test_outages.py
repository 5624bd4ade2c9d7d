import pytest

from tests.databases import POSTGRESQL, kinds
from tests.drills.drilled import finds

pytestmark = pytest.mark.skipif(POSTGRESQL not in kinds(), reason="a database server is taken away")


@pytest.mark.parametrize("name", ["management-center-down", "installation-down"])
def test_they_find_that_an_order_was_dropped(name: str) -> None:
    assert finds(name, "dropped")
