import pytest

from harness.browser import PROGRAM
from tests.databases import POSTGRESQL, kinds
from tests.drills.drilled import finds
from tests.programs import program

needs_a_database_server = pytest.mark.skipif(POSTGRESQL not in kinds(), reason="PostgreSQL is not installed")


@pytest.mark.whole
@needs_a_database_server
@pytest.mark.parametrize("name", ["management-center-down", "installation-down"])
def test_they_find_that_an_order_was_dropped_while_a_context_was_gone(name: str) -> None:
    assert finds(name, "dropped")


def test_it_finds_that_an_order_was_dropped_while_temporal_was_gone() -> None:
    assert finds("temporal-restart", "dropped")


@pytest.mark.whole
@needs_a_database_server
def test_it_finds_that_a_hung_store_holds_up_the_others() -> None:
    program("siege")
    assert finds("hung-store", "unguarded")


@pytest.mark.whole
def test_it_finds_that_an_open_board_forgets_what_it_has_seen() -> None:
    program(PROGRAM)
    assert finds("console", "forgetful")
